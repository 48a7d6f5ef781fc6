"""The publication log as files of the site: tiles and bundles of entries, and the signed checkpoint last of all."""

from collections.abc import Iterable, Iterator
from datetime import date
from functools import cached_property
from itertools import islice
from urllib.parse import urlsplit

from sqlalchemy import Connection, select

from publisher import paths
from publisher.ledger import Ledger
from publisher.ledger.schema import owed_page, page
from publisher.ledger.shown import Shown
from publisher.ledger.store import get_meta, set_meta
from publisher.log import keeping, load_key, seal
from publisher.log.bundle import Checkpoint, part_of
from publisher.log.certificates import note_before
from publisher.log.leaf import fields_of
from publisher.log.merkle import WIDTH, tiles_of
from publisher.log.note import Signer
from publisher.log.recovery import recover
from publisher.progress import OnProgress
from publisher.site.install import File, Installed, Part, Tree
from publisher.site.job import Job

CHUNK = 100  # files installed together


class PublicationLog:
    """The log of one build: what changed is added before pages are made, and installed after them."""

    def __init__(self, job: Job, ledger: Ledger) -> None:
        self._job, self._ledger = job, ledger

    @cached_property
    def _signer(self) -> Signer:
        return load_key(self._job.log_key, self._job.base_url)

    def append(self, on_progress: OnProgress) -> bool:
        """Add what changed for the public to the log, so that pages can name their entries; tell whether all pages must
        be made again, because a restored ledger no longer knew their entries. ``on_progress`` is told how many of the
        records that changed were looked at.

        Raises :class:`SiteError` when the log that is published is not that of the ledger, :class:`SettingsError` for
        salts that are for trials alone (a demonstration, or an address with the label ``example``).
        """
        if self._job.served is not None:
            recover(self._ledger, self._job.served, self._signer.verifier, date.fromisoformat(self._job.day))
        draw = keeping.chance(is_trial=self._job.demo or "example" in urlsplit(self._job.base_url).netloc.split("."))
        again = keeping.append(self._ledger, draw, on_progress).again > 0
        with self._ledger.transaction() as connection:
            note_before(connection)
        return again

    def install(self, tree: Tree) -> Iterator[Installed]:
        """Install what the log grew by, and at last a checkpoint over it."""
        with self._ledger.reading() as connection:
            stale = select(page.c.path).where(page.c.scope == "log", page.c.digest == "").limit(1)
            owed = select(owed_page.c.key).where(owed_page.c.scope == "log").limit(1)
            size, signed = keeping.size(connection), int(get_meta(connection, "log_signed") or 0)
            if connection.execute(stale).scalar() is not None:
                signed = 0  # the folder was lost
            elif connection.execute(owed).scalar() is None:
                return
            checkpoint = Checkpoint(self._signer.verifier.name, size, keeping.tree(connection).root())
        files = iter(self._files(size, signed))
        while some := dict(islice(files, CHUNK)):
            yield tree.install(self._ledger, some)
        last = [
            File(paths.LOG_VKEY, f"{self._signer.verifier.vkey}\n".encode()),
            File(paths.LOG_CHECKPOINT, checkpoint.note(self._signer)),
        ]
        yield tree.install(self._ledger, {keeping.OWED: last})
        with self._ledger.transaction() as connection:
            set_meta(connection, "log_signed", str(size))

    def _files(self, size: int, signed: int) -> Iterator[tuple[Part, list[File]]]:
        """Yield the tiles that are not installed as they are now, and which partial ones a full one replaces.

        A partial tile stays until it is full: somebody may hold a checkpoint that needs it.
        """
        with self._ledger.reading() as connection:
            partial = select(page.c.key).where(page.c.scope == "log", page.c.key.contains(".p/"))
            older = set(connection.execute(partial).scalars())
            for level, number, width in tiles_of(size, signed):
                for name in (str(level), "entries") if level == 0 else (str(level),):
                    body = keeping.tile(connection, name, number)
                    address = paths.log_tile(name, number, width)
                    yield _part(address), [File(address, part_of(name, body, width))]
                    begun = paths.log_tile(name, number, 1).removesuffix("1").removeprefix(paths.LOG)
                    for key in sorted(key for key in older if key.startswith(begun) and _part(address)[1] != key):
                        again = int(key.rpartition("/")[2])
                        kept = [File(paths.LOG + key, part_of(name, body, again))] if width < WIDTH else []
                        yield ("log", key), kept


def _part(address: str) -> Part:
    return "log", address.removeprefix(paths.LOG)


def proof(records: Iterable[tuple[Shown, keeping.Opening | None]]) -> bytes:
    """Return what opens the entries of the records on a page, as the page carries it; nothing of those without one."""
    return seal.proof(
        [
            seal.Proved(*opening, fields_of(one.body, one.beside, one.row))
            for one, opening in records
            if opening is not None
        ]
    )


def proof_of(connection: Connection, one: Shown) -> bytes:
    """Return what opens the entry of the record that has a page to itself."""
    return proof([(one, keeping.opening_of(connection, one.row.record_no))])
