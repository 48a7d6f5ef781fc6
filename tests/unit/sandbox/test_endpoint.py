"""What an endpoint answers: contract section 3."""

import hashlib
import json
import threading

import pytest

from publisher.sandbox import Limits


def test_a_batch_is_accepted_and_listed(run, record):
    client = run().client
    reply = client.post([record("R-2"), record("R-1")])
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json["batch_id"] == "b-1"
    receipts = reply.json["receipts"]
    assert {receipt["record_id"] for receipt in receipts} == {"R-1", "R-2"}
    assert all(
        receipt.keys() == {"record_id", "version", "status", "receipt_no", "code", "message"} for receipt in receipts
    )
    assert len({receipt["receipt_no"] for receipt in receipts}) == 2
    listed = client.get("/v1/records").json
    assert listed == {
        "records": [
            {"record_id": id_, "version": 1, "state": "published", "digest": record(id_)["digest"]}
            for id_ in ("R-1", "R-2")
        ],
        "next": None,
    }


def test_the_same_request_has_the_same_answer_and_no_second_effect(run, record):
    client = run().client
    first = client.post([record()])
    assert client.post([record()]).body == first.body
    assert client.get("/v1/batches/k-1").body == first.body
    assert client.get("/_sandbox/state").json["endpoints"]["default"] == {
        "published": 1,
        "withdrawn": 0,
        "batches": 1,
    }


def test_a_key_is_found_percent_encoded(run, record):
    client = run().client
    first = client.post([record()], key="a/b c%".replace(" ", "+"))
    assert client.get("/v1/batches/a%2Fb%2Bc%25").body == first.body


def test_a_key_with_another_body_is_a_conflict_and_changes_nothing(run, record):
    client = run().client
    first = client.post([record()])
    assert client.post([record("R-2")]).status == 409
    assert client.get("/v1/batches/k-1").body == first.body
    assert len(client.get("/v1/records").json["records"]) == 1


def test_a_key_never_seen_is_404_also_after_a_refusal(run):
    client = run().client
    assert client.get("/v1/batches/k-1").status == 404
    assert client.post([]).status == 422
    assert client.get("/v1/batches/k-1").status == 404


def test_legal_order(run, record):
    client = run().client
    steps = [
        ("correct", 1, ("rejected", "wrong_order")),
        ("withdraw", 2, ("rejected", "wrong_order")),
        ("publish", 3, ("accepted", None)),
        ("publish", 4, ("rejected", "wrong_order")),
        ("correct", 5, ("accepted", None)),
        ("withdraw", 6, ("accepted", None)),
        ("withdraw", 7, ("rejected", "wrong_order")),
        ("correct", 8, ("rejected", "wrong_order")),
        ("publish", 9, ("accepted", None)),
    ]
    for action, version, expected in steps:
        assert client.statuses([record(version=version, action=action)], f"k-{version}") == [expected], (
            action,
            version,
        )
    held = client.get("/v1/records").json["records"]
    assert [(one["version"], one["state"]) for one in held] == [(9, "published")]


def test_a_withdrawn_record_is_listed_without_a_digest(run, record):
    client = run().client
    client.post([record()], "k-1")
    client.post([record(version=2, action="withdraw")], "k-2")
    assert client.get("/v1/records").json["records"] == [
        {"record_id": "R-1", "version": 2, "state": "withdrawn", "digest": None}
    ]


def test_versions_may_be_skipped_but_not_go_back(run, record):
    client = run().client
    assert client.statuses([record(version=5)], "k-1") == [("accepted", None)]
    assert client.statuses([record(version=4, action="correct")], "k-2") == [("rejected", "stale_version")]
    assert client.statuses([record(version=9, action="correct")], "k-3") == [("accepted", None)]


def test_the_same_version_again_is_a_duplicate_with_the_first_receipt_number(run, record):
    client = run().client
    first = client.post([record()], "k-1").json["receipts"][0]
    again = client.post([record()], "k-2").json["receipts"][0]
    assert again["status"] == "duplicate"
    assert again["receipt_no"] == first["receipt_no"]
    assert client.statuses([record(text="另一内容")], "k-3") == [("rejected", "version_conflict")]
    client.post([record(version=2, action="withdraw")], "k-4")
    assert client.statuses([record(version=2, action="withdraw")], "k-5") == [("duplicate", None)]


