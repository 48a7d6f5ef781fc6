"""Keeping the counts behind figures and plots in step with the verdicts, so that nobody has to count all results.

Each verdict takes away what the record counted for before and adds what it counts for now, in the transaction that
writes it. What the counts mean is told in :mod:`publisher.ledger.tallies`, which reads them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, update

from publisher.ledger.drafts import Draft, Facets, InForce
from publisher.ledger.listings import NO_YEAR, SUBJECTS, Key, Lists
from publisher.ledger.many import insert_many, select_many
from publisher.ledger.schema import listing, record, tally, task_tally, visit_tally
from publisher.ledger.subjects import Subjects

_TASK_KEY = ("plan_id", "task_id", "year", "city")
_TASK_COUNTS = ("inspected", "published", "on_time", "late", "problems")
_KEY = ("year", "month", "region_code", "outcomes", "due_year")
_COUNTS = ("published", "negative", "due", "on_time", "problems", "settled")
_OF_SUBJECT = ("record_no", "subject_no", "ended_on", "state", "cause")

Counted = dict[tuple[Any, ...], list[int]]


class _Stand(NamedTuple):
    """What a record counts for a subject: the day of a visit (None for one that counts nowhere), and being shown."""

    visit: str | None
    is_shown: bool


class Counting:
    """What a chunk of verdicts changes in the counts. To be made before they are written."""

    def __init__(self, connection: Connection, drafts: Sequence[Draft], numbers: Sequence[int | None]) -> None:
        """``numbers`` are the subjects of the drafts as they are now."""
        self._connection = connection
        self._tasks: Counted = defaultdict(lambda: [0] * len(_TASK_COUNTS))
        self._all: Counted = defaultdict(lambda: [0] * len(_COUNTS))
        moved = [(one, number) for one, number in zip(drafts, numbers, strict=True) if number is not None]
        for one, _ in moved:
            self._count(one.before, one.sorted_by, -1)
            self._count(one.now, one.facets, 1)
        self._before = _stands(connection, {one.subject_no for one, _ in moved} | {number for _, number in moved})
        self._now = {number: dict(stands) for number, stands in self._before.items()}
        for one, number in moved:
            if one.subject_no is not None:
                self._now[one.subject_no].pop(one.record_no, None)
            self._now[number][one.record_no] = _stand(one.facets.ended_on, one.now.state, one.now.cause)

    @cached_property
    def turned(self) -> dict[int, bool]:
        """The subjects that begin or cease to be shown, and whether they are now."""
        shown = {number: [_is_shown(stands[number]) for stands in (self._before, self._now)] for number in self._now}
        return {number: now for number, (was, now) in shown.items() if was != now}

    def _count(self, verdict: InForce, of: Facets, sign: int) -> None:
        if verdict.state is None or verdict.cause == "retracted":
            return
        is_shown, is_withheld = verdict.state == "published", verdict.state == "withheld"
        told = verdict.published_on is not None
        in_time = told and verdict.due_on is not None and (verdict.published_on or "") <= verdict.due_on
        late = told and verdict.due_on is not None and not in_time
        done = told and not is_withheld and verdict.state != "pending"
        due = not is_withheld and (told or "late" in verdict.marks)
        city = f"{(of.region_code or '')[:4]}00"
        mine = self._tasks[of.plan_id, of.task_id, of.year, city]
        for place, counts in enumerate((True, is_shown, done and in_time, done and late, done and of.negative)):
            mine[place] += sign * bool(counts)
        due_year = int(verdict.due_on[:4]) if verdict.due_on else 0
        mine = self._all[of.year, of.month, of.region_code, of.outcomes or "", due_year]
        negative = bool(of.negative)
        counted = (is_shown, is_shown and negative, due, due and in_time, negative, negative and of.settled)
        for place, counts in enumerate(counted):
            mine[place] += sign * bool(counts)

    def write(self, lists: Lists, subjects: Subjects) -> None:
        """Bring the counts in step; what a region shows of subjects goes with its list."""
        _add(self._connection, task_tally.name, _TASK_KEY, _TASK_COUNTS, self._tasks)
        _add(self._connection, tally.name, _KEY, _COUNTS, self._all)
        visits: Counted = defaultdict(lambda: [0])
        for number, stands in self._now.items():
            before = self._before[number]
            for sign, some in ((-1, before), (1, stands)):
                for day in {one.visit for one in some.values() if one.visit is not None}:
                    visits[(int(day[:4]),)][0] += sign
        _add(self._connection, visit_tally.name, ("year",), ("visits",), visits)
        for number, is_shown in self.turned.items():
            lists.count_more(Key(SUBJECTS, NO_YEAR, subjects.place_of(number)[0]), 1 if is_shown else -1)


def _stands(connection: Connection, numbers: Iterable[int | None]) -> dict[int, dict[int, _Stand]]:
    """Return what the records of subjects count for as the ledger has them."""
    found: dict[int, dict[int, _Stand]] = {number: {} for number in numbers if number is not None}
    for record_no, subject_no, *told in select_many(connection, record, _OF_SUBJECT, "subject_no", sorted(found)):
        found[subject_no][record_no] = _stand(*told)
    return found


def _is_shown(stands: Mapping[int, _Stand]) -> bool:
    return any(one.is_shown for one in stands.values())


def _stand(ended_on: Any, state: str | None, cause: str | None) -> _Stand:
    counts = state is not None and cause != "retracted"
    return _Stand(str(ended_on) if counts else None, state == "published")


def _add(
    connection: Connection, table: str, key: Sequence[str], names: Sequence[str], counted: Mapping[Any, Sequence[int]]
) -> None:
    """Add to the counts of a table; one that comes to nothing stays, as nothing."""
    rows = [(*of, *counts) for of, counts in counted.items() if any(counts)]
    changes = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in names)
    where = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changes}"
    insert_many(connection, task_tally.metadata.tables[table], (*key, *names), sorted(rows, key=str), where)


def count_all(connection: Connection) -> None:
    """Make all counts anew from the records, for a ledger that has none."""
    for table in (task_tally, tally, visit_tally):
        connection.execute(delete(table))
    connection.exec_driver_sql(_COUNT_TASKS)
    connection.exec_driver_sql(_COUNT_ALL)
    connection.exec_driver_sql(_COUNT_VISITS)
    connection.execute(update(listing).where(listing.c.facet == SUBJECTS).values(shown=0))
    connection.exec_driver_sql(_COUNT_SUBJECTS)


_KEPT = "kind = 'result' AND state IS NOT NULL AND coalesce(cause, '') <> 'retracted'"
_DONE = "published_on IS NOT NULL AND state NOT IN ('withheld', 'pending')"
_DUE = "state <> 'withheld' AND (published_on IS NOT NULL OR marks LIKE '%late%')"
_DUE_YEAR = "coalesce(CAST(substr(CAST(due_on AS TEXT), 1, 4) AS INTEGER), 0)"
_CITY = "substr(region_code, 1, 4) || '00'"


def _sum(*conditions: str) -> str:
    return ", ".join(f"sum(CASE WHEN {one} THEN 1 ELSE 0 END)" for one in conditions)


_COUNT_TASKS = (
    f"INSERT INTO {task_tally.name} ({', '.join(_TASK_KEY + _TASK_COUNTS)})"  # noqa: S608 (names are ours)
    f" SELECT plan_id, task_id, year, {_CITY}, count(*), "
    + _sum("state = 'published'", f"{_DONE} AND published_on <= due_on", f"{_DONE} AND published_on > due_on",
           f"{_DONE} AND negative")
    + f" FROM record WHERE {_KEPT} GROUP BY plan_id, task_id, year, {_CITY}"
)  # fmt: skip
_COUNT_ALL = (
    f"INSERT INTO {tally.name} ({', '.join(_KEY + _COUNTS)})"  # noqa: S608 (names are ours)
    f" SELECT year, month, region_code, coalesce(outcomes, ''), {_DUE_YEAR}, "
    + _sum("state = 'published'", "state = 'published' AND negative", _DUE, f"{_DUE} AND published_on <= due_on",
           "negative", "negative AND settled")
    + f" FROM record WHERE {_KEPT} GROUP BY year, month, region_code, coalesce(outcomes, ''), {_DUE_YEAR}"
)  # fmt: skip
_COUNT_VISITS = (
    f"INSERT INTO {visit_tally.name} (year, visits) SELECT year, count(*)"  # noqa: S608 (names are ours)
    f" FROM (SELECT DISTINCT year, subject_no, ended_on FROM record WHERE {_KEPT}) AS visit GROUP BY year"
)
_COUNT_SUBJECTS = (
    f"UPDATE listing SET shown = (SELECT count(*) FROM subject WHERE subject.region_code = listing.value"  # noqa: S608
    " AND EXISTS (SELECT 1 FROM record WHERE record.subject_no = subject.subject_no AND state = 'published'))"
    f" WHERE facet = '{SUBJECTS}'"
)
