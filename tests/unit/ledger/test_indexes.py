"""Indexes that are left out while most records are judged are there again when that is done, whatever happened."""

import pytest
from sqlalchemy import inspect

from publisher import pipeline
from publisher.ledger import Ledger, indexes
from publisher.ledger.schema import record

NAMES = {one.name for one in indexes.UNASKED}
DAYS = ("2021-06-20", "2021-06-21")


@pytest.fixture
def there(portal_dir):
    """Tells which of them the ledger has."""

    def named():
        with Ledger(portal_dir.settings.ledger.url) as ledger:
            return {one["name"] for one in inspect(ledger.engine).get_indexes("record")} & NAMES

    return named


def test_they_wait_while_most_records_are_judged(portal_dir, make_plan, make_result, there, monkeypatch):
    monkeypatch.setattr(indexes, "MANY", 3)
    seen = []

    def write(connection, *given, **more):
        seen.append({one["name"] for one in inspect(connection).get_indexes("record")} & NAMES)
        return real(connection, *given, **more)

    real = pipeline.write
    monkeypatch.setattr(pipeline, "write", write)
    portal_dir.give(make_plan(), *[make_result(number) for number in range(1, 6)])
    portal_dir.take(DAYS[0])
    assert seen
    assert not any(seen)
    assert there() == NAMES
    seen.clear()
    portal_dir.give(make_result(6), make_result(7), name="more")  # few, beside those that are there
    portal_dir.take(DAYS[1])
    assert seen
    assert all(one == NAMES for one in seen)


def test_a_run_that_was_killed_leaves_them_to_the_next(portal_dir, make_plan, make_result, there):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.take(DAYS[0])
    with Ledger(portal_dir.settings.ledger.url) as ledger, ledger.transaction() as connection:
        for index in indexes.UNASKED:
            index.drop(connection)
    assert there() == set()
    portal_dir.take(DAYS[1])
    assert there() == NAMES


def test_they_are_indexes_of_the_ledger():
    assert len(NAMES) == 2
    assert {one.name for one in record.indexes} >= NAMES
