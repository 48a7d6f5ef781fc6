"""SM2 signatures with SM3 (GB/T 32918.2, GB/T 32905), made by the program ``openssl``, version 3 or newer.

No Python package that signs with SM2 is both maintained and light (docs/exchange.md); OpenSSL is, and every server has
it. The key goes to the program through a pipe: it stands in no argument, no environment and no file of ours.
"""

import os
import subprocess
from base64 import b64decode
from binascii import Error as NotBase64

from publisher.errors import SettingsError

CURVE = bytes.fromhex("06082a811ccf5501822d")  # the object identifier of sm2p256v1, as it stands in a key
SIGNER_ID = "1234567812345678"  # who signs, as GB/T 35276 sets it where nothing else is agreed
SECONDS = 10


def is_sm2(pem: bytes) -> bool:
    """Tell whether a private key in PEM (PKCS #8) is one of SM2."""
    try:
        return CURVE in b64decode(b"".join(line for line in pem.split() if b"-" not in line and len(line) > 7))
    except NotBase64:
        return False


def sign(pem: bytes, told: bytes) -> bytes:
    """Return the 64 bytes of a signature, r then s, as RFC 9421 writes those of other elliptic curves.

    Raises :class:`SettingsError` when the program is not there or cannot use the key.
    """
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "wb") as key:
            key.write(pem)
        done = subprocess.run(  # noqa: S603 - its words are ours
            ["openssl", "dgst", "-sm3", "-sign", f"/dev/fd/{reading}", "-sigopt", f"distid:{SIGNER_ID}"],  # noqa: S607 - the system's own
            input=told, capture_output=True, pass_fds=(reading,), timeout=SECONDS, check=True,
        )  # fmt: skip
        r, s = decode_dss_signature(done.stdout)
    except FileNotFoundError:
        raise SettingsError("signing with SM2 needs the program openssl, version 3 or newer") from None
    except (subprocess.SubprocessError, ValueError):  # never the foreign words: they may quote the key
        raise SettingsError("openssl could not sign with the SM2 key; it needs version 3 or newer") from None
    finally:
        os.close(reading)
    return r.to_bytes(32) + s.to_bytes(32)
