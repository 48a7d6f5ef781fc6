"""What a release changed, for whoever copies the site elsewhere; siblings; and bytes that follow from the ledger."""

import gzip
import hashlib
import json
import shutil
from collections import Counter

import brotli
import pytest

from publisher.errors import SettingsError, SiteError
from publisher.site import precompress
from publisher.site.release import Change, Releases

DAY, LATER, LAST = "2021-06-20", "2021-06-22", "2021-06-24"


def deployed(target, site, lines):
    """Do to a copy of the site what a list says; every file it names is the one that is there."""
    order = [line["op"] for line in lines]
    assert order == sorted(order, key=lambda op: op != "remove")
    for line in lines:
        file = target / line["path"]
        if line["op"] == "remove":
            file.unlink(missing_ok=True)
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(site / line["path"], file)
        content = file.read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (line["sha256"], line["bytes"]), line


def files(folder):
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def listed(portal, *options):
    ran = portal.call("deploy-list", *options)
    assert ran.status == 0, ran.err
    return ran.lines


def test_a_copy_that_follows_the_lists_is_the_site_whatever_it_missed(
    portal_dir, make_plan, make_result, make_case, tmp_path
):
    every, seldom = tmp_path / "every", tmp_path / "seldom"
    portal_dir.configure(more='[site]\nprecompress = ["gz", "br"]')
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    portal_dir.run(DAY)
    for target in (every, seldom):
        deployed(target, portal_dir.output, listed(portal_dir))
    assert files(every) == portal_dir.files()
    portal_dir.give(make_result(3), make_case(decided_on="2021-06-21"), name="b")
    portal_dir.run(LATER)
    lines = listed(portal_dir)
    deployed(every, portal_dir.output, lines)
    assert files(every) == portal_dir.files()
    assert Counter(line["op"] for line in lines)["remove"] > 0
    portal_dir.call("rollback", day=LATER)
    deployed(every, portal_dir.output, listed(portal_dir))
    assert files(every) == portal_dir.files()
    portal_dir.give(make_case(result_id="R-3", case_id="C-2", decided_on="2021-06-24"), make_result(4), name="c")
    portal_dir.run(LAST)
    deployed(every, portal_dir.output, listed(portal_dir))
    deployed(seldom, portal_dir.output, listed(portal_dir, "--since", "1"))
    assert files(every) == files(seldom) == portal_dir.files()
    assert listed(portal_dir, "--since", "4") == []
    assert portal_dir.call("deploy-list", "--since", "5").status == 2
    # another set of siblings: the copy follows
    portal_dir.configure(more='[site]\nprecompress = ["gz"]')
    portal_dir.run(LAST)
    assert not any(name.endswith(".br") for name in portal_dir.files())
    deployed(every, portal_dir.output, listed(portal_dir))
    assert files(every) == portal_dir.files()


def test_siblings_hold_what_their_file_holds_and_go_with_it(portal_dir, make_plan, make_result, make_case, make_code):
    portal_dir.configure(more='[site]\nprecompress = ["gz", "br"]')
    portal_dir.give(make_plan(), *[make_result(number) for number in range(1, 40)])
    portal_dir.run(DAY)
    found = portal_dir.files()
    siblings = {name: content for name, content in found.items() if name.endswith((".gz", ".br"))}
    for name, content in siblings.items():
        plain = gzip.decompress(content) if name.endswith(".gz") else brotli.decompress(content)
        assert plain == found[name[:-3]]
        assert len(content) < len(plain)
    page = f"subjects/320102/{make_code(1)}.html"
    assert {f"{page}.gz", f"{page}.br", "index.html.gz", "static/site.css.br"} <= siblings.keys()
    assert portal_dir.call("audit", day=DAY).out == "0 differences between the site and the ledger\n"
    portal_dir.give(make_case(decided_on="2021-06-21"), name="stop")
    portal_dir.run(LATER)
    for tree in "ab":
        assert [name for name in files(portal_dir.root / f".output.{tree}") if make_code(1) in name] == []


