"""``.jsonl`` and ``.json`` files to checked records, with the line each begins on."""

import codecs
import json
from pathlib import Path

from publisher.model import Problem, SetAside
from publisher.source.events import Reading
from publisher.source.records import Checker
from publisher.source.text import Fault

LONGEST_LINE = 1 << 20
LARGEST_ARRAY = 64 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_NO_TEXT = {"not_json", "not_utf8"}
_TOO_LONG = Fault("line_too_long", f"A record may have {LONGEST_LINE} bytes.")
_HALF = "The file ends in the middle of a record; it is read again once it is whole."
_SCANNER = json.JSONDecoder(parse_int=float)  # only finds where a value ends


def read_lines(path: Path, file: str, checker: Checker) -> Reading:
    """Yield the records of a JSON Lines file, streaming; return whether it ended with a whole record."""
    with path.open("rb") as lines:
        number = 0
        while data := lines.readline(LONGEST_LINE + 2):
            number += 1
            if number == 1:
                if data.startswith(_UTF16):
                    yield Problem("unknown_encoding", None, None, "The file is not UTF-8; save it as that.", file, 1)
                    return True
                data = data.removeprefix(codecs.BOM_UTF8)
            ends = data.endswith(b"\n")
            line = data.rstrip(b"\r\n")
            if len(line) > LONGEST_LINE:
                yield checker.set_aside(_TOO_LONG, line.decode("utf-8", "backslashreplace"), file, number)
                while not ends and (data := lines.readline(LONGEST_LINE)):
                    ends = data.endswith(b"\n")
                continue
            if not line.strip():
                continue
            if ends:
                yield from checker.check_or_leave(line, file, number)
                continue
            events = checker.check_line(line, file, number)
            if isinstance(events[0], SetAside) and events[0].problem.code in _NO_TEXT:
                yield Problem("half_file", None, None, _HALF, file, number)
                return False
            yield from events
    return True


def read_document(path: Path, file: str, checker: Checker) -> Reading:
    """Yield the record or the array of records of a JSON file; return whether it was whole."""
    if path.stat().st_size > LARGEST_ARRAY:
        yield Problem("too_large", None, None, f"A .json file may have {LARGEST_ARRAY} bytes; use .jsonl.", file, None)
        return True
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield Problem("unknown_encoding", None, None, "The file is not UTF-8; save it as that.", file, None)
        return True
    del data  # the text alone may take twice the file's bytes
    place = _skip(text, 0)
    if not text.startswith("[", place):
        return (yield from _one(text, place, file, checker))
    place, line, counted = _skip(text, place + 1), 1, 0
    if text.startswith("]", place):
        return (yield from _after(text, place + 1, file))
    while True:
        line, counted = line + text.count("\n", counted, place), place
        try:
            _, end = _SCANNER.raw_decode(text, place)
        except (ValueError, RecursionError) as failure:
            return (yield from _broken(text, failure, file, line))
        if end - place > LONGEST_LINE:
            yield checker.set_aside(_TOO_LONG, text[place:end], file, line)
        else:
            yield from checker.check_line(text[place:end].encode("utf-8", "surrogatepass"), file, line)
        place = _skip(text, end)
        if text.startswith("]", place):
            return (yield from _after(text, place + 1, file))
        if not text.startswith(",", place):
            return (yield from _broken(text, json.JSONDecodeError("", text, place), file, line))
        place = _skip(text, place + 1)


def _one(text: str, place: int, file: str, checker: Checker) -> Reading:
    try:
        _, end = _SCANNER.raw_decode(text, place)
    except (ValueError, RecursionError) as failure:
        return (yield from _broken(text, failure, file, text.count("\n", 0, place) + 1))
    line = text.count("\n", 0, place) + 1
    if end - place > LONGEST_LINE:
        yield checker.set_aside(_TOO_LONG, text[place:end], file, line)
    else:
        yield from checker.check_line(text[place:end].encode(), file, line)
    return (yield from _after(text, end, file))


def _after(text: str, place: int, file: str) -> Reading:
    rest = _skip(text, place)
    if rest < len(text):
        line = text.count("\n", 0, rest) + 1
        yield Problem("not_json", None, None, "Text follows the end of the JSON value; it was not read.", file, line)
    return True


def _broken(text: str, failure: Exception, file: str, line: int) -> Reading:
    """Tell a file still being written (the text stops inside a value) from one that is wrong."""
    if isinstance(failure, RecursionError):
        yield Problem("too_deep", None, None, "The file is nested too deeply; nothing after was read.", file, line)
        return True
    place = failure.pos if isinstance(failure, json.JSONDecodeError) else 0
    if not text[place:].strip() or _is_cut(failure):
        yield Problem("half_file", None, None, _HALF, file, line)
        return False
    line = text.count("\n", 0, place) + 1
    yield Problem("not_json", None, None, "From here on the file is not valid JSON; the rest was not read.", file, line)
    return True


def _is_cut(failure: Exception) -> bool:
    return isinstance(failure, json.JSONDecodeError) and failure.msg.startswith("Unterminated string")


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\r\n":
        place += 1
    return place
