"""``publisher serve``: a look at the built site on the loopback address, with the headers a good host sends."""

import logging
import os
import re
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from types import FrameType, TracebackType
from typing import Any, BinaryIO, Self
from urllib.parse import quote, unquote

from publisher import paths
from publisher.errors import RenderFailed, SettingsError, SiteError

_HOST = "127.0.0.1"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".jsonl": "application/jsonl; charset=utf-8",
    ".xml": "application/xml",
    ".atom": "application/atom+xml",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".ics": "text/calendar; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/vnd.microsoft.icon",
    ".woff2": "font/woff2",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".db": "application/vnd.sqlite3",
    ".pdf": "application/pdf",
    ".zip": "application/zip",
}
# Addresses that carry their content's hash: parts of the search index, and the theme's files with ?v=.
_HASHED = re.compile(r"/search/.+\.bin\?|/static/[^?]+\?v=[0-9a-f]{8,}")
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_log = logging.getLogger(__name__)


class Server:
    """The site in ``output`` on a port of 127.0.0.1 (0: a free one), while the ``with`` block lasts.

    ``root`` is the path of the site's base_url, without a slash at its end: the site is served below it. Files are
    served as they are at the moment; nothing outside ``output`` is, whatever links lie in it. Raises
    :class:`SiteError` when there is no site, :class:`SettingsError` when the port is taken.
    """

    def __init__(self, output: Path, root: str = "", port: int = 0) -> None:
        if not (output / "index.html").is_file():
            raise SiteError(f"there is no site in {output}; `publisher run` builds it")
        self._server = _Server(port, output, root)
        self.url = f"http://{_HOST}:{self._server.server_port}{root}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.end_connections()
        self._server.server_close()


def serve(output: Path, port: int, say: Callable[[str], None], root: str = "") -> None:
    """Serve the site until SIGINT or SIGTERM; ``say`` gets one line with the address when it is ready.

    To be called from the main thread, which alone receives signals. Raises as :class:`Server` does.
    """
    ended = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        ended.set()

    server = Server(output, root, port)
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        with server:
            say(f"the site is at {server.url}/ (Ctrl+C ends)")
            ended.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, output: Path, root: str) -> None:
        self.output, self.root = output, root
        self._connections: dict[threading.Thread, socket.socket] = {}
        try:
            super().__init__((_HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise SettingsError(f"port {port} cannot be used ({error}); choose another, or 0 for a free one") from error

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own would ask the name service who 127.0.0.1 is
        self.server_name, self.server_port = _HOST, self.server_address[1]

    def finish_request(self, request: Any, client_address: Any) -> None:
        me = threading.current_thread()
        self._connections[me] = request
        try:
            super().finish_request(request, client_address)
        finally:
            del self._connections[me]

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a connection broke", exc_info=True)

    def end_connections(self) -> None:
        """Let answers under way go out, and end the connections that wait for another request."""
        for thread, connection in list(self._connections.items()):
            try:
                connection.shutdown(socket.SHUT_RD)
            except OSError:
                continue  # the client closed it meanwhile
            thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "publisher", ""
    disable_nagle_algorithm = True
    timeout = 75  # seconds a connection may idle
    server: _Server

    def do_GET(self) -> None:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.close_connection = True  # a body nobody reads would be taken for the next request
        path, _, query = self.path.partition("?")
        root = self.server.root
        if root and path in ("/", root):
            return self._redirect(root + "/", query)
        try:
            address = unquote(path.removeprefix(root), errors="strict")
            if not path.startswith(root + "/"):
                return self._missing()
            file = self._inside(paths.file_of(address))
            if file is not None and file.is_dir():
                return self._redirect(quote(root + address) + "/", query)
            if file is None or not file.is_file():
                return self._missing()
            opened = file.open("rb")
        except (RenderFailed, UnicodeDecodeError, OSError):
            return self._missing()
        return self._send(HTTPStatus.OK, opened, file.suffix, _lifetime(address, query, file.suffix))

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.close_connection = True
        self._head(HTTPStatus.METHOD_NOT_ALLOWED, {"Allow": "GET, HEAD", "Content-Length": "0"})

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST

    def _inside(self, relative: str) -> Path | None:
        """Return the file itself if it lies in the site's folder, links followed."""
        output = self.server.output.resolve()  # the release of the moment
        file = (output / relative).resolve()
        return file if file.is_relative_to(output) else None

    def _missing(self) -> None:
        page = self._inside(paths.file_of(paths.MISSING))
        if page is None or not page.is_file():
            return self._head(HTTPStatus.NOT_FOUND, {"Content-Length": "0", "Cache-Control": "no-store"})
        return self._send(HTTPStatus.NOT_FOUND, page.open("rb"), page.suffix, "no-store")

    def _redirect(self, location: str, query: str) -> None:
        where = f"{location}?{query}" if query else location
        self._head(
            HTTPStatus.MOVED_PERMANENTLY, {"Location": where, "Content-Length": "0", "Cache-Control": "no-store"}
        )

    def _send(self, status: HTTPStatus, opened: BinaryIO, suffix: str, lifetime: str) -> None:
        with opened:
            size = os.fstat(opened.fileno()).st_size
            headers = {
                "Content-Type": _TYPES.get(suffix, "application/octet-stream"),
                "Content-Length": str(size),
                "Cache-Control": lifetime,
            }
            self._head(status, headers)
            if self.command != "HEAD":
                shutil.copyfileobj(opened, self.wfile)  # a build replaces files by rename: this one stays as it is

    def _head(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (_ALWAYS | headers).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)


def _lifetime(address: str, query: str, suffix: str) -> str:
    if _HASHED.fullmatch(f"{address}?{query}"):
        return "public, max-age=31536000, immutable"
    return "no-store" if suffix == ".html" else "no-cache"
