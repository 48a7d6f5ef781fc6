"""The inspection platform: serves the records of a folder, page by page, as they are.

A collection is a list of sightings that only grows. A record that is new, or stands changed in its file, is
appended; one that has left its file becomes a gap. A token says how far a client has read, with a hash over
all that came before, so it means the same after a restart; one that belongs to another past reads from the
beginning, because a record sent twice does no harm and one never sent does.
"""

import logging
import re
from collections import defaultdict, deque
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from hashlib import blake2b
from http import HTTPStatus
from pathlib import Path
from threading import Lock

import orjson

from publisher.errors import SettingsError
from publisher.sandbox.answers import Answer, problem, read_limit
from publisher.sandbox.faults import Draw
from publisher.sandbox.files import Span, find_files, read_spans, spans_of
from publisher.sandbox.state import State

COLLECTIONS = {"plans": "plans", "item-lists": "item_lists", "results": "results", "cases": "cases"}
CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
_TOKEN = re.compile(r"(\d{1,12})-([0-9a-f]{16})")
_log = logging.getLogger(__name__)


class Platform:
    """A folder with ``plans/ item_lists/ results/ cases/``, served by the platform's interface.

    ``as_of`` is the instant the answers name (ISO 8601 with offset); None: the present one, in China's time.
    Raises SettingsError when the folder is not there. None serves four empty collections.
    """

    def __init__(self, folder: Path | None, state: State, as_of: str | None = None) -> None:
        if folder is not None and not folder.is_dir():
            raise SettingsError(f"the folder {folder} for the sandbox to serve is not there")
        self._as_of = as_of
        self._collections = {
            noun: _Collection(name, folder / name if folder else None, state) for noun, name in COLLECTIONS.items()
        }

    def page(self, noun: str, since: str | None, limit: str | None, if_none_match: str | None, draw: Draw) -> Answer:
        """The records sighted after ``since``. A page with records always names ``next``, and only an empty
        one says null: the token of the last records is the watermark for the next run."""
        count = read_limit(limit, default=500, most=5000)
        if isinstance(count, Answer):
            return count
        if since and not _TOKEN.fullmatch(since):
            return problem(HTTPStatus.BAD_REQUEST, "since is not a token this platform gave")
        if "partial" in draw:
            count = draw.random.randint(1, count)
        found = self._collections[noun].after(since, count)
        if found is None:
            return problem(
                HTTPStatus.SERVICE_UNAVAILABLE, "the folder is changing; ask again", headers={"Retry-After": "1"}
            )
        records, token = found
        if "duplicates" in draw and records:
            records.append(draw.random.choice(records))
        body = b'{"records":[%s],"next":%s' % (b",".join(records), orjson.dumps(token))
        # Weak, because two answers with one tag may differ in as_of (RFC 9110, 8.8.1).
        etag = f'W/"{blake2b(body, digest_size=12).hexdigest()}"'
        if if_none_match and ({"*", etag[2:]} & {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}):
            return Answer(HTTPStatus.NOT_MODIFIED, b"", headers={"ETag": etag})
        as_of = self._as_of or datetime.now(CHINA).isoformat(timespec="seconds")
        return Answer(HTTPStatus.OK, body + b',"as_of":%s}' % orjson.dumps(as_of), headers={"ETag": etag})

    def summary(self) -> dict[str, dict[str, int]]:
        """Records served and texts skipped (not JSON), by collection."""
        return {noun: collection.summary() for noun, collection in self._collections.items()}


@dataclass(slots=True)
class _Source:
    """One file: its signature when last read, the texts in it that are not JSON, and the positions of the
    records that stand in it now, by digest (a record may stand in a file twice)."""

    signature: tuple[int, ...] = ()
    skipped: int = 0
    live: dict[bytes, deque[int]] | None = None


