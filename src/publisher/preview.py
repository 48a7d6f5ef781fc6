"""What a run would do, for the officer who answers for it: additions, corrections and stops, counted against the last
publication, and what is out of the ordinary. For the office only: it names records that are not public."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from operator import itemgetter
from statistics import median
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, select

from publisher import pipeline
from publisher.ledger.schema import entry, received, record, shown, subject
from publisher.model import RecordKind
from publisher.portal import Portal, Watcher, rehearsed
from publisher.rules.redact import MARKS
from publisher.settings import Settings

ENOUGH = 10  # results below this number say nothing about a rate
RATE_POINTS = 20  # percentage points that a problem rate may move
TIMES_USUAL = 3  # times its usual number that an authority may publish at once
USUAL_AFTER = 3  # publications before which an authority has no usual number
SILENT_DAYS = 183  # days after its last inspection from which an authority is silent
STOPPED_PERCENT = 5  # of what is shown, that may stop at once

Action = str  # add, change, stop
ACTIONS = ("add", "change", "stop")
FACETS = ("kind", "outcome", "authority")


class Planned(NamedTuple):
    """What a run would do to one record that the public sees or would see."""

    action: Action
    kind: RecordKind
    record_id: str
    state: str
    rule: str
    name: str  # of the subject, the plan or the list
    authority: str
    outcomes: tuple[str, ...]
    hidden: tuple[str, ...]  # kinds of personal data hidden in its texts; never the words


class Count(NamedTuple):
    """Records of one kind, outcome or authority: shown after the last run, and what this one would do."""

    facet: str  # kind, outcome, authority
    value: str
    before: int
    add: int
    change: int
    stop: int
    after: int


class Outlier(NamedTuple):
    """Something an officer should look at before the run: a code, whom it is about, and a sentence."""

    code: str  # problem_rate, far_more_than_usual, silent, new_authority, many_stops
    authority: str | None
    message: str


class Preview(NamedTuple):
    """All that an officer is shown of a run to come; ``summary`` is what the run would print."""

    day: date
    planned: list[Planned]
    counts: list[Count]
    outliers: list[Outlier]
    hidden: dict[str, int]  # texts with something hidden, by the kind of personal data
    labels: Mapping[str, str]  # outcomes in the taxonomy's words
    summary: dict[str, Any]


class _Before(NamedTuple):
    """Where the portal stood before the run."""

    counts: Mapping[tuple[str, str], int]
    problems: Mapping[str, tuple[int, int]]  # published results of an authority, and those with a problem
    usual: Mapping[str, list[int]]  # how many results of an authority came up on each day that some did
    known: frozenset[str]  # authorities


def preview(settings: Settings, day: date, watcher: Watcher) -> Preview:
    """Return what a run on a day would do; nothing is kept.

    Raises :class:`SourceError` when the source cannot be read.
    """
    with rehearsed(settings, day, watcher) as portal:
        with portal.ledger.reading() as connection:
            before = _before(connection)
        pulled = pipeline.pull(portal)
        pipeline.judge(portal)
        with portal.ledger.reading() as connection:
            found = list(_planned(connection, portal))
            planned = [one for one, _ in found]
            return Preview(
                day,
                planned,
                list(_counts(connection, before, planned)),
                list(_outliers(connection, before, planned, day)),
                dict(sum((texts for _, texts in found), Counter[str]())),
                {name: one.label for name, one in portal.profile.latest.outcomes.items()},
                pipeline.summary(portal, pulled, None, {}),
            )


def _before(connection: Connection) -> _Before:
    is_result = record.c.kind == "result"
    usual: dict[str, list[int]] = {}
    days = select(record.c.authority, func.count()).where(is_result, record.c.first_shown_on.is_not(None))
    for authority, number in connection.execute(days.group_by(record.c.authority, record.c.first_shown_on)):
        usual.setdefault(authority, []).append(number)
    return _Before(
        _published(connection),
        _problems(connection),
        usual,
        frozenset(connection.execute(select(record.c.authority).where(is_result).distinct()).scalars()),
    )


def _published(connection: Connection) -> dict[tuple[str, str], int]:
    """Count what is published, by facet and value; a result with several outcomes counts under each."""
    counted: Counter[tuple[str, str]] = Counter()
    columns = (record.c.kind, record.c.outcomes, record.c.authority)
    query = select(*columns, func.count()).where(record.c.state == "published").group_by(*columns)
    for kind, outcomes, authority, number in connection.execute(query):
        for key in _keys(kind, tuple(outcomes.split(",")) if outcomes else (), authority):
            counted[key] += number
    return counted


def _keys(kind: str, outcomes: Sequence[str], authority: str) -> Iterator[tuple[str, str]]:
    yield "kind", kind
    if kind == "result":
        yield "authority", authority
        for outcome in outcomes:
            yield "outcome", outcome


def _problems(connection: Connection) -> dict[str, tuple[int, int]]:
    query = (
        select(record.c.authority, func.count(), func.count().filter(record.c.negative))
        .where(record.c.kind == "result", record.c.state == "published")
        .group_by(record.c.authority)
    )
    return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def _planned(connection: Connection, portal: Portal) -> Iterator[tuple[Planned, Counter[str]]]:
    """Compare each record's verdict of this run with the one before it; with the texts that hide something."""
    judged = select(entry.c.record_no).where(entry.c.run_no == portal.run_no)
    earlier = (
        select(entry.c.record_no, func.max(entry.c.entry_no).label("entry_no"))
        .where(entry.c.run_no < portal.run_no, entry.c.record_no.in_(judged))
        .group_by(entry.c.record_no)
        .subquery()
    )
    now, was = entry.alias("now"), entry.alias("was")
    query = (
        select(now.c.state, now.c.rule, was.c.state.label("was"), record, subject.c.name, shown.c.body, shown.c.beside)
        .select_from(
            now.join(record, record.c.record_no == now.c.record_no)
            .outerjoin(earlier, earlier.c.record_no == now.c.record_no)
            .outerjoin(was, was.c.entry_no == earlier.c.entry_no)
            .outerjoin(subject, subject.c.subject_no == record.c.subject_no)
            .outerjoin(shown, shown.c.record_no == now.c.record_no)
        )
        .where(now.c.run_no == portal.run_no)
        .order_by(record.c.kind, record.c.record_id, now.c.entry_no)
    )
    for _, verdicts in groupby(connection.execute(query), key=lambda row: row.record_no):
        *_, row = verdicts  # the last of this run counts
        before, after = row.was == "published", row[0] == "published"
        if not (before or after):
            continue
        texts: Counter[str] = Counter(
            kind
            for form in (row.body, row.beside)
            for text in _texts(orjson.loads(form) if form else None)
            for kind, mark in MARKS.items()
            if mark in text
        )
        action = "change" if before and after else "add" if after else "stop"
        name = row.name if row.kind == "result" else _title(connection, row.kind, row.record_id)
        outcomes = tuple(row.outcomes.split(",")) if row.outcomes else ()
        yield (
            Planned(
                action, row.kind, row.record_id, row[0], row[1], name, row.authority, outcomes, tuple(sorted(texts))
            ),
            texts,
        )


