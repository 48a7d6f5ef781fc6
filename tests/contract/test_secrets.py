"""No secret in any output: canaries for every secret there is, a run with every kind of failure, and a
search of every byte that was written or printed, unpacked and in the forms in which secrets travel."""

import base64
import gzip
import http.server
import threading
import urllib.parse
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from publisher.sandbox import Sandbox

DAY = "2021-07-05"
TOKENS = {
    f"CANARY_{name}": f"canary-{name.lower()}-Zq8/+x7" for name in ("SOURCE", "FAR", "REFUSED", "MOVED", "TLS", "OAUTH")
}
CLIENT = "canary-client"


class Echo(http.server.BaseHTTPRequestHandler):
    """A far end that says back all it was told: with the status that the path names, or sending one elsewhere."""

    def answer(self):
        told = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.heard.append(bytes(self.headers) + told)
        status = int(self.path.split("/")[1])
        said = f"you said {self.headers}".encode() + told
        self.send_response(status, "no")
        if status == 302:
            self.send_header("Location", f"{self.server.elsewhere}/200?{self.headers['Authorization']}")
        self.send_header("WWW-Authenticate", f"Bearer realm={self.headers['Authorization']}")
        self.send_header("Content-Type", "application/problem+json")
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = answer

    def log_message(self, *args):
        """Say nothing."""


@contextmanager
def echo(elsewhere=""):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.heard, server.elsewhere = [], elsewhere
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


class Key:
    """An Ed25519 key, as an environment variable holds it, and what of it may be seen nowhere."""

    def __init__(self):
        key = Ed25519PrivateKey.generate()
        self.pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        self.seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())


def forms(secret: bytes) -> set[bytes]:
    """A secret as it is and as it travels: base64 (alone and for basic authentication), hex, in addresses."""
    pairs = [secret, CLIENT.encode() + b":" + secret, (CLIENT + ":" + urllib.parse.quote_plus(secret)).encode()]
    coded = {base64.b64encode(one) for one in pairs} | {base64.urlsafe_b64encode(one) for one in pairs}
    quoted = {urllib.parse.quote(secret).encode(), urllib.parse.quote_plus(secret).encode()}
    return {secret, secret.hex().encode(), secret.hex().upper().encode()} | {one.rstrip(b"=") for one in coded} | quoted


def contents(folder: Path):
    """Yield name and content of every file below a folder; packed ones unpacked too."""
    for file in folder.rglob("*"):
        if not file.is_file():
            continue
        yield file, file.read_bytes()
        if file.suffix == ".gz":
            yield file, gzip.decompress(file.read_bytes())
        elif zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                yield from ((file, packed.read(name)) for name in packed.namelist())


def seen(secrets, what, content: bytes):
    return [(name, str(what)) for name, several in secrets.items() if any(one in content for one in several)]


