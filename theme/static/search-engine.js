// Answering queries from the files of the search index. Which files hold an answer follows from the manifest alone, so
// that most queries take one request more than it: a string that is rare holds a key whose shard has every line in full.

import { fold, mayBeTraditional, simplify } from "./search-fold.js";
import {
  Gone, Store, crc32, facetValues, linesOf, readCodes, readManifest, readNumbers, readRows, readShard, readSimplified,
  readTable,
} from "./search-files.js";
import { keysOf, maySound, placeOfSound, readReadings, soundsOf } from "./search-pinyin.js";

export const PAGE_SIZE = 10;
const FORMER = 1000; // a place in a former name comes after every place in the name
const SOUND = 10000; // what only sounds like it comes last, newest first
const CODE_FILES = 6; // of codes read for one query
const LIST_FILES = 8; // read at once; where all of a query's lists fit, the total is exact

const length = (text) => [...text].length;
const isCode = (word) => /^[0-9A-Z]{4,18}$/.test(word) && /\d/.test(word);

export class Engine {
  constructor(address) {
    this.address = new URL(address, location.href);
    this.store = new Store();
    this.opening = null;
    this.manifest = null;
  }

  /** Read the manifest; everything else is read when it is asked for. */
  open(isStale = false) {
    this.opening ??= fetch(this.address, { credentials: "omit", cache: isStale ? "reload" : "no-cache" })
      .then((answer) => (answer.ok ? readManifest(answer) : Promise.reject(new Error(String(answer.status)))))
      .then((manifest) => (this.manifest = manifest))
      .catch((error) => {
        this.opening = null;
        throw error;
      });
    return this.opening;
  }

  /** Read the manifest, and all records where there are few of them, before anything is typed. */
  async prepare() {
    await this.open();
    performance.mark("search-ready");
    if (this.manifest.shards > 0) return;
    const count = Math.ceil(this.manifest.base / this.manifest.perFile);
    await Promise.all(Array.from({ length: count }, (_, number) => this.unit(`r/${number}`, readTable, null)));
  }

  regionWords(code) {
    return this.manifest.facets.get(`r${code}`)?.words ?? code;
  }

  facetWords(name, value) {
    if (name === "region") return this.regionWords(value);
    if (name === "year") return `20${value} 年`;
    if (name === "outcome") return this.manifest.outcomes.find(([letter]) => letter === value)?.[1] ?? value;
    return value;
  }