def test_each_prefix_is_an_endpoint_of_its_own(run, record):
    client = run().client
    assert client.statuses([record()], "k-1", "/gsxt") == [("accepted", None)]
    assert client.statuses([record(text="别的")], "k-1", "/credit") == [("accepted", None)]
    assert client.get("/v1/records").json["records"] == []
    assert client.get("/gsxt/v1/records").json["records"][0]["digest"] == record()["digest"]
    assert client.get("/v1/batches/k-1").status == 404
    assert client.get("/credit/v1/batches/k-1").status == 200


def test_one_bad_digest_rejects_one_record(run, record):
    client = run().client
    wrong = record("R-2") | {"digest": "0" * 64}
    assert client.statuses([record("R-1"), wrong], "k-1") == [("accepted", None), ("rejected", "digest_mismatch")]


def test_the_digest_is_that_of_rfc_8785_whatever_the_spelling_on_the_wire(run, record):
    client = run().client
    # RFC 8785 writes 1.0 as 1 and sorts keys by UTF-16 units: U+1F600 (D83D…) before U+FB33.
    canonical = '{"a":1,"\U0001f600":"€","\ufb33":"x"}'
    wire = '{ "\ufb33":"x", "\\ud83d\\ude00": "\\u20ac", "a": 1.0 }'
    one = record() | {"digest": hashlib.sha256(canonical.encode()).hexdigest(), "payload": "PAYLOAD"}
    body = json.dumps({"batch_id": "b", "sender": "s", "records": [one]}).replace('"PAYLOAD"', wire)
    assert client.post_raw(body.encode()).json["receipts"][0]["status"] == "accepted"


def test_a_record_held_as_another_kind_is_rejected(run, record):
    client = run().client
    client.post([record()], "k-1")
    other = record(version=2, action="correct") | {"kind": "plan"}
    assert client.statuses([other], "k-2") == [("rejected", "kind_mismatch")]


def test_records_come_in_byte_order_page_by_page(run, record):
    client = run().client
    ids = ["b", "a", "é", "Z", "\U0001f600", "\ufb33", "10", "9"]
    client.post([record(one) for one in ids])
    seen, cursor = [], None
    while True:
        page = client.get("/v1/records?limit=3" + (f"&cursor={cursor}" if cursor else "")).json
        assert len(page["records"]) <= 3
        seen += [one["record_id"] for one in page["records"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == sorted(ids, key=lambda one: one.encode())


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "cursor=!!!", "cursor=_w=="])
def test_a_page_that_cannot_be_is_400(run, query):
    assert run().client.get(f"/v1/records?{query}").status == 400


def test_400(run, record):
    client = run().client
    assert client.post_raw(b"{not json").status == 400
    body = b"{}"
    assert client.ask("POST", "/v1/batches", body, Idempotency_Key="k").status == 400
    assert client.post_raw(body, Content_Digest="sha-512=:AAAA:").status == 400
    assert client.post_raw(body, Content_Digest="sha-256=:AAAA:").status == 400
    assert client.post_raw(body, key="").status == 400
    assert client.post_raw(body, key="x" * 256).status == 400
    assert client.get("/_sandbox/state").json["endpoints"] == {}


@pytest.mark.parametrize(
    "change",
    [
        {"record_id": ""},
        {"record_id": 7},
        {"kind": "case"},
        {"kind": []},
        {"version": 0},
        {"version": True},
        {"version": 1.5},
        {"version": 2**53},
        {"action": "remove"},
        {"action": {}},
        {"basis": None},
        {"payload": None},
        {"payload": []},
        {"digest": None},
        {"digest": "ABC"},
        {"action": "withdraw"},
        {"more": 1},
        {"record_id": "R-1"},
    ],
)
def test_422_names_the_record_and_keeps_nothing(run, record, change):
    client = run().client
    reply = client.post([record("R-1"), record("R-2") | change])
    assert reply.status == 422
    assert reply.json["index"] == 1
    assert reply.json["record_id"] == change.get("record_id", "R-2")
    assert client.get("/v1/records").json["records"] == []


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"batch_id":"b","sender":"s","records":{}}', b'{"batch_id":1,"sender":"s","records":[1]}']
)
def test_422_for_what_is_no_batch(run, body):
    assert run().client.post_raw(body).status == 422


