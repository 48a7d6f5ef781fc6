// Reading the files of the search index (docs/search-format.md): fetched once, kept, let go of when nobody waits.

import { checkCharacter, fold, foldLines, isCode, organisationCheckCharacter } from "./search-fold.js";

const SECTION = "\x1d";
const COLUMN = "\x1e";
const ROW = "\n";
const PART = "\t";
const NO_MORE = ["", "", "", ""];

/** A file is no longer there: the index has been written anew, and the manifest must be read again. */
export class Gone extends Error {}

const inflated = (answer) => new Response(answer.body.pipeThrough(new DecompressionStream("deflate-raw")));
const sections = async (answer) => (await inflated(answer).text()).split(SECTION);

const CRC = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

export function crc32(text) {
  let value = -1;
  for (const byte of new TextEncoder().encode(text)) value = CRC[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ -1) >>> 0;
}

function running(column, sign = 1) {
  let sum = 0;
  return column.split(ROW).map((gap, row) => (sum = row === 0 ? Number(gap) : sum + sign * Number(gap)));
}

/** One subject as a result shows it; what is not asked for is not read. */
class Line {
  constructor(table, row) {
    this.doc = table.docs[row];
    this.latest = table.days[row];
    this.table = table;
    this.row = row;
    this.values = null;
  }

  cell(place) {
    return this.table.column(place)[this.row];
  }

  get name() {
    return this.cell(2);
  }

  /** What few subjects have: registration number, results, address, folded name; then former names. */
  get more() {
    const more = this.cell(7);
    return more === "" ? NO_MORE : more.split(PART);
  }

  get formerNames() {
    return this.more.slice(4);
  }

  get code() {
    this.wholeCode ??= fullCode(this.bareCode);
    return this.wholeCode || null;
  }

  /** The code without what its other characters check; "" is none. */
  get bareCode() {
    const packed = this.cell(3);
    return packed.length === 10 ? packed.slice(0, 2) + this.region + packed.slice(2) : packed;
  }

  /** Whether a word is in the code; check characters are worked out only where they could make it so. */
  hasInCode(word) {
    const bare = this.bareCode;
    if (bare.includes(word)) return true;
    if (bare.length !== 16 || !(bare.endsWith(word.slice(0, -1)) || bare.endsWith(word.slice(0, -2)))) return false;
    return this.code.includes(word);
  }

  get regNo() {
    return this.more[0] || null;
  }

  get path() {
    return this.more[2] || `/subjects/${this.code.slice(2, 8)}/${this.code}.html`;
  }

  get region() {
    return this.cell(4);
  }

  get results() {
    const results = this.more[1];
    return results === "" ? this.pairs.replace(/\d/g, "").length : Number(results);
  }

  get pairs() {
    return this.cell(5);
  }

  get offices() {
    const offices = this.cell(6);
    return offices === "" ? [] : offices.split(",").map(Number);
  }

  get folded() {
    this.foldedName ??= this.more[3] || fold(this.name);
    return this.foldedName;
  }
}

/** Lines of the index; columns are cut, and lines made, as they are asked for. */
export class Table {
  constructor(section) {
    this.texts = section === "" ? [] : section.split(COLUMN);
    this.docs = section === "" ? [] : running(this.texts[0]);
    this.days = section === "" ? [] : running(this.texts[1], -1);
    this.columns = [];
    this.lines = new Array(this.docs.length);
  }

  get size() {
    return this.docs.length;
  }

  column(place) {
    this.columns[place] ??= this.texts[place].split(ROW);
    return this.columns[place];
  }

  line(row) {
    this.lines[row] ??= new Line(this, row);
    return this.lines[row];
  }

  /** The rows that may have a word in a name, code or registration number, in the order of the table. */
  rowsWith(word) {
    this.folded ??= [2, 7].map((place) => foldLines(this.texts[place] ?? ""));
    const rows = new Set();
    for (const text of this.folded) addRowsWith(text, word, rows);
    if (isCode(word)) for (const line of this) if (line.hasInCode(word)) rows.add(line.row);
    return [...rows].sort((a, b) => a - b);
  }

  *[Symbol.iterator]() {
    for (let row = 0; row < this.size; row += 1) yield this.line(row);
  }
}

function addRowsWith(text, word, rows) {
  let row = 0;
  let end = text.indexOf(ROW);
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, end)) {
    for (; end >= 0 && end < at; row += 1) end = text.indexOf(ROW, end + 1);
    rows.add(row);
    if (end < 0) return;
  }
}

function fullCode(bare) {
  if (bare.length !== 16) return bare;
  const code = bare + organisationCheckCharacter(bare.slice(8));
  return code + checkCharacter(code);
}

/** Values of the facets of a line: `y23`, `oc`, `p23c`, `r320102`, `a7`. */
export function facetValues(line) {
  if (line.values === null) {
    line.values = new Set([`r${line.region}`, ...line.offices.map((office) => `a${office}`)]);
    for (const [, year, letters] of line.pairs.matchAll(/(\d\d)([a-z]+)/g)) {
      line.values.add(`y${year}`);
      for (const letter of letters) line.values.add(`o${letter}`).add(`p${year}${letter}`);
    }
  }
  return line.values;
}

/** A shard of the names: its lines, and its keys by their string. */
export async function readShard(answer) {
  const [lines, listing] = await sections(answer);
  const keys = new Map();
  for (const text of listing.split(ROW)) {
    const [key, total, rows, counts] = text.split(PART);
    keys.set(key, { total: total === "" ? null : Number(total), rows, counts: counts ?? "" });
  }
  return { table: new Table(lines), keys };
}