def _title(connection: Connection, kind: str, record_id: str) -> str:
    query = select(received.c.body).where(received.c.kind == kind, received.c.record_id == record_id)
    newest = connection.execute(query.order_by(received.c.version.desc()).limit(1)).scalar_one()
    title: str = orjson.loads(newest)["title"]
    return title


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _counts(connection: Connection, before: _Before, planned: Sequence[Planned]) -> Iterator[Count]:
    after = _published(connection)
    acts: Counter[tuple[str, str, str]] = Counter()
    for one in planned:
        acts.update((*key, one.action) for key in _keys(one.kind, one.outcomes, one.authority))
    keys = {*before.counts, *after, *((facet, value) for facet, value, _ in acts)}
    for facet, value in sorted(keys, key=lambda key: (FACETS.index(key[0]), key[1])):
        done = {action: acts[facet, value, action] for action in ACTIONS}
        yield Count(facet, value, before.counts.get((facet, value), 0), **done, after=after.get((facet, value), 0))


def _outliers(connection: Connection, before: _Before, planned: Sequence[Planned], day: date) -> Iterator[Outlier]:
    results = [one for one in planned if one.kind == "result"]
    yield from _many_stops(before, results)
    added = Counter(one.authority for one in results if one.action == "add")
    bad = _added_problems(connection, [one.record_id for one in results if one.action == "add"])
    yield from _rate(None, _whole(before.problems.values()), (added.total(), bad.total()))
    for authority in sorted(added):
        new = added[authority]
        yield from _rate(authority, before.problems.get(authority, (0, 0)), (new, bad[authority]))
        earlier = before.usual.get(authority, [])
        if len(earlier) >= USUAL_AFTER and new >= ENOUGH and new > TIMES_USUAL * median(earlier):
            message = f"{new} new results at once; {median(earlier):g} were usual over {len(earlier)} publications"
            yield Outlier("far_more_than_usual", authority, message)
        if before.known and authority not in before.known:
            yield Outlier("new_authority", authority, f"{new} results of an authority never met before")
    yield from _silent(connection, day)


