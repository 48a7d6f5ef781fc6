"""The page's search engine in Chromium, on an index with shards, against a scan of all subjects.

The index is small but built as a large one is (``scan_limit=0``): common strings, lists, facets, codes, sounds, an
overlay and files written again after a withdrawal are all there.
"""

import json
import threading
import unicodedata
from collections.abc import Iterator, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route
from sqlalchemy import insert
from tests.bench.search.__main__ import ASK, judge
from tests.bench.search.build import WORDS, some_changes
from tests.bench.search.names import subjects as invented
from tests.bench.search.queries import Query, Scan, outcome_letters, queries

from publisher.folding import fold, fold_plain, simplified
from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pages
from publisher.ledger.schema import subject
from publisher.site.install import Tree
from publisher.site.search.entry import Entry
from publisher.site.search.pinyin import LISTED
from publisher.site.search.update import Index

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
OPEN = """async () => {
  const { Engine } = await import("/static/search-engine.js");
  globalThis.engine = new Engine("/search/index.json");
  await engine.open();
}"""


class Source:
    """Subjects in memory, as the index takes them."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = {one.subject_no: one for one in entries}

    def every(self, connection: Any) -> Iterator[Entry]:
        yield from self.entries.values()

    def some(self, connection: Any, numbers: Sequence[int]) -> dict[int, Entry]:
        return {number: self.entries[number] for number in numbers if number in self.entries}

    def others(self, connection: Any) -> Iterator[tuple[str, str, str, str]]:
        yield "plan", "2026 年度联合抽查计划", "/plans/2026/P/", "2026 年"
        yield "task", "电梯使用单位抽查", "/plans/2026/P/#T-1", "2026 年度联合抽查计划"
        yield "item", "特种设备使用的检查", "/items/JS-0101/", "JS-0101"
        yield "page", "怎样提出异议", "/about/objections/", ""


class Portal:
    """An index that is served, and can be changed."""

    def __init__(self, folder: Path, scan_limit: int) -> None:
        self.folder, self.scan_limit = folder, scan_limit
        self.source = Source(list(invented(4000, seed=21)))
        self.ledger = Ledger(f"sqlite:///{folder}/ledger.db")
        self.tree = Tree(folder / "output")
        self.update(("search", ""))
        (folder / "output/index.html").write_text("<!doctype html><meta charset=utf-8><title>x</title>")
        (folder / "output/static").symlink_to(ROOT / "theme/static")
        handler = partial(Quiet, directory=str(folder / "output"))
        self.server = Server(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def update(self, *owed: tuple[str, str]) -> None:
        with self.ledger.transaction() as connection:
            owe_pages(connection, owed)
        Index(self.source, WORDS, self.ledger, self.tree, self.scan_limit).update()

    def change(self, changes: dict[int, Entry | None]) -> None:
        with self.ledger.transaction() as connection:
            rows = [{"subject_no": number, "key": str(number), "kind": "x", "name": "", "region_code": "", "path": ""}
                    for number in changes]  # fmt: skip
            connection.execute(insert(subject), rows)
        for number, entry in changes.items():
            self.source.entries.pop(number, None)
            if entry is not None:
                self.source.entries[number] = entry
        self.update(*(("search_subject", str(number)) for number in changes))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.ledger.close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing: the page lets go of what it no longer wants, and the server finds nobody to answer."""


@pytest.fixture(params=[0, 20_000], ids=["shards", "whole"])
def portal(request: Any, tmp_path: Path) -> Iterator[Portal]:
    portal = Portal(tmp_path, request.param)
    yield portal
    portal.close()


@pytest.fixture
def page(chromium: Browser, portal: Portal) -> Iterator[Page]:
    page = chromium.new_page()
    page.goto(portal.address)
    yield page
    page.close()


AHEAD = """async ({ ahead, text }) => {
  const { Engine } = await import("/static/search-engine.js");
  const engine = new Engine("/search/index.json", ahead);
  let answer = null;
  for await (answer of engine.search(text, {}, 1, new AbortController().signal)) {}
  return { total: answer.total, paths: answer.lines.map((line) => line.path), left: engine.store.begun.size };
}"""


