"""Every reader of what others write, fed damaged files: it never raises anything but our own error where it may, never
hangs, and says of what it did not take in which file and why.

Endpoint answers and feedback files are in tests/unit/exchange/test_fuzz_answers.py.
"""

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.desk import index
from publisher.errors import PublisherError, RuleError, SettingsError, SourceError
from publisher.exchange import load_mapping
from publisher.exchange.mapping import Unsendable
from publisher.model import Problem, Received, SetAside
from publisher.rules import load_profile
from publisher.rules.shipped import profile_names
from publisher.settings import load
from publisher.source import CountsRow, FileGone, FileSeen, FolderSource, Watermark, pull

from .conftest import INTAKE, result, text
from .damage import CHANGES, damage, damaged
from .test_api import Platform, page
from .test_tables import HEADINGS, LIST_HEAD, PLAN_HEAD, row

ROOT = Path(__file__).resolve().parents[3]
CASE = {"kind": "case", "case_id": "C-1", "case_type": "withhold", "result_id": "R-1", "filed_on": "2021-07-01"}
LINES = text(result()) + b"\n" + text(CASE) + b"\n" + text(result("version", 2)) + b"\n"
ARRAY = json.dumps([result(), CASE], ensure_ascii=False, indent=1).encode()
TABLE = (HEADINGS + row() + row(result_id="R-2")).encode()
CASES = "申请编号,办件类型,结果编号,申请日期\nC-1,异议,R-1,2026-02-03\nC-2,异议,R-2,2026-02-04\n"
PLAN = "序号,任务名称,抽查领域,联合检查部门,检查对象,检查方式,抽取比例,抽取数量,检查频次,检查层级\n"
PLAN += "1,甲,乙,丙、丁,戊,己,5%,10,1次,县\n"
ITEMS = "序号,抽查事项编码,抽查事项,事项类别,检查对象,检查方式,检查主体,检查依据\n1,A07,甲,乙,丙,丁,戊,《广告法》\n"
COUNTS = b"authority,period,all_inspections,library_subjects\n\xe7\x94\xb2,2021,100,7\n"
EXAMPLES = int(os.environ.get("PUBLISHER_TEST_EXAMPLES", "60"))
SOME = settings(max_examples=EXAMPLES)


def workbook(content: str) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    for line in content.splitlines():
        book.active.append(line.split(","))
    book.active.merge_cells("A2:A3")
    book.save(out)
    return out.getvalue()


BOOK = workbook(CASES)
FILES: dict[str, tuple[dict[str, bytes], str, list[bytes]]] = {  # what stands beside it, its name, honest ones
    "json": ({}, "results/a.json", [ARRAY, text(result())]),
    "jsonl": ({}, "results/a.jsonl", [LINES, LINES.replace(b"\n", b"\r\n")]),
    "csv": ({}, "results/a.csv", [TABLE, TABLE.decode().encode("gb18030"), b"\xef\xbb\xbf" + TABLE]),
    "csv of cases": ({}, "cases/a.csv", [CASES.encode(), CASES.encode("gb18030")]),
    "csv of a plan": ({"plans/a.toml": PLAN_HEAD.encode()}, "plans/a.csv", [PLAN.encode()]),
    "csv of a list": ({"item_lists/a.toml": LIST_HEAD.encode()}, "item_lists/a.csv", [ITEMS.encode()]),
    "xlsx": ({}, "cases/a.xlsx", [BOOK]),
    "head of a plan": ({"plans/a.csv": PLAN.encode()}, "plans/a.toml", [PLAN_HEAD.encode()]),
    "head of a list": ({"item_lists/a.csv": ITEMS.encode()}, "item_lists/a.toml", [LIST_HEAD.encode()]),
    "counts": ({}, "counts.csv", [COUNTS]),
}


def check(events: list[Any]) -> None:
    """Check that nothing came but what a pull yields, and that each fault is told in words that may be shown."""
    for one in events:
        assert type(one) in (Received, SetAside, Problem, CountsRow, FileSeen, FileGone, Watermark)
        problem = one.problem if isinstance(one, SetAside) else one if isinstance(one, Problem) else None
        if problem is not None:
            assert problem.file
            assert problem.code
            assert problem.message
            assert len(problem.message) <= 1000
            assert problem.line is None or problem.line >= 1
            json.dumps(problem._asdict()).encode()


