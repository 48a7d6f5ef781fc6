"""Finding any of very many forbidden texts in very much text, in one pass.

Every forbidden text is filed under its rarest part: a run of letters and digits for ids and codes, four characters in
a row for names and sentences. A text is cut into such parts by the regular-expression engine and by slices, and only
where a part is on file the whole is looked for. Texts already found clean (a template's) are not looked at again.

All forbidden texts are held in memory, about 700 bytes each; what is shown is not.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from publisher.audit.reading import forms, normal

GRAM = 4
_RUN = re.compile(r"[0-9A-Za-z]+")
_WORD = re.compile(r"[^\W0-9A-Za-z_]+")  # of a script without letters such as these
_CLEAN_TEXTS = 100_000  # remembered at most
_CLEAN_LENGTH = 2000  # of a text worth remembering
_APART = "\x00"


class Forbidden(NamedTuple):
    """A text that may stand nowhere: what it is, by which rule, and how it is to be found.

    ``whole``: only as a word of its own, with no letter or digit before or after. ``secret``: not even in a message.
    ``always``: though it were shown for another record (an address is of one record only). ``sentence``: may be part
    of what is shown for another record, or of what the portal itself says on its hand-written pages. ``is_ref``: the
    record's random number, which the change that stops it names.
    """

    text: str
    what: str
    rule: str | None
    whole: bool
    secret: bool = False
    always: bool = False
    sentence: bool = False
    is_ref: bool = False


class Sieve:
    """The forbidden texts. Fill it, :meth:`close` it, excuse what is shown, then look for :meth:`leaks`."""

    def __init__(self) -> None:
        self._all: dict[str, Forbidden] = {}
        self._runs: dict[str, list[Forbidden]] = {}
        self._words: dict[str, list[Forbidden]] = {}
        self._grams: dict[str, list[Forbidden]] = {}
        self._covers: dict[str, set[str]] = defaultdict(set)
        self._excused: set[str] = set()
        self._clean: set[str] = set()

    def __len__(self) -> int:
        return len(self._all)

    def add(self, one: Forbidden) -> None:
        """Forbid a text; a text forbidden before keeps its first reason."""
        text = normal(one.text)
        if text:
            short = len(text) < GRAM  # three characters are part of too many words
            self._all.setdefault(text, one._replace(text=text, whole=one.whole or short or text.isascii()))

    def close(self) -> None:
        """File every text under its rarest part; nothing is added after."""
        counts = Counter(part for text in self._all for part in self._parts(text))
        for text, one in self._all.items():
            part = min(self._parts(text), key=lambda part: (counts[part], -len(part)), default=None)
            if part is not None:
                self._shelf(text).setdefault(part, []).append(one)

    def _shelf(self, text: str) -> dict[str, list[Forbidden]]:
        if self._all[text].whole:
            return self._runs if _RUN.search(text) else self._words
        return self._grams

    def _parts(self, text: str) -> set[str]:
        shelf = self._shelf(text)
        if shelf is self._grams:
            return {text[at : at + GRAM] for at in range(len(text) - GRAM + 1)}
        return set((_RUN if shelf is self._runs else _WORD).findall(text))

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
                    self._excused.add(one.text)
                continue
            for text in named:
                if text == one.text or (len(one.text) < GRAM and self._stands(one, text)):
                    self._excused.add(one.text)
                elif one.text in text:
                    self._covers[one.text].add(text)

    def leaks(self, groups: Iterable[Iterable[str]], *, hand_written: bool = False) -> Iterator[Forbidden]:
        """Yield each forbidden text that stands in these texts, in whatever encoding, once a group.

        What is ``hand_written`` is the portal's own words: a sentence that a record shares with it tells nothing.
        """
        for group in groups:
            fresh = set(group) - self._clean
            if not fresh:
                continue
            decoded = {" ".join(form.split()) for text in fresh for form in forms(text)}
            whole = unicodedata.normalize("NFC", _APART.join(decoded))
            hit = False
            for one in self._candidates(whole):
                if one.text not in self._excused and self._stands(one, whole):
                    hit = True
                    if not (hand_written and one.sentence):
                        yield one
            if not hit:
                if len(self._clean) > _CLEAN_TEXTS:
                    self._clean.clear()
                self._clean.update(text for text in fresh if len(text) < _CLEAN_LENGTH)

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
        if self._runs:
            for run in self._runs.keys() & set(_RUN.findall(text)):
                yield from self._runs[run]
        if text.isascii():
            return
        if self._words:
            for word in self._words.keys() & set(_WORD.findall(text)):
                yield from self._words[word]
        if self._grams:
            for gram in self._grams.keys() & {text[at : at + GRAM] for at in range(len(text) - GRAM + 1)}:
                yield from self._grams[gram]

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
        for cover in self._covers.get(one.text, ()):
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
