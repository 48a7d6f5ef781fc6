"""What an HTML page says: its heading, its links, and the words within elements of given ids."""

import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from publisher.audit.reading import normal

_NEAR = 3  # texts between the name of an item and its outcome, at most
_normal = lru_cache(4096)(normal)  # of the few names of items and of outcomes
_APART = "\x00"  # no page holds it: HTML knows no such character


class PageText:
    """A page as it is read from ``<main>`` to its end: all around it is the same everywhere."""

    def __init__(self, html: str) -> None:
        begin, end = html.find("<main"), html.rfind("</main")
        self._tree = LexborHTMLParser(html[max(begin, 0) : end if end > begin else len(html)])

    @classmethod
    def of_file(cls, file: Path) -> "PageText":
        """Return the page in a file. Raises :class:`OSError` or :class:`UnicodeDecodeError`."""
        return cls(file.read_bytes().decode("utf-8"))  # to read it as text costs three times as much

    @property
    def heading(self) -> str | None:
        """The words of the first h1."""
        found = self._tree.css_first("h1")
        return None if found is None else " ".join(_texts(found))

    @property
    def links(self) -> Iterator[tuple[str, str]]:
        """Address and words of every link."""
        for link in self._tree.css("a[href]"):
            yield link.attributes["href"] or "", " ".join(_texts(link))

    def within(self, ids: Collection[str]) -> dict[str, list[str]]:
        """Return the texts in the first element of each of these ids, by id."""
        found: dict[str, list[str]] = {}
        for element in self._tree.css("[id]"):
            if element.id in ids and element.id is not None and element.id not in found:
                found[element.id] = _texts(element)
        return found


def _texts(element: LexborNode) -> list[str]:
    """Return what stands between the tags within an element, without the empty ones."""
    whole = " ".join(unicodedata.normalize("NFC", element.text(separator=_APART)).split())
    return [text for text in map(str.strip, whole.split(_APART)) if text]


def untold(
    texts: Sequence[str], findings: Sequence[Mapping[str, Any]], labels: Sequence[str | None]
) -> list[tuple[int, str]]:
    """Return the findings that an element does not tell, by number, with the field that is not as it should be.

    Each is told by its item's name and, among the next texts, its outcome as a text of its own; one after the other.
    ``labels`` are the outcomes' words, None for one whose words are not known.
    """
    missing: list[tuple[int, str]] = []
    at = 0
    for finding, words in zip(findings, labels, strict=True):
        name = _normal(finding["item_name"])
        places = [place for place in range(at, len(texts)) if texts[place] == name]
        if not places:
            missing.append((finding["seq"], "item_name"))
            continue
        wanted = None if words is None else _normal(words)
        told = [place for place in places if wanted is None or wanted in texts[place + 1 : place + 2 + _NEAR]]
        if told:
            at = told[0] + 1
        else:
            missing.append((finding["seq"], "outcome"))
            at = places[0] + 1
    return missing
