"""transport: against a real server on the loopback address that misbehaves as told."""

import gzip
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from publisher.errors import EndpointRefused, EndpointUnavailable, OutcomeUnknown, SettingsError
from publisher.transport import RetryPolicy, Transport

TOKEN = "s3cret-token-value"
Act = Callable[[BaseHTTPRequestHandler], None]


class FarEnd:
    """Does the acts of its script one after another, the last one for ever, and keeps what it was sent."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.script: list[Act] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        far_end = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                far_end.requests.append((self.command, self.path, headers, body))
                act = far_end.script.pop(0) if len(far_end.script) > 1 else far_end.script[0]
                act(self)

            do_POST = do_GET

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def far_end() -> Iterator[FarEnd]:
    end = FarEnd()
    yield end
    end.close()


def answer(status: int, body: bytes = b"{}", **headers: str) -> Act:
    def act(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if status != 304:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if status != 304:
            handler.wfile.write(body)

    return act


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def cut_short(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"{")
    hang_up(handler)


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1000:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.05)


def drip_body(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True
    handler.send_response(200)
    handler.end_headers()
    for _ in range(1000):
        handler.wfile.write(b" ")
        time.sleep(0.05)


class Waits(list[float]):
    """Stands in for sleep: notes the seconds and returns at once."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client(url: str, waits: Waits | None = None, **options: Any) -> Transport:
    options = {"token_env": "A_TOKEN", "timeout": 5.0, "sleep": Waits() if waits is None else waits} | options
    return Transport(url, TOKEN, unavailable=EndpointUnavailable, refused=EndpointRefused, **options)


def test_sends_token_params_and_headers_and_returns_any_status(far_end: FarEnd) -> None:
    far_end.script = [answer(200, b'{"a": [1]}', ETag='"x"'), answer(404, b"gone"), answer(304), answer(422)]
    with client(far_end.url + "/base/") as transport:
        first = transport.get("/v1/plans", {"since": "a b&c"}, {"If-None-Match": '"x"'})
        rest = [transport.get("/v1/plans").status for _ in range(2)]
        posted = transport.post("/v1/batches", b"[]", {"Idempotency-Key": "k"})
    assert (first.status, first.headers["etag"], first.json()) == (200, '"x"', {"a": [1]})
    assert rest == [404, 304]
    assert posted.status == 422
    method, path, headers, _ = far_end.requests[0]
    assert (method, path) == ("GET", "/base/v1/plans?since=a+b%26c")
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["if-none-match"] == '"x"'
    assert far_end.requests[3][0] == "POST"
    assert far_end.requests[3][2]["idempotency-key"] == "k"
    assert far_end.requests[3][3] == b"[]"


@pytest.mark.parametrize("bad", [answer(500), answer(503), answer(429), answer(502), hang_up, cut_short])
def test_a_get_is_tried_again_and_each_wait_is_told(far_end: FarEnd, bad: Act) -> None:
    far_end.script = [bad, bad, answer(200)]
    waits, told = Waits(), []
    with client(far_end.url, waits, say=told.append) as transport:
        assert transport.get("/x").status == 200
    assert len(waits) == len(told) == 2
    assert waits[0] <= 0.5
    assert waits[1] <= 1.0
    assert all(line.startswith("127.0.0.1: ") and "\n" not in line for line in told)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_kept(far_end: FarEnd, status: int) -> None:
    far_end.script = [answer(status, Retry_After="7"), answer(200)]
    waits = Waits()
    with client(far_end.url, waits) as transport:
        transport.get("/x")
    assert waits == [7.0]


def test_retry_after_as_a_date_is_kept(far_end: FarEnd) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    far_end.script = [answer(503, Retry_After=at), answer(503, Retry_After=past), answer(200)]
    waits = Waits()
    with client(far_end.url, waits) as transport:
        transport.get("/x")
    assert 25 < waits[0] <= 30
    assert waits[1] == 0


@pytest.mark.parametrize("nonsense", ["soon", "-5", "", "１２", "Mon, 99 Foo 2026"])
def test_a_retry_after_that_says_nothing_is_jitter(far_end: FarEnd, nonsense: str) -> None:
    script = answer(503, Retry_After=nonsense.encode().decode("latin-1"))
    far_end.script = [script, answer(200)]
    waits = Waits()
    with client(far_end.url, waits) as transport:
        transport.get("/x")
    assert waits[0] <= 0.5


