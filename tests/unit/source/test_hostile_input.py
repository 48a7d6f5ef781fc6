"""Hostile files, all in one folder and one run: each fault is told with its file, line and reason, nothing that does
not belong is taken, and every honest record beside it is published.

Names are in test_hostile_names.py, bombs in test_bombs.py.
"""

import codecs
import io
import json
import os
import socket
import sqlite3
import stat
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import pytest

from publisher.model import Problem, Received

from .conftest import RESULT, USCC, Folder, of_type

DAY = "2021-07-05"
MB = 1 << 20
DEEP = b"[" * 10_000 + b"]" * 10_000
Told = tuple[str, int | None]


class Case(NamedTuple):
    """A hostile file: what it holds, what must be told of it (code and line), and the records taken from it."""

    file: str
    content: bytes
    told: tuple[Told, ...] = ()
    taken: tuple[str, ...] = ()


def record(record_id: str, **changes: Any) -> dict[str, Any]:
    """Return an honest result; ``subject__name`` reaches into ``subject``."""
    found = json.loads(json.dumps(RESULT)) | {"result_id": record_id}
    for key, value in changes.items():
        *way, last = key.split("__")
        place = found
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
    return found


def line(record_id: str, **changes: Any) -> bytes:
    return json.dumps(record(record_id, **changes), ensure_ascii=False).encode("utf-8", "surrogatepass")


def lines(*content: bytes, end: bytes = b"\n") -> bytes:
    return b"".join(one + end for one in content)


def between(file: str, hostile: bytes, code: str, *, of: str | None = None) -> Case:
    """Return a case of one hostile line between two honest ones."""
    first, last = f"{of or file}-1", f"{of or file}-3"
    content = lines(line(first), hostile, line(last))
    return Case(f"results/{file}.jsonl", content, ((code, 2),), (first, last))


HEADINGS = (
    "result_id,version,plan_id,task_id,subject.kind,subject.name,subject.uscc,subject.region_code,authority,departments,"
    "ended_on,finalized_at,item_code,item_name,inspectors,remark,outcome"
)


def row(record_id: str, **changes: str) -> str:
    cells = {
        "result_id": record_id,
        "version": "1",
        "plan_id": "P-1",
        "task_id": "P-1-1",
        "kind": "企业",
        "name": "某县试验公司",
        "uscc": USCC,
        "region": "150222",
        "authority": "某局",
        "departments": "教育、市监",
        "ended_on": "2021-06-02",
        "finalized_at": "2021-06-08 09:00",
        "item_code": "A07",
        "item_name": "年报",
        "inspectors": "测某",
        "remark": "",
        "outcome": "未发现问题",
    }
    return ",".join((cells | changes).values())


def table(*rows: str, end: str = "\n") -> bytes:
    return "".join(one + end for one in (HEADINGS, *rows)).encode()


