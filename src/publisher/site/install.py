"""Putting files into the built site: whole or not at all, only when their bytes differ.

The ledger's list of files (``page``) always knows at least every file that is there: an address is noted before its
file is written and struck out after it is removed, so that a killed build leaves nothing that a later one overlooks.
"""

import hashlib
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import bindparam, delete, select, tuple_, update

from publisher import paths
from publisher.errors import SiteError
from publisher.ledger import Ledger
from publisher.ledger.owed import pages_done
from publisher.ledger.schema import page
from publisher.ledger.store import insert_into

Part = tuple[str, str]  # scope, key


_STRIKE = delete(page).where(page.c.path == bindparam("key_path"))
_NOTE = update(page).where(page.c.path == bindparam("key_path"))


class File(NamedTuple):
    """One file of the site: its address, and its bytes or the finished file beside the tree that holds them.

    A download also says how many rows it has and the day of the latest event that changed it.
    """

    address: str
    content: bytes | Path
    rows: int | None = None
    as_of: date | None = None

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.stat().st_size

    @property
    def digest(self) -> str:
        """The sha-256 of its bytes, in hex."""
        if isinstance(self.content, bytes):
            return hashlib.sha256(self.content).hexdigest()
        with self.content.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest()


def staging(output: Path) -> Path:
    """Return the folder beside the site where files are made. One run at a time: what a killed one left is reused."""
    return output.parent / f".{output.name}.staging"


class Installed(NamedTuple):
    """How many files changed."""

    written: int
    removed: int


class Tree:
    """The folder that is served. A file appears by rename, so that nobody ever reads half of one."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self._staging = staging(output)
        self._folders: set[Path] = set()

    def install(self, ledger: Ledger, parts: Mapping[Part, Iterable[File]]) -> Installed:
        """Make the files of these parts of the site exactly those given: remove what is no longer of them, then write.

        What was owed for them is struck out. Raises :class:`SiteError` when the folder cannot be written.
        """
        with ledger.transaction() as connection:
            query = select(page).where(tuple_(page.c.scope, page.c.key).in_(list(parts)))
            before = {row.path: row for row in connection.execute(query)}
            now = {one.address: (part, one) for part, files in parts.items() for one in files}
            digests = {address: file.digest for address, (_, file) in now.items()}
            gone = [address for address in before if address not in now]
            fresh = {address for address in now if address not in before or before[address].digest != digests[address]}
            noted = [
                {"path": address, "scope": scope, "key": key, "digest": "", "bytes": 0}
                for address, ((scope, key), _) in now.items()
                if address in fresh
            ]
            if noted:
                statement = insert_into(connection, page)
                changes = {name: statement.excluded[name] for name in ("scope", "key", "digest", "bytes")}
                connection.execute(statement.on_conflict_do_update(index_elements=["path"], set_=changes), noted)
        for address in gone:
            self._remove(address)
        sizes = {address: file.size for address, (_, file) in now.items()}
        for address, (_, file) in now.items():
            if address in fresh:
                self._write(address, file.content)
            elif isinstance(file.content, Path):
                file.content.unlink()
        with ledger.transaction() as connection:
            if gone:
                connection.execute(_STRIKE, [{"key_path": address} for address in gone])
            notes = []
            for address, (_, file) in now.items():
                told = before.get(address)
                if address in fresh or told is None or (told.rows, told.as_of) != (file.rows, file.as_of):
                    values = {"digest": digests[address], "bytes": sizes[address]}
                    notes.append(values | {"rows": file.rows, "as_of": file.as_of, "key_path": address})
            if notes:
                connection.execute(_NOTE, notes)
            pages_done(connection, parts)
        return Installed(len(fresh), len(gone))

    def close(self) -> None:
        """Remove the staging folder."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def _write(self, address: str, content: bytes | Path) -> None:
        target = self.output / paths.file_of(address)
        try:
            if target.parent not in self._folders:
                target.parent.mkdir(parents=True, exist_ok=True)
                self._staging.mkdir(parents=True, exist_ok=True)
                self._folders.add(target.parent)
            partial = content if isinstance(content, Path) else self._staging / "page"
            if isinstance(content, bytes):
                partial.write_bytes(content)
            partial.replace(target)
        except OSError as error:
            raise SiteError(f"{target} could not be written: {error.strerror}; the run can be repeated") from error

    def _remove(self, address: str) -> None:
        target = self.output / paths.file_of(address)
        try:
            target.unlink(missing_ok=True)
        except OSError as error:
            raise SiteError(f"{target} could not be removed: {error.strerror}; the run can be repeated") from error
        folder = target.parent
        with suppress(OSError):  # a folder that still holds something stays
            while folder != self.output:
                folder.rmdir()
                self._folders.discard(folder)
                folder = folder.parent
