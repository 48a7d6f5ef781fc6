// Parts of codes and registration numbers: two or more characters in a row, wherever they stand behind the first.

import { crc32, readRows } from "./search-files.js";
import { PAGE_SIZE, byCode, matches, unique } from "./search-lines.js";
import { running } from "./search-numbers.js";

const KEYS = 3; // lists of keys that are read and compared
const READ = 40; // lines read, at most, to see whether they have what only a longer list could tell

const readShard = async (answer) =>
  new Map((await readRows(answer)).map(([key, total, gaps]) => [key, { total: Number(total), gaps }]));

async function readCommon(answer) {
  const found = new Set();
  let before = "";
  for (const [line] of await readRows(answer)) {
    before = before.slice(0, Number.parseInt(line[0], 36)) + line.slice(2);
    found.add(before);
  }
  return found;
}

/** The shortest strings in a part that are not common, one from each place that has one. */
function keysOf(part, common) {
  const keys = [];
  for (let at = 0; at + 2 < part.length; at += 1) {
    for (let end = at + 3; end <= part.length; end += 1) {
      const string = part.slice(at, end);
      if (common.has(string)) continue;
      keys.push(string);
      break;
    }
  }
  return keys;
}

/**
 * The numbers of subjects that have a part, newest first. `isExact`: all of these have it; `isWhole`: these are all that
 * may have it; `total`: how many there are at least.
 */
async function docsOf(base, part, signal) {
  const common = await base.unit("u/0", readCommon, signal);
  const every = keysOf(part, common);
  const isCommon = part.length === 2 || common.has(part);
  const keys = isCommon ? [part] : [...new Set([every[0], every.at(-1), every[every.length >> 1]])].slice(0, KEYS);
  const rows = await Promise.all(keys.map(async (key) => {
    const shard = await base.unit(`q/${crc32(key) & (base.manifest.parts - 1)}`, readShard, signal);
    return shard.get(key) ?? { total: 0, gaps: "" };
  }));
  const lists = rows.map(({ gaps }) => running(gaps)).sort((a, b) => a.length - b.length);
  const docs = lists.reduce((few, many) => {
    const inMany = new Set(many);
    return few.filter((doc) => inMany.has(doc));
  });
  const { total } = rows[0];
  return { docs, isExact: keys.includes(part), isWhole: !isCommon || total === docs.length, total: isCommon ? total : 0 };
}

/**
 * Those of a query's lines that are at hand (their names have it, or their codes begin with it), then those that have it
 * further inside a code, newest first.
 */
export async function withParts(base, query, atHand, page, signal) {
  const [found, { replaced, newer }] = await Promise.all([docsOf(base, query.code, signal), query.changes]);
  const leading = unique([...newer, ...atHand.lines.filter((line) => !replaced.has(line.doc))]).sort(byCode(query));
  const known = new Set(leading.map((line) => line.doc));
  const docs = found.docs.filter((doc) => !known.has(doc) && !replaced.has(doc));
  if (found.isExact && query.words.length === 1 && query.filters.length === 0) {
    const begin = (page - 1) * PAGE_SIZE;
    const head = leading.slice(begin, begin + PAGE_SIZE);
    const from = Math.max(0, begin - leading.length);
    const rest = await base.linesAt(docs.slice(from, from + PAGE_SIZE - head.length), signal);
    const total = Math.max(leading.length + docs.length, found.total - replaced.size);
    const last = found.isWhole ? null : Math.max(1, Math.floor((leading.length + docs.length) / PAGE_SIZE));
    return { lines: [...head, ...rest], total, counts: null, whole: false, paged: true, last,
      exact: found.isWhole && atHand.whole };
  }
  const read = (await base.linesAt(docs.slice(0, READ), signal)).filter((line) => matches(line, query));
  return { lines: [...leading, ...read], total: null, counts: null, order: "code",
    whole: found.isWhole && docs.length <= READ && atHand.whole };
}
