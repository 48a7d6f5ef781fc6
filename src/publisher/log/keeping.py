"""Keeping the log in the ledger: new entries from what is shown and what is not, and what opens them meanwhile.

What the log last said of each record (``log_live``) is compared with what is shown now, so that it makes no difference
how often this is done, or where it was killed. Two things are never kept: the salts of an entry that was replaced or
ended, and which record an ended entry was of.
"""

import hmac
import os
import secrets
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, func, select

from publisher.errors import LedgerError, SettingsError
from publisher.ledger import Ledger
from publisher.ledger.many import MOST_ASKED, Values, ask, delete_many, insert_many, update_many
from publisher.ledger.octets import octets_of
from publisher.ledger.owed import owe_pages
from publisher.ledger.schema import certificate, delta, log_live, log_seed, log_tile
from publisher.ledger.store import get_meta, set_meta
from publisher.log.bundle import bundle
from publisher.log.leaf import SEED, Leaf, commit, fields_of
from publisher.log.merkle import WIDTH, Tree, grow, leaf_hash
from publisher.progress import OnProgress
from publisher.second import rarely_collecting

OWED = ("log", "")  # the part of the site that is owed until the checkpoint of what was added is installed
BLOCK = 1 << 16  # records added in one transaction, in random order
_CHUNK = 4_000  # records read at once

Draw = Callable[[str], bytes]
"""Return 16 bytes nobody can guess; what they are for is told, so that a test may make them repeatable."""

TEST_SALTS = "PUBLISHER_TEST_SALTS"


def chance(*, is_trial: bool = False) -> Draw:
    """Return where salts come from: the system's randomness. For tests that compare two runs, and for them alone, the
    environment variable ``PUBLISHER_TEST_SALTS`` makes them follow from its value.

    Raises :class:`SettingsError` when it is set and the portal is none for trials: salts that follow from anything can
    be guessed, and never be taken back.
    """
    told = os.environ.get(TEST_SALTS)
    if not told:
        return lambda label: secrets.token_bytes(SEED)
    if not is_trial:
        raise SettingsError(f"the environment variable {TEST_SALTS} is set, which is for tests alone: unset it")
    return lambda label: hmac.digest(told.encode(), label.encode(), "sha256")[:SEED]


class Live(NamedTuple):
    """What the log last said of a record that is shown."""

    record_no: int
    leaf_no: int
    ref: str
    commitment: bytes
    seed_no: int | None
    seed: bytes | None  # None = lost


class _Row(NamedTuple):
    """A record that is shown, as the database has it."""

    record_no: int
    kind: str
    record_id: str
    version: int
    marks: str
    due_on: Any
    published_on: Any
    ends_on: Any
    ref: str
    body: bytes
    beside: bytes


class _News(NamedTuple):
    """An entry to be added; ``place`` is random and gives their order. The record of a STOP is soon unknown."""

    place: bytes
    leaf: Leaf
    record_no: int | None = None
    ref: str = ""
    known: Live | None = None  # the entry that it replaces


class Added(NamedTuple):
    """How many entries were added, how many of them ended or replaced others, and how many were added because what
    opened an earlier one was lost, so that a page must be made again that nothing else changed."""

    entries: int
    ended: int
    again: int


def append(ledger: Ledger, draw: Draw | None = None, on_progress: OnProgress = lambda done, total: None) -> Added:
    """Add to the log what changed for the public since the last time; return how much that was.

    Salts that are no longer needed leave the file of the ledger for good: at once, or when the ledger is closed where
    another process reads meanwhile. ``on_progress`` is told of how many records this is done, of how many that changed.
    """
    draw = draw or chance()
    entries = ended = again = 0
    with ledger.reading() as connection:
        since, anew = int(get_meta(connection, "log_run") or 0), size(connection) > 0
        latest = connection.execute(select(func.max(delta.c.run_no))).scalar()
        by_number = delta.c.record_no + 0  # not by the index of numbers, which would read the changes of all runs
        query = select(delta.c.record_no).where(delta.c.run_no > since).distinct().order_by(by_number)
        changed = array("q", connection.execute(query).scalars())
    if changed:
        on_progress(0, len(changed))
    for start in range(0, len(changed), BLOCK):
        with rarely_collecting(), ledger.transaction() as connection:
            news = list(_news(connection, changed[start : start + BLOCK], draw))
            _add(connection, news)
            entries += len(news)
            ended += sum(one.leaf.op != "ADD" for one in news)
            lost = (one.known is not None and one.known.seed is None for one in news)
            again += sum(lost) if since else len(news) * anew
        on_progress(min(start + BLOCK, len(changed)), len(changed))
    if changed:
        with ledger.transaction() as connection:
            set_meta(connection, "log_run", str(latest))
    if ended:
        ledger.empty_journal()
    return Added(entries, ended, again)


