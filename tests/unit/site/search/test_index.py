"""What the index holds, read back with the decoder that knows nothing of the builder."""

import random
from itertools import accumulate
from zlib import crc32

import pytest
from tests.bench.search.names import OUTCOMES

from publisher import searchfile
from publisher.folding import fold
from publisher.searchfile import Line
from publisher.site.search import parts
from publisher.site.search.coding import LETTERS, packed_code
from publisher.site.search.entry import Entry
from publisher.site.search.index import Builder
from publisher.site.search.strings import PLACES, by_place, limit_for

from .conftest import Portal


def told(portal: Portal) -> searchfile.Manifest:
    return searchfile.manifest(portal.read("index.json"))


def revised(portal: Portal) -> dict[str, int]:
    listing = told(portal).said["revised"]
    return searchfile.revisions(portal.read(str(listing))) if listing else {}


def unit(portal: Portal, name: str) -> bytes:
    return portal.read(searchfile.address(told(portal), name, revised(portal)))


def of(entry: Entry) -> tuple[object, ...]:
    """What a line must say of a subject."""
    return (entry.name, entry.former_names, entry.uscc, entry.reg_no, entry.path, entry.region_code, entry.results,
            entry.latest)  # fmt: skip


def said(line: Line) -> tuple[object, ...]:
    return (
        line.name,
        line.former_names,
        line.uscc,
        line.reg_no,
        line.path,
        line.region_code,
        line.results,
        line.latest,
    )


def test_every_subject_is_in_the_records_newest_first(portal: Portal, entries: list[Entry]) -> None:
    lines = list(searchfile.every_line(told(portal), portal.read))
    newest = sorted(entries, key=lambda one: (-one.latest, one.subject_no))
    assert [said(line) for line in lines] == [of(one) for one in newest]
    assert [line.doc for line in lines] == list(range(len(entries)))
    for line, one in zip(lines, newest, strict=True):
        pairs, year = set(), ""
        for character in line.pairs:
            if character.isdigit():
                year = year[-1:] + character
            else:
                pairs.add((2000 + int(year), OUTCOMES[LETTERS.index(character)]))
        assert pairs == set(one.pairs)


def test_a_string_is_common_or_holds_a_key_that_lists_every_name_with_it(portal: Portal, entries: list[Entry]) -> None:
    manifest = told(portal)
    common = set(manifest.common)
    shards, common_shards = (int(str(manifest.said[name])) for name in ("shards", "commonShards"))
    draw = random.Random(3)
    for one in draw.sample(entries, 150):
        name = fold(draw.choice((one.name, *one.former_names)))
        length = draw.randint(1, min(6, len(name)))
        at = draw.randint(0, len(name) - length)
        string = name[at : at + length]
        expected = {
            other.path for other in entries if any(string in fold(n) for n in (other.name, *other.former_names))
        }
        keys = [string] if length == 1 or string in common else list(rare_keys(string, common))
        assert keys, string
        for key in keys:
            kind, count = ("k", common_shards) if len(key) == 1 or key in common else ("g", shards)
            lines, listed = searchfile.shard(unit(portal, f"{kind}/{crc32(key.encode()) & (count - 1)}"))
            found = next(each for each in listed if each.key == key)
            texts = {lines[row].path: (lines[row].name, *lines[row].former_names) for row in found.rows}
            if found.total is None:
                has = {path for path, names in texts.items() if any(string in fold(n) for n in names)}
                assert has == expected
            else:
                assert found.total == len(expected)
                assert set(texts) <= expected
                assert len(texts) == min(30, len(expected))


def rare_keys(string: str, common: set[str]) -> list[str]:
    parts = {string[at:end] for at in range(len(string)) for end in range(at + 2, len(string) + 1)}
    within = {
        part: {part[a:b] for a in range(len(part)) for b in range(a + 2, len(part) + 1)} - {part} for part in parts
    }
    return [part for part in parts if part not in common and within[part] <= common]


def test_lists_name_every_subject_of_a_common_string_and_of_a_facet(portal: Portal, entries: list[Entry]) -> None:
    manifest = told(portal)
    newest = sorted(entries, key=lambda one: (-one.latest, one.subject_no))
    for number, string in enumerate(manifest.common):
        expected = [
            doc for doc, one in enumerate(newest) if any(string in fold(name) for name in (one.name, *one.former_names))
        ]
        assert list(searchfile.numbers(unit(portal, f"l/{number}.0"))) == expected
    for number, (value, count, _) in enumerate(manifest.facets):
        found = list(searchfile.numbers(unit(portal, f"f/{number}.0")))
        assert len(found) == int(count) > 0
        if value.startswith("r"):
            assert found == [doc for doc, one in enumerate(newest) if one.region_code == value[1:]]
        elif value.startswith("p"):
            pair = (2000 + int(value[1:3]), OUTCOMES[LETTERS.index(value[3])])
            assert found == [doc for doc, one in enumerate(newest) if pair in one.pairs]


