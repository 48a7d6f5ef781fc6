"""Two trees and the link between them: what is served is always one whole release, whatever befell the folders."""

import errno
import os
import shutil
from datetime import date

import pytest
from sqlalchemy import select

from publisher import briefing, site
from publisher.errors import LeakFound, SiteError
from publisher.ledger import Ledger
from publisher.ledger.schema import lag, owed_page, page, tree
from publisher.portal import Watcher, opened
from publisher.site import folder, pair
from publisher.site.folder import Folder
from publisher.site.trees import Trees

DAY, LATER = "2021-06-20", "2021-06-22"


def link(portal):
    return portal.output.readlink().name


def tree_files(portal, name):
    root = portal.root / f".output.{name}"
    return {one.relative_to(root).as_posix(): one.read_bytes() for one in root.rglob("*") if one.is_file()}


def rows(portal, table):
    with Ledger(portal.settings.ledger.url) as ledger, ledger.reading() as connection:
        return connection.execute(select(table)).all()


def names_of(files, *words):
    return sorted(
        name for name, content in files.items() if any(one in content or one.decode() in name for one in words)
    )


@pytest.fixture
def two(portal_dir, make_plan, make_result):
    """A portal with two subjects, built once."""
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    portal_dir.run(DAY)
    return portal_dir


# releases -------------------------------------------------------------------------------------------------------------


def test_a_first_release_fills_both_trees_with_the_same_files(two):
    assert link(two) == ".output.a"
    assert tree_files(two, "a") == tree_files(two, "b") == two.files()
    assert (two.root / ".output.a/index.html").samefile(two.root / ".output.b/index.html")
    assert {(one.name, one.state, one.release_no) for one in rows(two, tree)} == {("a", "whole", 1), ("b", "whole", 1)}
    assert rows(two, lag) == rows(two, owed_page) == []
    assert sorted(one.name for one in two.root.iterdir() if "output" in one.name) == [
        ".output.a",
        ".output.b",
        "output",
    ]


def test_a_release_leaves_the_one_before_as_it_was(two, make_result):
    before = two.files()
    two.give(make_result(3), name="more")
    two.run(LATER)
    assert link(two) == ".output.b"
    assert tree_files(two, "b") == two.files() != before
    kept = {name: content for name, content in tree_files(two, "a").items() if not name.startswith("log/")}
    assert kept.items() <= before.items()  # only additions: nothing of it had to go
    two.give(make_result(4), name="yet more")
    two.run(LATER)
    assert link(two) == ".output.a"
    assert tree_files(two, "a") == two.files()
    assert {row.path for row in rows(two, page)} == {
        f"/{name.removesuffix('index.html') if name.split('/')[-1] == 'index.html' else name}" for name in two.files()
    }
    assert two.call("audit", day=LATER).status == 0


def test_a_run_without_changes_leaves_both_trees_alone(two, make_result):
    two.give(make_result(3), name="more")
    two.run(LATER)
    before, told = tree_files(two, "a"), rows(two, lag)
    assert two.run(LATER)["pages"]["written"] == 0
    assert (link(two), tree_files(two, "a"), rows(two, lag)) == (".output.b", before, told)


def test_what_is_withdrawn_leaves_both_trees_in_the_same_run(two, make_case, make_code):
    address = f"subjects/320102/{make_code(1)}.html"
    assert address in tree_files(two, "b")
    two.give(make_case(decided_on="2021-06-21"), name="stop")
    two.run(LATER)
    gone = (make_code(1).encode(), "玄武第1测试".encode(), b'R-1"', b"#R-1")
    for name in "ab":
        assert names_of(tree_files(two, name), *gone) == []
    assert not any(one.sweep for one in rows(two, lag))
    two.run("2021-06-23")
    assert names_of(tree_files(two, "a") | tree_files(two, "b"), *gone) == []


def test_what_is_corrected_is_replaced_in_both_trees(two, make_result):
    two.give(
        make_result(1, version=2, authority="更正后的机关", finalized_at="2021-06-21T09:00:00+08:00"), name="again"
    )
    two.run(LATER)
    for name in "ab":
        [subject] = [one for one in tree_files(two, name) if one.startswith("subjects/") and "0001" in one]
        assert "更正后的机关" in tree_files(two, name)[subject].decode()


def test_a_plan_that_is_taken_back_leaves_every_page_of_both_trees(two, make_plan):
    two.give(
        {"kind": "tombstone", "record_kind": "plan", "record_id": "P2021-1", "reason": "测试", "on": "2021-06-21"},
        name="back",
    )
    two.run(LATER)
    for name in "ab":
        found = names_of(tree_files(two, name), "测试省2021年度部门联合监管计划".encode())
        assert [one for one in found if not one.startswith("log/")] == []