  /** Values of a facet with how many of the found subjects have them, the commonest first. */
  facetValues(name, counts) {
    const kind = name[0];
    const found = [];
    for (const [key, count] of counts ?? []) {
      if (key[0] !== kind) continue;
      const value = name === "authority" ? this.offices?.[Number(key.slice(1))] : key.slice(1);
      if (value !== undefined && count > 0) found.push({ value, words: this.facetWords(name, value), count });
    }
    return found.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1));
  }

  /** Plans, tasks, items and hand-written pages whose title has every word. */
  async others(query, signal) {
    if (!this.manifest.others || query.words.length === 0 || query.code !== null) return [];
    const rows = await this.file(this.manifest.others, readRows, signal);
    const found = rows.filter(([, title]) => query.words.every((word) => fold(title).includes(word)));
    return found.map(([kind, title, href, beside]) => ({ kind, title, href, beside }));
  }

  file(name, read, signal) {
    return this.store.get(new URL(name, this.address).href, read, signal);
  }

  unitAddress(unit) {
    const [kind, place] = unit.split("/");
    const folder = Number.parseInt(place, 10) >> 8;
    const revision = this.manifest.revisions.get(unit);
    return `${this.manifest.generation}/${kind}${folder}/${place}${revision ? `-${revision}` : ""}.bin`;
  }

  unit(unit, read, signal) {
    return this.file(this.unitAddress(unit), read, signal);
  }

  isHere(unit) {
    return this.store.has(new URL(this.unitAddress(unit), this.address).href);
  }

  async readOffices(signal) {
    if (this.offices === undefined) {
      const rows = await this.file(this.manifest.authorities, readRows, signal);
      this.offices = rows.map(([name]) => name);
      this.officeCounts = rows.map(([, count]) => Number(count));
    }
    return this.offices;
  }

  async readQuery(text, signal) {
    let plain = text;
    if (mayBeTraditional(text) && this.manifest.simplified) {
      plain = simplify(text.normalize("NFKC"), await this.file(this.manifest.simplified, readSimplified, signal));
    }
    const words = [...new Set(plain.normalize("NFKC").split(/\s+/).map(fold).filter(Boolean))];
    const joined = words.join("");
    const typedCode = isCode(joined) && (words.length === 1 || words.every((word) => /^[0-9A-Z]+$/.test(word)));
    return { text: text.trim(), words: typedCode ? [joined] : words, code: typedCode ? joined : null };
  }

  /** Yield answers to a query, each better than the one before; the last one has `done`. */
  async *search(text, filters, page, signal) {
    for (let trial = 0; ; trial += 1) {
      await this.open(trial > 0);
      try {
        yield* this.answers(text, filters, page, signal);
        return;
      } catch (error) {
        if (!(error instanceof Gone) || trial > 0) throw error;
        this.opening = null;
        this.offices = undefined; // the site was written anew since the manifest was read
      }
    }
  }

  async *answers(text, filters, page, signal) {
    const query = await this.readQuery(text, signal);
    query.filters = filterValues(filters);
    if (filters.authority) {
      const number = (await this.readOffices(signal)).indexOf(filters.authority);
      query.filters.push(`a${number}`);
    }
    if (query.words.length === 0 && query.filters.length === 0) {
      yield { query, lines: [], total: 0, exact: true, facets: null, done: true };
      return;
    }
    if (query.words.some(maySound)) {
      query.readings = await this.unit("t/0", async (answer) => readReadings(await readRows(answer)), signal);
      query.sounds = new Map(query.words.filter(maySound).map((word) => [word, soundsOf(word, query.readings)]));
    }
    const overlay = this.manifest.overlay ? this.file(this.manifest.overlay, readTable, signal) : null;
    if (this.manifest.shards === 0) {
      yield* this.scan(query, page, overlay, signal);
      return;
    }
    // What has changed since the base was written: numbers whose lines no longer count, lines that match, new ones.
    query.changes = Promise.resolve(overlay).then((table) => {
      const newer = table === null ? [] : matching(table, query).sort(byPlace(query));
      const fresh = newer.filter((line) => line.doc >= this.manifest.base);
      return { replaced: new Set(table === null ? [] : table.docs), newer, fresh };
    });
    const [found, changes] = await Promise.all([this.plan(query, page, signal), query.changes]);
    yield merged(found, changes, query, page);
  }

  // Reading everything, where there is little ---------------------------------------------------------------------

  async *scan(query, page, overlay, signal) {
    const { base, perFile } = this.manifest;
    const count = Math.ceil(base / perFile);
    const files = Array.from({ length: count }, (_, number) => this.unit(`r/${number}`, readTable, signal));
    files.forEach((file) => file.catch(() => {}));
    const changed = await overlay;
    const replaced = new Set(changed === null ? [] : changed.docs);
    const found = changed === null ? [] : matching(changed, query);
    for (let number = 0; number < count; number += 1) {
      const table = await files[number];
      for (const line of matching(table, query)) if (!replaced.has(line.doc)) found.push(line);
      const done = number === count - 1;
      if (!done && found.length > 0 && number % 4 === 0) yield answer(query, found.slice(), page, false);
    }
    yield answer(query, found, page, true);
  }

  // One request where a string is rare ----------------------------------------------------------------------------

  async plan(query, page, signal) {
    if (query.code !== null) return this.byCode(query, page, signal);
    if (query.sounds !== undefined && query.words.length === 1) return this.bySound(query, page, signal);
    return this.byWords(query, page, signal);
  }

  async byWords(query, page, signal) {
    const { common } = this.manifest;
    const long = query.words.filter((word) => length(word) > 1 && !query.sounds?.has(word));
    const keys = long.flatMap((word) => (common.has(word) ? [] : this.keysOf(word)));
    if (keys.length > 0) return this.byKey(keys, query, signal);
    if (query.words.length === 1 && query.filters.length === 0) {
      const word = query.words[0];
      const shard = await this.shard(word, signal);
      const told = shard.keys.get(word);
      const lines = linesOf(shard, word);
      const total = told?.total ?? 0;
      if (lines.length === total) return { lines, total, counts: null, whole: true };
      const enough = lines.length >= PAGE_SIZE; // fewer when some were withdrawn since
      if (length(word) === 1 || (page === 1 && enough)) {
        const more = length(word) > 1; // further pages come from its list
        return { lines, total, counts: told.counts === "" ? null : readCounts(told.counts), whole: false, more };
      }
      return this.byLists(query, page, signal, enough ? lines : []);
    }
    if (long.length === 0 && query.filters.length === 0) {
      const shard = await this.shard(query.words[0], signal);
      const lines = linesOf(shard, query.words[0]).filter((line) => matches(line, query));
      const all = linesOf(shard, query.words[0]).length === (shard.keys.get(query.words[0])?.total ?? 0);
      return { lines, total: null, counts: null, whole: all };
    }
    return this.byLists(query, page, signal, []);
  }

  /** The strings in a word that are not common while everything shorter in them is: at least one, if it is not. */
  keysOf(word) {
    const { common } = this.manifest;
    const characters = [...word];
    const keys = [];
    for (let at = 0; at + 1 < characters.length; at += 1) {
      for (let end = at + 2; end <= characters.length; end += 1) {
        const string = characters.slice(at, end).join("");
        if (common.has(string)) continue;
        if (end === at + 2 || common.has(characters.slice(at + 1, end).join(""))) keys.push(string);
        break;
      }
    }
    return keys;
  }

  shardUnit(key) {
    const { common, commonShards, shards } = this.manifest;
    const isCommon = length(key) === 1 || common.has(key);
    return isCommon ? `k/${crc32(key) & (commonShards - 1)}` : `g/${crc32(key) & (shards - 1)}`;
  }

  shard(key, signal) {
    return this.unit(this.shardUnit(key), readShard, signal);
  }

  async byKey(keys, query, signal) {
    const key = keys.find((one) => this.isHere(this.shardUnit(one))) ?? keys[Math.floor((keys.length - 1) / 2)];
    const lines = linesOf(await this.shard(key, signal), key).filter((line) => matches(line, query));
    return { lines, total: lines.length, counts: null, whole: true };
  }

  // Sounds --------------------------------------------------------------------------------------------------------

  /** A word in Latin letters: as it is written, and as it sounds. */
  async bySound(query, page, signal) {
    const written = { ...query, sounds: undefined };
    const groups = keysOf(query.sounds.get(query.words[0]));
    const [direct, ...listed] = await Promise.all([
      this.byWords(written, page, signal), ...groups.map((keys) => this.soundDocs(keys, signal)),
    ]);
    const { replaced, newer, fresh } = await query.changes;
    const every = [...new Set(listed.flatMap((list) => list.docs))].sort((a, b) => a - b);
    const docs = every.filter((doc) => !replaced.has(doc));
    if (every.length === 0) return direct;
    const isExact = listed.length === 1 && listed[0].isOnly && direct.total === 0 && query.filters.length === 0;
    if (isExact && docs.length > PAGE_SIZE) {
      const begin = (page - 1) * PAGE_SIZE;
      const leading = newer.slice(begin, begin + PAGE_SIZE);
      const from = Math.max(0, begin - newer.length);
      const lines = await this.linesAt(docs.slice(from, from + PAGE_SIZE - leading.length), signal);
      const total = listed[0].total + fresh.length;
      return { lines: [...leading, ...lines], total, counts: null, whole: false, paged: true };
    }
    // The lists may name more than sounds so: the lines tell. Of many, enough for this page are read, newest first.
    const lines = [];
    let at = 0;
    while (at < docs.length && lines.length < page * PAGE_SIZE) {
      const next = docs.slice(at, at + PAGE_SIZE);
      at += next.length;
      lines.push(...(await this.linesAt(next, signal)).filter((line) => matches(line, query)));
    }
    const found = unique([...direct.lines, ...lines]);
    const whole = at >= docs.length && direct.whole && listed.every((list) => list.isWhole);
    return { lines: found, total: whole ? found.length : null, counts: null, whole };
  }

  async soundDocs(keys, signal) {
    const rows = await Promise.all(keys.map(async (key) => {
      const shard = await this.unit(`s/${crc32(key) & (this.manifest.sounds - 1)}`, readSounds, signal);
      return shard.get(key) ?? { total: 0, gaps: "" };
    }));
    const lists = rows.map(({ gaps }) => running(gaps));
    const isWhole = rows.every(({ total }, i) => total === lists[i].length);
    const docs = lists.sort((a, b) => a.length - b.length).reduce(both);
    return { docs, isWhole, total: rows[0].total, isOnly: keys.length === 1 };
  }

  // Codes ---------------------------------------------------------------------------------------------------------

  async byCode(query, page, signal) {
    const words = { ...query, code: null };
    const isWhole = query.code.length === 18 || query.code.length === 15;
    const named = isWhole ? { lines: [], total: 0, whole: true } : this.plan(words, page, signal);
    const [codes, names] = await Promise.all([this.codesFrom(query, page, signal), named]);
    const lines = codes.lines.filter((line) => matches(line, query));
    const there = new Set(lines.map((line) => line.doc));
    const more = names.lines.filter((line) => !there.has(line.doc));
    const filtered = query.filters.length > 0;
    return {
      lines: [...lines, ...more],
      total: codes.whole ? lines.length + more.length : filtered ? null : codes.total + more.length,
      counts: null,
      whole: codes.whole && names.whole,
      exact: codes.whole || !filtered,
      paged: !codes.whole, // with what has changed in its place
      order: "code",
    };
  }

  /** Lines whose code or registration number begins with `prefix`, in the order of codes. */
  async codesFrom({ code: prefix, changes }, page, signal) {
    const { pages } = this.manifest;
    const above = `${prefix}\uffff`;
    const first = Math.max(0, lastAtMost(pages.map((one) => one.key), prefix));
    const last = Math.max(0, lastAtMost(pages.map((one) => one.key), above));
    if (pages.length === 0) return { lines: [], total: 0, whole: true };
    const [head, tail] = await Promise.all([
      this.unit(`p/${first}`, readRows, signal), this.unit(`p/${last}`, readRows, signal),
    ]);
    const perPage = this.manifest.filesPerPage;
    const begin = first * perPage + Math.max(0, lastAtMost(head.map(([key]) => key), prefix));
    const end = last * perPage + Math.max(0, lastAtMost(tail.map(([key]) => key), above));
    const here = (rows) => rows.filter(({ key }) => key.startsWith(prefix)).map(({ line }) => line);
    if (end - begin < CODE_FILES) {
      const numbers = Array.from({ length: end - begin + 1 }, (_, i) => begin + i);
      const files = await Promise.all(numbers.map((number) => this.unit(`c/${number}`, readCodes, signal)));
      const lines = unique(files.flatMap(here));
      return { lines, total: lines.length, whole: true };
    }
    const between = first === last
      ? head.slice(begin - first * perPage + 1, end - first * perPage).reduce((sum, [, n]) => sum + Number(n), 0)
      : head.slice(begin - first * perPage + 1).reduce((sum, [, n]) => sum + Number(n), 0) +
        pages.slice(first + 1, last).reduce((sum, { count }) => sum + count, 0) +
        tail.slice(0, end - last * perPage).reduce((sum, [, n]) => sum + Number(n), 0);
    const [start, stop] = await Promise.all([begin, end].map((number) => this.unit(`c/${number}`, readCodes, signal)));
    const total = here(start).length + between + here(stop).length;
    // New subjects come first; of the others whole files are skipped by their counts.
    const { fresh, newer } = await changes;
    const latest = new Map(newer.map((line) => [line.doc, line]));
    const leading = fresh.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE);
    const count = PAGE_SIZE - leading.length;
    let skip = Math.max(0, (page - 1) * PAGE_SIZE - fresh.length);
    let number = begin;
    let lines = here(start);
    while (skip >= lines.length && number < end) {
      skip -= lines.length;
      number += 1;
      lines = here(await this.unit(`c/${number}`, readCodes, signal));
    }
    while (lines.length < skip + count && number < end) {
      number += 1;
      lines = [...lines, ...here(await this.unit(`c/${number}`, readCodes, signal))];
    }
    const listed = lines.slice(skip, skip + count).map((line) => latest.get(line.doc) ?? line);
    return { lines: [...leading, ...listed], total: total + fresh.length, whole: false };
  }

  // Lists of common strings and of facets ---------------------------------------------------------------------------

  lists(query) {
    const { common, facets } = this.manifest;
    const lists = [];
    for (const word of query.words) {
      const found = common.get(word);
      if (found !== undefined) lists.push({ unit: `l/${found.number}`, bits: found.bits, count: 8192 << found.bits });
    }
    for (const value of query.filters) {
      const office = value[0] === "a" ? { number: Number(value.slice(1)), count: this.officeCounts[value.slice(1)] } : null;
      const found = office ?? facets.get(value) ?? null;
      if (found === null || found.count === undefined) return null; // nothing has this value
      let bits = 0;
      while (found.count >> bits > 16384) bits += 1;
      lists.push({ unit: value.startsWith("a") ? `a/${found.number}` : `f/${found.number}`, bits, count: found.count });
    }
    return lists;
  }

  async byLists(query, page, signal, before) {
    const lists = this.lists(query);
    if (lists === null || lists.some((list) => list.count === 0)) {
      return { lines: [], total: 0, counts: null, whole: true };
    }
    const loose = query.words.some((word) => !this.manifest.common.has(word)); // single characters: told by the lines
    const bits = Math.max(...lists.map((list) => list.bits));
    const files = lists.reduce((sum, list) => sum + (1 << list.bits), 0);
    const { replaced, newer } = await query.changes;
    const first = before.filter((line) => !replaced.has(line.doc));
    const onFirst = before.length > 0 ? [...newer, ...first].sort(byPlace(query)).slice(0, PAGE_SIZE) : [];
    const shown = new Set(onFirst.map((line) => line.doc));
    const rest = newer.filter((line) => !shown.has(line.doc)); // changed ones come before those of the lists
    const begin = (page - (before.length > 0 ? 2 : 1)) * PAGE_SIZE;
    const leading = rest.slice(begin, begin + PAGE_SIZE);
    const skip = Math.max(0, begin - rest.length);
    const share = lists.reduce((part, list) => part * Math.min(1, list.count / this.manifest.base), 1);
    const eachPart = Math.max(0.01, (share * this.manifest.base) / (1 << bits) / (loose ? 20 : 1));
    const docs = [];
    const wanted = skip + PAGE_SIZE;
    let part = 0;
    while (part < 1 << bits && (files <= LIST_FILES || docs.length < (loose ? wanted * 4 : wanted))) {
      const need = Math.ceil((wanted - docs.length) / eachPart);
      const until = files <= LIST_FILES ? 1 << bits : Math.min(1 << bits, part + Math.max(1, Math.min(need, 4)));
      const read = [];
      for (; part < until; part += 1) {
        const here = part;
        const chunks = lists.map((list) => this.unit(`${list.unit}.${here >> (bits - list.bits)}`, readNumbers, signal));
        read.push(Promise.all(chunks).then((numbers) => this.inAll(numbers, here, bits)));
      }
      for (const found of await Promise.all(read)) for (const doc of found) if (!shown.has(doc) && !replaced.has(doc)) docs.push(doc);
    }
    const all = part === 1 << bits;
    if (loose) {
      const lines = (await this.linesAt(docs.slice(0, 60), signal)).filter((line) => matches(line, query));
      return { lines, total: null, counts: null, whole: all && docs.length <= 60 };
    }
    const total = docs.length + rest.length + shown.size;
    if (all && shown.size === 0 && total <= PAGE_SIZE) {
      return { lines: await this.linesAt(docs, signal), total, counts: null, whole: true };
    }
    const lines = await this.linesAt(docs.slice(skip, skip + PAGE_SIZE - leading.length), signal);
    return { lines: [...leading, ...lines], total, counts: null, whole: false, exact: all, paged: true };
  }

  inAll(numbers, part, bits) {
    let width = 2;
    while (width < this.manifest.base) width *= 2;
    width /= 2 ** bits;
    const [from, to] = [part * width, (part + 1) * width];
    let docs = null;
    for (const list of numbers.slice().sort((a, b) => a.length - b.length)) {
      const inside = list.subarray(lowerBound(list, from), lowerBound(list, to));
      docs = docs === null ? inside : both(docs, inside);
    }
    return docs;
  }

  async linesAt(docs, signal) {
    const { perFile } = this.manifest;
    const tables = new Map();
    for (const doc of docs) {
      const file = Math.floor(doc / perFile);
      if (!tables.has(file)) tables.set(file, this.unit(`r/${file}`, readTable, signal));
    }
    const found = [];
    for (const doc of docs) {
      const table = await tables.get(Math.floor(doc / perFile));
      const row = table.docs.indexOf(doc);
      if (row >= 0) found.push(table.line(row));
    }
    return found;
  }
}

