"""Subjects: one number each, given once, whatever names they bear later.

The book is read and written once for a whole chunk of verdicts, in the caller's transaction.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from publisher import paths
from publisher.ledger.listings import NO_YEAR, SUBJECTS, Key, Lists
from publisher.ledger.many import insert_many, select_many, update_many
from publisher.ledger.schema import subject
from publisher.ledger.store import path_secret

Body = Mapping[str, Any]


class _Known(NamedTuple):
    """A subject's number, and its place in the list of its region if it was ever shown."""

    subject_no: int
    region_code: str
    slot: int | None


_NAMED = ("kind", "name", "uscc", "reg_no", "region_code")


class Subjects:
    """The subjects that a chunk of results names; one not met before gets the next number."""

    def __init__(self, connection: Connection, bodies: Iterable[Body], numbers: Iterable[int], lists: Lists) -> None:
        self._connection, self._lists = connection, lists
        self._secret = path_secret(connection)
        self._by_key: dict[str, _Known] = {}
        for column, wanted in (("key", {self._key(body) for body in bodies}), ("subject_no", set(numbers))):
            for key, *known in select_many(connection, subject, ("key", *_Known._fields), column, sorted(wanted)):
                self._by_key[key] = _Known(*known)
        self._by_number = {one.subject_no: key for key, one in self._by_key.items()}
        self._last = connection.execute(select(func.max(subject.c.subject_no))).scalar() or 0
        self._new: list[tuple[Any, ...]] = []
        self._placed: list[tuple[int, int]] = []

    def number_of(self, body: Body) -> int:
        """Return the number of the subject that a result names.

        A subject is known by its code; without one by kind, name, registration number and region.
        """
        key = self._key(body)
        if (known := self._by_key.get(key)) is not None:
            return known.subject_no
        self._last += 1
        self._by_key[key] = _Known(self._last, body["region_code"], None)
        self._by_number[self._last] = key
        path = paths.subject(key, has_code=body["uscc"] is not None)
        self._new.append((self._last, key, path, *(body[name] for name in _NAMED)))
        return self._last

    def list_of(self, number: int) -> Key:
        """Return the list of a subject's region."""
        return Key(SUBJECTS, NO_YEAR, self._by_key[self._by_number[number]].region_code)

    def show(self, number: int) -> None:
        """Give a subject its place in the list of its region when it is first shown; it keeps it for good."""
        key = self._by_number[number]
        known = self._by_key[key]
        if known.slot is None:
            place = self._lists.next_place(self.list_of(number))
            self._by_key[key] = known._replace(slot=place)
            self._placed.append((place, number))

    def place_of(self, number: int) -> tuple[str, int | None]:
        """Return the region of a subject and its place in that region's list, or None when it was never shown."""
        known = self._by_key[self._by_number[number]]
        return known.region_code, known.slot

    def write(self) -> None:
        """Keep the new subjects and the places given."""
        places = {number: place for place, number in self._placed}
        new = [(*row, places.pop(row[0], None)) for row in self._new]
        insert_many(self._connection, subject, ("subject_no", "key", "path", *_NAMED, "slot"), new)
        placed = [(place, number) for number, place in places.items()]
        update_many(self._connection, subject, ("slot",), "subject_no", placed)

    def _key(self, body: Body) -> str:
        return body["uscc"] or paths.subject_hash(
            self._secret, body["kind"], body["name"], body["reg_no"], body["region_code"]
        )
