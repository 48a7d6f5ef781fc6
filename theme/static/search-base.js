// The base of a large index: which of its files hold an answer follows from the manifest alone, so that most queries take
// one request more than it: a string that is rare holds a key whose shard has every line in full.

import { byCode } from "./search-codes.js";
import { crc32, linesOf, readNumbers, readRevisions, readShard, readTable } from "./search-files.js";
import { isCode } from "./search-fold.js";
import { PAGE_SIZE, byPlace, matches, readCounts, unique } from "./search-lines.js";
import { both, from } from "./search-numbers.js";
import { bySound } from "./search-sounds.js";

const LIST_FILES = 8; // read at once; where all of a query's lists fit, the total is exact

const length = (text) => [...text].length;

export class Base {
  constructor(manifest, address, store) {
    this.manifest = manifest;
    this.address = address;
    this.store = store;
    this.revisions = manifest.revised ? null : new Map(); // read with the first unit
  }

  unitAddress(unit) {
    const [kind, place] = unit.split("/");
    const folder = Number.parseInt(place, 10) >> 8;
    const revision = this.revisions?.get(unit);
    const name = `${this.manifest.generation}/${kind}${folder}/${place}${revision ? `-${revision}` : ""}.bin`;
    return new URL(name, this.address).href;
  }

  async unit(unit, read, signal) {
    this.revisions ??= await this.store.get(new URL(this.manifest.revised, this.address).href, readRevisions, signal);
    return this.store.get(this.unitAddress(unit), read, signal);
  }

  isHere(unit) {
    return this.store.has(this.unitAddress(unit));
  }

  isAsked(unit) {
    return this.store.isAsked(this.unitAddress(unit));
  }

  /** Lines of the base that a query means, as many as this page needs; their total where it is known. */
  async find(query, page, signal) {
    if (query.code !== null) return byCode(this, query, page, signal);
    if (query.sounds !== undefined && query.words.length === 1) return bySound(this, query, page, signal);
    return this.byWords(query, page, signal);
  }

  async byWords(query, page, signal) {
    const { common } = this.manifest;
    const codes = query.words.length > 1 ? query.words.filter(isCode) : []; // some may be of a code, not of the name
    const long = query.words.filter((word) => length(word) > 1 && !query.sounds?.has(word) && !codes.includes(word));
    const keys = long.flatMap((word) => (common.has(word) ? [] : this.keysOf(word)));
    if (keys.length > 0) return this.byKey(keys, query, signal);
    if (codes.length > 0) return byCode(this, { ...query, code: codes[0] }, page, signal);
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

  // Lists of common strings and of facets ---------------------------------------------------------------------------

  lists(query) {
    const { common, facets } = this.manifest;
    const lists = [];
    for (const word of query.words) {
      const found = common.get(word);
      if (found !== undefined) lists.push({ unit: `l/${found.number}`, bits: found.bits, count: 8192 << found.bits });
    }
    for (const value of query.filters) {
      const office = value[0] === "a" ? { number: Number(value.slice(1)), count: query.officeCounts[value.slice(1)] } : null;
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

  /** The power of two that covers the numbers of the base. */
  span() {
    let width = 2;
    while (width < this.manifest.base) width *= 2;
    return width;
  }

  inAll(numbers, part, bits) {
    const width = this.span() / 2 ** bits;
    let docs = null;
    for (const list of numbers.slice().sort((a, b) => a.length - b.length)) {
      const inside = list.subarray(from(list, part * width), from(list, (part + 1) * width));
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
