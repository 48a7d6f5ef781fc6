"""Changes, withdrawals and new bases: what the tree holds after each, and that nothing of what is gone stays."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from publisher import searchfile, uscc
from publisher.errors import LedgerError
from publisher.ledger.schema import search_base
from publisher.site.install import File, Installed
from publisher.site.search import update
from publisher.site.search.entry import Entry

from .conftest import Portal
from .test_index import of, revised, said, told


def files(portal: Portal) -> dict[str, bytes]:
    folder = portal.output / "search"
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def names(portal: Portal) -> set[str]:
    return {line.name for line in searchfile.every_line(told(portal), portal.read)}


def traces(portal: Portal, docs: set[int], words: set[str]) -> list[str]:
    """Every file with one of these numbers in a table or a list, or with one of these words."""
    found = []
    for name, content in files(portal).items():
        if not name.endswith(".bin"):
            continue
        kind = Path(name).parent.name.rstrip("0123456789")
        if kind in ("l", "f", "a", "y"):
            if docs & set(searchfile.numbers(content)):
                found.append(name)
            continue
        text = searchfile.inflate(content).decode()
        section = text.split(searchfile.SECTION)[0]
        if kind in ("r", "g", "k", "c") and docs & {line.doc for line in searchfile.table(section)}:
            found.append(name)
        elif kind in ("s", "q"):
            rows = (row.split("\t")[2] for row in text.split("\n"))
            if any(docs & set(numbers(gaps)) for gaps in rows):
                found.append(name)
        elif any(word in text for word in words):
            found.append(name)
    return found


def numbers(gaps: str) -> list[int]:
    total, found = 0, []
    for gap in gaps.split(","):
        total += int(gap)
        found.append(total)
    return found


def test_a_change_goes_to_the_overlay_and_touches_no_file_of_the_base(portal: Portal) -> None:
    before = files(portal)
    one = portal.entries[5]
    portal.entries[5] = one._replace(results=one.results + 1, latest=one.latest + 400)
    new = portal.entries[7]._replace(
        subject_no=5000, name="新来的测试有限公司", uscc=None, reg_no="1", path="/subjects/x/1.html"
    )
    portal.entries[5000] = new
    portal.update(5, 5000)
    after = files(portal)
    assert {name for name in before if after.get(name) != before[name]} == {"index.json", "index.html"}
    assert [name.split("-")[0] for name in set(after) - set(before)] == ["overlay"]
    lines = {line.path: line for line in searchfile.every_line(told(portal), portal.read)}
    assert said(lines[one.path]) == of(portal.entries[5])
    assert said(lines[new.path]) == of(new)
    assert len(lines) == len(portal.entries)
    assert told(portal).said["subjects"] == len(portal.entries)


def test_a_base_made_ahead_is_the_one_that_would_have_been_made(
    portal: Portal, tmp_path: Path, entries: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update, "pays", lambda items, least: True)
    (tmp_path / "ahead").mkdir()
    other = Portal(tmp_path / "ahead", entries, scan_limit=0)
    index = other.index()
    with index.begun({"search": 1}):
        monkeypatch.setattr(index, "_made", None)  # it is being made elsewhere
        assert index.update() == Installed(len(files(portal)), 0)
    assert files(other) == files(portal)
    index = other.index()
    with index.begun({}):
        assert index._coming is None  # none is due any more
    other.ledger.close()


def test_an_error_of_a_process_that_makes_the_base_is_told(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(connection: object) -> Iterator[Entry]:
        yield from ()
        raise LedgerError("the ledger cannot be read")

    monkeypatch.setattr(update, "pays", lambda items, least: True)
    monkeypatch.setattr(portal, "every", fail)
    portal.owe("search", "")
    before = files(portal)
    index = portal.index()
    with pytest.raises(LedgerError, match="cannot be read"), index.begun({"search": 1}):
        index.update()
    assert files(portal) == before


def test_the_search_page_of_a_large_site_names_what_has_changed(portal: Portal) -> None:
    assert portal.ahead == ((), ())
    portal.entries[3] = portal.entries[3]._replace(name="改了名的有限公司")
    del portal.entries[4]
    portal.update(3, 4)
    assert portal.ahead is not None
    said = told(portal).said
    assert portal.ahead == ((), (said["overlay"], said["revised"]))
    assert all(portal.read(name) for name in portal.ahead.changes)
    assert portal.read("index.html") == repr(portal.ahead).encode()


def test_the_search_page_of_a_small_site_names_its_records(small: Portal) -> None:
    generations = set()
    for name in ("先改的有限公司", "后改的有限公司"):  # a small site is written anew each time, and the page with it
        small.entries[3] = small.entries[3]._replace(name=name)
        small.update(3)
        generation = told(small).said["generation"]
        assert small.ahead == ((f"{generation}/r0/0.bin",), ())
        assert small.read(f"{generation}/r0/0.bin")
        generations.add(generation)
    assert len(generations) == 2


def test_who_is_withdrawn_leaves_every_file_in_the_same_run(portal: Portal) -> None:
    gone = [one for one in portal.entries.values() if one.former_names][:3] + [
        portal.entries[number] for number in (1, 2)
    ]
    with portal.ledger.reading() as connection:
        state = update.state.load(connection)
    assert state is not None
    wanted = {one.subject_no for one in gone}
    docs = {doc for doc, number in enumerate(state.base.subjects) if number in wanted}
    words = {one.name for one in gone} | {one.uscc[8:16] for one in gone if one.uscc}
    assert len(traces(portal, docs, words)) > 50
    before = files(portal)
    for one in gone:
        del portal.entries[one.subject_no]
    portal.update(*wanted)
    assert traces(portal, docs, words) == []
    after = files(portal)
    assert all(after[name] == before[name] for name in after if name in before and not name.startswith("index"))
    assert names(portal) == {one.name for one in portal.entries.values()}
    assert set(revised(portal).values()) == {1}
    portal.update(*list(portal.entries)[:1])
    assert names(portal) == {one.name for one in portal.entries.values()}


def test_two_processes_write_again_what_one_does(
    tmp_path: Path, entries: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    for many in (10**6, 1):
        monkeypatch.setattr("publisher.site.search.update.MANY", many)
        portal = Portal(tmp_path / str(many), entries, scan_limit=0)
        portal.update()
        before = set(files(portal))
        for number in (1, 2, 30, 31):
            del portal.entries[number]
        portal.update(1, 2, 30, 31)
        assert len(set(files(portal)) - before) > 50
        written.append(files(portal))
        portal.ledger.close()
    assert written[0] == written[1]


def test_a_file_that_was_lost_is_made_again_by_two_processes(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("publisher.site.search.update.MANY", 1)
    for file in (portal.output / "search").rglob("g0/*.bin"):
        file.write_bytes(b"")
    del portal.entries[3]
    portal.update(3)
    assert len(list((portal.output / "search").rglob("g0/*.bin"))) == told(portal).said["shards"]
    assert names(portal) == {one.name for one in portal.entries.values()}


def test_who_is_in_the_overlay_and_withdrawn_leaves_both(portal: Portal) -> None:
    one = portal.entries[9]
    portal.entries[9] = one._replace(results=99)
    portal.update(9)
    del portal.entries[9]
    portal.update(9)
    assert told(portal).said["overlay"] is None
    assert one.name not in names(portal)
    assert [name for name in files(portal) if name.startswith("overlay")] == []


def test_a_new_name_takes_the_old_one_out_of_the_base(portal: Portal) -> None:
    one = portal.entries[11]
    portal.entries[11] = one._replace(name="改名之后的样例有限公司")
    portal.update(11)
    assert one.name not in names(portal)
    assert "改名之后的样例有限公司" in names(portal)
    assert traces(portal, set(), {one.name}) == []


def test_a_grown_overlay_is_folded_into_a_new_base(portal: Portal, monkeypatch: object) -> None:
    before = told(portal).said["generation"]
    for number in range(1, 40):
        portal.entries[number] = portal.entries[number]._replace(latest=740_000 + number)
    limit = update.OVERLAY_LIMIT
    update.OVERLAY_LIMIT = 30
    try:
        portal.update(*range(1, 40))
    finally:
        update.OVERLAY_LIMIT = limit
    manifest = told(portal)
    assert manifest.said["generation"] != before
    assert manifest.said["overlay"] is None
    assert not (portal.output / "search" / str(before)).exists()
    lines = list(searchfile.every_line(manifest, portal.read))
    assert [line.latest for line in lines[:39]] == list(range(740_039, 740_000, -1))


def test_a_file_that_was_lost_is_made_again(portal: Portal) -> None:
    one = portal.entries[3]
    for file in (portal.output / "search").rglob("g0/*.bin"):
        file.unlink()
    del portal.entries[3]
    portal.update(3)
    assert one.name not in names(portal)
    assert len(list((portal.output / "search").rglob("g0/*.bin"))) == told(portal).said["shards"]


def test_a_base_that_this_release_cannot_read_is_made_anew(portal: Portal) -> None:
    before = told(portal).said["generation"]
    stray = portal.output / "search" / "0000000000" / "r0" / "0.bin"
    with portal.ledger.transaction() as connection:
        row = connection.execute(search_base.select()).one()
        known = orjson.loads(row.told)
        del known["common_shards"]  # as an earlier release wrote it, under the same number
        changes = {"told": orjson.dumps(known).decode(), "generation": "0000000000"}
        connection.execute(search_base.update().values(**changes))
    portal.tree.install(portal.ledger, {("search", "0000000000/r/0"): [File("/search/0000000000/r0/0.bin", b"x")]})
    assert stray.exists()
    portal.entries[3] = portal.entries[3]._replace(name="改名之后的样例有限公司")
    portal.update(3)
    assert "改名之后的样例有限公司" in names(portal)
    assert not stray.exists()
    assert (
        {name.split("/")[0] for name in files(portal) if "/" in name} == {told(portal).said["generation"]} != {before}
    )


def test_the_manifest_does_not_grow_with_what_is_withdrawn(portal: Portal) -> None:
    size = len(portal.read("index.json"))
    for number in range(1, 60):
        del portal.entries[number]
    portal.update(*range(1, 60))
    assert len(revised(portal)) > 200
    assert len(portal.read("index.json")) < size + 40


def test_nothing_owed_changes_nothing(portal: Portal) -> None:
    before = files(portal)
    assert portal.update() == Installed(0, 0)
    assert files(portal) == before


def test_a_small_site_depends_on_nothing_but_what_is_shown(small: Portal, tmp_path: Path) -> None:
    gone = small.entries.pop(4)
    small.entries[6] = small.entries[6]._replace(results=50)
    small.update(4, 6)
    fresh = Portal(tmp_path / "fresh", list(small.entries.values()), 20_000)
    fresh.update()
    assert files(fresh) == files(small)
    assert gone.uscc is None or uscc.is_valid(gone.uscc)
    assert not any(gone.name in searchfile.inflate(content).decode() for name, content in files(small).items()
                   if name.endswith(".bin"))  # fmt: skip
