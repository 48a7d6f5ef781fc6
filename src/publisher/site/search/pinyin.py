"""Names by their sound: pairs of syllables and four initials in a row, each with the subjects that have them.

Shards hold numbers only; lines come from the records. The page spells names itself, with a table of the characters that
occur, so that what is longer than a key, and what was changed since, is compared there.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import pairwise
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


def keys(text: str) -> set[str]:
    """Return the keys of a folded name: ``hua rui`` for two syllables, ``hrqc`` for four initials."""
    table = readings()
    sounds = [table.get(character) for character in text]
    found: set[str] = set()
    for before, after in pairwise(sounds):
        if before and after:
            if len(before) == 1 == len(after):
                found.add(f"{before[0]} {after[0]}")
            else:
                found.update(f"{one} {other}" for one in before for other in after)
    letters = "".join(sound[0][0] if sound else "\n" for sound in sounds)
    found.update(_fours(letters))
    for at, sound in enumerate(sounds):
        for other in {one[0] for one in sound[1:]} - {letters[at]} if sound and len(sound) > 1 else ():
            found.update(_fours(letters[max(0, at - INITIALS + 1) : at] + other + letters[at + 1 : at + INITIALS]))
    return found


def _fours(letters: str) -> Iterator[str]:
    for at in range(len(letters) - INITIALS + 1):
        four = letters[at : at + INITIALS]
        if "\n" not in four:
            yield four


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
