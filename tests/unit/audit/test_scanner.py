"""The quick look at bytes lets nothing through that the careful one would find."""

import html
import unicodedata
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote

import orjson
import pytest

from publisher.audit.reading import pieces
from publisher.audit.scanner import Scanner, otherwise_written

from .conftest import HIDDEN, HIDDEN_CODE, Portal
from .test_leaks import NAME, leaks


def test_every_character_that_nfc_changes_or_joins_is_a_sign() -> None:
    signs = set(otherwise_written())
    for character in map(chr, (*range(0xD800), *range(0xE000, 0x110000))):
        parts = unicodedata.decomposition(character)
        if unicodedata.combining(character) or not unicodedata.is_normalized("NFC", character):
            assert character in signs
        elif " " in parts and parts[0] != "<":
            assert chr(int(parts.split()[1], 16)) in signs
    assert {"\u1161", "\u11a8"} <= signs  # Hangul
    assert not signs & set(f"{HIDDEN}{HIDDEN_CODE}，。（）“”—·　0a<>/")


@pytest.mark.parametrize(
    "text", [HIDDEN, html.escape("&"), "\\u5357", "\\n", quote(HIDDEN), "e\u0301", f"x{HIDDEN_CODE}"]
)
def test_what_is_sought_and_what_may_hide_it_is_told(text: str) -> None:
    assert Scanner([HIDDEN, HIDDEN_CODE]).may_hold(f"<p>{text}</p>".encode())


def test_what_hides_nothing_is_not_told() -> None:
    scanner = Scanner([HIDDEN, f"{HIDDEN_CODE} 已停业"])
    assert not scanner.may_hold("<p>玄武云桥\n 测试有限公司，合格率 15%。</p>".encode())
    assert scanner.may_hold(f"<p>{HIDDEN_CODE}\n　已停业".encode())
    assert not Scanner([]).may_hold(b"&amp;")


@pytest.mark.parametrize("size", [100, 1 << 20])
def test_many_texts_are_found_as_few_are(size: int) -> None:
    scanner = Scanner(f"R-{number:06}-{number:030}" for number in range(size // 100))
    assert scanner.may_hold(b"x R-000000-" + 30 * b"0")
    assert not scanner.may_hold(b"x R-000000-" + 29 * b"0")


@pytest.mark.parametrize("line", ["一行", "一" * 70_000])
def test_pieces_overlap_and_break_no_character_and_no_short_line(tmp_path: Path, line: str) -> None:
    content = "\n".join(f"{number}{line}" for number in range(4 * 10**6 // len(line.encode()))).encode()
    (tmp_path / "a.txt").write_bytes(content)
    found = list(pieces(tmp_path / "a.txt", 1 << 20))
    assert b"".join(fresh for _, fresh in found) == content
    assert len(found) == -(-len(content) // (1 << 20))
    at = 0
    for (piece, _), (after, _) in pairwise(found):
        piece.decode()
        assert content.startswith(piece, at)
        start = content.find(after[:200_000], at)
        assert start + 40_000 < at + len(piece)
        at = start
    assert content.endswith(found[-1][0])


@pytest.mark.parametrize("place", [0, (1 << 20) - 12, (1 << 20) - 1, 2_100_000])
@pytest.mark.parametrize("blank", ["一", "\n"])
def test_a_name_is_found_wherever_in_a_large_file_it_stands(portal: Portal, place: int, blank: str) -> None:
    filled = (blank * (place // len(blank.encode()))) + HIDDEN + blank * 500_000
    portal.write("data/all.txt", filled)
    portal.write("data/all.json", orjson.dumps([filled]))
    assert leaks(portal) == {("/data/all.txt", NAME), ("/data/all.json", NAME)}


def test_a_large_file_that_was_changed_is_told(portal: Portal) -> None:
    portal.write("data/all.txt", "x" * 3_000_000)
    assert portal.audit() == []
    (portal.output / "data/all.txt").write_text("x" * 2_999_999 + "y")
    assert [one.what for one in portal.audit()] == ["the file is not the one that was built"]
