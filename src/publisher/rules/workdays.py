"""Working days of mainland China, from the State Council's yearly holiday notices.

A notice closes weekdays and opens weekends (调休), so neither Monday–Friday nor a formula gives the answer.
The notice for a year comes in the autumn before it; a day after the last one known can only be counted on
Monday–Friday, and whatever is counted that way is *provisional* until its notice has come.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from publisher.errors import CalendarGap, RuleError

WEEKEND = "周末"

_LAST_ORDINAL = date.max.toordinal()


class Due(NamedTuple):
    """The last day of a period; ``provisional`` when it rests on days whose notice has not come yet."""

    on: date
    provisional: bool


class Notice(NamedTuple):
    """An official notice that a year's calendar follows; ``certainty`` "assumed": its number is unchecked."""

    year: int
    number: str
    issued_on: date
    note: str
    certainty: Literal["settled", "assumed"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Off(_Part):
    first: date = Field(alias="from")
    last: date = Field(alias="to")
    name: str = Field(min_length=1)


class _Notice(_Part):
    number: str = Field(min_length=1)
    issued_on: date
    note: str
    certainty: Literal["settled", "assumed"] = "settled"


class _Year(_Part):
    year: int
    off: Annotated[list[_Off], Field(min_length=1)]
    work: list[date]
    notice: Annotated[list[_Notice], Field(min_length=1)]


@dataclass(frozen=True, eq=False, slots=True)
class Workdays:
    """Which days are worked: by the notices from ``first_on`` to ``covered_until``, provisionally after that.

    Built once with :meth:`parse`; two calendars are the same only if they are the same object. Every method
    raises :class:`CalendarGap` for a day before ``first_on`` and counts Monday–Friday after ``covered_until``,
    which :class:`Due` and :meth:`is_provisional` tell. A count that would run past 9999-12-31, "for ever" in
    some sources, ends on it.
    """

    first_on: date
    covered_until: date
    notices: tuple[Notice, ...]
    _names: dict[int, str]  # ordinal of a day off by notice -> the holiday's name
    _counts: tuple[int, ...]  # working days from first_on up to each covered day, that day included
    _dues: tuple[Due, ...]  # the covered working days in order, ready to hand out

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """The calendar of the given year files (TOML texts, in any order).

        Raises :class:`RuleError`, naming the year and the day, for a file of another shape, years that repeat
        or leave one out, a day named twice or outside its year, or a "worked weekend" on a weekday.
        """
        years = sorted((_read(text) for text in texts), key=lambda each: each.year)
        if not years:
            raise RuleError("no working-day calendar was given; at least one year file is needed")
        for before, after in pairwise(years):
            if after.year == before.year:
                raise RuleError(f"calendar {after.year} is given twice; keep one file for a year")
            if after.year != before.year + 1:
                raise RuleError(f"calendar {before.year + 1} is missing, though {after.year} is given")
        names: dict[int, str] = {}
        worked: set[int] = set()
        for each in years:
            year_names, year_worked = _days(each)
            names |= year_names
            worked |= year_worked
        first_on, covered_until = date(years[0].year, 1, 1), date(years[-1].year, 12, 31)
        counts: list[int] = []
        dues: list[Due] = []
        for ordinal in range(first_on.toordinal(), covered_until.toordinal() + 1):
            if ordinal in worked or not (ordinal in names or _is_weekend(ordinal)):
                dues.append(Due(date.fromordinal(ordinal), provisional=False))
            counts.append(len(dues))
        notices = tuple(
            Notice(each.year, one.number, one.issued_on, one.note, one.certainty)
            for each in years
            for one in each.notice
        )
        return cls(first_on, covered_until, notices, names, tuple(counts), tuple(dues))

    def is_provisional(self, day: date) -> bool:
        """Whether ``day`` lies after the last notice known, so that its being worked is a guess."""
        return day > self.covered_until

    def is_workday(self, day: date) -> bool:
        """Whether ``day`` is worked (a guess where :meth:`is_provisional`)."""
        ordinal = self._ordinal(day)
        return self._count(ordinal) > self._count(ordinal - 1)

    def why_off(self, day: date) -> str | None:
        """The holiday's name, or 周末; None on a working day."""
        return None if self.is_workday(day) else self._names.get(day.toordinal(), WEEKEND)

    def due(self, start: date, count: int, *, count_start_day: bool = False) -> Due:
        """The ``count``-th working day after ``start`` (count ≥ 1).

        The start day does not count (Civil Code art. 201) unless ``count_start_day``; a start day that is off
        never counts. ``due(day, 1, count_start_day=True)`` is ``day`` itself or, if that is off, the next
        working day (art. 203). Raises :class:`RuleError` for a count below 1.
        """
        if count < 1:
            raise RuleError(f"a period of {count} working days ends nowhere; write 1 or more")
        ordinal = self._ordinal(start)
        nth = self._count(ordinal - 1 if count_start_day else ordinal) + count
        if nth <= len(self._dues):
            return self._dues[nth - 1]
        # number the Monday–Fridays on from the last covered day, as _count does
        weeks, days = divmod(nth - len(self._dues) + _weekdays(self.covered_until.toordinal()) - 1, 5)
        return Due(date.fromordinal(min(weeks * 7 + days + 1, _LAST_ORDINAL)), provisional=True)

    def count_between(self, after: date, until: date) -> int:
        """How many working days lie after ``after`` up to ``until`` included; 0 when ``until`` is not later."""
        return max(self._count(self._ordinal(until)) - self._count(self._ordinal(after)), 0)

    def skipped(self, start: date, until: date) -> list[tuple[date, str]]:
        """The days off after ``start`` up to ``until`` included, each with its reason (see :meth:`why_off`)."""
        self._ordinal(start)
        days = (start + timedelta(n) for n in range(1, (until - start).days + 1))
        return [(day, why) for day in days if (why := self.why_off(day)) is not None]

    def _count(self, ordinal: int) -> int:
        """Working days from ``first_on`` up to the day ``ordinal`` included."""
        index = ordinal - self.first_on.toordinal()
        if index >= len(self._counts):
            return len(self._dues) + _weekdays(ordinal) - _weekdays(self.covered_until.toordinal())
        return self._counts[index] if index >= 0 else 0

    def _ordinal(self, day: date) -> int:
        if day < self.first_on:
            raise CalendarGap(
                f"working days are known from {self.first_on} on, not for {day}; add the calendar of {day.year}"
            )
        return day.toordinal()


def _read(text: str) -> _Year:
    try:
        return _Year.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"a calendar file is not TOML: {error}") from error
    except ValidationError as error:
        year = next((line for line in text.splitlines() if line.startswith("year")), "no year given")
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise RuleError(f"a calendar file ({year}) is not of the agreed shape: {wrong}") from error


