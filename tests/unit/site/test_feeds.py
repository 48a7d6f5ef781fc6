"""Feeds: the newest results of the portal, a plan, an authority, an outcome; what is withdrawn leaves them at once."""

from xml.etree import ElementTree

import pytest

from publisher import paths
from publisher.site.feeds import FEED_LENGTH

DAY, LATER = "2021-06-20", "2021-06-25"
AUTHORITY = "南京市玄武区市场监督管理局"
FEEDS = {
    "portal": ("feeds/portal.xml", "index.html"),
    "plan": ("feeds/plan-P2021-1.xml", "plans/2021/P2021-1/index.html"),
    "authority": (
        f"feeds/authority-{paths.name_key(AUTHORITY)}.xml",
        f"results/2021/authority/{paths.name_key(AUTHORITY)}/index.html",
    ),
    "outcome": ("feeds/outcome-no_problem.xml", "results/2021/outcome/no_problem/index.html"),
}
ATOM = "{http://www.w3.org/2005/Atom}"


def read(portal, file):
    return ElementTree.fromstring(portal.page(file))


def ids(root):
    return [entry.findtext(f"{ATOM}id") for entry in root.iter(f"{ATOM}entry")]


@pytest.mark.parametrize(("file", "page"), FEEDS.values(), ids=FEEDS)
def test_a_feed_is_valid_found_from_its_page_and_forgets_what_is_withdrawn(
    portal_dir, make_plan, make_result, make_case, file, page
):
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    portal_dir.run(DAY)
    assert '<link rel="alternate" type="application/atom+xml" title="' in portal_dir.page(page)
    assert f'href="/{file}"' in portal_dir.page(page)
    assert f'href="/{file}"' in portal_dir.page("feeds/index.html")
    root = read(portal_dir, file)
    assert root.findtext(f"{ATOM}id") == f"https://gongshi.example.gov.cn/{file}"
    entries = list(root.iter(f"{ATOM}entry"))
    assert len(entries) == len(set(ids(root))) == 2
    for element in (root, *entries):
        assert all(element.findtext(f"{ATOM}{name}") for name in ("id", "title", "updated"))
    known = ids(root)
    portal_dir.give(make_case(result_id="R-1", decided_on="2021-06-22"), name="case")
    portal_dir.run(LATER)
    [left] = ids(read(portal_dir, file))
    assert left in known
    assert "玄武第1测试" not in portal_dir.page(file)


def test_a_feed_holds_the_newest_and_no_more(portal_dir, make_plan, make_result):
    first = [make_result(number) for number in range(1, FEED_LENGTH + 1)]
    portal_dir.give(make_plan(), *first)
    portal_dir.run(DAY)
    late = make_result(99, ended_on="2021-06-10", finalized_at="2021-06-21T09:00:00+08:00")
    portal_dir.give(late, name="b")
    portal_dir.run(LATER)
    for file, _ in FEEDS.values():
        root = read(portal_dir, file)
        assert len(ids(root)) == FEED_LENGTH
        assert next(root.iter(f"{ATOM}entry")).findtext(f"{ATOM}title").startswith("玄武第99测试")


def test_no_feed_of_a_plan_that_is_not_shown(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(finalized_at=None), make_result(1))
    portal_dir.run(DAY)
    assert "feeds/plan-P2021-1.xml" not in portal_dir.files()
    assert "plan-P2021-1" not in portal_dir.page("feeds/index.html")