def test_what_the_page_names_is_asked_for_before_the_manifest_has_come(page: Page, portal: Portal) -> None:
    one = portal.source.entries[7]
    portal.change({7: one._replace(name="改了名的测试有限公司"), 8: None})
    said = json.loads((portal.folder / "output/search/index.json").read_text())
    records = [f"{said['generation']}/r0/{number}.bin" for number in range(3)]
    named = [said["overlay"], said["revised"]] if said["shards"] else records
    asked: list[str] = []

    def manifest(route: Route) -> None:
        page.wait_for_timeout(200)
        asked.append(route.request.url)
        route.continue_()

    page.on("request", lambda request: request.url.endswith(".bin") and asked.append(request.url))
    page.route("**/search/index.json", manifest)
    told = page.evaluate(AHEAD, {"ahead": named, "text": "改了名的测试"})
    assert told == {"total": 1, "paths": [one.path], "left": 0}
    before = asked[: next(at for at, url in enumerate(asked) if url.endswith("index.json"))]
    assert {url.partition("/search/")[2] for url in before} == set(named)
    assert len(asked) == len(set(asked))  # nothing is asked for twice


@pytest.mark.parametrize("ahead", [["0000000000/r0/0.bin", "0000000000/r0/1.bin"], ["overlay-0000000000.bin"], ["/"]])
def test_a_page_older_than_the_index_finds_what_there_is_now(page: Page, portal: Portal, ahead: list[str]) -> None:
    scan = Scan(sorted(portal.source.entries.values(), key=lambda one: one.subject_no))
    for text in ("有限公司", next(one.uscc for one in scan.entries if one.uscc)):
        truth = scan.answer(Query("", text, {}))
        told = page.evaluate(AHEAD, {"ahead": ahead, "text": text})
        assert (told["total"], tuple(told["paths"]), told["left"]) == (truth.total, truth.first, 0)


