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
from publisher.ledger.dockets import Body, Docket, version_of
from publisher.ledger.intake import DUE_NOW
from publisher.ledger.owed import owe_pages, owe_pushes
from publisher.ledger.schema import entry, hold, record, shown
from publisher.ledger.store import insert_into
from publisher.ledger.subjects import give_place, next_place, region_place, subject_number
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
    changed = 0
    for one in judged:
        row, verdict = one.docket.row, one.verdict
        now = _in_force(verdict)
        before = {name: getattr(row, name) for name in _IN_FORCE}
        was_shown, is_shown = row.state == "published", verdict.state == "published"
        acts = was_shown != is_shown or (is_shown and row.shown_version != verdict.version)
        version = row.version + 1 if acts else row.version
        values = {"key_no": row.record_no, **now, "version": version, **_facets(connection, one)}
        values["judge_on"] = values["next_change_on"] = verdict.next_change_on
        values |= {"slot": row.slot, "ref": row.ref, "first_shown_on": row.first_shown_on}
        if is_shown and row.first_shown_on is None:
            values["first_shown_on"] = day
            values["ref"] = secrets.token_hex(16)
            if row.kind == "result":
                values["slot"] = next_place(connection, f"{values['year']}-{values['month']:02}")
                give_place(connection, values["subject_no"])
        if (was_shown or is_shown) and (before != now or row.judge_on == DUE_NOW):
            pages |= _pages_of(connection, one, values, acts=acts)
        elif before != now:
            pages.add(("portal", ""))
        if before != now:
            changed += acts
            history.append(
                {name: now[name] for name in ("state", "cause", "marks", "rule", "basis", "since", "shown_version")}
                | {"record_no": row.record_no, "as_of": day, "run_no": run_no, "actor": actor, "version": version}
            )
        if acts:
            owed.append(row.record_no)
        if was_shown and not is_shown:
            connection.execute(delete(shown).where(shown.c.record_no == row.record_no))
        elif is_shown:
            _show(connection, one)
        updates.append(values)
    if updates:
        connection.execute(_SET, updates)
    if history:
        connection.execute(insert(entry), history)
    owe_pages(connection, pages)
    owe_pushes(connection, owed, endpoints)
    return changed


def _show(connection: Connection, one: Judged) -> None:
    """Keep the public form of a record: the only thing that the site and the endpoints ever read of it."""
    values = {
        "record_no": one.docket.row.record_no,
        "body": orjson.dumps(one.public).decode(),
        "beside": orjson.dumps(one.beside).decode(),
    }
    statement = insert_into(connection, shown).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["record_no"], set_=values))


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


def _facets(connection: Connection, one: Judged) -> dict[str, Any]:
    """Return what the lists sort by, from the version that the verdict is about (the newest if none counts yet)."""
    row, body = one.docket.row, version_of(one.docket, one.verdict.version)
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
        "subject_no": subject_number(connection, body["subject"]),
        "outcomes": ",".join(one.outcomes),
        "negative": one.negative,
        "settled": one.settled,
    }


_EMPTY_OF_RESULT: dict[str, Any] = dict.fromkeys(
    ("task_id", "month", "ended_on", "subject_no", "outcomes", "negative", "settled")
)


def _pages_of(connection: Connection, one: Judged, values: Mapping[str, Any], *, acts: bool) -> set[tuple[str, str]]:
    """Return which parts of the site speak of a record: of its subject and lists now, and of those it had before."""
    row = one.docket.row
    pages = {("portal", "")}
    if row.kind == "plan":
        pages |= {("plan", row.record_id), ("plans_year", str(values["year"]))}
        if acts:
            pages.add(("results_of_plan", row.record_id))
    elif row.kind == "item_list":
        pages.add(("item_list", row.record_id))
        if acts:
            pages.add(("results_of_list", row.record_id))
    else:
        for seen in (values, row._mapping):
            if seen["subject_no"] is None or seen["slot"] is None:
                continue
            number = seen["slot"] // paths.LIST_PAGE + 1
            month = f"{seen['year']}-{seen['month']:02}"
            pages |= {
                ("subject", str(seen["subject_no"])),
                ("plan", seen["plan_id"]),
                ("task", f"{seen['plan_id']}/{seen['task_id']}"),
                ("month_page", f"{month}/{number}"),
                ("month", month),
                ("search_part", str(seen["subject_no"] // paths.SEARCH_PART)),
                ("sitemap_part", str(seen["subject_no"] // paths.SITEMAP_PART)),
            }
            region_code, place = region_place(connection, seen["subject_no"])
            pages |= {("region", region_code), ("region_page", f"{region_code}/{place // paths.LIST_PAGE + 1}")}
    return pages


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
