// Answering queries from the files of the search index: all records are read where they are few, else those of the base
// that a query needs, and what has changed since it was written.

import { Base } from "./search-base.js";
import { Gone, Store, readManifest, readRows, readSimplified, readTable } from "./search-files.js";
import { fold, isCode, mayBeTraditional, simplify } from "./search-fold.js";
import { answer, byPlace, matching, merged } from "./search-lines.js";
import { maySound, readReadings, soundsOf } from "./search-pinyin.js";

const STEP = 9; // ms between requests for records: the first of them arrive first, and the line stays full

const readSyllables = async (answer) => readReadings(await readRows(answer));

export class Engine {
  /** `ahead`: files that the page says are wanted; they are asked for together with the manifest, which decides. */
  constructor(address, ahead = []) {
    this.address = new URL(address, location.href);
    this.store = new Store();
    this.store.begin(ahead.map((name) => this.addressOf(name)), STEP);
    this.opening = null;
    this.manifest = null;
    this.base = null;
  }

  /** Read the manifest; everything else is read when it is asked for. */
  open(isStale = false) {
    this.opening ??= fetch(this.address, { credentials: "omit", cache: isStale ? "reload" : "no-cache" })
      .then((answer) => (answer.ok ? readManifest(answer) : Promise.reject(new Error(String(answer.status)))))
      .then((manifest) => {
        this.manifest = manifest;
        this.base = new Base(manifest, this.address, this.store);
        const named = [manifest.overlay, manifest.revised].filter(Boolean).map((name) => this.addressOf(name));
        const generation = this.addressOf(`${manifest.generation}/`);
        this.store.letGo((file) => file.startsWith(generation) || named.includes(file));
        return manifest;
      })
      .catch((error) => {
        this.store.letGo(() => false);
        this.opening = null;
        throw error;
      });
    return this.opening;
  }

  /** Read the manifest and, where there are few records, all of the index: before anything is typed. */
  async prepare() {
    await this.open();
    performance.mark("search-ready");
    if (this.manifest.shards > 0) return;
    await Promise.all(this.records(null));
    await Promise.all([this.base.unit("t/0", readSyllables, null), this.readOthers(null), this.simplified(null)]);
  }

  /** The files of all records, newest first. */
  records(signal) {
    let asked = 0;
    const ask = async (unit, step) => {
      if (step > 0) await new Promise((done) => setTimeout(done, step * STEP));
      signal?.throwIfAborted();
      return this.base.unit(unit, readTable, signal);
    };
    return Array.from({ length: Math.ceil(this.manifest.base / this.manifest.perFile) }, (_, number) => {
      const table = ask(`r/${number}`, this.base.isAsked(`r/${number}`) ? 0 : asked++);
      table.catch(() => {}); // told where it is waited for
      return table;
    });
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
    if (query.words.length === 0 || query.code !== null) return [];
    const rows = await this.readOthers(signal);
    const found = rows.filter(([, title]) => query.words.every((word) => fold(title).includes(word)));
    return found.map(([kind, title, href, beside]) => ({ kind, title, href, beside }));
  }

  readOthers(signal) {
    return this.file(this.manifest.others, readRows, signal);
  }

  simplified(signal) {
    return this.file(this.manifest.simplified, readSimplified, signal);
  }

  addressOf(name) {
    return new URL(name, this.address).href;
  }

  file(name, read, signal) {
    return this.store.get(this.addressOf(name), read, signal);
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
    if (mayBeTraditional(text)) plain = simplify(text.normalize("NFKC"), await this.simplified(signal));
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
    const tables = this.manifest.shards === 0 ? this.records(signal) : null;
    const query = await this.readQuery(text, signal);
    query.filters = filterValues(filters);
    if (filters.authority) {
      const number = (await this.readOffices(signal)).indexOf(filters.authority);
      query.filters.push(`a${number}`);
      query.officeCounts = this.officeCounts;
    }
    if (query.words.length === 0 && query.filters.length === 0) {
      yield { query, lines: [], total: 0, exact: true, facets: null, done: true };
      return;
    }
    if (query.words.some(maySound)) {
      query.readings = await this.base.unit("t/0", readSyllables, signal);
      query.sounds = new Map(query.words.filter(maySound).map((word) => [word, soundsOf(word, query.readings)]));
    }
    const overlay = this.manifest.overlay ? this.file(this.manifest.overlay, readTable, signal) : null;
    if (tables !== null) {
      yield* this.scan(query, page, overlay, tables);
      return;
    }
    // What has changed since the base was written: numbers whose lines no longer count, lines that match, new ones.
    query.changes = Promise.resolve(overlay).then((table) => {
      const newer = table === null ? [] : matching(table, query).sort(byPlace(query));
      const fresh = newer.filter((line) => line.doc >= this.manifest.base);
      return { replaced: new Set(table === null ? [] : table.docs), newer, fresh };
    });
    const [found, changes] = await Promise.all([this.base.find(query, page, signal), query.changes]);
    yield merged(found, changes, query, page);
  }

  async *scan(query, page, overlay, tables) {
    const changed = await overlay;
    const replaced = new Set(changed === null ? [] : changed.docs);
    const found = changed === null ? [] : matching(changed, query);
    let told = 0;
    for (const [number, table] of tables.entries()) {
      for (const line of matching(await table, query)) if (!replaced.has(line.doc)) found.push(line);
      if (number === tables.length - 1) break;
      if (found.length > told && (told === 0 || number % 4 === 0)) {
        told = found.length;
        yield answer(query, found.slice(), page, false);
      }
    }
    yield answer(query, found, page, true);
  }
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
