"""Names by their sound: pairs of syllables and four initials in a row, each with the subjects that have them.

Shards hold numbers only; lines come from the records. The page spells names itself, with a table of the characters that
occur, so that what is longer than a key, and what was changed since, is compared there.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise, product

from publisher.searchfile import PART, ROW
from publisher.site.search import coding, numbering
from publisher.site.search.gather import Lists
from publisher.site.search.strings import merged

INITIALS = 4  # letters of a key of initials
LISTED = 2048  # subjects a key lists, the newest; it always tells how many there are
SHARD = 40_000  # characters in a shard, on average


@cache
def readings() -> dict[str, tuple[str, ...]]:
    """Return the syllables of every character, without tones; most have one."""
    found: dict[str, tuple[str, ...]] = {}
    for line in (files("publisher") / "pinyin.txt").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            syllable, characters = line.lstrip("+").split(" ")
            for character in characters:
                found[character] = (*found.get(character, ()), syllable)
    return found


@cache
def _tables() -> tuple[dict[str, str], dict[int, str], frozenset[str]]:
    """Return first syllables, their initials by code point, and the characters that have another reading."""
    table = readings()
    return (
        {character: sounds[0] for character, sounds in table.items()},
        {ord(character): sounds[0][0] for character, sounds in table.items()},
        frozenset(character for character, sounds in table.items() if len(sounds) > 1),
    )


def keys(text: str) -> set[str]:
    """Return the keys of a folded name: ``hua rui`` for two syllables, ``hrqc`` for four initials."""
    syllables, initials, ambiguous = _tables()
    sounds = list(map(syllables.get, text))
    found = {f"{before} {after}" for before, after in pairwise(sounds) if before and after}
    letters = text.translate(initials)  # what has no sound stays as it is, and is no small letter
    found.update(_fours(letters))
    return found if ambiguous.isdisjoint(text) else found | _otherwise(text, letters)


def _otherwise(text: str, letters: str) -> set[str]:
    """Return the keys of a name that its characters' other readings make."""
    table, ambiguous = readings(), _tables()[2]
    places = [at for at, character in enumerate(text) if character in ambiguous]
    found: set[str] = set()
    for at in {place + step for place in places for step in (-1, 0) if 0 <= place + step < len(text) - 1}:
        found.update(f"{one} {other}" for one in table.get(text[at], ()) for other in table.get(text[at + 1], ()))
    choices = {at: initials for at in places if len(initials := _initials(text[at])) > 1}
    for begin in {at - step for at in choices for step in range(INITIALS) if 0 <= at - step <= len(text) - INITIALS}:
        four = letters[begin : begin + INITIALS]
        if _spelled(four):
            found.update(map("".join, product(*(choices.get(begin + at, four[at]) for at in range(INITIALS)))))
    return found


@cache
def _initials(character: str) -> str:
    return "".join(sorted({sound[0] for sound in readings()[character]}))


def _fours(letters: str) -> Iterator[str]:
    fours = (letters[at : at + INITIALS] for at in range(len(letters) - INITIALS + 1))
    return fours if _spelled(letters) else filter(_spelled, fours)


def _spelled(letters: str) -> bool:
    return letters.isascii() and letters.isalpha() and letters.islower()


def table_file(texts: Iterable[str]) -> bytes:
    """Return the syllables of the characters that occur, and of the common ones (GB/T 2312, level 1)."""
    by_syllable: defaultdict[str, list[str]] = defaultdict(list)
    table = readings()
    common = bytes(byte for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF) for byte in (row, cell))
    for character in sorted(set(common.decode("gb2312", "ignore")).union(*texts)):
        for syllable in table.get(character, ()):
            by_syllable[syllable].append(character)
    rows = [f"{syllable}{PART}{''.join(found)}" for syllable, found in sorted(by_syllable.items())]
    return coding.text_file(([ROW.join(rows)],))


def shard_files(texts: Iterable[tuple[int, str]], pairs: Lists, size: int) -> Iterator[tuple[str, bytes]]:
    """Yield the shards (units ``s/0`` …) of folded names with their subjects' numbers, ascending.

    ``pairs`` has the subjects of every pair of characters in the names, and is emptied.

    Keys of more than :data:`LISTED` subjects have lists of all of them beside (units ``y/0.0`` …): two sounds that are
    common each may be rare in a row. ``size``: numbers given out.
    """
    lists = _lists(texts, pairs)
    common = sorted(key for key, docs in lists.items() if len(docs) > LISTED)
    beside: dict[str, str] = {}
    for number, key in enumerate(common):
        beside[key] = f"{PART}{number}.{coding.chunk_bits(len(lists[key]))}"
        yield from numbering.list_files(f"y/{number}", lists[key], size)
    rows = (
        (key, len(docs), coding.gaps_text(coding.gaps(docs[:LISTED])) + beside.get(key, ""))
        for key, docs in lists.items()
    )
    yield from numbering.number_shards("s", rows, SHARD)


def _lists(texts: Iterable[tuple[int, str]], pairs: Lists) -> dict[str, Sequence[int]]:
    """Return the subjects of every key (:func:`keys`), ascending: found string by string, not name by name."""
    table = readings()
    marks, choices = _marks()
    fours = Lists()
    fours.add_rows(((doc, text.translate(marks)) for doc, text in texts), INITIALS)
    arrays: defaultdict[str, list[array[int]]] = defaultdict(list)
    while pairs:
        pair, found = pairs.popitem()
        for before, after in product(table.get(pair[0], ()), table.get(pair[1], ())):
            arrays[f"{before} {after}"].append(found)
    while fours:
        four, found = fours.popitem()
        for letters in product(*(choices.get(mark, "") for mark in four)):
            arrays["".join(letters)].append(found)
    return {key: array("I", merged(arrays.pop(key))) for key in list(arrays)}


@cache
def _marks() -> tuple[dict[int, str], dict[str, str]]:
    """Return a mark for each character by code point, the same for all with the same initials, and a mark's initials.

    What has no sound keeps standing for itself, and has no initials.
    """
    marks: dict[int, str] = {}
    choices: dict[str, str] = {}
    known: dict[str, str] = {}
    for character in readings():
        initials = "".join(filter(_spelled, _initials(character)))
        marks[ord(character)] = known.setdefault(initials, initials if len(initials) == 1 else chr(0xE000 + len(known)))
        choices[marks[ord(character)]] = initials
    return marks, choices
