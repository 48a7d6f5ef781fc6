"""The search bench: builds, changes, withdraws, and asks in Chromium, against a scan of all subjects.

``python -m tests.bench.search --subjects 1000000`` prints one JSON object a line. Queries are asked cold: nothing is
kept between them but the manifest, every request takes 40 ms and all share 20 Mbit/s.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from playwright.sync_api import Browser, Page, sync_playwright
from tests.bench.search import rivals
from tests.bench.search.build import Pickled, save
from tests.bench.search.names import subjects
from tests.bench.search.queries import Answer, Query, Scan, outcome_letters, queries
from tests.bench.search.server import Distant

from publisher.site.search.entry import Entry
from publisher.site.search.index import SCAN_LIMIT
from publisher.site.search.manifest import RECORDS_AHEAD

ROOT = Path(__file__).resolve().parents[3]
PAGE = 10
WHOLE_LIMIT = 200  # answers up to this size are read page by page, to the last
Row = tuple[Query, dict[str, Any], dict[str, Any]]  # what was asked, what was told and took, how right it is
BROWSER = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking")

OPEN = """async () => {
  const { Engine } = await import("/static/search-engine.js");
  globalThis.engine = new Engine("/search/index.json");
  const begun = performance.now();
  await engine.open();
  return performance.now() - begun;
}"""
# As the page does that opens with a query in its address: nothing of the index is there, the manifest neither.
COLD = """async ({ text, filters, ahead }) => {
  const { Engine } = await import("/static/search-engine.js");
  const begun = performance.now();
  const engine = new Engine("/search/index.json", ahead);
  let first = null, answer = null;
  for await (answer of engine.search(text, filters, 1, new AbortController().signal)) {
    if (first === null && answer.lines.length > 0) first = performance.now() - begun;
  }
  const ms = performance.now() - begun;
  return { first: first ?? ms, ms };
}"""
ASK = """async ({ text, filters, page }) => {
  const begun = performance.now();
  let first = null, answer = null;
  for await (answer of engine.search(text, filters, page, new AbortController().signal)) {
    if (first === null && answer.lines.length > 0) first = performance.now() - begun;
  }
  return { first, ms: performance.now() - begun, total: answer.total, exact: answer.exact,
           paths: answer.lines.map((line) => line.path), last: answer.last ?? null };
}"""
PREPARE = "async () => { const begun = performance.now(); await engine.prepare(); return performance.now() - begun; }"


def say(**told: Any) -> None:
    print(json.dumps(told, ensure_ascii=False), flush=True)


def run(*words: str) -> Iterable[dict[str, Any]]:
    """Run the builder in a process of its own; yield what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.search.build", *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def ask(page: Page, far: Distant, query: Query, letters: dict[str, str], *, prepared: bool = False) -> dict[str, Any]:
    """Ask one query cold, or after the page has prepared; return what was answered, and what it took."""
    filters = {name: letters[value] if name == "outcome" else value for name, value in query.filters.items()}
    page.evaluate(OPEN)
    if prepared:
        page.evaluate(PREPARE)
    far.reset()
    told: dict[str, Any] = page.evaluate(ASK, {"text": query.text, "filters": filters, "page": 1})
    told |= {"requests": far.requests, "bytes": far.bytes, "files": [path for path, _ in far.log]}
    told["all"] = list(told["paths"])
    if told["exact"] and PAGE < told["total"] <= WHOLE_LIMIT and told["last"] is None:
        for number in range(2, -(-told["total"] // PAGE) + 1):
            more = page.evaluate(ASK, {"text": query.text, "filters": filters, "page": number})
            told["all"] += more["paths"]
    return told


def cold(page: Page, query: Query, letters: dict[str, str], ahead: Sequence[str]) -> dict[str, float]:
    """Ask one query of an index of which nothing is there, the page naming the files ``ahead``."""
    filters = {name: letters[value] if name == "outcome" else value for name, value in query.filters.items()}
    took: dict[str, float] = page.evaluate(COLD, {"text": query.text, "filters": filters, "ahead": list(ahead)})
    return took


def named_ahead(manifest: Path) -> list[str]:
    """Return the files that the search page of a small site names."""
    said = orjson.loads(manifest.read_bytes())
    files = 0 if said["shards"] else min(RECORDS_AHEAD, -(-said["base"] // said["perFile"]))
    return [f"{said['generation']}/r0/{number}.bin" for number in range(files)]


def judge(told: dict[str, Any], truth: Answer, newest: tuple[str, ...]) -> dict[str, Any]:
    """Return whether an answer is right: its total, its first page and that page's order, and all of it where read."""
    shown, wanted = told["paths"], min(PAGE, truth.total)
    right_total = told["total"] == truth.total if told["exact"] else told["total"] <= truth.total
    order = tuple(shown) == truth.first or tuple(shown) == newest
    found = len(set(told["all"]) & truth.paths)
    due = truth.total if told["exact"] and truth.total <= WHOLE_LIMIT and told["last"] is None else wanted
    return {
        "recall": found / due if due else 1.0,
        "precision": found / len(told["all"]) if told["all"] else 1.0,
        "total": right_total, "order": order, "twice": len(told["all"]) != len(set(told["all"])),
    }  # fmt: skip


def quantiles(values: list[float]) -> list[float]:
    """Return median, 95th of a hundred, and the most."""
    ordered = sorted(values)
    return [round(one, 1) for one in (statistics.median(ordered), ordered[int(len(ordered) * 0.95)], ordered[-1])]


FIGURES: dict[str, Callable[[dict[str, Any]], float]] = {
    "requests": lambda told: told["requests"],
    "kb": lambda told: told["bytes"] / 1024,
    "ms": lambda told: told["ms"],
}


def report(name: str, rows: list[Row]) -> None:
    say(
        sort=name, queries=len(rows),
        recall=round(statistics.mean(one["recall"] for *_, one in rows), 6),
        precision=round(statistics.mean(one["precision"] for *_, one in rows), 6),
        wrong_totals=sum(not one["total"] for *_, one in rows), wrong_order=sum(not one["order"] for *_, one in rows),
        at_least=sum(not told["exact"] for _, told, _ in rows), twice=sum(one["twice"] for *_, one in rows),
        **{name: quantiles([measure(told) for _, told, _ in rows]) for name, measure in FIGURES.items()},
        first_ms=quantiles([told["first"] or told["ms"] for _, told, _ in rows]),
    )  # fmt: skip


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(BROWSER))
        yield browser
        browser.close()


def measure(folder: Path, entries: Sequence[Entry], count: int) -> list[Row]:
    """Ask every query in Chromium and compare with the scan; return what was asked, told and judged."""
    scan = Scan(entries)
    asked = queries(entries, count)
    letters = outcome_letters()
    (folder / "output/bench.html").write_text("<!doctype html><meta charset=utf-8><title>bench</title>")
    far = Distant({"/static/": ROOT / "theme/static", "/": folder / "output"})
    rows: list[Row] = []
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{far.port}/bench.html")
        page.evaluate(OPEN)
        starts = []
        for _ in range(20):
            far.reset()
            starts.append(page.evaluate(OPEN))
        say(start_ms=quantiles(starts), start_kb=round(far.bytes / 1024, 1))
        far.reset()
        say(prepare_ms=round(page.evaluate(PREPARE), 1), prepare_kb=round(far.bytes / 1024, 1), requests=far.requests)
        for query in asked:
            told = ask(page, far, query, letters)
            truth = scan.answer(query)
            newest = scan.newest(truth) if tuple(told["paths"]) != truth.first else ()
            rows.append((query, told, judge(told, truth, newest)))
            *_, verdict = rows[-1]
            if verdict["recall"] < 1 or verdict["precision"] < 1 or not verdict["total"] or not verdict["order"]:
                say(wrong=query, told={key: told[key] for key in ("total", "exact", "paths")}, truth=truth.total,
                    first=truth.first, verdict=verdict)  # fmt: skip
        if len(entries) <= SCAN_LIMIT:
            named = named_ahead(folder / "output/search/index.json")
            for ahead in (named, ()):
                took = [cold(page, query, letters, ahead) for query in asked]
                say(sort="all, from nothing", named_ahead=len(ahead), ms=quantiles([one["ms"] for one in took]),
                    first_ms=quantiles([one["first"] for one in took]))  # fmt: skip
            # What a small site's page reads before anything is typed.
            later = [(query, ask(page, far, query, letters, prepared=True), verdict) for query, _, verdict in rows]
            report("all, typed once the page is ready", later)
    by_sort = defaultdict(list)
    for row in rows:
        by_sort[row[0].sort].append(row)
    for sort, these in sorted(by_sort.items()):
        report(sort, these)
    report("all", rows)
    return rows


def compare(folder: Path, entries: Sequence[Entry], ours: list[Row], count: int) -> None:
    """Ask the first queries of both rivals, and tell how many times what ours took they take."""
    for rival in rivals.RIVALS:
        some = entries[: rival.limit]
        place = folder / rival.name
        try:
            built = rivals.build(rival, some, place)
        except rivals.Skipped as reason:
            say(rival=rival.name, skipped=str(reason))
            continue
        say(rival=rival.name, way=rival.way, subjects=len(some), build=built)
        mine = [row for row in ours if row[0].sort not in rivals.LEFT_OUT][:count]
        asked = [query for query, *_ in mine]
        if len(some) < len(entries):  # about subjects it has; ours were asked of all
            asked = [query for query in queries(some, 2 * count) if query.sort not in rivals.LEFT_OUT][:count]
        scan = Scan(some)
        with chromium() as browser:
            told = [
                (answer, rivals.verdict(answer, scan.answer(query)))
                for query, answer in rivals.answers(rival, browser, place, asked)
            ]
        theirs = {name: quantiles([measure(one) for one, _ in told]) for name, measure in FIGURES.items()}
        here = {name: quantiles([measure(one) for _, one, _ in mine]) for name, measure in FIGURES.items()}
        say(
            rival=rival.name, queries=len(told), failed=sum("failed" in one for one, _ in told),
            recall=round(statistics.mean(one["recall"] for _, one in told), 3),
            precision=round(statistics.mean(one["precision"] for _, one in told), 3),
            start_ms=quantiles([one["start"]["ms"] for one, _ in told]),
            start_kb=round(told[-1][0]["start"]["bytes"] / 1024, 1), **theirs, ours=here,
            times={name: [round(a / b, 1) if b else None for a, b in zip(theirs[name], here[name], strict=True)]
                   for name in FIGURES},
        )  # fmt: skip
        shutil.rmtree(place)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--subjects", type=int, default=10_000)
    asked.add_argument("--queries", type=int, default=500)
    asked.add_argument("--rival-queries", type=int, default=100, help="asked of Pagefind and SQLite; 0: not compared")
    asked.add_argument("--pickle", type=Path, help="subjects made before")
    asked.add_argument("--folder", type=Path, help="an index built before: only ask")
    chosen = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="search-bench-") as temporary:
        folder, file = Path(temporary), chosen.pickle or Path(temporary) / "subjects"
        if chosen.pickle is None:
            save(subjects(chosen.subjects), file)
        if chosen.folder is None:
            say(build=next(iter(run("only", str(file)))))
            for told in run("install", str(file), str(folder)):
                say(**told)
        entries = list(Pickled(file).every())
        rows = measure(chosen.folder or folder, entries, chosen.queries)
        if chosen.folder is None and chosen.subjects > SCAN_LIMIT:
            for told in run("changes", str(file), str(folder)):
                say(**told)
        if chosen.rival_queries:
            compare(folder, entries, rows, chosen.rival_queries)


if __name__ == "__main__":
    main()
