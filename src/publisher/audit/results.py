"""Whether every published result is in the lists and downloads of its month, and in those of its year and of the whole
portal where there are any, and says there what the ledger says."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, select

from publisher import paths
from publisher.audit.difference import Difference
from publisher.audit.downloads import (
    BROKEN,
    CELL_LIMIT,
    COLUMNS,
    csv_rows,
    database_rows,
    digest,
    expected_rows,
    record_digests,
    row_digests,
    rows_digest,
    workbook_rows,
)
from publisher.audit.pages import PageText
from publisher.audit.reading import normal
from publisher.ledger import shown as ledger_shown
from publisher.ledger.octets import octets
from publisher.ledger.schema import listing, place, record, shown, subject

_MONTH_CHUNK = 20 * paths.LIST_PAGE
# Written so that no database answers it by its index of states, which would read all that is published.
_IS_SHOWN = func.coalesce(record.c.state, "") == "published"


class Told(NamedTuple):
    """A published result, as the ledger would have it told."""

    row: Any  # record_no, record_id, rule, ref, subject_no, path; its slot where it is one of a list
    body: Mapping[str, Any]
    beside: Mapping[str, Any]


def told_query() -> Any:
    """Return how shown results are read; the caller narrows it by subject, place or number."""
    names = ("record_no", "record_id", "rule", "ref", "subject_no")
    joined = record.join(shown, shown.c.record_no == record.c.record_no).join(
        subject, subject.c.subject_no == record.c.subject_no
    )
    forms = [octets(column).label(column.name) for column in (shown.c.body, shown.c.beside)]
    return select(*(record.c[name] for name in names), subject.c.path, *forms).select_from(joined).where(_IS_SHOWN)


def read_told(connection: Connection, query: Any) -> Iterator[Told]:
    """Yield the results that a query, made of :func:`told_query`, finds."""
    for row in connection.execute(query).all():
        yield Told(row, orjson.loads(row.body), orjson.loads(row.beside))


def _below(href: str, folder: str) -> str:
    """Return an address without the path that the whole site may stand under."""
    return href[max(href.rfind(folder), 0) :]


def of_months(connection: Connection, output: Path, share: int = 0, shares: int = 1) -> Iterator[Difference]:
    """Yield what is not as it should be in the months' lists and downloads, or in a share of them."""
    for number, size in enumerate(ledger_shown.month_sizes(connection)):
        if size.results and number % shares == share:
            yield from _of_month(connection, output, size.year, size.month)


def _of_month(connection: Connection, output: Path, year: int, month: int) -> Iterator[Difference]:
    pages: dict[int, dict[str, str]] = defaultdict(dict)
    files: dict[str, dict[str, bytes]] = {}
    last = 0
    for one in _of_places(connection, year, month):
        part = one.row.slot // paths.DATA_PART + 1
        if part != last:
            yield from _left_over(files)
            files, last = {}, part
            suffixes = ("json", "jsonl", "csv", "excel.csv")
            yield from _read_files(
                output, [paths.data_month(year, month, part, suffix) for suffix in suffixes], one, files
            )
        name, rule = f"result {one.row.record_id}", one.row.rule
        number = one.row.slot // paths.LIST_PAGE + 1
        where = paths.results_month(year, month, number)
        if number not in pages:
            pages.clear()
            pages[number] = _links(output, where)
        told = pages[number].get(f"{one.row.path}#{one.row.record_id}")
        if told is None:
            yield Difference("missing", where, f"{name}: its row", rule)
        elif told != normal(one.body["subject"]["name"]):
            yield Difference("differs", where, f"{name}: subject name", rule)
        yield from _told_in(files, one)
    yield from _left_over(files)


