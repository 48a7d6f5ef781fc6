"""Certificates of withdrawal: for each stop a signed statement of what was swept where, and by which rule.

They are for the firm, which may show them to whoever holds a copy, and lie in ``var/certificates/<day>/``: a JSON file
with the statement and its signature, and a page to print. A certificate is written once the site is swept, and again
until every endpoint that held the record has answered.
"""

import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, and_, bindparam, delete, func, select, update

from publisher import paths
from publisher.errors import SiteError
from publisher.ledger import Ledger
from publisher.ledger.listings import read_places
from publisher.ledger.schema import certificate, held, owed_page, owed_push, page, receipt, record, subject, swept
from publisher.ledger.store import insert_into
from publisher.log.certificate_page import page_of
from publisher.log.leaf import canonical
from publisher.log.note import BadNote, Signer, Verifier, open_note

ALL_OF = ("delta", "search")  # scopes of which any file may have spoken of a record
_CHUNK = 500
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}")


class Office(NamedTuple):
    """Who certifies: the portal's name and address, its key, its endpoints, and the words and articles of its rules."""

    name: str
    base_url: str
    signer: Signer
    endpoints: Collection[str]
    rules: Mapping[str, tuple[str, str]]


def note_before(connection: Connection) -> None:
    """Keep which files are about to be swept, as they are, while there are stops to be certified."""
    is_waiting = select(certificate.c.ref).where(certificate.c.is_whole.is_(False), certificate.c.files.is_(None))
    if connection.execute(is_waiting.limit(1)).first() is None:
        return
    owed = and_(owed_page.c.scope == page.c.scope, owed_page.c.key == page.c.key)
    columns = ("path", "scope", "key", "digest")
    pages = select(*(page.c[name] for name in columns)).where(page.c.digest != "")
    for spoke in (pages.join(owed_page, owed), pages.where(page.c.scope.in_(ALL_OF))):
        connection.execute(insert_into(connection, swept).from_select(columns, spoke).on_conflict_do_nothing())


def write(ledger: Ledger, folder: Path, office: Office) -> int:
    """Write the certificates of what was stopped since, and complete earlier ones; return how many.

    To be called when the site is built and the endpoints were told. Raises :class:`SiteError` when the folder cannot be
    written.
    """
    with ledger.transaction() as connection:
        _note_after(connection)
    written, last = 0, ""
    while True:
        with ledger.transaction() as connection:
            query = select(certificate).where(certificate.c.is_whole.is_(False), certificate.c.files.is_not(None))
            some = connection.execute(query.where(certificate.c.ref > last).order_by(certificate.c.ref).limit(_CHUNK))
            rows = some.all()
            for row in rows:
                statement, is_whole = _statement(connection, row, office)
                _write(folder / row.stopped_on.isoformat(), statement, office.signer)
                if is_whole:
                    values = {"is_whole": True, "files": None}
                    connection.execute(update(certificate).where(certificate.c.ref == row.ref).values(values))
        if not rows:
            return written
        written, last = written + len(rows), rows[-1].ref


def opened(content: bytes, verifier: Verifier) -> dict[str, Any]:
    """Return the statement of a certificate that a key signed.

    Raises :class:`BadNote`.
    """
    try:
        told = orjson.loads(content)
        statement: dict[str, Any] = told["statement"]
        note = canonical(statement) + b"\n\n" + f"— {told['signature']}\n".encode()
    except (ValueError, KeyError, TypeError) as error:
        raise BadNote("it is no certificate") from error
    open_note(note, verifier)
    return statement


class Certificate(NamedTuple):
    """A certificate that was written: its file, the day of the stop, and the endpoints that have not answered yet."""

    file: Path
    stopped_on: str
    waiting: list[str]


def of_record(folder: Path, record_id: str, verifier: Verifier) -> Iterator[Certificate]:
    """Yield the certificates of a record's stops, the oldest first.

    Raises :class:`SiteError` for one that cannot be read, or that the key did not sign.
    """
    for file in sorted(folder.glob(f"*/*-{_stem(record_id)}-*.json")):
        try:
            told = opened(file.read_bytes(), verifier)
        except (BadNote, OSError) as error:
            raise SiteError(f"{file} is no certificate of ours: {error}") from error
        if told["record"]["id"] == record_id:
            waiting = [one["name"] for one in told["endpoints"] if one["status"] == "waiting"]
            yield Certificate(file, told["stopped_on"], waiting)


def _stem(record_id: str) -> str:
    """Return a record's id as a name of files may have it; its hash where it has other characters."""
    return record_id if _PLAIN.fullmatch(record_id) else hashlib.sha256(record_id.encode()).hexdigest()[:32]


