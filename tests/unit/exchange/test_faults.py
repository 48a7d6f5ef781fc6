"""What a push does when the far end fails: nothing is lost, nothing is said twice, nothing is taken for granted."""

import dataclasses
import random

import pytest

from publisher.exchange import Pushed
from publisher.ledger.schema import receipt
from publisher.sandbox import Limits, Sandbox


class Killed(BaseException):
    """The process ends here."""


def kill(seconds):
    raise Killed


@pytest.mark.parametrize("fault", ["lost_after", "lost_before"])
def test_a_lost_reply_is_settled_before_anything_is_sent_again(book, far, sandbox, fault):
    book.show("R-1")
    sandbox.faults.set(f"gsxt:{fault}=1")
    pushed = book.push(sleep=lambda seconds: sandbox.faults.clear())
    assert pushed == Pushed(accepted=1)
    assert far.holds()["R-1"][:2] == (1, "published")
    assert far.batches() == 1
    assert book.unsettled == []


@pytest.mark.parametrize("fault", ["lost_after", "lost_before"])
def test_a_push_killed_with_a_reply_lost_is_settled_by_the_next_one(book, far, sandbox, fault):
    book.show("R-1")
    sandbox.faults.set(f"gsxt:{fault}=1")
    with pytest.raises(Killed):
        book.push(sleep=kill)
    assert len(book.unsettled) == 1
    sandbox.faults.clear()
    assert book.push() == Pushed(accepted=1)
    assert far.batches() == 1
    assert book.receipts() == [("R-1", 1, "publish", "accepted")]


def test_a_publication_in_doubt_that_arrived_is_withdrawn_after_it_was_settled(book, far, sandbox):
    book.show("R-1")
    sandbox.faults.set("gsxt:lost_after=1")
    with pytest.raises(Killed):
        book.push(sleep=kill)
    sandbox.faults.clear()
    book.stop("R-1")
    assert book.push().accepted == 2
    assert book.receipts() == [("R-1", 1, "publish", "accepted"), ("R-1", 2, "withdraw", "accepted")]
    assert far.holds() == {"R-1": (2, "withdrawn", None)}


def test_a_publication_in_doubt_that_never_arrived_is_not_sent_after_a_stop(book, far, sandbox):
    book.show("R-1")
    book.show("R-2")
    sandbox.faults.set("gsxt:lost_before=1")
    with pytest.raises(Killed):
        book.push(sleep=kill)
    sandbox.faults.clear()
    book.stop("R-1")
    assert book.push() == Pushed(accepted=1)
    assert set(far.holds()) == {"R-2"}
    assert book.unsettled == []


def test_a_publication_under_a_forgotten_key_is_withdrawn_all_the_same(book, far, sandbox):
    book.show("R-1")
    sandbox.faults.set("gsxt:lost_after=1")
    with pytest.raises(Killed):
        book.push(sleep=kill)
    sandbox.faults.clear()
    far.sql("DELETE FROM batch")
    book.stop("R-1")
    assert book.push() == Pushed(accepted=1)
    assert far.holds() == {"R-1": (2, "withdrawn", None)}


def test_a_batch_under_a_forgotten_key_is_a_duplicate(book, far, sandbox):
    book.show("R-1")
    sandbox.faults.set("gsxt:lost_after=1")
    with pytest.raises(Killed):
        book.push(sleep=kill)
    sandbox.faults.clear()
    far.sql("DELETE FROM batch")
    assert book.push() == Pushed(duplicate=1)
    assert book.held == {"R-1": (1, "published")}


def test_a_lost_batch_does_not_hide_what_changed_meanwhile(book, far, sandbox, result):
    book.show("R-1")
    sandbox.faults.set("gsxt:lost_after=1")
    with pytest.raises(Killed):
        book.push(sleep=kill)
    sandbox.faults.clear()
    book.show("R-1", body=result("R-1", remark="更正"))
    assert book.push().accepted == 2
    assert far.holds()["R-1"][2]["remark"] == "更正"


def test_records_without_a_receipt_stay_owed(book, far, sandbox):
    for number in range(10):
        book.show(f"R-{number}")
    sandbox.faults.set("gsxt:partial=1,gsxt:shuffled=1,gsxt:duplicates=1")
    pushed = book.push()
    assert pushed.unprocessed == pushed.owed > 0
    assert pushed.accepted == 10 - pushed.unprocessed == len(far.holds()) == len(book.held)
    sandbox.faults.clear()
    assert book.push() == Pushed(accepted=pushed.unprocessed)
    assert len(far.holds()) == 10


