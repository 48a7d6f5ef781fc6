"""The folder source: which files are there, which changed, and that nothing outside is read."""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from publisher.errors import SourceUnavailable
from publisher.model import Problem
from publisher.source.events import Event, FileGone, FileSeen, FolderSource, Reading, Unchecked
from publisher.source.jsonfiles import read_document, read_lines
from publisher.source.records import Checker
from publisher.source.tables import read_counts, read_table

FOLDERS = ("plans", "item_lists", "results", "cases")
COUNTS = "counts.csv"
DEEPEST = 32  # levels of folders
_TABLES = {".csv", ".xlsx"}
_SUFFIXES = {".json", ".jsonl", *_TABLES}


def pull_folder(source: FolderSource, checker: Checker, seen: Mapping[str, str]) -> Iterator[Event | Unchecked]:
    """Yield the records of new and changed files, in the order of their paths; raise ``SourceUnavailable``."""
    root = source.path
    if not root.is_dir() or not os.access(root, os.R_OK | os.X_OK):
        raise SourceUnavailable(f"The source folder {root} is not there or cannot be read; check [source] path.")
    root = root.resolve()
    if not any((root / name).exists() for name in FOLDERS):
        yield _problem("empty_source", f"None of {', '.join(FOLDERS)} is in the source folder.", str(source.path))
    found: set[str] = set()
    whole = True  # whether every folder could be listed; otherwise nothing can be said to be gone
    for folder in (*FOLDERS, COUNTS):
        for entry in _listed(root, root / folder):
            if isinstance(entry, Problem):
                whole = whole and entry.code != "unreadable"
                yield entry
                continue
            file = entry.relative_to(root).as_posix()
            found.add(file)
            yield from _read_if_changed(root, entry, folder, checker, seen.get(file))
    if whole:
        for file in sorted(seen.keys() - found):
            if file == COUNTS or file.startswith(tuple(f"{name}/" for name in FOLDERS)):
                yield FileGone(file)


def unread(source: FolderSource, seen: Mapping[str, str]) -> int:
    """Return how many bytes the files have, about, that a pull would read: new ones, and those of another size."""
    found = 0
    for name in FOLDERS:
        for folder, _, files in os.walk(source.path / name):
            for path in (Path(folder, file) for file in files if not file.startswith(".")):
                with suppress(OSError):  # the pull itself will tell
                    if path.suffix.lower() not in _SUFFIXES:
                        continue
                    size = path.stat().st_size
                    known = seen.get(path.relative_to(source.path).as_posix(), "")
                    found += 0 if known.startswith(f"{size}.") else size
    return found


def _listed(root: Path, place: Path, level: int = 0) -> Iterator[Path | Problem]:
    """Yield the files to read at and below ``place``, sorted, and a Problem for each thing that is none."""
    file = place.relative_to(root).as_posix()
    if not os.path.lexists(place):
        return
    try:
        file.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(file).decode("utf-8", "backslashreplace")
        yield _problem("bad_file_name", "The file name is not UTF-8; rename it.", shown)
        return
    if place.name.startswith("."):
        yield _problem("dot_file", "Files whose name begins with a dot are not read.", file)
        return
    try:
        if place.is_symlink() and not _leads_inside(root, place):
            yield _problem("link_outside", "The link leads out of the source's folders; it is not followed.", file)
            return
        mode = place.stat().st_mode
        if stat.S_ISDIR(mode):
            if place.is_symlink():
                yield _problem("link_to_folder", "A link to a folder is not followed; what it holds is read.", file)
            elif file == COUNTS:
                yield _problem("not_a_file", "This is a folder.", file)
            elif level > DEEPEST:
                yield _problem("too_deep", f"Folders more than {DEEPEST} levels deep are not read.", file)
            else:
                for part in sorted(place.iterdir()):
                    yield from _listed(root, part, level + 1)
        elif file in FOLDERS or not stat.S_ISREG(mode):
            yield _problem("not_a_file", "This is not what it should be (a folder or a plain file).", file)
        elif place.suffix.lower() == ".toml" and file.startswith(("plans/", "item_lists/")):
            if _table_beside(place) is None:
                yield _problem("head_without_table", "There is no table of the same name beside it.", file)
        elif place.suffix.lower() not in _SUFFIXES:
            yield _problem("unknown_file", f"Not read: only {', '.join(sorted(_SUFFIXES))} are.", file)
        else:
            yield place
    except OSError as failure:
        yield _problem("unreadable", f"Cannot be read: {failure.strerror}.", file)


def _leads_inside(root: Path, link: Path) -> bool:
    target = Path(os.path.realpath(link))
    return target == root / COUNTS or any(target.is_relative_to(root / name) for name in FOLDERS)


def _table_beside(head: Path) -> Path | None:
    return next((table for suffix in _TABLES if (table := head.with_suffix(suffix)).exists()), None)


def _head_beside(table: Path, folder: str) -> Path | None:
    head = table.with_suffix(".toml")
    is_head = folder in ("plans", "item_lists") and table.suffix.lower() in _TABLES and head.is_file()
    return head if is_head and not head.is_symlink() else None


def _read_if_changed(
    root: Path, path: Path, folder: str, checker: Checker, known: str | None
) -> Iterator[Event | Unchecked]:
    file = path.relative_to(root).as_posix()
    head = _head_beside(path, folder)
    parts = [path] if head is None else [path, head]
    try:
        stamp = _stamp(parts)
        if known is not None and known.rpartition(":")[0] == stamp:
            return
        digest = _digest(parts)
        if known is not None and known.rpartition(":")[2] == digest:
            yield FileSeen(file, f"{stamp}:{digest}")  # touched, not changed
            return
        is_whole = yield from _read(path, file, folder, head, checker)
        if _stamp(parts) != stamp:
            yield _problem("half_file", "The file changed while it was read; it is read again.", file)
        elif is_whole:
            yield FileSeen(file, f"{stamp}:{digest}")
    except OSError as failure:
        yield _problem("unreadable", f"Cannot be read: {failure.strerror}.", file)


def _read(path: Path, file: str, folder: str, head: Path | None, checker: Checker) -> Reading:
    if file == COUNTS:
        return read_counts(path, file)
    match path.suffix.lower():
        case ".jsonl":
            return read_lines(path, file, checker)
        case ".json":
            return read_document(path, file, checker)
        case _:
            return read_table(path, file, folder, head, checker)


def _stamp(parts: list[Path]) -> str:
    """Return size, time of change and time of status change: what an unchanged file keeps."""
    about = [part.stat() for part in parts]
    return "+".join(f"{one.st_size}.{one.st_mtime_ns}.{one.st_ctime_ns}" for one in about)


def _digest(parts: list[Path]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        with part.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _problem(code: str, message: str, file: str) -> Problem:
    return Problem(code, None, None, message, file, None)