def test_codes_are_found_by_their_directory(portal: Portal, entries: list[Entry]) -> None:
    manifest = told(portal)
    rows = [
        row.split("\t")
        for page in range(len(manifest.pages))
        for row in searchfile.sections(unit(portal, f"p/{page}"))[0].split("\n")
    ]
    seen = []
    for number, (first, count) in enumerate(rows):
        lines, marks = searchfile.codes(unit(portal, f"c/{number}"))
        codes = [line.uscc if mark == "c" else line.reg_no for line, mark in zip(lines, marks, strict=True)]
        assert codes[0] == first
        assert len(codes) == int(count)
        seen += codes
    expected = [one.uscc for one in entries if one.uscc] + [one.reg_no for one in entries if one.reg_no]
    assert seen == sorted(expected)


def test_a_code_is_packed_only_where_the_rest_follows() -> None:
    code = "91320102MA00000036"
    for whole in (code, code[:-1] + "9", "92" + code[2:], "SHORT", "91320102ma00000036", "9132010200000000IO"):
        for region in ("320102", "320583"):
            assert searchfile.full_code(packed_code(whole, region), region) == whole
    assert searchfile.full_code(packed_code(None, "320102"), "320102") is None


@pytest.mark.parametrize("content", [b"", b"\x00", b"plain text", b"\x03\x00more"])
def test_a_file_that_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no search file"):
        searchfile.inflate(content)


def test_the_same_subjects_make_the_same_files(entries: list[Entry]) -> None:
    first, second = (dict(Builder(order, OUTCOMES, 0).files()) for order in (entries, entries[::-1]))
    # Authorities are numbered as they come, and lines name them; in the ledger's order they always come the same way.
    others = {name: content for name, content in first.items() if not name.startswith(("a/", "g/", "k/", "r/", "c/"))}
    assert others == {name: second[name] for name in others}
    assert first == dict(Builder(list(entries), OUTCOMES, 0).files())


def test_names_are_read_place_by_place_however_long_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("publisher.site.search.strings.TOGETHER", 7)
    chance = random.Random(3)
    lengths = [0, 1, PLACES - 1, PLACES, PLACES + 1, 5 * PLACES]
    names = [(doc, "".join(chance.choices("甲乙丙丁", k=chance.choice(lengths)))) for doc in range(100)]
    found = [[pair for pair in zip(docs, here, strict=True) if pair[1] != "\0"] for docs, here in by_place(names)]
    wanted = [[(doc, text[at]) for doc, text in names if len(text) > at] for at in range(max(lengths))]
    assert [pairs for pairs in found if pairs] == wanted


def test_the_table_of_common_strings_stays_small() -> None:
    counts = [5000 - number for number in range(4000)]
    assert sum(count > limit_for(counts, 10**6) for count in counts) <= 900


def test_control_characters_do_not_break_a_line(tmp_path_factory: pytest.TempPathFactory, entries: list[Entry]) -> None:
    odd = entries[0]._replace(name="甲\n乙\t丙\x1e丁\x1d有限公司")
    portal = Portal(tmp_path_factory.mktemp("odd"), [odd, *entries[1:50]], 0)
    portal.update()
    names = [line.name for line in searchfile.every_line(told(portal), portal.read)]
    assert "甲 乙 丙 丁 有限公司" in names
    assert len(names) == 50


def test_any_part_of_a_code_leads_to_all_that_have_it(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LIMIT", 6)
    monkeypatch.setattr(parts, "FIRST", 4)
    portal.entries = {one.subject_no: one._replace(uscc=f"{one.uscc[:9]}MA1{one.uscc[12:]}" if one.uscc else None)
                      for one in portal.entries.values()}  # fmt: skip
    portal.owe("search", "")
    portal.update()
    check_parts(portal, random.Random(4))


def check_parts(portal: Portal, draw: random.Random) -> None:
    """Compare the lists of the parts of random codes with a scan of all of them."""
    newest = sorted(portal.entries.values(), key=lambda one: (-one.latest, one.subject_no))
    codes = [[code for code in (one.uscc, one.reg_no) if code] for one in newest]
    shards = int(str(told(portal).said["parts"]))
    common = set(searchfile.front_coded(searchfile.sections(unit(portal, "u/0"))[0]))
    for _ in range(400):
        code = draw.choice(draw.choice([these for these in codes if these]))
        at = draw.randint(1, len(code) - 2)
        string = code[at : draw.randint(at + 2, min(len(code), at + 9))]
        expected = [doc for doc, these in enumerate(codes) if any(string in one[1:] for one in these)]
        end = next((end for end in range(3, len(string) + 1) if string[:end] not in common), len(string))
        section = searchfile.sections(unit(portal, f"q/{crc32(string[:end].encode()) & (shards - 1)}"))[0]
        rows = {key: (int(total), gaps) for key, total, gaps in (row.split("\t") for row in section.split("\n"))}
        total, gaps = rows[string[:end]]
        docs = list(accumulate(map(int, gaps.split(","))))
        if len(string) == 2:
            assert docs == expected[:4]
            assert len(docs) <= total <= len(expected)
        elif string in common:
            assert (total, docs) == (len(expected), expected[:4])
        elif end == len(string):
            assert (total, docs) == (len(expected), expected)
        else:
            assert total == len(docs)
            assert set(expected) <= set(docs)