@pytest.mark.parametrize("fault", ["http_429", "http_503", "http_500"])
def test_a_busy_endpoint_is_waited_for(book, far, sandbox, fault):
    book.show("R-1")
    sandbox.faults.set(f"gsxt:{fault}=1,gsxt:retry_after=7")
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if len(waits) == 3:
            sandbox.faults.clear()

    assert book.push(sleep=sleep) == Pushed(accepted=1)
    if fault != "http_500":
        assert all(5 < wait <= 7 for wait in waits[:3])
    assert far.batches() == 1


def test_an_endpoint_that_stays_down_is_owed_everything(book, far, sandbox):
    book.show("R-1")
    sandbox.faults.set("gsxt:http_503=1")
    pushed = book.push()
    assert pushed.owed == 1
    assert "503" in pushed.error
    sandbox.faults.clear()
    assert book.push() == Pushed(accepted=1)


def test_a_damaged_answer_is_not_believed(book, far, sandbox):
    book.show("R-1")
    sandbox.faults.set("gsxt:wrong_digest=1")
    pushed = book.push()
    assert pushed.owed == 1
    assert "Content-Digest" in pushed.error
    assert book.held == {}
    sandbox.faults.clear()
    assert book.push() == Pushed(accepted=1)
    assert far.batches() == 1


def test_a_batch_too_large_is_halved_until_it_fits(book, stack, endpoint):
    small = stack.enter_context(Sandbox(token=endpoint.token, limits=Limits(max_records=3)))
    book.endpoint = dataclasses.replace(endpoint, url=f"{small.url}/gsxt")
    for number in range(30):
        book.show(f"R-{number:02}")
    assert book.push() == Pushed(accepted=30)
    assert book.unsettled == []


def test_one_record_too_large_for_any_batch_is_set_aside(book, stack, endpoint, result):
    small = stack.enter_context(Sandbox(token=endpoint.token, limits=Limits(max_body=5000)))
    book.endpoint = dataclasses.replace(endpoint, url=f"{small.url}/gsxt")
    for number in range(5):
        book.show(f"R-{number}", body=result(f"R-{number}", remark="字" * (3000 if number == 3 else 1)))
    pushed = book.push()
    assert pushed == Pushed(accepted=4, rejected=1, refused=1)
    assert ("R-3", 1, "publish", "rejected") in book.receipts()


def test_a_record_that_spoils_its_batch_is_found_and_set_aside(book, far, result):
    for number in range(12):
        book.show(f"R-{number:02}")
    book.set_version("R-07", 2**53)  # more than a JSON number keeps: the sandbox refuses the batch whole (422)
    pushed = book.push()
    assert pushed == Pushed(accepted=11, rejected=1, refused=1)
    assert "R-07" not in far.holds()
    (refused,) = [one for one in book.rows(receipt) if one["code"]]
    assert refused["code"] == "http_422"
    assert "version" in refused["message"]
    assert book.push() == Pushed(refused=1)
    book.set_version("R-07", 2**53 + 1)
    assert book.push() == Pushed(rejected=1, refused=1)


def test_an_endpoint_that_refuses_everything_refuses_us(book, far):
    for number in range(10):
        book.show(f"R-{number}")
        book.set_version(f"R-{number}", 2**53)
    pushed = book.push()
    assert (pushed.owed, pushed.refused, pushed.rejected) == (10, 0, 0)
    assert "every record" in pushed.error


def test_a_rejected_record_is_not_sent_again_until_it_changes(book, far, result):
    book.show("R-1", body=result("R-1", version=2**60))  # has no canonical form
    book.show("R-2")
    assert book.push() == Pushed(accepted=1, rejected=1, refused=1)
    batches = far.batches()
    assert book.push() == Pushed(refused=1)
    assert far.batches() == batches
    book.show("R-1")
    assert book.push() == Pushed(accepted=1)
    assert far.holds()["R-1"][0] == 2


def test_a_higher_version_there_is_caught_up_with(book, new_book, far, result):
    before = new_book()  # another ledger told the endpoint before: this one is behind
    for name in ("R-1", "R-2", "R-3"):
        before.show(name, body=result(name, remark="旧"))
        before.set_version(name, 7)
    before.push()
    for name in ("R-1", "R-2", "R-9"):
        book.show(name)
    book.show("R-1", body=result("R-1", remark="新"))
    pushed = book.push()
    assert pushed == Pushed(accepted=3)
    assert {name: one[0] for name, one in far.holds().items()} == {"R-1": 8, "R-2": 8, "R-3": 7, "R-9": 1}
    assert far.holds()["R-1"][2]["remark"] == "新"
    assert book.held == {"R-1": (8, "published"), "R-2": (8, "published"), "R-9": (1, "published")}