/** The lines of one key of a shard, in the order they stand there. */
export function linesOf(shard, key) {
  const found = shard.keys.get(key);
  if (found === undefined || found.rows === "") return [];
  let row = 0;
  return found.rows.split(",").map((text) => {
    row = found.total === null ? row + Number(text) : Number(text);
    return shard.table.line(row);
  });
}

export const readTable = async (answer) => new Table((await sections(answer))[0]);

export async function readCodes(answer) {
  const [lines, marks] = await sections(answer);
  const table = new Table(lines);
  const rows = Array.from(marks, (mark, row) => {
    const line = table.line(row);
    return { key: fold(mark === "c" ? line.code : line.regNo), line };
  });
  return rows;
}

export const readRows = async (answer) => {
  const text = (await sections(answer))[0];
  return text === "" ? [] : text.split(ROW).map((row) => row.split(PART));
};

export async function readNumbers(answer) {
  const data = new Uint8Array(await inflated(answer).arrayBuffer());
  const size = data.length / 4;
  const numbers = new Uint32Array(size);
  let sum = 0;
  for (let i = 0; i < size; i += 1) {
    sum += data[i] + data[size + i] * 256 + data[2 * size + i] * 65536 + data[3 * size + i] * 16777216;
    numbers[i] = sum;
  }
  return numbers;
}

export async function readSimplified(answer) {
  const [traditional, simplified] = (await sections(answer))[0].split(ROW).map((row) => [...row]);
  return new Map(traditional.map((character, place) => [character, simplified[place]]));
}

/** The manifest, its packed head read. */
export async function readManifest(answer) {
  const said = await answer.json();
  const bytes = Uint8Array.from(atob(said.head), (character) => character.charCodeAt(0));
  const [common, pages, facets] = await sections(new Response(bytes));
  said.common = new Map();
  let before = "";
  for (const line of common.split(ROW)) {
    if (line === "") continue;
    before = [...before].slice(0, Number.parseInt(line[0], 36)).join("") + line.slice(2);
    said.common.set(before, { number: said.common.size, bits: Number(line[1]) });
  }
  said.pages = pages === "" ? [] : pages.split(ROW).map((row) => row.split(PART)).map(([key, n]) => ({ key, count: Number(n) }));
  said.facets = new Map();
  for (const row of facets === "" ? [] : facets.split(ROW)) {
    const [value, count, words] = row.split(PART);
    said.facets.set(value, { number: said.facets.size, count: Number(count), words });
  }
  return said;
}

/** The units of the base that were written again, with their revisions. */
export async function readRevisions(answer) {
  const revisions = new Map();
  for (const [revision, kind, places] of await readRows(answer)) {
    let whole = 0;
    for (const place of places.split(",")) {
      const [gap, part] = place.split(".");
      whole += Number(gap);
      revisions.set(`${kind}/${whole}${part === undefined ? "" : `.${part}`}`, revision);
    }
  }
  return revisions;
}

/** Files by their address: each is asked for once and kept; what only stale queries wait for is let go of. */
export class Store {
  constructor() {
    this.files = new Map();
    this.begun = new Map();
  }

  /** Ask for files that will be wanted, `step` ms apart, before it is known that they are; nothing is told of failures. */
  begin(addresses, step) {
    for (const [place, address] of addresses.entries()) {
      const controller = new AbortController();
      const { signal } = controller;
      const ask = async () => {
        if (place > 0) await new Promise((done) => setTimeout(done, place * step));
        return fetch(address, { credentials: "omit", signal });
      };
      const answer = ask();
      answer.catch(() => {});
      this.begun.set(address, { answer, controller });
    }
  }

  /** Let go of what was begun and is not wanted after all. */
  letGo(isWanted) {
    for (const [address, { controller }] of this.begun) {
      if (isWanted(address)) continue;
      controller.abort();
      this.begun.delete(address);
    }
  }

  has(address) {
    return this.files.get(address)?.done === true;
  }

  isAsked(address) {
    return this.files.has(address) || this.begun.has(address);
  }

  get(address, read, signal = null) {
    let file = this.files.get(address);
    if (file === undefined) {
      const begun = this.begun.get(address);
      this.begun.delete(address);
      file = { waiting: new Set(), controller: begun?.controller ?? new AbortController(), done: false, content: null };
      file.content = this.load(address, read, file, begun?.answer);
      this.files.set(address, file);
    }
    if (signal === null) file.waiting.add(file);
    else if (!file.done && !file.waiting.has(signal)) {
      file.waiting.add(signal);
      signal.addEventListener("abort", () => {
        file.waiting.delete(signal);
        // A query that follows at once may want the same file.
        setTimeout(() => file.waiting.size === 0 && !file.done && file.controller.abort());
      }, { once: true });
    }
    return file.content;
  }

  async load(address, read, file, begun) {
    try {
      const { signal } = file.controller;
      const early = await begun?.catch(() => null);
      const answer = early?.ok ? early : await fetch(address, { credentials: "omit", signal });
      if (answer.status === 404 || answer.status === 410) throw new Gone(`${address} is gone`);
      if (!answer.ok) throw new Error(`${answer.status} ${address}`);
      const content = await read(answer);
      file.done = true;
      return content;
    } catch (error) {
      this.files.delete(address); // the next try starts afresh
      throw error;
    }
  }
}
