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
from operator import sub
from zlib import crc32

from publisher.searchfile import PART, ROW
from publisher.site.search import coding

INITIALS = 4  # letters of a key of initials
LISTED = 4096  # subjects a key lists, the newest; it always tells how many there are
SHARD = 6000  # numbers in a shard, on average


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
    """Return the keys of a name with every reading of its characters."""
    sounds = [readings().get(character, ()) for character in text]
    found = {f"{one} {other}" for before, after in pairwise(sounds) for one in before for other in after}
    choices = [sorted({sound[0] for sound in these}) or [letter] for these, letter in zip(sounds, letters, strict=True)]
    for at in range(len(text) - INITIALS + 1):
        for four in product(*choices[at : at + INITIALS]):
            found.update(_fours("".join(four)))
    return found


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


def shard_files(texts: Iterable[tuple[int, str]]) -> Iterator[tuple[str, bytes]]:
    """Yield the shards (units ``s/0`` …) of folded names with their subjects' numbers, ascending."""
    lists: dict[str, array[int]] = {}
    for doc, text in texts:
        for key in keys(text):
            docs = lists.get(key)
            if docs is None:
                lists[key] = array("I", (doc,))
            elif docs[-1] != doc:
                docs.append(doc)
    total = sum(min(LISTED, len(docs)) for docs in lists.values())
    shards = 1
    while shards * SHARD < total:
        shards *= 2
    named: list[list[str]] = [[] for _ in range(shards)]
    for key in lists:
        named[crc32(key.encode()) & (shards - 1)].append(key)
    for number, here in enumerate(named):
        rows = [key_row(key, len(lists[key]), lists[key][:LISTED]) for key in sorted(here)]
        yield f"s/{number}", coding.text_file(([ROW.join(rows)],))


def key_row(key: str, total: int, docs: Sequence[int]) -> str:
    """Return the text of a key: how many subjects it has, and the first of them as gaps."""
    return f"{key}{PART}{total}{PART}{docs[0] if docs else ''}" + "".join(map(",%d".__mod__, map(sub, docs[1:], docs)))


def row_without(row: str, gone: set[int], leaving: int) -> str:
    """Return the text of a key without some subjects; ``leaving`` of them had it."""
    key, total, gaps = row.split(PART)
    docs, sum_ = [], 0
    for gap in gaps.split(",") if gaps else ():
        sum_ += int(gap)
        if sum_ not in gone:
            docs.append(sum_)
    return key_row(key, int(total) - leaving, docs)
