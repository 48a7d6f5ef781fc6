"""The api source: against a real server that serves the pages it is given."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from publisher.errors import SourceContractBroken, SourceUnavailable
from publisher.model import Problem, Received, SetAside
from publisher.source import ApiSource, Event, Watermark, pull
from publisher.source.api import MOST_EMPTY_PAGES, PAGE_SIZE

from .conftest import IDENTITY, INTAKE, of_type, result

TOKEN = "a-token"
EMPTY = {"records": [], "next": None, "as_of": "2026-11-20T00:00:00+08:00"}


def page(*records: Any, following: str | None = None, **more: Any) -> dict[str, Any]:
    return {**EMPTY, "records": list(records), "next": following, **more}


class Platform:
    """Answers ``/v1/KIND?since=TOKEN`` with the page kept under ``(KIND, TOKEN)``; any other kind is empty."""

    def __init__(self) -> None:
        self.pages: dict[tuple[str, str | None], Any] = {}
        self.status: dict[tuple[str, str | None], int] = {}
        self.asked: list[tuple[str, str | None, str | None]] = []
        self.limits: set[str] = set()
        self.tokens: set[str | None] = set()
        platform = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                query = parse_qs(url.query)
                key = (url.path.removeprefix("/v1/"), query.get("since", [None])[0])
                tag = self.headers.get("If-None-Match")
                platform.asked.append((*key, tag))
                platform.limits |= set(query["limit"])
                platform.tokens.add(self.headers.get("Authorization"))
                content = platform.pages.get(key, EMPTY)
                body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
                etag = f'"{hash(body)}"'
                status = platform.status.get(key, 304 if tag == etag else 200)
                self.send_response(status)
                self.send_header("ETag", etag)
                self.send_header("Content-Length", str(0 if status == 304 else len(body)))
                self.end_headers()
                if status != 304:
                    self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()
        self.source = ApiSource(f"http://127.0.0.1:{self.server.server_address[1]}", TOKEN, "A_TOKEN")

    def pull(self, seen: dict[str, str] | None = None) -> list[Event]:
        return list(pull(self.source, INTAKE, seen or {}, sleep=lambda seconds: None))

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def platform() -> Iterator[Platform]:
    served = Platform()
    yield served
    served.close()


def numbered(number: int) -> dict[str, Any]:
    return result("result_id", f"R-{number}")


def marks(events: list[Event]) -> dict[str, str]:
    return {event.kind: event.mark for event in of_type(events, Watermark)}


def test_kinds_in_order_pages_in_turn_and_a_watermark_after_each(platform: Platform) -> None:
    platform.pages["results", None] = page(numbered(1), numbered(2), following="t 1&")
    platform.pages["results", "t 1&"] = page(numbered(3), following="t2")
    events = platform.pull()
    assert [kind for kind, _, _ in platform.asked] == ["plans", "item-lists", "results", "results", "results", "cases"]
    assert [since for _, since, _ in platform.asked] == [None, None, None, "t 1&", "t2", None]
    got = [(event.raw["result_id"], event.file, event.line) for event in of_type(events, Received)]
    assert got == [("R-1", "/v1/results", 1), ("R-2", "/v1/results", 2), ("R-3", "/v1/results?since=t 1&", 1)]
    kinds = [type(event) for event in events if not (isinstance(event, Watermark) and event.kind != "results")]
    assert kinds == [Received, Received, Watermark, Received, Watermark, Watermark]
    assert platform.tokens == {f"Bearer {TOKEN}"}
    assert platform.limits == {str(PAGE_SIZE)}


def test_the_next_pull_goes_on_from_the_watermark_and_304_is_nothing_new(platform: Platform) -> None:
    platform.pages["results", None] = page(numbered(1), following="t1")
    seen = marks(platform.pull())
    platform.asked.clear()
    assert platform.pull(seen) == []
    assert [(kind, since) for kind, since, _ in platform.asked][2] == ("results", "t1")
    assert all(tag for _, _, tag in platform.asked)
    platform.pages["results", "t1"] = page(numbered(2), following="t2")
    events = platform.pull(seen)
    assert [event.raw["result_id"] for event in of_type(events, Received)] == ["R-2"]
    assert json.loads(marks(events)["results"])["token"] == "t2"


def test_a_pull_killed_between_pages_goes_on_without_an_etag_of_another_page(platform: Platform) -> None:
    platform.pages["results", None] = page(numbered(1), following="t1")
    seen = {}
    for event in pull(platform.source, INTAKE, {}):
        if isinstance(event, Watermark):
            seen[event.kind] = event.mark
            if event.kind == "results":
                break
    assert json.loads(seen["results"]) == {"token": "t1", "etag": None}


@pytest.mark.parametrize("circle", [["t1", "t1"], ["t1", "t2", "t1"]])
def test_tokens_in_a_circle_are_a_broken_contract(platform: Platform, circle: list[str]) -> None:
    since = None
    for following in circle:
        platform.pages["results", since] = page(numbered(1), following=following)
        since = following
    with pytest.raises(SourceContractBroken, match="circle"):
        platform.pull()


def test_a_token_that_leads_back_to_the_watermark_is_a_circle_too(platform: Platform) -> None:
    platform.pages["plans", "t9"] = page(following="t9")
    with pytest.raises(SourceContractBroken, match="circle"):
        platform.pull({"plans": '{"token": "t9", "etag": null}'})


def test_empty_pages_without_end_are_a_broken_contract(platform: Platform) -> None:
    for number in range(MOST_EMPTY_PAGES + 2):
        platform.pages["plans", str(number - 1) if number else None] = page(following=str(number))
    with pytest.raises(SourceContractBroken, match="empty pages"):
        platform.pull()


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"<html>", "not valid JSON"),
        (b"\xff", "not UTF-8"),
        (b"", "not valid JSON"),
        (b'{"records": [], "next": NaN}', "not valid JSON"),
        (b"[]", "not a JSON object"),
        ({"next": None, "as_of": ""}, "no list of records"),
        ({**EMPTY, "records": {}}, "no list of records"),
        ({"records": [], "as_of": ""}, "next"),
        ({**EMPTY, "next": 7}, "next"),
        ({**EMPTY, "next": ""}, "next"),
        ({**EMPTY, "next": "x" * 5000}, "next"),
        ({**EMPTY, "next": "a\nb"}, "next"),
        ({"records": [], "next": None}, "as_of"),
        (b'{"records": ' + b"[" * 3000 + b"]" * 3000 + b"}", "nested"),
    ],
)
def test_a_page_of_another_shape_is_a_broken_contract(platform: Platform, body: Any, what: str) -> None:
    platform.pages["plans", None] = body
    with pytest.raises(SourceContractBroken, match=what):
        platform.pull()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, SourceContractBroken),
        (404, SourceContractBroken),
        (400, SourceContractBroken),
        (204, SourceContractBroken),
        (302, SourceContractBroken),
        (304, SourceContractBroken),
        (500, SourceUnavailable),
        (503, SourceUnavailable),
    ],
)
def test_other_statuses(platform: Platform, status: int, error: type[Exception]) -> None:
    platform.status["plans", None] = status
    with pytest.raises(error) as caught:
        platform.pull()
    assert TOKEN not in str(caught.value).replace("A_TOKEN", "")


def test_bad_records_are_set_aside_and_an_unknown_page_key_is_told_once(platform: Platform) -> None:
    platform.pages["results", None] = page(
        numbered(1), 7, result("subject.uscc", IDENTITY), numbered(2), following="t1", total=9
    )
    platform.pages["results", "t1"] = page(total=9)
    events = platform.pull()
    asides = of_type(events, SetAside)
    assert [(one.problem.code, one.problem.line) for one in asides] == [
        ("not_a_record", 2),
        ("identity_number_in_code", 3),
    ]
    assert IDENTITY not in "".join(one.raw for one in asides)
    assert [(one.code, one.field) for one in of_type(events, Problem)] == [("unknown_key", "total")]
    assert len(of_type(events, Received)) == 2


def test_a_doubled_key_or_a_hidden_sign_sets_aside_its_record_only(platform: Platform) -> None:
    good = json.dumps(numbered(1))
    doubled = good.replace('"version": 1', '"version": 2, "version": 1')
    hidden = json.dumps(result("subject.name", "南京\u202e公司"))
    lone = json.dumps(result("subject.name", "南京\ud800公司"))
    records = ",".join([good, doubled, hidden, lone, json.dumps(numbered(2))])
    platform.pages["results", None] = f'{{"records": [{records}], "next": null, "as_of": ""}}'.encode()
    events = platform.pull()
    assert [(one.problem.code, one.problem.line) for one in of_type(events, SetAside)] == [
        ("duplicate_key", 2),
        ("control_character", 3),
        ("control_character", 4),
    ]
    assert [event.raw["result_id"] for event in of_type(events, Received)] == ["R-1", "R-2"]


def test_the_token_is_not_shown() -> None:
    assert TOKEN not in repr(ApiSource("http://h", TOKEN, "A_TOKEN"))
