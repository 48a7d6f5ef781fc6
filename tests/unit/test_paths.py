"""Every public address, and the file that answers for it: addresses never change once given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import paths
from publisher.errors import RenderFailed

ADDRESSES = {  # what others have linked to: a change here breaks their links
    paths.HOME: "/",
    paths.PLANS: "/plans/",
    paths.plans_year(2021): "/plans/2021/",
    paths.plan(2021, "32000020210001"): "/plans/2021/32000020210001/",
    paths.task(2021, "32000020210001", "T-1"): "/plans/2021/32000020210001/T-1.html",
    paths.ITEMS: "/items/",
    paths.item_list("JS-LH"): "/items/JS-LH/",
    paths.RESULTS: "/results/",
    paths.results_year(2021): "/results/2021/",
    paths.results_month(2021, 6): "/results/2021/06/",
    paths.results_month(2021, 11, 2): "/results/2021/11/2.html",
    paths.SUBJECTS: "/subjects/",
    paths.subjects_region("320102"): "/subjects/320102/",
    paths.subjects_region("320102", 3): "/subjects/320102/page-3.html",
    paths.subject("91320102MATEC00014", has_code=True): "/subjects/320102/91320102MATEC00014.html",
    paths.subject("0f" * 16, has_code=False): f"/subjects/x/{'0f' * 16}.html",
    paths.SEARCH: "/search/",
    paths.DATA: "/data/",
    paths.data_month(2021, 6, 1, "csv"): "/data/results-2021-06.csv",
    paths.data_month(2021, 6, 2, "csv"): "/data/results-2021-06-2.csv",
    paths.data_plan(2021, "P-1", "json"): "/data/plan-2021-P-1.json",
    paths.data_items("JS-LH", "csv"): "/data/items-JS-LH.csv",
    paths.FEEDS: "/feeds/",
    paths.FEED: "/feeds/portal.xml",
    paths.WITHDRAWN: "/withdrawn/",
    paths.INDICATORS: "/indicators/",
    paths.ABOUT: "/about/",
    paths.MISSING: "/404.html",
    paths.SITEMAP: "/sitemap.xml",
    paths.sitemap_part(0): "/sitemap-0.xml",
    paths.ROBOTS: "/robots.txt",
}


def test_addresses_are_those_once_given():
    assert {made: given for made, given in ADDRESSES.items() if made != given} == {}


def test_each_address_has_a_file_of_its_own():
    files = [paths.file_of(address) for address in ADDRESSES]
    assert len(set(files)) == len(files)
    assert paths.file_of("/") == "index.html"
    assert paths.file_of("/plans/2021/") == "plans/2021/index.html"
    assert paths.file_of("/404.html") == "404.html"


@pytest.mark.parametrize(
    "address",
    [
        "", "plans/", "../x", "/../x", "/plans/../../x", "/plans/..", "/./x", "/.git/config", "/plans/.hidden/",
        "//example.org/", "/plans//2021/", "/plans\\..\\x", "/pl\x00ans/", "/..", "/...", "https://example.org/",
    ],
)  # fmt: skip
def test_an_address_that_would_leave_the_folder_is_refused(address):
    with pytest.raises(RenderFailed):
        paths.file_of(address)


@given(st.text(alphabet="ab./\\\x00~ 公", max_size=24))
def test_whatever_the_address_its_file_is_in_the_folder(tmp_path_factory, address):
    try:
        file = paths.file_of(address)
    except RenderFailed:
        return
    root = tmp_path_factory.getbasetemp()
    assert (root / file).resolve().is_relative_to(root.resolve())
    assert not any(part.startswith(".") for part in (root / file).relative_to(root).parts)


def test_the_hash_of_a_subject_turns_on_all_that_it_is_known_by_and_on_the_key():
    known = (b"key", "sole_trader", "玄武无码测试摊", None, "320102")
    hashes = {
        paths.subject_hash(*known),
        paths.subject_hash(b"other", *known[1:]),
        paths.subject_hash(b"key", "enterprise", *known[2:]),
        paths.subject_hash(b"key", "sole_trader", "另一个摊", None, "320102"),
        paths.subject_hash(b"key", "sole_trader", "玄武无码测试摊", "甲1", "320102"),
        paths.subject_hash(b"key", "sole_trader", "玄武无码测试摊", None, "320104"),
    }
    assert len(hashes) == 6
    assert all(len(one) == 32 for one in hashes)
    assert paths.subject_hash(*known) == paths.subject_hash(*known)
