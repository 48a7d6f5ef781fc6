"""A build that many processes share (pages, the log, a base of the search index) makes what one process makes."""

import shutil
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from publisher import briefing
from publisher.ledger import Ledger, list_pages, schema
from publisher.ledger.many import insert_many
from publisher.ledger.owed import owe_pages, owed_each
from publisher.ledger.shown import Shown
from publisher.log import load_key
from publisher.site import laid, lines, worker
from publisher.site.install import Tree
from publisher.site.search import update

DAYS = ("2021-06-20", "2021-06-22")


@pytest.fixture
def begun(make_portal, tmp_path, make_plan, make_item_list, make_result, monkeypatch):
    """A portal that is judged and not yet built."""
    monkeypatch.setenv("PUBLISHER_TEST_SALTS", "seed")
    (tmp_path / "begun").mkdir()
    portal = make_portal(tmp_path / "begun")
    portal.give(make_plan(), make_item_list(), *[make_result(number) for number in range(1, 9)])
    portal.take(DAYS[0])
    load_key(briefing.log_key(portal.settings), portal.settings.portal.base_url)  # signatures are compared too
    return portal


def built(portal, folder, make_result):
    """Build a copy of the portal, and again after a correction; return its files after each."""
    shutil.copytree(portal.root, folder, symlinks=True)
    copied = type(portal)(folder, portal._call)
    assert copied.call("build", day=DAYS[0]).status == 0
    first = copied.files()
    copied.give(make_result(3, version=2, authority="更正后的机关"), name="more")
    copied.run(DAYS[1])
    return first, copied.files()


def share(monkeypatch):
    """Have every build be shared by two processes."""
    from publisher.site import render  # Pelican takes over logging: not before a test builds

    for place in (render, update):
        monkeypatch.setattr(place, "pays", lambda items, least: items > 0)
    monkeypatch.setattr(render, "processes", lambda: 2)
    monkeypatch.setattr(render, "FEW", 0)
    monkeypatch.setattr(worker, "TOGETHER", 2)
    monkeypatch.setattr(worker, "SMALL", {})
    return render


def end_among_laid(portal, monkeypatch):
    """Have a build end when the first files of subjects lie in their places and none is in the list of files."""
    real = Tree.install

    def ended(tree, ledger, parts):
        if any(scope == laid.SCOPE for scope, _ in parts):
            raise KeyboardInterrupt
        return real(tree, ledger, parts)

    with monkeypatch.context() as patched:
        patched.setattr(Tree, "install", ended)
        assert portal.call("build", day=DAYS[0]).status == 130


def test_many_processes_make_what_one_makes(begun, tmp_path, make_result, monkeypatch):
    alone = built(begun, tmp_path / "alone", make_result)
    render = share(monkeypatch)
    begun_elsewhere = []
    for place, name in ((render, "done_elsewhere"), (update, "made_elsewhere")):
        monkeypatch.setattr(place, name, counted(getattr(place, name), begun_elsewhere))
    assert built(begun, tmp_path / "many", make_result) == alone
    assert begun_elsewhere == ["_laid", "append", "append"]


def test_a_first_build_that_ended_among_pages_laid_in_their_places_is_finished(
    begun, tmp_path, make_result, monkeypatch
):
    alone, _ = built(begun, tmp_path / "alone", make_result)
    share(monkeypatch)
    end_among_laid(begun, monkeypatch)
    left = sorted((begun.root / ".output.a/subjects").rglob("*.html"))
    assert left
    for file in left:
        file.write_bytes(file.read_bytes()[:100])
    with Ledger(begun.settings.ledger.url) as ledger:
        laid.enter(ledger)
        with ledger.reading() as connection:
            known = {row.path: row.digest for row in connection.execute(select(schema.page))}
    assert {known[f"/{file.relative_to(begun.root / '.output.a').as_posix()}"] for file in left} == {""}
    finished, _ = built(begun, tmp_path / "finished", make_result)  # later runs have other numbers
    assert finished == alone


def test_what_was_laid_in_a_build_that_ended_and_is_withdrawn_then_is_removed(begun, make_case, make_code, monkeypatch):
    share(monkeypatch)
    end_among_laid(begun, monkeypatch)
    name = f"subjects/320102/{make_code(1)}.html"
    assert (begun.root / ".output.a" / name).exists()
    begun.give(make_case(decided_on="2021-06-21"), name="stop")
    begun.run(DAYS[1])
    assert name not in begun.files()
    assert f"subjects/320102/{make_code(2)}.html" in begun.files()


def counted(real, calls):
    def elsewhere(work, *args, **named):
        calls.append(work.__name__)
        return real(work, *args, **named)

    return elsewhere


@pytest.mark.parametrize("number", [0, 1, 5, 6])
def test_processes_that_take_turns_go_through_a_part_each(number):
    from publisher.site.render import side_by_side

    chunks = [[str(one)] for one in range(number)]
    order = [int(one) for [one] in side_by_side(chunks, 2)]
    assert sorted(order) == list(range(number))
    for mine in (order[0::2], order[1::2])[: 2 if number % 2 == 0 else 1]:
        assert mine == list(range(mine[0], mine[0] + len(mine))) if mine else number == 0


def test_pages_of_lists_come_by_the_record_on_their_first_place(monkeypatch):
    monkeypatch.setattr(list_pages, "_ASKED", 3)
    with Ledger("sqlite://", rehearsal=True) as ledger, ledger.transaction() as connection:
        seats = [(1, 50, 9), (1, 100, 4), (2, 50, 5), (2, 51, 1), (12, 50, 4)]
        insert_many(connection, schema.place, ("list_no", "slot", "record_no"), seats)
        owe_pages(connection, [("list_page", key) for key in ("1/2", "1/3", "2/2", "12/2", "3/10")] + [("list", "1")])
        found = list_pages.in_order(connection, owed_each(connection, "list_page"))
    assert found.between(0, 3) == ["3/10", "1/3", "12/2"]  # on nobody's place, then those of record 4
    assert found.between(3, 9) == ["2/2", "1/2"]
    assert len(found.lists) == 5


def test_lines_of_lists_are_bounded_and_the_oldest_go_first(monkeypatch):
    monkeypatch.setattr(lines, "MOST_KEPT", 8)
    monkeypatch.setattr(lines.list_pages, "seated", lambda connection, list_no, first, last: range(first, last))
    read = []

    def listed(connection, numbers):
        read.extend(numbers)
        return [Shown(SimpleNamespace(record_no=number, since=number), {}, {}) for number in numbers]

    monkeypatch.setattr(lines.shown, "listed", listed)
    kept = lines.Lines(lambda one: str(one.row.record_no))
    for first in range(0, 12, 3):
        assert [one.words for one in kept.of_list(None, 1, first, first + 3)] == [str(first + one) for one in range(3)]
    assert read == list(range(12))
    kept.of_list(None, 1, 0, 12)
    assert read[12:] == [0, 1, 2, 3]  # two went with the fourth page, and two before this one
    kept.forget()
    kept.of_list(None, 1, 11, 12)
    assert read[-1] == 11
