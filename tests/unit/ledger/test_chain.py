"""The chain over the history: whatever is done to an entry, the first one that is not as it was written is named."""

import hashlib
import json

import pytest
from sqlalchemy import create_engine, text

from publisher.ledger import Ledger
from publisher.ledger.chain import COLUMNS, Break, Head, append, first_break, head, seal_all
from publisher.ledger.migrations import STEPS
from publisher.ledger.store import set_meta

ROW = (1, "2021-06-20", 1, "rules", 1, "published", None, "late", "R1-02", "测试依据", "2021-06-20", 1)


@pytest.fixture
def ledger(tmp_path):
    """A ledger with one record and a history of nine entries, written in two transactions."""
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        with ledger.transaction() as connection:
            connection.exec_driver_sql(
                "INSERT INTO record (kind, record_id, marks, provisional, version, places) "
                "VALUES ('result', 'R-1', '', 0, 0, '')"
            )
        for count in (4, 5):
            with ledger.transaction() as connection:
                append(connection, [ROW] * count)
        yield ledger


def altered(ledger, statement):
    with ledger.transaction() as connection:
        connection.exec_driver_sql(statement)
        return first_break(connection)


def test_a_whole_history_has_no_break_and_its_head_follows_from_every_entry(ledger):
    seal = bytes(32)
    for number in range(1, 10):
        words = json.dumps([number, *ROW], ensure_ascii=False, separators=(",", ":"))
        seal = hashlib.sha256(seal + words.encode()).digest()
    with ledger.reading() as connection:
        assert first_break(connection) is None
        assert head(connection) == Head(9, seal)


def test_an_empty_history_is_whole(tmp_path):
    with Ledger(f"sqlite:///{tmp_path}/other.db") as ledger, ledger.transaction() as connection:
        append(connection, [])
        assert first_break(connection) is None
        assert head(connection).entry_no == 0


@pytest.mark.parametrize("column", [*COLUMNS, "chain"])
def test_an_altered_value_is_found_whatever_it_is(ledger, column):
    values = {"record_no": "1 + 0.0", "chain": "zeroblob(32)"}  # the number of another type is another value too
    value = values.get(column, "'2021-06-21'" if column in ("as_of", "since") else "'other'")
    found = altered(ledger, f"UPDATE entry SET {column} = {value} WHERE entry_no = 6")
    if column == "record_no":
        assert found is None  # the column makes it a whole number again
        with ledger.transaction() as connection:
            connection.exec_driver_sql("INSERT INTO record SELECT 2, kind, 'R-2', " + ", ".join(
                name for name in _columns(connection) if name not in ("record_no", "kind", "record_id")
            ) + " FROM record WHERE record_no = 1")  # fmt: skip
        found = altered(ledger, "UPDATE entry SET record_no = 2 WHERE entry_no = 6")
    assert found is not None
    assert found.entry_no == 6


def _columns(connection):
    return [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(record)")]


def test_a_removed_entry_is_missed(ledger):
    assert altered(ledger, "DELETE FROM entry WHERE entry_no = 3") == Break(3, "it is missing")


def test_a_removed_end_is_missed(ledger):
    found = altered(ledger, "DELETE FROM entry WHERE entry_no > 7")
    assert found is not None
    assert found.entry_no == 8


def test_entries_that_change_places_are_found(ledger):
    found = altered(ledger, "UPDATE entry SET marks = 'x', rule = 'R2-01' WHERE entry_no = 2")
    assert found is not None
    assert found.entry_no == 2


def test_an_entry_slipped_in_at_the_end_is_found(ledger):
    names = ", ".join(COLUMNS)
    found = altered(ledger, f"INSERT INTO entry ({names}, chain) SELECT {names}, chain FROM entry WHERE entry_no = 9")
    assert found is not None
    assert found.entry_no == 10


def test_a_ledger_without_a_chain_gets_one(ledger, tmp_path):
    with ledger.reading() as connection:
        before = head(connection)
    engine = create_engine(f"sqlite:///{tmp_path}/ledger.db")
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE entry DROP COLUMN chain"))
        connection.execute(text("DELETE FROM meta WHERE key = 'chain_head'"))
        earlier = next(number for number, step in enumerate(STEPS) if step.__name__ == "_chain")
        connection.execute(text("UPDATE meta SET value = :value WHERE key = 'schema'"), {"value": str(earlier)})
    engine.dispose()
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as again, again.reading() as connection:
        assert first_break(connection) is None
        assert head(connection) == before


def test_sealing_again_changes_nothing(ledger):
    with ledger.transaction() as connection:
        before = head(connection)
        seal_all(connection)
        assert head(connection) == before
        assert first_break(connection) is None


def test_decisions_are_sealed_as_they_are_written(book, make_plan, make_result):
    book.keep(make_plan(), *(make_result(number) for number in range(1, 4)))
    book.decide()
    book.keep(make_result(1, version=2))
    book.decide(state="withdrawn", cause="error", rule="withdraw.error")
    with book.ledger.transaction() as connection:
        assert head(connection).entry_no == 5
        assert first_break(connection) is None
        set_meta(connection, "chain_head", str(Head(5, bytes(32))))
        assert first_break(connection) is not None
