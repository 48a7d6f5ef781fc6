"""Certificates of withdrawal: what they say, who signed it, and that they wait for the endpoints."""

import hashlib
import json
from collections.abc import Iterator

import html5lib
import pytest

from publisher.log.certificates import opened
from publisher.log.note import BadNote, parse_vkey
from publisher.sandbox import Sandbox

TOKEN = "token-of-the-certificates"
DAY, LATER, LAST = "2021-07-05", "2021-07-20", "2021-07-21"


@pytest.fixture
def far_end(portal_dir, monkeypatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("PUBLISHER_GSXT_TOKEN", TOKEN)
    with Sandbox(token=TOKEN) as sandbox:
        portal_dir.configure(
            endpoints=[{"name": "gsxt", "kind": "api", "url": f"{sandbox.url}/gsxt",
                        "token_env": "PUBLISHER_GSXT_TOKEN", "retry_seconds": 0.5}]
        )  # fmt: skip
        yield sandbox


@pytest.fixture
def site(portal_dir, make_plan, make_item_list, make_result):
    portal_dir.give(make_plan(), make_item_list(), *map(make_result, (1, 2, 3)))
    return portal_dir


@pytest.fixture
def withdraw(site, make_case):
    def withdrawn(day=LATER):
        told = {"filed_on": "2021-07-10", "decided_on": "2021-07-12", "decided_by": "测试局", "reason": "测试"}
        site.give(make_case("error", result_id="R-2", **told), name="case")
        return site.call("run", "--json", day=day)

    return withdrawn


def certificates(site):
    return sorted((site.var / "certificates").rglob("*.json"))


def test_a_certificate_says_what_was_swept_and_by_which_rule(far_end, site, withdraw, make_code):
    site.run(DAY)
    assert certificates(site) == []
    before = {name: hashlib.sha256(content).hexdigest() for name, content in site.files().items()}
    assert withdraw().status == 0
    [file] = certificates(site)
    assert (file.stat().st_mode & 0o777, file.parent.name) == (0o600, "2021-07-12")
    vkey = parse_vkey(site.page("log/vkey").strip())
    told = opened(file.read_bytes(), vkey)
    assert told["record"]["id"] == "R-2"
    assert told["subject"] == {"name": "玄武第2测试有限公司", "uscc": make_code(2)}
    assert told["rule"]["article"]
    assert told["rule"]["sentence"]
    own = f"subjects/320102/{make_code(2)}.html"
    files = {one["path"]: one for one in told["files"]}
    assert files[own] == {"path": own, "before": before[own], "after": None}
    now = {name: hashlib.sha256(content).hexdigest() for name, content in site.files().items()}
    for name, one in files.items():
        assert (one["before"], one["after"]) == (before[name], now.get(name))
        assert make_code(1) not in name
        assert make_code(3) not in name
    spoke = {
        name
        for name, content in site_before(site, before, now)
        if name.startswith(("results/", "plans/", "subjects/320102/index"))
    }
    assert spoke <= files.keys()
    [gsxt] = told["endpoints"]
    assert (gsxt["name"], gsxt["status"]) == ("gsxt", "accepted")
    assert gsxt["receipt_no"]
    asked = site.call("certificate", "R-2", "--json")
    assert (asked.status, asked.json["file"], asked.json["waiting"]) == (0, str(file), [])
    assert site.call("certificate", "R-1").status == 6
    page = file.with_suffix(".html").read_text("utf-8")
    html5lib.HTMLParser(strict=True).parse(page)
    assert "玄武第2测试有限公司" in page
    assert not list(site.output.rglob("*certificate*"))


def site_before(site, before, now):
    return [(name, digest) for name, digest in before.items() if now.get(name) != digest]


def test_a_changed_certificate_is_told(far_end, site, withdraw):
    site.run(DAY)
    withdraw()
    [file] = certificates(site)
    vkey = parse_vkey(site.page("log/vkey").strip())
    told = json.loads(file.read_bytes())
    told["statement"]["files"].pop()
    with pytest.raises(BadNote):
        opened(json.dumps(told).encode(), vkey)
    with pytest.raises(BadNote):
        opened(b"[]", vkey)


def test_an_endpoint_that_answers_later_completes_the_certificate(far_end, site, withdraw, monkeypatch):
    site.run(DAY)
    monkeypatch.setenv("PUBLISHER_GSXT_TOKEN", "another-token-altogether")
    assert withdraw().status == 7
    [file] = certificates(site)
    assert json.loads(file.read_bytes())["statement"]["endpoints"][0]["status"] == "waiting"
    monkeypatch.setenv("PUBLISHER_GSXT_TOKEN", TOKEN)
    site.run(LAST)
    whole = file.read_bytes()
    assert json.loads(whole)["statement"]["endpoints"][0]["status"] == "accepted"
    assert json.loads(whole)["statement"]["files"]
    file.unlink()
    site.run(LAST)
    assert not file.exists()  # nothing is to be added: it is the firm's now