def of_wholes(connection: Connection, output: Path) -> Iterator[Difference]:
    """Yield what is not as it should be in the downloads of whole years, and of the whole portal: those that are there,
    for only a small portal has them."""
    months = sorted((one.year, one.month) for one in ledger_shown.month_sizes(connection) if one.results)
    whole = _there(output, [paths.DATABASE])
    of_portal: dict[str, dict[str, bytes]] = {}
    for year, of_year in groupby(months, key=itemgetter(0)):
        there = _there(output, [paths.data_year(year, suffix) for suffix in ("jsonl", "csv", "excel.csv", "xlsx")])
        files: dict[str, dict[str, bytes]] = {}
        for month in of_year if there or whole or of_portal else ():
            for one in _of_places(connection, *month):
                yield from _read_files(output, there, one, files)
                yield from _read_files(output, whole, one, of_portal)
                there, whole = [], []
                yield from _told_in({**files, **of_portal}, one)
        yield from _left_over(files)
    yield from _left_over(of_portal)


def _there(output: Path, addresses: Sequence[str]) -> list[str]:
    return [one for one in addresses if (output / paths.file_of(one)).is_file()]


def _told_in(files: Mapping[str, dict[str, bytes]], one: Told) -> Iterator[Difference]:
    """Yield where files do not say of a result what they should; take out of them what they say of it."""
    rows = expected_rows(one.row.ref, one.body)
    wanted = {
        True: digest({**one.body, "ref": one.row.ref, "severity": one.beside.get("severity", one.body["severity"])}),
        False: rows_digest(rows),
    }
    for file, digests in files.items():
        held = digests.pop(one.row.record_id, None)
        is_cut = file.endswith(".xlsx") and any(len(cell) > CELL_LIMIT for row in rows for cell in row)
        if held is None or (held != wanted[file.endswith((".json", ".jsonl"))] and not is_cut):
            what = f"result {one.row.record_id}"
            yield Difference("missing" if held is None else "differs", file, what, one.row.rule)


def _read_files(
    output: Path, addresses: Sequence[str], first: Told, files: dict[str, dict[str, bytes]]
) -> Iterator[Difference]:
    """Read downloads of results into ``files``, a plain CSV before the others; yield which cannot be read."""
    named_in = next((output / paths.file_of(one) for one in addresses if _is_plain(one)), output)
    for where in addresses:
        file = output / paths.file_of(where)
        try:
            if where.endswith((".json", ".jsonl")):
                files[where] = record_digests(file, {"ref": "", **first.body})
            elif where.endswith(".xlsx"):
                files[where] = row_digests(workbook_rows(file, COLUMNS, named_in))
            elif where.endswith(".db"):
                files[where] = row_digests(database_rows(file, COLUMNS))
            else:
                files[where] = row_digests(csv_rows(file, COLUMNS, None if _is_plain(where) else named_in))
        except BROKEN as error:
            yield Difference("missing", where, f"the results in it ({type(error).__name__})")


def _is_plain(address: str) -> bool:
    return address.endswith(".csv") and not address.endswith(".excel.csv")


def _left_over(files: dict[str, dict[str, bytes]]) -> Iterator[Difference]:
    for file, digests in files.items():
        if digests:
            yield Difference("leak", file, f"{len(digests)} results that the ledger does not show there")


def _of_places(connection: Connection, year: int, month: int) -> Iterator[Told]:
    of_month = (listing.c.facet == "month", listing.c.year == year, listing.c.value == f"{month:02}")
    seats = place.join(listing, listing.c.list_no == place.c.list_no)
    mine = select(place.c.record_no, place.c.slot).select_from(seats).where(*of_month).subquery()
    query = (
        told_query().join(mine, mine.c.record_no == record.c.record_no).add_columns(mine.c.slot).order_by(mine.c.slot)
    )
    last = -1
    while rows := list(read_told(connection, query.where(mine.c.slot > last).limit(_MONTH_CHUNK))):
        yield from rows
        last = rows[-1].row.slot


def _links(output: Path, address: str) -> dict[str, str]:
    try:
        page = PageText.of_file(output / paths.file_of(address))
    except (OSError, UnicodeDecodeError):
        return {}
    return {_below(href, paths.SUBJECTS): words for href, words in page.links}
