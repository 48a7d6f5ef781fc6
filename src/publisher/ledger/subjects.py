"""Subjects: one number each, given once, whatever names they bear later.

The book is read and written once for a whole chunk of verdicts, in the caller's transaction.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from publisher import paths
from publisher.ledger.listings import NO_YEAR, SUBJECTS, Key, Lists
from publisher.ledger.schema import subject
from publisher.ledger.store import path_secret

Body = Mapping[str, Any]


class _Known(NamedTuple):
    """A subject's number, and its place in the list of its region if it was ever shown."""

    number: int
    region_code: str
    slot: int | None


class Subjects:
    """The subjects that a chunk of results names; one not met before gets the next number."""

    def __init__(self, connection: Connection, bodies: Iterable[Body], numbers: Iterable[int], lists: Lists) -> None:
        self._connection, self._lists = connection, lists
        self._secret = path_secret(connection)
        keys = {self._key(body) for body in bodies}
        columns = (subject.c.key, subject.c.subject_no, subject.c.region_code, subject.c.slot)
        query = select(*columns).where(or_(subject.c.key.in_(keys), subject.c.subject_no.in_(set(numbers))))
        self._by_key: dict[str, _Known] = {row.key: _Known(*row[1:]) for row in connection.execute(query)}
        self._by_number = {one.number: key for key, one in self._by_key.items()}
        self._last = connection.execute(select(func.max(subject.c.subject_no))).scalar() or 0
        self._new: list[dict[str, Any]] = []
        self._placed: list[dict[str, int]] = []

    def number_of(self, body: Body) -> int:
        """Return the number of the subject that a result names.

        A subject is known by its code; without one by kind, name, registration number and region.
        """
        key = self._key(body)
        if key not in self._by_key:
            self._last += 1
            self._by_key[key] = _Known(self._last, body["region_code"], None)
            self._by_number[self._last] = key
            named = {name: body[name] for name in ("kind", "name", "uscc", "reg_no", "region_code")}
            path = paths.subject(key, has_code=body["uscc"] is not None)
            self._new.append({"subject_no": self._last, "key": key, "path": path, **named})
        return self._by_key[key].number

    def show(self, number: int) -> None:
        """Give a subject its place in the list of its region when it is first shown; it keeps it for good."""
        key = self._by_number[number]
        known = self._by_key[key]
        if known.slot is None:
            place = self._lists.next_place(Key(SUBJECTS, NO_YEAR, known.region_code))
            self._by_key[key] = known._replace(slot=place)
            self._placed.append({"number": number, "place": place})

    def place_of(self, number: int) -> tuple[str, int | None]:
        """Return the region of a subject and its place in that region's list, or None when it was never shown."""
        known = self._by_key[self._by_number[number]]
        return known.region_code, known.slot

    def write(self) -> None:
        """Keep the new subjects and the places given."""
        if self._new:
            self._connection.execute(insert(subject), self._new)
        if self._placed:
            statement = update(subject).where(subject.c.subject_no == bindparam("number"))
            self._connection.execute(statement.values(slot=bindparam("place")), self._placed)

    def _key(self, body: Body) -> str:
        return body["uscc"] or paths.subject_hash(
            self._secret, body["kind"], body["name"], body["reg_no"], body["region_code"]
        )
