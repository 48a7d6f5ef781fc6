"""Walking the built site once: files nobody knows of, files that are gone, and what any of them should not hold."""

import hashlib
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count, islice
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from publisher import paths
from publisher.audit.difference import Difference
from publisher.audit.forbidden import Forbidden
from publisher.audit.reading import UNREADABLE, is_split, is_text, piece_texts, pieces, raw_texts, texts, unpacked
from publisher.audit.sieve import Sieve
from publisher.errors import SiteError
from publisher.ledger.many import select_many
from publisher.ledger.schema import page

CHUNK = 200
PIECE = 1 << 19  # bytes of a file read at once: decoded they are several times as many
HEAD = 16  # bytes that tell what a file is
DELTAS = "/data/delta/"
_STOP = re.compile(rb'\{"op": ?"STOP",')
HAND_WRITTEN = ("content", "static")  # scopes of the pages an office writes, and of the theme


class Found(NamedTuple):
    """Something in the site's folder: its path below it, why it cannot be a file of the site, and if it has content."""

    file: str
    oddity: str | None
    has_content: bool

    @property
    def address(self) -> str:
        """The address that it would answer for, as text."""
        return paths.address_of(self.file.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def walk(
    connection: Connection,
    output: Path,
    sieve: Sieve,
    step: Callable[[int], None],
    has_read: Callable[[str], bool],
    share: int = 0,
    shares: int = 1,
) -> Iterator[Difference]:
    """Yield the strays and leaks of every file of the tree, or of one of equal ``shares`` of them.

    ``step`` is told how many more files were read; ``has_read`` tells by its address of one that was read before.
    """
    files = _files(output, "")
    for number in count():
        chunk = list(islice(files, CHUNK))
        if not chunk:
            return
        if number % shares != share:
            continue
        unread = [one for one in chunk if one.oddity or not has_read(one.address)]
        known = known_pages(connection, [one.address for one in unread])
        for one in unread:
            yield from check_file(output, one, known.get(one.address), sieve)
        step(len(chunk))


def _files(output: Path, folder: str) -> Iterator[Found]:
    try:
        with os.scandir(output / folder) as entries:
            # names and kinds: a folder may hold ten thousand entries, and each of them takes ten times as much
            inside = sorted((entry.name, _kind(entry)) for entry in entries)
    except OSError as error:
        raise SiteError(f"{output / folder} cannot be read: {error.strerror}") from error
    for name, kind in inside:
        file = f"{folder}{name}"
        if kind == "folder":
            below = _files(output, f"{file}/")
            first = next(below, None)
            yield from chain([first], below) if first else [Found(file, "an empty folder", has_content=False)]
        elif kind == "file":
            yield Found(file, _oddity(file), has_content=True)
        else:
            yield Found(file, "a link" if kind == "link" else "neither a file nor a folder", has_content=False)


def _kind(entry: os.DirEntry[str]) -> str:
    """Return what an entry of a folder is, itself and not what it may lead to."""
    if entry.is_dir(follow_symlinks=False):
        return "folder"
    if entry.is_file(follow_symlinks=False):
        return "file"
    return "link" if entry.is_symlink() else "other"


def _oddity(file: str) -> str | None:
    if any(part.startswith(".") for part in file.split("/")):
        return "a hidden file"
    return None if file.isprintable() else "a file whose name is no text"


class Known(NamedTuple):
    """A file as the ledger knows it."""

    path: str
    digest: str
    scope: str


def known_pages(connection: Connection, addresses: Sequence[str]) -> dict[str, Known]:
    """Return what the ledger knows of the files of these addresses, or of those they are compressed siblings of."""
    own = {address: paths.address_of(address[1:].removesuffix(".gz").removesuffix(".br")) for address in addresses}
    wanted = {*own, *own.values()}
    found = {row[0]: Known(*row) for row in select_many(connection, page, Known._fields, "path", wanted)}
    return {
        address: found[address] if address in found else found[base]
        for address, base in own.items()
        if address in found or base in found
    }


def check_file(
    output: Path,
    found: Found,
    known: Known | None,
    sieve: Sieve,
    look: Callable[[bytes], None] | None = None,
    large: float = math.inf,
    content: bytes | None = None,
) -> Iterator[Difference]:
    """Yield what is wrong with one file: its address, its bytes, what stands in it.

    ``look`` sees its texts; those of a file ``large`` bytes long or longer are read as they stand. ``content`` is what
    is in it, where that was read already.
    """
    where = address = found.address
    if sieve.may_hold(address.encode()):
        where = sieve.masked(address)
        for what, rule in {one.what: one.rule for one in sieve.leaks([[address]])}.items():
            yield Difference("leak", where, f"{what}, in the address", rule)
    if found.oddity or known is None:
        yield Difference("stray", where, found.oddity or "a file the ledger does not know")
    if not found.has_content:
        return
    source = output / found.file if content is None else content
    file = _File(source, found.file, address, known, sieve, look, large)
    seen: set[str] = set()
    try:
        for one in file.leaks():
            if one.what not in seen:
                seen.add(one.what)
                yield Difference("leak", where, one.what, one.rule)
        if known and not found.oddity and file.digest != known.digest:
            yield Difference("differs", where, "the file is not the one that was built")
    except UNREADABLE as error:
        why = str(error) if isinstance(error, SiteError) else type(error).__name__
        yield Difference("differs", where, f"the file cannot be opened: {why}")


class _File:
    """A file that is read, once, for what it holds and for the digest of it (unpacked, of a compressed sibling)."""

    def __init__(
        self,
        source: Path | bytes,
        name: str,
        address: str,
        known: Known | None,
        sieve: Sieve,
        look: Callable[[bytes], None] | None,
        large: float,
    ) -> None:
        self._source, self._name, self._address = source, name, address
        self._sieve, self._look, self._large = sieve, look, large
        self._is_sibling = known is not None and known.path != address
        self._is_hand_written = known is not None and known.scope in HAND_WRITTEN
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        """The SHA-256 of what was read, in hex; known when all was."""
        return self._hash.hexdigest()

    def leaks(self) -> Iterator[Forbidden]:
        """Yield what may not stand there and does. Raises one of :data:`UNREADABLE`."""
        source = self._source
        read = pieces(source, PIECE) if isinstance(source, Path) else iter([(source, source)])
        first = next(read, (b"", b""))
        if self._is_sibling or not is_text(self._name, first[0][:HEAD]):
            yield from self._unpacked_leaks()
            return
        for piece, fresh in chain([first], read):
            self._hash.update(fresh)
            if is_split(self._name, piece) or self._sieve.may_hold(piece):
                yield from self._leaks(piece, [piece_texts(self._name, piece)], as_they_stand=False)
            elif self._look is not None:
                self._look(piece)

    def _unpacked_leaks(self) -> Iterator[Forbidden]:
        content = self._source.read_bytes() if isinstance(self._source, Path) else self._source
        whole = unpacked(self._name, content) if self._is_sibling else content
        self._hash.update(whole)
        is_large = len(content) >= self._large
        yield from self._leaks(whole, (raw_texts if is_large else texts)(self._name, content), as_they_stand=is_large)

    def _leaks(self, whole: bytes, groups: Iterable[Iterable[str]], *, as_they_stand: bool) -> Iterator[Forbidden]:
        for one in self._sieve.leaks(
            groups, hand_written=self._is_hand_written, look=self._look, as_they_stand=as_they_stand
        ):
            if not _is_told_to_stop(self._address, whole, one):
                yield one


def _is_told_to_stop(address: str, content: bytes, one: Forbidden) -> bool:
    """Tell whether this is the ``ref`` of a record that stopped, in the changes, where STOP names it and no more.

    Of a large file a piece is looked at, which never begins or ends within a line as short as that of a STOP.
    """
    if not (one.is_ref and address.startswith(DELTAS)):
        return False
    lines = [line for line in content.splitlines() if one.text.encode() in line]
    return bool(lines) and all(_STOP.match(line) for line in lines)


def gone(connection: Connection, output: Path) -> Iterator[Difference]:
    """Yield the files that the ledger knows and that are not in the tree."""
    last = ""
    query = select(page.c.path).order_by(page.c.path).limit(CHUNK)
    while addresses := connection.execute(query.where(page.c.path > last)).scalars().all():
        for address in addresses:
            try:
                is_there = (output / paths.file_of(address)).is_file()
            except SiteError:
                yield Difference("stray", address, "the ledger knows a file by what is no address of this site")
                continue
            if not is_there:
                yield Difference("stray", address, "the ledger knows a file that is not there")
        last = addresses[-1]
