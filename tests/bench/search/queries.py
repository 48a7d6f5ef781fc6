"""Seeded queries of every sort, and what a scan of all subjects answers to them."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tests.bench.search.names import OUTCOMES

from publisher.folding import fold, simplified
from publisher.site.search.entry import Entry
from publisher.site.search.pinyin import readings

PAGE = 10
FORMER = 1000
# Out of 100: what a reader types, by a guess that leans to the hard sorts.
SORTS = {
    "code": 12, "code_prefix": 8, "code_part": 4, "code_end": 2, "reg_no": 2,
    "whole_name": 10, "two": 14, "three": 9, "four": 9, "six": 6, "one": 3,
    "two_words": 9, "three_words": 2, "filtered": 10, "traditional": 3, "wide": 2, "latin": 1, "initials": 3,
    "syllables": 3,
}  # fmt: skip


class Query(NamedTuple):
    """What is typed and chosen. ``filters``: region, year (two digits), outcome (an id)."""

    sort: str
    text: str
    filters: dict[str, str]


class Answer(NamedTuple):
    """How many subjects match, all of them, and the first page (addresses) in its order."""

    total: int
    paths: frozenset[str]
    first: tuple[str, ...]


def queries(entries: Sequence[Entry], count: int, seed: int = 11) -> list[Query]:
    """Return ``count`` queries about random subjects."""
    random_ = random.Random(seed)
    back = {simple: traditional for traditional, simple in simplified().items()}
    rare = [one for one in entries if any(ord(character) > 0xFFFF or character in "㙓䶮" for character in one.name)]
    latin = [one for one in entries if any(character.isascii() and character.isalpha() for character in one.name)]
    found: list[Query] = []
    while len(found) < count:
        sort = random_.choices(list(SORTS), list(SORTS.values()))[0]
        one = random_.choice(
            rare if rare and random_.random() < 0.03 else latin if sort == "latin" and latin else entries
        )
        text = _text(random_, sort, one, back)
        if text is None:
            continue
        filters = _filters(random_, one) if sort == "filtered" else {}
        found.append(Query(sort, text, filters))
    return found


def _text(random_: random.Random, sort: str, one: Entry, back: dict[str, str]) -> str | None:
    def part(length: int) -> str:
        at = random_.randrange(max(1, len(one.name) - length + 1))
        return one.name[at : at + length]

    lengths = {"one": 1, "two": 2, "three": 3, "four": 4, "six": 6, "latin": 3}
    if sort in lengths:
        return part(lengths[sort])
    if sort == "filtered":
        return part(random_.choice((2, 2, 3, 4)))
    if sort == "two_words":
        return f"{part(2)} {part(random_.choice((2, 3)))}"
    if sort == "three_words":
        return f"{part(2)} {part(2)} {part(2)}"
    if sort == "whole_name":
        return one.name
    if sort == "traditional":
        written = "".join(back.get(character, character) for character in part(4))
        return written if fold(written) != written else None
    if sort == "wide":
        return one.name.replace("（", "[").replace("）", "]") if "（" in one.name else None
    if sort in ("initials", "syllables"):
        sounds = [readings().get(character, ("",))[0] for character in one.name]
        at = random_.randrange(max(1, len(sounds) - 5))
        chosen = (
            sounds[at : at + random_.choice((4, 5, 6))]
            if sort == "initials"
            else sounds[at : at + random_.choice((2, 3))]
        )
        if not all(chosen):
            return None
        return "".join(sound[0] if sort == "initials" else sound for sound in chosen)
    if sort == "reg_no":
        return one.reg_no
    if one.uscc is None:
        return None
    if sort == "code_part":
        at = random_.randrange(1, len(one.uscc) - 3)
        part = one.uscc[at : at + random_.choice((2, 3, 4, 4, 5, 6, 8))]
        return part if any(character.isdigit() for character in part) else None
    if sort == "code_end":
        return one.uscc[-6:] if any(character.isdigit() for character in one.uscc[-6:]) else None
    if sort == "code":
        code = one.uscc
        return random_.choice((code, code.lower(), f"{code[:6]} {code[6:]}"))
    return one.uscc[: random_.randint(8, 14)]


def _filters(random_: random.Random, one: Entry) -> dict[str, str]:
    year, outcome = random_.choice(one.pairs)
    every = {"region": one.region_code, "year": f"{year % 100:02}", "outcome": outcome}
    chosen = random_.choice((("region",), ("year",), ("outcome",), ("year", "outcome"), ("region", "year", "outcome")))
    return {name: every[name] for name in chosen}


class Scan:
    """Every subject in memory, compared one by one: slow and simple."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = entries
        self.names = [fold(one.name) for one in entries]
        self.former = {
            at: [fold(name) for name in one.former_names] for at, one in enumerate(entries) if one.former_names
        }
        self.spelled: list[list[tuple[str, str]]] | None = None
        self.order = sorted(range(len(entries)), key=lambda at: (-entries[at].latest, entries[at].subject_no))
        self.age = [0] * len(entries)
        for age, at in enumerate(self.order):
            self.age[at] = age

    def answer(self, query: Query) -> Answer:
        words = list(dict.fromkeys(fold(word) for word in query.text.split() if fold(word)))
        joined = "".join(words)
        if self._is_code(joined) and (len(words) == 1 or all(word.isascii() and word.isalnum() for word in words)):
            words = [joined]
        found: set[int] | None = None
        for word in words:
            these = set(self._with(word))
            found = these if found is None else found & these
        kept = [at for at in found or () if self._passes(self.entries[at], query.filters)]
        code = words[0] if self._is_code(words[0]) else None
        kept.sort(key=lambda at: self._rank(at, words[0], code))
        paths = [self.entries[at].path for at in kept]
        return Answer(len(kept), frozenset(paths), tuple(paths[:PAGE]))

    def newest(self, answer: Answer, count: int = PAGE) -> tuple[str, ...]:
        """Return the newest of an answer's subjects: the order of answers that are put together from lists."""
        found: list[str] = []
        for at in self.order:
            if self.entries[at].path in answer.paths:
                found.append(self.entries[at].path)
                if len(found) == count:
                    break
        return tuple(found)

    def _sounds(self, word: str) -> Iterator[int]:
        """Yield by sound: every way to read the letters, tried on names spelled out whole."""
        if self.spelled is None:
            self.spelled = [_spelled(name) for name in self.names]
            for at, names in self.former.items():
                self.spelled[at] += [one for name in names for one in _spelled(name)]
        ways = list(_ways(word.lower(), frozenset(one for two in readings().values() for one in two)))
        whole = any(len(parts) > 1 and not cut for parts, cut in ways)
        wanted = [
            f" {' '.join(parts)}{'' if cut else ' '}"
            for parts, cut in ways
            if len(parts) - cut > 1 and not (cut and whole)
        ]
        letters = word.lower() if len(word) >= 4 else None
        for at, variants in enumerate(self.spelled):
            for syllables, initials in variants:
                if any(one in syllables for one in wanted) or (letters and letters in initials):
                    yield at
                    break

    def _with(self, word: str) -> Iterator[int]:
        if word.isascii() and word.isalpha() and len(word) > 1:
            yield from self._sounds(word)
        for at, name in enumerate(self.names):
            if word in name:
                yield at
        for at, names in self.former.items():
            if any(word in name for name in names):
                yield at
        if self._is_code(word):
            for at, one in enumerate(self.entries):
                if word in (one.uscc or "") or word in (one.reg_no or ""):
                    yield at

    @staticmethod
    def _is_code(word: str) -> bool:
        return (2 <= len(word) <= 18 and word.isascii() and word.isalnum() and word.upper() == word
                and any(character.isdigit() for character in word))  # fmt: skip

    @staticmethod
    def _passes(one: Entry, filters: dict[str, str]) -> bool:
        pairs = [(f"{year % 100:02}", outcome) for year, outcome in one.pairs]
        if filters.get("region", one.region_code) != one.region_code:
            return False
        wanted = (filters.get("year"), filters.get("outcome"))
        return any(all(want in (None, has) for want, has in zip(wanted, pair, strict=True)) for pair in pairs)

    def _rank(self, at: int, word: str, code: str | None) -> tuple[int, str, int]:
        one = self.entries[at]
        if code is not None:
            for number in (one.uscc, one.reg_no):
                if (number or "").startswith(code):
                    return -1, number or "", 0
        place = self.names[at].find(word)
        if place < 0:
            places = [name.find(word) for name in self.former.get(at, ())]
            place = FORMER + min((one for one in places if one >= 0), default=FORMER)
        return place, "", self.age[at]


def _spelled(name: str) -> list[tuple[str, str]]:
    variants = [(" ", "")]
    for character in name:
        sounds = readings().get(character)
        if sounds is None:
            variants = [(f"{syllables}- ", f"{initials}-") for syllables, initials in variants]
        else:
            variants = [
                (f"{syllables}{sound} ", initials + sound[0]) for syllables, initials in variants for sound in sounds
            ]
    return variants


def _ways(letters: str, syllables: frozenset[str]) -> Iterator[tuple[list[str], bool]]:
    if letters in syllables:
        yield [letters], False
    elif any(one.startswith(letters) for one in syllables):
        yield [letters], True
    for end in range(1, min(6, len(letters) - 1) + 1):
        if letters[:end] in syllables:
            for rest, cut in _ways(letters[end:], syllables):
                yield [letters[:end], *rest], cut


def outcome_letters() -> dict[str, str]:
    """Return the letter of each outcome, as the manifest has it."""
    from publisher.site.search.coding import Dictionary

    return Dictionary(OUTCOMES).letters
