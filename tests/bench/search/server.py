"""A static server on the loopback address with a known distance: so long a request, so many bytes a second for all.

HTTP/1.1 with connections kept, as the plainest host has it; a browser opens six. Files are sent as they lie there: what
a host that compresses would send less is not credited to the index, whose files are compressed already.
"""

import asyncio
import threading
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".json": "application/json", ".css": "text/css",
         ".wasm": "application/wasm", ".db": "application/octet-stream"}  # fmt: skip
SLICE = 4096


class Distant:
    """Serves folders by their address prefixes, and counts."""

    def __init__(self, folders: dict[str, Path], latency: float = 0.04, rate: float = 2_500_000) -> None:
        self.folders, self.latency, self.rate = folders, latency, rate
        self.requests = self.bytes = 0
        self.log: list[tuple[str, int]] = []
        self.port = 0
        self._free_at = 0.0
        self._sending = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self._thread.start()
        self._ready.wait(10)

    def reset(self) -> None:
        self.requests = self.bytes = 0
        self.log = []

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                lines = request.decode("latin-1").split("\r\n")
                method, target, _ = lines[0].split(" ")
                headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
                await asyncio.sleep(self.latency)
                await self._answer(writer, method, unquote(urlsplit(target).path), headers.get("range"))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, method: str, path: str, wanted: str | None) -> None:
        content, status, more = b"", "404 Not Found", ""
        for prefix, folder in self.folders.items():
            file = folder / path.removeprefix(prefix)
            if path.startswith(prefix) and (file.is_file() or (file / "index.html").is_file()):
                file = file if file.is_file() else file / "index.html"
                content, status = file.read_bytes(), "200 OK"
                size = len(content)
                if wanted and wanted.startswith("bytes="):
                    first, _, last = wanted[6:].partition("-")
                    end = min(size, int(last) + 1 if last else size)
                    content, status = content[int(first) : end], "206 Partial Content"
                    more = f"content-range: bytes {first}-{end - 1}/{size}\r\n"
                kind = TYPES.get(file.suffix, "application/octet-stream")
                more += f"content-type: {kind}\r\naccept-ranges: bytes\r\n"
                break
        head = f"HTTP/1.1 {status}\r\ncontent-length: {len(content)}\r\ncache-control: no-store\r\n{more}\r\n"
        writer.write(head.encode())
        self.requests += 1
        sent = 0 if method == "HEAD" else len(content)
        self.bytes += sent
        self.log.append((path, sent))
        if method != "HEAD":
            # An idle line saves nothing up; on a busy one, what a timer is late by (a millisecond or two) is not lost.
            if not self._sending:
                self._free_at = max(self._free_at, time.perf_counter())
            self._sending += 1
            try:
                for start in range(0, len(content), SLICE):
                    piece = content[start : start + SLICE]
                    self._free_at += len(piece) / self.rate
                    if (early := self._free_at - time.perf_counter()) > 0.0005:
                        await asyncio.sleep(early)
                    writer.write(piece)
                    await writer.drain()
            finally:
                self._sending -= 1
        await writer.drain()
