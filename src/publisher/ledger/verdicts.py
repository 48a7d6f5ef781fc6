"""Recording verdicts and what each sets in motion.

One transaction writes the verdict, its line of history, the pages that must be rendered again and what every endpoint
is owed, so that no kill can part them.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from publisher import paths
from publisher.ledger import deltas
from publisher.ledger.deltas import Change
from publisher.ledger.dockets import Body, Docket, version_of
from publisher.ledger.intake import DUE_NOW
from publisher.ledger.listings import Key, Lists, keys_of, read_places, write_places
from publisher.ledger.owed import owe_pages, owe_pushes
from publisher.ledger.schema import entry, hold, record, shown
from publisher.ledger.store import insert_into
from publisher.ledger.subjects import Subjects
from publisher.model import Verdict


class Judged(NamedTuple):
    """A docket with its verdict, and what lists and indicators need to know of the version it is about."""

    docket: Docket
    verdict: Verdict
    outcomes: tuple[str, ...]
    negative: bool
    settled: bool
    public: Body | None  # the redacted form, where the verdict is to show it
    beside: Body  # what the site says beside it: the firm's reply, when an objection was filed


_IN_FORCE = (
    "state",
    "cause",
    "marks",
    "rule",
    "basis",
    "since",
    "due_on",
    "record_due_on",
    "published_on",
    "may_apply_on",
    "ends_on",
    "shown_version",
    "provisional",
)
_IN_DOWNLOADS = ("marks", "due_on", "published_on", "ends_on")  # what files to take away say of a verdict
_SET = update(record).where(record.c.record_no == bindparam("key_no"))


def decide(
    connection: Connection, run_no: int, day: date, judged: Sequence[Judged], endpoints: Iterable[str], actor: str
) -> int:
    """Write verdicts and what follows from them; return how many records changed for the public."""
    endpoints = tuple(endpoints)
    pages: set[tuple[str, str]] = set()
    owed: list[int] = []
    updates: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    told: list[Change] = []
    forms = deltas.forms(connection, [one.docket.row.record_no for one in judged])
    bodies = [version_of(one.docket, one.verdict.version) for one in judged]
    lists = Lists(connection)
    subjects = Subjects(
        connection,
        [body["subject"] for body in bodies if "subject" in body],
        [one.docket.row.subject_no for one in judged if one.docket.row.subject_no is not None],
        lists,
    )
    facets = [_facets(one, body, subjects) for one, body in zip(judged, bodies, strict=True)]
    lists.read(
        key
        for one, values in zip(judged, facets, strict=True)
        if one.verdict.state == "published"  # a list that never showed anything is not made
        for key in _lists_of(values)
    )
    now_shown: list[dict[str, Any]] = []
    no_longer_shown: list[int] = []
    changed = 0
    for one, facet in zip(judged, facets, strict=True):
        row, verdict = one.docket.row, one.verdict
        now = _in_force(verdict)
        before = {name: getattr(row, name) for name in _IN_FORCE}
        was_shown, is_shown = row.state == "published", verdict.state == "published"
        told_before = forms.get(row.record_no)
        rewritten = told_before is not None and told_before[0] != _form(one)[0]  # a correction, or stricter redaction
        acts = was_shown != is_shown or (is_shown and (row.shown_version != verdict.version or rewritten))
        version = row.version + 1 if acts else row.version
        values = {"key_no": row.record_no, **now, "version": version, **facet}
        values["judge_on"] = values["next_change_on"] = verdict.next_change_on
        values |= {"places": row.places, "ref": row.ref, "first_shown_on": row.first_shown_on}
        if is_shown and row.first_shown_on is None:
            values["first_shown_on"] = day
        if is_shown and not was_shown:  # a ref that was stopped stays stopped
            values["ref"] = secrets.token_hex(16)
        had = places = read_places(row.places)
        if is_shown and row.kind == "result":
            places = lists.seat(row.record_no, had, _lists_of(values))
            values["places"] = write_places(places)
            subjects.show(values["subject_no"])
        lists.count(had if was_shown else (), places if is_shown else ())
        op = _told(one, before, now, forms.get(row.record_no))
        if op:
            told.append(Change(row.record_no, values["ref"], op, verdict.rule, verdict.since or day))
            lists.change({*had, *places})
        if before != now or row.judge_on == DUE_NOW or op:
            pages |= _pages_of(subjects, one, values, {*had.items(), *places.items()}, acts=acts)
        if before != now:
            changed += acts
            history.append(
                {name: now[name] for name in ("state", "cause", "marks", "rule", "basis", "since", "shown_version")}
                | {"record_no": row.record_no, "as_of": day, "run_no": run_no, "actor": actor, "version": version}
            )
        if acts:
            owed.append(row.record_no)
        if was_shown and not is_shown:
            no_longer_shown.append(row.record_no)
        elif is_shown:
            form = dict(zip(("body", "beside"), _form(one), strict=True))
            now_shown.append({"record_no": row.record_no, **form})
        updates.append(values)
    lists.write(day)
    subjects.write()
    _show(connection, now_shown, no_longer_shown)
    if updates:
        connection.execute(_SET, updates)
    if history:
        connection.execute(insert(entry), history)
    owe_pages(connection, pages | deltas.note(connection, run_no, day, told))
    owe_pushes(connection, owed, endpoints)
    return changed


def _told(
    one: Judged, before: Mapping[str, Any], now: Mapping[str, Any], form: tuple[str, str] | None
) -> deltas.Op | None:
    """Return what the change feed says of a verdict, or None where the public sees what it saw."""
    was_shown, is_shown = before["state"] == "published", now["state"] == "published"
    if was_shown != is_shown:
        return "ADD" if is_shown else "STOP"
    if not is_shown:
        return None
    same = form == _form(one) and all(before[name] == now[name] for name in _IN_DOWNLOADS)
    return None if same else "MOD"


def _form(one: Judged) -> tuple[str, str]:
    return orjson.dumps(one.public).decode(), orjson.dumps(one.beside).decode()


def _show(connection: Connection, now_shown: Sequence[Mapping[str, Any]], no_longer: Sequence[int]) -> None:
    """Keep the public forms of records: the only thing that the site and the endpoints ever read of them."""
    if no_longer:
        connection.execute(delete(shown).where(shown.c.record_no.in_(no_longer)))
    if now_shown:
        statement = insert_into(connection, shown)
        changes = {name: statement.excluded[name] for name in ("body", "beside")}
        connection.execute(statement.on_conflict_do_update(index_elements=["record_no"], set_=changes), list(now_shown))


def _in_force(verdict: Verdict) -> dict[str, Any]:
    return {
        "state": verdict.state,
        "cause": verdict.cause,
        "marks": ",".join(verdict.marks),
        "rule": verdict.rule,
        "basis": verdict.basis,
        "since": verdict.since,
        "due_on": verdict.due_on,
        "record_due_on": verdict.record_due_on,
        "published_on": verdict.published_on,
        "may_apply_on": verdict.may_apply_on,
        "ends_on": verdict.ends_on,
        "shown_version": verdict.version,
        "provisional": verdict.provisional,
    }


def _lists_of(values: Mapping[str, Any]) -> list[Key]:
    return [] if values["month"] is None else keys_of(values)


def _facets(one: Judged, body: Body, subjects: Subjects) -> dict[str, Any]:
    """Return what the lists sort by, from the version that the verdict is about (the newest if none counts yet)."""
    row = one.docket.row
    if row.kind == "plan":
        return (
            {"plan_id": row.record_id, "year": body["year"], "authority": body["authority"]}
            | _EMPTY_OF_RESULT
            | {"region_code": body["region_code"]}
        )
    if row.kind == "item_list":
        return (
            {"plan_id": None, "year": None, "authority": body["authority"]}
            | _EMPTY_OF_RESULT
            | {"region_code": body["region_code"]}
        )
    ended_on = date.fromisoformat(body["ended_on"])
    return {
        "plan_id": body["plan_id"],
        "task_id": body["task_id"],
        "year": ended_on.year,
        "month": ended_on.month,
        "ended_on": ended_on,
        "authority": body["authority"],
        "region_code": body["subject"]["region_code"],
        "subject_no": subjects.number_of(body["subject"]),
        "outcomes": ",".join(one.outcomes),
        "negative": one.negative,
        "settled": one.settled,
    }


_EMPTY_OF_RESULT: dict[str, Any] = dict.fromkeys(
    ("task_id", "month", "ended_on", "subject_no", "outcomes", "negative", "settled")
)


def _pages_of(
    subjects: Subjects, one: Judged, values: Mapping[str, Any], seats: Iterable[tuple[int, int]], *, acts: bool
) -> set[tuple[str, str]]:
    """Return which parts of the site speak of a record: of its subject and lists now, and of those it had before.

    A result that is not shown, before or now, still counts in the progress of its task and plan.
    """
    row = one.docket.row
    pages = {("portal", "")}
    if row.kind == "plan":
        pages |= {("plan", row.record_id), ("data_all", "")} | {
            ("plans_year", str(year)) for year in (values["year"], row.year) if year is not None
        }
        if acts:
            pages.add(("results_of_plan", row.record_id))
    elif row.kind == "item_list":
        pages |= {("item_list", row.record_id), ("data_all", "")}
        if acts:
            pages.add(("results_of_list", row.record_id))
    else:
        listed = "published" in (row.state, values["state"])
        seen: Any
        for seen in (values, row._mapping):
            if seen["plan_id"] is not None:
                pages |= {("plan", seen["plan_id"]), ("task", f"{seen['plan_id']}/{seen['task_id']}")}
                pages |= _pages_about(subjects, seen) if listed else set()
        if listed:
            pages.add(("data_all", ""))
            pages |= {part for number, slot in seats for part in _list_pages("list", str(number), slot)}
    return pages


def _pages_about(subjects: Subjects, seen: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return the parts that speak of a shown result as one of a subject, a month, an authority, or an outcome."""
    number = seen["subject_no"]
    pages = {
        ("subject", str(number)),
        ("search_subject", str(number)),
        ("sitemap_part", str(number // paths.SITEMAP_PART)),
        ("month", f"{seen['year']}-{seen['month']:02}"),
        ("data_year", str(seen["year"])),
        ("feed", f"plan/{seen['plan_id']}"),
        ("feed", f"authority/{paths.name_key(seen['authority'])}"),
        *(("feed", f"outcome/{outcome}") for outcome in seen["outcomes"].split(",") if outcome),
    }
    region_code, place = subjects.place_of(number)
    return pages if place is None else pages | _list_pages("region", region_code, place)


def _list_pages(scope: str, key: str, place: int) -> set[tuple[str, str]]:
    """Return the first page of a list and the page of a place; where that place begins a page, the one before it too,
    which leads on to it."""
    number = place // paths.LIST_PAGE + 1
    numbers = {number, number - 1} if place % paths.LIST_PAGE == 0 else {number}
    return {(scope, key)} | {(f"{scope}_page", f"{key}/{one}") for one in numbers if one > 1}


def place_hold(connection: Connection, kind: str, record_id: str, basis: str, placed_by: str, day: date) -> None:
    """Note an officer's own emergency stop of a record from ``day`` on."""
    connection.execute(
        insert(hold).values(kind=kind, record_id=record_id, basis=basis, placed_by=placed_by, placed_on=day)
    )


def lift_hold(connection: Connection, kind: str, record_id: str, day: date) -> int:
    """End an officer's stop on ``day``; return how many were in force."""
    statement = update(hold).where(
        hold.c.kind == kind, hold.c.record_id == record_id, or_(hold.c.lifted_on.is_(None), hold.c.lifted_on > day)
    )
    return connection.execute(statement.values(lifted_on=day)).rowcount


def state_counts(connection: Connection) -> dict[str, int]:
    """Return how many records (plans, lists and results) are in each state."""
    query = select(record.c.state, func.count()).where(record.c.state.is_not(None)).group_by(record.c.state)
    return {row.state: row[1] for row in connection.execute(query)}
