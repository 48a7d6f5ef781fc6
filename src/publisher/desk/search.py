"""``publisher search``: the officers' search over everything in the ledger, whatever its state.

The index lies under ``var/search`` and is brought up to the ledger on use. It is only a way to find numbers: what a
hit says is read from the ledger itself.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, func, select, true
from sqlalchemy.exc import SQLAlchemyError

from publisher import __version__, paths, regions
from publisher.desk import index
from publisher.errors import LedgerError, PublisherError
from publisher.ledger import Ledger
from publisher.ledger.dockets import Docket, dockets, version_of
from publisher.ledger.schema import entry, received, record, subject
from publisher.progress import OnProgress

_CHUNK = 500  # records read and indexed at a time
_UNJUDGED = "pending"  # of a record that arrived after the last judge stage


class Hit(NamedTuple):
    """A record that was found: as the version in force names it (the newest when none is), in full.

    ``url`` is its public address below the site's root, ``None`` when it is not shown.
    """

    kind: str
    id: str
    name: str
    uscc: str | None
    state: str
    url: str | None


class Found(NamedTuple):
    """How many records match, and those of the page asked for, best first."""

    total: int
    hits: list[Hit]


class _Mark(NamedTuple):
    """How far the ledger had grown: its last lines of ``received`` and ``entry``, and what the former says.

    Both tables only grow, so a ledger that says something else there is another ledger.
    """

    received_no: int
    entry_no: int
    line: str | None


class _Standing(NamedTuple):
    """The index in use: its folder, what wrote it, the mark it was brought up to, and its files by size."""

    folder: str
    form: str
    mark: _Mark
    files: Mapping[str, int]


def search(
    ledger: Ledger,
    var: Path,
    query: str,
    *,
    limit: int = 20,
    page: int = 1,
    on_progress: OnProgress = lambda done, total: None,
) -> Found:
    """Return the records that match ``query``, ``limit`` a page, withheld and withdrawn ones among them.

    ``on_progress`` is told how many records are indexed of how many that must be. Raises :class:`SettingsError` for a
    query that cannot be read, :class:`LedgerError` when the ledger or ``var`` cannot be used.
    """
    asked = index.read_query(query)
    try:
        with _alone(var / "search") as home, ledger.reading() as connection:
            first = (page - 1) * limit
            try:
                total, keys = index.find(_brought_up(connection, home, on_progress), asked, first, limit)
            except (PublisherError, SQLAlchemyError):
                raise
            except Exception:  # a damaged index fails in any way its bytes lead to; it can always be made anew
                total, keys = index.find(_made_anew(connection, home, on_progress), asked, first, limit)
            return Found(total, _hits(connection, [int(key) for key in keys]))
    except OSError as error:
        raise LedgerError(f"the search index in {var / 'search'} cannot be used: {error.strerror or error}") from error


@contextmanager
def _alone(home: Path) -> Iterator[Path]:
    """Give the index's home to one search at a time; the folder names withheld persons, so it is the owner's alone."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield home
    finally:
        os.close(handle)


def _brought_up(connection: Connection, home: Path, on_progress: OnProgress) -> Path:
    """Return the folder of an index that knows all the ledger does."""
    standing, now = _standing(home), _mark(connection)
    if standing is None or standing.form != _form() or not _is_part_of(connection, standing.mark):
        return _made_anew(connection, home, on_progress)
    folder = home / standing.folder
    if standing.mark == now:
        return folder
    touched = _touched_since(standing.mark)
    if 2 * _count(connection, touched) > _count(connection, true()):
        return _made_anew(connection, home, on_progress)
    index.write(folder, _documents(connection, touched, on_progress), fresh=False)
    _keep(home, _Standing(folder.name, _form(), now, _files(folder)))
    return folder


def _made_anew(connection: Connection, home: Path, on_progress: OnProgress) -> Path:
    """Make the index in a fresh folder, and let it take the place of the old one when it is whole."""
    now = _mark(connection)
    folder = Path(tempfile.mkdtemp(prefix="index-", dir=home))
    index.create(folder)
    index.write(folder, _documents(connection, true(), on_progress), fresh=True)
    _keep(home, _Standing(folder.name, _form(), now, _files(folder)))
    for other in home.glob("index-*"):
        if other != folder:
            shutil.rmtree(other)
    return folder


def _form() -> str:
    return f"{__version__}/{index.FORM}"


def _standing(home: Path) -> _Standing | None:
    """Return what is known of the index in use, or None when there is none that can be trusted."""
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError):
        kept = json.loads((home / "standing.json").read_text("utf-8"))
        standing = _Standing(kept["folder"], kept["form"], _Mark(*kept["mark"]), kept["files"])
        if Path(standing.folder).name == standing.folder and _files(home / standing.folder) == standing.files:
            return standing
    return None


def _files(folder: Path) -> dict[str, int]:
    return {file.name: file.stat().st_size for file in folder.iterdir()}


