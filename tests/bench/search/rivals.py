"""The same queries asked of Pagefind and of SQLite over HTTP ranges, at the same distance, for comparison.

Both are fetched when asked for, into ``var/bench``; where that fails, the comparison says it was skipped. Both get
names and queries folded by our rules. Left out are sounds and parts of codes, which neither has. Each query has a
page of its own.
"""

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page
from tests.bench.search.build import tree_size
from tests.bench.search.queries import Answer, Query
from tests.bench.search.server import Distant

from publisher.folding import fold
from publisher.site.search.entry import Entry

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / "var" / "bench"
PAGEFIND, HTTPVFS = "1.5.2", "0.8.12"
PAGEFIND_LIMIT = 100_000  # at a million it takes 15.6 GB to build
LEFT_OUT = ("initials", "syllables", "code_part", "code_end")
WHOLE_LIMIT = 200  # answers up to this size are read to the last for recall and precision; that is not measured
PATIENCE = 30_000  # ms after which a query has no answer


Cut = Callable[[str], str]


class Skipped(Exception):
    """A rival cannot be had here."""


class Rival(NamedTuple):
    """How a rival is built, opened in a page, and asked. ``start`` and ``ask`` are functions of the page's script."""

    name: str
    way: str
    fetch: Callable[[], None]
    build: Callable[[Sequence[Entry], Path], None]
    start: str
    ask: str
    asked: Callable[[Query], dict[str, Any]]
    limit: int


def _run(*words: str | Path, **options: Any) -> None:
    try:
        subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **options)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise Skipped(said.strip().splitlines()[-1][:200]) from error


def _pairs(text: str) -> str:
    return " ".join(map("".join, pairwise(text))) or text


# Pagefind ------------------------------------------------------------------------------------------------------------


PYTHON = KEPT / "pagefind" / "bin" / "python"


def _fetch_pagefind() -> None:
    if not PYTHON.exists():
        _run(sys.executable, "-m", "venv", KEPT / "pagefind")
    _run(PYTHON, "-m", "pip", "install", "--quiet", f"pagefind=={PAGEFIND}", f"pagefind_bin=={PAGEFIND}")


def _build_pagefind(entries: Sequence[Entry], folder: Path, language: str = "zh-cn", cut: Cut = str) -> None:
    for one in entries:
        names = "".join(f"<p>{escape(cut(fold(name)))}</p>" for name in (one.name, *one.former_names))
        codes = "".join(f"<p>{code}</p>" for code in (one.uscc, one.reg_no) if code)
        values = [f"region:{one.region_code}", *(f"pair:{year % 100:02}{outcome}" for year, outcome in one.pairs)]
        values += [f"year:{year % 100:02}" for year in {year for year, _ in one.pairs}]
        values += [f"outcome:{outcome}" for outcome in {outcome for _, outcome in one.pairs}]
        filters = "".join(f'<i data-pagefind-filter="{value}"></i>' for value in values)
        file = folder / one.path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f'<!doctype html><html lang="{language}"><body><h1>{names}</h1>{codes}{filters}</body></html>')
    _run(PYTHON, "-m", "pagefind", "--site", folder, "--output-path", folder / "pagefind")
    shutil.rmtree(folder / "subjects")


def _asked_of_pagefind(query: Query, cut: Cut = str) -> dict[str, Any]:
    filters = dict(query.filters)
    if "year" in filters and "outcome" in filters:
        filters["pair"] = filters.pop("year") + filters.pop("outcome")
    return {
        "text": " ".join(word if word.isascii() else cut(word) for word in map(fold, query.text.split())),
        "filters": filters,
    }


PAGEFIND_START = """async () => {
  globalThis.pagefind = await import("/pagefind/pagefind.js");
  await pagefind.init();
}"""
PAGEFIND_ASK = """async ({ asked, limit }) => {
  const { results } = await pagefind.search(asked.text, { filters: asked.filters });
  const read = async (some) => (await Promise.all(some.map((one) => one.data()))).map((one) => one.url);
  const paths = await read(results.slice(0, 10));
  return { paths, total: results.length, exact: true,
           rest: () => (results.length <= limit ? read(results.slice(10)) : []) };
}"""


# SQLite --------------------------------------------------------------------------------------------------------------


PACKAGE = KEPT / "httpvfs" / "node_modules" / "sql.js-httpvfs" / "dist"


