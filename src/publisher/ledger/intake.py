"""Keeping what arrived: every version once, the first content of a version for good."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from pydantic_core import to_json
from sqlalchemy import Connection, delete, insert, select, update

from publisher.ledger.many import insert_many, iso, select_many
from publisher.ledger.problems import note, record_put_right
from publisher.ledger.schema import case_of, counts, received, record, seen
from publisher.ledger.store import insert_into
from publisher.model import Case, Problem, Received, RecordKind, Tombstone, identity

DUE_NOW = date.min  # judge_on of a record whose content or cases are new


class Arrival(NamedTuple):
    """A record that arrived, as it is kept: plain values that another process can hand over."""

    kind: str
    record_id: str
    version: int | None  # of the source; cases and tombstones have none
    digest: str
    body: str
    file: str
    line: int | None
    target: tuple[str, str] | None  # kind and id of the record that a case or tombstone is about


_OF_RECEIVED = ("kind", "record_id", "version", "digest", "body", "file", "line", "run_no")


def arrival(one: Received) -> Arrival:
    """Return a record that passed the checks as it is kept: its canonical body, and the SHA-256 of that in hex."""
    record = one.record
    record_id, version = identity(record)
    body = to_json(record, by_alias=True)
    digest = hashlib.sha256(body).hexdigest()
    target = record.target if isinstance(record, Case) else None
    if isinstance(record, Tombstone):
        target = record.record_kind, record.record_id
    return Arrival(record.kind, record_id, version, digest, body.decode(), one.file, one.line, target)


def keep(connection: Connection, run_no: int, arrived: Iterable[Arrival]) -> dict[str, int]:
    """Keep the records that are new, mark what must be judged again, and return how many were new by kind.

    A version that is known with the same content changes nothing. The same version with other content is a Problem and
    the first stays. Cases and tombstones have no version of their own: other content is their next version, and a
    content seen before is never taken twice.
    """
    by_kind: dict[str, list[Arrival]] = defaultdict(list)
    for one in arrived:
        by_kind[one.kind].append(one)
    kept: dict[str, int] = {}
    for kind, group in by_kind.items():
        new = _new(connection, run_no, kind, group)
        kept[kind] = len(new)
        if new:
            rows = [(kind, one.record_id, version, *one[3:7], run_no) for one, version in new]
            insert_many(connection, received, _OF_RECEIVED, rows)
            record_put_right(connection, run_no, kind, {one.record_id for one, _ in new})
            _mark_touched(connection, kind, [one for one, _ in new])
    return kept


def _new(connection: Connection, run_no: int, kind: str, group: Sequence[Arrival]) -> list[tuple[Arrival, int]]:
    """Return what is new of one kind, with the versions it is kept under."""
    ids = dict.fromkeys(one.record_id for one in group)
    known: dict[str, dict[int, str]] = defaultdict(dict)
    columns = ("record_id", "version", "digest")
    for record_id, version, digest in select_many(connection, received, columns, "record_id", ids, kind=kind):
        known[record_id][version] = digest
    new = []
    for one in group:
        versions = known[one.record_id]
        version = one.version
        if version is None:
            if one.digest in versions.values():
                continue
            version = len(versions) + 1
        elif version in versions:
            if versions[version] != one.digest:
                note(connection, run_no, [_other_content(one)])
            continue
        versions[version] = one.digest
        new.append((one, version))
    return new


def _other_content(one: Arrival) -> Problem:
    message = f"{one.kind} {one.record_id} version {one.version} arrived before with other content; the first stays"
    return Problem("version_content_changed", one.record_id, "version", message, one.file, one.line)


def _mark_touched(connection: Connection, kind: str, arrived: Sequence[Arrival]) -> None:
    if kind in ("case", "tombstone"):
        touched = {one.target for one in arrived if one.target is not None}
        if kind == "case":
            links = [(*one.target, one.record_id) for one in arrived if one.target is not None]
            insert_many(connection, case_of, ("kind", "record_id", "case_id"), links, "ON CONFLICT DO NOTHING")
            case_ids = list(dict.fromkeys(one.record_id for one in arrived))
            for target in select_many(connection, case_of, ("kind", "record_id"), "case_id", case_ids):
                touched.add((target[0], target[1]))  # it may have named another before
        for target_kind in {target_kind for target_kind, _ in touched}:
            touch(connection, target_kind, [record_id for of_kind, record_id in touched if of_kind == target_kind])
        return
    new = [(kind, record_id, iso(DUE_NOW)) for record_id in dict.fromkeys(one.record_id for one in arrived)]
    as_new = "ON CONFLICT (kind, record_id) DO UPDATE SET judge_on = excluded.judge_on"
    insert_many(
        connection,
        record,
        ("kind", "record_id", "judge_on", *_EMPTY),
        [(*row, *_EMPTY.values()) for row in new],
        as_new,
    )


_EMPTY = {"marks": "", "provisional": False, "version": 0, "places": ""}  # what a record that was never judged has


def touch(connection: Connection, kind: str, record_ids: Sequence[str]) -> None:
    """Have records judged again in the next judge stage; ids the ledger does not hold are passed over."""
    connection.execute(
        update(record).where(record.c.kind == kind, record.c.record_id.in_(record_ids)).values(judge_on=DUE_NOW)
    )


def touch_all(connection: Connection) -> None:
    """Have every record judged again: the rules or the calendar have changed."""
    later = record.c.judge_on.is_(None) | (record.c.judge_on != DUE_NOW)
    connection.execute(update(record).where(later).values(judge_on=DUE_NOW))


def remember(connection: Connection, name: str, fingerprint: str) -> None:
    """Remember how far a file or a list of the platform has been read."""
    statement = insert_into(connection, seen).values(name=name, fingerprint=fingerprint)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"fingerprint": fingerprint}))


def remembered(connection: Connection) -> Mapping[str, str]:
    """Return how far each file and list of the platform has been read."""
    return {row.name: row.fingerprint for row in connection.execute(select(seen))}


def forget(connection: Connection, name: str) -> None:
    """Forget a file that is no longer there; if it comes back, it is read as a new one."""
    connection.execute(delete(seen).where(seen.c.name == name))


def forget_reading(connection: Connection) -> None:
    """Read everything again in the next pull: another source was configured."""
    connection.execute(delete(seen))


def keep_counts(
    connection: Connection, authority: str, period: str, all_inspections: int | None, library_subjects: int | None
) -> None:
    """Keep an authority's own counts for a period; later ones replace earlier ones."""
    connection.execute(delete(counts).where(counts.c.authority == authority, counts.c.period == period))
    connection.execute(
        insert(counts).values(
            authority=authority, period=period, all_inspections=all_inspections, library_subjects=library_subjects
        )
    )


def kinds_of(connection: Connection, record_id: str) -> list[RecordKind]:
    """Return the kinds of record the ledger holds under an id (usually one)."""
    return list(connection.execute(select(record.c.kind).where(record.c.record_id == record_id)).scalars())
