"""An endpoint that is a folder both sides see: a batch is a file, and so are its receipts (GB/T 39443).

``outbox/NAME.jsonl`` holds one record a line; ``outbox/NAME.ready`` beside it says that it is whole. The other side
answers in ``feedback/NAME.jsonl``, one receipt a line, which the next push reads.
"""

import os
import re
from collections.abc import Callable, Collection
from pathlib import Path

import orjson

from publisher.errors import EndpointRefused, EndpointUnavailable
from publisher.exchange.actions import Outgoing
from publisher.exchange.endpoint import Endpoint, Tally
from publisher.exchange.receipts import read_receipts
from publisher.ledger import Ledger, holdings, outbox
from publisher.ledger.outbox import Batch

_OURS = re.compile(r"\.?([0-9a-f]{32})\.(?:jsonl|ready)(?:\.tmp)?\Z")  # a file of a batch, or one being written


class FiledropPush:
    """One push to a folder: read the feedback that has come, then lay down what is owed.

    Raises :class:`EndpointUnavailable` when the folder cannot be read or written, :class:`EndpointRefused` for
    feedback that is not of the agreed shape.
    """

    def __init__(
        self,
        ledger: Ledger,
        endpoint: Endpoint,
        folder: Path,
        outgoing: Outgoing,
        run_no: int,
        tally: Tally,
        say: Callable[[str], None],
    ) -> None:
        self._ledger, self._name, self._outgoing = ledger, endpoint.name, outgoing
        self._outbox, self._feedback = folder / "outbox", folder / "feedback"
        self._run_no, self._tally, self._say = run_no, tally, say

    def run(self) -> None:
        """Settle what has been answered, then write files with everything that is owed and not in doubt."""
        try:
            self._outbox.mkdir(parents=True, exist_ok=True)
            self._feedback.mkdir(exist_ok=True)
            with self._ledger.reading() as connection:
                ids = outbox.unsettled_ids(connection, self._name)
            self._clear(set(ids))
            waiting = sum(self._is_waiting(batch_id) for batch_id in ids)
            if waiting:
                self._say(f"{self._name}: {waiting} files wait for feedback")
            for batch in self._outgoing.batches():
                self._lay_down(batch)
        except OSError as error:
            raise EndpointUnavailable(f"{self._name}: {error.filename}: {error.strerror}") from error

    def _clear(self, unsettled: Collection[str]) -> None:
        """Remove what killed pushes left of files that are settled: nobody would take it away any more."""
        for file in self._outbox.iterdir():
            found = _OURS.match(file.name)
            if found and found[1] not in unsettled:
                file.unlink(missing_ok=True)

    def _is_waiting(self, batch_id: str) -> bool:
        with self._ledger.reading() as connection:
            found = outbox.find_batch(connection, batch_id)
            settled = outbox.settled_ids(connection, batch_id)
        if found is None:
            return False
        batch, is_current = found
        file = self._feedback / f"{batch_id}.jsonl"
        said = file.read_bytes() if file.is_file() else b""
        if not said:
            if batch.sent_at is not None:
                return True
            # A push was killed before it knew that the file lay there. Nobody has read what was never laid down.
            if is_current or self._file(batch_id, "ready").exists():
                self._lay_down(batch)
                return True
            with self._ledger.transaction() as connection:
                outbox.drop_batch(connection, batch_id)
            self._remove(batch_id)
            return False
        is_whole = said.endswith(b"\n")  # a last line still being written waits, and so does what has no line yet
        lines = said.split(b"\n")[:-1]
        answers = [_parsed(line, file, number) for number, line in enumerate(lines, 1) if line.strip()]
        versions = {item.record_id: item.version for item in batch.items}
        receipts = holdings.noted(read_receipts(answers, versions, str(file), settled), batch)
        with self._ledger.transaction() as connection:
            unprocessed = holdings.settle(connection, batch, receipts, self._run_no, is_whole=is_whole)
        for one in receipts:
            self._tally.add(one.status)
        if not is_whole:
            return True
        self._tally.add("unprocessed", unprocessed)
        self._remove(batch_id)
        return False

    def _lay_down(self, batch: Batch) -> None:
        """Write a file and its mark, each whole before it has its name."""
        _write_whole(self._file(batch.batch_id, "jsonl"), batch.body)
        _write_whole(self._file(batch.batch_id, "ready"), b"")
        with self._ledger.transaction() as connection:
            outbox.mark_sent(connection, batch.batch_id)

    def _remove(self, batch_id: str) -> None:
        """Take a settled file away: what it says may not stay public for ever."""
        for suffix in ("ready", "jsonl"):
            self._file(batch_id, suffix).unlink(missing_ok=True)

    def _file(self, batch_id: str, suffix: str) -> Path:
        return self._outbox / f"{batch_id}.{suffix}"


def _parsed(line: bytes, file: Path, number: int) -> object:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise EndpointRefused(f"{file}: line {number} is not JSON") from error


def _write_whole(file: Path, content: bytes) -> None:
    beside = file.with_name(f".{file.name}.tmp")
    with beside.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    beside.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name, too, must outlive a power cut
    finally:
        os.close(folder)