def _fetch_sqlite() -> None:
    if not PACKAGE.exists():
        (KEPT / "httpvfs").mkdir(parents=True, exist_ok=True)
        _run("npm", "install", "--silent", "--prefix", KEPT / "httpvfs", f"sql.js-httpvfs@{HTTPVFS}")


def _build_sqlite(entries: Sequence[Entry], folder: Path) -> None:
    shutil.copytree(PACKAGE, folder / "httpvfs")
    database = sqlite3.connect(folder / "subjects.db")
    database.executescript(
        """PRAGMA page_size = 4096; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;
        CREATE TABLE doc
            (doc INTEGER PRIMARY KEY, name TEXT, uscc TEXT, reg_no TEXT, path TEXT, region TEXT, pairs TEXT);
        CREATE VIRTUAL TABLE names USING fts5
            (grams, content='', columnsize=0, tokenize="unicode61 categories 'L* N* P* S* Co'");
        """
    )
    newest = sorted(entries, key=lambda one: (-one.latest, one.subject_no))
    database.executemany(
        "INSERT INTO doc VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (doc, one.name, one.uscc, one.reg_no, one.path, one.region_code, _facets(one))
            for doc, one in enumerate(newest, 1)
        ),
    )
    database.executemany(
        "INSERT INTO names (rowid, grams) VALUES (?, ?)",
        (
            (doc, f" {BETWEEN} ".join(_grams(fold(name)) for name in (one.name, *one.former_names)))
            for doc, one in enumerate(newest, 1)
        ),
    )
    database.executescript(
        "CREATE INDEX by_uscc ON doc (uscc); CREATE INDEX by_reg_no ON doc (reg_no);"
        "INSERT INTO names (names) VALUES ('optimize'); VACUUM;"
    )
    database.close()


BETWEEN = "\ue000"  # stands between names and behind the last character of one, so that one character is a prefix


def _facets(one: Entry) -> str:
    return "".join(f"|{year % 100:02}:{outcome}" for year, outcome in one.pairs) + "|"


def _grams(text: str) -> str:
    return " ".join(map("".join, zip(text, text[1:] + BETWEEN, strict=True)))


def _asked_of_sqlite(query: Query) -> dict[str, Any]:
    """Return the statement for a query: names by phrases of pairs of characters, codes by a range."""
    words = [word for word in map(fold, query.text.split()) if word]
    joined = "".join(words)
    matching, values = [], []
    phrases = []
    for word in words:
        grams = [word[at : at + 2] for at in range(len(word) - 1)]
        quoted = f'"{" ".join(grams)}"' if grams else f'"{word}" *'
        phrases.append(quoted)
    matching.append("SELECT rowid FROM names WHERE names MATCH ?")
    values.append(" AND ".join(phrases))
    if 4 <= len(joined) <= 18 and joined.isascii() and joined.isalnum() and any(one.isdigit() for one in joined):
        for column in ("uscc", "reg_no"):
            matching.append(f"SELECT doc FROM doc WHERE {column} >= ? AND {column} < ?")
            values += [joined, f"{joined}~"]
    tests = []
    if "region" in query.filters:
        tests.append("region = ?")
        values.append(query.filters["region"])
    year, outcome = query.filters.get("year"), query.filters.get("outcome")
    if year or outcome:
        tests.append("pairs LIKE ?")
        values.append(
            f"%|{year or ''}:{outcome}|%" if outcome and year else f"%|{year}:%" if year else f"%:{outcome}|%"
        )
    among = f"doc IN ({' UNION '.join(matching)})" if len(matching) > 1 else None
    if among is None:  # in the order of the list, so that the first ten end it
        start = "SELECT path FROM names JOIN doc ON doc.doc = names.rowid WHERE names MATCH ?"
        end = "ORDER BY names.rowid"
    else:
        start, end = f"SELECT path FROM doc WHERE {among}", "ORDER BY doc"
    return {"statement": f"{' AND '.join([start, *tests])} {end} LIMIT ", "values": values}


SQLITE_START = """async () => {
  await new Promise((done, failed) => {
    const script = document.createElement("script");
    Object.assign(script, { src: "/httpvfs/index.js", onload: done, onerror: failed });
    document.head.append(script);
  });
  const config = { serverMode: "full", requestChunkSize: 4096, url: "/subjects.db" };
  globalThis.worker = await createDbWorker(
    [{ from: "inline", config }], "/httpvfs/sqlite.worker.js", "/httpvfs/sql-wasm.wasm");
  await worker.db.query("SELECT 1 FROM sqlite_schema");
}"""
SQLITE_ASK = """async ({ asked, limit }) => {
  const read = async (count) =>
    (await worker.db.query(asked.statement + count, asked.values)).map(({ path }) => path);
  const paths = await read(10);
  return { paths, rest: async function () {
    const all = paths.length < 10 ? paths : await read(limit + 1);
    Object.assign(this, { total: all.length, exact: all.length <= limit });
    return this.exact ? all.slice(10) : [];
  } };
}"""

