"""Open data of a small portal: the same records in every format, described so that libraries can check it."""

import csv
import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import update

from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pages
from publisher.ledger.schema import page
from publisher.site.data.columns import FINDING_OF_RESULT
from publisher.site.data.files import WHOLE_LIMIT

DAY = "2021-06-20"


@pytest.fixture
def portal(portal_dir, make_plan, make_item_list, make_result):
    two = make_result(2, remark="=cmd|'/c calc'!A1", subject__name='=HYPERLINK("http://a.example")公司')
    two["findings"].append(two["findings"][0] | {"seq": 2, "item_code": "B01", "note": '第一行\n第二行,“引号”"'})
    others = [make_result(3, ended_on="2021-05-31"), make_result(4, ended_on="2020-12-31")]
    portal_dir.give(make_plan(), make_item_list(), make_result(1), two, *others)
    portal_dir.run(DAY)
    return portal_dir


def table(portal, name, encoding="utf-8"):
    with (portal.output / "data" / name).open(newline="", encoding=encoding) as file:
        head, *rows = csv.reader(file)
    return head, rows


def test_every_format_has_the_same_rows(portal):
    head, strict = table(portal, "results-2021.csv")
    assert head == [one.name for one in FINDING_OF_RESULT]
    assert len(strict) == 4
    assert strict == [row for month in ("05", "06") for row in table(portal, f"results-2021-{month}.csv")[1]]
    _, excel = table(portal, "results-2021.excel.csv", "utf-8-sig")
    assert [[cell.removeprefix("'") for cell in row] for row in excel] == strict
    book = openpyxl.load_workbook(portal.output / "data/results-2021.xlsx")
    sheet = [["" if cell.value is None else cell.value for cell in row] for row in book["数据"].iter_rows(min_row=2)]
    assert sheet == strict
    records = [json.loads(line) for line in portal.page("data/results-2021.jsonl").splitlines()]
    assert [one["result_id"] for one in records] == ["R-3", "R-1", "R-2"]
    assert [row[0] for row in strict] == [one["ref"] for one in records for _ in one["findings"]]
    month = json.loads(portal.page("data/results-2021-06.json"))
    assert month["records"] == records[1:]
    assert month["meta"]["rows"] == 2
    assert month["meta"]["as_of"] == DAY
    assert month["meta"]["licence"]["href"].endswith("/about/data-licence/")


def test_formulas_are_data_in_strict_csv_and_texts_for_excel(portal):
    at = [one.name for one in FINDING_OF_RESULT].index("remark")
    assert table(portal, "results-2021-06.csv")[1][-1][at] == "=cmd|'/c calc'!A1"
    assert table(portal, "results-2021-06.excel.csv", "utf-8-sig")[1][-1][at] == "'=cmd|'/c calc'!A1"


def test_plans_and_lists_have_every_format(portal):
    for name, key in (("plan-2021-P2021-1", "tasks"), ("items-JS-TEST", "items")):
        document = json.loads(portal.page(f"data/{name}.json"))
        (record,) = document["records"]
        assert json.loads(portal.page(f"data/{name}.jsonl")) == record
        rows = table(portal, f"{name}.csv")[1]
        assert len(rows) == len(record[key])
        assert {row[0] for row in rows} == {record["ref"]}
        assert len(table(portal, f"{name}.excel.csv", "utf-8-sig")[1]) == len(rows)


