"""The built tree as a reader without a script, and a machine, finds it: links, anchors, markup, downloads."""

import csv
import html
import io
import json
import random
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin
from xml.etree import ElementTree

import html5lib
import pytest

from publisher import searchfile

SEED = 20261120
WORD = r"[\w()（）·-]+"
BASE = "https://gongshi.example.gov.cn"
HOSTILE = "<script>alert(1)</script>有限公司"
ATOM = {"atom": "http://www.w3.org/2005/Atom", "map": "http://www.sitemaps.org/schemas/sitemap/0.9"}


class Read(NamedTuple):
    """What a page says to a machine that follows links."""

    links: frozenset[str]  # addresses of this site that it names, with their anchors
    anchors: frozenset[str]
    repeated_ids: tuple[str, ...]
    resources: frozenset[str]  # what a browser would load by itself


class _Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.links: set[str] = set()
        self.resources: set[str] = set()
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        target = given.get("href") or given.get("src") or given.get("action")
        if target is None:
            return
        whole = urljoin(BASE + self.address, target)
        if tag in ("a", "area", "form"):
            if whole.startswith(BASE + "/"):
                self.links.add(whole.removeprefix(BASE))
        elif not (tag == "link" and given.get("rel") == "canonical"):
            self.resources.add(whole)


def file_of(output: Path, address: str) -> Path:
    """Return the file a plain web server would answer with."""
    path = unquote(address.split("?")[0]).lstrip("/")
    return output / path / "index.html" if address.split("?")[0].endswith("/") else output / path


@pytest.fixture(scope="session")
def pages(demo: Any) -> dict[str, Read]:
    """Every HTML page of the site, by its address."""
    found = {}
    for file in sorted(demo.portal.output.rglob("*.html")):
        address = "/" + file.relative_to(demo.portal.output).as_posix().removesuffix("index.html")
        reader = _Reader(address)
        reader.feed(file.read_text("utf-8"))
        repeated = tuple(one for one in set(reader.ids) if reader.ids.count(one) > 1)
        found[address] = Read(frozenset(reader.links), frozenset(reader.ids), repeated, frozenset(reader.resources))
    return found


def test_every_published_record_is_reached_by_links_alone(pages: Mapping[str, Read], subjects: Sequence[Any]) -> None:
    waiting, reached = deque(["/"]), {"/"}
    while waiting:
        for link in pages[waiting.popleft()].links:
            address = urldefrag(link).url
            if address in pages and address not in reached:
                reached.add(address)
                waiting.append(address)
    assert {one.path for one in subjects} - reached == set()
    unanchored = [
        record_id for one in subjects for record_id in one.result_ids if record_id not in pages[one.path].anchors
    ]
    assert unanchored == []
    assert set(pages) - reached == {"/404.html"}


def test_no_link_leads_nowhere(pages: Mapping[str, Read], demo: Any) -> None:
    broken = set()
    for address, page in pages.items():
        for link in page.links:
            target, anchor = urldefrag(link)
            known = pages.get(target.split("?")[0])
            there = file_of(demo.portal.output, target).is_file() if known is None else True
            if not there or (known is not None and anchor and unquote(anchor) not in known.anchors):
                broken.add((address, link))
        broken |= {
            (address, one)
            for one in page.resources
            if not file_of(demo.portal.output, one.removeprefix(BASE)).is_file()
        }
    assert sorted(broken)[:20] == []


def test_a_page_loads_nothing_from_elsewhere(pages: Mapping[str, Read]) -> None:
    assert {one for page in pages.values() for one in page.resources if not one.startswith(BASE + "/")} == set()


def test_no_id_stands_twice_on_a_page(pages: Mapping[str, Read]) -> None:
    assert {address: page.repeated_ids for address, page in pages.items() if page.repeated_ids} == {}


def test_every_page_says_that_its_data_is_invented(demo: Any) -> None:
    silent = [file for file in demo.portal.output.rglob("*.html") if "演示数据" not in file.read_text("utf-8")]
    assert silent == []


def test_every_page_is_strict_html(demo: Any, pages: Mapping[str, Read], templates: Mapping[str, str]) -> None:
    own = [one for one in templates.values() if "?" not in one]
    for address in sorted({*random.Random(SEED).sample(sorted(pages), 220), *own}):
        text = file_of(demo.portal.output, address).read_bytes()
        parser = html5lib.HTMLParser(strict=False)
        parser.parse(text)
        assert [(place, error) for place, error, _ in parser.errors] == [], address


LATER_PAGE = re.compile(r"/(?:results|plans|subjects)/.*/\d+\.html")  # of a list: its first page leads there


