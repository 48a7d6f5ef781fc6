"""The server itself: its address, its beginning and end, and what is not quite HTTP."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from publisher.errors import SettingsError
from publisher.sandbox import Sandbox


def talk(port: int, text: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(text)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
        return received


def test_it_listens_on_the_loopback_address_only(run):
    assert run().sandbox._server.socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"POST /v1/batches HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", b"400"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
    ],
)
def test_what_is_not_http_is_a_problem_too(run, text, status):
    reply = talk(run().sandbox.port, text)
    assert reply.split()[1] == status
    assert b"application/problem+json" in reply


def test_small_answers_do_not_wait_for_a_delayed_ack(run):
    client = run().client
    client.get("/v1/records")
    begin = time.perf_counter()
    for _ in range(50):
        client.get("/v1/records")
    assert time.perf_counter() - begin < 1.5  # with the delay: 50 × 40 ms = 2 s


def test_it_stops_with_connections_open_and_its_port_is_free_again(run):
    far = run()
    assert far.client.get("/v1/records").status == 200
    begin = time.monotonic()
    far.sandbox.stop()
    far.sandbox.stop()
    assert time.monotonic() - begin < 2
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", far.sandbox.port), timeout=1)
    assert run(port=far.sandbox.port).client.get("/v1/records").status == 200


def test_settings_that_cannot_be(run, tmp_path):
    far = run(state=tmp_path / "far.db")
    (tmp_path / "no.db").write_text("not a database, and long enough to be seen as something else" * 20)
    for options in (
        {"folder": tmp_path / "absent"},
        {"state": tmp_path / "far.db"},
        {"state": tmp_path / "no.db"},
        {"port": far.sandbox.port},
        {"faults": ["nothing=1"]},
    ):
        with pytest.raises(SettingsError):
            Sandbox(**options)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_its_address_once_and_ends_on_a_signal(tmp_path, number):
    program = "from publisher.sandbox import *; import sys; serve(Sandbox(), lambda s: print(s, flush=True))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    line = process.stdout.readline()
    assert line.startswith("sandbox ready at http://127.0.0.1:")
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, "", "")
