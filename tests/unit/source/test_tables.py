"""Tables: what a row is, which headings are known, and what a spreadsheet does to cells."""

import datetime
import random
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from publisher.model import Problem, Received, SetAside
from publisher.source import FileSeen
from publisher.source.cells import value_of
from publisher.source.labels import COUNTS, TABLES
from publisher.source.text import Fault

from .conftest import IDENTITY, USCC, Folder, of_type

PLAN_HEAD = """
plan_id = "P-1"
revision = 1
title = "某县2021年度计划"
year = 2021
region_code = "150222"
level = "county"
authority = "某县联席会议办公室"
scope = "cross_department"
finalized_at = 2021-04-01T09:00:00
complete_by = 2021-11-30
"""
_ANNEX = ("序号", "任 务 名 称", "抽查领域", "联合检查部门", "检查对象")
_ANNEX += ("检查方式", "抽取比例", "抽取数量", "检查频次", "检查层级")
LIST_HEAD = 'list_id = "L"\nrevision = 1\ntitle = "清单"\nregion_code = "150222"\nauthority = "某局"\n'
HEADINGS = "result_id,version,plan_id,task_id,subject.kind,subject.name,subject.uscc,subject.region_code,authority,"
HEADINGS += "departments,ended_on,finalized_at,item_code,item_name,outcome\n"


def row(**changes: str) -> str:
    cells = {
        "result_id": "R-1",
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
        "outcome": "未发现问题",
    }
    return ",".join((cells | changes).values()) + "\n"


def codes(events: list[Any]) -> list[tuple[str, int | None]]:
    return [
        (event.code, event.line) if isinstance(event, Problem) else (event.problem.code, event.problem.line)
        for event in events
        if isinstance(event, (Problem, SetAside))
    ]


def records(events: list[Any]) -> list[Any]:
    return [event.record for event in of_type(events, Received)]


