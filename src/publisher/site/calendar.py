"""The dates that matter to a firm with a negative result, as a calendar to subscribe to or import (RFC 5545)."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from urllib.parse import urlsplit

from publisher.ledger.shown import Shown
from publisher.ledger.shown_subjects import SubjectRow


def has_dates(one: Shown) -> bool:
    """Tell whether a result has a day to wait for: when repair may be asked for, or when it ends by itself."""
    return bool(one.row.negative) and (one.row.may_apply_on or one.row.ends_on) is not None


def of_subject(base_url: str, subject: SubjectRow, results: Sequence[Shown]) -> bytes | None:
    """Return a subject's calendar of all-day events, or None when no result has a day to wait for.

    An event is known by the result's ``ref``, and stamped with the day since when the result is shown as it is: the
    same records give the same bytes.
    """
    events = [line for one in results if has_dates(one) for line in _events(base_url, subject, one)]
    if not events:
        return None
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//publisher//results//ZH", "CALSCALE:GREGORIAN"]
    lines = [*head, "METHOD:PUBLISH", *events, "END:VCALENDAR"]
    return "".join(f"{_folded(line)}\r\n" for line in lines).encode()


def _events(base_url: str, subject: SubjectRow, one: Shown) -> Iterator[str]:
    named = (
        (
            "apply",
            one.row.may_apply_on,
            "可以申请信用修复",
            "改正并履行完义务后，可以从这一天起向检查机关申请提前停止公示。",
        ),
        ("end", one.row.ends_on, "公示期满，自动停止公示", "这一天起停止公示，不需要申请。"),
    )
    for kind, day, summary, description in named:
        if day is not None:
            yield from _event(base_url, subject, one, kind, day, summary, description)


def _event(
    base_url: str, subject: SubjectRow, one: Shown, kind: str, day: date, summary: str, description: str
) -> list[str]:
    checked = f"{one.body['authority']}，{one.body['ended_on']} 完成检查。"
    return [
        "BEGIN:VEVENT",
        f"UID:{one.row.ref}-{kind}@{urlsplit(base_url).hostname}",
        f"DTSTAMP:{one.row.since:%Y%m%d}T000000Z",
        f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
        f"DTEND;VALUE=DATE:{day + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(f'{summary}：{subject.name}')}",
        f"DESCRIPTION:{_escaped(f'{checked}{description}')}",
        f"URL:{base_url}{subject.path}#{one.row.record_id}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _escaped(words: str) -> str:
    """Return a value of type TEXT (RFC 5545, 3.3.11)."""
    for plain, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\r\n", "\\n"), ("\n", "\\n"), ("\r", "\\n")):
        words = words.replace(plain, escaped)
    return words


def _folded(line: str) -> str:
    """Return a line folded so that no part is longer than 75 octets, never within a character (RFC 5545, 3.1)."""
    octets = line.encode()
    if len(octets) <= 75:
        return line
    parts, start, room = [], 0, 75
    while len(octets) - start > room:
        end = start + room
        while octets[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        parts.append(octets[start:end])
        start, room = end, 74  # a space begins the next part
    return b"\r\n ".join((*parts, octets[start:])).decode()
