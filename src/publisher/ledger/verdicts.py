"""Recording verdicts and what each sets in motion.

One transaction writes the verdict, its line of history, the pages that must be rendered again and what every endpoint
is owed, so that no kill can part them.
"""

import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, insert, or_, select, update

from publisher.ledger import chain, deltas
from publisher.ledger.counting import Counting
from publisher.ledger.deltas import Change
from publisher.ledger.drafts import Draft, Facets, InForce, Judged, draft_of
from publisher.ledger.listings import Key, Lists, lists_of, read_places, write_places
from publisher.ledger.many import Values, delete_many, insert_many, iso, update_many
from publisher.ledger.owed import owe_pages, owe_pushes
from publisher.ledger.schema import entry, hold, listing, record, shown
from publisher.ledger.subjects import Subjects
from publisher.ledger.touched import Touched
from publisher.model import STATES

__all__ = ["Draft", "Judged", "decide", "draft_of", "lift_hold", "place_hold", "state_counts", "write"]

_OF_RECORD = (
    *("version", "ref", "places", "first_shown_on", "subject_no", "judge_on", "next_change_on"),
    *InForce._fields,
    *Facets._fields,
)
_REF = 16  # bytes of a ref: 128 bits
_NO_PLACES: dict[int, int] = {}
_SOME = ("portal", "")  # says of all that is owed that something is


def decide(
    connection: Connection, run_no: int, day: date, judged: Sequence[Judged], endpoints: Iterable[str], actor: str
) -> int:
    """Write verdicts and what follows from them; return how many records changed for the public."""
    return write(connection, run_no, day, [draft_of(one) for one in judged], endpoints, actor)


def write(
    connection: Connection,
    run_no: int,
    day: date,
    drafts: Sequence[Draft],
    endpoints: Iterable[str],
    actor: str,
    *,
    is_all_owed: bool = False,
) -> int:
    """Do what :func:`decide` does, for verdicts made ready before. ``is_all_owed``: a build that begins owes every part
    of the site, so that those which speak of these records need not be found."""
    told: list[Change] = []
    owed: list[int] = []
    updates: list[Values] = []
    history: list[Values] = []
    forms = deltas.forms(connection, [one.record_no for one in drafts if one.before.state == "published"])
    lists = Lists(connection)
    subjects = Subjects(
        connection,
        [one.subject for one in drafts if one.subject is not None],
        [one.subject_no for one in drafts if one.subject_no is not None],
        lists,
    )
    touched, leaving = Touched(subjects), Touched(subjects)
    numbers = [None if one.subject is None else subjects.number_of(one.subject) for one in drafts]
    wanted = [_lists_of(one) for one in drafts]
    lists.read(key for keys in wanted for key in keys)
    shown_now = dict.fromkeys(number for number, keys in zip(numbers, wanted, strict=True) if number and keys)
    lists.read(map(subjects.list_of, shown_now))
    counting = Counting(connection, drafts, numbers)
    now_shown: list[Values] = []
    no_longer_shown: list[int] = []
    changed = 0
    today = iso(day)
    refs = _refs(sum(one.now.state == "published" != one.before.state for one in drafts))
    for one, subject_no, keys in zip(drafts, numbers, wanted, strict=True):
        number, before, now = one.record_no, one.before, one.now
        was_shown, is_shown = before.state == "published", now.state == "published"
        form = forms.get(number)
        rewritten = form is not None and form[0] != one.body  # a correction, or stricter redaction
        acts = was_shown != is_shown or (is_shown and (before.shown_version != now.shown_version or rewritten))
        version = one.version + acts
        ref = next(refs) if is_shown and not was_shown else one.ref  # a ref that was stopped stays stopped
        had = places = read_places(one.places) if one.places else _NO_PLACES
        if is_shown and one.kind == "result" and subject_no is not None:
            places = lists.seat(number, had, keys)
            subjects.show(subject_no)
        lists.count(had if was_shown else (), places if is_shown else ())
        op = _told(one, form)
        if op:
            effective_on = date.fromisoformat(now.since) if now.since else day
            told.append(Change(number, ref or "", op, now.rule or "", effective_on))
            lists.change(had)
            lists.change(places)
        if not is_all_owed and (before != now or one.is_new or op):
            leaves = form is not None and form != (one.body, one.beside)  # it stops, or what it said is replaced
            (leaving if leaves else touched).add(one, subject_no, had, places, acts=acts)
        if before != now:
            changed += acts
            history.append((number, today, run_no, actor, version, *now[:6], now.shown_version))  # as chain.COLUMNS
        if acts:
            owed.append(number)
        if was_shown and not is_shown:
            no_longer_shown.append(number)
        elif is_shown and form != (one.body, one.beside):
            now_shown.append((number, one.body, one.beside))
        first_shown_on = today if is_shown and one.first_shown_on is None else one.first_shown_on
        row = (version, ref, write_places(places), first_shown_on, subject_no, one.next_change_on, one.next_change_on)
        updates.append((*row, *now, *one.facets, number))
    counting.write(lists, subjects)
    for number, is_shown in () if is_all_owed else counting.turned.items():
        (touched if is_shown else leaving).turn(number)
    lists.write(day)
    subjects.write()
    delete_many(connection, shown, ("record_no",), [(number,) for number in no_longer_shown])
    insert_many(connection, shown, ("record_no", "body", "beside"), now_shown, _OR_REPLACE)
    update_many(connection, record, _OF_RECORD, "record_no", updates)
    chain.append(connection, history)
    owe_pages(connection, [_SOME] if is_all_owed else touched.parts())
    owe_pages(connection, leaving.parts(), sweep=True)
    owe_pages(connection, deltas.note(connection, run_no, day, told), sweep=any(one.op != "ADD" for one in told))
    owe_pushes(connection, owed, endpoints)
    return changed


