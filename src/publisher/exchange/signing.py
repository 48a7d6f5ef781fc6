"""HTTP message signatures (RFC 9421) with Ed25519 or SM2, for endpoints that ask who wrote a request.

What is signed: the method, the host, the path, the query if there is one, and, of what a request carries, its
Content-Digest, Content-Type, Idempotency-Key and Authorization.
"""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from urllib.parse import urlsplit

from publisher.errors import SettingsError
from publisher.exchange import sm2

Sign = Callable[[bytes], bytes]

LABEL = "publisher"
_CARRIED = ("content-digest", "content-type", "idempotency-key", "authorization")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def signature_base(
    method: str, url: str, headers: Mapping[str, str], components: Sequence[str], parameters: str
) -> bytes:
    """Return what is signed (RFC 9421, 2.5). ``headers`` have lower-case names; ``parameters`` begin with ``;``."""
    parts = urlsplit(url)
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    derived = {
        "@method": method,
        "@authority": f"{host}{port}",
        "@path": parts.path or "/",
        "@query": f"?{parts.query}",
    }
    lines = [
        f'"{name}": {derived[name] if name.startswith("@") else " ".join(headers[name].split())}' for name in components
    ]
    lines.append(f'"@signature-params": {_inner_list(components)}{parameters}')
    return "\n".join(lines).encode("ascii")


def _inner_list(components: Sequence[str]) -> str:
    return "(" + " ".join(f'"{name}"' for name in components) + ")"


class Signer:
    """Signs requests with a private key in PEM (PKCS #8); the endpoint knows the public half as ``key_id``.

    The key says how: an Ed25519 key signs by RFC 8032, one of the curve sm2p256v1 by GB/T 32918.2 with SM3. The name
    ``sm2-sm3`` is registered nowhere; both sides agree on it.

    Raises :class:`SettingsError` for a key that cannot be used.
    """

    def __init__(self, pem: bytes, key_id: str, now: Callable[[], float] = time.time) -> None:
        if not key_id or not key_id.isascii() or not key_id.isprintable() or set(key_id) & set('"\\'):
            raise SettingsError('signing_key_id must be visible ASCII without " and \\')
        self._algorithm, self.sign = _usable(pem)
        self._key_id, self._now = key_id, now

    def __call__(self, method: str, url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        """Return ``Signature-Input`` and ``Signature`` for a request (RFC 9421, 4)."""
        query = ("@query",) if urlsplit(url).query else ()
        carried = (name for name in _CARRIED if name in headers)
        components = ("@method", "@authority", "@path", *query, *carried)
        parameters = f';created={int(self._now())};keyid="{self._key_id}";alg="{self._algorithm}"'
        signature = self.sign(signature_base(method, url, headers, components, parameters))
        return {
            "Signature-Input": f"{LABEL}={_inner_list(components)}{parameters}",
            "Signature": f"{LABEL}=:{b64encode(signature).decode()}:",
        }


def _usable(pem: bytes) -> tuple[str, Sign]:
    """Return the algorithm's name and what signs with the key."""
    if sm2.is_sm2(pem):
        sm2.sign(pem, b"")  # a key that cannot sign is told before anything is sent
        return "sm2-sm3", partial(sm2.sign, pem)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):  # never the foreign words: they may quote the key
        raise SettingsError("the signing key is not a private key in PEM (PKCS #8, without a password)") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError("the signing key is neither an Ed25519 nor an SM2 key")
    return "ed25519", key.sign