def _keep(home: Path, standing: _Standing) -> None:
    beside = home / "standing.json.new"
    beside.write_text(json.dumps(standing._asdict()), "utf-8")
    beside.replace(home / "standing.json")


def _mark(connection: Connection) -> _Mark:
    received_no = connection.execute(select(func.max(received.c.received_no))).scalar() or 0
    entry_no = connection.execute(select(func.max(entry.c.entry_no))).scalar() or 0
    return _Mark(received_no, entry_no, _line(connection, received_no))


def _line(connection: Connection, received_no: int) -> str | None:
    row = connection.execute(
        select(received.c.kind, received.c.record_id, received.c.digest).where(received.c.received_no == received_no)
    ).one_or_none()
    return None if row is None else " ".join(row)


def _is_part_of(connection: Connection, mark: _Mark) -> bool:
    return mark.entry_no <= _mark(connection).entry_no and _line(connection, mark.received_no) == mark.line


def _touched_since(mark: _Mark) -> ColumnElement[bool]:
    """Records with a new version or a new decision; cases show in the decisions that they lead to."""
    decided = select(entry.c.record_no).where(entry.c.entry_no > mark.entry_no)
    arrived = (
        select(record.c.record_no)
        .join(received, (received.c.kind == record.c.kind) & (received.c.record_id == record.c.record_id))
        .where(received.c.received_no > mark.received_no)
    )
    return record.c.record_no.in_(decided.union(arrived))


def _count(connection: Connection, which: ColumnElement[bool]) -> int:
    return connection.execute(select(func.count()).select_from(record).where(which)).scalar_one()


def _documents(
    connection: Connection, which: ColumnElement[bool], on_progress: OnProgress
) -> Iterator[Mapping[str, index.Document]]:
    total, done, last = _count(connection, which), 0, 0
    on_progress(0, total)
    while rows := _rows(connection, which & (record.c.record_no > last), limit=_CHUNK):
        yield {str(one.row.record_no): _document(one) for one in dockets(connection, rows)}
        last = rows[-1].record_no
        done += len(rows)
        on_progress(done, total)


def _rows(connection: Connection, which: ColumnElement[bool], *, limit: int) -> list[Row[Any]]:
    columns = (record, subject.c.path.label("subject_path"), subject.c.name.label("subject_name"))
    joined = record.outerjoin(subject, subject.c.subject_no == record.c.subject_no)
    query = select(*columns).select_from(joined).where(which).order_by(record.c.record_no).limit(limit)
    return list(connection.execute(query))


def _document(docket: Docket) -> index.Document:
    """Return what a record is found by: names of all its versions, the rest as the version in force has it."""
    row, body = docket.row, version_of(docket, docket.row.shown_version)
    fields = {
        "kind": [row.kind],
        "id": [row.record_id],
        "state": [row.state or _UNJUDGED],
        "cause": [row.cause or ""],
        "mark": row.marks.split(","),
        "authority": [body["authority"]],
    }
    if row.kind != "result":
        parts = body["tasks"] if row.kind == "plan" else body["items"]
        return fields | {
            "name": [version["title"] for version in docket.versions],
            "year": [str(body["year"])] if row.kind == "plan" else [],
            "region": _region(body["region_code"]),
            "item": [part["name"] for part in parts],
        }
    subjects = [version["subject"] for version in docket.versions]
    return fields | {
        "name": [*(one["name"] for one in subjects), row.subject_name or ""],
        "code": [code for one in subjects for code in (one["uscc"], one["reg_no"]) if code],
        "uscc": [one["uscc"] for one in subjects if one["uscc"]],
        "reg_no": [one["reg_no"] for one in subjects if one["reg_no"]],
        "year": [body["ended_on"][:4]],
        "region": _region(body["subject"]["region_code"]),
        "plan": [body["plan_id"]],
        "task": [body["task_id"]],
        "outcome": [*(row.outcomes or "").split(","), *(finding["outcome"] for finding in body["findings"])],
        "item": [finding["item_name"] for finding in body["findings"]],
    }


def _region(code: str) -> list[str]:
    """An area is found by its code and name, and by those of its city and province."""
    return [*dict.fromkeys((code, regions.city(code), regions.province(code))), *regions.path(code)]


def _hits(connection: Connection, numbers: list[int]) -> list[Hit]:
    rows = _rows(connection, record.c.record_no.in_(numbers), limit=len(numbers))
    found = {docket.row.record_no: _hit(docket) for docket in dockets(connection, rows)}
    return [found[number] for number in numbers]


def _hit(docket: Docket) -> Hit:
    row, body = docket.row, version_of(docket, docket.row.shown_version)
    url = None
    if row.kind == "result":
        name, code = body["subject"]["name"], body["subject"]["uscc"]
        address = f"{row.subject_path}#{row.record_id}"
    else:
        name, code = body["title"], None
        address = paths.plan(body["year"], row.record_id) if row.kind == "plan" else paths.item_list(row.record_id)
    if row.state == "published":
        url = address
    return Hit(row.kind, row.record_id, name, code, row.state or _UNJUDGED, url)