def test_the_sitemaps_name_every_page_but_later_ones_of_lists_and_no_other(
    demo: Any, pages: Mapping[str, Read]
) -> None:
    output = demo.portal.output

    def locations(name: str) -> list[str]:
        found = ElementTree.parse(output / name).iterfind(".//map:loc", ATOM)
        return [str(one.text).removeprefix(BASE) for one in found]

    listed = [one for part in locations("sitemap.xml") for one in locations(part.lstrip("/"))]
    assert len(listed) == len(set(listed))
    later = {one for one in pages if LATER_PAGE.fullmatch(one) and int(one.rpartition("/")[2][:-5]) < 10_000}
    assert later
    assert set(listed) == set(pages) - {"/404.html"} - later


def test_the_downloads_hold_every_published_result(demo: Any, subjects: Sequence[Any]) -> None:
    published = {record_id for one in subjects for record_id in one.result_ids}
    data = demo.portal.output / "data"
    in_json = [
        one["result_id"]
        for file in data.glob("results-????-??.json")
        for one in json.loads(file.read_bytes())["records"]
    ]
    assert len(in_json) == len(set(in_json))
    assert set(in_json) == published
    for pattern in ("results-????-??.csv", "results-????-??.excel.csv", "results-????.csv"):
        rows = [
            row
            for file in data.glob(pattern)
            for row in csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline=""))
        ]
        assert {row["result_id"] for row in rows} == published
        assert {row["result_id"] for row in rows if not re.fullmatch("[0-9a-f]{32}", row["ref"])} == set()


def test_nothing_unpublished_is_anywhere_in_the_site(
    demo: Any,
    subjects: Sequence[Any],
    source_records: Sequence[Mapping[str, Any]],
    words_of: Callable[[Path], str],
) -> None:
    published = {record_id for one in subjects for record_id in one.result_ids}
    everything = words_of(demo.portal.output)
    assert set(re.findall(r"R20\d\d-\d{6}", everything)) == published
    shown = {one for subject in subjects for one in (*subject.names, subject.uscc, subject.reg_no) if one}
    together = "\n".join(shown)
    hidden = {
        str(words)
        for one in source_records
        for words in (one["subject"]["name"], one["subject"].get("uscc"), one["subject"].get("reg_no"))
        if words and words not in together
    }
    assert len(hidden) > 300
    plain = {one for one in hidden if re.fullmatch(WORD, one)}
    words = "\n".join(set(re.findall(WORD, everything)))
    assert {one for one in plain if one in words} == set()
    assert {one for one in hidden - plain if any(form in everything for form in written_forms(one))} == set()
    for folder in ("data", "search", "feeds"):  # Chinese written as numbers would hide from the search above
        assert re.search(r"\\u[4-9][0-9a-f]{3}|%E[4-9]%", words_of(demo.portal.output / folder)) is None
    inspectors = {name for one in source_records for name in one.get("inspectors", ())}
    fields = re.findall(r'"inspectors"|"recorded_at"|"openness', everything)
    assert inspectors
    assert fields == []


def written_forms(words: str) -> set[str]:
    """Return a text in every form that HTML, XML, JSON and addresses may give it."""
    in_json = json.dumps(words)[1:-1]
    return {words, html.escape(words), html.escape(words, quote=False), in_json, in_json.replace("/", "\\/")}


def test_a_name_made_of_markup_is_text_in_every_file(demo: Any, subjects: Sequence[Any]) -> None:
    output = demo.portal.output
    one = next(one for one in subjects if one.names[0] == HOSTILE)
    raw = [
        file.relative_to(output)
        for file in output.rglob("*")
        if file.suffix in (".html", ".xml") and "<script>alert" in file.read_text("utf-8")
    ]
    assert raw == []
    for file in output.rglob("*.xml"):
        ElementTree.parse(file)
    tree = html5lib.parse(file_of(output, one.path).read_bytes(), namespaceHTMLElements=False)
    assert HOSTILE in "".join(tree.find(".//h1").itertext())
    assert [script for script in tree.iter("script") if not script.get("src") and script.text] == []
    in_json = [
        record["subject"]["name"]
        for file in (output / "data").glob("results-????-??.json")
        for record in json.loads(file.read_bytes())["records"]
        if record["result_id"] == one.result_ids[0]
    ]
    assert in_json == [HOSTILE]
    for pattern in ("results-????-??.csv", "results-????-??.excel.csv", "results-????.csv"):
        in_csv = {
            row["subject_name"]
            for file in (output / "data").glob(pattern)
            for row in csv.DictReader(io.StringIO(file.read_text("utf-8-sig"), newline=""))
            if row["result_id"] == one.result_ids[0]
        }
        assert in_csv == {HOSTILE}
    told = searchfile.manifest((output / "search" / "index.json").read_bytes())
    lines = searchfile.every_line(told, lambda name: (output / "search" / name).read_bytes())
    in_search = [line.name for line in lines if line.uscc == one.uscc]
    assert in_search == [HOSTILE]
