"""What an officer does and watches: emergency stops, the rules' warnings, and what a change of rules would do."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Literal, NamedTuple

from sqlalchemy import Connection, distinct, func, select

from publisher import rules
from publisher.errors import CalendarGap, SettingsError
from publisher.judging import facts_in, judged_facts
from publisher.ledger.dockets import Body, Docket, dockets, every, version_of
from publisher.ledger.intake import kinds_of, touch
from publisher.ledger.schema import case_of, record, subject
from publisher.ledger.verdicts import lift_hold, place_hold
from publisher.model import Problem, RecordKind, State, civil_day
from publisher.portal import Portal
from publisher.rules.checks import Visit, check_list, check_plan, check_result, check_visits
from publisher.rules.terms import Rules

CHUNK = 500  # records read at a time


def change_hold(portal: Portal, record_id: str, basis: str | None, placed_by: str | None) -> str:
    """Place an officer's stop on a record (``basis`` and ``placed_by`` given) or lift it; return what was done.

    The next ``judge`` acts on it (rule ``withhold.hold``). Raises :class:`SettingsError` for an unknown id or a stop
    that is not there.
    """
    with portal.ledger.transaction() as connection:
        kinds: list[RecordKind] = kinds_of(connection, record_id)
        if not kinds:
            raise SettingsError(f"the ledger holds no record {record_id}")
        if basis is not None and placed_by is not None:
            for kind in kinds:
                place_hold(connection, kind, record_id, basis, placed_by, portal.day)
        elif not sum(lift_hold(connection, kind, record_id, portal.day) for kind in kinds):
            raise SettingsError(f"{' and '.join(kinds)} {record_id} is not on hold")
        for kind in kinds:
            touch(connection, kind, [record_id])
    return f"{'held' if basis else 'lifted'}: {', '.join(kinds)} {record_id}"


def warnings(
    connection: Connection, profile: rules.Profile, workdays: rules.Workdays, day: date, home_region: str
) -> Iterator[Problem]:
    """Yield what the rules warn about on ``day``, for the portal of ``home_region``; they stop nothing.

    Records that were taken back are passed over, and so are those older than the rules (``calendar_gap``).
    """
    key_items: set[str] = set()
    for docket in every(connection, ["item_list"]):
        if not _is_taken_back(docket, day):
            body, law = _in_force(docket, profile, day)
            key_items |= {one["item_code"] for one in body["items"] if (one["class"] or "").startswith("重点")}
            yield from check_list(body, law)
    for docket in every(connection, ["plan"]):
        if not _is_taken_back(docket, day):
            yield from check_plan(*_in_force(docket, profile, day))
    for docket in every(connection, ["result"]):
        if not _is_taken_back(docket, day):
            yield from _result_warnings(docket, profile, workdays, day, home_region)
    yield from check_visits(_visits(connection, profile, day, key_items), profile)


def to_tell_elsewhere(
    connection: Connection, profile: rules.Profile, workdays: rules.Workdays, day: date, home_region: str
) -> Iterator[Problem]:
    """Yield the repairs of firms registered in another province that side is still to be told of (R4-15)."""
    has_case = select(case_of.c.case_id).where(case_of.c.kind == "result", case_of.c.record_id == record.c.record_id)
    query = select(record).where(
        record.c.kind == "result", func.substr(record.c.region_code, 1, 2) != home_region[:2], has_case.exists()
    )
    for rows in connection.execute(query.order_by(record.c.record_no)).partitions(CHUNK):
        for docket in dockets(connection, rows):
            for one in _result_warnings(docket, profile, workdays, day, home_region):
                if one.code == "repair_to_tell_elsewhere":
                    yield one


def _result_warnings(
    docket: Docket, profile: rules.Profile, workdays: rules.Workdays, day: date, home_region: str
) -> Iterator[Problem]:
    try:
        yield from check_result(facts_in(profile, docket), profile, workdays, day, home_region)
    except CalendarGap:
        return  # pending.before_rules: the judge stage has noted it


def _is_taken_back(docket: Docket, day: date) -> bool:
    return docket.tombstone is not None and date.fromisoformat(docket.tombstone["on"]) <= day


def _in_force(docket: Docket, profile: rules.Profile, day: date) -> tuple[Body, Rules]:
    """The revision that holds on a day (the highest received while none is final) and the rules of its finalizing."""
    final = [(_final_on(body), body) for body in docket.versions]
    held = [(on, body) for on, body in final if on is not None and on <= day]
    on, body = held[-1] if held else (day, docket.versions[-1])
    return body, profile.on(max(on, profile.versions[0]))


def _final_on(body: Body) -> date | None:
    return civil_day(datetime.fromisoformat(body["finalized_at"])) if body["finalized_at"] else None


def _visits(connection: Connection, profile: rules.Profile, day: date, key_items: set[str]) -> Iterator[Visit]:
    """The inspections of subjects that may have had too many in a year, by subject and day.

    What the platform says of an inspection may except it: its type, remark and notes, a key item (重点事项), and how
    earlier inspections of the subject ended (已列入经营异常名录).
    """
    limits = [profile.on(each).inspections_per_year for each in profile.versions]
    least = min((one for one in limits if one is not None), default=None)
    if least is None:
        return
    counted = (
        record.c.kind == "result",
        record.c.ended_on <= day,
        func.coalesce(record.c.cause, "") != "retracted",
    )
    often = (
        select(record.c.subject_no)
        .where(*counted)
        .group_by(record.c.subject_no, record.c.year)
        .having(func.count(distinct(record.c.ended_on)) > least)
    )
    query = (
        select(record, subject.c.key.label("subject_key"))
        .join(subject, subject.c.subject_no == record.c.subject_no)
        .where(*counted, record.c.subject_no.in_(often))
        .order_by(record.c.subject_no, record.c.ended_on, record.c.record_no)
    )
    of: int | None = None
    earlier: list[str] = []
    for rows in connection.execute(query).partitions(CHUNK):
        for docket in dockets(connection, rows):
            row, body = docket.row, version_of(docket, docket.row.shown_version)
            if row.subject_no != of:
                of, earlier = row.subject_no, []
            said = [body["inspection_type"], body["remark"], *(one["note"] for one in body["findings"]), *earlier]
            if any(one["item_code"] in key_items for one in body["findings"]):
                said.append("重点事项")
            yield Visit(row.subject_key, row.ended_on, row.record_id, tuple(one for one in said if one))
            if body["disposition"]:
                earlier.append(body["disposition"])


Effect = Literal["publish", "stop", "same"]


class Changed(NamedTuple):
    """What other rules would make of one record on a day."""

    kind: RecordKind
    record_id: str
    was: State
    now: State
    rule: str
    basis: str
    effect: Effect


def diff(
    connection: Connection, before: rules.Profile, after: rules.Profile, workdays: rules.Workdays, day: date
) -> Iterator[Changed]:
    """Yield every record the ledger holds with what ``after`` would make of it on ``day`` instead of ``before``.

    Records that no profile has let in yet are not in the ledger: a run under the new rules tries them again.
    """
    for docket in every(connection, ["plan", "item_list", "result"]):
        was, now = (judged_facts(profile, workdays, docket, day)[1] for profile in (before, after))
        shown = was.state == "published", now.state == "published"
        effect: Effect = "same" if shown[0] == shown[1] else "publish" if shown[1] else "stop"
        yield Changed(docket.row.kind, docket.row.record_id, was.state, now.state, now.rule, now.basis, effect)
