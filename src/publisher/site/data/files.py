"""Files of results by month and by year, of plans and of item lists."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import orjson
from sqlalchemy import select

from publisher import paths
from publisher.errors import SiteError
from publisher.ledger import deltas, listings, shown
from publisher.ledger.schema import page
from publisher.ledger.shown import Shown
from publisher.site.data import columns, formats
from publisher.site.data.columns import Columns
from publisher.site.data.records import (
    Record,
    Values,
    cells,
    finding_values,
    item_rows,
    public_record,
    result_values,
    task_rows,
)
from publisher.site.folder import staging
from publisher.site.install import File
from publisher.site.views import Context, Site

WHOLE_LIMIT = 50_000  # rows up to which a year, and the whole portal, come as one file: any change writes it again

FORMATS = {
    "csv": "CSV",
    "excel.csv": "CSV（适合 Excel）",
    "xlsx": "XLSX",
    "jsonl": "JSON Lines",
    "json": "JSON",
}
OF_MONTH = ("csv", "excel.csv", "jsonl", "json")
OF_YEAR = ("csv", "excel.csv", "xlsx", "jsonl")
WORKBOOK_LIMIT = 20_000  # rows of a year's workbook: one changed result writes it again, ten times slower than a CSV
OF_RECORD = ("csv", "excel.csv", "jsonl", "json")

Entry = tuple[Record, Values, Sequence[Values]]  # a record; what all its rows in a table say first, and what each adds


class Content(NamedTuple):
    """What files are written of: their title, the columns of the table, how many records, and their latest change."""

    title: str
    columns: Columns
    records: int
    as_of: date


def licence(site: Site) -> Context:
    """Return under which conditions the data may be used: the title and address of the page that says so."""
    return {"title": "数据使用条件", "href": site.job.base_url + paths.ABOUT + "data-licence/"}


def month_files(site: Site, year: int, month: int, part: int) -> list[File]:
    """Return a part of a month's results in every format: those on so many places of its list; nothing when none is
    shown."""
    found = listings.of_month(site.connection, year, month)
    if found is None:
        return []
    places = ((part - 1) * paths.DATA_PART, part * paths.DATA_PART)
    results = shown.count_of_list(site.connection, found.list_no, *places)
    as_of = deltas.places_changed_on(site.connection, found.list_no, *places)
    if not results or as_of is None:
        return []
    title = f"{year} 年 {month} 月检查结果" + ("" if part == 1 else f"（第 {part} 部分）")
    content = Content(title, columns.FINDING_OF_RESULT, results, as_of)
    entries = (_result(site, one) for one in shown.of_list(site.connection, found.list_no, *places))
    return _write(site, content, entries, OF_MONTH, lambda suffix: paths.data_month(year, month, part, suffix))


def year_files(site: Site, year: int) -> list[File]:
    """Return a year's results as whole files; nothing when none is shown or they have too many rows. The workbook is
    the first to be left out; the CSV for Excel stays."""
    parts = [row for row in month_tables(site) if row.key.startswith(f"{year}-")]
    if not parts or sum(row.rows for row in parts) > WHOLE_LIMIT:
        return []
    months = [one for one in shown.month_sizes(site.connection) if one.year == year]
    number = sum(one.results for one in months)
    content = Content(f"{year} 年检查结果", columns.FINDING_OF_RESULT, number, max(row.as_of for row in parts))
    results = chain.from_iterable(shown.of_month(site.connection, year, one.month) for one in months)
    entries = (_result(site, one) for one in results)
    fits = sum(row.rows for row in parts) <= WORKBOOK_LIMIT
    suffixes = [suffix for suffix in OF_YEAR if fits or suffix != "xlsx"]
    return _write(site, content, entries, suffixes, lambda suffix: paths.data_year(year, suffix))


class MonthTable(NamedTuple):
    """The table of a part of a month as it was installed; its key is that of the part (``2021-06/1``)."""

    key: str
    rows: int
    as_of: date


def month_tables(site: Site) -> list[MonthTable]:
    """Return the tables of all months. They are installed before what counts on them."""
    query = select(page.c.key, page.c.rows, page.c.as_of).where(
        page.c.scope == "data_month",
        page.c.path.startswith(paths.DATA),
        page.c.path.endswith(".csv"),
        page.c.path.not_like("%.excel.csv"),
        page.c.digest != "",
    )
    return [MonthTable(*row) for row in site.connection.execute(query.order_by(page.c.key))]


def total_rows(site: Site) -> int:
    """Return how many rows the results of all months have."""
    return sum(one.rows for one in month_tables(site))


def plan_files(site: Site, one: Shown) -> list[File]:
    """Return a published plan in every format; its tables have a task a row."""
    content = _content(site, one, columns.TASK_OF_PLAN)
    entry = (public_record(site, one), (one.row.ref,), list(task_rows(one)))
    return _write(site, content, [entry], OF_RECORD,
                  lambda suffix: paths.data_plan(one.body["year"], one.row.record_id, suffix))  # fmt: skip


def list_files(site: Site, one: Shown) -> list[File]:
    """Return a published item list in every format; its tables have an item a row."""
    content = _content(site, one, columns.ITEM_OF_LIST)
    entry = (public_record(site, one), (one.row.ref,), list(item_rows(one)))
    return _write(site, content, [entry], OF_RECORD,
                  lambda suffix: paths.data_items(one.row.record_id, suffix))  # fmt: skip


def _content(site: Site, one: Shown, table: Columns) -> Content:
    as_of = deltas.changed_on(site.connection, one.row.record_no) or one.row.since
    return Content(one.body["title"], table, 1, as_of)


def _result(site: Site, one: Shown) -> Entry:
    return public_record(site, one), result_values(site, one), list(finding_values(one))


def _write(
    site: Site, content: Content, entries: Iterable[Entry], suffixes: Sequence[str], address: Callable[[str], str]
) -> list[File]:
    """Write the same entries in several formats in one pass; return the files, made beside the tree."""
    made = {suffix: workshop(site, address(suffix)) for suffix in suffixes}
    about = {"title": content.title, "licence": licence(site), "as_of": content.as_of.isoformat()}
    words = [("名称", content.title), ("来源", f"{site.job.name} {site.job.base_url}"),
             ("数据截至", content.as_of.isoformat()), ("使用条件", licence(site)["href"])]  # fmt: skip
    rows = 0
    with writing(address(suffixes[0])), ExitStack() as open_files:
        tables: list[formats.AddRow] = []
        records: list[formats.AddRecord] = []
        for suffix, path in made.items():
            match suffix:
                case "csv":
                    tables.append(open_files.enter_context(formats.csv_file(path, content.columns)))
                case "excel.csv":
                    tables.append(open_files.enter_context(formats.excel_csv_file(path, content.columns)))
                case "xlsx":
                    book = formats.workbook_file(path, content.columns, words, content.as_of)
                    tables.append(open_files.enter_context(book))
                case "jsonl":
                    records.append(open_files.enter_context(formats.json_lines_file(path)))
                case _:
                    meta = about | {"rows": content.records}
                    records.append(open_files.enter_context(formats.json_file(path, meta)))
        for record, first, rest in entries:
            said = orjson.dumps(record)
            for add_record in records:
                add_record(said)
            shared = cells(first)
            for values in rest:
                row = shared + cells(values)
                for add_row in tables:
                    add_row(row)
            rows += len(rest)
    return [
        File(address(suffix), path, content.records if suffix.startswith("json") else rows, content.as_of)
        for suffix, path in made.items()
    ]


def workshop(site: Site, address: str) -> Path:
    """Return where the file of an address is made before it is installed."""
    folder = staging(site.job.output) / "data"
    with writing(address):
        folder.mkdir(parents=True, exist_ok=True)
    return folder / paths.file_of(address).replace("/", "+")


@contextmanager
def writing(address: str) -> Iterator[None]:
    """Say which file could not be written.

    Raises :class:`SiteError`; the run can be repeated.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise SiteError(f"{address} could not be written: {reason}; the run can be repeated") from error