def _silent(connection: Connection, day: date) -> Iterator[Outlier]:
    """Yield the authorities that used to inspect, and have not for long."""
    last = (
        select(record.c.authority, func.max(record.c.ended_on))
        .where(record.c.kind == "result", record.c.ended_on <= day, func.coalesce(record.c.cause, "") != "retracted")
        .group_by(record.c.authority)
        .having(func.count() >= ENOUGH)
        .order_by(record.c.authority)
    )
    for authority, ended_on in connection.execute(last):
        if ended_on < day - timedelta(SILENT_DAYS):
            yield Outlier("silent", authority, f"no inspection since {ended_on}")


def _many_stops(before: _Before, results: Sequence[Planned]) -> Iterator[Outlier]:
    stops, shown_before = sum(one.action == "stop" for one in results), before.counts.get(("kind", "result"), 0)
    if stops >= ENOUGH and stops * 100 > shown_before * STOPPED_PERCENT:
        yield Outlier("many_stops", None, f"{stops} of {shown_before} results shown would stop at once")


def _added_problems(connection: Connection, record_ids: Sequence[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    for start in range(0, len(record_ids), 500):
        query = select(record.c.authority, func.count()).where(
            record.c.kind == "result", record.c.record_id.in_(record_ids[start : start + 500]), record.c.negative
        )
        found.update({row[0]: row[1] for row in connection.execute(query.group_by(record.c.authority))})
    return found


def _whole(pairs: Any) -> tuple[int, int]:
    found = list(pairs)
    return sum(map(itemgetter(0), found)), sum(map(itemgetter(1), found))


def _rate(authority: str | None, before: tuple[int, int], new: tuple[int, int]) -> Iterator[Outlier]:
    if before[0] >= ENOUGH and new[0] >= ENOUGH:
        was, now = before[1] * 100 / before[0], new[1] * 100 / new[0]
        if abs(now - was) >= RATE_POINTS:
            message = (
                f"problem rate {was:.0f} % → {now:.0f} % ({before[1]} of {before[0]} shown, {new[1]} of {new[0]} new)"
            )
            yield Outlier("problem_rate", authority, message)


def words(found: Preview) -> dict[str, Any]:
    """Return a preview as ``--json`` prints it."""
    return {
        "planned": [one._asdict() for one in found.planned],
        "counts": [one._asdict() for one in found.counts],
        "outliers": [one._asdict() for one in found.outliers],
        "hidden": found.hidden,
        **found.summary,
    }
