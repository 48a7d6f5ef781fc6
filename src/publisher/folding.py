"""Folding text for search: width, case, brackets, blanks, and traditional to simplified characters.

The same rules stand in theme/static/search-fold.js; a test compares them. Folding is by character, so that a place in
the folded text can be traced to a place in the text. ``simplified.txt`` is derived from OpenCC's TSCharacters.txt
(Apache-2.0, see there): only characters outside GB/T 2312 are folded, since those inside it stand in simplified text.
"""

import unicodedata
from functools import cache
from importlib.resources import files

_OPENING = frozenset("[{〔【〈《「『﹝")
_CLOSING = frozenset("]}〕】〉》」』﹞")
_DROPPED = frozenset("\"'“”‘’·•・")
_SILENT = frozenset(("Cc", "Cf", "Zs", "Zl", "Zp"))  # controls, format characters, blanks


@cache
def simplified() -> dict[str, str]:
    """Return the simplified form of every traditional character that is folded."""
    lines = (files("publisher") / "simplified.txt").read_text(encoding="utf-8").splitlines()
    return {pair[0]: pair[1] for line in lines if not line.startswith("#") for pair in line.split()}


class _Plain(dict[int, str]):
    """Width, case, brackets and blanks: what a page can do without a table."""

    def __missing__(self, point: int) -> str:
        folded = ""
        for character in unicodedata.normalize("NFKC", chr(point)).upper():
            if character in _OPENING:
                folded += "("
            elif character in _CLOSING:
                folded += ")"
            elif unicodedata.category(character) not in _SILENT and character not in _DROPPED:
                folded += character
        self[point] = folded
        return folded


class _Whole(dict[int, str]):
    """All of it."""

    def __missing__(self, point: int) -> str:
        self[point] = "".join(simplified().get(character, character) for character in _PLAIN[point])
        return self[point]


_PLAIN, _WHOLE = _Plain(), _Whole()
_unchanged: set[str] = set()  # characters seen that stay as they are: most names are made of nothing else


def fold_plain(text: str) -> str:
    """Return ``text`` with width, case, brackets and blanks folded."""
    return text.translate(_PLAIN)


def fold(text: str) -> str:
    """Return ``text`` as it is compared in a search."""
    if _unchanged.issuperset(text):
        return text
    folded = text.translate(_WHOLE)
    if folded == text:  # what is dropped or replaced stands in no folded text, so none of it was there
        _unchanged.update(text)
    return folded