# rollback -------------------------------------------------------------------------------------------------------------


def test_the_release_before_comes_back_without_what_was_withdrawn_since(two, make_result, make_case, make_code):
    two.give(make_result(3), make_case(decided_on="2021-06-21"), name="more")
    two.run(LATER)
    newest = two.files()
    ran = two.call("rollback", "--json", day=LATER)
    assert (ran.status, ran.json) == (0, {"shown": 1, "release": 3})
    back = two.files()
    assert f"subjects/320102/{make_code(3)}.html" not in back
    assert f"subjects/320102/{make_code(2)}.html" in back
    assert names_of(back, make_code(1).encode()) == []
    assert back["log/checkpoint"] == newest["log/checkpoint"]  # the log never goes back
    assert two.run(LATER)["pages"]["written"] == 0
    assert two.files() == newest
    assert two.call("audit", day=LATER).status == 0


def test_a_withdrawal_after_a_rollback_leaves_both_trees(two, make_result, make_case, make_code):
    two.give(make_result(3), name="more")
    two.run(LATER)
    assert two.call("rollback", day=LATER).status == 0
    two.give(make_case(result_id="R-2", decided_on="2021-06-23"), name="stop")
    two.run("2021-06-23")
    for name in "ab":
        assert names_of(tree_files(two, name), make_code(2).encode()) == []
    assert f"subjects/320102/{make_code(3)}.html" in two.files()
    assert two.call("audit", day="2021-06-23").status == 0


def test_there_is_no_going_back_beyond_the_release_before(two, make_result):
    ran = two.call("rollback", day=DAY)
    assert (ran.status, "no earlier release" in ran.err) == (6, True)
    two.give(make_result(3), name="more")
    two.run(LATER)
    assert two.call("rollback", day=LATER).status == 0
    ran = two.call("rollback", day=LATER)
    assert (ran.status, "an earlier release already" in ran.err) == (6, True)


def test_a_portal_without_a_site_has_nothing_to_go_back_to(portal_dir, make_plan):
    portal_dir.give(make_plan())
    portal_dir.take(DAY)
    assert portal_dir.call("rollback", day=DAY).status == 6


# what befalls the folders ---------------------------------------------------------------------------------------------


def made_again(portal, day=DAY):
    before = portal.files()
    portal.run(day)
    assert portal.files() == before
    assert portal.call("audit", day=day).status == 0


def test_a_lost_link_is_set_again(two):
    before = two.files()
    two.output.unlink()
    assert two.run(DAY)["pages"]["written"] == 0
    assert two.files() == before


def test_a_lost_idle_tree_is_filled_again(two):
    shutil.rmtree(two.root / ".output.b")
    made_again(two)
    assert tree_files(two, "b") == two.files()


def test_a_lost_live_tree_is_made_again(two):
    before = two.files()
    shutil.rmtree(two.root / ".output.a")
    two.run(DAY)
    assert two.files() == before
    assert tree_files(two, "a") == tree_files(two, "b") == before


def test_both_trees_lost_are_made_again(two):
    before = two.files()
    for name in "ab":
        shutil.rmtree(two.root / f".output.{name}")
    two.output.unlink()
    two.run(DAY)
    assert two.files() == before


def test_a_file_that_is_missing_where_it_is_linked_from_is_made_again(two, make_result):
    two.give(make_result(3), name="more")
    two.run(LATER)
    lost = two.root / ".output.b/subjects/320102/index.html"
    expected = lost.read_bytes()
    lost.unlink()
    two.give(make_result(4, subject__region_code="320104"), name="yet more")
    two.run(LATER)
    assert two.files()["subjects/320102/index.html"] == expected


def test_a_site_of_before_there_were_two_trees_is_taken_over(two, make_result):
    before = two.files()
    two.output.unlink()
    (two.root / ".output.a").rename(two.output)
    shutil.rmtree(two.root / ".output.b")
    with Ledger(two.settings.ledger.url) as ledger, ledger.transaction() as connection:
        connection.execute(tree.delete())
    inode = (two.output / "index.html").stat().st_ino
    assert two.run(DAY)["pages"]["written"] == 0
    assert (link(two), two.files()) == (".output.a", before)
    assert (two.output / "index.html").stat().st_ino == inode
    two.give(make_result(3), name="more")
    two.run(LATER)
    assert link(two) == ".output.b"
    assert two.call("audit", day=LATER).status == 0


