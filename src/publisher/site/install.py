"""Putting files into the built site: whole or not at all, only when their bytes differ.

The ledger's list of files (``page``) always knows at least every file that is there: an address is noted before its
file is written and struck out after it is removed, so that a killed build leaves nothing that a later one overlooks.
(In a first build some addresses follow from what else is noted: :mod:`publisher.site.laid`.)
The tree that is served meanwhile falls behind; in what, the ledger knows too (``lag``).
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection

from publisher import paths
from publisher.ledger import Ledger
from publisher.ledger.many import delete_many, insert_many, iso, select_many, update_many
from publisher.ledger.owed import pages_done
from publisher.ledger.schema import lag, owed_page, page
from publisher.site.folder import Folder

Part = tuple[str, str]  # scope, key

GOES_ON = "log"  # the scope that never goes back, whatever release is served
STAYS = ("static", "search")  # scopes whose removals alone withdraw nothing: the release before needs them
_ABOUT = ("digest", "bytes", "rows", "as_of")
_NOTED = "ON CONFLICT (path) DO UPDATE SET scope = excluded.scope, key = excluded.key, digest = '', bytes = 0"
_WHOLE = (
    "ON CONFLICT (path) DO UPDATE SET scope = excluded.scope, key = excluded.key, digest = excluded.digest, "
    "bytes = excluded.bytes, rows = excluded.rows, as_of = excluded.as_of"
)
_BEHIND = "ON CONFLICT (tree, path) DO UPDATE SET sweep = lag.sweep OR excluded.sweep"


class File(NamedTuple):
    """One file of the site: its address, and its bytes or the finished file beside the tree that holds them.

    A download also says how many rows it has and the day of the latest event that changed it. Whoever has digested the
    bytes already says so in ``known``, so that nobody reads them again. One that ``is_laid`` in its place
    (:meth:`Tree.lay`) says what is known alone.
    """

    address: str
    content: bytes | Path
    rows: int | None = None
    as_of: date | None = None
    known: tuple[str, int] | None = None  # sha-256 in hex, and how many bytes
    is_laid: bool = False

    @property
    def size(self) -> int:
        """How many bytes it has."""
        if self.known is not None:
            return self.known[1]
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    @property
    def digest(self) -> str:
        """The sha-256 of its bytes, in hex."""
        if self.known is not None:
            return self.known[0]
        if isinstance(self.content, bytes):
            return hashlib.sha256(self.content).hexdigest()
        with self.content.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()


Made = dict[Part, list[File]]  # the files of parts of the site


class Installed(NamedTuple):
    """How many files changed."""

    written: int
    removed: int


class _Known(NamedTuple):
    """A file as the ledger knows it."""

    path: str
    scope: str
    key: str
    digest: str
    rows: int | None
    as_of: str | None


class Tree:
    """The tree that is built, and that nobody reads meanwhile.

    ``behind``: the tree that is served meanwhile, and falls behind with every change; None when there is none.
    """

    def __init__(self, output: Path, behind: str | None = None, precompress: Sequence[str] = ()) -> None:
        self.output = output
        self._folder = Folder(output, precompress)
        self._behind = behind

    @property
    def is_first(self) -> bool:
        """Tell whether nothing is served yet that could fall behind."""
        return self._behind is None

    def lay(self, file: File) -> None:
        """Write a file into its place before it is installed, where :mod:`publisher.site.laid` finds what a kill left.

        Raises :class:`SiteError` when the folder cannot be written.
        """
        self._folder.put(paths.file_of(file.address), file.content, is_new=True)

    def install(self, ledger: Ledger, parts: Mapping[Part, Iterable[File]]) -> Installed:
        """Make the files of these parts of the site exactly those given: remove what is no longer of them, then write.

        What was owed for them is struck out. Raises :class:`SiteError` when the folder cannot be written.
        """
        with ledger.transaction() as connection:
            before = _known(connection, parts)
            now = {one.address: (part, one) for part, files in parts.items() for one in files}
            known = {address: (file.digest, file.size) for address, (_, file) in now.items()}
            gone = [address for address in before if address not in now]
            fresh = {one: None for one in now if one not in before or before[one].digest != known[one][0]}
            if self._behind is not None:
                self._fall_behind(connection, parts, before, now, fresh, gone)
            # one that is laid is found without a note, and one that was never known to be whole has its note
            unnoted = (one for one in fresh if (before[one].digest if one in before else not now[one][1].is_laid))
            note(connection, [(one, now[one][0]) for one in unnoted])
        for address in gone:
            self._remove(address)
        for address, (_, file) in now.items():
            if address in fresh:
                self._write(file, is_new=address not in before)
            elif isinstance(file.content, Path):
                file.content.unlink()
        with ledger.transaction() as connection:
            delete_many(connection, page, ("path",), [(address,) for address in gone])
            told, entered = [], []
            for address, (part, file) in now.items():
                about = (*known[address], file.rows, iso(file.as_of))
                if address not in before and file.is_laid:
                    entered.append((address, *part, *about))
                elif address in fresh or before[address][-2:] != about[-2:]:
                    told.append((*about, address))
            insert_many(connection, page, ("path", "scope", "key", *_ABOUT), sorted(entered), _WHOLE)
            update_many(connection, page, _ABOUT, "path", told)
            pages_done(connection, parts)
        return Installed(len(fresh), sum(1 for address in gone if before[address].digest))

    def close(self) -> None:
        """Remove the staging folder."""
        self._folder.clear_staging()

    def _fall_behind(
        self,
        connection: Connection,
        parts: Collection[Part],
        before: Mapping[str, _Known],
        now: Mapping[str, tuple[Part, File]],
        fresh: Collection[str],
        gone: Iterable[str],
    ) -> None:
        """Note in what the tree that is served will differ; what leaves the public view is to be swept from it."""
        swept = {part for part in parts if part[0] == GOES_ON} | {
            (scope, key)
            for scope, keys in _by_scope(parts).items()
            for (key,) in select_many(connection, owed_page, ("key",), "key", keys, scope=scope, sweep=True)
        }
        elsewhere = [address for address in fresh if address not in before]  # of another part until now, perhaps
        held = {path for (path,) in select_many(connection, page, ("path",), "path", elsewhere)} | before.keys()
        rows = [(self._behind, address, now[address][0] in swept, address in held) for address in fresh]
        for address in gone:
            part = before[address][1:3]
            rows.append((self._behind, address, part in swept or part[0] not in STAYS, True))
        insert_many(connection, lag, ("tree", "path", "sweep", "held"), rows, _BEHIND)

    def _write(self, file: File, *, is_new: bool) -> None:
        if not file.is_laid:
            self._folder.put(paths.file_of(file.address), file.content, is_new=is_new)

    def _remove(self, address: str) -> None:
        self._folder.remove(paths.file_of(address))


def note(connection: Connection, addresses: Iterable[tuple[str, Part]]) -> None:
    """Enter files of parts in the ledger's list, as not known to be whole."""
    rows = [(address, *part, "", 0) for address, part in addresses]
    insert_many(connection, page, ("path", "scope", "key", "digest", "bytes"), rows, _NOTED)


def _known(connection: Connection, parts: Collection[Part]) -> dict[str, _Known]:
    """Return the files of parts by address."""
    return {
        row[0]: _Known(*row)
        for scope, keys in _by_scope(parts).items()
        for row in select_many(connection, page, _Known._fields, "key", keys, scope=scope)
    }


def _by_scope(parts: Collection[Part]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for scope, key in parts:
        found[scope].append(key)
    return found
