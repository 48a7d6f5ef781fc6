"""Entry bundles and checkpoints as they are served (c2sp.org/tlog-tiles, c2sp.org/tlog-checkpoint)."""

import base64
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from publisher.log.merkle import HASH
from publisher.log.note import BadNote, Signer, Verifier, open_note

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


def bundle(entries: Iterable[bytes]) -> bytes:
    """Return entries end to end, each after its length in two bytes, big end first."""
    return b"".join([len(entry).to_bytes(2, "big") + entry for entry in entries])


def entries_of(content: bytes) -> Iterator[bytes]:
    """Yield the entries of a bundle.

    Raises :class:`ValueError` for one that ends within an entry.
    """
    place = 0
    while place < len(content):
        length = int.from_bytes(content[place : place + 2], "big")
        entry = content[place + 2 : place + 2 + length]
        if len(entry) != length or place + 2 > len(content):
            raise ValueError("it ends within an entry")
        yield entry
        place += 2 + length


def part_of(name: str, body: bytes, width: int) -> bytes:
    """Return the first ``width`` hashes, or entries, of a tile."""
    if name != "entries":
        return body[: width * HASH]
    return bundle(islice(entries_of(body), width))


class Checkpoint(NamedTuple):
    """What a log vouches for: its name, how many entries it has and the hash over them."""

    origin: str
    size: int
    root: bytes

    def note(self, signer: Signer) -> bytes:
        """Return it as a note, signed."""
        return signer.sign(f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n")


def read_checkpoint(note: bytes, verifier: Verifier) -> Checkpoint:
    """Return the checkpoint that a note holds and a key signed.

    Raises :class:`BadNote`.
    """
    lines = open_note(note, verifier).split("\n")
    try:
        origin, size, root, *more = lines
        hashed = base64.b64decode(root, validate=True)
    except ValueError:
        raise BadNote("it is no checkpoint") from None
    if not _SIZE.fullmatch(size) or len(hashed) != 32 or not more or more[-1] != "" or "" in more[:-1]:
        raise BadNote("it is no checkpoint")
    if origin != verifier.name:
        raise BadNote(f"it is the checkpoint of {origin}, not of {verifier.name}")
    return Checkpoint(origin, int(size), hashed)


def read_unsigned(note: bytes) -> tuple[int, bytes] | None:
    """Return size and root that a checkpoint of our own names, whoever signed it; None for what is none."""
    try:
        _, size, root, *_ = note.decode().split("\n")
        hashed = base64.b64decode(root, validate=True)
    except ValueError:
        return None
    return (int(size), hashed) if _SIZE.fullmatch(size) and len(hashed) == 32 else None
