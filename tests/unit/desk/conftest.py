"""A ledger filled line by line, so that every state can be had without a rule being asked."""

import hashlib
from datetime import date

import orjson
import pytest
from sqlalchemy import insert, update

from publisher import paths
from publisher.ledger import Ledger
from publisher.ledger.schema import entry, received, record, shown, subject
from publisher.ledger.store import start_run

DAY = date(2021, 7, 1)
IDS = {"plan": "plan_id", "item_list": "list_id", "result": "result_id"}


class Filled:
    """Puts received records and decisions about them into a ledger."""

    def __init__(self, ledger):
        self.ledger = ledger
        with ledger.transaction() as connection:
            self.run_no = start_run(connection, DAY)

    def receive(self, body, kind=None, record_id=None):
        kind = kind or body["kind"]
        record_id = record_id or body[IDS[kind]]
        version = body.get("version") or body.get("revision") or 1
        words = orjson.dumps(body).decode()
        digest = hashlib.sha256(words.encode()).hexdigest()
        with self.ledger.transaction() as connection:
            connection.execute(
                insert(received).values(
                    kind=kind,
                    record_id=record_id,
                    version=version,
                    digest=digest,
                    body=words,
                    file="f",
                    run_no=self.run_no,
                )
            )
            if version == 1 and kind in IDS:
                connection.execute(insert(record).values(kind=kind, record_id=record_id))

    def decide(self, body, state="published", version=1, cause=None, outcomes="no_problem", marks=""):
        kind, record_id = body["kind"], body[IDS[body["kind"]]]
        with self.ledger.transaction() as connection:
            here = (record.c.kind == kind) & (record.c.record_id == record_id)
            number = connection.execute(record.select().where(here)).one().record_no
            values = {"state": state, "shown_version": version, "cause": cause, "marks": marks}
            if kind == "result":
                values |= {"subject_no": self._subject(connection, body["subject"]), "outcomes": outcomes}
            connection.execute(update(record).where(here).values(**values))
            connection.execute(
                insert(entry).values(
                    record_no=number, as_of=DAY, run_no=self.run_no, actor="run", state=state, cause=cause,
                    marks=marks, rule="R0-01", basis="", shown_version=version, version=1,
                )
            )  # fmt: skip
            connection.execute(shown.delete().where(shown.c.record_no == number))
            if state == "published":
                connection.execute(insert(shown).values(record_no=number, body="{}", beside="{}"))

    def _subject(self, connection, body):
        key = body["uscc"] or hashlib.sha256(body["name"].encode()).hexdigest()[:32]
        found = connection.execute(subject.select().where(subject.c.key == key)).one_or_none()
        if found:
            return found.subject_no
        path = paths.subject(key, has_code=body["uscc"] is not None)
        values = {name: body[name] for name in ("kind", "name", "uscc", "reg_no", "region_code")}
        return connection.execute(insert(subject).values(key=key, path=path, **values)).inserted_primary_key[0]

    def add(self, body, state="published", **more):
        self.receive(body)
        self.decide(body, state, **more)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


@pytest.fixture
def filled(ledger):
    return Filled(ledger)
