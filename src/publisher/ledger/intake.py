"""Keeping what arrived: every version once, the first content of a version for good."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from publisher.ledger.problems import note, record_put_right
from publisher.ledger.schema import case_of, counts, received, record, seen
from publisher.ledger.store import insert_into
from publisher.model import Case, Problem, Received, RecordKind, Tombstone, identity

DUE_NOW = date.min  # judge_on of a record whose content or cases are new


class _Row(NamedTuple):
    """A line of ``received`` about to be written."""

    kind: str
    record_id: str
    version: int
    digest: str
    body: str
    file: str
    line: int | None
    run_no: int


def keep(connection: Connection, run_no: int, arrived: Sequence[Received]) -> dict[str, int]:
    """Keep the records that are new, mark what must be judged again, and return how many were new by kind.

    A version that is known with the same content changes nothing. The same version with other content is a Problem and
    the first stays. Cases and tombstones have no version of their own: other content is their next version, and a
    content seen before is never taken twice.
    """
    by_kind: dict[str, list[Received]] = defaultdict(list)
    for one in arrived:
        by_kind[one.record.kind].append(one)
    kept: dict[str, int] = {}
    for kind, group in by_kind.items():
        rows = _new_rows(connection, run_no, kind, group)
        kept[kind] = len(rows)
        if rows:
            connection.execute(insert(received), [row._asdict() for row, _ in rows])
            record_put_right(connection, run_no, {row.record_id for row, _ in rows})
            _mark_touched(connection, kind, [one for _, one in rows])
    return kept


def _new_rows(connection: Connection, run_no: int, kind: str, group: Sequence[Received]) -> list[tuple[_Row, Received]]:
    ids = {identity(one.record)[0] for one in group}
    known: dict[str, dict[int, str]] = defaultdict(dict)
    query = select(received.c.record_id, received.c.version, received.c.digest)
    for record_id, version, digest in connection.execute(
        query.where(received.c.kind == kind, received.c.record_id.in_(ids))
    ):
        known[record_id][version] = digest
    rows = []
    for one in group:
        record_id, own_version = identity(one.record)
        body = one.record.model_dump_json(by_alias=True)
        digest = hashlib.sha256(body.encode()).hexdigest()
        versions = known[record_id]
        if own_version is None:
            if digest in versions.values():
                continue
            version = len(versions) + 1
        else:
            version = own_version
            if version in versions:
                if versions[version] != digest:
                    note(connection, run_no, [_other_content(kind, record_id, version, one)])
                continue
        versions[version] = digest
        rows.append((_Row(kind, record_id, version, digest, body, one.file, one.line, run_no), one))
    return rows


def _other_content(kind: str, record_id: str, version: int, one: Received) -> Problem:
    message = f"{kind} {record_id} version {version} arrived before with other content; the first stays"
    return Problem("version_content_changed", record_id, "version", message, one.file, one.line)


def _mark_touched(connection: Connection, kind: str, arrived: Iterable[Received]) -> None:
    touched: set[tuple[str, str]] = set()
    for one in arrived:
        if isinstance(one.record, Case):
            target = one.record.target
            add = insert_into(connection, case_of).values(
                kind=target[0], record_id=target[1], case_id=one.record.case_id
            )
            connection.execute(add.on_conflict_do_nothing())
            earlier = select(case_of.c.kind, case_of.c.record_id).where(case_of.c.case_id == one.record.case_id)
            touched |= {(row.kind, row.record_id) for row in connection.execute(earlier)}  # it may have named another
        elif isinstance(one.record, Tombstone):
            touched.add((one.record.record_kind, one.record.record_id))
        else:
            touched.add((kind, identity(one.record)[0]))
    known_here = set(touched) if kind in ("plan", "item_list", "result") else set()
    if known_here:
        connection.execute(
            insert_into(connection, record).on_conflict_do_nothing(index_elements=["kind", "record_id"]),
            [{"kind": k, "record_id": i} for k, i in sorted(known_here)],
        )
    for target_kind in {k for k, _ in touched}:
        touch(connection, target_kind, [i for k, i in touched if k == target_kind])


def touch(connection: Connection, kind: str, record_ids: Sequence[str]) -> None:
    """Have records judged again in the next judge stage; ids the ledger does not hold are passed over."""
    connection.execute(
        update(record).where(record.c.kind == kind, record.c.record_id.in_(record_ids)).values(judge_on=DUE_NOW)
    )


def touch_all(connection: Connection) -> None:
    """Have every record judged again: the rules or the calendar have changed."""
    connection.execute(update(record).values(judge_on=DUE_NOW))


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
