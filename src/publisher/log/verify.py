"""Checking a published log and the pages that rest on it, as anybody can: without the ledger, from outside.

What is checked: who signed the checkpoint; that the log still holds all that the last checkpoint seen vouched for;
that entries, tiles and checkpoint agree; that every page of a record is the one that was signed, and every record on it
an entry that stands; that no record went without a STOP.
"""

import base64
import html
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from publisher import paths
from publisher.errors import SiteError
from publisher.log.bundle import Checkpoint, entries_of, part_of, read_checkpoint
from publisher.log.leaf import BadLeaf, commit, parse
from publisher.log.merkle import HASH, WIDTH, Tree, leaf_hash, pairs_up, tiles_of, width_of
from publisher.log.note import BadNote, Verifier, parse_vkey
from publisher.log.reading import Missing, Published, cached
from publisher.log.seal import BadPage, Proved, opened

Kind = Literal["key", "checkpoint", "rewritten", "forked", "log", "altered", "unlogged", "removed"]
OnProgress = Callable[[str, int, int | None], None]

_RECORD_PAGE = re.compile(r"/subjects/[^/]+/(?!page-\d+\.html$)[^/]+\.html|/plans/\d{4}/[^/]+/|/items/[^/]+/")
_TAG = re.compile(r"<[^>]*>")
_SPACE = re.compile(r"\s+")
_RESULT = re.compile(r'<article class="result" id="([^"]*)"')
_MOST_TOLD = 1000  # faults after which a check ends: no more need be said


class Fault(NamedTuple):
    """Something that does not hold: what kind, where, and in what way.

    ``key``: another key than before. ``checkpoint``: not signed, or no checkpoint. ``rewritten``: shorter than the log
    was. ``forked``: another log than the one that was. ``log``: entries, tiles and checkpoint differ. ``altered``: a
    page is not the one that was signed. ``unlogged``: a page shows what no standing entry vouches for. ``removed``: a
    record is gone without a STOP.
    """

    kind: Kind
    where: str
    what: str


class Seen(NamedTuple):
    """What is remembered of a log between two checks."""

    vkey: str
    size: int
    root: bytes


class Found(NamedTuple):
    """What a check came to. ``seen`` is to be remembered; None where the log itself cannot be trusted."""

    origin: str | None
    size: int
    pages: int
    records: int
    faults: tuple[Fault, ...]
    seen: Seen | None


