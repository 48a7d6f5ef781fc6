"""SM2 signatures, checked by the equations of GB/T 32918.2 written out, which the standard's own example holds to."""

import dataclasses
import hashlib
import re
import subprocess
from base64 import b64decode
from typing import NamedTuple

import pytest

from publisher.errors import SettingsError
from publisher.exchange import Pushed, SigningKey, sm2
from publisher.exchange.signing import Signer, signature_base

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123


class Point(NamedTuple):
    x: int
    y: int


G = Point(
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)


def plus(p: Point | None, q: Point | None) -> Point | None:
    if p is None or q is None:
        return p or q
    if p.x == q.x and (p.y + q.y) % P == 0:
        return None
    rise, run = (3 * p.x * p.x + A, 2 * p.y) if p == q else (q.y - p.y, q.x - p.x)
    slope = rise * pow(run, -1, P) % P
    x = (slope * slope - p.x - q.x) % P
    return Point(x, (slope * (p.x - x) - p.y) % P)


def times(k: int, p: Point | None) -> Point | None:
    total = None
    while k:
        total = plus(total, p) if k & 1 else total
        p, k = plus(p, p), k >> 1
    return total


def sm3(told: bytes) -> bytes:
    return hashlib.new("sm3", told).digest()


def holds(public: Point, told: bytes, signature: bytes, signer: bytes = b"1234567812345678") -> bool:
    """Tell whether r, s is the signature of what was told (GB/T 32918.2, 7.1)."""
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    parts = (A, B, *G, *public)
    who = sm3((len(signer) * 8).to_bytes(2) + signer + b"".join(one.to_bytes(32) for one in parts))
    e, t = int.from_bytes(sm3(who + told)), (r + s) % N
    found = plus(times(s, G), times(t, public))
    return len(signature) == 64 and t != 0 and found is not None and (e + found.x) % N == r


def test_the_equations_hold_for_the_example_of_the_standard():
    public = Point(
        0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020,
        0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13,
    )
    signature = bytes.fromhex(
        "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
        "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
    )
    assert holds(public, b"message digest", signature)
    assert not holds(public, b"message digest.", signature)


@pytest.fixture
def key():
    """A fresh SM2 key in PEM and its public point."""
    pem = subprocess.run(["openssl", "genpkey", "-algorithm", "SM2"], capture_output=True, check=True).stdout
    public = subprocess.run(
        ["openssl", "pkey", "-pubout", "-outform", "DER"], input=pem, capture_output=True, check=True
    ).stdout
    return pem, Point(int.from_bytes(public[-64:-32]), int.from_bytes(public[-32:]))


def test_a_far_end_can_check_an_sm2_signature(key, book, endpoint, recorder):
    pem, public = key
    server, requests = recorder
    book.endpoint = dataclasses.replace(endpoint, url=f"{server}/gsxt", signing=SigningKey(pem, "js-sm2"))
    book.show("R-1")
    assert book.push() == Pushed(accepted=1)
    (post,) = [one for one in requests if one[0] == "POST"]
    method, path, headers, _ = post
    given = re.fullmatch(r"publisher=\((.*?)\)(;.*)", headers["signature-input"])
    assert given[2].endswith(';keyid="js-sm2";alg="sm2-sm3"')
    components = tuple(one.strip('"') for one in given[1].split())
    base = signature_base(method, f"http://{headers['host']}{path}", headers, components, given[2])
    signature = b64decode(re.fullmatch(r"publisher=:(.*):", headers["signature"])[1])
    assert holds(public, base, signature)
    assert not holds(public, base.replace(b"js-sm2", b"js-sm3"), signature)


def test_a_broken_sm2_key_is_a_setting_to_mend(key):
    lines = key[0].split(b"\n")
    broken = b"\n".join([lines[0], lines[1], lines[-2]])  # the curve stands in the first line, the key in the next
    assert sm2.is_sm2(broken)
    with pytest.raises(SettingsError, match="openssl could not sign") as caught:
        Signer(broken, "k")
    assert lines[1].decode() not in str(caught.value)


def test_without_the_program_the_setting_is_named(key, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="needs the program openssl"):
        Signer(key[0], "k")
