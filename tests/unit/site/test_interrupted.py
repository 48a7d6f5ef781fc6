"""A build that ends anywhere between its pages and its last link: the next one ends in what an undisturbed one makes.

Where exactly a kill hits is drawn by lot in tests/e2e/test_killed_builds.py; here every step around the release is hit.
"""

import shutil

import pytest

from publisher import briefing
from publisher.log import load_key
from publisher.site.folder import Folder
from publisher.site.pair import Pair
from publisher.site.release import Releases
from publisher.site.trees import Trees

DAY, LATER, LAST = "2021-06-20", "2021-06-22", "2021-06-24"
STOPPED = 130


def files(folder):
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def copy_of(portal, folder):
    shutil.copytree(portal.root, folder, symlinks=True)
    return type(portal)(folder, portal._call)


@pytest.fixture(scope="module", autouse=True)
def _same_salts():
    """Have the salts of the publication log follow from a seed, so that two builds can be compared."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PUBLISHER_TEST_SALTS", "seed")
        yield


@pytest.fixture(scope="module")
def begun(make_portal, tmp_path_factory, make_plan, make_result):
    """A portal that is judged and not yet built."""
    portal = make_portal(tmp_path_factory.mktemp("begun"))
    portal.give(make_plan(), *[make_result(number) for number in range(1, 5)])
    portal.take(DAY)
    load_key(briefing.log_key(portal.settings), portal.settings.portal.base_url)  # signatures are compared too
    return portal


@pytest.fixture(scope="module")
def going_on(begun, make_result, make_case, tmp_path_factory):
    """A portal with two releases, and another to make that adds, changes and stops."""
    portal = copy_of(begun, tmp_path_factory.mktemp("going on") / "portal")
    assert portal.call("build", day=DAY).status == 0
    portal.give(make_result(5), name="more")
    portal.run(LATER)
    portal.give(
        make_result(6), make_case(decided_on="2021-06-23"),
        make_result(2, version=2, authority="更正后的机关", finalized_at="2021-06-23T09:00:00+08:00"), name="last",
    )  # fmt: skip
    portal.take(LAST)
    return portal


@pytest.fixture(scope="module")
def undisturbed(begun, going_on, tmp_path_factory):
    """What an undisturbed build makes of each."""
    found = {}
    for name, portal, day in (("first", begun, DAY), ("later", going_on, LAST)):
        copied = copy_of(portal, tmp_path_factory.mktemp("undisturbed") / "portal")
        assert copied.call("build", day=day).status == 0
        found[name] = copied.files()
    return found


def interrupt(monkeypatch, owner, name, call, after):
    """End the build at a call of a method: before or ``after`` it did its work."""
    real, calls = getattr(owner, name), []

    def method(*args, **named):
        calls.append(name)
        if len(calls) == call and not after:
            raise KeyboardInterrupt
        done = real(*args, **named)
        if len(calls) == call:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(owner, name, method)


RELEASING = [
    (Releases, "write", 1, False), (Releases, "write", 1, True), (Trees, "settle", 1, True), (Trees, "show", 1, False),
    (Trees, "show", 1, True), (Releases, "forget_old", 1, False),
]  # fmt: skip
FIRST = [*RELEASING, (Pair, "prepare", 1, True), (Pair, "fill", 1, False), (Folder, "link", 1, True),
         (Folder, "link", 40, True), (Pair, "fill", 1, True)]  # fmt: skip
LATER_ONES = [*RELEASING, (Pair, "prepare", 1, False), (Folder, "link", 1, True), (Folder, "link", 5, False),
              (Pair, "prepare", 1, True), (Pair, "sweep", 2, False), (Folder, "remove", 1, False),
              (Folder, "remove", 1, True), (Pair, "sweep", 2, True)]  # fmt: skip


def named(point):
    return f"{point[1]} {point[2]} {'after' if point[3] else 'before'}" if isinstance(point, tuple) else point


@pytest.mark.parametrize(
    ("which", "point"), [("first", one) for one in FIRST] + [("later", one) for one in LATER_ONES], ids=named
)
def test_the_next_build_ends_in_the_same_site(
    which, point, begun, going_on, undisturbed, tmp_path, monkeypatch, make_code
):
    origin, day = (begun, DAY) if which == "first" else (going_on, LAST)
    portal = copy_of(origin, tmp_path / "portal")
    before = portal.files()
    with monkeypatch.context() as patched:
        interrupt(patched, *point)
        assert portal.call("build", day=day).status == STOPPED
    assert portal.files() in (before, undisturbed[which])
    ran = portal.call("build", day=day)
    assert ran.status == 0, ran.err
    assert portal.files() == undisturbed[which]
    if which == "first":
        assert files(portal.root / ".output.a") == files(portal.root / ".output.b")
    else:
        other = files(portal.root / ".output.b") | files(portal.root / ".output.a")
        assert [
            name for name, content in other.items() if make_code(1).encode() in content or make_code(1) in name
        ] == []
    assert portal.call("deploy-list").lines[-1]["op"] in ("add", "change")
    again = portal.call("build", "--json", day=day).json["pages"]
    assert (again["written"], again["removed"]) == (0, 0)
    assert sorted(one.name for one in portal.root.iterdir() if "output" in one.name) == [
        ".output.a", ".output.b", "output",
    ]  # fmt: skip
