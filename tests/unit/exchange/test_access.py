"""Who we are to an endpoint: tokens that are fetched, certificates, and what of it may be seen."""

import dataclasses
import logging
import re
import ssl
import subprocess
from base64 import b64decode
from urllib.parse import parse_qs

import pytest

from publisher.errors import EndpointRefused, EndpointUnavailable
from publisher.exchange import OAuth, Pushed
from publisher.exchange.tokens import ClientCredentials
from publisher.ledger.schema import metadata
from publisher.transport import Transport

SECRET = "canary-secret:/+%7a"
TOKEN = "canary-token-1"


@pytest.fixture
def oauth(recorder):
    server, _ = recorder
    return OAuth(f"{server}/oauth/token", "jiangsu portal", SECRET, "GSXT_SECRET", scope="push")


def tokens_given(lasts=3600, **changes):
    """Return an answer that gives another token each time, and how often it was asked."""
    asked = []

    def answer(request):
        asked.append(request)
        return 200, {
            "access_token": f"canary-token-{len(asked)}",
            "token_type": "Bearer",
            "expires_in": lasts,
        } | changes

    return answer, asked


def everything_told(book, error):
    return "\n".join(
        [error or "", *book.said, repr(book.endpoint), *(repr(book.rows(t)) for t in metadata.sorted_tables)]
    )


def test_a_token_is_fetched_once_and_used_until_it_ends(book, endpoint, recorder, oauth, caplog):
    caplog.set_level(logging.DEBUG)
    server, requests = recorder
    answer, asked = tokens_given()
    recorder.routes["/oauth/token"] = answer
    book.endpoint = dataclasses.replace(endpoint, url=f"{server}/gsxt", token=None, oauth=oauth, batch_records=1)
    book.show("R-1")
    book.show("R-2")
    assert book.push() == Pushed(accepted=2)
    (asking,) = asked
    assert parse_qs(asking[3].decode()) == {"grant_type": ["client_credentials"], "scope": ["push"]}
    kind, _, pair = asking[2]["authorization"].partition(" ")
    assert (kind, b64decode(pair)) == ("Basic", b"jiangsu+portal:canary-secret%3A%2F%2B%257a")
    sent = {one[2]["authorization"] for one in requests if one[1].startswith("/gsxt")}
    assert sent == {f"Bearer {TOKEN}"}
    told = everything_told(book, "") + caplog.text
    assert TOKEN not in told
    assert SECRET not in told


def test_a_token_is_fetched_anew_shortly_before_it_ends(recorder, oauth, stack):
    now = [0.0]
    answers = [("t1", 100), ("t2", 100), ("t3", None)]

    def answer(request):
        token, lasts = answers.pop(0)
        return 200, {"access_token": token, "token_type": "bearer", "expires_in": lasts}

    recorder.routes["/oauth/token"] = answer
    transport = Transport(recorder.url, None, unavailable=EndpointUnavailable, refused=EndpointRefused)
    tokens = stack.enter_context(ClientCredentials(oauth, transport, "gsxt", clock=lambda: now[0]))
    assert tokens.token() == tokens.token() == "t1"
    now[0] = 69.0
    assert tokens.token() == "t1"
    now[0] = 70.0
    assert tokens.token() == "t2"
    assert tokens.secrets() == (SECRET, "t2")
    tokens.forget()
    assert tokens.token() == "t3"
    now[0] += 29.0
    assert tokens.token() == "t3"


def test_a_token_called_back_is_fetched_anew_once(book, endpoint, recorder, oauth):
    server, _ = recorder
    answer, asked = tokens_given()
    recorder.routes["/oauth/token"] = answer
    recorder.refuse = {f"Bearer {TOKEN}"}
    book.endpoint = dataclasses.replace(endpoint, url=f"{server}/gsxt", token=None, oauth=oauth)
    book.show("R-1")
    assert book.push() == Pushed(accepted=1)
    assert len(asked) == 2
    recorder.refuse = {f"Bearer canary-token-{number}" for number in range(9)}
    book.show("R-2")
    error = book.push().error
    assert "401" in error
    assert "GSXT_SECRET" in error
    assert len(asked) == 4  # one more try with another token, and no circle


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (400, {"error": "invalid_client", "error_description": SECRET}, r"400 \(invalid_client\)"),
        (400, {"error": SECRET}, "answered 400; check client_id"),
        (200, {"access_token": "a b", "token_type": "Bearer"}, "no bearer token"),
        (200, {"access_token": TOKEN, "token_type": "mac"}, "no bearer token"),
        (200, [], "no bearer token"),
        (302, {}, "redirects"),
    ],
)
def test_a_token_server_that_gives_none_is_told_without_its_words(book, endpoint, recorder, oauth, status, said, words):
    server, _ = recorder
    recorder.routes["/oauth/token"] = lambda request: (status, said)
    book.endpoint = dataclasses.replace(endpoint, url=f"{server}/gsxt", token=None, oauth=oauth)
    book.show("R-1")
    pushed = book.push()
    assert pushed.owed == 1
    assert re.search(words, pushed.error), pushed.error
    assert SECRET not in everything_told(book, pushed.error)
    assert TOKEN not in everything_told(book, pushed.error)


def certificate(folder, name, issuer=None, usage="serverAuth"):
    """Make a key and a certificate of 127.0.0.1, by itself or by an issuer, with openssl."""
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    by = [] if issuer is None else ["-CA", folder / f"{issuer}.pem", "-CAkey", folder / f"{issuer}.key"]
    extra = [] if issuer is None else ["-addext", f"extendedKeyUsage={usage}", "-addext", "basicConstraints=CA:FALSE"]
    subprocess.run(
        ["openssl", "req", "-x509", *by, "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", *extra, "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def test_mutual_tls_with_an_authority_of_its_own(book, endpoint, recorder_at, tmp_path):
    authority, _ = certificate(tmp_path, "authority")
    theirs = certificate(tmp_path, "theirs", "authority")
    ours = certificate(tmp_path, "ours", "authority", "clientAuth")
    strangers, _ = certificate(tmp_path, "stranger")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*theirs)
    context.load_verify_locations(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    server, requests = recorder_at(context)
    book.show("R-1")
    trusting = dataclasses.replace(endpoint, url=f"{server}/gsxt", ca_file=authority)
    assert "not trusted" in book.push(dataclasses.replace(trusting, ca_file=strangers)).error
    assert book.push(trusting).owed == 1  # without a certificate of ours the server ends the talk
    assert requests == []
    assert book.push(dataclasses.replace(trusting, client_cert=ours)) == Pushed(accepted=1)