def workbook(path: Path, rows: list[list[Any]], *merged: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for cells in rows:
        sheet.append(cells)
    for area in merged:
        sheet.merge_cells(area)
    book.save(path)


def test_a_plan_from_the_annex_as_it_was_published(folder: Folder) -> None:
    """The nine columns of the Jiangsu 2021 annex (R0-22), with its title above and a merged 抽查领域 (R0-23)."""
    folder.write("plans/2021.toml", PLAN_HEAD)
    workbook(
        folder.root / "plans/2021.xlsx",
        [
            ["附件：年度联合抽查计划"],
            [
                "序号",
                "任 务 名 称",
                "抽查领域",
                "联合检查部门",
                "检查对象",
                "检查方式",
                "抽取比例",
                "抽取数量",
                "检查频次",
                "检查层级",
            ],
            [
                1,
                "校外培训抽查",
                "教育培训",
                "教育、市监、公安",
                "培训机构",
                "现场检查",
                "15%",
                "约1000",
                "1次/年",
                "市县",
            ],
            [2, "劳动用工抽查", None, "人社、市监", "用人单位", "现场检查", "5%", 189, "1次/年", "市县"],
            [None] * 10,
        ],
        "A1:J1",
        "C3:C4",
    )
    events = folder.pull()
    assert codes(events) == []
    (plan,) = records(events)
    assert plan.finalized_at.isoformat() == "2021-04-01T09:00:00+08:00"
    assert plan.declared_task_count is None
    first, second = plan.tasks
    assert (first.task_id, first.departments, first.quantity) == ("P-1-1", ("教育", "市监", "公安"), "约1000")
    assert (second.task_id, second.field, second.quantity, second.status) == ("P-1-2", "教育培训", "189", "active")


def test_a_list_drops_items_without_a_basis_and_keeps_the_others(folder: Folder) -> None:
    folder.write("item_lists/L.toml", LIST_HEAD)
    folder.write(
        "item_lists/L.csv",
        "序号,抽查事项,事项类别,检查依据\n1,年报,一般,条例第十四条\n2,无据,一般,\n3,即时信息,,条例第十条\n",
    )
    events = folder.pull()
    assert codes(events) == [("item_without_basis", 3)]
    (found,) = records(events)
    assert [(item.item_code, item.name) for item in found.items] == [("L-1", "年报"), ("L-3", "即时信息")]


def test_headings_over_two_rows(folder: Folder) -> None:
    """The head of the Chongqing list: 抽查项目 spans 抽查类别 and 抽查事项, the others are merged downwards."""
    folder.write("item_lists/L.toml", LIST_HEAD)
    workbook(
        folder.root / "item_lists/L.xlsx",
        [
            ["序号", "抽查项目", None, "检查对象", "检查依据"],
            [None, "抽查类别", "抽查事项", None, None],
            [1, "登记事项", "名称使用", "企业", "条例"],
        ],
        *("A1:A2", "B1:C1", "D1:D2", "E1:E2"),
    )
    events = folder.pull()
    assert codes(events) == []
    (item,) = records(events)[0].items
    assert (item.category, item.name, item.subjects) == ("登记事项", "名称使用", "企业")


def test_rows_of_one_result_are_one_result_wherever_they_stand(folder: Folder) -> None:
    rows = row() + row(result_id="R-2") + row(item_code="A08", item_name="即时信息", outcome="1") + row(version="2")
    folder.write("results/a.csv", HEADINGS + rows)
    events = folder.pull()
    assert codes(events) == []
    found = [(one.result_id, one.version, [part.item_code for part in one.findings]) for one in records(events)]
    assert found == [("R-1", 1, ["A07", "A08"]), ("R-2", 1, ["A07"]), ("R-1", 2, ["A07"])]
    first = records(events)[0]
    assert first.subject.kind == "enterprise"
    assert first.finalized_at.isoformat() == "2021-06-08T09:00:00+08:00"
    assert [finding.seq for finding in first.findings] == [1, 2]


def test_rows_that_disagree_are_set_aside_together(folder: Folder) -> None:
    folder.write("results/a.csv", HEADINGS + row() + row(name="另一公司") + row(result_id="R-2"))
    events = folder.pull()
    assert codes(events) == [("rows_disagree", 3)]
    assert [one.result_id for one in records(events)] == ["R-2"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"task_id": "3.2E+17"}, "number_for_code"),
        ({"task_id": "320000.0"}, "number_for_code"),
        ({"result_id": "1E+17"}, "number_for_code"),
        ({"uscc": "9.13E+17"}, "number_for_code"),
        ({"ended_on": "44000"}, "serial_date"),
        ({"finalized_at": "44000.5"}, "serial_date"),
        ({"ended_on": "2021/6/2"}, "wrong_value"),
        ({"ended_on": "#REF!"}, "error_cell"),
        ({"version": "一"}, "wrong_value"),
        ({"uscc": IDENTITY}, "identity_number_in_code"),
        ({"name": "某\u202e公司"}, "control_character"),
        ({"name": ""}, "missing_key"),
        ({"outcome": "天气好"}, "unknown_outcome"),
    ],
)
def test_a_row_with_a_broken_value_is_told_with_its_number(folder: Folder, changes: dict[str, str], code: str) -> None:
    folder.write("results/a.csv", HEADINGS + row(result_id="R-0") + row(**changes) + row(result_id="R-9"))
    events = folder.pull()
    assert codes(events) == [(code, 3)]
    assert [one.result_id for one in records(events)] == ["R-0", "R-9"]
    assert not any(IDENTITY in aside.raw for aside in of_type(events, SetAside))


def test_unknown_and_doubled_columns_are_told_once_and_rows_go_on(folder: Folder) -> None:
    lines = (
        (HEADINGS.strip() + ",天气,检查结果,\n")
        + row().strip()
        + ",晴,未发现问题,x\n"
        + row(result_id="R-2").strip()
        + ",,,y\n"
    )
    folder.write("results/a.csv", lines)
    events = folder.pull()
    assert codes(events) == [("unknown_column", 1), ("unknown_column", 1), ("unknown_column", 2)]
    assert len(records(events)) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_the_encodings_offices_write(folder: Folder, encoding: str) -> None:
    folder.write("results/a.csv", (HEADINGS + row()).encode(encoding))
    (found,) = records(folder.pull())
    assert found.subject.name == "某县试验公司"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ((HEADINGS + row()).encode("utf-16"), "unknown_encoding"),
        ((HEADINGS + row()).encode() + b"\xff\xff", "broken_encoding"),
        (HEADINGS.encode() + b"\xff\xff", "unknown_encoding"),
        (b"", "no_heading"),
        (b"a,b,c\n1,2,3\n", "no_heading"),
    ],
)
def test_a_csv_that_cannot_be_read_is_told(folder: Folder, content: bytes, code: str) -> None:
    folder.write("results/a.csv", content)
    assert [found for found, _ in codes(folder.pull())] == [code]


