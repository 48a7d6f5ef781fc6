// Lines: which of them a query means, in what order they stand, and what an answer says of them.

import { facetValues } from "./search-files.js";
import { fold, isCode } from "./search-fold.js";
import { placeOfSound } from "./search-pinyin.js";

export const PAGE_SIZE = 10;
const FORMER = 1000; // a place in a former name comes after every place in the name
const OUTSIDE = 10000; // what only sounds like it, or has it inside its code, comes last, newest first

function places(line, word, query) {
  const own = line.folded.indexOf(word);
  if (own >= 0) return own;
  const former = line.formerNames.map((name) => fold(name).indexOf(word)).filter((found) => found >= 0);
  if (former.length > 0) return FORMER + Math.min(...former);
  if (startsCode(line, word)) return -1;
  if (hasPart(line, word)) return OUTSIDE;
  const sound = query.sounds?.get(word);
  if (sound !== undefined) {
    const names = [line.folded, ...line.formerNames.map(fold)];
    if (names.some((name) => placeOfSound(name, sound, query.readings) >= 0)) return OUTSIDE;
  }
  return null;
}

const startsCode = (line, word) =>
  isCode(word) && ((line.hasInCode(word) && line.code.startsWith(word)) || (line.regNo !== null && fold(line.regNo).startsWith(word)));

const hasPart = (line, word) =>
  isCode(word) && (line.hasInCode(word) || (line.regNo !== null && fold(line.regNo).includes(word)));

export function matches(line, query) {
  const values = query.filters.length > 0 ? facetValues(line) : null;
  return query.words.every((word) => places(line, word, query) !== null) && query.filters.every((value) => values.has(value));
}

/** The lines of a table that a query means. Of all rows, only those are looked at that may have its longest word. */
export function matching(table, query) {
  const written = query.words.filter((word) => !query.sounds?.has(word));
  const longest = written.reduce((found, word) => (word.length > found.length ? word : found), "");
  const lines = longest === "" ? [...table] : table.rowsWith(longest).map((row) => table.line(row));
  return lines.filter((line) => matches(line, query));
}

function rank(line, query) {
  if (query.words.length === 0) return 0;
  if (query.code !== null && startsCode(line, query.code)) return -1;
  return places(line, query.words[0], query) ?? 2 * OUTSIDE;
}

/** The name that begins with the first word, then by where the word stands, then newest inspection. */
export function byPlace(query) {
  const ranks = new Map();
  const told = (line) => {
    if (!ranks.has(line)) ranks.set(line, rank(line, query));
    return ranks.get(line);
  };
  return (a, b) => told(a) - told(b) || b.latest - a.latest || a.doc - b.doc;
}

export function answer(query, lines, page, done, order = null) {
  const sorted = unique(lines).sort(order === "code" ? byCode(query) : byPlace(query));
  const last = Math.max(1, Math.ceil(sorted.length / PAGE_SIZE));
  const here = Math.min(Math.max(1, page), last);
  return {
    query, total: sorted.length, exact: done, page: here, done,
    lines: sorted.slice((here - 1) * PAGE_SIZE, here * PAGE_SIZE),
    facets: done ? counted(sorted) : null, // what is still being read is not counted yet
  };
}

const codeOf = (line, query) => ((line.code ?? "").startsWith(query.code) ? line.code : line.regNo ?? line.code ?? "");
export const byCode = (query) => (a, b) => {
  const ranks = rank(a, query) - rank(b, query);
  if (ranks !== 0 || rank(a, query) !== -1) return ranks || b.latest - a.latest || a.doc - b.doc;
  return codeOf(a, query) < codeOf(b, query) ? -1 : 1;
};

function counted(lines) {
  const counts = new Map();
  for (const line of lines) for (const value of facetValues(line)) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}

export const readCounts = (text) =>
  new Map(text.split(",").filter(Boolean).map((pair) => pair.split("=")).map(([value, n]) => [value, Number(n)]));

export function unique(lines) {
  const seen = new Set();
  return lines.filter((line) => !seen.has(line.doc) && seen.add(line.doc));
}

/**
 * Counts of facets with what has changed since they were taken. What a changed line had before is not known: where there
 * are such lines, there are at least so many (`facetsExact` is false).
 */
function recounted(counts, newer, fresh) {
  if (counts === null) return { facets: null };
  const changed = newer.length - fresh.length;
  const now = counted(newer);
  const isFresh = counted(fresh);
  const facets = new Map();
  for (const [value, count] of counts) {
    const kept = (now.get(value) ?? 0) - (isFresh.get(value) ?? 0); // changed lines that have it still
    facets.set(value, Math.max(0, count + (isFresh.get(value) ?? 0) - (changed - kept)));
  }
  return { facets, facetsExact: changed === 0 };
}

/** The answer as it is with what has changed since the base was written. */
export function merged(found, { replaced, newer, fresh }, query, page) {
  if (found.paged) {
    return { query, page, lines: found.lines, total: found.total, exact: found.exact !== false && found.total !== null,
      ...recounted(found.counts, newer, fresh), done: true, last: found.last ?? null };
  }
  const lines = unique([...newer, ...found.lines.filter((line) => !replaced.has(line.doc))]);
  if (found.whole) return answer(query, lines, page, true, found.order ?? null);
  // Only the first lines of many are at hand: of a common string's page, or of what the lists named so far.
  lines.sort(byPlace(query));
  const isCounted = found.total !== null;
  return {
    query, page, done: true, ...recounted(found.counts, newer, fresh),
    lines: lines.slice((page - 1) * PAGE_SIZE, page * PAGE_SIZE),
    total: isCounted ? found.total + fresh.length : lines.length,
    exact: isCounted && found.exact !== false,
    last: found.more ? null : Math.max(1, Math.floor(lines.length / PAGE_SIZE)), // of the pages that can be shown
  };
}
