"""Subjects: one number each, given once, whatever names they bear later."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert, select, update

from publisher import paths
from publisher.ledger.schema import list_size, subject
from publisher.ledger.store import insert_into, path_secret


def subject_number(connection: Connection, body: Mapping[str, Any]) -> int:
    """Return the number of the subject that a result names, giving the next one to a subject not met before.

    A subject is known by its code; without one by kind, name, registration number and region.
    """
    key = body["uscc"] or paths.subject_hash(
        path_secret(connection), body["kind"], body["name"], body["reg_no"], body["region_code"]
    )
    found = connection.execute(select(subject.c.subject_no).where(subject.c.key == key)).scalar()
    if found is not None:
        return int(found)
    result = connection.execute(
        insert(subject).values(
            key=key,
            kind=body["kind"],
            name=body["name"],
            uscc=body["uscc"],
            reg_no=body["reg_no"],
            region_code=body["region_code"],
            path=paths.subject(key, has_code=body["uscc"] is not None),
        )
    )
    return int(result.inserted_primary_key[0])  # type: ignore[index]


def give_place(connection: Connection, subject_no: int) -> None:
    """Give a subject its place in the list of its region when it is first shown; it keeps it for good."""
    row = connection.execute(select(subject).where(subject.c.subject_no == subject_no)).one()
    if row.slot is None:
        place = next_place(connection, f"region/{row.region_code}")
        connection.execute(update(subject).where(subject.c.subject_no == subject_no).values(slot=place))


def region_place(connection: Connection, subject_no: int) -> tuple[str, int]:
    """Return the region of a subject and its place in that region's list."""
    row = connection.execute(
        select(subject.c.region_code, subject.c.slot).where(subject.c.subject_no == subject_no)
    ).one()
    return row.region_code, row.slot


def next_place(connection: Connection, list_key: str) -> int:
    """Give out the next place of a list; places are never given twice, so that a full page never moves."""
    place = connection.execute(select(list_size.c.size).where(list_size.c.list_key == list_key)).scalar() or 0
    statement = insert_into(connection, list_size).values(list_key=list_key, size=place + 1)
    connection.execute(statement.on_conflict_do_update(index_elements=["list_key"], set_={"size": place + 1}))
    return place
