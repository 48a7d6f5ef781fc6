"""The ledger's side of a push: what is due, what is in doubt, what is known to be held."""

import orjson
import pytest
from sqlalchemy import insert, select, update

from publisher.ledger import Ledger, holdings, outbox
from publisher.ledger.holdings import Holding, Receipt
from publisher.ledger.outbox import Batch, BatchItem
from publisher.ledger.schema import batch_item, held, owed_push, receipt, record, shown


@pytest.fixture
def ledger(tmp_path):
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as opened:
        with opened.transaction() as connection:
            for number in range(1, 6):
                state = "published" if number < 4 else "withdrawn"
                values = {"record_no": number, "record_id": f"R-{number}", "kind": "result", "plan_id": "P-1"}
                connection.execute(insert(record).values(**values, version=2, state=state))
                connection.execute(insert(owed_push).values(endpoint="gsxt", record_no=number))
                if state == "published":
                    connection.execute(insert(shown).values(record_no=number, body="{}", beside="{}"))
        yield opened


def item(number, action="publish", version=2):
    return BatchItem(number, f"R-{number}", version, action, None if action == "withdraw" else "d")


def batch_of(*items):
    return Batch("b-1", "gsxt", b"body", items)


def due(connection, endpoint="gsxt", is_shown=True, **options):
    rows = outbox.due_pushes(connection, endpoint, is_shown=is_shown, **{"after": 0, "limit": 10} | options)
    return [row.record_no for row in rows]


def test_what_is_due_comes_by_number_and_by_what_should_be_shown(ledger):
    with ledger.transaction() as connection:
        assert due(connection) == [1, 2, 3]
        assert due(connection, is_shown=False) == [4, 5]
        assert due(connection, after=1, limit=1) == [2]
        assert due(connection, only=[3, 5]) == [3]
        assert due(connection, "other") == []


def test_records_in_doubt_and_refused_ones_are_not_due(ledger):
    with ledger.transaction() as connection:
        outbox.keep_batch(connection, batch_of(item(1)))
        holdings.set_aside(connection, "gsxt", [item(2)])
        assert due(connection) == [3]
        assert outbox.owed_and_refused(connection, "gsxt") == (4, 1)
        connection.execute(update(record).where(record.c.record_no == 2).values(version=3))
        assert due(connection) == [2, 3]
        outbox.drop_batch(connection, "b-1")
        assert due(connection) == [1, 2, 3]
        assert connection.execute(select(batch_item)).all() == []


def test_a_record_in_doubt_at_one_endpoint_is_due_at_another(ledger):
    with ledger.transaction() as connection:
        connection.execute(insert(owed_push).values(endpoint="credit", record_no=1))
        outbox.keep_batch(connection, batch_of(item(1)))
        assert due(connection, "credit") == [1]


def test_receipts_are_taken_in(ledger):
    sent = batch_of(item(1), item(2), item(3), item(4, "withdraw"))
    with ledger.transaction() as connection:
        outbox.keep_batch(connection, sent)
        connection.execute(update(record).where(record.c.record_no == 2).values(version=3))  # changed since
        receipts = [
            Receipt(item(1), "accepted", "N-1"),
            Receipt(item(2), "duplicate"),
            Receipt(item(4, "withdraw"), "accepted"),
        ]
        assert holdings.settle(connection, sent, receipts, 1, is_whole=True) == 1
        found = {row.record_no: (row.version, row.state, row.digest) for row in connection.execute(select(held))}
        assert found == {1: (2, "published", "d"), 2: (2, "published", "d"), 4: (2, "withdrawn", None)}
        assert due(connection) == [2, 3]
        assert due(connection, is_shown=False) == [5]
        statuses = connection.execute(select(receipt.c.record_no, receipt.c.status).order_by(receipt.c.receipt_seq))
        assert [tuple(row) for row in statuses] == [
            (1, "accepted"),
            (2, "duplicate"),
            (4, "accepted"),
            (3, "unprocessed"),
        ]
        assert outbox.unsettled_ids(connection, "gsxt") == []


