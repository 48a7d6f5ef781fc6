"""Subjects of whom something is published: where their pages are, and how what is shown names them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, select

from publisher.ledger.many import Values, ask, day_of, read, select_many
from publisher.ledger.octets import octets_of
from publisher.ledger.schema import record, subject
from publisher.ledger.schema import shown as public_form
from publisher.ledger.shown import Shown, beside_of, every_result


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


class ResultRow(NamedTuple):
    """A subject's published result in the ledger, as far as the subject's page says it; what opens its entry in the
    publication log, where there is one."""

    record_no: int
    record_id: str
    subject_no: int
    subject_path: str
    outcomes: str
    marks: str
    basis: str
    ref: str
    leaf_no: int | None
    seed: bytes | None
    negative: bool
    provisional: bool
    since: date
    due_on: date | None
    published_on: date | None
    may_apply_on: date | None
    ends_on: date | None
    ended_on: date


_FLAGS, _DAYS = slice(10, 12), slice(12, 18)
# Only what is published has a public form, so its state is not asked: SQLite would read all that is published.
_OF_SUBJECTS = """
    SELECT record.record_no, record_id, record.subject_no, path, outcomes, marks, basis, record.ref, leaf_no, seed,
    negative, provisional, since, due_on, published_on, may_apply_on, ends_on, ended_on, {body}, {beside} FROM record
    JOIN shown ON shown.record_no = record.record_no JOIN subject ON subject.subject_no = record.subject_no
    LEFT JOIN log_live ON log_live.record_no = record.record_no
    LEFT JOIN log_seed ON log_seed.seed_no = log_live.seed_no
    WHERE record.subject_no IN ({numbers}) ORDER BY record.subject_no, ended_on DESC, record.record_no
"""


def results_of(connection: Connection, numbers: Sequence[int]) -> Iterator[tuple[int, list[Shown]]]:
    """Yield those of several subjects that have published results, each with its results, newest inspection first."""
    body, beside = (octets_of(connection, name) for name in ("body", "beside"))
    statement = _OF_SUBJECTS.format(body=body, beside=beside, numbers=", ".join("?" * len(numbers)))
    for number, rows in groupby(read(connection, statement, tuple(numbers)), key=itemgetter(2)):
        yield number, [_result(row) for row in rows]  # one subject's at a time, while the processor has them at hand


def _result(row: Values) -> Shown:
    result = ResultRow._make((*row[: _FLAGS.start], *map(bool, row[_FLAGS]), *map(day_of, row[_DAYS])))
    return Shown(result, orjson.loads(row[-2]), beside_of(row[-1]))


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
    columns = ("record_no", octets_of(connection, "body"))
    bodies: dict[int, bytes] = dict(select_many(connection, public_form, columns, "record_no", newest))
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
