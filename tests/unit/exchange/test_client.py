"""The client as another program uses it: no ledger, one endpoint, real HTTP."""

import dataclasses

import pytest

from publisher.errors import EndpointRefused, EndpointUnavailable, SettingsError
from publisher.exchange import Client, Endpoint, Holding, Message, Receipt, Reply, RetryPolicy, Submission
from publisher.exchange.pace import Pace
from publisher.sandbox import Limits, Sandbox


def message(record_id="R-1", version=1, action="publish", payload=None, **changes):
    payload = {"result_id": record_id} if payload is None and action != "withdraw" else payload
    return Message(record_id, "result", version, action, "R0-01", payload)._replace(**changes)


@pytest.fixture
def client(endpoint, stack):
    return stack.enter_context(Client(endpoint, sleep=lambda seconds: None))


def test_submit_ask_and_list(client):
    batch = Submission.of([message("R-1"), message("R-2")], sender="320000")
    reply = client.submit(batch)
    assert (reply.verdict, [one[:3] for one in reply.receipts]) == (
        "taken", [("R-1", 1, "accepted"), ("R-2", 1, "accepted")],
    )  # fmt: skip
    assert reply.unprocessed(batch) == []
    assert client.find_batch(batch) == reply == client.find_batch(Submission.read(batch.body))
    assert client.submit(batch) == reply  # the same key and body: the same answer, and no second effect
    withdrawal = Submission.of([message("R-1", 2, "withdraw")], sender="320000")
    assert client.submit(withdrawal).receipts[0].status == "accepted"
    assert list(client.records()) == [
        Holding("R-1", 2, "withdrawn", None),
        Holding("R-2", 1, "published", batch_digest(batch, 1)),
    ]
    assert client.find_batch(Submission.of([message()], "320000")) is None


def batch_digest(batch, place):
    import json

    return json.loads(batch.body)["records"][place]["digest"]


def test_a_lost_reply_is_asked_about(client, sandbox, far):
    sandbox.faults.set("gsxt:lost_after=1")
    with pytest.raises(EndpointUnavailable):
        client.submit(Submission.of([message()], "320000", "key-1"))
    sandbox.faults.clear()
    assert far.batches() == 1


def test_what_was_left_out_is_unprocessed_and_a_stale_version_is_said(client, sandbox):
    sandbox.faults.set("gsxt:partial=1")
    batch = Submission.of([message("R-1"), message("R-2")], "320000")
    reply = client.submit(batch)
    (left,) = reply.unprocessed(batch)
    assert {left, reply.receipts[0].record_id} == {"R-1", "R-2"}
    sandbox.faults.clear()
    client.submit(Submission.of([message("R-9", 5)], "320000"))
    (stale,) = client.submit(Submission.of([message("R-9", 4)], "320000")).receipts
    assert isinstance(stale, Receipt)
    assert (stale.status, stale.code) == ("rejected", "stale_version")


def test_a_batch_refused_whole_is_a_reply_and_not_an_error(endpoint, stack):
    small = stack.enter_context(Sandbox(token=endpoint.token, limits=Limits(max_records=1)))
    client = stack.enter_context(Client(dataclasses.replace(endpoint, url=f"{small.url}/gsxt")))
    reply = client.submit(Submission.of([message("R-1"), message("R-2")], "320000"))
    assert isinstance(reply, Reply)
    assert (reply.verdict, reply.code) == ("too_large", "http_413")
    assert "split it" in reply.message
    reply = client.submit(Submission.of([message(version=2**53)], "320000"))
    assert (reply.verdict, reply.code) == ("refused", "http_422")


def test_one_key_for_two_bodies_is_refused(client):
    client.submit(Submission.of([message()], "320000", "key-1"))
    with pytest.raises(EndpointRefused, match="409"):
        client.submit(Submission.of([message(version=2, action="correct")], "320000", "key-1"))


@pytest.mark.parametrize(
    "messages",
    [
        [message(), message(version=2)],
        [message(action="withdraw", payload={})],
        [message()._replace(payload=None)],
    ],
)
def test_a_batch_that_makes_no_sense_is_not_made(messages):
    with pytest.raises(SettingsError):
        Submission.of(messages, "320000")


def test_a_folder_is_no_client(tmp_path):
    with pytest.raises(SettingsError):
        Client(Endpoint("drop", "filedrop", path=tmp_path))


# patience ---------------------------------------------------------------------------------------------------------


def test_after_failures_in_a_row_nothing_is_sent_any_more(endpoint, sandbox, stack):
    sandbox.faults.set("gsxt:http_503=1,gsxt:retry_after=0")
    said = []
    policy = RetryPolicy(attempts=4, in_a_row=6)
    client = stack.enter_context(Client(endpoint, retry=policy, say=said.append, sleep=lambda seconds: None))
    batch = Submission.of([message()], "320000")
    with pytest.raises(EndpointUnavailable, match="status 503"):
        client.submit(batch)
    with pytest.raises(EndpointUnavailable, match="left for this run after 6 failures in a row"):
        client.submit(batch)
    asked = sandbox.faults.summary()["struck"]["gsxt:http_503"]
    assert asked == 6
    sandbox.faults.clear()
    with pytest.raises(EndpointUnavailable, match="left for this run"):
        client.submit(batch)
    assert len(said) == 4  # one line for each wait: three of the first four attempts, one of the other two


def test_the_time_one_push_may_lose_is_bounded(book, far, sandbox, endpoint):
    book.show("R-1")
    sandbox.faults.set("gsxt:http_503=1,gsxt:retry_after=40")
    waits = []
    pushed = book.push(dataclasses.replace(endpoint, retry_seconds=100), sleep=waits.append)
    assert sum(waits) <= 100
    assert len(waits) == 2
    assert pushed.owed == 1


def test_an_answer_closes_the_row_of_failures(endpoint, sandbox, stack):
    def recover(seconds):
        sandbox.faults.clear()

    client = stack.enter_context(Client(endpoint, retry=RetryPolicy(attempts=4, in_a_row=2), sleep=recover))
    for number in range(5):
        sandbox.faults.set("gsxt:http_503=1")
        assert client.submit(Submission.of([message(f"R-{number}")], "320000")).verdict == "taken"


def test_pace():
    now, waits = [0.0], []

    def sleep(seconds):
        waits.append(round(seconds, 3))
        now[0] += seconds

    pace = Pace(100, 30, sleep, clock=lambda: now[0])
    pace.wait(500)  # 5 s of records
    pace.wait(10)  # 2 s for a batch
    pace.wait(10)
    now[0] += 60
    pace.wait(1)
    pace.wait(1)
    assert waits == [5.0, 2.0, 2.0]
    unbounded = Pace(None, None, sleep, clock=lambda: now[0])
    unbounded.wait(10_000)
    unbounded.wait(10_000)
    assert len(waits) == 3