def _days(calendar: _Year) -> tuple[dict[int, str], set[int]]:
    """The ordinals a year file names: off with their holiday, and worked weekends."""

    def wrong(day: date, what: str) -> RuleError:
        return RuleError(f"calendar {calendar.year}: {day} {what}")

    off: dict[int, str] = {}
    for each in calendar.off:
        for end in (each.first, each.last):
            if end.year != calendar.year:
                raise wrong(end, f"({each.name}) is of another year")
        if each.last < each.first:
            raise wrong(each.last, f"ends {each.name} before it begins on {each.first}")
        for ordinal in range(each.first.toordinal(), each.last.toordinal() + 1):
            if ordinal in off:
                raise wrong(date.fromordinal(ordinal), f"is off twice ({off[ordinal]}, {each.name})")
            off[ordinal] = each.name
    work: set[int] = set()
    for day in calendar.work:
        ordinal = day.toordinal()
        if day.year != calendar.year:
            raise wrong(day, "(worked) is of another year")
        if not _is_weekend(ordinal):
            raise wrong(day, "is a weekday; only weekend days are listed as worked")
        if ordinal in off:
            raise wrong(day, f"is both worked and off ({off[ordinal]})")
        if ordinal in work:
            raise wrong(day, "is listed as worked twice")
        work.add(ordinal)
    return off, work


def _is_weekend(ordinal: int) -> bool:
    return (ordinal - 1) % 7 > 4


def _weekdays(ordinal: int) -> int:
    """Monday–Fridays from 0001-01-01, a Monday with the ordinal 1, up to the day ``ordinal`` included."""
    weeks, days = divmod(ordinal, 7)
    return weeks * 5 + min(days, 5)