def size(connection: Connection) -> int:
    """Return how many entries the log has."""
    return int(get_meta(connection, "log_size") or 0)


def tree(connection: Connection) -> Tree:
    """Return the tree over all entries."""
    return Tree(size(connection), lambda level, number, width: tile(connection, str(level), number))


def tile(connection: Connection, name: str, number: int) -> bytes:
    """Return a tile (or a bundle of entries) as far as it is filled.

    Raises :class:`LedgerError` when the ledger lacks it.
    """
    query = select(log_tile.c.body).where(log_tile.c.name == name, log_tile.c.number == number)
    body: bytes | None = connection.execute(query).scalar()
    if body is None:
        raise LedgerError(f"the publication log lacks tile {name}/{number}; restore the ledger from a backup")
    return body


class Opening(NamedTuple):
    """What proves that a record which is shown is in the log: the number of its entry and the seed of its salts."""

    leaf_no: int
    seed: bytes


def opening(leaf_no: int | None, seed: bytes | None) -> Opening | None:
    """Return what opens an entry, as the ledger has it; None where there is no entry, or its seed was lost."""
    kept = _kept(seed)
    return None if leaf_no is None or kept is None else Opening(leaf_no, kept)


def opening_of(connection: Connection, record_no: int) -> Opening | None:
    """Return what opens the entry of a record, if it is in the log."""
    told = [opening(*one) for one in _told(connection, "leaf_no, seed", [record_no])]
    return told[0] if told else None


def live(connection: Connection, record_numbers: Collection[int]) -> Iterator[Live]:
    """Yield what the log last said of those of some records that it speaks of, in no order."""
    columns = "record_no, leaf_no, ref, commitment, log_live.seed_no, seed"
    for *told, seed in _told(connection, columns, record_numbers):
        yield Live._make((*told, _kept(seed)))


def _kept(seed: bytes | None) -> bytes | None:
    """Return a seed as the ledger has it; None when it was destroyed, which leaves zeros in its place."""
    return bytes(seed) if seed is not None and any(seed) else None


def _told(connection: Connection, columns: str, record_numbers: Collection[int]) -> Iterator[Values]:
    asked = iter(record_numbers)
    while part := tuple(islice(asked, MOST_ASKED)):
        statement = (
            f"SELECT {columns} FROM log_live LEFT JOIN log_seed ON log_seed.seed_no = log_live.seed_no "  # noqa: S608 - names of our own
            f"WHERE record_no IN ({_marks(part)})"
        )
        yield from ask(connection, statement, part)


def _news(connection: Connection, numbers: Iterable[int], draw: Draw) -> Iterator[_News]:
    """Yield the entries that some records need, in no order."""
    rest = iter(numbers)
    while part := list(islice(rest, _CHUNK)):
        logged = {one.record_no: one for one in live(connection, part)}
        rows = list(_shown(connection, part))
        shown = {row.record_no: row.ref for row in rows} if logged else {}
        stopped = [one for one in logged.values() if shown.get(one.record_no) != one.ref]
        told = _stops(connection, [one.ref for one in stopped])
        owed: list[tuple[Any, ...]] = []
        for one in stopped:
            if one.ref not in told:
                raise LedgerError(
                    "a record is shown no longer, but no line of the changes stops it: restore the ledger"
                )
            rule, on, run_no = told[one.ref]
            owed.append((one.ref, one.record_no, rule, on.isoformat(), run_no, False))
            yield _News(draw(f"STOP/{one.leaf_no}"), Leaf("STOP", leaf=one.leaf_no, rule=rule, on=on))
            del logged[one.record_no]
        forget(connection, stopped)
        columns = ("ref", "record_no", "rule", "stopped_on", "run_no", "is_whole")
        insert_many(connection, certificate, columns, owed, "ON CONFLICT DO NOTHING")
        for row in rows:
            fields = fields_of(orjson.loads(row.body), orjson.loads(row.beside), row)
            known = logged.get(row.record_no)
            if known and known.seed is not None and commit(fields, known.seed) == known.commitment:
                continue
            seed = draw(f"{row.kind}/{row.record_id}/{row.version}")
            commitment = commit(fields, seed)
            leaf = Leaf("MOD", commitment, known.leaf_no) if known else Leaf("ADD", commitment)
            yield _News(seed, leaf, row.record_no, row.ref, known)


