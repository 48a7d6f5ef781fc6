"""Stage 5, PUSH: tell every endpoint what is public, and take its receipts into the ledger."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from publisher.errors import EndpointError, EndpointRefused, EndpointUnavailable, SettingsError
from publisher.exchange.actions import Outgoing
from publisher.exchange.api import Api, ApiPush
from publisher.exchange.differences import Difference, differences
from publisher.exchange.endpoint import Endpoint, Pushed, Tally
from publisher.exchange.filedrop import FiledropPush
from publisher.exchange.mapping import PayloadMapping, load_mapping
from publisher.ledger import Ledger, outbox
from publisher.transport import Transport

__all__ = ["Difference", "Endpoint", "Pushed", "load_mapping", "push", "reconcile"]

Say = Callable[[str], None]
Sleep = Callable[[float], None]


def push(
    ledger: Ledger, endpoints: Sequence[Endpoint], run_no: int, say: Say, *, sender: str, sleep: Sleep = time.sleep
) -> dict[str, Pushed]:
    """Tell each endpoint what it is owed and return, by name, what that came to.

    What is in doubt from an earlier push is settled first. An endpoint that fails says so in ``error`` and does not
    hold the others; what it is owed stays owed. ``sender`` is the portal's region code. Raises
    :class:`SettingsError` for a mapping (before anything is sent), address or token that cannot be used.
    """
    mappings = [load_mapping(endpoint.mapping) for endpoint in endpoints]
    pushed = {}
    for endpoint, mapping in zip(endpoints, mappings, strict=True):
        tally, error = Tally(), None
        outgoing = Outgoing(ledger, endpoint, mapping, sender, run_no, tally)
        try:
            if endpoint.kind == "filedrop":
                if endpoint.path is None:
                    raise SettingsError(f"endpoint {endpoint.name}: a filedrop needs its path")
                FiledropPush(ledger, endpoint, endpoint.path, outgoing, run_no, tally, say).run()
            else:
                with _api(endpoint, say, sleep) as api:
                    ApiPush(ledger, endpoint, api, outgoing, run_no, tally, say).run()
        except EndpointError as failure:
            error = str(failure)
            say(f"{endpoint.name}: {error}")
        with ledger.reading() as connection:
            owed, refused = outbox.owed_and_refused(connection, endpoint.name)
        pushed[endpoint.name] = Pushed(**vars(tally), owed=owed, refused=refused, error=error)
    return pushed


def reconcile(
    ledger: Ledger, endpoint: Endpoint, *, repair: bool = False, say: Say, sleep: Sleep = time.sleep
) -> Iterator[Difference]:
    """Yield where an endpoint does not hold what the ledger would have it show, in byte order of ``record_id``.

    ``repair`` owes every such record anew, for the next :func:`push`. Raises :class:`EndpointError` when the endpoint
    cannot be asked, and :class:`SettingsError` for a filedrop, which cannot be.
    """
    if endpoint.kind != "api":
        raise SettingsError(f"endpoint {endpoint.name} is a folder and cannot be asked what it holds")
    mapping: PayloadMapping = load_mapping(endpoint.mapping)
    with _api(endpoint, say, sleep) as api:
        yield from differences(ledger, endpoint, mapping, api, repair=repair)


@contextmanager
def _api(endpoint: Endpoint, say: Say, sleep: Sleep) -> Iterator[Api]:
    if endpoint.url is None:
        raise SettingsError(f"endpoint {endpoint.name}: an api needs its url")
    with Transport(
        endpoint.url,
        endpoint.token,
        unavailable=EndpointUnavailable,
        refused=EndpointRefused,
        token_env=endpoint.token_env or "",
        ca_file=endpoint.ca_file,
        sleep=sleep,
        say=say,
    ) as transport:
        yield Api(transport, endpoint.name, sleep)