class _Collection:
    def __init__(self, name: str, folder: Path | None, state: State) -> None:
        self._name = name
        self._folder = folder
        self._state = state
        self._lock = Lock()
        self._sources: dict[str, _Source] = defaultdict(_Source)
        self._places: list[tuple[str, Span] | None] = []
        self._tags: list[bytes] = []
        self._named: set[str] = set()
        self._recall()
        self._look()

    def after(self, since: str | None, count: int) -> tuple[list[bytes], str | None] | None:
        """Up to ``count`` records after a token, and the token after them (None when there are none).
        None when the files changed while they were read, three times over."""
        with self._lock:  # one look at a time; the list must not grow while it is read
            for _ in range(3):
                self._look()
                position = self._position(since)
                found: list[tuple[str, Span]] = []
                while position < len(self._places) and len(found) < count:
                    if place := self._places[position]:
                        found.append(place)
                    position += 1
                changed, records = read_spans(self._folder, found)
                if changed is None:
                    return records, f"{position}-{self._tags[position - 1].hex()}" if records else None
                self._sources[changed].signature = ()
        return None

    def summary(self) -> dict[str, int]:
        with self._lock:
            self._look()
            skipped = sum(source.skipped for source in self._sources.values())
            return {"records": sum(place is not None for place in self._places), "skipped": skipped}

    def _position(self, since: str | None) -> int:
        if not since or not (match := _TOKEN.fullmatch(since)):
            return 0
        position = int(match[1])
        if 0 < position <= len(self._tags) and self._tags[position - 1].hex() == match[2]:
            return position
        _log.warning("a token for %s is of another past: reading from the beginning", self._name)
        return 0

    def _recall(self) -> None:
        """Takes up the sightings of earlier runs; the first look finds their places in the files."""
        with self._state.transaction() as connection:
            rows = connection.execute(
                "SELECT path, digest, tag, gone FROM sighting WHERE collection = ? ORDER BY position",
                (self._name,),
            )
            for position, (path, digest, tag, gone) in enumerate(rows):
                self._places.append(None)
                self._tags.append(tag)
                if not gone:
                    source = self._sources[path]
                    source.live = source.live or defaultdict(deque)
                    source.live[digest].append(position)

    def _look(self) -> None:
        """Compares the folder with what was sighted, reading only files that changed since the last look."""
        files = find_files(self._folder) if self._folder else {}
        new: list[tuple[str, Span]] = []
        gone: list[int] = []
        for path, signature in files.items():
            if self._sources[path].signature != signature:
                self._reread(path, signature, new, gone)
        for path in self._sources.keys() - files.keys():
            for positions in (self._sources.pop(path).live or {}).values():
                gone.extend(positions)
        if new or gone:
            self._keep(new, gone)

    def _reread(self, path: str, signature: tuple[int, ...], new: list[tuple[str, Span]], gone: list[int]) -> None:
        assert self._folder is not None
        source = self._sources[path]
        spans, source.skipped = spans_of(self._folder / path)
        source.signature = signature
        if source.skipped and path not in self._named:
            self._named.add(path)
            _log.warning("%s/%s: %d texts are not JSON and are skipped", self._name, path, source.skipped)
        before = source.live or {}
        source.live = defaultdict(deque)
        for span in spans:
            if positions := before.get(span.digest):
                position = positions.popleft()
                self._places[position] = (path, span)
                source.live[span.digest].append(position)
            else:
                source.live[span.digest].append(len(self._places) + len(new))
                new.append((path, span))
        for positions in before.values():
            gone.extend(positions)

    def _keep(self, new: list[tuple[str, Span]], gone: list[int]) -> None:
        rows = []
        for path, span in new:
            before = self._tags[-1] if self._tags else self._name.encode()
            tag = blake2b(before + path.encode() + b"\0" + span.digest, digest_size=8).digest()
            rows.append((self._name, len(self._tags), path, span.digest, tag))
            self._tags.append(tag)
            self._places.append((path, span))
        for position in gone:
            self._places[position] = None
        with self._state.transaction() as connection:
            connection.executemany(
                "INSERT INTO sighting (collection, position, path, digest, tag) VALUES (?, ?, ?, ?, ?)", rows
            )
            connection.executemany(
                "UPDATE sighting SET gone = 1 WHERE collection = ? AND position = ?",
                [(self._name, position) for position in gone],
            )
