"""The log that is published beside the ledger's: taken over where it is longer, as after a restore, and never denied.

What was published since the backup is read from the site itself, under our own signature. Entries that the restored
ledger cannot put a record to are ended; the record, if it still is to be shown, gets an entry of its own again.
"""

from collections.abc import Iterable
from datetime import date
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection, select

from publisher import paths
from publisher.errors import SiteError
from publisher.ledger import Ledger
from publisher.ledger.many import update_many
from publisher.ledger.schema import log_live
from publisher.ledger.store import set_meta
from publisher.log import keeping
from publisher.log.bundle import read_checkpoint, read_unsigned
from publisher.log.leaf import BadLeaf, Leaf, parse
from publisher.log.note import BadNote, Verifier
from publisher.log.reading import Folder, Missing
from publisher.log.verify import PublishedLog

RULE = "ledger.restored"  # why an entry ended that no record is known of

_WHAT_TO_DO = (
    "restore the ledger that made this site, or name the site of this ledger in [paths] output; to begin anew, move the"
    " site's folder away"
)


def recover(ledger: Ledger, site: Path, verifier: Verifier, day: date) -> int:
    """Take the entries that the ledger lacks from the log published in the folder ``site``; return how many.

    All of them or none. While the ledger's log is empty, one that our key did not sign is another log and none of its
    business. Raises :class:`SiteError` for a published log that contradicts the ledger's, that is longer and not signed
    by our key, or whose entries are not what its checkpoint vouches for.
    """
    if not site.is_dir():
        return 0
    published = Folder(site)
    try:
        note = published.read(paths.LOG_CHECKPOINT)
    except Missing:
        return 0
    with ledger.transaction() as connection:
        own = keeping.tree(connection)
        try:
            checkpoint = read_checkpoint(note, verifier)
        except BadNote as error:
            if own.size and not _is_ours(connection, note):
                what = f"is not the ledger's, and our key did not sign it ({error})"
                raise SiteError(f"the log published in {site} {what}: {_WHAT_TO_DO}") from error
            return 0
        if checkpoint.size <= own.size:
            if own.grown_from(checkpoint.size)[0] != checkpoint.root:
                raise SiteError(
                    f"the log published in {site} is not the ledger's, though our key signed it: {_WHAT_TO_DO}"
                )
            return 0
        lost = _Lost(connection)
        entries = PublishedLog(published, checkpoint).entries_from(own.size)
        try:
            while block := list(islice(entries, keeping.BLOCK)):
                lost.follow(keeping.size(connection), block)
                keeping.extend(connection, block)
        except (SiteError, BadLeaf) as error:
            raise SiteError(f"the log published in {site} cannot be read to its end: {error}") from error
        if keeping.tree(connection).root() != checkpoint.root:
            raise SiteError(f"the log published in {site} is longer than the ledger's, and another one: {_WHAT_TO_DO}")
        ended = lost.settle(connection)
        keeping.extend(connection, [Leaf("STOP", leaf=one, rule=RULE, on=day).entry() for one in ended])
        set_meta(connection, "log_run", "0")  # all that is shown is looked at again
    return checkpoint.size - own.size


def _is_ours(connection: Connection, note: bytes) -> bool:
    """Tell whether a checkpoint, whoever signed it, is one of the ledger's log: the key may have changed."""
    told = read_unsigned(note)
    own = keeping.tree(connection)
    return told is not None and told[0] <= own.size and own.grown_from(told[0])[0] == told[1]


class _Lost:
    """What the lost entries mean for those that were in force when the backup was made."""

    def __init__(self, connection: Connection) -> None:
        rows = connection.execute(select(log_live.c.leaf_no, log_live.c.record_no))
        self._records: dict[int, int] = {row.leaf_no: row.record_no for row in rows}
        self._moved: dict[int, int] = {}  # record → its latest entry
        self._ended: set[int] = set()  # records
        self._unknown: set[int] = set()  # entries in force of which no record is known

    def follow(self, first: int, entries: Iterable[bytes]) -> None:
        """Take in entries, the first of which has the number ``first``."""
        for number, entry in enumerate(entries, start=first):
            leaf = parse(entry)
            before = leaf.leaf
            record_no = None if before is None else self._records.pop(before, None)
            if before is not None:
                self._unknown.discard(before)
            if record_no is None:
                if leaf.op != "STOP":
                    self._unknown.add(number)
            elif leaf.op == "STOP":
                self._moved.pop(record_no, None)
                self._ended.add(record_no)
            else:
                self._records[number] = record_no
                self._moved[record_no] = number

    def settle(self, connection: Connection) -> list[int]:
        """Write down what is in force now, less what opens it; return the entries that are to be ended, in order.

        What opens the latest entry of a record stands on its page alone: such a record needs another entry.
        """
        keeping.forget(connection, keeping.live(connection, self._ended))
        keeping.lose_seeds(connection, self._moved)
        moved = [(leaf_no, record_no) for record_no, leaf_no in self._moved.items()]
        update_many(connection, log_live, ["leaf_no"], "record_no", moved)
        return sorted(self._unknown)
