"""The key that signs the log, and the name it signs under."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from nacl.signing import SigningKey

from publisher.errors import SettingsError
from publisher.log.note import Signer, signer_of


class Key(NamedTuple):
    """Where the Ed25519 key of the log lies, in PEM (PKCS #8): a file, or an environment variable that holds it."""

    file: Path
    env: str | None = None


def origin_of(base_url: str) -> str:
    """Return the name of a portal's log: its address without the scheme (c2sp.org/tlog-tiles)."""
    parts = urlsplit(base_url)
    return f"{parts.netloc}{parts.path.rstrip('/')}/log"


def load_key(key: Key, base_url: str) -> Signer:
    """Return the signer of a portal's log; a key file that is not there is made, readable by its owner alone.

    Raises :class:`SettingsError` for a key that cannot be read or is no Ed25519 key.
    """
    if key.env is not None:
        return _signer(os.environ.get(key.env, "").encode(), f"the environment variable {key.env}", base_url)
    try:
        if not key.file.exists():
            _make(key.file)
        return _signer(key.file.read_bytes(), str(key.file), base_url)
    except OSError as error:
        raise SettingsError(f"the key of the log, {key.file}, cannot be read or made: {error.strerror}") from error


def _make(file: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(file.name + ".new")
    with suppress(FileNotFoundError):
        partial.unlink()
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(pem)
        opened.flush()
        os.fsync(opened.fileno())  # what it signed can never be signed again by another
    partial.replace(file)


def _signer(pem: bytes, where: str, base_url: str) -> Signer:
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"{where} holds no Ed25519 key in PEM (PKCS #8) without a password")
    try:
        return signer_of(origin_of(base_url), SigningKey(key.private_bytes_raw()))
    except ValueError as error:
        raise SettingsError(f"base_url {base_url} cannot name a publication log: {error}") from error