def test_receipts_may_come_in_parts(ledger):
    sent = batch_of(item(1), item(2))
    with ledger.transaction() as connection:
        outbox.keep_batch(connection, sent)
        assert holdings.settle(connection, sent, [Receipt(item(1), "rejected", None, "c", "m")], 1, is_whole=False) == 1
        left, is_current = outbox.find_batch(connection, "b-1")
        assert left.items == (item(2),)
        assert left.body == b"body"
        assert is_current
        assert outbox.settled_ids(connection, "b-1") == {"R-1"}
        connection.execute(update(record).where(record.c.record_no == 2).values(version=3))
        assert outbox.find_batch(connection, "b-1")[1] is False


def test_the_first_acceptance_is_kept(ledger):
    with ledger.transaction() as connection:
        holdings.settle(connection, batch_of(item(1)), [Receipt(item(1), "accepted")], 1, is_whole=True)
        connection.execute(update(held).values(first_accepted_at="then"))
        later = item(1, "withdraw", 3)
        holdings.settle(connection, batch_of(later), [Receipt(later, "accepted")], 2, is_whole=True)
        row = connection.execute(select(held)).one()
        assert (row.version, row.state, row.digest, row.first_accepted_at) == (3, "withdrawn", None, "then")


def test_an_endpoint_is_believed(ledger):
    with ledger.transaction() as connection:
        holdings.settle(
            connection, batch_of(item(1), item(2)), [Receipt(item(n), "accepted") for n in (1, 2)], 1, is_whole=True
        )
        holdings.set_aside(connection, "gsxt", [item(3)])
        holdings.believe(connection, "gsxt", {1: None, 2: Holding("R-2", 9, "published", "x"), 3: None})
        row = connection.execute(select(held)).one()
        assert (row.record_no, row.version, row.digest) == (2, 9, "x")
        assert due(connection) == [1, 2, 3]


def test_versions_only_grow(ledger):
    with ledger.transaction() as connection:
        outbox.raise_versions(connection, {1: 9, 2: 1})
        rows = connection.execute(select(record.c.version).where(record.c.record_no < 3).order_by(record.c.record_no))
        assert [row.version for row in rows] == [9, 2]


def test_results_follow_their_plan(ledger):
    with ledger.transaction() as connection:
        for number, plan_id in ((8, "P-1"), (9, "P-2")):
            values = {"record_no": number, "record_id": plan_id, "kind": "plan", "version": 1, "state": "published"}
            connection.execute(insert(record).values(**values))
        body = orjson.dumps({"title": "计划"}).decode()
        connection.execute(insert(shown).values(record_no=8, body=body, beside="{}"))
        holdings.settle(connection, batch_of(item(1)), [Receipt(item(1), "accepted")], 1, is_whole=True)
        outbox.owe_results_of_owed_plans(connection, "gsxt")
        assert due(connection) == [2, 3]
        connection.execute(insert(owed_push).values(endpoint="gsxt", record_no=8))
        outbox.owe_results_of_owed_plans(connection, "gsxt")
        assert due(connection) == [1, 2, 3, 8]
        assert outbox.shown_plans(connection, ["P-1", "P-2"]) == {"P-1": {"title": "计划"}}


def test_refusals_say_what_the_endpoint_said(ledger):
    refused = Receipt(item(3), "rejected", "N-3", "wrong", "it is wrong")
    with ledger.transaction() as connection:
        holdings.settle(connection, batch_of(item(3)), [refused], 1, is_whole=True)
        assert [tuple(row) for row in holdings.refusals(connection, "gsxt")] == [
            ("result", "R-3", 2, "wrong", "it is wrong")
        ]


def test_records_are_listed_in_byte_order(ledger):
    with ledger.transaction() as connection:
        for name in ("字", "r", "𠀀", "Z", "ｆ"):
            connection.execute(insert(record).values(record_id=name, kind="item_list", version=1, state="published"))
        seen, after = [], ""
        while rows := outbox.by_record_id(connection, "gsxt", "item_list", after=after, limit=2):
            seen += [row.record_id for row in rows]
            after = seen[-1]
        assert seen == sorted(("字", "r", "𠀀", "Z", "ｆ"), key=str.encode)
