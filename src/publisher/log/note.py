"""Signed notes (c2sp.org/signed-note) with Ed25519 (RFC 8032): a text, an empty line, and lines of signatures."""

import base64
import hashlib
import re
from binascii import b2a_base64
from typing import NamedTuple

from nacl.exceptions import CryptoError
from nacl.signing import SigningKey, VerifyKey

ED25519 = b"\x01"  # the type of a signature, of those the specification assigns
MOST_SIGNATURES = 100
_NAME = re.compile(r"[^\s+]+")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class BadNote(Exception):
    """A note that is none, or that the expected key did not sign; the message says which."""


class Verifier(NamedTuple):
    """Who signs: the name and id of a key, and the key."""

    name: str
    key_id: bytes
    key: VerifyKey

    @property
    def vkey(self) -> str:
        """The key as people exchange it: name, key id and key, with plus signs between."""
        encoded = base64.b64encode(ED25519 + bytes(self.key)).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Tell whether this key signed a text."""
        try:
            self.key.verify(text, signature)
        except CryptoError:  # not signed by this key, or no signature at all
            return False
        return True


class Signer(NamedTuple):
    """A private key under a name."""

    verifier: Verifier
    key: SigningKey

    def signature(self, text: bytes) -> str:
        """Return who signs a text, and the signature: name, a space, and key id and signature in base64."""
        signed = b2a_base64(self.verifier.key_id + self.key.sign(text).signature, newline=False)
        return f"{self.verifier.name} {signed.decode('ascii')}"

    def sign(self, text: str) -> bytes:
        """Return a text, which ends with a newline, as a signed note."""
        if not text.endswith("\n") or _CONTROL.search(text):
            raise ValueError("a note is text that ends with a newline")
        return f"{text}\n— {self.signature(text.encode())}\n".encode()


def verifier_of(name: str, key: VerifyKey) -> Verifier:
    """Return the verifier of a public key under a name."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a key: it is empty or has a space or a plus sign")
    told = name.encode() + b"\n" + ED25519 + bytes(key)
    return Verifier(name, hashlib.sha256(told).digest()[:4], key)


def signer_of(name: str, key: SigningKey) -> Signer:
    """Return the signer of a private key under a name."""
    return Signer(verifier_of(name, key.verify_key), key)


def parse_vkey(text: str) -> Verifier:
    """Return the verifier that a verifier key names.

    Raises :class:`BadNote` for a text that is no verifier key of an Ed25519 key.
    """
    try:
        name, key_id, encoded = text.split("+", 2)
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise BadNote(f"{text!r} is no verifier key") from None
    if key[:1] != ED25519 or len(key) != 33 or not _NAME.fullmatch(name):
        raise BadNote(f"{text!r} is no verifier key of an Ed25519 key")
    verifier = verifier_of(name, VerifyKey(key[1:]))
    if verifier.vkey != text or verifier.key_id.hex() != key_id:
        raise BadNote(f"{text!r} is no verifier key: its id does not fit its key")
    return verifier


def open_note(note: bytes, verifier: Verifier) -> str:
    """Return the text of a note that a key signed. Signatures of other keys are passed over.

    Raises :class:`BadNote`.
    """
    try:
        words = note.decode()
    except UnicodeDecodeError:
        raise BadNote("it is not UTF-8") from None
    text, empty_line, signatures = words.rpartition("\n\n")
    lines = signatures.split("\n")
    if not empty_line or lines.pop() != "" or not lines or _CONTROL.search(words):
        raise BadNote("it is no signed note")
    text += "\n"
    if len(lines) > MOST_SIGNATURES:
        raise BadNote(f"it has more than {MOST_SIGNATURES} signatures")
    is_signed = False
    for line in lines:
        name, signature = _signature(line)
        if (name, signature[:4]) == (verifier.name, verifier.key_id):
            if not verifier.verify(text.encode(), signature[4:]):
                raise BadNote(f"the signature of {name} does not fit the text")
            is_signed = True
    if not is_signed:
        raise BadNote(f"{verifier.name} (key {verifier.key_id.hex()}) did not sign it")
    return text


def _signature(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    try:
        signature = base64.b64decode(encoded, validate=True)
    except ValueError:
        signature = b""
    if dash != "—" or not _NAME.fullmatch(name) or len(signature) < 5:
        raise BadNote("it has a line that is no signature")
    return name, signature
