"""What a page of a record carries, after its last line, for everybody who checks it: two comments.

The first opens the entries of the log: the number of each, the seed of its salts and the record as it was committed
to. The second signs the page: its address and every byte before. A page thus proves itself even when it was saved.
"""

import base64
import hashlib
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from publisher.log.leaf import SEED, canonical
from publisher.log.note import Signer, Verifier

_PROOF = b"<!-- publication-log "
_SIGNATURE = b"<!-- publication-log-signature "
_SIGNED = re.compile(rb"<!-- publication-log-signature (\S+) ([A-Za-z0-9+/=]+) -->\n?\Z")


class BadPage(Exception):
    """A page that does not prove itself; the message says why."""


class Proved(NamedTuple):
    """A record on a page: the number of its entry in the log, the seed of its salts and all that is committed to."""

    leaf_no: int
    seed: bytes
    fields: Mapping[str, Any]


def proof(records: Iterable[Proved]) -> bytes:
    """Return the comment that opens the entries of the records on a page."""
    opened = b",".join(
        [
            b'{"leaf":%d,"record":%b,"seed":"%b"}' % (one.leaf_no, canonical(one.fields), b2a_base64(one.seed)[:22])
            for one in records
        ]
    )
    safe = opened.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"--", b"-\\u002d")  # no end in a comment
    return b"\n" + _PROOF + b"[" + safe + b"] -->\n"


def signature(signer: Signer, address: str, digest: bytes) -> bytes:
    """Return the comment that signs a page at an address (below the portal's own), of whose bytes so far the SHA-256 is
    given.

    What is signed are two lines, so that it can never be taken for a checkpoint, which has three.
    """
    return b"%b%b -->\n" % (_SIGNATURE, signer.signature(_text(signer.verifier, address, digest)).encode())


def opened(verifier: Verifier, address: str, page: bytes) -> list[Proved]:
    """Return the records that a page proves, after checking who signed it.

    Raises :class:`BadPage`.
    """
    signed = _SIGNED.search(page)
    if signed is None:
        raise BadPage("it is not signed")
    try:
        told = base64.b64decode(signed[2], validate=True)
    except ValueError:
        told = b""
    if signed[1].decode() != verifier.name or told[:4] != verifier.key_id:
        raise BadPage("it is signed by another key")
    if not verifier.verify(_text(verifier, address, hashlib.sha256(page[: signed.start()]).digest()), told[4:]):
        raise BadPage("its text is not the one that was signed")
    start = page.rfind(_PROOF, 0, signed.start())
    if start < 0:
        return []
    try:
        return [
            Proved(int(one["leaf"]), _seed(one["seed"]), one["record"])
            for one in orjson.loads(page[start + len(_PROOF) : signed.start()].rstrip().removesuffix(b"-->"))
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise BadPage("what opens its entries cannot be read") from error


def _seed(text: str) -> bytes:
    seed = base64.b64decode(text + "==", validate=True)
    if len(seed) != SEED:
        raise ValueError("a seed has 16 bytes")
    return seed


def _text(verifier: Verifier, address: str, digest: bytes) -> bytes:
    return f"{verifier.name.removesuffix('/log')}{address}\n".encode() + base64.b64encode(digest) + b"\n"
