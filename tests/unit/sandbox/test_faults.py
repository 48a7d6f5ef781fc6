"""Each fault does what its name says, at the place and as often as it is told to."""

import email.utils
import hashlib
import http.client
import json
import threading
import time
from base64 import b64encode

import pytest

from publisher.errors import SettingsError
from publisher.sandbox.faults import AMOUNTS, PROBABILITIES, Faults


def sha256_member(body):
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


def switch(client, **faults):
    reply = client.ask("POST", "/_sandbox/faults", json.dumps(faults).encode(), token=None)
    assert reply.status == 200
    return reply.json


def test_lost_before_has_no_effect(run, record):
    client = run(faults=["lost_before=1"]).client
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client.post([record()])
    switch(client)
    assert client.get("/v1/batches/k-1").status == 404
    assert client.get("/v1/records").json["records"] == []


def test_lost_after_has_its_effect_and_is_settled_by_the_key(run, record):
    client = run(faults=["lost_after=1"]).client
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        client.post([record()])
    switch(client)
    settled = client.get("/v1/batches/k-1")
    assert settled.status == 200
    assert settled.json["receipts"][0]["status"] == "accepted"
    assert client.post([record()]).body == settled.body


@pytest.mark.parametrize(("name", "status"), [("http_500", 500), ("http_503", 503), ("http_429", 429)])
def test_error_answers_have_no_effect(run, record, name, status):
    client = run(faults=[f"{name}=1,retry_after=7"]).client
    reply = client.post([record()])
    assert reply.status == status
    assert ("retry-after" in reply.headers) == (status != 500)
    switch(client)
    assert client.get("/v1/batches/k-1").status == 404


def test_retry_after_of_503_is_seconds_and_of_429_both_forms(run):
    client = run(faults=["http_503=1,retry_after=7"]).client
    assert client.get("/v1/records").headers["retry-after"] == "7"
    switch(client, http_429=1, retry_after=7)
    values = [client.get("/v1/records").headers["retry-after"] for _ in range(20)]
    dates = [value for value in values if value != "7"]
    assert 0 < len(dates) < 20
    for value in dates:
        assert 0 <= email.utils.parsedate_to_datetime(value).timestamp() - time.time() <= 8


def test_slow_waits_and_does_not_hold_up_the_end(run):
    far = run(faults=["slow=1,slow_seconds=0.15"])
    begin = time.monotonic()
    assert far.client.get("/v1/records").status == 200
    assert time.monotonic() - begin >= 0.15
    switch(far.client, slow=1, slow_seconds=60)
    sender = threading.Thread(target=far.client.get, args=("/v1/records",))
    sender.start()
    while far.sandbox.faults.summary()["struck"] != {"default:slow": 2}:
        time.sleep(0.01)
    begin = time.monotonic()
    far.sandbox.stop()
    sender.join()
    assert time.monotonic() - begin < 3


def test_partial_leaves_records_unprocessed_and_says_the_same_when_asked_again(run, record):
    client = run(faults=["partial=1"]).client
    records = [record(f"R-{n}") for n in range(10)]
    reply = client.post(records)
    got = {receipt["record_id"] for receipt in reply.json["receipts"]}
    assert 5 <= len(got) < 10
    switch(client)
    assert {one["record_id"] for one in client.get("/v1/records").json["records"]} == got
    assert client.get("/v1/batches/k-1").body == reply.body
    left = [one for one in records if one["record_id"] not in got]
    assert set(client.statuses(left, "k-2")) == {("accepted", None)}


def test_shuffled_and_duplicates(run, record):
    client = run(faults=["gsxt:shuffled=1", "credit:duplicates=1"]).client
    ids = [f"R-{n:02d}" for n in range(20)]
    records = [record(one) for one in ids]
    shuffled = [receipt["record_id"] for receipt in client.post(records, endpoint="/gsxt").json["receipts"]]
    assert shuffled != ids
    assert sorted(shuffled) == ids
    doubled = [receipt["record_id"] for receipt in client.post(records, endpoint="/credit").json["receipts"]]
    assert len(doubled) == 21
    assert sorted(set(doubled)) == ids


def test_wrong_digest(run, record):
    far = run(faults=["wrong_digest=1"])
    reply = far.another_client(check_digest=False).post([record()])
    assert reply.status == 200
    assert reply.headers["content-digest"] != sha256_member(reply.body)
    switch(far.client)
    assert far.client.get("/v1/batches/k-1").body == reply.body


def test_forget_keys_keeps_the_records_but_only_the_last_batches(run, record):
    client = run(faults=["forget_keys=2"]).client
    for n in range(4):
        client.post([record(f"R-{n}")], f"k-{n}")
    client.post([record("R-9")], "k-9", "/gsxt")
    assert [client.get(f"/v1/batches/k-{n}").status for n in range(4)] == [404, 404, 200, 200]
    assert client.statuses([record("R-0")], "k-0") == [("duplicate", None)]


def test_faults_of_one_place_spare_the_others(run):
    client = run(faults=["platform:http_500=1,gsxt:http_503=1"]).client
    assert client.get("/v1/plans").status == 500
    assert client.get("/gsxt/v1/records").status == 503
    assert client.get("/credit/v1/records").status == 200


def test_a_place_goes_before_everywhere(run):
    client = run(faults=["http_500=1,gsxt:http_500=0"]).client
    assert client.get("/gsxt/v1/records").status == 200
    assert client.get("/credit/v1/records").status == 500


def test_faults_at_run_time(run):
    far = run(faults=["http_500=1"])
    summary = switch(far.client, http_503=0.5, gsxt={"partial": 1})
    assert summary["on"] == {"*": {"http_503": 0.5}, "gsxt": {"partial": 1}}
    far.sandbox.faults.set("http_503=1")
    assert far.client.get("/v1/records").status == 503
    assert far.client.get("/_sandbox/state").json["faults"]["struck"] == {"default:http_503": 1}
    for body, status in ((b'{"nothing":1}', 422), (b'{"slow":2}', 422), (b"[]", 422), (b"{", 400)):
        assert far.client.ask("POST", "/_sandbox/faults", body).status == status
    assert far.client.get("/v1/records").status == 503
    far.sandbox.faults.clear()
    assert far.client.get("/v1/records").status == 200


def test_a_seed_gives_the_same_faults_whatever_else_is_on():
    def drawn(seed: int, *specs: str) -> list[bool]:
        faults = Faults(specs, seed)
        return ["partial" in faults.draw("gsxt") for _ in range(200)]

    once = drawn(7, "partial=0.3")
    assert once == drawn(7, "partial=0.3,lost_after=0.5")
    assert once != drawn(8, "partial=0.3")
    assert 30 < sum(once) < 90


@pytest.mark.parametrize("spec", ["nothing=1", "slow", "slow=x", "slow=1.1", "slow=-1", "slow=nan", "gsxt:=1"])
def test_a_fault_that_cannot_be_is_a_settings_error(spec):
    with pytest.raises(SettingsError):
        Faults([spec])


def test_every_fault_can_be_named():
    faults = Faults([",".join(f"{name}=1" for name in [*PROBABILITIES, *AMOUNTS])])
    assert faults.draw("x").struck == set(PROBABILITIES)
