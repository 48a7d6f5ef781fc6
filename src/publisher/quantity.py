"""Quantities as plans write them, read beside the words: 约1000, 不少于13, ≤3%, 1—2次, 1000余户 (R0-23).

The words are what is published. What is read from them only serves to measure progress (R0-21), so a text
that says no plain number is not an error: it has no quantity.
"""

import re
import unicodedata
from decimal import Decimal
from typing import NamedTuple

_AT_LEAST = "不少于|不低于|不小于|不得少于|不得低于|大于等于|大于或等于|大于|高于|多于|超过|至少|最少|≥|≧|⩾|>=|=>|>"
_AT_MOST = "不超过|不高于|不多于|不大于|不得超过|不得高于|小于等于|小于或等于|小于|低于|少于|至多|最多|≤|≦|⩽|<=|=<|<"
_SCALES = {"": 1, "百": 100, "千": 1_000, "万": 10_000, "亿": 100_000_000}
_COUNTED = "户次|家次|人次|批次|次|户|家|个|件|批|人|所|处|辆|台|项|起|份|组|名|条|种"
_PERIODS = "半年|季度|年|季|月|周|日|天"


def _number(name: str) -> str:
    return (
        rf"(?P<{name}>(?:\d{{1,3}}(?:,\d{{3}})+|\d{{1,15}})(?:\.\d{{1,15}})?)(?!\d|[.,]\d)"
        rf"(?P<{name}_scale>[百千万亿]?)(?P<{name}_over>[余多]?)"
        rf"\s*(?P<{name}_unit>[%‰]|(?:{_COUNTED})(?:\s*/\s*(?:{_PERIODS}))?)?"
    )


_QUANTITY = re.compile(
    rf"(?:(?<!\d)[每1](?P<period>{_PERIODS})度?[^\d,;。]{{0,5}}?)?"
    rf"(?:(?P<least>{_AT_LEAST})|(?P<most>{_AT_MOST})|(?P<around>大约|大概|约|近|~|≈))?\s*"
    rf"(?<!\d)(?<!\d[./,]){_number('low')}"
    r"(?!\s*/\s*\d|\s*(?:[-~至到]+\s*\d+\s*)?[年月日号])"  # a fraction or a date is no quantity
    rf"(?:\s*[-~至到]+\s*{_number('high')})?"
    r"\s*(?:(?P<above>及?以上|起)|(?P<below>及?以下|以内|封顶)|(?P<about>左右|上下))?"
)
_BY_CLASS = re.compile(r"[A-Z]类?级?:\s*(?P<percent>\d{1,3}(?:\.\d{1,6})?)\s*%")
_PLAIN = str.maketrans({**dict.fromkeys("‐‑‒–—―−", "-"), "〜": "~", "⁄": "/"})


class Quantity(NamedTuple):
    """What a quantity's words say in numbers.

    ``minimum`` and ``maximum`` are inclusive and equal for a plain number; ``None`` means the words set no
    such bound. ``unit`` is ``%``, ``户``, ``次/年`` …, ``None`` when the words name none.
    """

    minimum: Decimal | None
    maximum: Decimal | None
    approximate: bool
    unit: str | None

    @property
    def target(self) -> Decimal:
        """The number to measure progress against: the least that is promised, else the most."""
        bound = self.minimum if self.minimum is not None else self.maximum
        assert bound is not None  # parse() gives at least one bound
        return bound


def parse(words: str | None) -> Quantity | None:
    """Return the first quantity that ``words`` state, or ``None`` when they state none in digits.

    Shares given by risk class (A:3%、B:5%) become the range from the lowest to the highest. A quantity for
    which the real count prevails (以实际…为准) is approximate. 全覆盖 and numbers in Chinese characters are left
    to the reader. Never raises.
    """
    if not words:
        return None
    text = unicodedata.normalize("NFKC", words).translate(_PLAIN)
    shares = [Decimal(found["percent"]) for found in _BY_CLASS.finditer(text)]
    if shares:
        return Quantity(min(shares), max(shares), approximate=False, unit="%")
    found = _QUANTITY.search(text)
    return None if found is None else _quantity(found, firm="为准" not in text)


def _quantity(found: re.Match[str], *, firm: bool) -> Quantity:
    low = _value(found, "low")
    minimum: Decimal | None = low
    maximum: Decimal | None = low
    if found["high"]:
        high = _value(found, "high")
        if found["high_scale"] and not found["low_scale"] + (found["low_unit"] or ""):
            low *= _SCALES[found["high_scale"]]  # 1-2万户
        minimum, maximum = min(low, high), max(low, high)
    elif found["least"] or found["above"] or found["low_over"]:
        maximum = None
    elif found["most"] or found["below"]:
        minimum = None
    unit = found["low_unit"] or found["high_unit"]
    if unit == "次" and found["period"]:
        unit = f"次/{found['period']}"
    approximate = not firm or any(found[group] for group in ("around", "about", "low_over", "high_over"))
    return Quantity(minimum, maximum, approximate, re.sub(r"\s", "", unit) if unit else None)


def _value(found: re.Match[str], name: str) -> Decimal:
    return Decimal(found[name].replace(",", "")) * _SCALES[found[f"{name}_scale"]]