def test_413_says_the_limit_and_the_split_batch_passes(run, record):
    client = run(limits=Limits(max_records=2)).client
    three = [record(f"R-{n}") for n in range(3)]
    reply = client.post(three, "k-1")
    assert reply.status == 413
    assert reply.json["max_records"] == 2
    assert client.post(three[:2], "k-2").status == client.post(three[2:], "k-3").status == 200


def test_413_for_a_body_too_large_leaves_the_next_request_working(run, record):
    client = run(limits=Limits(max_body=1000)).client
    reply = client.post([record(text="字" * 1000)])
    assert reply.status == 413
    assert reply.json["max_bytes"] == 1000
    assert reply.headers["connection"] == "close"
    assert client.post([record()]).status == 200


def test_a_payload_too_large_is_rejected_alone(run, record):
    client = run(limits=Limits(max_payload=500)).client
    big = record("R-2", text="字" * 500)
    assert client.statuses([record("R-1"), big], "k") == [("accepted", None), ("rejected", "payload_too_large")]


@pytest.mark.parametrize("path", ["/v1/records", "/gsxt/v1/batches/k", "/v1/plans"])
def test_401_without_the_token(run, path):
    client = run().client
    for token in (None, "", "wrong"):
        reply = client.ask("GET", path, token=token)
        assert reply.status == 401
        assert reply.headers["www-authenticate"] == "Bearer"
    assert client.ask("GET", path, token=None, Authorization="Basic the-token").status == 401


def test_403_with_the_token_of_the_other_side(run, record):
    far = run(token="for-platform", endpoint_token="for-endpoint")
    assert far.client.ask("GET", "/v1/plans", token="for-platform").status == 200
    assert far.client.ask("GET", "/v1/plans", token="for-endpoint").status == 403
    assert far.client.ask("GET", "/v1/records", token="for-platform").status == 403


def test_tokens_come_from_the_environment(run, monkeypatch):
    monkeypatch.setenv("PUBLISHER_SOURCE_TOKEN", "s-1")
    monkeypatch.delenv("PUBLISHER_ENDPOINT_TOKEN", raising=False)
    client = run(token=None).client
    assert client.ask("GET", "/v1/plans", token="s-1").status == 200
    assert client.ask("GET", "/v1/records", token="sandbox").status == 200


def test_paths_and_methods_that_are_not_there(run):
    client = run().client
    for path in ("/", "/v1", "/v1/nothing", "/gsxt/v1/plans", "/platform/v1/records", "/v1/records/1", "/_sandbox/x"):
        assert client.get(path).status == 404, path
    assert client.ask("DELETE", "/v1/records").headers["allow"] == "GET"
    assert client.ask("GET", "/v1/batches").headers["allow"] == "POST"
    assert client.ask("TRACE", "/v1/records").status == 405
    assert client.ask("BREW", "/v1/records").status == 501


def test_state_and_keys_survive_a_restart(run, record, tmp_path):
    state = tmp_path / "far.db"
    first = run(state=state)
    answer = first.client.post([record()], endpoint="/gsxt")
    first.sandbox.stop()
    client = run(state=state).client
    assert client.get("/gsxt/v1/batches/k-1").body == answer.body
    assert client.post([record()], endpoint="/gsxt").body == answer.body
    assert client.statuses([record(version=2)], "k-2", "/gsxt") == [("rejected", "wrong_order")]
    assert client.statuses([record(version=2, action="correct", text="改")], "k-3", "/gsxt") == [("accepted", None)]


def test_many_senders_at_once_and_one_key_twice(run, record):
    far = run()
    answers: list[tuple[str, bytes]] = []

    def send(number: int) -> None:
        key = f"k-{number // 2}"  # two threads send the same batch under the same key
        reply = far.another_client().post([record(f"R-{number // 2}-{i}") for i in range(50)], key)
        assert reply.status == 200
        answers.append((key, reply.body))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 16
    assert len(set(answers)) == 8
    assert far.client.get("/_sandbox/state").json["endpoints"]["default"]["published"] == 400
