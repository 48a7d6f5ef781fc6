"""A look at the site: what a good host sends, and nothing that is not the site's."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import pytest

from publisher.desk.serve import Server, serve
from publisher.errors import SettingsError, SiteError

FILES = {
    "index.html": "<!doctype html>首页",
    "404.html": "<!doctype html>没有这一页",
    "plans/2021/index.html": "计划",
    "subjects/320102/A.html": "对象",
    "search/0123456789ab/g0/7.bin": "[]",
    "search/index.json": "{}",
    "data/results-2021-06.csv": "编号\r\n",
    "data/plan-2021-320000202104.csv": "编号\r\n",
    "data/all.xlsx": "PK",
    "data/all.db": "SQLite format 3",
    "feeds/portal.xml": "<feed/>",
    "feeds/days.ics": "BEGIN:VCALENDAR",
    "static/site.css": "p{}",
    "static/site.js": "1",
    "static/favicon.svg": "<svg/>",
    "static/空 格.txt": "词",
    "empty/.keep": "secret",
    ".hidden": "secret",
}


@pytest.fixture
def output(tmp_path):
    folder = tmp_path / "output"
    for name, content in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, "utf-8")
    (tmp_path / "ledger.db").write_text("secret")
    return folder


@pytest.fixture
def ask(output):
    """One connection for all requests of a test, as a browser would keep it."""
    with Server(output) as server:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)

        def request(path, method="GET", body=None):
            connection.request(method, path, body)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()

        yield request
        connection.close()


@pytest.mark.parametrize(
    ("path", "kind", "lifetime"),
    [
        ("/", "text/html; charset=utf-8", "no-store"),
        ("/plans/2021/", "text/html; charset=utf-8", "no-store"),
        ("/subjects/320102/A.html", "text/html; charset=utf-8", "no-store"),
        ("/search/0123456789ab/g0/7.bin", "application/octet-stream", "public, max-age=31536000, immutable"),
        ("/search/index.json", "application/json", "no-cache"),
        ("/data/results-2021-06.csv", "text/csv; charset=utf-8", "no-cache"),
        ("/data/plan-2021-320000202104.csv", "text/csv; charset=utf-8", "no-cache"),
        ("/data/all.xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "no-cache"),
        ("/data/all.db", "application/vnd.sqlite3", "no-cache"),
        ("/feeds/portal.xml", "application/xml", "no-cache"),
        ("/feeds/days.ics", "text/calendar; charset=utf-8", "no-cache"),
        ("/static/site.css?v=0123abcd", "text/css; charset=utf-8", "public, max-age=31536000, immutable"),
        ("/static/site.js", "text/javascript; charset=utf-8", "no-cache"),
        ("/static/favicon.svg", "image/svg+xml", "no-cache"),
        ("/static/%E7%A9%BA%20%E6%A0%BC.txt", "text/plain; charset=utf-8", "no-cache"),
    ],
)
def test_each_file_has_its_type_and_lifetime(ask, output, path, kind, lifetime):
    status, headers, body = ask(path)
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, kind, lifetime)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert int(headers["Content-Length"]) == len(body) > 0
    status, head, nothing = ask(path, "HEAD")
    assert (status, nothing, head["Content-Length"]) == (200, b"", headers["Content-Length"])


@pytest.mark.parametrize(
    "path",
    ["/nothing.html", "/plans/", "/empty/", "/.hidden", "/empty/.keep", "/index.html/", "/" + "a" * 5000, "/a%00b"],
)
def test_what_is_not_there_is_the_missing_page(ask, path):
    status, headers, body = ask(path)
    assert (status, body.decode()) == (404, FILES["404.html"])
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("text/html; charset=utf-8", "no-store")
    assert ask(path, "HEAD")[0] == 404


@pytest.mark.parametrize(
    "path",
    [
        "/../ledger.db", "/%2e%2e/ledger.db", "/plans/..%2f..%2fledger.db", "/plans/../../ledger.db", "//etc/passwd",
        "/..%5cledger.db", "/%252e%252e/ledger.db", "/plans/%2e%2e/%2e%2e/ledger.db", "/link.db", "/linked/ledger.db",
        "http://127.0.0.1/../ledger.db", "/%ff", "*", "ledger.db",
    ],
)  # fmt: skip
def test_nothing_outside_the_site_is_served(ask, output, path):
    (output / "link.db").symlink_to(output.parent / "ledger.db")
    (output / "linked").symlink_to(output.parent)
    status, _, body = ask(path)
    assert status == 404
    assert b"secret" not in body


def test_a_folder_is_asked_for_with_its_slash(ask):
    status, headers, body = ask("/plans/2021?a=1")
    assert (status, headers["Location"], body) == (301, "/plans/2021/?a=1", b"")


def test_only_reading_is_allowed(ask):
    for method in ("POST", "PUT", "DELETE"):
        status, headers, _ = ask("/", method, b"GET /.hidden HTTP/1.1\r\n\r\n")
        assert (status, headers["Allow"]) == (405, "GET, HEAD")


def test_a_body_is_not_taken_for_another_request(ask):
    status, headers, _ = ask("/", "GET", b"GET /.hidden HTTP/1.1\r\n\r\n")
    assert (status, headers["Connection"]) == (200, "close")
    assert ask("/")[0] == 200


def test_a_site_with_a_path_is_served_below_it(output):
    with Server(output, root="/gongshi") as server:
        assert server.url.endswith("/gongshi")
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=5)
        answers = {}
        for path in (
            "/gongshi/plans/2021/",
            "/gongshi/plans/2021",
            "/gongshi",
            "/",
            "/plans/2021/",
            "/gongshiplans/2021/",
        ):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            answers[path] = (answer.status, answer.headers["Location"])
        connection.close()
    assert answers == {
        "/gongshi/plans/2021/": (200, None),
        "/gongshi/plans/2021": (301, "/gongshi/plans/2021/"),
        "/gongshi": (301, "/gongshi/"),
        "/": (301, "/gongshi/"),
        "/plans/2021/": (404, None),
        "/gongshiplans/2021/": (404, None),
    }


def test_a_new_build_is_seen_at_once(ask, output):
    beside = output / "index.html.new"
    beside.write_text("新的首页", "utf-8")
    beside.replace(output / "index.html")
    assert ask("/")[2].decode() == "新的首页"


def test_without_a_missing_page_there_is_still_a_404(ask, output):
    (output / "404.html").unlink()
    assert ask("/nothing.html")[0] == 404


def test_no_site_and_no_port_are_said(output, tmp_path):
    with pytest.raises(SiteError, match="publisher run"):
        Server(tmp_path / "elsewhere")
    with Server(output) as server, pytest.raises(SettingsError, match="port"):
        Server(output, port=urlsplit(server.url).port)


def test_the_end_ends_open_connections_and_frees_the_port(output):
    with Server(output) as server:
        address = urlsplit(server.url)
        idle = socket.create_connection((address.hostname, address.port), timeout=5)
        idle.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(15).startswith(b"HTTP/1.1 200")
    while idle.recv(4096):
        pass
    idle.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=5)
    assert not [thread for thread in threading.enumerate() if "process_request" in thread.name]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_on_a_signal(output, number):
    code = "import pathlib, sys; from publisher.desk.serve import serve; serve(pathlib.Path(sys.argv[1]), 0, print)"
    command = [sys.executable, "-u", "-c", code, str(output)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        said = process.stdout.readline()
        url = next(word for word in said.split() if word.startswith("http://127.0.0.1:"))
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=10)
        connection.close()
    assert (process.returncode, out, err) == (0, "", "")


def test_the_handlers_of_signals_are_given_back(output):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    serve(output, 0, lambda line: os.kill(os.getpid(), signal.SIGTERM))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