@pytest.mark.parametrize("kind", ["gz", "br"])
def test_a_sibling_follows_from_the_bytes_however_they_are_given(tmp_path, kind):
    content = "双随机、一公开".encode() * 300_000
    (tmp_path / "file").write_bytes(content)
    assert precompress.compress(content, str(tmp_path / "a"), [kind]) == (kind,)
    assert precompress.compress(tmp_path / "file", str(tmp_path / "b"), [kind]) == (kind,)
    made = (tmp_path / f"a.{kind}").read_bytes()
    assert made[4:8] == b"\0\0\0\0" or kind == "br"  # no time in it
    unpack = gzip.decompress if kind == "gz" else brotli.decompress
    assert unpack(made) == unpack((tmp_path / f"b.{kind}").read_bytes()) == content


def test_what_is_small_or_gets_no_smaller_has_no_sibling(tmp_path):
    assert precompress.compress(b"a" * 1000, str(tmp_path / "x"), ["gz", "br"]) == ()
    assert precompress.compress(hashlib.shake_256(b"").digest(5000), str(tmp_path / "x"), ["gz", "br"]) == ()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_made_here_is_a_setting_to_mend(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "brotli", None)
    precompress.check(["gz"])
    with pytest.raises(SettingsError, match=r"publisher\[brotli\]"):
        precompress.check(["br"])


def test_of_several_lists_the_last_word_on_a_path_counts(tmp_path):
    lists = Releases(tmp_path / "releases", keep=2)
    lists.write(1, [Change("add", "a", "1", 1), Change("add", "b", "1", 1)])
    lists.write(2, [Change("remove", "b"), Change("change", "a", "2", 1), Change("add", "c", "2", 1)])
    lists.write(3, [Change("remove", "a"), Change("add", "b", "3", 1)])
    told = [json.loads(line) for line in lists.joined(0, 3)]
    assert told == [
        {"op": "remove", "path": "a"},
        {"op": "add", "path": "b", "sha256": "3", "bytes": 1},
        {"op": "add", "path": "c", "sha256": "2", "bytes": 1},
    ]
    lists.forget_old(3)
    assert sorted(one.name for one in (tmp_path / "releases").glob("*.jsonl")) == ["2.jsonl", "3.jsonl"]
    assert len(list(lists.joined(1, 3))) == 3
    with pytest.raises(SiteError, match="release 1 is no longer kept"):
        list(lists.joined(0, 3))


def test_only_the_latest_lists_are_kept(portal_dir, make_plan, make_result):
    portal_dir.configure(more="[site]\nkeep_releases = 2")
    for number in range(1, 4):
        portal_dir.give(make_plan(), make_result(number), name=f"{number}")
        portal_dir.run(DAY)
    assert sorted(one.name for one in (portal_dir.var / "releases").glob("*.jsonl")) == ["2.jsonl", "3.jsonl"]
    assert portal_dir.call("deploy-list", "--since", "0").status == 6


def test_the_addresses_that_are_gone_are_listed_for_search_engines(tmp_path):
    releases = Releases(tmp_path, keep=1, base_url="https://gongshi.example.gov.cn")
    changes = [
        Change("remove", "subjects/320102/91320102MATEC0001A.html"),
        Change("remove", "plans/2021/P-1/index.html"),
        Change("remove", "data/plan-2021-P-1.csv"),
        Change("change", "index.html", "0" * 64, 1),
    ]
    releases.write(7, changes)
    gone = tmp_path / "7.gone.txt"
    assert gone.read_text().splitlines() == [
        "https://gongshi.example.gov.cn/subjects/320102/91320102MATEC0001A.html",
        "https://gongshi.example.gov.cn/plans/2021/P-1/",
    ]
    releases.write(8, [])
    releases.forget_old(8)
    assert not gone.exists()
    assert (tmp_path / "8.gone.txt").read_text() == ""
