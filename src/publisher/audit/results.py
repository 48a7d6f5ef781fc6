"""Whether every published result is in the lists and downloads of its month, and says there what the ledger says."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, select

from publisher import paths
from publisher.audit.difference import Difference
from publisher.audit.downloads import BROKEN, digest, expected_rows, month_records, month_rows, rows_digest
from publisher.audit.pages import PageText
from publisher.audit.reading import normal
from publisher.ledger import shown as ledger_shown
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
    return (
        select(*(record.c[name] for name in names), subject.c.path, shown.c.body, shown.c.beside)
        .select_from(joined)
        .where(_IS_SHOWN)
    )


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
            yield from _downloads(output, (year, month, part), one, files)
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
        for file, digests in files.items():
            wanted = (
                digest({**one.body, "ref": one.row.ref, "severity": one.beside.get("severity", one.body["severity"])})
                if file.endswith(".json")
                else rows_digest(expected_rows(one.row.ref, one.body))
            )
            held = digests.pop(one.row.record_id, None)
            if held != wanted:
                yield Difference("missing" if held is None else "differs", file, name, rule)
    yield from _left_over(files)


def _downloads(
    output: Path, part: tuple[int, int, int], first: Told, files: dict[str, dict[str, bytes]]
) -> Iterator[Difference]:
    """Read the files of a part of a month (year, month, part) into ``files``; yield what cannot be read."""
    json, plain, excel = (paths.data_month(*part, suffix) for suffix in ("json", "csv", "excel.csv"))
    named_in = output / paths.file_of(plain)
    readers: dict[str, Callable[[Path], dict[str, bytes]]] = {
        json: lambda file: month_records(file, {"ref": "", **first.body}),
        plain: month_rows,
        excel: lambda file: month_rows(file, named_in),
    }
    for where, reader in readers.items():
        try:
            files[where] = reader(output / paths.file_of(where))
        except BROKEN as error:
            number = f", part {part[2]}" if part[2] > 1 else ""
            what = f"the results of {part[0]}-{part[1]:02}{number} ({type(error).__name__})"
            yield Difference("missing", where, what)


def _left_over(files: dict[str, dict[str, bytes]]) -> Iterator[Difference]:
    for file, digests in files.items():
        if digests:
            yield Difference("leak", file, f"{len(digests)} results that the ledger does not show in this month")


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