def test_an_open_quotation_mark_is_told_and_nothing_after_is_guessed(folder: Folder) -> None:
    folder.write("results/a.csv", HEADINGS + row() + row(result_id="R-2", name='"open') + row(result_id="R-3"))
    events = folder.pull()
    assert codes(events) == [("bad_csv", 3)]
    assert [one.result_id for one in records(events)] == ["R-1"]


def test_a_cell_over_two_lines_keeps_the_numbers_right(folder: Folder) -> None:
    folder.write("results/a.csv", HEADINGS + row(item_name='"年报\n抽查"') + row(result_id="R-2", version="x"))
    assert codes(folder.pull()) == [("wrong_value", 4)]


def test_empty_csv_cells_do_not_fill_down(folder: Folder) -> None:
    folder.write("results/a.csv", HEADINGS + row() + row(result_id="R-2", task_id=""))
    assert codes(folder.pull()) == [("missing_key", 3)]


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (None, "no_head"),
        ("= broken", "bad_head"),
        (PLAN_HEAD + "tasks = []", "bad_head"),
        (PLAN_HEAD + "x = 1", "unknown_key"),
    ],
)
def test_heads(folder: Folder, head: str | None, code: str) -> None:
    folder.write("plans/a.csv", "序号,任务名称,检查对象\n1,抽查,企业\n")
    if head is not None:
        folder.write("plans/a.toml", head)
    assert [found for found, _ in codes(folder.pull())] == [code]


def test_a_changed_head_reads_its_table_again(folder: Folder) -> None:
    folder.write("plans/a.csv", "序号,任务名称,检查对象\n1,抽查,企业\n")
    folder.write("plans/a.toml", PLAN_HEAD)
    (seen,) = of_type(folder.pull(), FileSeen)
    folder.seen[seen.path] = seen.fingerprint
    assert folder.pull() == []
    folder.write("plans/a.toml", PLAN_HEAD.replace("某县2021", "某县二〇二一"))
    assert records(folder.pull())[0].title == "某县二〇二一年度计划"


def test_two_rows_of_one_task_and_a_plan_without_good_rows(folder: Folder) -> None:
    folder.write("plans/a.toml", PLAN_HEAD)
    folder.write("plans/a.csv", "任务编号,任务名称,检查对象\nT1,甲,企业\nT1,乙,企业\n")
    folder.write("plans/b.toml", PLAN_HEAD)
    folder.write("plans/b.csv", "任务编号,任务名称,检查对象\n1E+5,甲,企业\n")
    events = folder.pull()
    assert codes(events) == [("duplicate_id", 3), ("number_for_code", 2), ("no_rows", None)]
    assert [task.name for task in records(events)[0].tasks] == ["甲"]


def test_cases_in_chinese_words(folder: Folder) -> None:
    folder.write(
        "cases/a.csv",
        "申请编号,办件类型,结果编号,申请日期,决定日期,决定\nC-1,信用修复申请,R-1,2026-02-03,2026-02-09,准予\nC-2,吃饭,R-1,2026-02-03,,\n",
    )
    events = folder.pull()
    (case,) = records(events)
    assert (case.case_type, case.decision, case.lifted_on) == ("repair", "granted", None)
    assert codes(events) == [("wrong_value", 3)]


def test_several_sheets_and_an_offset_table(folder: Folder) -> None:
    headings = ["申请编号", "办件类型", "结果编号", "申请日期"]
    book = openpyxl.Workbook()
    first, second, hidden, empty = (
        book.active,
        book.create_sheet("二"),
        book.create_sheet("选项"),
        book.create_sheet("空"),
    )
    assert first is not None
    for at, (sheet, case) in enumerate([(first, "C-1"), (second, "C-2")]):
        for column, (heading, cell) in enumerate(
            zip(headings, [case, "异议", "R-1", datetime.date(2026, 2, 3)], strict=True)
        ):
            sheet.cell(3, column + 1 + 2 * at, heading)
            sheet.cell(5, column + 1 + 2 * at, cell)
    hidden.append(["不读"])
    hidden.sheet_state = "hidden"
    assert empty.max_row == 1
    path = folder.root / "cases/a.xlsx"
    path.parent.mkdir()
    book.save(path)
    events = folder.pull()
    assert codes(events) == []
    assert [(one.record.case_id, one.file, one.line) for one in of_type(events, Received)] == [
        ("C-1", "cases/a.xlsx#Sheet", 5),
        ("C-2", "cases/a.xlsx#二", 5),
    ]


