"""Comparing what an endpoint holds with what it should show, record by record."""

from collections.abc import Iterator
from heapq import merge
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Row

from publisher.exchange.actions import Views, Wanted
from publisher.exchange.client import Client
from publisher.exchange.endpoint import Endpoint
from publisher.exchange.mapping import KINDS, PayloadMapping
from publisher.ledger import Ledger, holdings, outbox
from publisher.ledger.holdings import Holding

_CHUNK = 1000


class Difference(NamedTuple):
    """One record on which the endpoint and the ledger do not agree.

    ``name``: ``missing_there`` · ``not_ours`` · ``state_differs`` · ``digest_differs`` · ``version_differs`` (both
    show the same, under another number), the weightiest that holds. ``here`` and ``there`` are the values compared.
    """

    name: str
    record_id: str
    kind: str | None
    here: str | None
    there: str | None


class _Ours(NamedTuple):
    row: Row[Any]
    wanted: Wanted

    @property
    def key(self) -> bytes:
        return str(self.row.record_id).encode()


def differences(
    ledger: Ledger, endpoint: Endpoint, mapping: PayloadMapping, client: Client, *, repair: bool
) -> Iterator[Difference]:
    """Yield every difference in byte order of ``record_id``, holding a page of either side at a time.

    ``repair`` takes the endpoint's word for what it holds and owes the record, so that the next push tells it what is
    right; what is not ours is left alone.
    """
    found = _compared(ledger, endpoint, mapping, client)
    while chunk := list(islice(found, _CHUNK)):
        if repair:
            heard = {ours.row.record_no: there for _, ours, there in chunk if ours is not None}
            with ledger.transaction() as connection:
                holdings.believe(connection, endpoint.name, heard)
        yield from (difference for difference, _, _ in chunk)


def _compared(
    ledger: Ledger, endpoint: Endpoint, mapping: PayloadMapping, client: Client
) -> Iterator[tuple[Difference, _Ours | None, Holding | None]]:
    here, there = _ours(ledger, endpoint, mapping), client.records()
    ours, theirs = next(here, None), next(there, None)
    while ours is not None or theirs is not None:
        if ours is None or (theirs is not None and theirs.record_id.encode() < ours.key):
            assert theirs is not None
            yield Difference("not_ours", theirs.record_id, None, None, theirs.state), None, theirs
            theirs = next(there, None)
            continue
        same = theirs if theirs is not None and theirs.record_id.encode() == ours.key else None
        difference = _difference(ours, same)
        if difference is not None:
            yield difference, ours, same
        ours = next(here, None)
        if same is not None:
            theirs = next(there, None)


def _difference(ours: _Ours, there: Holding | None) -> Difference | None:
    row, wanted = ours.row, ours.wanted
    state = "withdrawn" if wanted.payload is None else "published"

    def named(name: str, here: object, value: object) -> Difference:
        texts = (None if one is None else str(one) for one in (here, value))
        return Difference(name, row.record_id, row.kind, *texts)

    if there is None:
        return named("missing_there", row.held_state or state, None) if row.held_state or wanted.payload else None
    if there.state != state:
        return named("state_differs", state, there.state)
    if there.digest != wanted.digest:
        return named("digest_differs", wanted.digest, there.digest)
    if there.version != row.held_version:
        return named("version_differs", row.held_version, there.version)
    if (row.held_state, row.held_digest) != (there.state, there.digest):
        return named("state_differs", row.held_state, there.state)
    return None


def _ours(ledger: Ledger, endpoint: Endpoint, mapping: PayloadMapping) -> Iterator[_Ours]:
    """Yield every judged record in byte order of its id; of those that share one, the one the endpoint is told of."""
    views = Views(mapping)
    streams = [_of_kind(ledger, endpoint, kind, views) for kind in KINDS]
    for _, sharing in groupby(merge(*streams, key=attrgetter("key")), key=attrgetter("key")):
        yield max(sharing, key=lambda one: (one.row.held_state is not None, one.wanted.payload is not None))


def _of_kind(ledger: Ledger, endpoint: Endpoint, kind: str, views: Views) -> Iterator[_Ours]:
    after = ""
    while True:
        with ledger.reading() as connection:
            rows = outbox.by_record_id(connection, endpoint.name, kind, after=after, limit=_CHUNK)
            views.look_up_plans(connection, rows)
            page = [_Ours(row, views.wanted(row)) for row in rows]
        if not page:
            return
        yield from page
        after = rows[-1].record_id
