"""Putting files into the site: whole or not at all, only when their bytes differ, and none ever overlooked."""

import pytest
from sqlalchemy import select

from publisher.errors import RenderFailed, SiteError
from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pages, owed_pages
from publisher.ledger.schema import page
from publisher.site.install import File, Installed, Tree, note

ONE, TWO = ("subject", "1"), ("subject", "2")


@pytest.fixture
def ledger(tmp_path):
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


@pytest.fixture
def tree(tmp_path):
    made = Tree(tmp_path / "output")
    yield made
    made.close()


class BreakingTree(Tree):
    """A tree whose disk fails on one file, as if the build were killed there."""

    broken = ""

    def _write(self, file, *, is_new):
        if file.address == self.broken:
            raise KeyboardInterrupt
        super()._write(file, is_new=is_new)

    def _remove(self, address):
        if address == self.broken:
            raise KeyboardInterrupt
        super()._remove(address)


def files(tree):
    return {
        path.relative_to(tree.output).as_posix(): path.read_bytes() for path in tree.output.rglob("*") if path.is_file()
    }


def known(ledger):
    with ledger.reading() as connection:
        return {row.path: bool(row.digest) for row in connection.execute(select(page))}


def test_files_are_written_and_known(tree, ledger):
    installed = tree.install(ledger, {ONE: [File("/subjects/x/a.html", b"a")], TWO: [File("/data/", b"d")]})
    assert installed == Installed(written=2, removed=0)
    assert files(tree) == {"subjects/x/a.html": b"a", "data/index.html": b"d"}
    assert known(ledger) == {"/subjects/x/a.html": True, "/data/": True}


def test_what_has_the_same_bytes_is_not_written_again(tree, ledger):
    tree.install(ledger, {ONE: [File("/a/", b"a"), File("/b/", b"b")]})
    before = (tree.output / "a/index.html").stat().st_ino
    assert tree.install(ledger, {ONE: [File("/a/", b"a"), File("/b/", b"c")]}) == Installed(written=1, removed=0)
    assert (tree.output / "a/index.html").stat().st_ino == before
    assert files(tree)["b/index.html"] == b"c"


def test_a_file_that_changes_is_another_file_so_that_whoever_has_it_open_reads_the_old_one(tree, ledger):
    tree.install(ledger, {ONE: [File("/a/", b"old")]})
    with (tree.output / "a/index.html").open("rb") as reader:
        tree.install(ledger, {ONE: [File("/a/", b"newer")]})
        assert reader.read() == b"old"


def test_what_is_no_longer_of_a_part_goes_with_its_empty_folders(tree, ledger):
    tree.install(ledger, {ONE: [File("/plans/2021/P/", b"p"), File("/plans/2021/P/T.html", b"t")], TWO: []})
    tree.install(ledger, {TWO: [File("/plans/2022/", b"y")]})
    assert tree.install(ledger, {ONE: []}) == Installed(written=0, removed=2)
    assert files(tree) == {"plans/2022/index.html": b"y"}
    assert not (tree.output / "plans/2021").exists()
    assert known(ledger) == {"/plans/2022/": True}
    tree.install(ledger, {ONE: [File("/plans/2021/P/", b"again")]})
    assert files(tree)["plans/2021/P/index.html"] == b"again"


def laid_in(tree, file):
    """Lay a file, and return it as whoever installs it is told of it."""
    tree.lay(file)
    return file._replace(content=b"", known=(file.digest, file.size), is_laid=True)


def test_a_file_that_is_laid_enters_the_list_whole_and_stays_as_it_stands(tree, ledger):
    file = laid_in(tree, File("/a/", b"a"))
    inode = (tree.output / "a/index.html").stat().st_ino
    assert tree.install(ledger, {ONE: [file]}) == Installed(written=1, removed=0)
    assert (known(ledger), files(tree)) == ({"/a/": True}, {"a/index.html": b"a"})
    assert (tree.output / "a/index.html").stat().st_ino == inode


def test_a_file_may_be_laid_where_another_part_had_one(tree, ledger):
    tree.install(ledger, {ONE: [File("/a/", b"one")]})
    tree.install(ledger, {TWO: [laid_in(tree, File("/a/", b"two"))]})
    tree.install(ledger, {ONE: []})
    assert (known(ledger), files(tree)) == ({"/a/": True}, {"a/index.html": b"two"})


def test_what_is_noted_and_never_made_is_forgotten(tree, ledger):
    with ledger.transaction() as connection:
        note(connection, [("/a/", ONE), ("/b/", ONE)])
    assert known(ledger) == {"/a/": False, "/b/": False}
    assert tree.install(ledger, {ONE: [laid_in(tree, File("/b/", b"b"))]}) == Installed(written=1, removed=0)
    assert (known(ledger), files(tree)) == ({"/b/": True}, {"b/index.html": b"b"})