def test_a_workbook_that_would_fill_the_memory_or_is_none_is_told(folder: Folder) -> None:
    workbook(folder.root / "cases/far.xlsx", [["申请编号"]])
    book = openpyxl.load_workbook(folder.root / "cases/far.xlsx")
    book.active.cell(1_048_576, 16_384, "x")  # type: ignore[union-attr]
    book.save(folder.root / "cases/far.xlsx")
    folder.write("cases/junk.xlsx", b"PK\x03\x04 not a workbook")
    folder.write("cases/none.xlsx", b"")
    assert [code for code, _ in codes(folder.pull())] == ["too_large", "unreadable", "unreadable"]


def test_a_damaged_workbook_never_raises(folder: Folder) -> None:
    good = folder.root / "cases/a.xlsx"
    workbook(good, [["申请编号", "办件类型", "结果编号"], ["C-1", "异议", "R-1"]], "A2:A3")
    whole = good.read_bytes()
    chance = random.Random(20211130)
    told = 0
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        good.write_bytes(damaged)
        told += any(isinstance(event, Problem) for event in folder.pull())
    assert told > 50


@pytest.mark.parametrize(
    ("field", "cell", "value"),
    [
        ("version", 1.0, 1),
        ("version", "1,234", 1234),
        ("version", "９", "９"),
        ("quantity", 354.0, "354"),
        ("ratio", 0.15, "0.15"),
        ("subject.region_code", 150222.0, "150222"),
        ("outcome_code", 1.0, "1"),
        ("departments", "教育、 市监、", ["教育", "市监"]),
        ("departments", 7.0, ["7"]),
        ("ended_on", datetime.date(2021, 6, 2), "2021-06-02"),
        ("ended_on", datetime.datetime(2021, 6, 2), "2021-06-02"),
        ("finalized_at", datetime.datetime(2021, 6, 2, 9, 30), "2021-06-02T09:30:00+08:00"),
        ("finalized_at", datetime.date(2021, 6, 2), "2021-06-02T00:00:00+08:00"),
        ("finalized_at", "2021-06-02T09:30:00Z", "2021-06-02T09:30:00Z"),
        ("severity", "一般", "moderate"),
        ("item_code", "A07", "A07"),
        ("item_code", "07", "07"),
        ("subject.name", "  ", None),
        ("subject.name", None, None),
        ("subject.name", " 甲 ", "甲"),
    ],
)
def test_cells(field: str, cell: Any, value: Any) -> None:
    assert value_of(field, cell) == value


@pytest.mark.parametrize(
    ("field", "cell", "code"),
    [
        ("version", 1.5, "wrong_value"),
        ("version", float("inf"), "wrong_value"),
        ("task_id", 3.2e17, "number_for_code"),
        ("item_code", 7.0, "number_for_code"),
        ("subject.region_code", 1.5, "number_for_code"),
        ("ended_on", 44000.0, "serial_date"),
        ("ended_on", datetime.datetime(2021, 6, 2, 9), "wrong_value"),
        ("ratio", datetime.date(2021, 1, 2), "wrong_value"),
        ("methods", True, "wrong_value"),
        ("methods", datetime.time(9), "wrong_value"),
        ("methods", datetime.timedelta(1), "wrong_value"),
        ("methods", "#DIV/0!", "error_cell"),
    ],
)
def test_cells_that_are_refused(field: str, cell: Any, code: str) -> None:
    found = value_of(field, cell)
    assert isinstance(found, Fault)
    assert (found.code, found.field) == (code, field)


def test_every_field_has_an_english_heading_and_every_label_a_field() -> None:
    for table in [*TABLES.values(), COUNTS]:
        for heading, field in table.fields.items():
            assert heading == heading.upper().strip()
            assert field == "" or field.split("/")[0].upper() in table.fields
