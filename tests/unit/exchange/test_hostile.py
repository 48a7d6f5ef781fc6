"""Hostile answers, from a real server that writes raw bytes: each is refused in words, and nothing is lost by it.

For each answer to a batch: no receipt is believed, nothing is held, everything stays owed, the error says what
happened; and once the far end is honest again, everything is told.
"""

import dataclasses
import functools
import gzip
import hashlib
import json
import socket
import threading
import time
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Callable
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from publisher.errors import EndpointError
from publisher.exchange import Pushed
from publisher.ledger.schema import metadata

CANARY = "canary-token-3f9c1d"
KIB, MIB = 1 << 10, 1 << 20


class RawServer:
    """Answers every request with what ``act`` writes; keeps what it was sent."""

    def __init__(self) -> None:
        self.act: Callable[[socket.socket, str, Any], None] = lambda line, target, said: None
        self.heads: list[str] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.is_open = True
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while self.is_open:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        with line, suppress(OSError):
            while True:
                got = b""
                while b"\r\n\r\n" not in got:
                    if not (piece := line.recv(65536)):
                        return
                    got += piece
                head, _, body = got.partition(b"\r\n\r\n")
                self.heads.append(head.decode())
                size = next((int(one[15:]) for one in head.split(b"\r\n") if one.lower().startswith(b"content-length:")), 0)  # fmt: skip  # noqa: E501
                while len(body) < size:
                    body += line.recv(65536)
                self.act(line, head.split(b" ")[1].decode(), json.loads(body) if body else None)

    def close(self) -> None:
        self.is_open = False
        self.listener.close()


def head(status: str = "200 OK", **headers: object) -> bytes:
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "\r\n"]).encode("latin-1")


def whole(body: bytes, status: str = "200 OK", **headers: object) -> bytes:
    return head(status, Content_Length=len(body), **headers) + body


def receipts(said: Any, **changes: Any) -> list[dict[str, Any]]:
    usual = {"status": "accepted", "receipt_no": "1", "code": None, "message": None}
    return [{"record_id": one["record_id"], "version": one["version"], **usual, **changes} for one in said["records"]]


def good(said: Any, **changes: Any) -> dict[str, Any]:
    return {"batch_id": said["batch_id"], "receipts": receipts(said)} | changes


def spoilt(said: Any, **changes: Any) -> bytes:
    """All receipts but the last as they should be."""
    made = receipts(said)
    made[-1] |= changes
    return as_json(good(said, receipts=made))