def compare(page: Page, portal: Portal, asked: Sequence[Query]) -> None:
    """Ask everything; every page of every exact answer must be what the scan finds."""
    entries = sorted(portal.source.entries.values(), key=lambda one: one.subject_no)
    scan, letters = Scan(entries), outcome_letters()
    page.evaluate(OPEN)
    for query in asked:
        filters = {name: letters[value] if name == "outcome" else value for name, value in query.filters.items()}
        told = page.evaluate(ASK, {"text": query.text, "filters": filters, "page": 1})
        told["all"] = list(told["paths"])
        if told["exact"] and 10 < told["total"] <= 200 and told["last"] is None:
            for number in range(2, -(-told["total"] // 10) + 1):
                more = page.evaluate(ASK, {"text": query.text, "filters": filters, "page": number})
                told["all"] += more["paths"]
        truth = scan.answer(query)
        verdict = judge(told, truth, scan.newest(truth))
        assert verdict["total"], (query, told, truth.total)
        assert (verdict["recall"], verdict["precision"], verdict["twice"]) == (1, 1, False), (query, told, truth.total)
        if not any(portal.tree.output.joinpath("search").glob("overlay-*")):
            assert verdict["order"], (query, told, truth.first)


def test_answers_are_those_of_a_scan(page: Page, portal: Portal) -> None:
    compare(page, portal, queries(list(portal.source.entries.values()), 120, seed=5))


def test_answers_follow_changes_and_withdrawals(page: Page, portal: Portal) -> None:
    entries = list(portal.source.entries.values())
    changes: dict[int, Entry | None] = some_changes(entries, 60, 30)
    gone = entries[3::200]
    changes |= {one.subject_no: None for one in gone}
    renamed = entries[4]._replace(name="改名之后的昆山华瑞有限公司", former_names=(entries[4].name,))
    changes[renamed.subject_no] = renamed
    portal.change(changes)
    touched = [one for one in changes.values() if one is not None] + gone
    compare(page, portal, queries(touched, 80, seed=6) + queries(entries, 40, seed=7))


@pytest.mark.parametrize("portal", [0], ids=["shards"], indirect=True)
def test_sounds_that_are_all_common_are_followed_behind_the_newest_that_are_listed(page: Page, portal: Portal) -> None:
    query = Query("syllables", "xiangongsi", {})  # both keys have more than are listed with them
    scan = Scan(sorted(portal.source.entries.values(), key=lambda one: one.subject_no))
    last = (LISTED + 100) // 10
    expected = scan.newest(scan.answer(query), last * 10)
    assert len(expected) == last * 10
    page.evaluate(OPEN)
    told = page.evaluate(ASK, {"text": query.text, "filters": {}, "page": last})
    assert told["paths"] == list(expected[-10:])


def test_a_page_from_before_a_new_base_finds_its_way(page: Page, portal: Portal) -> None:
    page.evaluate(OPEN)
    entries = list(portal.source.entries.values())
    portal.source.entries = {one.subject_no: one for one in entries[::2]}
    portal.update(("search", ""))
    one = entries[10]
    told = page.evaluate(ASK, {"text": one.name, "filters": {}, "page": 1})
    assert one.path in told["paths"]
    lost = page.evaluate(ASK, {"text": entries[11].name, "filters": {}, "page": 1})
    assert entries[11].path not in lost["paths"]


def test_folding_in_the_page_is_that_of_the_index(page: Page) -> None:
    texts = ["華瑞（蘇州）ＡＢＢ", "“甲”·乙 [丙]【丁】", "ﬁrm ㈱ ½ ß", "㙓𬭎", "a\u200bb\u00adc", "Ｂ＆Ｑ－１"]
    texts += [chr(point) for point in range(0x21, 0x3100)] + [chr(point) for point in range(0xFF00, 0xFFF0)]
    texts = [text for text in texts if text.isprintable()]
    folded = page.evaluate(
        "async (texts) => { const { fold } = await import('/static/search-fold.js'); return texts.map(fold); }", texts
    )
    different = {text: (ours, theirs) for text, ours, theirs in zip(texts, map(fold_plain, texts), folded, strict=True)
                 if ours != theirs and "Cn" not in map(unicodedata.category, theirs)}  # fmt: skip
    assert different == {}
    traditional = [*simplified(), *"国华东门长㙓著乾"]
    told = page.evaluate(
        "async (texts) => { const { mayBeTraditional } = await import('/static/search-fold.js');"
        " return texts.map(mayBeTraditional); }",
        traditional,
    )
    assert [one for one, may in zip(traditional, told, strict=True) if not may] == list("国华东门长著乾")
    assert fold(traditional[0]) != traditional[0]


@pytest.mark.parametrize(
    ("text", "kind", "title"),
    [("联合抽查", "plan", "2026 年度联合抽查计划"), ("電梯 使用", "task", "电梯使用单位抽查"),
     ("特种设备", "item", "特种设备使用的检查"), ("异议", "page", "怎样提出异议")],
)  # fmt: skip
def test_plans_tasks_items_and_pages_are_found_by_kind(page: Page, kind: str, text: str, title: str) -> None:
    page.evaluate(OPEN)
    told = page.evaluate(
        """async (text) => {
          const signal = new AbortController().signal;
          return engine.others(await engine.readQuery(text, signal), signal);
        }""",
        text,
    )
    assert [(one["kind"], one["title"]) for one in told] == [(kind, title)]


def test_counts_of_facets_of_a_common_string_follow_changes(page: Page, portal: Portal) -> None:
    entries = list(portal.source.entries.values())
    portal.change(dict(some_changes(entries, 30, 20)))
    page.evaluate(OPEN)
    told = page.evaluate(
        """async () => {
          let last = null;
          for await (last of engine.search("有限公司", {}, 1, new AbortController().signal));
          return { facets: [...last.facets], exact: last.facetsExact ?? true };
        }"""
    )
    matching = [one for one in portal.source.entries.values()
                if any("有限公司" in fold(name) for name in (one.name, *one.former_names))]  # fmt: skip
    years = {value[1:]: count for value, count in told["facets"] if value.startswith("y")}
    assert len(years) > 5
    for year, count in years.items():
        true = sum(any(f"{one % 100:02}" == year for one, _ in entry.pairs) for entry in matching)
        assert count == true if told["exact"] else true - 30 <= count <= true


def test_a_stale_query_lets_go_of_its_files(page: Page, portal: Portal) -> None:
    page.evaluate(OPEN)
    told = page.evaluate(
        """async () => {
          const first = new AbortController();
          const asking = (async () => { for await (const _ of engine.search("有限公司", {}, 1, first.signal)); })();
          await new Promise((done) => setTimeout(done));
          first.abort();
          let failed = null;
          try { await asking; } catch (error) { failed = error.name; }
          let total = null;
          for await (const one of engine.search("有限公司", {}, 1, new AbortController().signal)) total = one.total;
          return JSON.stringify({ failed, total });
        }"""
    )
    expected = sum("有限公司" in fold(one.name) for one in portal.source.entries.values())
    assert json.loads(told)["total"] >= expected