@pytest.mark.filterwarnings("ignore:::frictionless", "ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_the_data_package_is_valid_and_true(portal):
    from frictionless import Package

    package = Package(str(portal.output / "data/datapackage.json"))
    report = package.validate()
    wrong = {task.name: [(one.type, one.note) for one in task.errors] for task in report.tasks if task.errors}
    assert report.valid, (report.errors, wrong)
    listed = {one.path for one in package.resources}
    there = {path.relative_to(portal.output / "data").as_posix() for path in (portal.output / "data").rglob("*.*")}
    schemas = {f"schema-{name}.json" for name in ("csv", "excel-csv", "xlsx", "jsonl")}
    assert there - listed == {"index.html", "datapackage.json", "catalog.jsonld", "delta/000001.jsonl", *schemas}
    told = json.loads(portal.page("data/datapackage.json"))
    assert {one["as_of"] for one in told["resources"]} == {DAY}
    assert all(one["licenses"] and ("rowCount" in one or one["path"] == "metadata.json") for one in told["resources"])
    changed = portal.output / "data/results-2021.csv"
    changed.write_bytes(changed.read_bytes().replace("未发现问题".encode(), "发现了问题".encode()))
    assert not Package(str(portal.output / "data/datapackage.json")).validate().valid


def test_the_catalogue_leads_to_every_file(portal):
    catalog = json.loads(portal.page("data/catalog.jsonld"))
    assert catalog["@type"] == "dcat:Catalog"
    shared = [one for dataset in catalog["dcat:dataset"] for one in dataset["dcat:distribution"]]
    base = "https://gongshi.example.gov.cn/"
    for one in shared:
        path = one["dcat:downloadURL"]["@id"].removeprefix(base)
        assert (portal.output / path).stat().st_size == int(one["dcat:byteSize"]["@value"])
        assert one["dct:license"]["@id"]
    named = {dataset["@id"].partition("#")[2] for dataset in catalog["dcat:dataset"]}
    assert named == {"data_all", "results-2020", "results-2021", "plan-P2021-1", "item_list-JS-TEST"}


def test_the_database_has_everything_and_no_left_overs(portal):
    with closing(sqlite3.connect(f"file:{portal.output}/data/site.db?mode=ro", uri=True)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        assert database.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        count = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
                 for name in ("subjects", "results", "findings", "plans", "tasks", "item_lists", "items")}  # fmt: skip
        about = dict(database.execute("SELECT name, value FROM about"))
    assert count == {
        "subjects": 4, "results": 4, "findings": 5, "plans": 1, "tasks": 1, "item_lists": 1, "items": 2,
    }  # fmt: skip
    assert (about["as_of"], about["rows"]) == (DAY, str(sum(count.values())))
    assert not list((portal.output / "data").glob("site.db-*"))
    assert not (portal.output.parent / ".output.staging").exists()


def _datasette() -> str | None:
    return shutil.which("datasette", path=str(Path(sys.executable).parent)) or shutil.which("datasette")


@pytest.mark.skipif(_datasette() is None, reason="datasette is not installed")
def test_datasette_opens_the_database_with_its_metadata(portal):
    data = portal.output / "data"

    def get(path):
        command = [str(_datasette()), str(data / "site.db"), "-m", str(data / "metadata.json"), "--get", path]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    assert json.loads(get("/site/results.json?_shape=array&_size=max"))[0]["plan_id"] == "P2021-1"
    assert "检查结果，一次检查一行" in get("/site/results")
    for query in json.loads(portal.page("data/metadata.json"))["databases"]["site"]["queries"]:
        assert json.loads(get(f"/site/{query}.json?_shape=array"))


def test_the_same_ledger_makes_the_same_bytes(portal):
    before = {name: content for name, content in portal.files().items() if name.startswith("data/")}
    assert "data/site.db" in before
    assert "data/results-2021.xlsx" in before
    shutil.rmtree(portal.output.resolve())
    portal.call("build", day="2021-07-05")
    assert {name: content for name, content in portal.files().items() if name.startswith("data/")} == before


def test_a_change_rewrites_its_own_month_and_year_only(portal, make_result):
    before = portal.files()
    portal.give(make_result(5, recorded_at=None, finalized_at="2021-06-24T09:00:00+08:00"), name="more")
    portal.run("2021-06-25")
    after = portal.files()
    changed = {name for name in after if name.startswith("data/") and before.get(name) != after[name]}
    assert changed == {
        *(f"data/results-2021-06.{suffix}" for suffix in ("csv", "excel.csv", "jsonl", "json")),
        *(f"data/results-2021.{suffix}" for suffix in ("csv", "excel.csv", "xlsx", "jsonl")),
        "data/site.db", "data/delta/index.json", "data/delta/000002.jsonl", "data/datapackage.json",
        "data/catalog.jsonld", "data/index.html",
    }  # fmt: skip


def test_above_the_limit_only_months_are_left_and_the_page_says_so(portal):
    assert "不再提供整站数据库" not in portal.page("data/index.html")
    with Ledger(portal.settings.ledger.url) as ledger, ledger.transaction() as connection:
        month = page.c.path == "/data/results-2021-06.csv"
        connection.execute(update(page).where(month).values(rows=WHOLE_LIMIT))
        owe_pages(connection, [("data_year", "2021"), ("data_year", "2020"), ("data_all", ""), ("portal", "")])
    assert portal.call("build", day=DAY).status == 0
    left = {name for name in portal.files() if name.startswith("data/")}
    assert not {"data/site.db", "data/metadata.json", "data/results-2021.xlsx", "data/results-2021.csv"} & left
    assert {"data/results-2020.xlsx", "data/results-2021-06.csv", "data/results-2021-06.jsonl"} <= left
    assert "不再提供整站数据库" in portal.page("data/index.html")


def test_the_page_lists_every_file(portal):
    words = portal.page("data/index.html")
    for name in portal.files():
        if name.startswith("data/") and name != "data/index.html":
            assert f'href="/{name}"' in words


def test_an_empty_portal_has_nothing_to_take_away(portal_dir):
    portal_dir.feed.mkdir()
    portal_dir.run(DAY)
    assert "目前没有可下载的文件" in portal_dir.page("data/index.html")
    assert [name for name in portal_dir.files() if name.startswith("data/")] == ["data/index.html"]