def test_a_server_that_asks_for_too_long_is_left_for_the_next_run(far_end: FarEnd) -> None:
    far_end.script = [answer(503, Retry_After="99999999999999999999")]
    waits = Waits()
    with client(far_end.url, waits) as transport, pytest.raises(EndpointUnavailable, match="status 503"):
        transport.get("/x")
    assert waits == []
    assert len(far_end.requests) == 1


def test_attempts_and_budget_end_the_trying(far_end: FarEnd) -> None:
    far_end.script = [answer(503, Retry_After="40")]
    waits = Waits()
    with client(far_end.url, waits, retry=RetryPolicy(budget=100.0)) as transport, pytest.raises(EndpointUnavailable):
        transport.get("/x")
    assert waits == [40.0, 40.0]
    far_end.requests.clear()
    far_end.script = [answer(503)]
    with client(far_end.url, retry=RetryPolicy(attempts=3)) as transport, pytest.raises(EndpointUnavailable):
        transport.get("/x")
    assert len(far_end.requests) == 3


def test_a_post_is_not_repeated_blindly(far_end: FarEnd) -> None:
    far_end.script = [hang_up, answer(200)]
    with client(far_end.url) as transport:
        with pytest.raises(OutcomeUnknown, match="ask before sending again"):
            transport.post("/v1/batches", b"[]")
        assert len(far_end.requests) == 1
        far_end.script = [hang_up, answer(200)]
        assert transport.post("/v1/batches", b"[]", safe=True).status == 200


def test_a_post_that_was_turned_away_is_repeated_and_stays_certain(far_end: FarEnd) -> None:
    far_end.script = [answer(503), answer(429), answer(200)]
    with client(far_end.url) as transport:
        assert transport.post("/v1/batches", b"[]").status == 200
        far_end.script = [answer(503)]
        with pytest.raises(EndpointUnavailable) as caught:
            transport.post("/v1/batches", b"[]")
    assert not isinstance(caught.value, OutcomeUnknown)


def test_a_post_that_only_met_server_errors_is_in_doubt(far_end: FarEnd) -> None:
    far_end.script = [answer(500), answer(503)]
    with client(far_end.url) as transport, pytest.raises(OutcomeUnknown):
        transport.post("/v1/batches", b"[]")


def test_a_post_that_never_left_is_certain() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    waits = Waits()
    with client(url, waits) as transport, pytest.raises(EndpointUnavailable, match="no connection") as caught:
        transport.post("/v1/batches", b"[]")
    assert not isinstance(caught.value, OutcomeUnknown)
    assert len(waits) == 5


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_stops_at_once_and_names_the_variable(far_end: FarEnd, status: int) -> None:
    far_end.script = [answer(status, TOKEN.encode())]
    with client(far_end.url) as transport, pytest.raises(EndpointRefused, match="A_TOKEN") as caught:
        transport.get("/x")
    assert TOKEN not in str(caught.value)
    assert len(far_end.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(far_end: FarEnd, status: int) -> None:
    other = FarEnd()
    try:
        other.script = [answer(200)]
        far_end.script = [answer(status, Location=f"{other.url}/secret-path?token=1")]
        with client(far_end.url) as transport, pytest.raises(EndpointRefused, match=r"to 127\.0\.0\.1;") as caught:
            transport.get("/x")
        assert "secret-path" not in str(caught.value)
        assert other.requests == []
    finally:
        other.close()


@pytest.mark.parametrize("location", ["", "http://[", "/here"])
def test_an_odd_redirect_is_told(far_end: FarEnd, location: str) -> None:
    far_end.script = [answer(302, Location=location)]
    with client(far_end.url) as transport, pytest.raises(EndpointRefused, match="redirect"):
        transport.get("/x")


def test_answers_are_bounded(far_end: FarEnd) -> None:
    far_end.script = [answer(200, b"x" * 1000), answer(200, b"x" * 1001)]
    with client(far_end.url, max_answer_bytes=1000) as transport:
        assert len(transport.get("/x").body) == 1000
        with pytest.raises(EndpointRefused, match="larger than 1000 bytes"):
            transport.get("/x")


def test_a_compressed_answer_is_bounded_as_it_unpacks(far_end: FarEnd) -> None:
    far_end.script = [answer(200, gzip.compress(b"0" * 10_000_000), Content_Encoding="gzip")]
    with client(far_end.url, max_answer_bytes=1_000_000) as transport, pytest.raises(EndpointRefused, match="larger"):
        transport.get("/x")
    assert far_end.requests[0][2]["accept-encoding"] == "identity"


def test_an_answer_that_is_not_what_it_says_is_refused(far_end: FarEnd) -> None:
    far_end.script = [answer(200, b"not gzip", Content_Encoding="gzip")]
    with client(far_end.url) as transport, pytest.raises(EndpointRefused, match="not encoded"):
        transport.get("/x")


@pytest.mark.parametrize("drip", [drip_headers, drip_body])
def test_bytes_that_drip_in_do_not_hold_us(far_end: FarEnd, drip: Act) -> None:
    far_end.script = [drip]
    began = time.monotonic()
    with (
        client(far_end.url, answer_timeout=0.3, retry=RetryPolicy(attempts=2)) as transport,
        pytest.raises(EndpointUnavailable, match="no answer in time"),
    ):
        transport.get("/x")
    assert time.monotonic() - began < 3


def test_a_silent_server_times_out(far_end: FarEnd) -> None:
    far_end.script = [lambda handler: time.sleep(0.5)]
    with client(far_end.url, timeout=0.1) as transport, pytest.raises(OutcomeUnknown, match="no answer in time"):
        transport.post("/x", b"")


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'{"a": NaN}', b"[" * 100 + b"]" * 100, b"\xff"])
def test_json_that_is_not_plain_json_is_refused(far_end: FarEnd, body: bytes) -> None:
    far_end.script = [answer(200, body)]
    with client(far_end.url) as transport:
        got = transport.get("/x")
    with pytest.raises(EndpointRefused):
        got.json()