def _refs(number: int) -> Iterator[str]:
    """Yield so many random refs; the system is asked for their bits once."""
    bits = secrets.token_hex(_REF * number)
    return (bits[start : start + 2 * _REF] for start in range(0, len(bits), 2 * _REF))


_OR_REPLACE = "ON CONFLICT (record_no) DO UPDATE SET body = excluded.body, beside = excluded.beside"


def _told(one: Draft, form: tuple[str, str] | None) -> deltas.Op | None:
    """Return what the change feed says of a verdict, or None where the public sees what it saw."""
    before, now = one.before, one.now
    was_shown, is_shown = before.state == "published", now.state == "published"
    if was_shown != is_shown:
        return "ADD" if is_shown else "STOP"
    if not is_shown:
        return None
    return None if form == (one.body, one.beside) and _in_downloads(before) == _in_downloads(now) else "MOD"


def _in_downloads(verdict: InForce) -> tuple[Any, ...]:
    """Return what files to take away say of a verdict."""
    return verdict.marks, verdict.due_on, verdict.published_on, verdict.ends_on


def _lists_of(one: Draft) -> list[Key]:
    """Return the lists that a result is shown in; one that never showed anything is not made."""
    of = one.facets
    if one.now.state != "published" or of.year is None or of.month is None:
        return []
    said = (of.region_code or "", of.authority or "", of.outcomes or "", of.plan_id or "", of.task_id or "")
    return lists_of(of.year, of.month, *said)


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
    """Return how many records (plans, lists and results) are in each state.

    Published results, of which there may be millions, are counted already in the lists of their months.
    """
    query = select(record.c.state, func.count()).group_by(record.c.state)
    few = query.where(record.c.kind.in_(("plan", "item_list")), record.c.state.is_not(None))
    others = query.where(record.c.kind == "result", record.c.state.in_(set(STATES) - {"published"}))
    counted: Counter[str] = Counter()
    for asked in (few, others):
        counted.update({row.state: row[1] for row in connection.execute(asked)})
    months = select(func.sum(listing.c.shown)).where(listing.c.facet == "month")
    counted["published"] += connection.execute(months).scalar() or 0
    return {state: number for state, number in counted.items() if number}


def latest_entry(connection: Connection) -> int:
    """Return the number of the latest decision; 0 before the first."""
    return connection.execute(select(func.max(entry.c.entry_no))).scalar() or 0
