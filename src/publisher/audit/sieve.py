"""Finding any of very many forbidden texts in very much text, in one pass (Aho and Corasick, 1975).

All forbidden texts are held in memory, about a hundred bytes each; what is shown is not.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from publisher.audit.forbidden import Forbidden, Packed
from publisher.audit.reading import forms, normal
from publisher.audit.scanner import Scanner

SHORT = 4  # characters: fewer are part of too many words
_APART = "\x00"


class Excuses(NamedTuple):
    """Forbidden texts that are shown: those that are none, and the longer names within which others may stand."""

    excused: set[str]
    covers: dict[str, set[str]]


class Sieve:
    """The forbidden texts: excuse what is shown, then look for :meth:`leaks`."""

    def __init__(
        self, forbidden: Iterable[Forbidden], bearing: Callable[[str], Iterable[str]] = lambda name: ()
    ) -> None:
        """Forbid these texts; one that is forbidden more than once keeps its first reason.

        ``bearing`` gives the names that are shown and are, or contain, a forbidden one; it is asked once for each name
        that is found standing somewhere, since few ever are.
        """
        self._bearing = bearing
        self._to_ask: set[str] = set()
        self._filed = Packed()
        known: dict[str, None] = {}
        for one in forbidden:
            text = normal(one.text)
            if text:
                if not one.whole:
                    self._to_ask.add(text)
                whole = one.whole or len(text) < SHORT or text.isascii()
                if text not in known:
                    known[text] = None
                    self._filed.add(one._replace(text=text, whole=whole))
        self._finder = AhoCorasick(known, store_patterns=False)
        self._scanner = Scanner(known)
        self.excuses = Excuses(set(), defaultdict(set))

    def __len__(self) -> int:
        return len(self._filed)

    def may_hold(self, content: bytes) -> bool:
        """Tell whether :meth:`leaks` may find anything in a text in UTF-8; quick where it cannot."""
        return self._scanner.may_hold(content)

    def settle(self) -> None:
        """Look no longer for what is excused by now, which would only be found and let through."""
        excused = self.excuses.excused
        self._scanner = Scanner(one.text for one in self._filed if one.text not in excused)

    def concerns(self, told: Iterable[str | None]) -> bool:
        """Tell whether any forbidden text may stand in what was told, as JSON or as it is."""
        return self.may_hold(_APART.join(filter(None, told)).encode("utf-8", "surrogatepass"))

    def excuse(self, words: Iterable[str], prose: Iterable[str] = ()) -> None:
        """Note what one shown record says. A forbidden text that is shown there is none.

        Names, titles and codes (``words``) also cover the forbidden names they contain: 南京华美商贸 covers 华美商贸
        where it stands, and nowhere else. Free text (``prose``) covers nothing: a name in it is a name shown.
        """
        named, free = [normal(word) for word in words], [normal(text) for text in prose]
        for one in self._candidates(_APART.join((*named, *free))):
            if one.always:
                continue
            if one.sentence:
                if any(one.text in text for text in (*named, *free)):
                    self.excuses.excused.add(one.text)
                continue
            for text in named:
                if text == one.text or (len(one.text) < SHORT and self._stands(one, text)):
                    self.excuses.excused.add(one.text)
                elif one.text in text:
                    self.excuses.covers[one.text].add(text)

    def excuse_too(self, others: Excuses) -> None:
        """Let through what others found to be shown."""
        self.excuses.excused.update(others.excused)
        for text, covers in others.covers.items():
            self.excuses.covers[text].update(covers)

    def leaks(
        self,
        groups: Iterable[Iterable[str]],
        *,
        hand_written: bool = False,
        look: Callable[[bytes], None] | None = None,
        as_they_stand: bool = False,
    ) -> Iterator[Forbidden]:
        """Yield each forbidden text that stands in these texts, in whatever encoding, once a group.

        What is ``hand_written`` is the portal's own words: a sentence that a record shares with it tells nothing.
        ``look`` is shown every text as it was looked at, in UTF-8. ``as_they_stand``: no encoding is undone.
        """
        for group in groups:
            whole = _APART.join(group)
            if not as_they_stand:
                decoded = (" ".join(form.split()) for form in forms(whole))
                whole = unicodedata.normalize("NFC", _APART.join(decoded))
            if look is not None:
                look(whole.encode("utf-8", "replace"))
            for one in self._candidates(whole):
                if one.text in self.excuses.excused or (hand_written and one.words):
                    continue
                if self._stands(one, whole) and not self._is_borne(one, whole):
                    yield one

    def masked(self, where: str) -> str:
        """Return an address or file name without the names that may not even be told in a message."""
        for form in forms(where):
            text = unicodedata.normalize("NFC", form)
            secrets = [one.text for one in self._candidates(text) if one.secret and one.text in text]
            if secrets:
                for secret in sorted(secrets, key=len, reverse=True):
                    text = text.replace(secret, "…")
                return text
        return where

    def _candidates(self, text: str) -> Iterator[Forbidden]:
        """Yield each forbidden text that is somewhere in ``text``, once."""
        for number in dict.fromkeys(found[0] for found in self._finder.find_matches_as_indexes(text, overlapping=True)):
            yield self._filed[number]

    def _is_borne(self, one: Forbidden, text: str) -> bool:
        """Tell whether a forbidden name stands in ``text`` only because others bear it, which is asked now."""
        if one.text not in self._to_ask:
            return False
        self._to_ask.discard(one.text)
        self.excuse(self._bearing(one.text))
        return one.text in self.excuses.excused or not self._stands(one, text)

    def _stands(self, one: Forbidden, text: str) -> bool:
        """Tell whether a forbidden text stands somewhere in ``text``, not merely as a part of something shown."""
        at = text.find(one.text)
        while at >= 0:
            end = at + len(one.text)
            if not (one.whole and (_joins(text, at) or _joins(text, end))) and not self._is_covered(one, text, at):
                return True
            at = text.find(one.text, at + 1)
        return False

    def _is_covered(self, one: Forbidden, text: str, at: int) -> bool:
        for cover in self.excuses.covers.get(one.text, ()):
            inside = cover.find(one.text)
            while inside >= 0:
                if at >= inside and text.startswith(cover, at - inside):
                    return True
                inside = cover.find(one.text, inside + 1)
        return False


def _joins(text: str, place: int) -> bool:
    """Tell whether a word runs on across ``place``: an ASCII one in letters and digits, a Chinese one in any."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    if before.isascii() != after.isascii():
        return False  # a code in a Chinese sentence stands alone; so does a name before a number
    return before.isalnum() and after.isalnum()