def test_what_is_noted_is_written_again_though_its_bytes_were_known(tree, ledger):
    tree.install(ledger, {ONE: [File("/a/", b"abc")]})
    with ledger.transaction() as connection:
        note(connection, [("/a/", ONE)])
    (tree.output / "a/index.html").write_bytes(b"a")  # a kill in the midst of laying it
    assert tree.install(ledger, {ONE: [File("/a/", b"abc")]}) == Installed(written=1, removed=0)
    assert files(tree) == {"a/index.html": b"abc"}


def test_a_build_is_no_first_one_where_a_tree_is_served(tmp_path):
    assert Tree(tmp_path / ".output.a").is_first
    assert not Tree(tmp_path / ".output.a", behind="b").is_first


def test_other_parts_are_left_alone(tree, ledger):
    tree.install(ledger, {ONE: [File("/a/", b"a")], TWO: [File("/b/", b"b")]})
    tree.install(ledger, {ONE: []})
    assert files(tree) == {"b/index.html": b"b"}


@pytest.mark.parametrize("order", [(ONE, TWO), (TWO, ONE)])
def test_an_address_may_pass_from_one_part_to_another_in_any_order(tree, ledger, order):
    tree.install(ledger, {ONE: [File("/a/", b"one")], TWO: []})
    after = {ONE: [], TWO: [File("/a/", b"two")]}
    for part in order:
        tree.install(ledger, {part: after[part]})
    assert files(tree) == {"a/index.html": b"two"}
    assert known(ledger) == {"/a/": True}


def test_what_is_done_is_no_longer_owed(tree, ledger):
    with ledger.transaction() as connection:
        owe_pages(connection, [ONE, TWO])
    tree.install(ledger, {ONE: [File("/a/", b"a")]})
    with ledger.reading() as connection:
        assert owed_pages(connection) == {"subject": ["2"]}


@pytest.mark.parametrize("broken", ["/gone/", "/kept/", "/new/"])
def test_a_build_killed_anywhere_leaves_nothing_that_the_next_overlooks(tmp_path, ledger, broken):
    tree = BreakingTree(tmp_path / "output")
    tree.install(ledger, {ONE: [File("/gone/", b"g"), File("/kept/", b"k")]})
    with ledger.transaction() as connection:
        owe_pages(connection, [ONE])
    tree.broken = broken
    with pytest.raises(KeyboardInterrupt):
        tree.install(ledger, {ONE: [File("/kept/", b"K"), File("/new/", b"n")]})
    assert {f"/{path.removesuffix('index.html')}" for path in files(tree)} <= known(ledger).keys()
    with ledger.reading() as connection:
        assert owed_pages(connection) == {"subject": ["1"]}
    # the record has been withdrawn meanwhile: nothing of it may stay
    again = Tree(tmp_path / "output")
    again.install(ledger, {ONE: []})
    again.close()
    assert files(again) == {}
    assert known(ledger) == {}


def test_a_killed_build_is_finished_by_the_same_again(tmp_path, ledger):
    tree = BreakingTree(tmp_path / "output")
    tree.broken = "/b/"
    parts = {ONE: [File("/a/", b"a"), File("/b/", b"b")]}
    with pytest.raises(KeyboardInterrupt):
        tree.install(ledger, parts)
    tree.broken = ""
    tree.install(ledger, parts)
    assert files(tree) == {"a/index.html": b"a", "b/index.html": b"b"}
    assert known(ledger) == {"/a/": True, "/b/": True}


def test_what_goes_goes_before_anything_is_written(tmp_path, ledger):
    tree = BreakingTree(tmp_path / "output")
    tree.install(ledger, {ONE: [File("/gone/", b"g")]})
    tree.broken = "/new/"
    with pytest.raises(KeyboardInterrupt):
        tree.install(ledger, {ONE: [File("/new/", b"n")]})
    assert files(tree) == {}


def test_nothing_is_left_beside_the_site(tmp_path, ledger):
    tree = BreakingTree(tmp_path / "output")
    tree.broken = "/b/"
    with pytest.raises(KeyboardInterrupt):
        tree.install(ledger, {ONE: [File("/a/", b"a"), File("/b/", b"b")]})
    next_one = Tree(tmp_path / "output")
    next_one.install(ledger, {ONE: [File("/a/", b"A")]})
    next_one.close()
    assert {path.name for path in tmp_path.iterdir()} == {"output", "ledger.db", "ledger.db-wal", "ledger.db-shm"}


def test_an_address_that_would_leave_the_folder_is_never_written(tree, ledger, tmp_path):
    with pytest.raises(RenderFailed):
        tree.install(ledger, {ONE: [File("/../escaped.html", b"x")]})
    assert not (tmp_path / "escaped.html").exists()


def test_a_folder_that_cannot_be_written_is_a_site_error(tree, ledger, tmp_path):
    (tmp_path / "output").write_text("a file where the site should be")
    with pytest.raises(SiteError, match="could not be written"):
        tree.install(ledger, {ONE: [File("/a/", b"a")]})
