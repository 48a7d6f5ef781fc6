"""Subjects of whom something is published: where their pages are, and how what is shown names them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select

from publisher.ledger.many import ask, select_many
from publisher.ledger.schema import record, subject
from publisher.ledger.schema import shown as public_form
from publisher.ledger.shown import Shown, every_result


class SubjectRow(NamedTuple):
    """A subject with something published: as its newest published result names it."""

    subject_no: int
    path: str
    name: str
    former_names: tuple[str, ...]
    uscc: str | None
    reg_no: str | None
    region_code: str
    results: int
    latest_on: date


def every(connection: Connection) -> Iterator[SubjectRow]:
    """Yield the subjects that are shown, by number."""
    for _, results in groupby(every_result(connection), key=lambda one: one.row.subject_no):
        yield row_of(list(results))


def paths_of_shown(connection: Connection, numbers: tuple[int, int]) -> list[str]:
    """Return the addresses of the subjects numbered from ``numbers[0]`` up to, not including, ``numbers[1]`` that are
    shown."""
    is_shown = select(record.c.record_no).where(
        record.c.subject_no == subject.c.subject_no, record.c.state == "published"
    )
    query = select(subject.c.path).where(
        subject.c.subject_no >= numbers[0], subject.c.subject_no < numbers[1], is_shown.exists()
    )
    return list(connection.execute(query.order_by(subject.c.subject_no)).scalars())


def addresses(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """Return the addresses of subjects, shown or not, by their keys as parts of the site: their numbers."""
    numbers = [int(key) for key in keys]
    return {
        str(number): path
        for number, path in select_many(connection, subject, ("subject_no", "path"), "subject_no", numbers)
    }


class InRegion(NamedTuple):
    """A subject as the list of its region names it."""

    path: str
    name: str
    uscc: str | None
    results: int


_OF_REGION = """
    SELECT subject.subject_no, path, record_no FROM subject
    JOIN record ON record.subject_no = subject.subject_no
    WHERE subject.region_code = ? AND slot >= ? AND slot < ? AND state = 'published'
    ORDER BY slot, ended_on DESC, record_no
"""


def of_region(connection: Connection, region_code: str, places: tuple[int, int]) -> list[InRegion]:
    """Return the shown subjects of a region by their places in its list, named as their newest result does."""
    found = groupby(ask(connection, _OF_REGION, (region_code, *places)), key=itemgetter(0))
    results = [[*group] for _, group in found]
    newest = [group[0][2] for group in results]
    bodies: dict[int, str] = dict(select_many(connection, public_form, ("record_no", "body"), "record_no", newest))
    rows = []
    for group in results:
        _, path, record_no = group[0]
        subject = orjson.loads(bodies[record_no])["subject"]
        rows.append(InRegion(path, subject["name"], subject["uscc"], len(group)))
    return rows


def row_of(results: Sequence[Shown]) -> SubjectRow:
    """Return a subject as its published results (newest first) describe it."""
    newest = results[0].body["subject"]
    names = dict.fromkeys(one.body["subject"]["name"] for one in results)
    return SubjectRow(
        results[0].row.subject_no,
        results[0].row.subject_path,
        newest["name"],
        tuple(name for name in names if name != newest["name"]),
        newest["uscc"],
        newest["reg_no"],
        newest["region_code"],
        len(results),
        results[0].row.ended_on,
    )