/** The answer as it is with what has changed since the base was written. */
function merged(found, { replaced, newer, fresh }, query, page) {
  if (found.paged) {
    return { query, page, lines: found.lines, total: found.total, exact: found.exact !== false && found.total !== null,
      facets: found.counts, done: true };
  }
  const lines = unique([...newer, ...found.lines.filter((line) => !replaced.has(line.doc))]);
  if (found.whole) return answer(query, lines, page, true, found.order ?? null);
  // Only the first lines of many are at hand: of a common string's page, or of what the lists named so far.
  lines.sort(byPlace(query));
  const isCounted = found.total !== null;
  return {
    query, page, done: true, facets: found.counts,
    lines: lines.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE),
    total: isCounted ? found.total + fresh.length : lines.length,
    exact: isCounted && found.exact !== false,
    last: found.more ? null : Math.max(1, Math.floor(lines.length / PAGE_SIZE)), // of the pages that can be shown
  };
}

// Sounds ------------------------------------------------------------------------------------------------------------

const readSounds = async (answer) => new Map((await readRows(answer)).map(([key, total, gaps]) => [key, { total: Number(total), gaps }]));

function running(gaps) {
  let sum = 0;
  return gaps === "" ? [] : gaps.split(",").map((gap) => (sum += Number(gap)));
}

