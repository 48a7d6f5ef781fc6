// Codes and registration numbers: whole or their beginning, from files in the order of codes; else parts of them.

import { readCodes, readRows } from "./search-files.js";
import { PAGE_SIZE, matches, unique } from "./search-lines.js";
import { withParts } from "./search-parts.js";

const CODE_FILES = 6; // of codes read for one query

export async function byCode(base, query, page, signal) {
  const words = { ...query, code: null, words: [query.code] };
  const isWhole = query.code.length === 18;
  const named = isWhole ? { lines: [], total: 0, whole: true } : base.find(words, 1, signal);
  const [codes, names] = await Promise.all([codesFrom(base, query, page, signal), named]);
  if (!isWhole && codes.whole) {
    const lines = [...codes.lines, ...names.lines].filter((line) => matches(line, query));
    return withParts(base, query, { lines, whole: names.whole }, page, signal);
  }
  const lines = codes.lines.filter((line) => matches(line, query));
  const there = new Set(lines.map((line) => line.doc));
  const more = names.lines.filter((line) => !there.has(line.doc));
  const filtered = query.filters.length > 0;
  return {
    lines: [...lines, ...more],
    total: codes.whole ? lines.length + more.length : filtered ? null : codes.total + more.length,
    counts: null,
    whole: codes.whole && names.whole,
    exact: codes.whole, // some may have it further inside
    paged: !codes.whole, // with what has changed in its place
    order: "code",
  };
}

/** Lines whose code or registration number begins with `prefix`, in the order of codes. */
async function codesFrom(base, { code: prefix, changes }, page, signal) {
  const { pages } = base.manifest;
  const above = `${prefix}\uffff`;
  const first = Math.max(0, lastAtMost(pages.map((one) => one.key), prefix));
  const last = Math.max(0, lastAtMost(pages.map((one) => one.key), above));
  if (pages.length === 0) return { lines: [], total: 0, whole: true };
  const [head, tail] = await Promise.all([
    base.unit(`p/${first}`, readRows, signal), base.unit(`p/${last}`, readRows, signal),
  ]);
  const perPage = base.manifest.filesPerPage;
  const begin = first * perPage + Math.max(0, lastAtMost(head.map(([key]) => key), prefix));
  const end = last * perPage + Math.max(0, lastAtMost(tail.map(([key]) => key), above));
  const here = (rows) => rows.filter(({ key }) => key.startsWith(prefix)).map(({ line }) => line);
  if (end - begin < CODE_FILES) {
    const numbers = Array.from({ length: end - begin + 1 }, (_, i) => begin + i);
    const files = await Promise.all(numbers.map((number) => base.unit(`c/${number}`, readCodes, signal)));
    const lines = unique(files.flatMap(here));
    return { lines, total: lines.length, whole: true };
  }
  const between = first === last
    ? head.slice(begin - first * perPage + 1, end - first * perPage).reduce((sum, [, n]) => sum + Number(n), 0)
    : head.slice(begin - first * perPage + 1).reduce((sum, [, n]) => sum + Number(n), 0) +
      pages.slice(first + 1, last).reduce((sum, { count }) => sum + count, 0) +
      tail.slice(0, end - last * perPage).reduce((sum, [, n]) => sum + Number(n), 0);
  const [start, stop] = await Promise.all([begin, end].map((number) => base.unit(`c/${number}`, readCodes, signal)));
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
    lines = here(await base.unit(`c/${number}`, readCodes, signal));
  }
  while (lines.length < skip + count && number < end) {
    number += 1;
    lines = [...lines, ...here(await base.unit(`c/${number}`, readCodes, signal))];
  }
  const listed = lines.slice(skip, skip + count).map((line) => latest.get(line.doc) ?? line);
  return { lines: [...leading, ...listed], total: total + fresh.length, whole: false };
}

function lastAtMost(keys, wanted) {
  let last = -1;
  for (let at = 0; at < keys.length && keys[at] <= wanted; at += 1) last = at;
  return last;
}
