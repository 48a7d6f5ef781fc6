"""The formats of files to take away: strict CSV as it is, Excel's kinds without formulas, workbooks without a clock."""

import csv
import io
import json
import zipfile
from datetime import date

import openpyxl
import pytest

from publisher.site.data import formats
from publisher.site.data.columns import Column

COLUMNS = (Column("code", "编码", code=True), Column("note", "说明"))
FORMULAS = [
    "=1+1",
    "+86",
    "-2",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\ufeff=1",
    '"=1"',
    " =1",
    "'=1",
    "＝1+1",
    "\ufeff\"'@x",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_excel_never_sees_a_formula(text):
    assert formats.excel_safe(text) == "'" + text


@pytest.mark.parametrize("text", ["012", "320000202104010001", "12E5", "1.5e3", "1-2", "3/4", "2021-06", "1-Jan"])
def test_excel_never_sees_another_number_or_date(text):
    assert formats.excel_safe(text) == "'" + text


@pytest.mark.parametrize(
    "text", ["", "玄武=1", "2021-06-02", "3%", "15", "约1000", "91320102MATEC00017", "1次/年", "≤3%"]
)
def test_other_texts_stay_as_they_are(text):
    assert formats.excel_safe(text) == text


def test_a_code_of_digits_is_text_however_short():
    assert formats.excel_safe("320102", code=True) == "'320102"
    assert formats.excel_safe("320102") == "320102"


def test_strict_csv_keeps_every_value(tmp_path):
    with formats.csv_file(tmp_path / "a.csv", COLUMNS) as add:
        for text in FORMULAS:
            add(["320102", text])
    content = (tmp_path / "a.csv").read_bytes()
    assert content.startswith(b"code,note\r\n")
    rows = list(csv.reader(content.decode().splitlines(keepends=True)))
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    assert rows == [["320102", text] for text in FORMULAS]


def test_many_rows_are_what_the_csv_module_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "_ROWS_TOGETHER", 7)
    cells = [
        "",
        "a",
        "甲,乙",
        '"',
        "a\rb",
        "a\nb",
        "a\r\n",
        "'",
        " a ",
        "012",
        "=1",
        ",",
        '甲"',
        "2021-06-02",
        "\u2028",
    ]
    rows = [[one, other] for one in cells for other in cells]
    for make, changed in (
        (formats.csv_file, lambda row: row),
        (formats.excel_csv_file, lambda row: [formats.excel_safe(row[0], code=True), formats.excel_safe(row[1])]),
    ):
        with make(tmp_path / "a.csv", COLUMNS) as add:
            for row in rows:
                add(row)
        out = io.StringIO(newline="")
        csv.writer(out).writerows([["code", "note"], *map(changed, rows)])
        assert (tmp_path / "a.csv").read_bytes().decode("utf-8-sig") == out.getvalue()


def test_excel_csv_has_a_byte_order_mark(tmp_path):
    with formats.excel_csv_file(tmp_path / "a.csv", COLUMNS) as add:
        add(["320102", "=1"])
    assert (tmp_path / "a.csv").read_bytes() == "\ufeffcode,note\r\n'320102,'=1\r\n".encode()


def test_a_workbook_has_texts_only_and_says_what_it_is(tmp_path):
    with formats.workbook_file(tmp_path / "a.xlsx", COLUMNS, [("数据截至", "2021-06-20")], date(2021, 6, 20)) as add:
        for text in FORMULAS:
            add(["320102", text])
        add(["http://a.example/", "长" * 40_000])
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    cells = [cell for row in book["数据"].iter_rows(min_row=2) for cell in row]
    assert {cell.data_type for cell in cells} == {"s"}
    assert cells[0].value == "320102"
    assert cells[1].value == "=1+1"
    assert cells[-2].hyperlink is None
    assert len(cells[-1].value) == formats.CELL_LIMIT
    assert cells[-1].value.endswith(formats.CUT)
    notes = {row[0].value: row[1].value for row in book["说明"].iter_rows()}
    assert notes["数据截至"] == "2021-06-20"
    assert notes["行数"] == str(len(FORMULAS) + 1)
    assert notes["code"] == "编码"


def test_a_workbook_reads_no_clock(tmp_path):
    for name in ("a", "b"):
        with formats.workbook_file(tmp_path / f"{name}.xlsx", COLUMNS, [], date(2021, 6, 20)) as add:
            add(["1", "甲"])
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.xlsx") as archive:
        assert {one.date_time[0] for one in archive.infolist()} == {1980}
        assert b"2021-06-20T00:00:00Z" in archive.read("docProps/core.xml")


@pytest.mark.parametrize("number", [0, 1, 3])
def test_json_says_first_what_it_is(tmp_path, number):
    with formats.json_file(tmp_path / "a.json", {"rows": number}) as add:
        for place in range(number):
            add(b'{"ref":"%d"}' % place)
    content = (tmp_path / "a.json").read_bytes()
    assert content.startswith(b'{"meta":{"rows":')
    assert json.loads(content) == {"meta": {"rows": number}, "records": [{"ref": str(one)} for one in range(number)]}