def read(beside: dict[str, bytes], name: str, content: bytes) -> list[Any]:
    """Pull a folder with this file; what is left over of it next time must be said again or seen."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        for file, data in (beside | {name: content}).items():
            (root / file).parent.mkdir(exist_ok=True)
            (root / file).write_bytes(data)
        events = list(pull(FolderSource(root), INTAKE, {}))
        check(events)
        seen = {one.path: one.fingerprint for one in events if isinstance(one, FileSeen)}
        assert seen or any(isinstance(one, Problem) for one in events)
        check(list(pull(FolderSource(root), INTAKE, seen)))
        return events


@pytest.mark.parametrize("reader", FILES)
def test_a_reader_of_files_never_raises(reader: str) -> None:
    beside, name, seeds = FILES[reader]
    for seed in seeds:
        assert any(isinstance(one, (Received, CountsRow)) for one in read(beside, name, seed)), (
            "the seed is no honest file"
        )

    @SOME
    @given(damaged(seeds))
    def fed(content: bytes) -> None:
        read(beside, name, content)

    fed()


@SOME
@given(st.sampled_from(zipfile.ZipFile(io.BytesIO(BOOK)).namelist()), CHANGES)
def test_a_workbook_with_a_damaged_part_never_raises(part: str, changes: list[Any]) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(BOOK)) as honest, zipfile.ZipFile(out, "w") as book:
        for name in honest.namelist():
            book.writestr(name, damage(honest.read(name), changes) if name == part else honest.read(name))
    read({}, "cases/a.xlsx", out.getvalue())


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with closing(Platform()) as serving:
        yield serving


def test_a_damaged_page_of_the_platform_is_a_broken_contract_or_a_problem(platform: Platform) -> None:
    honest = [json.dumps(page(result(), CASE)).encode(), json.dumps(page(result(), following="t", x=1)).encode()]

    @SOME
    @given(damaged(honest), st.sampled_from([200, 200, 200, 204, 304, 400, 404]))
    def fed(content: bytes, status: int) -> None:
        platform.pages["results", None] = content
        platform.status["results", None] = status
        events: list[Any] = []
        with suppress(SourceError):
            events.extend(pull(platform.source, INTAKE, {}, sleep=lambda seconds: None))
        check(events)

    fed()


# what an operator writes -------------------------------------------------------------------------------------------

MAPPING = (ROOT / "src/publisher/exchange/mappings/gsxt.toml").read_bytes()
OVERLAY = """title = "试行"
extends = "national"
[[version]]
effective_on = 2026-01-01
document = "试行办法"
certainty = "assumed"
[version.period]
basis = "办法"
certainty = "assumed"
restart_on_correction = false
moderate = { automatic = false }
[version.naming]
kinds = { value = ["enterprise"], basis = "办法", certainty = "text" }
""".encode()
PROFILES = [(ROOT / f"src/publisher/rules/profiles/{name}.toml").read_bytes() for name in profile_names()]
PORTAL = (ROOT / "publisher.toml").read_bytes()


def of_operator(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Draw damaged files of an operator, less the tricks of TOML that are tried apart."""
    return damaged(seeds).filter(lambda data: b"[" * 300 not in data and b"9" * 4300 not in data)


def refused(reading: Callable[[Path], Any], content: bytes, error: type[PublisherError]) -> Any:
    """Read a file of this content; return what came of it, or None when it was refused as it should be."""
    with tempfile.TemporaryDirectory() as made:
        file = Path(made) / "own.toml"
        file.write_bytes(content)
        with suppress(error):
            return reading(file)
    return None


@SOME
@given(of_operator([MAPPING, b'result = "plain"\n']))
def test_a_damaged_mapping_is_refused_or_works(content: bytes) -> None:
    mapping = refused(lambda file: load_mapping(str(file)), content, SettingsError)
    if mapping is not None:
        body = result() | {"severity": None}
        assert isinstance(mapping.payload("result", body, None), (dict, Unsendable))


@SOME
@given(of_operator([OVERLAY, *PROFILES]))
def test_a_damaged_profile_is_refused_or_works(content: bytes) -> None:
    profile = refused(lambda file: load_profile(file.name, file.parent), content, RuleError)
    if profile is not None:
        assert profile.intake()
        assert list(profile.values())


@SOME
@given(of_operator([PORTAL]))
def test_damaged_settings_are_refused_or_work(content: bytes) -> None:
    refused(load, content, SettingsError)


WORDS = st.sampled_from(
    (
        "甲",
        "玄武 公司",
        '"',
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "TO",
        "AND",
        "OR",
        "NOT",
        "state:",
        "year:",
        "id:",
        "name:",
        "*",
        "?",
        "^2",
        "~",
        "\\",
        "'",
        ":",
        "-",
        "+",
        "9132",
        "2021",
        "pending",
        "\0",
        "\ud800",
        "\u202e",
        "（",
        "<",
        ">",
        "=",
    )
)


@settings(max_examples=3 * EXAMPLES)
@given(st.lists(WORDS | st.text(max_size=4), max_size=8).map("".join) | st.lists(WORDS, max_size=8).map(" ".join))
def test_no_words_break_the_search(asked: str) -> None:
    with suppress(SettingsError):
        assert index.read_query(asked) is not None


@pytest.mark.parametrize(
    "asked", ["(" * 2000, "甲 " * 2000, "NOT " * 2000 + "甲", "[" * 2000, "甲" * 20_000, "*" * 2000]
)
def test_no_length_breaks_the_search(asked: str) -> None:
    with suppress(SettingsError):
        assert index.read_query(asked) is not None


TRICKS = {
    "digits": b"year = " + b"9" * 5000,
    "deep": b"a = " + b"[" * 3000,
    "deep tables": b"a" + b".a" * 3000 + b" = 1",
    "nul": b"a = \0",
    "wide": b"\xff\xfea\0",
    "empty": b"",
}


READERS: dict[str, tuple[Callable[[Path], Any], type[PublisherError]]] = {
    "mapping": (lambda file: load_mapping(str(file)), SettingsError),
    "profile": (lambda file: load_profile(file.name, file.parent), RuleError),
    "settings": (load, SettingsError),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("trick", TRICKS)
def test_tricks_of_toml_are_refused(reader: str, trick: str) -> None:
    reading, error = READERS[reader]
    assert refused(reading, TRICKS[trick], error) is None