RIVALS = (
    Rival(
        "pagefind", f"Pagefind {PAGEFIND}, a page of HTML for each subject, its own words of Chinese",
        _fetch_pagefind, _build_pagefind, PAGEFIND_START, PAGEFIND_ASK, _asked_of_pagefind, PAGEFIND_LIMIT,
    ),
    Rival(
        "pagefind-pairs", f"Pagefind {PAGEFIND}, names and queries cut into pairs of characters before it sees them",
        _fetch_pagefind, partial(_build_pagefind, language="en", cut=_pairs), PAGEFIND_START, PAGEFIND_ASK,
        partial(_asked_of_pagefind, cut=_pairs), PAGEFIND_LIMIT,
    ),
    Rival(
        "sqlite", f"sql.js-httpvfs {HTTPVFS}, FTS5 phrases of pairs of characters, 4 KiB ranges, the newest ten; "
        "totals are not counted in its time",
        _fetch_sqlite, _build_sqlite, SQLITE_START, SQLITE_ASK, _asked_of_sqlite, sys.maxsize,
    ),
)  # fmt: skip

MEASURED = """async ({ ask, ...given }) => {
  const begun = performance.now();
  const timely = new Promise((_, late) => setTimeout(late, given.patience, new Error("late")));
  try {
    globalThis.told = await Promise.race([(0, eval)(ask)(given), timely]);
    return { paths: told.paths, ms: performance.now() - begun };
  } catch (error) {
    globalThis.told = null;
    return { paths: [], ms: performance.now() - begun, failed: String(error) };
  }
}"""
REST = """async () => {
  if (globalThis.told === null) return { rest: [], total: 0, exact: true };
  const rest = await told.rest();
  return { rest, total: told.total, exact: told.exact };
}"""


def build(rival: Rival, entries: Sequence[Entry], folder: Path) -> dict[str, Any]:
    """Build a rival's index under a folder; return what it took.

    Raises :class:`Skipped` when the rival cannot be had.
    """
    rival.fetch()
    folder.mkdir()
    before, wall = os.times(), time.perf_counter()
    rival.build(entries, folder)
    after = os.times()
    size, files, _ = tree_size(folder)
    (folder / "bench.html").write_text("<!doctype html><meta charset=utf-8><title>bench</title>")
    used = sum(after[:4]) - sum(before[:4])
    return {
        "cpu_s": round(used, 1),
        "wall_s": round(time.perf_counter() - wall, 1),
        "bytes": size,
        "files": files,
    }


def answers(
    rival: Rival, browser: Browser, folder: Path, asked: Iterable[Query]
) -> Iterable[tuple[Query, dict[str, Any]]]:
    """Ask a rival every query in a page of its own; yield what it told, and what that and its start took."""
    far = Distant({"/": folder})
    for query in asked:
        page: Page = browser.new_page()
        page.goto(f"http://127.0.0.1:{far.port}/bench.html")
        far.reset()
        begun = time.perf_counter()
        page.evaluate(rival.start)
        start = {"ms": (time.perf_counter() - begun) * 1000, "bytes": far.bytes}
        far.reset()
        given = {"ask": f"({rival.ask})", "asked": rival.asked(query), "limit": WHOLE_LIMIT, "patience": PATIENCE}
        told: dict[str, Any] = page.evaluate(MEASURED, given)
        told |= {"requests": far.requests, "bytes": far.bytes, "start": start, "first": None}
        rest = page.evaluate(REST)
        told |= {"all": [*told["paths"], *rest["rest"]], "total": rest["total"], "exact": rest["exact"]}
        yield query, told
        page.close()


def verdict(told: dict[str, Any], truth: Answer) -> dict[str, float]:
    """Return recall and precision: of the whole answer where both sides are small enough, else of the first page."""
    due = truth.total if truth.total <= WHOLE_LIMIT and told["exact"] else min(10, truth.total)
    shown = told["all"] if truth.total <= WHOLE_LIMIT else told["paths"]
    found = len(set(shown) & truth.paths)
    return {
        "recall": min(1.0, found / due) if due else 1.0,
        "precision": found / len(shown) if shown else 1.0,
    }
