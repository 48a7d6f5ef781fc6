"""A text that may stand nowhere on the site, and very many of them in little memory."""

from array import array
from collections.abc import Iterator
from typing import NamedTuple

import orjson


class Forbidden(NamedTuple):
    """A text that may stand nowhere: what it is, by which rule, and how it is to be found.

    ``whole``: only as a word of its own, with no letter or digit before or after. ``secret``: not even in a message.
    ``always``: though it were shown for another record (an address is of one record only). ``sentence``: may be part
    of what is shown for another record. ``words``: what a record says, which the portal itself may say too on its
    hand-written pages. ``is_ref``: the record's random number, which the change that stops it names.
    """

    text: str
    what: str
    rule: str | None
    whole: bool
    secret: bool = False
    always: bool = False
    sentence: bool = False
    is_ref: bool = False
    words: bool = False


_FLAGS = ("whole", "secret", "always", "sentence", "is_ref", "words")


class Packed:
    """Forbidden texts in one piece of memory, which forks share as long as they live; each is made anew when asked for.

    As values of their own a million of them took some 500 MB, and every process that looked at one copied its page.
    """

    def __init__(self) -> None:
        self._content = bytearray()
        self._ends = array("Q", (0,))

    def add(self, one: Forbidden) -> None:
        """Append a text."""
        flags = [number for number, name in enumerate(_FLAGS) if getattr(one, name)]
        self._content += orjson.dumps((one.text, one.what, one.rule, flags))
        self._ends.append(len(self._content))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> Forbidden:
        text, what, rule, flags = orjson.loads(self._content[self._ends[number] : self._ends[number + 1]])
        return Forbidden(text, what, rule, **{name: number in flags for number, name in enumerate(_FLAGS)})

    def __iter__(self) -> Iterator[Forbidden]:
        return (self[number] for number in range(len(self)))
