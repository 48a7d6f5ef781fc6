"""Civil days of the examples: working days by the published calendars, instants in office hours."""

from datetime import date, timedelta
from random import Random

_OFF = (
    ("2021-04-03", "2021-04-05"),
    ("2021-05-01", "2021-05-05"),
    ("2021-06-12", "2021-06-14"),
    ("2021-09-19", "2021-09-21"),
    ("2021-10-01", "2021-10-07"),
    ("2026-02-15", "2026-02-23"),
    ("2026-04-04", "2026-04-06"),
    ("2026-05-01", "2026-05-05"),
    ("2026-06-19", "2026-06-21"),
    ("2026-09-25", "2026-09-27"),
    ("2026-10-01", "2026-10-07"),
)


def plus(day: str, days: int) -> str:
    """Return the day ``days`` calendar days later."""
    return (date.fromisoformat(day) + timedelta(days=days)).isoformat()


def working(day: str) -> str:
    """Return ``day``, or the next day that is neither Saturday, Sunday nor within a holiday."""
    while date.fromisoformat(day).weekday() > 4 or any(first <= day <= last for first, last in _OFF):
        day = plus(day, 1)
    return day


def between(rng: Random, first: str, last: str) -> str:
    """Draw a working day of a window, the last day included."""
    span = (date.fromisoformat(last) - date.fromisoformat(first)).days
    while True:
        day = working(plus(first, rng.randint(0, span)))
        if day <= last:
            return day


def at(rng: Random, day: str) -> str:
    """Return an instant in office hours of a day, in Asia/Shanghai."""
    return f"{day}T{rng.randint(9, 17):02d}:{rng.choice((0, 5, 12, 20, 31, 40, 48)):02d}:00+08:00"