// Lines ---------------------------------------------------------------------------------------------------------------

function places(line, word, query) {
  const own = line.folded.indexOf(word);
  if (own >= 0) return own;
  const former = line.formerNames.map((name) => fold(name).indexOf(word)).filter((found) => found >= 0);
  if (former.length > 0) return FORMER + Math.min(...former);
  if (startsCode(line, word)) return -1;
  const sound = query.sounds?.get(word);
  if (sound !== undefined) {
    const names = [line.folded, ...line.formerNames.map(fold)];
    if (names.some((name) => placeOfSound(name, sound, query.readings) >= 0)) return SOUND;
  }
  return null;
}

const startsCode = (line, word) =>
  isCode(word) && ((line.code ?? "").startsWith(word) || (line.regNo !== null && fold(line.regNo).startsWith(word)));

function matches(line, query) {
  const values = query.filters.length > 0 ? facetValues(line) : null;
  return query.words.every((word) => places(line, word, query) !== null) && query.filters.every((value) => values.has(value));
}

const matching = (table, query) => [...table].filter((line) => matches(line, query));

function rank(line, query) {
  if (query.words.length === 0) return 0;
  if (query.code !== null && startsCode(line, query.code)) return -1;
  return places(line, query.words[0], query) ?? 2 * SOUND;
}

