// A word in Latin letters: as it is written, and as it sounds.

import { crc32, readNumbers, readRows } from "./search-files.js";
import { PAGE_SIZE, matches, unique } from "./search-lines.js";
import { both, from, running } from "./search-numbers.js";
import { keysOf } from "./search-pinyin.js";

const AT_ONCE = 4; // windows of the lists read together

const readSounds = async (answer) => new Map((await readRows(answer)).map(([key, total, gaps, list]) => {
  const [number, bits] = list?.split(".").map(Number) ?? [null, 0];
  return [key, { total: Number(total), gaps, number, bits }];
}));

export async function bySound(base, query, page, signal) {
  const groups = keysOf(query.sounds.get(query.words[0]));
  const [direct, ...listed] = await Promise.all([
    base.byWords({ ...query, sounds: undefined }, page, signal), ...groups.map((keys) => readGroup(base, keys, signal)),
  ]);
  const { replaced, newer, fresh } = await query.changes;
  const open = listed.filter((group) => !group.isWhole);
  const horizon = Math.min(...open.map((group) => group.horizon)); // up to here the newest that are listed are all
  const every = [...new Set(listed.flatMap((group) => group.docs))].sort((a, b) => a - b);
  const docs = every.filter((doc) => doc <= horizon && !replaced.has(doc));
  if (listed.every((group) => group.rows.some(({ total }) => total === 0))) return direct;
  const isExact = listed.length === 1 && groups[0].length === 1 && direct.total === 0 && query.filters.length === 0;
  if (isExact && docs.length > PAGE_SIZE) {
    const begin = (page - 1) * PAGE_SIZE;
    const leading = newer.slice(begin, begin + PAGE_SIZE);
    const after = Math.max(0, begin - newer.length);
    const lines = await base.linesAt(docs.slice(after, after + PAGE_SIZE - leading.length), signal);
    const total = listed[0].rows[0].total + fresh.length;
    return { lines: [...leading, ...lines], total, counts: null, whole: false, paged: true };
  }
  // The lists may name more than sounds so: the lines tell. Of many, enough for this page are read, newest first.
  const lines = [];
  const wanted = page * PAGE_SIZE;
  let isRead = await readLines(base, docs, query, wanted, lines, signal);
  if (isRead && open.length > 0) {
    for await (const more of further(base, listed, horizon, signal)) {
      isRead = lines.length < wanted
        && await readLines(base, more.filter((doc) => !replaced.has(doc)), query, wanted, lines, signal);
      if (!isRead) break;
    }
  }
  const found = unique([...direct.lines, ...lines]);
  const whole = isRead && direct.whole;
  return { lines: found, total: whole ? found.length : null, counts: null, whole };
}

/** Add the lines that a query means, until there are as many as wanted; return whether all were read. */
async function readLines(base, docs, query, wanted, lines, signal) {
  let at = 0;
  let matched = 0;
  while (at < docs.length && lines.length < wanted) {
    const share = at === 0 ? 1 : Math.max(matched / at, 0.2); // of those read so far that sound so
    const next = docs.slice(at, at + Math.min(PAGE_SIZE, Math.ceil((wanted - lines.length) / share)));
    at += next.length;
    const found = (await base.linesAt(next, signal)).filter((line) => matches(line, query));
    matched += found.length;
    lines.push(...found);
  }
  return at >= docs.length;
}

/** The keys of one way to read a sound: their rows, and the newest subjects that have all of them. */
async function readGroup(base, keys, signal) {
  const rows = await Promise.all(keys.map(async (key) => {
    const shard = await base.unit(`s/${crc32(key) & (base.manifest.sounds - 1)}`, readSounds, signal);
    return shard.get(key) ?? { total: 0, gaps: "", number: null, bits: 0 };
  }));
  for (const row of rows) {
    row.docs ??= running(row.gaps);
    row.isWhole = row.total === row.docs.length;
  }
  const open = rows.filter((row) => !row.isWhole);
  const docs = rows.map((row) => row.docs).sort((a, b) => a.length - b.length).reduce(both);
  return { rows, docs, isWhole: open.length === 0, horizon: Math.min(...open.map((row) => row.docs.at(-1) ?? -1)) };
}

/** Yield the subjects behind those that are listed with the keys, newest first, from the lists of common sounds. */
async function* further(base, groups, horizon, signal) {
  const bits = Math.max(...groups.flatMap((group) => group.rows.filter((row) => !row.isWhole).map((row) => row.bits)));
  const width = base.span() / 2 ** bits;
  const inWindow = async (group, part) => {
    const [begin, end] = [Math.max(part * width, horizon + 1), (part + 1) * width];
    let docs = null;
    const rows = group.rows.slice().sort((a, b) => a.total - b.total);
    for (const row of rows) { // no list is read where a rarer one has nothing
      if (docs?.length === 0) return docs;
      const list = row.isWhole ? row.docs : await base.unit(`y/${row.number}.${part >> (bits - row.bits)}`, readNumbers, signal);
      const inside = list.slice(from(list, begin), from(list, end));
      docs = docs === null ? inside : both(docs, inside);
    }
    return docs;
  };
  for (let part = Math.max(0, Math.floor((horizon + 1) / width)); part < 1 << bits; part += AT_ONCE) {
    const parts = Array.from({ length: Math.min(AT_ONCE, (1 << bits) - part) }, (_, i) => part + i);
    const found = await Promise.all(parts.flatMap((one) => groups.map((group) => inWindow(group, one))));
    yield [...new Set(found.flatMap((docs) => [...docs]))].sort((a, b) => a - b);
  }
}