@pytest.mark.slow
def test_no_secret_is_in_anything_that_is_written_or_said(portal_dir, run_cli, make_plan, make_result):
    signing, sealing = Key(), Key()
    environment = TOKENS | {"CANARY_SIGNING": signing.pem, "CANARY_LOG": sealing.pem}
    secrets = {name: forms(value.encode()) for name, value in TOKENS.items()}
    for name, key in (("CANARY_SIGNING", signing), ("CANARY_LOG", sealing)):
        secrets[name] = forms(key.seed) | {key.pem.splitlines()[1].encode()}
    said: list[tuple[str, str]] = []

    def call(*words, env=environment):
        ran = run_cli("--config", portal_dir.config, "--as-of", DAY, *words, env=env)
        said.extend((" ".join(map(str, words)), one) for one in (ran.out, ran.err))
        return ran

    portal_dir.give(make_plan(), *(make_result(number) for number in range(1, 150)))
    platform = portal_dir.feed
    with (
        echo() as other,
        echo(f"http://127.0.0.1:{other.server_port}") as bad,
        Sandbox(folder=platform, state=portal_dir.root / "far.db", token=TOKENS["CANARY_FAR"]) as far,
        Sandbox(folder=platform, state=portal_dir.root / "source.db", token=TOKENS["CANARY_SOURCE"]) as source,
    ):
        wrong = f"http://127.0.0.1:{bad.server_port}"
        quick = {"kind": "api", "retry_seconds": 1, "failures_in_a_row": 1, "answer_seconds": 5}
        endpoints = [
            quick | {"name": "far", "url": f"http://127.0.0.1:{far.port}/gsxt", "token_env": "CANARY_FAR",
                     "signing_key_env": "CANARY_SIGNING"},
            quick | {"name": "refused", "url": f"{wrong}/401", "token_env": "CANARY_REFUSED"},
            quick | {"name": "moved", "url": f"{wrong}/302", "token_env": "CANARY_MOVED"},
            quick | {"name": "tls", "url": f"https://127.0.0.1:{bad.server_port}/200", "token_env": "CANARY_TLS"},
            quick | {"name": "oauth", "url": f"{wrong}/200", "token_url": f"{wrong}/400", "client_id": CLIENT,
                     "client_secret_env": "CANARY_OAUTH"},
            {"name": "drop", "kind": "filedrop", "path": "drop"},
        ]  # fmt: skip

        def configure(url):
            portal_dir.configure(endpoints=endpoints, more='[log]\nkey_env = "CANARY_LOG"')
            words = portal_dir.config.read_text("utf-8")
            api = f'kind = "api"\nurl = "{url}"\ntoken_env = "CANARY_SOURCE"'
            portal_dir.config.write_text(words.replace('kind = "folder"\npath = "source"', api), "utf-8")

        configure(f"http://127.0.0.1:{source.port}")
        ran = call("run", "--json")
        assert ran.status == 7, ran.err
        assert ran.json["pushed"]["far"]["accepted"] == 150
        assert {name for name in ("refused", "moved", "tls", "oauth") if f"publisher: {name}: " in ran.err} == {
            "refused", "moved", "tls", "oauth"
        }  # fmt: skip
        for url in (f"{wrong}/401", f"{wrong}/302", f"https://127.0.0.1:{bad.server_port}/200", f"{wrong}/200"):
            configure(url)
            assert call("pull", "--json").status == 3
        for words in (("run", "--strict"), ("status", "--deep"), ("check", "--json"), ("preview", "--json"),
                      ("reconcile",), ("receipts", "--json"), ("explain", "--all", "--json"), ("push",)):  # fmt: skip
            call(*words)
        for name in environment:  # each in its turn is not there, or is no key
            command = {"CANARY_SOURCE": "pull", "CANARY_LOG": "build"}.get(name, "push")
            call(command, env={**environment, name: ""})
            call(command, env={**environment, name: f"{environment[name][:60]} nonsense"})
        backup = portal_dir.root / "one.backup"
        assert call("backup", backup).status == 0
        for token in ("CANARY_REFUSED", "CANARY_MOVED", "CANARY_OAUTH"):
            # what is searched for did go out: the search would find it
            assert any(seen({token: secrets[token]}, "", one) for one in bad.heard), token
        assert [found for one in other.heard for found in seen(secrets, "another host", one)] == []
    assert [found for words, text in said for found in seen(secrets, words, text.encode())] == []
    assert sum(1 for _ in contents(portal_dir.root)) > 300
    assert [found for file, content in contents(portal_dir.root) for found in seen(secrets, file, content)] == []


def test_the_search_finds_what_it_looks_for(tmp_path):
    secrets = {"A": forms(b"canary-a-Zq8/+x7")}
    for number, content in enumerate(sorted(secrets["A"])):
        (tmp_path / f"{number}.html").write_bytes(b"<p>" + content + b"</p>")
    (tmp_path / "packed.gz").write_bytes(gzip.compress(b"canary-a-Zq8/+x7"))
    with zipfile.ZipFile(tmp_path / "packed.xlsx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("sheet.xml", "x" * 100 + "canary-a-Zq8/+x7")
    found = {Path(where).name for file, content in contents(tmp_path) for _, where in seen(secrets, file, content)}
    assert found == {file.name for file in tmp_path.iterdir()}