def test_the_token_appears_nowhere(far_end: FarEnd, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    far_end.script = [hang_up, answer(403)]
    with client(far_end.url) as transport:
        shown = repr(transport)
        with pytest.raises(EndpointRefused) as caught:
            transport.get("/x")
    assert TOKEN not in shown + repr(caught.value) + caplog.text


@pytest.mark.parametrize("token", ["", "a\nb", "口令", "two words", "\x00"])
def test_an_impossible_token_is_a_setting_to_mend(token: str) -> None:
    with pytest.raises(SettingsError, match="A_TOKEN") as caught:
        Transport("http://h", token, token_env="A_TOKEN", unavailable=EndpointUnavailable, refused=EndpointRefused)
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["", "ftp://h", "h:100", "http://", "http://user:pw@h", "http://h?x=1", "http://h#f", "http://[", "file:///etc"],
)
def test_an_impossible_url_is_a_setting_to_mend(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        client(url)
    assert "pw" not in str(caught.value)


def test_a_path_cannot_change_the_host(far_end: FarEnd) -> None:
    with client(far_end.url) as transport, pytest.raises(ValueError, match="starts with /"):
        transport.get("@elsewhere/x")


def test_the_environment_cannot_set_a_proxy(far_end: FarEnd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    far_end.script = [answer(200)]
    with client(far_end.url) as transport:
        assert transport.get("/x").status == 200


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    made = tmp_path / "cert.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *(
                "-subj",
                "/CN=127.0.0.1",
                "-addext",
                "subjectAltName=IP:127.0.0.1",
                "-keyout",
                made,
                "-out",
                tmp_path / "c",
            ),
        ],
        check=True,
        capture_output=True,
    )
    made.write_text(made.read_text() + (tmp_path / "c").read_text())
    return made


def test_tls_is_verified_and_a_ca_file_makes_it_trusted(certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    end = FarEnd(context)
    try:
        end.script = [answer(200)]
        waits = Waits()
        with client(end.url, waits) as transport, pytest.raises(EndpointRefused, match="not trusted"):
            transport.get("/x")
        assert waits == []
        assert end.requests == []
        with client(end.url, ca_file=certificate, client_cert=(certificate, certificate)) as transport:
            assert transport.get("/x").status == 200
    finally:
        end.close()


def test_a_certificate_that_cannot_be_read_is_a_setting_to_mend(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="certificate"):
        client("https://h", ca_file=tmp_path / "none.pem")
    (tmp_path / "junk.pem").write_text("junk")
    with pytest.raises(SettingsError, match="certificate"):
        client("https://h", ca_file=tmp_path / "junk.pem")
