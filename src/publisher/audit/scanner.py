"""Telling from the bytes of a text that nothing forbidden can stand in it, so that few texts have to be decoded.

One pass over the bytes looks for a piece of every forbidden text, and for every sign that a reader would see something
else than the bytes say: an escape, or a character that is written in more than one way. Where neither is, decoding
would find nothing.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache

from ahocorasick_rs import BytesAhoCorasick, Implementation

_ESCAPES = ("&", "\\", *(f"%{digit}" for digit in "0123456789abcdefABCDEF"))  # as reading.forms undoes them
_QUICK = 30_000  # bytes of all that is looked for: up to here the quickest machine takes about 30 MB
# All of Unicode but ideographs, Hangul syllables and planes without letters, where NFC changes nothing.
_RANGES = ((0x300, 0x3400), (0xA000, 0xAC00), (0xF900, 0x1F000), (0x2F800, 0x2FA20))


class Scanner:
    """The forbidden texts, as they are looked for in bytes."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Look for these texts, which are normal (:func:`publisher.audit.reading.normal`)."""
        sought = {_piece(text).encode("utf-8", "surrogatepass") for text in texts}
        self._seeks = bool(sought)
        sought.update(sign.encode() for sign in (*_ESCAPES, *otherwise_written()))
        is_small = sum(map(len, sought)) <= _QUICK
        machine = Implementation.DFA if is_small else Implementation.ContiguousNFA
        self._finder = BytesAhoCorasick(sought, implementation=machine)

    def may_hold(self, content: bytes) -> bool:
        """Tell whether a forbidden text may stand in a text in UTF-8, as it is or in some encoding within it."""
        return self._seeks and bool(self._finder.find_matches_as_indexes(content))


def _piece(text: str) -> str:
    """Return the longest part of a text that stands in one piece however its blanks and broken bytes are written."""
    return max(text.replace("\ufffd", " ").split(), key=len, default=text)


@cache
def otherwise_written() -> tuple[str, ...]:
    """Return every character that NFC changes, or that may change where it stands: marks, and parts of others."""
    return tuple(dict.fromkeys(_otherwise_written()))


def _otherwise_written() -> Iterator[str]:
    for first, end in _RANGES:
        characters = list(map(chr, range(first, end)))
        marks, parts = map(unicodedata.combining, characters), map(unicodedata.decomposition, characters)
        for character, mark, of in zip(characters, marks, parts, strict=True):
            if mark:
                yield character
            elif of and of[0] != "<":
                is_kept = " " in of and unicodedata.is_normalized("NFC", character)
                yield chr(int(of.rpartition(" ")[2], 16)) if is_kept else character
    yield from map(chr, (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)))  # Hangul: by arithmetic, not by a table
