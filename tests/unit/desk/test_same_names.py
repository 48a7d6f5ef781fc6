"""The officers' search finds the subjects that the search page finds, by its own index and its own language."""

import random

import pytest
from tests.bench.search.names import OUTCOMES, subjects

from publisher import searchfile
from publisher.desk.search import search
from publisher.folding import fold, simplified
from publisher.site.search.index import Builder

WIDE = {ord("("): "（", ord(")"): "）"} | {
    code: chr(code + 0xFEE0) for code in range(0x30, 0x5B) if chr(code).isalnum()
}


@pytest.fixture
def lines(filled, make_result):
    """What the page knows of seventy subjects; the ledger knows them too, and as many that are not shown."""
    entries = list(subjects(70, seed=12))
    for one in entries:
        values = {"subject__name": one.name, "subject__uscc": one.uscc, "subject__reg_no": one.reg_no}
        filled.add(make_result(one.subject_no, **values))
        filled.add(make_result(one.subject_no + 1000, **values), "withheld")
    shown = [one._replace(former_names=()) for one in entries]
    files = Builder(shown, OUTCOMES, 0).files()
    return [line for unit, content in files if unit.startswith("r/") for line in searchfile.records(content)]


def asked(draw, lines):
    """Parts of names and codes as people type them: traditional, full width, in brackets, several together."""
    traditional = {simple: other for other, simple in simplified().items()}
    line = draw.choice(lines)
    name = line.name

    def part(text, least, most):
        length = draw.randint(least, most)
        at = draw.randint(0, max(0, len(text) - length))
        return text[at : at + length]

    kind = draw.choice(("part", "part", "whole", "two", "traditional", "wide", "code", "mixed"))
    codes = [code for code in (line.uscc, line.reg_no) if code]
    if kind == "whole":
        return name
    if kind == "two":
        return f"{part(name, 2, 3)} {part(name, 2, 3)}"
    if kind == "traditional":
        return "".join(traditional.get(character, character) for character in part(name, 2, 5))
    if kind == "wide":
        return part(fold(name), 2, 6).translate(WIDE)
    if kind == "code":
        return part(draw.choice(codes), 2, 10).lower()
    return f"{part(name, 2, 3)} {part(draw.choice(codes), 3, 6)}" if kind == "mixed" else part(name, 2, 6)


def found_by_page(lines, text):
    words = [fold(word) for word in text.split()]
    return {line.name for line in lines if all(has(line, word) for word in words)}


def has(line, word):
    is_code = word.isascii() and word.isalnum() and any(map(str.isdigit, word)) and 2 <= len(word) <= 18
    return word in fold(line.name) or (is_code and any(word in code for code in (line.uscc, line.reg_no) if code))


def test_the_same_names_are_found(ledger, tmp_path, lines):
    draw = random.Random(8)
    several = 0
    for _ in range(200):
        text = asked(draw, lines)
        hits = search(ledger, tmp_path / "var", text, limit=500).hits
        by_page = found_by_page(lines, text)
        assert {hit.name for hit in hits if hit.state == "published"} == by_page, text
        assert {hit.name for hit in hits if hit.state == "withheld"} == by_page, text
        several += len(by_page) > 1
    assert several > 20