def _shown(connection: Connection, numbers: Sequence[int]) -> Iterator[_Row]:
    columns = ", ".join(f"record.{name}" for name in _Row._fields[:-2])
    forms = ", ".join(octets_of(connection, f"shown.{name}") for name in _Row._fields[-2:])
    statement = (
        f"SELECT {columns}, {forms} FROM shown JOIN record ON record.record_no = shown.record_no "  # noqa: S608
        f"WHERE shown.record_no IN ({_marks(numbers)})"
    )
    return map(_Row._make, ask(connection, statement, tuple(numbers)))


def _stops(connection: Connection, refs: Sequence[str]) -> Mapping[str, tuple[str, date, int]]:
    """Return rule, day and run by which each of some refs was stopped."""
    found: dict[str, tuple[str, date, int]] = {}
    for start in range(0, len(refs), _CHUNK):
        query = select(delta.c.ref, delta.c.rule, delta.c.effective_on, delta.c.run_no).where(
            delta.c.op == "STOP", delta.c.ref.in_(refs[start : start + _CHUNK])
        )
        found |= {row.ref: (row.rule, row.effective_on, row.run_no) for row in connection.execute(query)}
    return found


def _add(connection: Connection, news: list[_News]) -> None:
    news.sort(key=lambda one: one.place)
    first = size(connection)
    number = connection.execute(select(func.max(log_seed.c.seed_no))).scalar() or 0
    seeds: list[tuple[int, bytes]] = []
    rows: list[tuple[Any, ...]] = []
    for leaf_no, one in enumerate(news, start=first):
        if one.record_no is not None:
            number += 1
            seeds.append((number, one.place))
            rows.append((one.record_no, leaf_no, one.ref, number, one.leaf.commit))
    forget(connection, [one.known for one in news if one.known is not None])
    rows.sort()  # by record: added in random order, each would go to another page
    insert_many(connection, log_seed, ("seed_no", "seed"), seeds)
    insert_many(connection, log_live, ("record_no", "leaf_no", "ref", "seed_no", "commitment"), rows)
    extend(connection, [one.leaf.entry() for one in news])


def forget(connection: Connection, ended: Iterable[Live]) -> None:
    """Destroy the seeds of entries that were ended or replaced, and whose entries they were."""
    known = list(ended)
    _overwrite(connection, known)
    delete_many(connection, log_live, ("record_no",), [(one.record_no,) for one in known])


def lose_seeds(connection: Connection, record_numbers: Collection[int]) -> None:
    """Destroy the seeds of some records that are shown, so that they get another entry with the next append."""
    _overwrite(connection, live(connection, record_numbers))
    update_many(connection, log_live, ["seed_no"], "record_no", [(None, number) for number in record_numbers])


def _overwrite(connection: Connection, known: Iterable[Live]) -> None:
    destroyed = [(bytes(SEED), one.seed_no) for one in known if one.seed_no is not None]
    update_many(connection, log_seed, ["seed"], "seed_no", destroyed)


def _marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))


def extend(connection: Connection, entries: Sequence[bytes]) -> None:
    """Add entries to the log's tiles, and owe the site a checkpoint."""
    if not entries:
        return
    first = size(connection)
    grown = grow(first, [leaf_hash(entry) for entry in entries], lambda level, at, _: tile(connection, str(level), at))
    rows = [(str(one.level), one.number, one.hashes) for one in grown]
    number, filled = divmod(first, WIDTH)
    begun = tile(connection, "entries", number) if filled else b""
    rest = iter(entries)
    while part := list(islice(rest, WIDTH - filled)):
        rows.append(("entries", number, begun + bundle(part)))
        number, filled, begun = number + 1, 0, b""
    replace = "ON CONFLICT (name, number) DO UPDATE SET body = excluded.body"
    insert_many(connection, log_tile, ("name", "number", "body"), rows, replace)
    set_meta(connection, "log_size", str(first + len(entries)))
    owe_pages(connection, [OWED])