def workbook(*rows: Iterable[Any]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    for cells in rows:
        book.active.append(list(cells))
    book.save(out)
    return out.getvalue()


def sheet_row(record_id: str, **changes: Any) -> list[Any]:
    names = [one.rpartition(".")[2] for one in HEADINGS.split(",")]
    return [changes.get(name, cell) for name, cell in zip(names, row(record_id).split(","), strict=True)]


HIDDEN = {
    "nul": "甲\0乙",
    "escape": "甲\x1b[31m乙",
    "bell": "甲\x07",
    "delete": "甲\x7f",
    "c1": "甲\x85乙",
    "override": "甲\u202e乙",
    "isolate": "甲\u2066乙",
    "zero-width": "甲\u200b乙",
    "joiner": "甲\u200d乙",
    "word-joiner": "甲\u2060乙",
    "mark": "甲\ufeff乙",
    "line": "甲\u2028乙",
    "return": "甲\r乙",
    "surrogate": "甲\ud800乙",
}
IDS = {
    "up": "../../etc/passwd",
    "percent": "%2e%2e%2fetc",
    "slash": "a/b",
    "backslash": "a\\b",
    "dots": "..",
    "dot": ".",
    "drive": "C:\\x",
    "home": "~root",
    "empty": "",
    "blank": " ",
    "long": "R" * 10_000,
    "query": "a?b=1",
    "hash": "a#b",
    "markup": "<script>",
    "option": "-rf",
    "full-width": "Ｒ－１",
    "line-feed": "a\nb",
    "number": 7,
    "list": ["R-1"],
    "none": None,
}
CODES = {
    "up": "../../../../etc/pas",
    "percent": "%2e%2e%2f%2e%2e%2f",
    "slash": "9132/102MA1DEM0014",
    "markup": "<b>32010MA1DEM001",
}
DATES: Mapping[str, Any] = {
    "no-such-day": "2021-02-30",
    "serial": 44_000,
    "serial-text": "44000",
    "serial-comma": "44,000",
    "slashes": "2021/06/02",
    "short": "2021-6-2",
    "first": "0001-01-01",
    "last": "9999-12-31",
    "instant": "2021-06-02T00:00:00Z",
    "float": 44000.5,
    "chinese": "2021年6月2日",
    "huge": "2021-06-02" * 1000,
}

CASES = (
    # control, direction and zero-width characters, as they are and as escapes
    *(
        between(f"hidden-{name}", line("H-9", subject__name=text), "control_character")
        for name, text in HIDDEN.items()
        if name not in ("nul", "escape", "bell", "return", "surrogate")
    ),
    *(
        between(f"escaped-{name}", json.dumps(record("H-9", subject__name=text)).encode(), "control_character")
        for name, text in HIDDEN.items()
    ),
    between("raw-nul", line("H-9").replace("试验".encode(), b"\0"), "not_json"),
    between("raw-surrogate", line("H-9", remark="\ud800"), "not_utf8"),
    between("hidden-key", b'{"kind": "result", "result\\u200b_id": "R"}', "control_character"),
    # path tricks in ids and codes
    *(between(f"id-{name}", line("H-9", result_id=value), "wrong_value") for name, value in IDS.items()),
    *(between(f"plan-{name}", line("H-9", plan_id=value), "wrong_value") for name, value in IDS.items()),
    *(between(f"task-{name}", line("H-9", task_id=value), "wrong_value") for name, value in IDS.items()),
    *(between(f"code-{name}", line("H-9", subject__uscc=value), "bad_code_shape") for name, value in CODES.items()),
    between("region-up", line("H-9", subject__region_code="../../"), "wrong_value"),
    between("kind-up", b'{"kind": "../plan"}', "unknown_kind"),
    between("kind-list", b'{"kind": ["result"]}', "unknown_kind"),
    # dates
    *(between(f"date-{name}", line("H-9", ended_on=value), "wrong_value") for name, value in DATES.items()),
    between("date-of-no-offset", line("H-9", finalized_at="2021-06-08T09:00:00"), "wrong_value"),
    # sizes, depths, numbers
    between("long-field", line("H-9", remark="长" * (10 * MB // 3)), "line_too_long"),
    between("long-key", b'{"' + b"k" * (10 * MB) + b'": 1}', "line_too_long"),
    between("many-keys", b"{" + b",".join(b'"k%d":0' % one for one in range(50_000)) + b"}", "missing_key"),
    between("deep", DEEP, "too_deep"),
    between("deep-inside", line("H-9")[:-1] + b', "more": ' + DEEP + b"}", "too_deep"),
    between("deep-unclosed", b'{"a":' * 10_000, "too_deep"),
    between("long-number", b'{"kind": "result", "version": ' + b"9" * 10_000 + b"}", "not_json"),
    between("big-number", line("H-9", version=10**30), "wrong_value"),
    between("infinite-number", b'{"kind": "result", "version": 1e999}', "not_json"),
    between("not-a-number", b'{"kind": "result", "version": NaN}', "not_json"),
    between("many-findings", line("H-9", findings=[RESULT["findings"][0]] * 501), "wrong_value"),
    # doubled keys
    between("twice", line("H-9")[:-1] + b', "result_id": "H-8"}', "duplicate_key"),
    between("twice-escaped", line("H-9")[:-1] + b', "result\\u005fid": "H-8"}', "duplicate_key"),
    between("twice-inside", line("H-9").replace(b'"name":', b'"name": "x", "name":'), "duplicate_key"),
    # not a record
    *(
        between(f"value-{name}", value, "not_a_record")
        for name, value in {"null": b"null", "text": b'"x"', "number": b"7", "list": b"[]"}.items()
    ),
    between("comment", b"// {}", "not_json"),
    between("single-quotes", b"{'kind': 'result'}", "not_json"),
    # encodings, byte order marks, line ends
    between("gb18030-line", line("H-9").decode().encode("gb18030"), "not_utf8"),
    Case("results/bom.jsonl", codecs.BOM_UTF8 + lines(line("bom-1"), line("bom-2")), (), ("bom-1", "bom-2")),
    Case("results/crlf.jsonl", lines(line("crlf-1"), b"", line("crlf-2"), end=b"\r\n"), (), ("crlf-1", "crlf-2")),
    Case("results/utf16.jsonl", lines(line("x")).decode().encode("utf-16"), (("unknown_encoding", 1),)),
    Case("results/utf16.json", line("x").decode().encode("utf-16"), (("unknown_encoding", None),)),
    Case("results/gb18030.json", line("x").decode().encode("gb18030"), (("unknown_encoding", None),)),
    Case("results/bom.json", codecs.BOM_UTF8 + b"[" + line("bom-3") + b"]", (), ("bom-3",)),
    Case("results/gb18030.csv", table(row("gb-1"), row("gb-2")).decode().encode("gb18030"), (), ("gb-1", "gb-2")),
    Case("results/bom.csv", codecs.BOM_UTF8 + table(row("bom-4"), end="\r\n"), (), ("bom-4",)),
    Case("results/utf16.csv", table(row("x")).decode().encode("utf-16"), (("unknown_encoding", None),)),
    Case("results/latin.csv", table(row("x"))[:20] + b"\xff\xff\xff\n", (("unknown_encoding", None),)),
    Case("results/broken.csv", table(row("x"), row("y")) + b"\xe5\x8d\n", (("broken_encoding", None),)),
    # whole documents
    Case(
        "results/long.json",
        json.dumps([record("doc-1"), record("x", remark="长" * (2 * MB)), record("doc-2")]).encode(),
        (("line_too_long", 1),),
        ("doc-1", "doc-2"),
    ),
    Case("results/deep.json", b"[" + line("doc-3") + b",\n" + DEEP + b"]", (("too_deep", 2),), ("doc-3",)),
    Case(
        "results/twice.json",
        b"[" + line("doc-4") + b',\n{"a":1,"a":2},\n' + line("doc-5") + b"]",
        (("duplicate_key", 2),),
        ("doc-4", "doc-5"),
    ),
    Case("results/rest.json", line("doc-6") + b"\n" + line("x"), (("not_json", 2),), ("doc-6",)),
    Case(
        "results/digits.json",
        b'[{"kind": "result", "version": ' + b"9" * 10_000 + b"},\n" + line("doc-7") + b"]",
        (("not_json", 1),),
        ("doc-7",),
    ),
    # half a file
    Case("results/half.jsonl", lines(line("half-1")) + line("x")[:100], (("half_file", 2),), ("half-1",)),
    Case("results/half.json", b"[" + line("half-2") + b",\n" + line("x")[:100], (("half_file", 2),), ("half-2",)),
    Case("results/half.csv", table(row("half-3"), row("x"))[:-7], (("unknown_outcome", 3),), ("half-3",)),
    Case("results/half-sign.csv", table(row("x"))[:-2], (("broken_encoding", None),)),
    Case("results/half.xlsx", workbook(HEADINGS.split(","), sheet_row("x"))[:-200], (("unreadable", None),)),
    Case("results/empty.xlsx", b"", (("unreadable", None),)),
    Case("results/none.xlsx", b"<html>not a workbook</html>", (("unreadable", None),)),
    # tables
    Case(
        "results/long.csv",
        table(row("long-1"), row("x", remark="长" * (10 * MB // 3)), row("long-2")),
        (("bad_csv", 3),),
        ("long-1", "long-2"),
    ),
    Case(
        "results/codes.csv",
        table(row("codes-1"), row("x", uscc="9.1320102E+17"), row("1E+17"), row("codes-2", uscc="9E17")),
        (("number_for_code", 3), ("number_for_code", 4), ("number_for_code", 5)),
        ("codes-1",),
    ),
    Case(
        "results/dates.csv",
        table(
            row("dates-1"),
            row("x", ended_on="44000"),
            row("y", ended_on="2021-02-30"),
            row("z", finalized_at="44355.5"),
        ),
        (("serial_date", 3), ("wrong_value", 4), ("serial_date", 5)),
        ("dates-1",),
    ),
    Case(
        "results/mixed.csv",
        table(
            row("mixed-1"),
            row("x", name=USCC, uscc="某县试验公司"),
            row("y", ended_on="某局", authority="2021-06-02"),
            row("mixed-2"),
        ),
        (("bad_code_shape", 3), ("wrong_value", 4)),
        ("mixed-1", "mixed-2"),
    ),
    Case(
        "results/ragged.csv",
        table(row("ragged-1"), "x,1,P-1", row("ragged-2") + ",,,more"),
        (("missing_key", 3), ("unknown_column", 4)),
        ("ragged-1", "ragged-2"),
    ),
    Case(
        "results/twice.csv", table(row("x")).replace(b"remark", b"outcome"), (("unknown_column", 1), ("missing_key", 2))
    ),
    Case("results/quote.csv", table(row("quote-1"), row("x", name='"open'), row("y")), (("bad_csv", 3),), ("quote-1",)),
    Case(
        "results/hidden.csv",
        table(row("hidden-1"), row("x", name="甲\u202e乙"), row("../x"), row("hidden-2")),
        (("control_character", 3), ("wrong_value", 4)),
        ("hidden-1", "hidden-2"),
    ),
    Case("results/nothing.csv", b"a,b,c\n1,2,3\n", (("no_heading", None),)),
    Case(
        "results/cells.xlsx",
        workbook(
            HEADINGS.split(","),
            sheet_row("cells-1"),
            sheet_row("x", uscc=9.132e17),
            sheet_row("y", ended_on=44000),
            sheet_row("z", name="=1+1"),
            sheet_row("cells-2"),
        ),
        (("number_for_code", 3), ("serial_date", 4), ("missing_key", 5)),
        ("cells-1", "cells-2"),
    ),
    # heads
    Case("plans/bad.csv", "序号,任务名称,检查对象\n1,甲,乙\n".encode(), (("bad_head", None),)),
    Case("plans/bad.toml", b"a = " + b"[" * 10_000),
    Case("plans/digits.csv", "序号,任务名称,检查对象\n1,甲,乙\n".encode(), (("bad_head", None),)),
    Case("plans/digits.toml", b"year = " + b"9" * 10_000),
    Case("plans/wide.csv", "序号,任务名称,检查对象\n1,甲,乙\n".encode(), (("bad_head", None),)),
    Case("plans/wide.toml", b"year = " + b"9" * 30),
    Case("plans/up.csv", "序号,任务名称,检查对象\n1,甲,乙\n".encode(), (("no_rows", None), ("wrong_value", 2))),
    Case("plans/up.toml", b'plan_id = "../../up"\nyear = 2021'),
    Case(
        "counts.csv",
        "authority,period,all_inspections,library_subjects\n甲局,2021,1E+17,\n乙局\u202e,2021,1,1\n丙局,2021,7,9\n".encode(),
        (("wrong_value", 2), ("control_character", 3)),
    ),
)


class Outcome(NamedTuple):
    """What the run left behind."""

    told: Mapping[str, list[tuple[str, int | None, str]]]
    states: Mapping[str, str]
    output: Path


@pytest.fixture(scope="module")
def after(make_portal: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    portal = make_portal(tmp_path_factory.mktemp("hostile"))
    for case in CASES:
        path = portal.feed / case.file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case.content)
    portal.run(DAY)
    told = defaultdict(list)
    with closing(sqlite3.connect(portal.var / "ledger.db")) as ledger:
        for file, at, code, reason in ledger.execute("SELECT file, line, code, message FROM problem"):
            told[file].append((code, at, reason))
        states = dict(ledger.execute("SELECT record_id, state FROM record"))
    return Outcome(told, states, portal.output)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)
def test_a_hostile_file_is_told_and_the_rest_goes_on(after: Outcome, case: Case) -> None:
    told = sorted(after.told.get(case.file, ()), key=lambda one: (one[1] or 0, one[0]))
    assert [(code, at) for code, at, _ in told] == list(case.told)
    assert all(reason and len(reason) <= 300 and reason.isprintable() for _, _, reason in told)
    assert {one: after.states.get(one) for one in case.taken} == dict.fromkeys(case.taken, "published")


def test_nothing_else_was_taken_and_nothing_lies_outside_its_folder(after: Outcome) -> None:
    assert after.states.keys() == {one for case in CASES for one in case.taken}


# things that are no plain files ------------------------------------------------------------------------------------


def test_what_is_no_plain_file_is_told_and_never_opened(
    folder: Folder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.jsonl").write_bytes(line("secret"))
    results = folder.root / "results"
    (results / "zero.jsonl").symlink_to("/dev/zero")
    (results / "self.jsonl").symlink_to("/proc/self/environ")
    (results / "up.jsonl").symlink_to(outside / "secret.jsonl")
    (results / "round.jsonl").symlink_to("round.jsonl")
    os.mkfifo(results / "fifo.jsonl")
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(os.path.relpath(results / "socket.jsonl"))
    if os.geteuid() == 0:
        os.mknod(results / "device.jsonl", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    (results / "folder.jsonl").mkdir()
    folder.write("results/folder.jsonl/inside.jsonl", line("inside"))
    folder.write("results/good.jsonl", line("good"))
    folder.write("results/line\nfeed.jsonl", line("fed"))
    folder.write(f"results/{'长' * 80}.jsonl", line("long"))
    events = folder.pull()
    told = {Path(one.file or "").stem: one.code for one in of_type(events, Problem)}
    assert told == {
        "zero": "link_outside",
        "self": "link_outside",
        "up": "link_outside",
        "round": "unreadable",
        "fifo": "not_a_file",
        "socket": "not_a_file",
    } | ({"device": "not_a_file"} if os.geteuid() == 0 else {})
    assert sorted(one.record.result_id for one in of_type(events, Received)) == ["fed", "good", "inside", "long"]


def test_folders_without_end_are_told(folder: Folder) -> None:
    folder.write("results/z.jsonl", line("good"))
    here = os.open(folder.root / "results", os.O_RDONLY)
    try:
        for _ in range(1100):
            os.mkdir("d", dir_fd=here)
            here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
            os.close(above)
        events = folder.pull()
    finally:
        os.close(here)
        subprocess.run(["rm", "-rf", folder.root / "results"], check=True)  # too deep for shutil
    assert [one.code for one in of_type(events, Problem)] == ["too_deep"]
    assert [one.record.result_id for one in of_type(events, Received)] == ["good"]


def test_thousands_of_small_files_are_one_pull(folder: Folder) -> None:
    for number in range(3000):
        folder.write(f"results/{number % 7}/{number}.json", b"[]" if number % 2 else b"[")
    events = folder.pull()
    assert len(of_type(events, Problem)) == 1500
    assert len(events) == 3000


def test_a_file_being_written_is_taken_once_it_is_whole(folder: Folder) -> None:
    whole = table(row("slow-1"), row("slow-2"))
    taken: list[str] = []
    for length in range(100, len(whole) + 1, 97):
        folder.write("results/slow.csv", whole[:length])
        taken += [one.record.result_id for one in of_type(folder.pull(), Received)]
    folder.write("results/slow.csv", whole)
    assert [one.record.result_id for one in of_type(folder.pull(), Received)] == ["slow-1", "slow-2"]
    assert {*taken} <= {"slow-1", "slow-2"}
