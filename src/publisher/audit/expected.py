"""What the ledger says may stand nowhere on the site.

Of every record that is not published: its id, its random ``ref``, its own addresses, its words. Of every version of
any record: the subject, where nothing of that subject is shown, and the words that are not shown (a corrected note,
a number that was hidden, a revision that is not final). What is shown for another record is no secret.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, func, select

from publisher import paths
from publisher.audit.forbidden import Forbidden
from publisher.audit.reading import normal
from publisher.audit.sieve import Sieve
from publisher.ledger.dockets import Body, Docket, dockets
from publisher.ledger.schema import record, shown, subject
from publisher.ledger.store import get_meta

CHUNK = 500
LONGER_THAN = 8  # characters: a shorter sentence is told by too many
NAMES = frozenset(("title", "tasks.name"))
PROSE = frozenset(("note", "remark", "measure", "disposition", "reply", "reason"))
Chunks = Iterator[Sequence[Any]]
_TOLD: list[Any] = [record.c[name] for name in ("record_no", "kind", "record_id", "state", "rule", "ref")]
_WITH_FORMS = (
    select(*_TOLD, subject.c.key, shown.c.body, shown.c.beside)
    .select_from(
        record.outerjoin(shown, shown.c.record_no == record.c.record_no).outerjoin(
            subject, subject.c.subject_no == record.c.subject_no
        )
    )
    .order_by(record.c.record_no)
)
KINDS = {"plan": "plan", "item_list": "item list", "result": "result"}


def forbidden(connection: Connection, chunks: Chunks) -> Iterator[Forbidden]:
    """Yield all that may not stand anywhere on the site, as far as these chunks of records tell it."""
    text = get_meta(connection, "path_secret")
    secret = bytes.fromhex(text) if text else None
    for rows in chunks:
        found = list(dockets(connection, rows))
        keys = {_key(body, secret) for docket in found for body in docket.versions} - {None}
        known = {row.key for row in rows if row.state == "published"}
        known |= _shown_subjects(connection, sorted(key for key in keys - known if key))
        for docket in found:
            yield from _forbidden(docket, secret, known)


def excuse(sieve: Sieve, chunks: Chunks) -> None:
    """Have the sieve let through what is shown of these chunks of records."""
    for rows in chunks:
        for row in rows:
            if row.state == "published" and row.body is not None and sieve.concerns((row.ref, row.body, row.beside)):
                sieve.excuse(*_shown_words(row))


def label(row: Row[Any]) -> str:
    """Return how messages name a record: its kind and id."""
    return f"{KINDS[row.kind]} {row.record_id}"


def every_chunk(connection: Connection, share: int = 0, shares: int = 1) -> Chunks:
    """Yield every record with its public form, some at a time: one of ``shares`` equal parts of them."""
    last = share * CHUNK
    highest = connection.execute(select(func.max(record.c.record_no))).scalar() or 0
    while last < highest:
        mine = _WITH_FORMS.where(record.c.record_no > last, record.c.record_no <= last + CHUNK)
        yield connection.execute(mine).all()
        last += CHUNK * shares


def chunks_of(connection: Connection, which: ColumnElement[bool]) -> Chunks:
    """Yield some records with their public forms, some at a time."""
    last = 0
    query = _WITH_FORMS.where(which).limit(CHUNK)
    while rows := connection.execute(query.where(record.c.record_no > last)).all():
        yield rows
        last = rows[-1].record_no


def _shown_subjects(connection: Connection, keys: Sequence[str]) -> set[str]:
    query = (
        select(subject.c.key)
        .join(record, record.c.subject_no == subject.c.subject_no)
        .where(record.c.state == "published", subject.c.key.in_(keys))
    )
    return set(connection.execute(query.distinct()).scalars())


def _key(body: Body, secret: bytes | None) -> str | None:
    """Return what a subject is known by; None for a plan or list, or in a ledger that has hidden no subject yet."""
    one = body.get("subject")
    if not isinstance(one, Mapping):
        return None
    if one["uscc"]:
        return str(one["uscc"])
    return paths.subject_hash(secret, one["kind"], one["name"], one["reg_no"], one["region_code"]) if secret else None


def _forbidden(docket: Docket, secret: bytes | None, known: set[str]) -> Iterator[Forbidden]:
    row = docket.row
    name, rule = label(row), row.rule
    is_shown = row.state == "published" and row.body is not None
    if not is_shown:
        yield from _ids(docket)
        if row.ref:
            yield Forbidden(row.ref, f"{name} ref", rule, whole=True, is_ref=True)
    texts = [(what, text) for what, text in _distinctive(docket) if len(normal(text)) > LONGER_THAN]
    if texts:
        own = "\n".join(text for group in _shown_words(row) for text in map(normal, group)) if is_shown else ""
        for what, text in texts:
            if normal(text) not in own:
                yield Forbidden(text, f"{name} {what}", rule, whole=False, sentence=what not in NAMES, words=True)
    for body in docket.versions:
        key = _key(body, secret)
        if key not in known and "subject" in body:
            yield from _subject(body["subject"], key, name, rule)


def _ids(docket: Docket) -> Iterator[Forbidden]:
    row, record_id = docket.row, docket.row.record_id
    name = label(row)
    years = {body.get("year") for body in docket.versions}
    match row.kind:
        case "plan":
            own = [paths.plan(year, record_id) for year in years if year]
            own += [paths.data_plan(year, record_id, suffix) for year in years if year for suffix in ("csv", "json")]
        case "item_list":
            own = [paths.item_list(record_id), *(paths.data_items(record_id, suffix) for suffix in ("csv", "json"))]
        case _:
            own = []
    for address in own:
        yield Forbidden(address, f"{name} address", row.rule, whole=True, always=True)
    if len(record_id) < 4 or (record_id.isdigit() and len(record_id) < 9):  # a year, a day or a count says as much
        for anchor in (f'id="{record_id}"', f".html#{record_id}"):
            yield Forbidden(anchor, f"{name} anchor", row.rule, whole=True)
    else:
        yield Forbidden(record_id, f"{name} id", row.rule, whole=True)


def _subject(one: Mapping[str, Any], key: str | None, name: str, rule: str | None) -> Iterator[Forbidden]:
    is_person = one["kind"] == "person"  # whose number may be an identity number
    yield Forbidden(one["name"], f"{name} subject name", rule, whole=False, secret=True)
    if one["uscc"]:
        yield Forbidden(one["uscc"], f"{name} subject code", rule, whole=True, secret=is_person)
    elif key:
        yield Forbidden(key, f"{name} subject address", rule, whole=True)
    if one["reg_no"] and len(one["reg_no"]) > 5:
        yield Forbidden(one["reg_no"], f"{name} subject registration number", rule, whole=True, secret=is_person)


def _distinctive(docket: Docket) -> Iterator[tuple[str, str]]:
    """Yield the words of a record that tell it from others, with the name of their field."""
    for body in docket.versions:
        for name in ("measure", "disposition", "penalty_no", "remark", "openness_basis", "title", "document_no"):
            if body.get(name):
                yield name, body[name]
        for finding in body.get("findings", ()):
            if finding["note"]:
                yield "findings.note", finding["note"]
        for task in body.get("tasks", ()):
            yield "tasks.name", task["name"]
        if body.get("adjustment"):
            yield "adjustment.reason", body["adjustment"]["reason"]
    for case in docket.cases:
        for name in ("reason", "commitment"):
            if case[name]:
                yield f"case {case['case_id']} {name}", case[name]
    if docket.tombstone and docket.tombstone["reason"]:
        yield "tombstone reason", docket.tombstone["reason"]


def _shown_words(row: Row[Any]) -> tuple[list[str], list[str]]:
    """Return what a published record says: names, titles and codes; and free text."""
    words: list[str] = [row.ref] if row.ref else []
    prose: list[str] = []
    for body in (row.body, row.beside):
        _collect("", orjson.loads(body), words, prose)
    return words, prose


def _collect(key: str, value: Any, words: list[str], prose: list[str]) -> None:
    if isinstance(value, str):
        (prose if key in PROSE else words).append(value)
    elif isinstance(value, dict):
        for name, one in value.items():
            _collect(name, one, words, prose)
    elif isinstance(value, list):
        for one in value:
            _collect(key, one, words, prose)