def test_a_batch_settled_only_after_its_limits_shrank_is_made_anew(book, stack, endpoint, sandbox):
    for number in range(10):
        book.show(f"R-{number}")
    sandbox.faults.set("gsxt:lost_before=1")
    with pytest.raises(Killed):
        book.push(sleep=kill)
    small = stack.enter_context(Sandbox(token=endpoint.token, limits=Limits(max_records=3)))
    assert book.push(dataclasses.replace(endpoint, url=f"{small.url}/gsxt")) == Pushed(accepted=10)
    assert book.unsettled == []


def _receipt(record, **changes):
    given = {"record_id": record["record_id"], "version": record["version"], "status": "accepted"}
    return given | {"receipt_no": "1", "code": None, "message": None} | changes


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda said: (200, {"batch_id": said["batch_id"]}), "without a list of receipts"),
        (lambda said: (200, []), "without a list of receipts"),
        (lambda said: (200, {"batch_id": "other", "receipts": []}), "was answered as"),
        (lambda said: (409, {"detail": "another body"}), "409: another body"),
        (lambda said: (404, {}), "404"),
        (lambda said: (204, {}), "204"),
        (lambda said: (302, {}), "redirects"),
    ],
)
def test_an_answer_out_of_contract_is_refused_and_nothing_is_lost(book, odd, answer, words):
    endpoint, answers = odd
    answers.append(answer)
    book.show("R-1")
    pushed = book.push(endpoint)
    assert words in pushed.error
    assert pushed.owed == 1
    assert (book.held, book.receipts()) == ({}, [])
    assert len(book.unsettled) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"record_id": "R-8"}, "R-8"),
        ({"version": 2}, "version 2"),
        ({"version": True}, "version True"),
        ({"status": "fine"}, "fine"),
        ({"message": 7}, "message"),
        ({"record_id": None}, "no receipt"),
    ],
)
def test_a_receipt_for_what_was_not_sent_is_refused_and_nothing_is_lost(book, odd, change, words):
    endpoint, answers = odd
    answers.append(
        lambda said: (
            200,
            {
                "batch_id": said["batch_id"],
                "receipts": [_receipt(said["records"][0]), _receipt(said["records"][1], **change)],
            },
        )
    )
    book.show("R-1")
    book.show("R-2")
    pushed = book.push(endpoint)
    assert words in pushed.error
    assert (pushed.owed, book.held, book.receipts()) == (2, {}, [])
    answers[0] = lambda said: (
        200,
        {"batch_id": said["batch_id"], "receipts": [_receipt(one) for one in said["records"]]},
    )
    assert book.push(endpoint) == Pushed(accepted=2)


def test_two_receipts_that_contradict_each_other_are_refused(book, odd):
    endpoint, answers = odd
    answers.append(
        lambda said: (
            200,
            {
                "batch_id": said["batch_id"],
                "receipts": [_receipt(said["records"][0]), _receipt(said["records"][0], status="rejected")],
            },
        )
    )
    book.show("R-1")
    assert "contradict" in book.push(endpoint).error
    assert book.held == {}


@pytest.mark.parametrize("seed", range(6))
def test_whatever_fails_on_the_way_the_endpoint_ends_with_what_is_shown(book, far, sandbox, result, seed):
    draw = random.Random(seed)
    ids = [f"R-{number}" for number in range(12)]
    shown = {}
    faults = ["lost_before", "lost_after", "http_500", "http_503", "http_429", "partial", "shuffled", "duplicates"]
    for _ in range(15):
        for name in draw.sample(ids, 4):
            if name in shown and draw.random() < 0.5:
                book.stop(name)
                del shown[name]
            else:
                shown[name] = result(name, remark=f"{draw.randrange(3)}")
                book.show(name, body=shown[name])
        spec = {name: draw.choice([0, 0, 0.3, 0.6]) for name in [*faults, "wrong_digest"]}
        sandbox.faults.replace({"gsxt": spec | {"forget_keys": draw.choice([0, 1])}})
        left = draw.choice([1, 3, 100])

        def sleep(seconds):
            nonlocal left
            left -= 1
            if not left:
                raise Killed

        try:
            book.push(sleep=sleep)
        except Killed:
            continue
    sandbox.faults.clear()
    last = book.push()
    assert (last.owed, last.refused, last.rejected, last.error) == (0, 0, 0, None)
    assert {name: one[2] for name, one in far.holds().items() if one[1] == "published"} == shown
    assert book.unsettled == book.owed == []
    assert book.reconcile() == []
