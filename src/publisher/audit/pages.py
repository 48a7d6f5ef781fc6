"""What an HTML page says: its heading, its links, and the words within elements of given ids."""

from collections.abc import Collection, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

from publisher.audit.reading import normal

_VOID = frozenset(  # they have no end
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_NEAR = 3  # texts between the name of an item and its outcome, at most


class _Enough(Exception):
    """All that is wanted of a page was read."""


class PageText(HTMLParser):
    """A page as it is read: ``heading`` (the first h1), ``links`` (address, words), ``within`` (id to texts)."""

    def __init__(self, ids: Collection[str] = ()) -> None:
        super().__init__(convert_charrefs=True)
        self.heading: str | None = None
        self.links: list[tuple[str, str]] = []
        self.within: dict[str, list[str]] = {}
        self._ids = ids
        self._open: list[str] = []  # tags
        self._inside: list[tuple[int, list[str]]] = []  # depth at which each wanted element was opened, its texts
        self._href: str | None = None
        self._words: list[str] = []

    def updatepos(self, i: int, j: int) -> int:
        """Count no lines: nobody asks for them, and counting takes a tenth of the time."""
        return j

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that is wanted, a heading or a link."""
        if tag in _VOID:
            return
        self._open.append(tag)
        given = dict(attrs)
        name = given.get("id")
        if name in self._ids and name is not None and name not in self.within:
            self.within[name] = []
            self._inside.append((len(self._open), self.within[name]))
        if tag == "a":
            self._href, self._words = given.get("href"), []
        elif tag == "h1" and self.heading is None:
            self._words = []

    def handle_endtag(self, tag: str) -> None:
        """Close an element, and with it all that were left open inside."""
        if tag == "a" and self._href is not None:
            self.links.append((self._href, normal(" ".join(self._words))))
            self._href = None
        elif tag == "h1" and self.heading is None:
            self.heading = normal(" ".join(self._words))
        if tag in self._open:
            while self._open.pop() != tag:
                pass
            while self._inside and self._inside[-1][0] > len(self._open):
                self._inside.pop()
                if not self._inside and self.heading is not None and len(self.within) == len(self._ids):
                    raise _Enough

    def handle_data(self, data: str) -> None:
        """Note words where they are wanted."""
        text = normal(data)
        if text:
            self._words.append(text)
            for _, texts in self._inside:
                texts.append(text)


def read_page(html: str, ids: Collection[str] = ()) -> PageText:
    """Return what a page says from ``<main>`` on, with the words within the elements of the given ids.

    Once all of these were read the rest of the page is not, nor its links.
    """
    page = PageText(ids)
    try:
        page.feed(html[max(html.find("<main"), 0) :])
        page.close()
    except _Enough:
        pass
    return page


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
        name = normal(finding["item_name"])
        places = [place for place in range(at, len(texts)) if texts[place] == name]
        if not places:
            missing.append((finding["seq"], "item_name"))
            continue
        wanted = None if words is None else normal(words)
        told = [place for place in places if wanted is None or wanted in texts[place + 1 : place + 2 + _NEAR]]
        if told:
            at = told[0] + 1
        else:
            missing.append((finding["seq"], "outcome"))
            at = places[0] + 1
    return missing
