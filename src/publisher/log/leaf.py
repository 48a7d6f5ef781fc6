"""An entry of the log, and how it commits to a record without saying anything of it.

An entry is canonical JSON (RFC 8785). ``ADD`` shows a record, ``MOD`` replaces the entry ``leaf`` by another version of
the record, ``STOP`` ends it and names rule and day. ADD and MOD hold ``commit``, the hash over one salted hash a field
(after RFC 9901). Names, codes and outcomes can be guessed; the salts cannot, and without them nothing follows from an
entry.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import orjson

SALT = 16  # bytes: 128 bits a field
SEED = 16  # bytes, from which the salts of a version's fields are drawn out

Op = Literal["ADD", "MOD", "STOP"]
Fields = Mapping[str, Any]


class Leaf(NamedTuple):
    """An entry of the log: ``commit`` of an ADD or MOD, ``leaf`` (an earlier entry) of a MOD or STOP."""

    op: Op
    commit: bytes | None = None
    leaf: int | None = None
    rule: str | None = None
    on: date | None = None

    def entry(self) -> bytes:
        """Return the bytes that the tree hashes."""
        match self.op:
            case "ADD":
                return b'{"commit":"%s","op":"ADD"}' % _told(self.commit)
            case "MOD":
                return b'{"commit":"%s","leaf":%s,"op":"MOD"}' % (_told(self.commit), canonical(self.leaf))
            case "STOP":
                return canonical({"leaf": self.leaf, "on": str(self.on), "op": "STOP", "rule": self.rule})


class BadLeaf(Exception):
    """An entry that is none of this log's; the message says why."""


def parse(entry: bytes) -> Leaf:
    """Return an entry of the log.

    Raises :class:`BadLeaf` for anything but the canonical form of one.
    """
    try:
        told = orjson.loads(entry)
        commit = told.get("commit")
        leaf = Leaf(
            told["op"],
            None if commit is None else base64.urlsafe_b64decode(commit + "="),
            told.get("leaf"),
            told.get("rule"),
            date.fromisoformat(told["on"]) if "on" in told else None,
        )
        if leaf.entry() == entry and (leaf.leaf is None or type(leaf.leaf) is int):
            return leaf
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise BadLeaf("it is no entry of a publication log")


def canonical(value: Any) -> bytes:
    """Return the canonical JSON (RFC 8785) of texts, whole numbers, booleans, lists and objects with ASCII keys."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def fields_of(body: Fields, beside: Fields, row: Any) -> dict[str, Any]:
    """Return what an entry commits to, by field: all that the public is shown of a record; nulls say nothing.

    ``body`` and ``beside`` are its public form, ``row`` its marks and days in the ledger.
    """
    fields = {name: value for name, value in body.items() if value is not None}
    if beside:
        fields["beside"] = beside
    if row.marks:
        fields["marks"] = row.marks.split(",")
    for name in ("due_on", "published_on", "ends_on"):
        day = getattr(row, name)
        if day is not None:
            fields[name] = _written(day)
    return fields


_written = lru_cache(4096)(str)


def commit(fields: Fields, seed: bytes) -> bytes:
    """Return the commitment to a version: SHA-256 over the salted hashes of its fields, in the order of their names.

    The salted hash of a field is SHA-256(salt ‖ ``"name":value``) in canonical JSON; the salts, 16 bytes each, are the
    bytes of SHA-512(seed ‖ 0), SHA-512(seed ‖ 1), … one after another.
    """
    sha256, sha512, dumps = hashlib.sha256, hashlib.sha512, orjson.dumps
    told = _ordered(tuple(fields))
    salts = b"".join([sha512(seed + block).digest() for block in _BLOCKS[: -(-len(told) // 4)]])
    salted = [salts[place : place + SALT] for place in range(0, SALT * len(told), SALT)]
    digests = [
        sha256(salt + begun + dumps(fields[name], None, _SORTED)).digest()
        for salt, (name, begun) in zip(salted, told, strict=True)
    ]
    return sha256(b"".join(digests)).digest()


_BLOCKS = tuple(bytes([number]) for number in range(256))


_SORTED = orjson.OPT_SORT_KEYS


@lru_cache(1024)  # of few kinds of record each has few forms
def _ordered(names: tuple[str, ...]) -> tuple[tuple[str, bytes], ...]:
    """Return the names of fields in order, each with how its hashed words begin."""
    return tuple((name, canonical(name) + b":") for name in sorted(names))


def _told(value: bytes | None) -> bytes:
    if value is None or len(value) != 32:
        raise ValueError("a commitment has 32 bytes")
    return base64.urlsafe_b64encode(value)[:-1]