/** The name that begins with the first word, then by where the word stands, then newest inspection. */
const byPlace = (query) => (a, b) => rank(a, query) - rank(b, query) || b.latest - a.latest || a.doc - b.doc;

function answer(query, lines, page, done, order = null) {
  const sorted = unique(lines).sort(order === "code" ? byCode(query) : byPlace(query));
  const last = Math.max(1, Math.ceil(sorted.length / PAGE_SIZE));
  const here = Math.min(Math.max(1, page), last);
  return {
    query, total: sorted.length, exact: done, page: here, done,
    lines: sorted.slice((here - 1) * PAGE_SIZE, here * PAGE_SIZE),
    facets: counted(sorted),
  };
}

const codeOf = (line, query) => ((line.code ?? "").startsWith(query.code) ? line.code : line.regNo ?? line.code ?? "");
const byCode = (query) => (a, b) => {
  const ranks = rank(a, query) - rank(b, query);
  if (ranks !== 0 || rank(a, query) !== -1) return ranks || b.latest - a.latest || a.doc - b.doc;
  return codeOf(a, query) < codeOf(b, query) ? -1 : 1;
};

function counted(lines) {
  const counts = new Map();
  for (const line of lines) for (const value of facetValues(line)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

const readCounts = (text) =>
  new Map(text.split(",").filter(Boolean).map((pair) => pair.split("=")).map(([value, n]) => [value, Number(n)]));

function unique(lines) {
  const seen = new Set();
  return lines.filter((line) => !seen.has(line.doc) && seen.add(line.doc));
}

/** Values of facets that a line must have: year and outcome together mean one result with both. */
function filterValues(filters) {
  const values = [];
  if (filters.region) values.push(`r${filters.region}`);
  if (filters.year && filters.outcome) values.push(`p${filters.year}${filters.outcome}`);
  else if (filters.year) values.push(`y${filters.year}`);
  else if (filters.outcome) values.push(`o${filters.outcome}`);
  return values;
}

// Numbers -------------------------------------------------------------------------------------------------------------

function lowerBound(list, value) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function both(few, many) {
  const found = [];
  let at = 0;
  for (const doc of few) {
    while (at < many.length && many[at] < doc) at += 1;
    if (at < many.length && many[at] === doc) found.push(doc);
  }
  return found;
}

function lastAtMost(keys, wanted) {
  let last = -1;
  for (let at = 0; at < keys.length && keys[at] <= wanted; at += 1) last = at;
  return last;
}
