"""The sandbox as a server: HTTP/1.1 on the loopback address, and nothing of the far end's own rules."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterable
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from types import FrameType, TracebackType
from typing import Any, Self

from publisher.errors import SettingsError
from publisher.sandbox.answers import Answer, content_digest, problem
from publisher.sandbox.batch import Limits
from publisher.sandbox.endpoint import Endpoints
from publisher.sandbox.far_end import FarEnd, Request
from publisher.sandbox.faults import Faults
from publisher.sandbox.platform import Platform
from publisher.sandbox.state import State

_HOST = "127.0.0.1"
_log = logging.getLogger(__name__)


class Sandbox:
    """A far end to run against: an inspection platform over ``folder``, and any number of endpoints.

    ``http://127.0.0.1:PORT/v1/plans`` and the like is the platform, ``/NAME/v1/batches`` the endpoint NAME, and
    ``/v1/batches`` the endpoint ``default``. ``state`` is the SQLite file that outlives a restart (None: kept
    in memory). ``token`` is asked on both sides, ``endpoint_token`` by the endpoints instead; when absent they
    come from ``PUBLISHER_SOURCE_TOKEN`` and ``PUBLISHER_ENDPOINT_TOKEN``, or are ``sandbox``. ``port`` 0 takes
    a free one. ``faults`` are texts as :meth:`Faults.set` reads them, drawn from ``seed``.
    ``as_of`` is the instant the platform names (None: now).

    Use it in a ``with`` block, or call ``start`` and ``stop``. Raises SettingsError when the folder is not
    there, or the state file or the port is taken.
    """

    def __init__(
        self,
        folder: Path | None = None,
        state: Path | None = None,
        token: str | None = None,
        port: int = 0,
        seed: int = 0,
        *,
        endpoint_token: str | None = None,
        faults: Iterable[str] = (),
        limits: Limits | None = None,
        as_of: str | None = None,
    ) -> None:
        limits = limits or Limits()
        self.faults = Faults(faults, seed)
        self._stopping = threading.Event()
        self._state = State(state)
        try:
            self._server = _Server(
                port,
                FarEnd(
                    Platform(folder, self._state, as_of),
                    Endpoints(self._state, limits),
                    self.faults,
                    source_token=token or os.environ.get("PUBLISHER_SOURCE_TOKEN") or "sandbox",
                    endpoint_token=endpoint_token or token or os.environ.get("PUBLISHER_ENDPOINT_TOKEN") or "sandbox",
                    pause=self._stopping.wait,
                ),
                limits.max_body,
                self._stopping,
            )
        except BaseException:
            self._state.close()
            raise
        self.port: int = self._server.server_address[1]
        self.url = f"http://{_HOST}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def start(self) -> Self:
        """Begins to answer, in a thread of its own."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ends every connection, waits for what is being answered, and closes the state. May be repeated."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.end_connections()
        self._server.server_close()
        self._state.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(sandbox: Sandbox, say: Callable[[str], None]) -> None:
    """Runs a sandbox until SIGTERM or SIGINT, then stops it cleanly. ``say`` gets one line with the address
    when it is ready. To be called from the main thread, which alone receives signals."""
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with sandbox:
            say(f"sandbox ready at {sandbox.url}")
            ended.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, far_end: FarEnd, max_body: int, stopping: threading.Event) -> None:
        self.far_end = far_end
        self.max_body = max_body
        self.stopping = stopping
        self._connections: dict[threading.Thread, socket.socket] = {}
        try:
            super().__init__((_HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise SettingsError(f"port {port} cannot be used ({error}); choose another, or 0 for a free one") from error

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own would ask the name service who 127.0.0.1 is
        self.server_name, self.server_port = _HOST, self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        self._connections[threading.current_thread()] = request
        try:
            super().finish_request(request, client_address)
        finally:
            del self._connections[threading.current_thread()]

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a connection broke", exc_info=True)

    def end_connections(self) -> None:
        """Lets the answer being made go out, and no further request come in."""
        for thread, connection in list(self._connections.items()):
            try:
                connection.shutdown(socket.SHUT_RD)
            except OSError:
                continue  # closed by the client meanwhile
            thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 75  # seconds a connection may idle
    server: _Server

    def do_GET(self) -> None:
        body = self._body()
        if isinstance(body, Answer):
            return self._send(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            answer = self.server.far_end.answer(Request(self.command, self.path, headers, body))
        except Exception:  # the sandbox's own failing must look like a server's, not end the thread
            _log.exception("the sandbox could not answer %s %s", self.command, self.path)
            answer = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the sandbox failed; see its log", close=True)
        if answer is None:
            self.close_connection = True
            return None
        return self._send(answer)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_TRACE = do_QUERY = do_GET

    def _body(self) -> bytes | Answer:
        if "Transfer-Encoding" in self.headers:
            return problem(HTTPStatus.LENGTH_REQUIRED, "send the body with a Content-Length", close=True)
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit() and len(length) < 16):
            return problem(HTTPStatus.BAD_REQUEST, "Content-Length is not a number", close=True)
        size, most = int(length), self.server.max_body
        if size > most:
            # A client still sending would see a broken connection, not the answer: what is on its way is read.
            left = min(size, 8 * most)
            while left > 0 and (chunk := self.rfile.read(min(left, 65536))):
                left -= len(chunk)
            return problem(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"a body has at most {most} bytes, not {size}: split the batch",
                close=True,
                extensions={"max_bytes": most},
            )
        body = self.rfile.read(size)
        if len(body) < size:
            return problem(HTTPStatus.BAD_REQUEST, "the body ended early", close=True)
        return body

    def _send(self, answer: Answer) -> None:
        """Head and body in one piece: sent apart, the second waits for the client's delayed ACK."""
        self.close_connection = self.close_connection or answer.close or self.server.stopping.is_set()
        headers = {"Date": formatdate(usegmt=True)}
        if answer.status != HTTPStatus.NOT_MODIFIED:
            headers["Content-Type"] = answer.content_type
            headers["Content-Length"] = str(len(answer.body))
            headers["Content-Digest"] = content_digest(answer.body)
        headers |= answer.headers
        if self.close_connection:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {answer.status.value} {answer.status.phrase}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        body = b"" if self.command == "HEAD" else answer.body
        self.wfile.write("\r\n".join([*lines, "\r\n"]).encode("latin-1") + body)
        _log.debug("%s %s → %d", self.command, self.path, answer.status)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the HTTP library itself refuses (a broken request line, too many headers) is a problem too."""
        self.path = getattr(self, "path", "")
        self._send(problem(HTTPStatus(code), explain or message or "the request cannot be read", close=True))
