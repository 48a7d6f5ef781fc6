"""What a push tells an endpoint: against a real one, over real HTTP."""

import dataclasses
import hashlib

import rfc8785

from publisher.exchange import Pushed, push
from publisher.ledger.schema import held


def test_a_record_is_published_and_then_there_is_nothing_to_tell(book, far, result):
    book.show("R-1")
    assert book.push() == Pushed(accepted=1)
    assert far.holds() == {"R-1": (1, "published", result("R-1"))}
    assert book.held == {"R-1": (1, "published")}
    assert book.receipts() == [("R-1", 1, "publish", "accepted")]
    assert book.unsettled == []
    assert book.push() == Pushed()
    assert far.batches() == 1


def test_the_digest_is_that_of_the_canonical_payload(book, far, result):
    book.show("R-1", body=result("R-1", remark='控制符\u0001\t"\\/\u2028\x7f与😀'))
    assert book.push().accepted == 1
    (row,) = book.rows(held)
    assert row["digest"] == hashlib.sha256(rfc8785.dumps(far.holds()["R-1"][2])).hexdigest()


def test_another_content_is_a_correction_and_the_same_content_is_not(book, far, result):
    book.show("R-1")
    book.push()
    book.show("R-1", body=result("R-1", remark="更正"))
    assert book.push().accepted == 1
    assert far.holds()["R-1"][0] == 2
    assert far.holds()["R-1"][2]["remark"] == "更正"
    book.stop("R-1")
    book.show("R-1", body=result("R-1", remark="更正"))  # stopped and shown again before anyone was told
    assert book.push() == Pushed()
    assert book.receipts()[-1] == ("R-1", 2, "correct", "accepted")
    assert far.batches() == 2


def test_a_stop_is_a_withdrawal_and_showing_again_a_publication(book, far):
    book.show("R-1")
    book.push()
    book.stop("R-1")
    assert book.push().accepted == 1
    assert far.holds() == {"R-1": (2, "withdrawn", None)}
    book.show("R-1")
    assert book.push().accepted == 1
    assert far.holds()["R-1"][:2] == (3, "published")
    assert [one[2] for one in book.receipts()] == ["publish", "withdraw", "publish"]


def test_a_stop_before_its_publication_was_sent_sends_neither(book, far):
    book.show("R-1")
    book.stop("R-1")
    assert book.push() == Pushed()
    assert far.batches() == 0
    assert book.receipts() == []


def test_withdrawals_go_before_everything_else(book, far):
    book.show("R-2")
    book.push()
    book.show("R-1")
    book.show("R-3")
    book.stop("R-2")
    book.push()
    assert [one[0] for one in book.receipts()] == ["R-2", "R-2", "R-1", "R-3"]


def test_many_records_go_in_batches_of_the_size_that_was_set(book, far):
    for number in range(45):
        book.show(f"R-{number:03}")
    assert book.push().accepted == 45
    assert far.batches() == 3
    assert len(far.holds()) == 45


def test_batches_are_bounded_in_bytes_and_a_large_record_goes_alone(book, far, result):
    book.endpoint = dataclasses.replace(book.endpoint, batch_bytes=4000)
    for number in range(6):
        book.show(f"R-{number}", body=result(f"R-{number}", remark="字" * (5000 if number == 2 else 1)))
    assert book.push().accepted == 6
    assert far.batches() >= 3


def test_a_plan_and_a_result_with_one_id_never_share_a_batch(book, odd):
    endpoint, answers = odd
    sent = []

    def accept(said):
        sent.append([(one["record_id"], one["kind"]) for one in said["records"]])
        receipts = [
            {"record_id": one["record_id"], "version": one["version"], "status": "accepted", "receipt_no": None}
            for one in said["records"]
        ]
        return 200, {"batch_id": said["batch_id"], "receipts": receipts}

    answers.append(accept)
    book.show("X-1", kind="plan")
    book.show("X-1", kind="result")
    assert book.push(endpoint) == Pushed(accepted=2)
    assert sent == [[("X-1", "plan")], [("X-1", "result")]]


def test_one_endpoint_down_does_not_hold_the_other(book, far, endpoint):
    down = dataclasses.replace(endpoint, name="down", url="http://127.0.0.1:1/x")
    book.endpoint = down
    book.show("R-1")
    book.endpoint = endpoint
    book.show("R-2")

    pushed = push(book.ledger, [down, endpoint], 1, book.said.append, sender="320000", sleep=book.sleep)
    assert pushed["gsxt"].accepted == 1
    assert pushed["gsxt"].error is None
    assert pushed["down"].owed == 1
    assert "no connection" in pushed["down"].error
    assert set(far.holds()) == {"R-2"}


def test_a_wrong_token_stops_the_push_and_is_never_told(book, far, endpoint):
    book.show("R-1")
    wrong = dataclasses.replace(endpoint, token="not-the-token")
    pushed = book.push(wrong)
    assert pushed.owed == 1
    assert "401" in pushed.error
    assert "GSXT_TOKEN" in pushed.error
    assert "not-the-token" not in "".join([pushed.error, repr(wrong), *book.said])
    assert book.push() == Pushed(accepted=1)


def test_the_national_mapping_uses_its_own_names(book, far, endpoint, plan):
    gsxt = dataclasses.replace(endpoint, mapping="gsxt")
    book.show("R-1")
    book.push(gsxt)
    assert far.holds()["R-1"][2] == {
        "uniscid": "91320102MA00000036",
        "regno": None,
        "entname": "玄武云桥测试有限公司",
        "raninsPlanId": "P-1",
        "raninsPlaneName": None,
        "raninsTaskId": "T-1",
        "raninsTaskName": None,
        "raninsTypeName": "不定向",
        "insAuth": "南京市玄武区市场监督管理局",
        "insDate": "2021-06-02",
        "details": [{"seqno": 1, "raninsItemName": "公示信息抽查", "raninsCheckResName": "未发现问题"}],
    }
    book.show("P-1", kind="plan")  # its results carry its title from now on
    assert book.push(gsxt).accepted == 2
    assert far.holds()["R-1"][2]["raninsPlaneName"] == "2021年度抽查计划"
    assert far.holds()["R-1"][2]["raninsTaskName"] == "校外培训机构联合抽查"
    assert far.holds()["R-1"][:2] == (2, "published")
    assert far.holds()["P-1"][2] == plan("P-1")
    book.stop("P-1", kind="plan")
    assert book.push(gsxt).accepted == 2
    assert far.holds()["R-1"][2]["raninsPlaneName"] is None


def test_a_record_the_mapping_cannot_write_is_counted_and_withdrawn_where_it_is_held(
    book, far, endpoint, result, tmp_path
):
    mapping = tmp_path / "coded.toml"
    mapping.write_text('needs_code = true\nresult = "plain"\n')
    coded = dataclasses.replace(endpoint, mapping=str(mapping))
    nameless = result("R-1")["subject"] | {"uscc": None}
    book.show("R-1", body=result("R-1", subject=nameless))
    book.show("R-2")
    pushed = book.push(coded)
    assert (pushed.accepted, pushed.unsendable, pushed.rejected, pushed.owed) == (1, 1, 0, 0)
    assert ("R-1", 1, "publish", "unsendable") in book.receipts()
    book.show("R-2", body=result("R-2", subject=nameless))
    assert book.push(coded).accepted == 1
    assert far.holds() == {"R-2": (2, "withdrawn", None)}