def _note_after(connection: Connection) -> None:
    """Give each stop the files that spoke of it: as they were, and as they are or are not any more."""
    waiting = connection.execute(
        select(certificate.c.ref, record, subject.c.region_code.label("place"), subject.c.slot)
        .join(record, record.c.record_no == certificate.c.record_no)
        .outerjoin(subject, subject.c.subject_no == record.c.subject_no)
        .where(certificate.c.is_whole.is_(False), certificate.c.files.is_(None))
    ).all()
    if not waiting or connection.execute(select(func.count()).select_from(owed_page)).scalar():
        return  # a build is still under way
    now = page.c.digest.label("after")
    query = select(swept, now).outerjoin(page, page.c.path == swept.c.path)
    files: dict[tuple[str, str], list[dict[str, str | None]]] = {}
    for row in connection.execute(query):
        if row.after != row.digest:
            told = {"path": paths.file_of(row.path), "before": row.digest, "after": row.after}
            files.setdefault((row.scope, row.key), []).append(told)
    statement = update(certificate).where(certificate.c.ref == bindparam("of_ref"))
    values = []
    for row in waiting:
        found = [one for part in _parts(row) for one in files.get(part, ())]
        found += [one for (scope, _), some in files.items() if scope in ALL_OF for one in some]
        values.append(
            {"of_ref": row.ref, "files": orjson.dumps(sorted(found, key=lambda one: one["path"] or "")).decode()}
        )
    connection.execute(statement.values(files=bindparam("files")), values)
    connection.execute(delete(swept))


def _parts(row: Row[Any]) -> Iterator[tuple[str, str]]:
    """Yield the parts of the site that spoke of a record and of nobody else's pages."""
    if row.kind != "result":
        yield row.kind, row.record_id
        yield "data_all", ""
        yield "portal", ""
        return
    yield "subject", str(row.subject_no)
    yield "plan", row.plan_id
    yield "task", f"{row.plan_id}/{row.task_id}"
    yield "month", f"{row.year}-{row.month:02}"
    yield "data_year", str(row.year)
    places = read_places(row.places)
    for slot in islice(places.values(), 1):
        yield "data_month", f"{row.year}-{row.month:02}/{slot // paths.DATA_PART + 1}"
    yield "feed", f"plan/{row.plan_id}"
    yield "feed", f"authority/{paths.name_key(row.authority)}"
    for outcome in filter(None, (row.outcomes or "").split(",")):
        yield "feed", f"outcome/{outcome}"
    for list_no, slot in places.items():
        yield "list", str(list_no)
        yield "list_page", f"{list_no}/{slot // paths.LIST_PAGE + 1}"
    if row.slot is not None:
        yield "region", row.place
        yield "region_page", f"{row.place}/{row.slot // paths.LIST_PAGE + 1}"
    yield "sitemap_part", str(row.subject_no // paths.SITEMAP_PART)
    yield "data_all", ""
    yield "portal", ""


def _statement(connection: Connection, row: Row[Any], office: Office) -> tuple[dict[str, Any], bool]:
    """Return what is certified of a stop, and whether nothing is to be added to it any more."""
    query = (
        select(record.c.kind, record.c.record_id, record.c.state, subject.c.name, subject.c.uscc)
        .outerjoin(subject, subject.c.subject_no == record.c.subject_no)
        .where(record.c.record_no == row.record_no)
    )
    one = connection.execute(query).one()
    told = [_told(connection, name, row) for name in sorted(office.endpoints)]
    sentence, article = office.rules.get(row.rule, ("", ""))
    statement = {
        "type": "withdrawal", "portal": {"name": office.name, "address": office.base_url},
        "record": {"kind": one.kind, "id": one.record_id, "ref": row.ref},
        "subject": {"name": one.name, "uscc": one.uscc} if one.kind == "result" else None,
        "rule": {"id": row.rule, "sentence": sentence, "article": article}, "stopped_on": row.stopped_on.isoformat(),
        "files": orjson.loads(row.files), "endpoints": told,
    }  # fmt: skip
    is_open = any(one["status"] == "waiting" for one in told)
    return statement, not is_open or one.state == "published"


def _told(connection: Connection, endpoint: str, row: Row[Any]) -> dict[str, Any]:
    """Return what an endpoint said of a withdrawal: ``accepted``, …, ``never_held``, or ``waiting`` until it does."""
    query = (
        select(receipt.c.status, receipt.c.receipt_no, receipt.c.at)
        .where(
            receipt.c.record_no == row.record_no, receipt.c.endpoint == endpoint, receipt.c.run_no >= row.run_no,
            receipt.c.action == "withdraw", receipt.c.status.in_(("accepted", "duplicate")),
        )
        .order_by(receipt.c.receipt_seq).limit(1)
    )  # fmt: skip
    answer = connection.execute(query).first()
    if answer is not None:
        return {"name": endpoint, "status": answer.status, "receipt_no": answer.receipt_no, "at": answer.at}
    mine = {"endpoint": endpoint, "record_no": row.record_no}
    holds = connection.execute(select(held.c.state).filter_by(**mine)).scalar()
    is_owed = connection.execute(select(owed_push.c.record_no).filter_by(**mine)).first() is not None
    status = "waiting" if is_owed or holds == "published" else "never_held"
    return {"name": endpoint, "status": status, "receipt_no": None, "at": None}


def _write(folder: Path, statement: dict[str, Any], signer: Signer) -> None:
    signature = signer.signature(canonical(statement) + b"\n")
    told = {"statement": statement, "signature": signature, "key": signer.verifier.vkey}
    one = statement["record"]
    stem = f"{one['kind']}-{_stem(one['id'])}-{one['ref'][:8]}"
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        _replace(folder / f"{stem}.json", orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        _replace(folder / f"{stem}.html", page_of(told).encode())
    except OSError as error:
        raise SiteError(f"the certificates in {folder} cannot be written: {error.strerror}") from error


def _replace(file: Path, content: bytes) -> None:
    partial = file.with_name(f".{file.name}.partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
    partial.replace(file)