def as_json(value: Any, **headers: object) -> bytes:
    return whole(json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"), **headers)


def digest(body: bytes) -> str:
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


def nested(depth: int) -> bytes:
    return b'{"batch_id":' + b"[" * depth + b"]" * depth + b"}"


def drip(piece: bytes, first: bytes) -> Callable[[socket.socket, Any], None]:
    def act(line: socket.socket, said: Any) -> None:
        line.sendall(first)
        for _ in range(200):
            line.sendall(piece)
            time.sleep(0.05)

    return act


def endless(first: bytes, piece: bytes) -> Callable[[socket.socket, Any], None]:
    def act(line: socket.socket, said: Any) -> None:
        line.sendall(first)
        for _ in range(100_000):
            line.sendall(piece)

    return act


def cut(body: bytes) -> Callable[[socket.socket, Any], None]:
    def act(line: socket.socket, said: Any) -> None:
        line.sendall(body)
        line.shutdown(socket.SHUT_RDWR)

    return act


@functools.cache
def bomb() -> bytes:
    packed = gzip.compress(b" " * (64 * MIB), 9)
    return whole(packed, Content_Encoding="gzip")


CHUNKED = head(Transfer_Encoding="chunked")
Hostile = bytes | Callable[[Any], bytes] | Callable[[socket.socket, Any], None]
# name, what is written for POST /v1/batches, what the error says
ANSWERS: list[tuple[str, Any, str]] = [
    # not what it says it is
    ("empty", whole(b""), "not JSON"),
    ("html", whole(b"<!doctype html><title>Login</title>", Content_Type="text/html"), "not JSON"),
    ("text", whole(b"OK"), "not JSON"),
    ("xml", whole(b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>"), "not JSON"),
    ("truncated-json", lambda said: whole(json.dumps(good(said)).encode()[:-5]), "not JSON"),
    ("two-values", lambda said: whole(json.dumps(good(said)).encode() * 2), "not JSON"),
    ("not-utf8", whole(b'{"batch_id":"\xff\xfe"}'), "not JSON"),
    ("utf16", lambda said: whole(json.dumps(good(said)).encode("utf-16")), "not JSON"),
    ("bom", lambda said: whole(b"\xef\xbb\xbf" + json.dumps(good(said)).encode()), "not JSON"),
    ("nan", whole(b'{"batch_id": NaN}'), "not JSON"),
    ("lone-surrogate", whole(b'{"batch_id":"\\ud800"}'), "not JSON"),
    ("null-bytes", whole(b"\0" * 100), "not JSON"),
    ("bytes-that-are-not-gzip", whole(b"not gzip", Content_Encoding="gzip"), "not encoded as it says"),
    ("deflate-cut", whole(zlib.compress(b"{}" * 999)[:-9], Content_Encoding="deflate"), "not JSON"),
    # wrong types
    ("null", as_json(None), "without a list of receipts"),
    ("list", as_json([]), "without a list of receipts"),
    ("number", as_json(7), "without a list of receipts"),
    ("receipts-object", lambda said: as_json(good(said, receipts={})), "without a list of receipts"),
    ("receipts-text", lambda said: as_json(good(said, receipts="accepted")), "without a list of receipts"),
    ("receipt-null", lambda said: as_json(good(said, receipts=[None])), "no receipt"),
    ("receipt-list", lambda said: as_json(good(said, receipts=[[]])), "no receipt"),
    ("id-number", lambda said: spoilt(said, record_id=1), "no receipt"),
    ("version-text", lambda said: spoilt(said, version="1"), "about version 1; version 1"),
    ("version-float", lambda said: spoilt(said, version=1.0), "about version 1.0"),
    ("version-true", lambda said: spoilt(said, version=True), "about version True"),
    ("status-list", lambda said: spoilt(said, status=["accepted"]), "no status we know"),
    ("message-object", lambda said: spoilt(said, message={"a": 1}), "message is no text"),
    ("receipt-no-number", lambda said: spoilt(said, receipt_no=1), "receipt_no is no text"),
    # wrong content
    ("other-batch", lambda said: as_json(good(said, batch_id="another")), "was answered as 'another'"),
    ("no-batch", lambda said: as_json({"receipts": receipts(said)}), "was answered as 'None'"),
    ("never-sent", lambda said: spoilt(said, record_id="R-99"), "'R-99', not sent in it"),
    ("id-in-other-case", lambda said: spoilt(said, record_id="r-1"), "'r-1', not sent in it"),
    ("higher-version", lambda said: spoilt(said, version=2), "about version 2; version 1 was sent"),
    ("negative-version", lambda said: spoilt(said, version=-1), "about version -1"),
    ("vast-version", lambda said: spoilt(said, version=2**60), "about version 1152921504606846976"),
    ("unknown-status", lambda said: spoilt(said, status="ok"), "no status we know: 'ok'"),
    ("contradiction", lambda said: as_json(good(said, receipts=receipts(said) + receipts(said, status="rejected"))),
     "contradict each other"),
    ("wrong-digest", lambda said: as_json(good(said), Content_Digest=digest(b"other")), "stays unknown"),
    ("digest-not-base64", lambda said: as_json(good(said), Content_Digest="sha-256=:%%%:"), "stays unknown"),
    # bounds
    ("huge", lambda said: whole(b" " * (2 * MIB)), "larger than"),
    ("deep", whole(nested(100)), "deeper than"),
    ("very-deep", whole(nested(100_000)), "not JSON"),
    ("gzip-bomb", lambda said: bomb(), "larger than"),
    ("endless-chunks", endless(CHUNKED, b"400\r\n" + b" " * KIB + b"\r\n"), "larger than"),
    ("endless-without-length", endless(head(Connection="close"), b" " * KIB), "larger than"),
    ("endless-header", endless(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * KIB), "stays unknown"),
    ("endless-headers", endless(b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n" * 100), "stays unknown"),
    ("slow-body", drip(b" ", head(Content_Length=1000)), "stays unknown"),
    ("slow-headers", drip(b"x", b"HTTP/1.1 200 OK\r\nX-Slow: "), "stays unknown"),
    ("endless-continue", endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 20), "stays unknown"),
    # broken HTTP
    ("not-http", cut(b"SSH-2.0-OpenSSH_9.2\r\n"), "stays unknown"),
    ("cut-short", cut(head(Content_Length=100) + b"{"), "stays unknown"),
    ("bad-chunk", cut(CHUNKED + b"zz\r\n{}\r\n"), "stays unknown"),
    ("two-lengths", cut(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), "stays unknown"),
    ("negative-length", cut(head(Content_Length=-1) + b"{}"), "stays unknown"),
    ("nothing", cut(b""), "stays unknown"),
    # wrong statuses
    ("redirect", whole(b"", "302 Found", Location="http://127.0.0.2:9/steal"), "redirects to 127.0.0.2"),
    ("redirect-307", whole(b"", "307 Temporary Redirect", Location="http://[::1"), "cannot be read"),
    ("created", whole(b"{}", "201 Created"), "201"),
    ("no-content", head("204 No Content"), "204"),
    ("not-modified", head("304 Not Modified"), "304"),
    ("not-found", whole(b"{}", "404 Not Found"), "404"),
    ("teapot", whole(b'{"detail": "no coffee"}', "418 I'm a teapot"), "no coffee"),
    ("status-999", whole(b"{}", "999 Odd"), "status 999"),
    ("unauthorized", whole(CANARY.encode(), "401 Unauthorized"), "GSXT_TOKEN"),
    ("echo-in-conflict", lambda said: as_json({"detail": f"bad token {CANARY}"}), "without a list of receipts"),
]  # fmt: skip


@pytest.fixture
def server(stack):
    made = RawServer()
    stack.callback(made.close)
    return made


@pytest.fixture
def hostile(book, endpoint, server):
    """A book whose endpoint has short bounds and sits at a server that writes what a test says."""
    book.endpoint = dataclasses.replace(
        endpoint, url=server.url, token=CANARY, answer_seconds=0.4, answer_bytes=MIB, failures_in_a_row=4
    )
    book.show("R-1")
    book.show("R-2")
    return book


@contextmanager
def watched_memory(is_watched):
    """Give a list that holds the most bytes allocated at once when the block has ended; watching is slow."""
    peak = [0]
    if is_watched:
        tracemalloc.start()
    try:
        yield peak
    finally:
        if is_watched:
            peak[0] = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()


def honest(line, target, said):
    line.sendall(whole(b"{}", "404 Not Found") if said is None else as_json(good(said)))


def everything_told(book, error=""):
    """All that a person or the ledger keeps of a push, as one text."""
    tables = [book.rows(table) for table in metadata.sorted_tables]
    return "\n".join([error, *book.said, repr(tables), repr(book.endpoint)])


def test_there_are_fifty_and_more():
    assert len({name for name, _, _ in ANSWERS}) == len(ANSWERS) >= 50


@pytest.mark.parametrize(("answer", "words"), [one[1:] for one in ANSWERS], ids=[one[0] for one in ANSWERS])
def test_a_hostile_answer_loses_nothing_and_is_told(hostile, server, answer, words):
    def act(line, target, said):
        if said is None:
            line.sendall(whole(b"{}", "404 Not Found"))
        elif isinstance(answer, bytes):
            line.sendall(answer)
        elif answer.__code__.co_argcount == 2:
            answer(line, said)
        else:
            line.sendall(answer(said))

    server.act = act
    bomb()  # made before the clock and the memory are watched
    began = time.monotonic()
    with watched_memory(words == "larger than") as peak:
        pushed = hostile.push()
    assert words in (pushed.error or ""), pushed
    assert (pushed.owed, pushed.accepted, pushed.refused) == (2, 0, 0)
    assert (hostile.held, hostile.receipts()) == ({}, [])
    assert len(hostile.owed) == 2
    assert time.monotonic() - began < 30  # what has arrived when time is up is still read
    assert peak[0] < 40 * MIB
    assert CANARY not in everything_told(hostile, pushed.error)
    server.act = honest
    assert hostile.push() == Pushed(accepted=2)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (whole(b"<html>"), "not JSON"),
        (as_json([]), "holds no records"),
        (as_json({"records": {}, "next": None}), "holds no records"),
        (as_json({"records": [7], "next": None}), "no record"),
        (as_json({"records": [{"record_id": "R-1", "version": 1, "state": ["published"], "digest": "x"}]}),
         "no record"),
        (as_json({"records": [{"record_id": "R-1", "version": 0, "state": "withdrawn", "digest": None}]}), "no record"),
        (as_json({"records": [{"record_id": "R-1", "version": 1, "state": "withdrawn", "digest": "x"}]}), "no record"),
        (as_json({"records": [{"record_id": "", "version": 1, "state": "withdrawn", "digest": None}]}), "no record"),
        (as_json({"records": [], "next": "x"}), "goes on without"),
        (as_json({"records": [{"record_id": "R-1", "version": 1, "state": "withdrawn", "digest": None}], "next": 5}),
         "cursor"),
        (as_json({"records": [{"record_id": "R-1", "version": 1, "state": "withdrawn", "digest": None}],
                  "next": "x" * 9999}), "cursor"),
        (as_json({"records": [{"record_id": "R-1", "version": 1, "state": "withdrawn", "digest": None}], "next": "x"}),
         "byte order"),
        (as_json({"records": []}, Content_Digest=digest(b"x")), "damaged"),
        (whole(b" " * (2 * MIB)), "larger than"),
        (whole(b"{}", "410 Gone"), "410"),
        (whole(b"", "301 Moved Permanently", Location="http://127.0.0.2/"), "redirects"),
    ],
)  # fmt: skip
def test_a_hostile_list_is_refused_and_repairs_nothing(hostile, server, page, words):
    server.act = lambda line, target, said: line.sendall(page)
    with pytest.raises(EndpointError, match=words):
        hostile.reconcile(repair=True)
    assert (hostile.held, len(hostile.owed)) == ({}, 2)


def test_our_token_in_their_words_is_blotted_out(hostile, server):
    escaped = "".join(f"\\u{ord(sign):04x}" for sign in CANARY)

    def act(line, target, said):
        if said is None:
            line.sendall(whole(b"{}", "404 Not Found"))
            return
        made = good(said)
        made["receipts"][0] |= {"status": "rejected", "code": CANARY, "message": "ESCAPED"}
        line.sendall(whole(json.dumps(made).replace("ESCAPED", f"no: {escaped}").encode()))

    server.act = act
    pushed = hostile.push()
    assert (pushed.accepted, pushed.rejected) == (1, 1)
    told = everything_told(hostile)
    assert CANARY not in told
    assert "[concealed]" in told
    server.act = lambda line, target, said: line.sendall(as_json({"detail": f"token {CANARY}"}).replace(b"200 OK", b"409 Conflict"))  # fmt: skip  # noqa: E501
    hostile.show("R-3")
    error = hostile.push().error
    assert "409" in error
    assert CANARY not in everything_told(hostile, error)
    assert any(CANARY in one for one in server.heads)  # it was sent, as it must be


def test_a_redirect_is_never_followed_with_the_token(hostile, server, stack):
    other = RawServer()
    stack.callback(other.close)
    target = whole(b"", "307 Temporary Redirect", Location=f"{other.url}/v1/batches")
    server.act = lambda line, path, said: line.sendall(target)
    assert "redirects" in hostile.push().error
    assert other.heads == []
