"""Bars as plain data: where each lies in its drawing, and what it says.

Bars lie under or beside their labels, one line for each month, area or plan. Widths are hundredths of the drawing's
width and heights are in em, so that a drawing fits a phone and grows with the reader's type. The theme's component
``plot.html`` draws them.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from publisher.site.views import Context

_BARS, _END = 26.0, 78.0  # bars lie between these hundredths where labels stand beside them; the value follows
_SHORT = 5  # full-width characters that find room beside a bar on the narrowest phone in large type
_LINE, _LINES = 15, 3  # full-width characters that find room above it, and lines of them
_ROW, _TEXT, _BAR, _GAP = 1.7, 1.5, 1.1, 0.7  # em: a row with its label beside, a line of text, a bar, between rows


class Part(NamedTuple):
    """A piece of a bar: how much, its tone, and its words."""

    amount: float
    tone: str
    words: str


class Bar(NamedTuple):
    """One line of a plot: what it is, how it is made up, and its value in words."""

    label: str
    parts: Sequence[Part]
    value: str


def drawn(bars: Sequence[Bar], full: float, *, track: bool = False) -> Context:
    """Return the drawing of bars that are ``full`` at their longest; a ``track`` shows how far a whole one reaches."""
    beside = all(_width(bar.label) <= _SHORT for bar in bars)
    start = _BARS if beside else 0.0
    rows: list[Context] = []
    top = 0.0
    for bar in bars:
        lines = [bar.label] if beside else list(_lines(bar.label))
        bar_top = top + (0.3 if beside else len(lines) * _TEXT)
        base = bar_top + 0.9
        rows.append(
            {
                "label": [
                    {"words": words, "y": _em(base if beside else top + 1.1 + place * _TEXT)}
                    for place, words in enumerate(lines)
                ],
                "value": bar.value,
                "value_y": _em(base),
                "y": _em(bar_top),
                "parts": list(_laid(bar.parts, start, full)),
            }
        )
        top = top + _ROW if beside else bar_top + _BAR + _GAP
    return {
        "beside": beside,
        "label_x": _percent(_BARS - 2 if beside else 0),
        "height": _em(top),
        "bar_height": _em(_BAR),
        "track": {"x": _percent(start), "width": _percent(_END - start)} if track else None,
        "rows": rows,
    }


def _laid(parts: Iterable[Part], start: float, full: float) -> Iterator[Context]:
    place = start
    for part in parts:
        width = part.amount / full * (_END - start) if full else 0.0
        if part.amount:
            yield {"x": _percent(place), "width": _percent(width), "tone": part.tone, "words": part.words}
        place += width


def _percent(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".") + "%"


def _em(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".") + "em"


def _width(words: str) -> float:
    """How many full-width characters a text takes."""
    return sum(1.0 if unicodedata.east_asian_width(one) in "WFA" else 0.58 for one in words)


def _lines(words: str) -> Iterator[str]:
    """Break a label into a few lines; what does not fit is cut, and the table has it whole."""
    for _ in range(_LINES - 1):
        line, words = _fitting(words)
        yield line
        if not words:
            return
    line, more = _fitting(words)
    yield line[:-1] + "…" if more else line


def _fitting(words: str) -> tuple[str, str]:
    place = next((place for place in range(1, len(words) + 1) if _width(words[:place]) > _LINE), len(words) + 1) - 1
    return words[:place], words[place:]
