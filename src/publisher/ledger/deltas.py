"""What each publication changed, by the random ref of a record: the lines that keep copies of the data lawful.

A publication is a run that changed something public. An ADD shows a record as it stands now, so it never holds what was
corrected; a MOD says that it changed, and only the latest one stays; a STOP names ref, rule and date, and takes the
record's ADD and MOD away in the same transaction.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update

from publisher import paths
from publisher.ledger.many import delete_many, insert_many, iso, select_many, stream
from publisher.ledger.schema import delta, place, publication, record, shown, subject, vacated
from publisher.ledger.shown import COLUMNS, Shown, shown_of

Op = Literal["ADD", "MOD", "STOP"]
_COUNTED: dict[str, str] = {"ADD": "added", "MOD": "modified", "STOP": "stopped"}


class Change(NamedTuple):
    """A record that came, changed or stopped for the public; ``effective_on`` is the first day of its state."""

    record_no: int
    ref: str
    op: Op
    rule: str
    effective_on: date


class Line(NamedTuple):
    """A line of a publication; a STOP carries no record."""

    op: Op
    ref: str
    rule: str
    effective_on: date
    record: Shown | None


class _Standing(NamedTuple):
    """A line that stands so far."""

    delta_no: int
    run_no: int
    line: int
    record_no: int
    op: Op


def note(connection: Connection, run_no: int, day: date, changes: Sequence[Change]) -> set[tuple[str, str]]:
    """Write the lines of one publication and take away those they supersede; return the parts of the site to render.

    To be called in the transaction that writes the verdicts.
    """
    if not changes:
        return set()
    earlier = [one.record_no for one in changes if one.op != "ADD"]
    had = (_Standing(*row) for row in select_many(connection, delta, _Standing._fields, "record_no", earlier))
    standing = [one for one in had if one.op != "STOP"]
    stopped = {one.record_no for one in changes if one.op == "STOP"}
    gone = [one for one in standing if one.op == "MOD" or one.record_no in stopped]
    delete_many(connection, delta, ("delta_no",), [(one.delta_no,) for one in gone])
    parts = {_part(one.run_no, one.line) for one in standing}
    counts = {number: Counter[str]() for number in {run_no, *(one.run_no for one in standing)}}
    for one in gone:
        counts[one.run_no][one.op] -= 1
    last = connection.execute(select(func.max(delta.c.line)).where(delta.c.run_no == run_no)).scalar()
    first = 0 if last is None else last + 1
    columns = ("run_no", "line", "as_of", "record_no", "ref", "op", "rule", "effective_on")
    lines = [
        (run_no, line, iso(day), number, ref, op, rule, iso(effective_on))
        for line, (number, ref, op, rule, effective_on) in enumerate(changes, start=first)
    ]
    insert_many(connection, delta, columns, lines)
    parts |= {_part(run_no, line) for line in range(first, first + len(changes), paths.DELTA_PART)}
    parts.add(_part(run_no, first + len(changes) - 1))
    counts[run_no].update(one.op for one in changes)
    for number, changed in counts.items():
        _count(connection, number, day, changed)
    return parts


def _part(run_no: int, line: int) -> tuple[str, str]:
    return "delta", f"{run_no}/{line // paths.DELTA_PART + 1}"


def _count(connection: Connection, run_no: int, day: date, changed: Counter[str]) -> None:
    added = {name: publication.c[name] + changed[op] for op, name in _COUNTED.items()}
    statement = update(publication).where(publication.c.run_no == run_no).values(changed_on=day, **added)
    if not connection.execute(statement).rowcount:
        first = {name: changed[op] for op, name in _COUNTED.items()}
        connection.execute(insert(publication).values(run_no=run_no, as_of=day, changed_on=day, **first))


def publications(connection: Connection) -> list[Row[Any]]:
    """Return every publication with its counts, oldest first."""
    return list(connection.execute(select(publication).order_by(publication.c.run_no)))


def parts(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield every part of every publication that has lines."""
    number = delta.c.line // paths.DELTA_PART
    for run_no, which in connection.execute(select(delta.c.run_no, number).distinct()):
        yield "delta", f"{run_no}/{which + 1}"


def lines(connection: Connection, run_no: int, part: int) -> Iterator[Line]:
    """Yield the lines of a part of a publication in their order, with the records as they stand now."""
    told = (delta.c.op, delta.c.ref, delta.c.rule, delta.c.effective_on)
    joined = (
        delta.join(record, record.c.record_no == delta.c.record_no)
        .outerjoin(shown, shown.c.record_no == delta.c.record_no)
        .outerjoin(subject, subject.c.subject_no == record.c.subject_no)
    )
    first = (part - 1) * paths.DELTA_PART
    query = (
        select(*told, *COLUMNS)
        .select_from(joined)
        .where(delta.c.run_no == run_no, delta.c.line >= first, delta.c.line < first + paths.DELTA_PART)
        .order_by(delta.c.line)
    )
    for row in stream(connection, query):
        op, ref, rule, effective_on = row[: len(told)]
        yield Line(op, ref, rule, effective_on, None if op == "STOP" else shown_of(row[len(told) :]))


def changed_on(connection: Connection, record_no: int) -> date | None:
    """Return the day on which what is shown of a record changed last."""
    query = select(func.max(delta.c.as_of)).where(delta.c.record_no == record_no)
    found: date | None = connection.execute(query).scalar()
    return found


def places_changed_on(connection: Connection, list_no: int, first: int, last: int) -> date | None:
    """Return the day on which what some places of a list show changed last, from ``first`` up to but not including
    ``last``."""
    told = select(func.max(delta.c.as_of)).join(place, delta.c.record_no == place.c.record_no)
    days = [
        connection.execute(query.where(table.c.list_no == list_no, table.c.slot >= first, table.c.slot < last)).scalar()
        for query, table in ((told, place), (select(func.max(vacated.c.since)), vacated))
    ]
    return max((day for day in days if day is not None), default=None)


def latest_change(connection: Connection) -> date | None:
    """Return the day on which anything public changed last."""
    found: date | None = connection.execute(select(func.max(publication.c.as_of))).scalar()
    return found


def forms(connection: Connection, record_numbers: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Return the public forms (body and what is said beside it) of those records that are shown."""
    columns = ("record_no", "body", "beside")
    return {
        number: (body, beside)
        for number, body, beside in select_many(connection, shown, columns, "record_no", record_numbers)
    }
