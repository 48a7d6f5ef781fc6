"""HTTP message signatures: the vector of RFC 9421, B.2.6, and requests that a far end can check."""

import dataclasses
import re
from base64 import b64decode

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from publisher.errors import SettingsError
from publisher.exchange import Pushed, SigningKey
from publisher.exchange.signing import Signer, signature_base

RFC_KEY = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
RFC_HEADERS = {"date": "Tue, 20 Apr 2021 02:07:55 GMT", "content-type": "application/json", "content-length": "18"}


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_the_vector_of_rfc_9421():
    components = ("date", "@method", "@path", "@authority", "content-type", "content-length")
    base = signature_base(
        "POST", "https://example.com/foo?param=Value&Pet=dog", RFC_HEADERS, components,
        ';created=1618884473;keyid="test-key-ed25519"',
    )  # fmt: skip
    assert base.decode().splitlines() == [
        '"date": Tue, 20 Apr 2021 02:07:55 GMT',
        '"@method": POST',
        '"@path": /foo',
        '"@authority": example.com',
        '"content-type": application/json',
        '"content-length": 18',
        '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"',
    ]
    signature = Signer(RFC_KEY, "test-key-ed25519").sign(base)
    assert signature == b64decode(
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    )


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://EXAMPLE.com:443/a", "example.com"),
        ("http://example.com:80/a", "example.com"),
        ("http://example.com:8200/a", "example.com:8200"),
        ("https://[::1]:8443/a", "[::1]:8443"),
    ],
)
def test_the_authority_is_normal(url, authority):
    assert signature_base("GET", url, {}, ("@authority",), "").decode().startswith(f'"@authority": {authority}\n')


def checked(public, method, url, headers):
    """Check a request's signature as a far end would, from what arrived alone; return what it covers."""
    given = re.fullmatch(r"publisher=\((.*?)\)(;.*)", headers["signature-input"])
    components = tuple(one.strip('"') for one in given[1].split())
    signature = b64decode(re.fullmatch(r"publisher=:(.*):", headers["signature"])[1])
    public.verify(signature, signature_base(method, url, headers, components, given[2]))
    return components


def test_a_far_end_can_check_every_request_of_a_push(book, endpoint, recorder):
    key = Ed25519PrivateKey.generate()
    server, requests = recorder
    book.endpoint = dataclasses.replace(endpoint, url=f"{server}/gsxt", signing=SigningKey(pem(key), "js-1"))
    book.show("R-1")
    assert book.push() == Pushed(accepted=1)
    assert book.reconcile() != []
    (post,) = [one for one in requests if one[0] == "POST"]
    method, path, headers, _ = post
    covered = checked(key.public_key(), method, f"http://{headers['host']}{path}", headers)
    assert {"@method", "@authority", "@path", "content-digest", "idempotency-key", "authorization"} <= set(covered)
    assert ';keyid="js-1";alg="ed25519"' in headers["signature-input"]
    digest = headers | {"content-digest": "sha-256=:AAAA:"}
    with pytest.raises(InvalidSignature):
        checked(key.public_key(), method, f"http://{headers['host']}{path}", digest)
    listing = next(one for one in requests if "/v1/records" in one[1])
    assert "@query" in checked(key.public_key(), "GET", f"http://{listing[2]['host']}{listing[1]}", listing[2])


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (b"", "PEM"),
        (b"not a key", "PEM"),
        (RFC_KEY.replace(b"MC4C", b"XXXX"), "PEM"),
        (pem(generate_private_key(SECP256R1())), "neither an Ed25519 nor an SM2 key"),
    ],
)
def test_a_key_that_cannot_be_used_is_a_setting_to_mend(key, words):
    with pytest.raises(SettingsError, match=words) as caught:
        Signer(key, "k")
    assert "MC4C" not in str(caught.value)


@pytest.mark.parametrize("key_id", ["", 'a"b', "a\nb", "钥匙"])
def test_a_key_id_stands_in_a_header(key_id):
    with pytest.raises(SettingsError, match="signing_key_id"):
        Signer(RFC_KEY, key_id)
