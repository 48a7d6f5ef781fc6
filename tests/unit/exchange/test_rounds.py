"""Several endpoints: one that does not answer is left until the others were told; keys are trusted for a while only."""

import dataclasses
import socket
import time

import pytest

from publisher.exchange import Pushed, push
from publisher.ledger.owed import owe_pushes
from publisher.ledger.schema import batch


@pytest.fixture
def silent():
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def push_all(book, endpoints, sleep=None):
    return push(book.ledger, endpoints, 1, book.said.append, sender="320000", sleep=sleep or book.sleep)


def test_the_others_are_told_before_a_dead_one_is_waited_for(book, far, endpoint, silent):
    dead = dataclasses.replace(endpoint, name="dead", url=silent, answer_seconds=0.2)
    book.show("R-1")
    with book.ledger.transaction() as connection:
        owe_pushes(connection, [1], ["dead"])
    told_after = []

    def sleep(seconds):
        if far.holds():
            told_after.append(seconds)

    began = time.monotonic()
    pushed = push_all(book, [dead, endpoint], sleep)
    assert time.monotonic() - began < 10
    assert pushed["gsxt"] == Pushed(accepted=1)
    assert pushed["dead"].owed == 1
    assert "no answer in time" in pushed["dead"].error
    assert told_after  # its patience came after the other one was told
    assert [line for line in book.said if line.startswith("dead: ")] == [
        "dead: does not answer; the other endpoints are told first",
        f"dead: {pushed['dead'].error}",
    ]


def test_one_that_comes_back_meanwhile_is_told_in_the_same_push(book, far, endpoint, sandbox):
    first = dataclasses.replace(endpoint, name="first", url=f"{sandbox.url}/first")
    book.show("R-1")
    with book.ledger.transaction() as connection:
        owe_pushes(connection, [1], ["first"])
    sandbox.faults.set("first:http_503=1")
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            sandbox.faults.clear()

    pushed = push_all(book, [first, endpoint], sleep)
    assert pushed == {"first": Pushed(accepted=1), "gsxt": Pushed(accepted=1)}
    assert far.holds("first") == far.holds("gsxt")


def test_one_that_refuses_us_is_not_asked_twice(book, far, endpoint):
    wrong = dataclasses.replace(endpoint, name="wrong", token="not-the-token")
    book.show("R-1")
    with book.ledger.transaction() as connection:
        owe_pushes(connection, [1], ["wrong"])
    pushed = push_all(book, [wrong, endpoint])
    assert "401" in pushed["wrong"].error
    assert book.said == [f"wrong: {pushed['wrong'].error}"]


@pytest.mark.parametrize(("hours", "expected"), [(23, "duplicate"), (25, None)])
def test_a_key_older_than_the_endpoint_keeps_them_is_never_sent_again(book, far, sandbox, hours, expected):
    """Within the window the batch goes again under its key; after it, what the endpoint lists decides."""
    book.show("R-1")
    sandbox.faults.set("gsxt:lost_after=1")
    with pytest.raises(KeyboardInterrupt):
        book.push(sleep=interrupt)
    sandbox.faults.clear()
    far.sql("DELETE FROM batch")  # the endpoint has forgotten the key
    made_at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() - hours * 3600))
    with book.ledger.transaction() as connection:
        connection.execute(batch.update().values(made_at=made_at))
    pushed = book.push()
    assert pushed == (Pushed(duplicate=1) if expected else Pushed())
    assert far.batches() == (1 if expected else 0)
    assert book.held == {"R-1": (1, "published")}
    assert book.unsettled == book.owed == []
    assert book.reconcile() == []


def interrupt(seconds):
    raise KeyboardInterrupt


def test_a_batch_that_never_arrived_is_made_anew_after_its_key_is_too_old(book, far, sandbox):
    book.show("R-1")
    sandbox.faults.set("gsxt:lost_before=1")
    with pytest.raises(KeyboardInterrupt):
        book.push(sleep=interrupt)
    sandbox.faults.clear()
    (old,) = book.unsettled
    with book.ledger.transaction() as connection:
        connection.execute(batch.update().values(made_at="2021-01-01T00:00:00+08:00"))
    assert book.push() == Pushed(accepted=1)
    found = far.sandbox._state._connection.execute("SELECT key FROM batch").fetchall()
    assert found != [(old["batch_id"],)]