def verify(
    site: Published,
    vkey: str,
    seen: Seen | None,
    page: str | None = None,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Found:
    """Check a whole site, or its log and one page; return what was found.

    ``vkey`` is the key that must have signed, ``seen`` what the last check remembered. A single page is proved to be in
    the log by its branch of the tree (RFC 6962, 2.1.1); whether its entry was ended since only a whole check tells.
    """
    if seen is not None and seen.vkey != vkey:
        what = f"the key is {vkey}, but it was {seen.vkey} at the last check"
        return Found(None, 0, 0, 0, (Fault("key", paths.LOG, what),), None)
    try:
        verifier = parse_vkey(vkey)
        checkpoint = read_checkpoint(site.read(paths.LOG_CHECKPOINT), verifier)
    except (BadNote, Missing) as error:
        return Found(None, 0, 0, 0, (Fault("checkpoint", paths.LOG_CHECKPOINT, str(error)),), None)
    log = PublishedLog(site, checkpoint)
    try:
        faults = list(_growth(log, checkpoint, seen))
    except SiteError as error:
        faults = [Fault("log", paths.LOG, str(error))]
    if faults:  # whatever pages rest on cannot be trusted
        return Found(checkpoint.origin, checkpoint.size, 0, 0, tuple(faults), None)
    good = Seen(vkey, checkpoint.size, checkpoint.root)
    if page is not None:
        one = _Pages(site, verifier, log)
        faults += one.check(page)
        return Found(checkpoint.origin, checkpoint.size, one.pages, one.records, tuple(faults), good)
    standing = _Standing(log, on_progress)
    faults += standing.faults()
    if faults:
        return Found(checkpoint.origin, checkpoint.size, 0, 0, tuple(faults), None)
    pages = _Pages(site, verifier, standing)
    for address in site.pages():
        faults += pages.check(address)
        if len(faults) >= _MOST_TOLD:
            break
        if pages.pages % 1000 == 0:
            on_progress("verify", pages.pages, None)
    else:
        faults += standing.not_shown()
    return Found(checkpoint.origin, checkpoint.size, pages.pages, pages.records, tuple(faults), good)


def _growth(log: "PublishedLog", checkpoint: Checkpoint, seen: Seen | None) -> Iterator[Fault]:
    """Yield how the log contradicts its own checkpoint, or the last one seen."""
    if seen is not None and seen.size > checkpoint.size:
        what = f"it had {seen.size} entries at the last check and has {checkpoint.size} now"
        yield Fault("rewritten", paths.LOG_CHECKPOINT, what)
        return
    before, now = log.tree.grown_from(seen.size if seen else checkpoint.size)
    if seen is not None and seen.size == checkpoint.size and seen.root != checkpoint.root:
        yield Fault("forked", paths.LOG_CHECKPOINT, f"its {seen.size} entries are not those of the last check")
    elif now != checkpoint.root:
        yield Fault("log", paths.LOG, "the tiles do not add up to the root of the checkpoint")
    elif seen is not None and before != seen.root:
        yield Fault("forked", paths.LOG_CHECKPOINT, f"its first {seen.size} entries are not those of the last check")


class PublishedLog:
    """A published log as its tiles say."""

    def __init__(self, site: Published, checkpoint: Checkpoint) -> None:
        self.checkpoint, self.size = checkpoint, checkpoint.size
        self._read = cached(site.read)
        self.tree = Tree(self.size, self.hashes)

    def hashes(self, level: int, number: int, width: int) -> bytes:
        """Return the hashes of a tile."""
        body = self._tile(str(level), number, width)
        if len(body) != width * HASH:
            raise SiteError(f"{paths.log_tile(str(level), number, width)} has {len(body)} bytes")
        return body

    def entries(self, number: int) -> list[bytes]:
        """Return the entries of a bundle."""
        width = width_of(0, number, self.size)
        address = paths.log_tile("entries", number, width)
        try:
            found = list(entries_of(self._tile("entries", number, width)))
        except ValueError as error:
            raise SiteError(f"{address}: {error}") from error
        if len(found) != width:
            raise SiteError(f"{address} has {len(found)} entries")
        return found

    def entries_from(self, first: int) -> Iterator[bytes]:
        """Yield the entries from one on."""
        for number in range(first // WIDTH, -(-self.size // WIDTH)):
            yield from self.entries(number)[max(0, first - number * WIDTH) :]

    def vouches(self, one: Proved) -> str | None:
        """Return why the log does not vouch for a record, or None if it does."""
        if not 0 <= one.leaf_no < self.size:
            return f"entry {one.leaf_no} is not in the log yet"
        try:
            entry = self.entries(one.leaf_no // WIDTH)[one.leaf_no % WIDTH]
            if self.tree.root_with(one.leaf_no, leaf_hash(entry)) != self.checkpoint.root:
                return f"entry {one.leaf_no} is not in the log"
            is_it = parse(entry).commit == commit(one.fields, one.seed)
        except (BadLeaf, SiteError) as error:
            return f"entry {one.leaf_no}: {error}"
        return None if is_it else f"entry {one.leaf_no} is of something else"

    def _tile(self, name: str, number: int, width: int) -> bytes:
        try:
            try:
                return self._read(paths.log_tile(name, number, width))
            except Missing:  # it was filled meanwhile
                return part_of(name, self._read(paths.log_tile(name, number, WIDTH)), width)
        except Missing:
            raise SiteError(f"{paths.log_tile(name, number, width)} is not there") from None


class _Standing:
    """All entries of a log, read once: which of them stand, and what they commit to."""

    def __init__(self, log: PublishedLog, on_progress: OnProgress) -> None:
        self._log, self._on_progress = log, on_progress
        self._standing = bytearray(log.size)  # 1: it stands; 2: and a page shows it
        self._commitments = bytearray(log.size * HASH)

    def faults(self) -> Iterator[Fault]:
        """Read every entry; yield where entries, tiles and checkpoint do not agree."""
        try:
            yield from self._read_all()
        except SiteError as error:
            yield Fault("log", paths.LOG, str(error))

    def _read_all(self) -> Iterator[Fault]:
        log, size = self._log, self._log.size
        above: dict[int, bytearray] = {}
        for level, number, width in tiles_of(size):
            where = paths.log_tile(str(level), number, width)
            hashes = log.hashes(level, number, width)
            if level == 0:
                entries = log.entries(number)
                own = b"".join([leaf_hash(entry) for entry in entries])
                yield from self._entries(number * WIDTH, entries)
                self._on_progress("log", number * WIDTH + width, size)
            else:
                own = bytes(above[level - 1][number * WIDTH * HASH : (number * WIDTH + width) * HASH])
            if own != hashes:
                yield Fault("log", where, "the tile is not made of what it stands for")
            if width == WIDTH:
                above.setdefault(level, bytearray()).extend(pairs_up(hashes))
        if log.tree.root() != log.checkpoint.root:
            yield Fault("log", paths.LOG_CHECKPOINT, "the tiles do not add up to its root")

    def _entries(self, first: int, entries: list[bytes]) -> Iterator[Fault]:
        standing = self._standing
        for index, entry in enumerate(entries, start=first):
            try:
                leaf = parse(entry)
            except BadLeaf as error:
                yield Fault("log", f"entry {index}", str(error))
                continue
            if leaf.leaf is not None:
                if not 0 <= leaf.leaf < index or not standing[leaf.leaf]:
                    yield Fault("log", f"entry {index}", f"it ends entry {leaf.leaf}, which does not stand")
                    continue
                standing[leaf.leaf] = 0
            if leaf.commit is not None:
                standing[index] = 1
                self._commitments[index * HASH : (index + 1) * HASH] = leaf.commit

    def vouches(self, one: Proved) -> str | None:
        """Return why the log does not vouch for a record now, or None if it does."""
        index = one.leaf_no
        if not 0 <= index < len(self._standing):
            return f"entry {index} is not in the log yet"
        if self._commitments[index * HASH : (index + 1) * HASH] != commit(one.fields, one.seed):
            return f"entry {index} is of something else"
        if self._standing[index] == 2:
            return f"entry {index} is shown twice"
        if not self._standing[index]:
            return f"entry {index} was replaced or stopped"
        self._standing[index] = 2
        return None

    def not_shown(self) -> Iterator[Fault]:
        """Yield the entries that stand and that no page shows."""
        place = self._standing.find(1)
        for _ in range(_MOST_TOLD):
            if place < 0:
                return
            yield Fault("removed", f"entry {place}", "its record is shown no longer, and no STOP says why")
            place = self._standing.find(1, place + 1)


class _Pages:
    """The pages of records, checked one by one."""

    def __init__(self, site: Published, verifier: Verifier, log: PublishedLog | _Standing) -> None:
        self._site, self._verifier, self._log = site, verifier, log
        self.pages = self.records = 0

    def check(self, address: str) -> Iterator[Fault]:
        """Yield what is wrong with a page, if it is that of a record."""
        if not _RECORD_PAGE.fullmatch(address):
            return
        self.pages += 1
        try:
            content = self._site.read(address)
            records = opened(self._verifier, address, content)
        except (BadPage, Missing) as error:
            yield Fault("altered", address, str(error))
            return
        words = content.decode(errors="replace")
        told = [one.fields.get("result_id") for one in records if one.fields.get("kind") == "result"]
        if not records or sorted(html.unescape(one) for one in _RESULT.findall(words)) != sorted(map(str, told)):
            yield Fault("unlogged", address, "it shows other records than those it opens")
        text = _SPACE.sub("", html.unescape(_TAG.sub("", words[: words.rfind("</html>")])))
        for one in records:
            self.records += 1
            why = self._log.vouches(one)
            if why is not None:
                yield Fault("unlogged", address, why)
            for name, said in _said(one.fields):
                if _SPACE.sub("", said) not in text:
                    yield Fault("unlogged", address, f"entry {one.leaf_no}: it does not show its {name}")


def _said(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the words of a record that its page must show as they are."""
    subject = fields.get("subject") or {}
    for name in ("name", "uscc"):
        if subject.get(name):
            yield f"subject.{name}", subject[name]
    names = ["title", "authority", "edition"] if fields.get("kind") != "result" else ["authority", "ended_on"]
    for name in (*names, "measure", "disposition", "penalty_no", "remark", "published_on"):
        if fields.get(name):
            yield name, fields[name]
    for finding in fields.get("findings") or ():
        for name in ("item_name", "note"):
            if finding.get(name):
                yield name, finding[name]
    reply = (fields.get("beside") or {}).get("reply")
    if isinstance(reply, str):
        yield "reply", reply


def remembered(words: Mapping[str, Any]) -> Seen:
    """Return what was remembered of a log, from JSON; raise :class:`ValueError` for anything else."""
    try:
        return Seen(str(words["vkey"]), int(words["size"]), base64.b64decode(words["root"], validate=True))
    except (KeyError, TypeError) as error:
        raise ValueError("it is no memory of a log") from error


def to_remember(seen: Seen) -> dict[str, Any]:
    """Return what is remembered of a log, for JSON."""
    return {"vkey": seen.vkey, "size": seen.size, "root": base64.b64encode(seen.root).decode()}
