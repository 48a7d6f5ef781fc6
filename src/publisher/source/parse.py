"""Bytes to one JSON value (RFC 8259), refusing what a lenient reader would silently mend.

orjson is fast but keeps only the last of two equal keys. Without a backslash every quotation mark delimits a
string, so the text written back has fewer of them exactly when a key was dropped: one count tells. Text with
escapes or rare characters is read a second, slow way that looks at every string.
"""

import json
import unicodedata
from typing import Any, Never

import orjson

from publisher.source.text import HIDDEN, Fault

DEEPEST = 32
_DOUBLED = Fault("duplicate_key", "A key stands twice in one object.")
_HIDDEN = Fault("control_character", "The text holds a control, zero-width or direction character.")
_TOO_DEEP = Fault("too_deep", f"The record is nested deeper than {DEEPEST} levels.")
_NOT_JSON = Fault("not_json", "The text is not valid JSON.")
_NOT_UTF8 = Fault("not_utf8", "The text is not UTF-8.")


class Doubled(dict[str, Any]):
    """An object in which a key stood twice."""


def parse(data: bytes) -> Any:
    """Return the JSON value of ``data`` with NFC strings, or a ``Fault``."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _NOT_UTF8
    if b"\\" in data or not _is_plain(data, text):
        return _parse_slowly(text)
    try:
        tree = orjson.loads(data)
    except orjson.JSONDecodeError:
        return _TOO_DEEP if load_doubled(text) is _TOO_DEEP else _NOT_JSON
    if data.count(b'"') != orjson.dumps(tree).count(b'"'):
        return _DOUBLED
    if data.count(b"{") + data.count(b"[") > DEEPEST and (fault := _fault_in(tree)):
        return fault
    return tree


def load_doubled(text: str) -> Any:
    """Return the JSON value of ``text`` with objects that repeat a key as ``Doubled``, or a ``Fault``."""
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse, parse_int=_integer)
    except RecursionError:
        return _TOO_DEEP
    except ValueError:
        return _NOT_JSON


def holds_doubled(tree: Any) -> bool:
    """Tell whether an object anywhere in ``tree`` repeated a key."""
    if isinstance(tree, dict):
        return isinstance(tree, Doubled) or any(holds_doubled(part) for part in tree.values())
    return isinstance(tree, list) and any(holds_doubled(part) for part in tree)


def _is_plain(data: bytes, text: str) -> bool:
    """Tell cheaply that no hidden character can be there and that the text is NFC already."""
    if data.isascii():
        return b"\x7f" not in data
    return (text.isprintable() or not HIDDEN.search(text)) and unicodedata.is_normalized("NFC", text)


def _parse_slowly(text: str) -> Any:
    tree = load_doubled(text)
    if isinstance(tree, Fault):
        return tree
    return _fault_in(tree) or _normalized(tree)


def _fault_in(tree: Any) -> Fault | None:
    waiting: list[tuple[Any, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, str):
            if HIDDEN.search(node):
                return _HIDDEN
        elif isinstance(node, dict):
            if isinstance(node, Doubled):
                return _DOUBLED
            waiting.extend((part, depth + 1) for pair in node.items() for part in pair)
        elif isinstance(node, list):
            waiting.extend((part, depth + 1) for part in node)
        if depth > DEEPEST:
            return _TOO_DEEP
    return None


def _normalized(tree: Any) -> Any:
    if isinstance(tree, str):
        return unicodedata.normalize("NFC", tree)
    if isinstance(tree, dict):
        return {unicodedata.normalize("NFC", key): _normalized(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_normalized(value) for value in tree]
    return tree


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Doubled(found)


def _refuse(constant: str) -> Never:
    raise ValueError(constant)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 19 else float(digits)  # as orjson reads what 64 bits cannot hold
