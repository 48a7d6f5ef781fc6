"""Stage 5, PUSH: tell every endpoint what is public, and take its receipts into the ledger.

Another program may use :class:`Client` alone, without a ledger: see docs/exchange.md.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from publisher.errors import EndpointError, EndpointUnavailable, SettingsError
from publisher.exchange.actions import Outgoing
from publisher.exchange.api import ApiPush
from publisher.exchange.client import Client, Reply
from publisher.exchange.differences import Difference, differences
from publisher.exchange.endpoint import Endpoint, OAuth, Pushed, SigningKey, Tally
from publisher.exchange.filedrop import FiledropPush
from publisher.exchange.mapping import PayloadMapping, load_mapping
from publisher.exchange.receipts import Receipt
from publisher.exchange.wire import Message, Submission
from publisher.ledger import Ledger, outbox
from publisher.ledger.holdings import Holding
from publisher.transport import RetryPolicy

__all__ = [
    "Client",
    "Difference",
    "Endpoint",
    "Holding",
    "Message",
    "OAuth",
    "Pushed",
    "Receipt",
    "Reply",
    "RetryPolicy",
    "SigningKey",
    "Submission",
    "load_mapping",
    "push",
    "reconcile",
]

Say = Callable[[str], None]
Sleep = Callable[[float], None]
FIRST_ROUND = RetryPolicy(attempts=2, longest_wait=2.0, budget=10.0, in_a_row=2, total=10.0)


def push(
    ledger: Ledger, endpoints: Sequence[Endpoint], run_no: int, say: Say, *, sender: str, sleep: Sleep = time.sleep
) -> dict[str, Pushed]:
    """Tell each endpoint what it is owed and return, by name, what that came to.

    What is in doubt from an earlier push is settled first. Where there are several, one that does not answer is left
    after two failures until the others were told, and only then given all its patience: one after the other, because
    the ledger has one writer and the order of what was sent stays plain. An endpoint that fails says so in ``error``
    and does not hold the others; what it is owed stays owed. ``sender`` is the portal's region code. Raises
    :class:`SettingsError` for a mapping (before anything is sent), address or token that cannot be used.
    """
    turns = [_Turn(ledger, one, load_mapping(one.mapping), sender, run_no, say, sleep) for one in endpoints]
    put_off = []
    for turn in turns:
        if len(turns) == 1 or turn.endpoint.kind == "filedrop":
            turn.take(None)
        elif isinstance(turn.take(FIRST_ROUND), EndpointUnavailable):
            say(f"{turn.endpoint.name}: does not answer; the other endpoints are told first")
            put_off.append(turn)
        elif turn.error:
            say(f"{turn.endpoint.name}: {turn.error}")
    for turn in put_off:
        turn.take(None)
    return {turn.endpoint.name: turn.pushed() for turn in turns}


class _Turn:
    """One endpoint in one push; it may be taken up again where it was left."""

    def __init__(
        self,
        ledger: Ledger,
        endpoint: Endpoint,
        mapping: PayloadMapping,
        sender: str,
        run_no: int,
        say: Say,
        sleep: Sleep,
    ) -> None:
        self.endpoint, self.error = endpoint, ""
        self._ledger, self._run_no, self._say, self._sleep = ledger, run_no, say, sleep
        self._tally = Tally()
        self._outgoing = Outgoing(ledger, endpoint, mapping, sender, run_no, self._tally)

    def take(self, retry: RetryPolicy | None) -> EndpointError | None:
        """Tell the endpoint what it is owed; return what stopped that early, told when this is the last try."""
        endpoint, common = self.endpoint, (self._run_no, self._tally, self._say)
        self.error = ""
        try:
            if endpoint.kind == "filedrop":
                if endpoint.path is None:
                    raise SettingsError(f"endpoint {endpoint.name}: a filedrop needs its path")
                FiledropPush(self._ledger, endpoint, endpoint.path, self._outgoing, *common).run()
            else:
                say = (lambda line: None) if retry else self._say
                with Client(endpoint, retry=retry, say=say, sleep=self._sleep) as client:
                    ApiPush(self._ledger, endpoint, client, self._outgoing, *common).run()
        except EndpointError as failure:
            self.error = str(failure)
            if retry is None:
                self._say(f"{endpoint.name}: {failure}")
            return failure
        return None

    def pushed(self) -> Pushed:
        with self._ledger.reading() as connection:
            owed, refused = outbox.owed_and_refused(connection, self.endpoint.name)
        return Pushed(**vars(self._tally), owed=owed, refused=refused, error=self.error or None)


def reconcile(
    ledger: Ledger, endpoint: Endpoint, *, repair: bool = False, say: Say, sleep: Sleep = time.sleep
) -> Iterator[Difference]:
    """Yield where an endpoint does not hold what the ledger would have it show, in byte order of ``record_id``.

    ``repair`` owes every such record anew, for the next :func:`push`. Raises :class:`EndpointError` when the endpoint
    cannot be asked, and :class:`SettingsError` for a filedrop, which cannot be.
    """
    if endpoint.kind != "api":
        raise SettingsError(f"endpoint {endpoint.name} is a folder and cannot be asked what it holds")
    mapping = load_mapping(endpoint.mapping)
    with Client(endpoint, say=say, sleep=sleep) as client:
        yield from differences(ledger, endpoint, mapping, client, repair=repair)
