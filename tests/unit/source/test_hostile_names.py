"""Hostile names through a whole run: no cell of a download is a formula, and no page holds markup or code of theirs."""

import csv
import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from publisher.audit.downloads import COLUMNS, csv_rows, expected_rows, row_digests, rows_digest
from publisher.site.data.columns import Column
from publisher.site.data.formats import excel_csv_file

from .test_hostile_input import DAY, record

FORMULAS = (
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://127.0.0.1/","公司")',
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "＝1+1",
    "\t=1+1",
    " =1+1",
    '"=1+1',
    "\u3000@SUM(1)",
    "1E17",
    "000123",
    "2021-06",
    "1/2",
)
MARKUP = (
    "<script>alert(1)</script>",
    "</td><img src=x onerror=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt;",
    "javascript:alert(1)",
    '"><svg onload=alert(1)>',
    "a' onmouseover='alert(1)",
    "]]><!--",
    "<![CDATA[x]]>",
    "甲, 乙\n丙",
    "𠮷野家",
    "é́́́",
    'a"b,c;d',
)
MISREAD = tuple("=+-@\t\r\n＝＋－＠")  # what a spreadsheet takes for the beginning of a formula


@pytest.fixture(scope="module")
def named(make_portal: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of a portal whose firms and remarks bear hostile names."""
    portal = make_portal(tmp_path_factory.mktemp("named"))
    given = [
        record(f"N-{place}", subject__name=name, remark=name, authority=name, findings__0__item_name=name)
        for place, name in enumerate((*FORMULAS, *MARKUP))
    ]
    portal.give(*given)
    assert portal.run(DAY)["states"]["published"] == len(given)
    output: Path = portal.output
    return output


def test_no_cell_of_a_download_is_a_formula_and_each_says_what_arrived(named: Path) -> None:
    wanted = {*FORMULAS, *MARKUP}
    books = sorted((named / "data").rglob("*.xlsx"))
    assert books
    for file in books:
        with zipfile.ZipFile(file) as package:
            assert not any(b"<f>" in package.read(name) or b"<f " in package.read(name) for name in package.namelist())
        cells = [cell for sheet in openpyxl.load_workbook(file) for cells in sheet for cell in cells]
        assert {cell.data_type for cell in cells if cell.value is not None} == {"s"}
        assert not {cell.hyperlink for cell in cells} - {None}
        assert {str(cell.value).strip() for cell in cells} >= {name.strip() for name in wanted}
    plain = [file for file in (named / "data").rglob("results*.csv") if ".excel." not in file.name]
    marked = sorted((named / "data").rglob("results*.excel.csv"))
    assert plain
    assert marked
    for file in (*plain, *marked):
        with file.open(encoding="utf-8-sig", newline="") as rows:
            found = {cell for cells in csv.reader(rows, strict=True) for cell in cells}
        if file in marked:
            assert not [cell for cell in found if cell.lstrip(' \u3000"').startswith(MISREAD)]
            found = {cell.removeprefix("'") for cell in found} | found
        assert {cell.strip() for cell in found} >= {name.strip() for name in wanted}


class Handlers(HTMLParser):
    """Notes every attribute that would run as a script."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {name}" for name, _ in attributes if name.startswith("on")]


def test_a_name_that_begins_with_an_apostrophe_is_audited_as_it_is(tmp_path: Path) -> None:
    name = "'=1+1"
    columns = tuple(Column(one, one) for one in COLUMNS)
    body = record("N-1", subject__name=name) | dict.fromkeys(("measure", "disposition", "penalty_no", "remark"))
    body["findings"][0]["note"], body["subject"]["reg_no"] = None, None
    cells = [dict(zip(COLUMNS, cells, strict=True)) for cells in expected_rows("ref", body)]
    with excel_csv_file(tmp_path / "a.csv", columns) as add:
        for one in cells:
            add([*(one | {"subject_name": name}).values()])
    assert row_digests(csv_rows(tmp_path / "a.csv", COLUMNS)) == {"N-1": rows_digest(expected_rows("ref", body))}


def test_no_name_becomes_markup_or_code(named: Path) -> None:
    pages = [file.read_text("utf-8") for file in named.rglob("*") if file.suffix in (".html", ".xml")]
    assert len(pages) > 50
    for word in ("<script>alert", "<img src=x", "<svg onload", "<![CDATA[x"):
        assert not [page for page in pages if word in page]
    assert not [page for page in pages if re.search(r"href=[\"']?\s*javascript:", page)]
    looked = Handlers()
    for page in pages:
        looked.feed(page)
    assert looked.found == []
    assert any("{{ 7*7 }}{% raw %}" in page for page in pages)
    assert any("&lt;script&gt;alert(1)" in page for page in pages)