def test_a_copy_that_followed_the_link_works_on(two, tmp_path, make_result):
    copied = type(two)(tmp_path / "copy", two._call) if (tmp_path / "copy").mkdir() is None else None
    for one in ("var", "source", ".output.a", ".output.b", "output"):
        shutil.copytree(two.root / one, copied.root / one)
    assert not copied.output.is_symlink()
    copied.give(make_result(3), name="more")
    copied.run(LATER)
    assert copied.output.is_symlink()
    assert copied.call("audit", day=LATER).status == 0
    assert not (copied.root / ".output.old").exists()


def test_a_link_of_the_operators_own_is_followed(portal_dir, make_plan):
    portal_dir.give(make_plan())
    (portal_dir.root / "disk").mkdir()
    portal_dir.output.symlink_to("disk/site")
    portal_dir.run(DAY)
    portal_dir.run(DAY)
    assert portal_dir.output.readlink().as_posix() == "disk/site"
    assert (portal_dir.root / "disk/site").readlink().name == ".site.a"
    assert "index.html" in portal_dir.files()


def test_a_file_in_the_place_of_the_site_is_left_alone(portal_dir, make_plan):
    portal_dir.give(make_plan())
    portal_dir.output.write_text("mine")
    assert portal_dir.call("run", day=DAY).status == 6
    assert portal_dir.output.read_text() == "mine"


def test_a_check_that_fails_keeps_the_site_as_it_is(two, make_result):
    before, asked = two.files(), []

    def refuse(root, changed):
        asked.append((root.name, changed(1_000)))
        raise LeakFound("it says too much")

    two.give(make_result(3), name="more")
    two.take(LATER)
    with opened(two.settings, date.fromisoformat(LATER), Watcher()) as portal:
        told = portal.ledger, briefing.job(portal.settings, portal.profile, portal.day), briefing.releases(two.settings)
        with pytest.raises(LeakFound):
            site.build(*told, check=refuse)
    assert two.files() == before
    [(name, addresses)] = asked
    assert name == ".output.b"
    assert "/subjects/320102/" in addresses
    two.run(LATER)
    assert link(two) == ".output.b"
    assert two.call("audit", day=LATER).status == 0


# one tree on the disk -------------------------------------------------------------------------------------------------


def test_links_replace_what_was_there_and_never_write_into_it(tmp_path):
    a, b = Folder(tmp_path / "a"), Folder(tmp_path / "b")
    a.put("x/1.html", b"old")
    assert b.link(a, "x/1.html")
    a.put("x/1.html", b"new")
    assert (tmp_path / "b/x/1.html").read_bytes() == b"old"
    assert b.link(a, "x/1.html")
    assert b.link(a, "x/1.html")  # the same file already
    assert (tmp_path / "b/x/1.html").samefile(tmp_path / "a/x/1.html")
    assert not b.link(a, "none.html")
    assert {one.name for one in tmp_path.iterdir()} == {"a", "b"}


def test_a_new_file_never_writes_over_one_that_is_there_after_all(tmp_path):
    a, b = Folder(tmp_path / "a"), Folder(tmp_path / "b")
    a.put("x/1.html", b"old")
    assert b.link(a, "x/1.html")
    a.put("x/1.html", b"new", is_new=True)
    assert [(tmp_path / name / "x/1.html").read_bytes() for name in "ab"] == [b"new", b"old"]


def test_more_folders_are_made_than_are_remembered(tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "MOST_KNOWN", 2)
    made = Folder(tmp_path / "a")
    names = [f"{number}/{number}/index.html" for number in range(5)]
    for name in (*names, "index.html", *names):
        made.put(name, name.encode())
    assert all((tmp_path / "a" / name).read_text() == name for name in names)


def test_where_links_fail_files_are_copied(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refused)
    a, b = Folder(tmp_path / "a"), Folder(tmp_path / "b")
    a.put("x.html", b"text")
    assert b.link(a, "x.html")
    assert (tmp_path / "b/x.html").read_bytes() == b"text"
    assert not (tmp_path / "b/x.html").samefile(tmp_path / "a/x.html")


def test_the_link_changes_by_one_rename(tmp_path):
    trees = Trees(tmp_path / "output")
    for name in "ab":
        trees.path(name).mkdir()
    assert trees.live is None
    trees.show("a")
    assert trees.live == "a"
    trees.show("b")
    assert trees.live == "b"
    assert {one.name for one in tmp_path.iterdir()} == {".output.a", ".output.b", "output"}


def test_a_link_that_cannot_be_set_is_a_site_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SiteError, match="could not be made a link"):
        Trees(tmp_path / "file/output").show("a")


def test_many_links_are_told_of(two, monkeypatch):
    monkeypatch.setattr(pair, "TOLD_FROM", 10)
    shutil.rmtree(two.root / ".output.b")
    ran = two.call("run", day=DAY)
    assert f"linked {len(two.files())} of {len(two.files())}" in ran.err
