"""Periods in months, years, days and working days, as the Civil Code counts them (art. 201 and 202)."""

import re
from calendar import monthrange
from datetime import date, timedelta
from typing import Literal, NamedTuple, Self

from publisher.errors import RuleError
from publisher.rules.workdays import Due, Workdays

Unit = Literal["months", "years", "working_days", "days"]

_UNITS: dict[str, Unit] = {"month": "months", "year": "years", "working day": "working_days", "day": "days"}
_TEXT = re.compile(r"([1-9][0-9]{0,2}) (month|year|working day|day)s?")


def add_months(day: date, months: int) -> date:
    """The same day number ``months`` later, or the last day of a month without it (Civil Code art. 202).

    Never past 9999-12-31, which stands for "for ever" in some sources.
    """
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def add_years(day: date, years: int) -> date:
    """The same date ``years`` later; 29 February becomes the 28th if need be (Civil Code art. 202)."""
    return add_months(day, 12 * years)


class Period(NamedTuple):
    """A length of time as a profile writes it: "3 months", "1 year", "5 working days", "20 days"."""

    number: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Self:
        """The period a profile's text names; :class:`RuleError` for anything but 1–999 of one known unit."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise RuleError(
                f'{text!r} is not a period; write one like "3 months", "1 year", "5 working days", "20 days"'
            )
        return cls(int(match[1]), _UNITS[match[2]])

    def after(self, start: date, workdays: Workdays, count_start_day: bool = False) -> Due:
        """The last day of this period when it starts on ``start``.

        ``count_start_day`` makes ``start`` the first of the days or working days (art. 201 leaves it out);
        months and years end on its day number either way (art. 202). An end on a holiday is not moved, since
        that would lengthen a publication; ``workdays.due(end, 1, count_start_day=True)`` moves it where
        art. 203 applies. Only working days can be provisional, and only they raise :class:`CalendarGap`.
        """
        match self.unit:
            case "working_days":
                return workdays.due(start, self.number, count_start_day=count_start_day)
            case "months":
                return Due(add_months(start, self.number), provisional=False)
            case "years":
                return Due(add_years(start, self.number), provisional=False)
            case "days":
                length = min(self.number - count_start_day, (date.max - start).days)
                return Due(start + timedelta(length), provisional=False)
