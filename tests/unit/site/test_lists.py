"""Lists of results: every facet leads to all of its results, counts are true, and what is withdrawn rewrites little."""

import re

import pytest

from publisher import paths
from publisher.site.calendar import _escaped, _folded
from publisher.site.results import LINKED_PAGES, _linked

DAY, LATER = "2021-06-20", "2021-06-25"
AUTHORITY = "南京市玄武区市场监督管理局"
PROBLEM = "发现问题，依法责令立即改正或者限期改正"
LISTS = {
    "month": "results/2021/06/",
    "city": "results/2021/region/320100/",
    "county": "results/2021/region/320102/",
    "authority": f"results/2021/authority/{paths.name_key(AUTHORITY)}/",
    "outcome": "results/2021/outcome/no_problem/",
}
TASK = "plans/2021/P2021-1/T2021-1-1"


@pytest.fixture
def two_pages(portal_dir, make_plan, make_result):
    """A portal whose lists have a full page and one more result."""
    portal_dir.give(make_plan(), *(make_result(number) for number in range(1, paths.LIST_PAGE + 2)))
    portal_dir.run(DAY)
    return portal_dir


def subjects_on(page):
    return re.findall(r'<tr><th scope="row"><a href="[^"]*#(R-\d+)"', page)


@pytest.mark.parametrize("folder", LISTS.values(), ids=LISTS)
def test_every_list_holds_every_result_once_over_its_pages(two_pages, folder):
    first, second = two_pages.page(f"{folder}index.html"), two_pages.page(f"{folder}2.html")
    assert [len(subjects_on(page)) for page in (first, second)] == [paths.LIST_PAGE, 1]
    assert len({*subjects_on(first), *subjects_on(second)}) == paths.LIST_PAGE + 1
    assert "共 51 条" in first
    assert "共 51 条" not in second
    assert f'href="/{folder}2.html"' in first
    assert f'href="/{folder}"' in second


def test_a_task_is_listed_to_the_end(two_pages):
    first, second = two_pages.page(f"{TASK}.html"), two_pages.page(f"{TASK}/2.html")
    assert [len(subjects_on(page)) for page in (first, second)] == [paths.LIST_PAGE, 1]
    assert "计划与完成" in first
    assert "计划与完成" not in second


def test_a_year_names_every_list_with_its_count(two_pages):
    year = two_pages.page("results/2021/index.html")
    for folder in (*LISTS.values(), f"{TASK}.html"):
        assert re.search(rf'<a href="/{folder}">[^<]* <span class="count">51 条</span>', year), folder


def test_a_withdrawal_leaves_its_pages_short_and_the_others_as_they_are(two_pages, make_case):
    before = two_pages.files()
    gone = subjects_on(two_pages.page("results/2021/06/index.html"))[0]
    two_pages.give(make_case(result_id=gone, decided_on="2021-06-22"), name="case")
    two_pages.run(LATER)
    after = two_pages.files()
    for folder in LISTS.values():
        first = two_pages.page(f"{folder}index.html")
        assert len(subjects_on(first)) == paths.LIST_PAGE - 1
        assert gone not in subjects_on(first)
        assert "共 50 条" in first
        assert before[f"{folder}2.html"] == after[f"{folder}2.html"]
    assert before[f"{TASK}/2.html"] == after[f"{TASK}/2.html"]
    assert "50 条" in two_pages.page("results/2021/index.html")


def test_a_corrected_authority_moves_the_result_to_another_list(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    portal_dir.run(DAY)
    other = "南京市秦淮区市场监督管理局"
    portal_dir.give(make_result(1, version=2, authority=other, finalized_at="2021-06-21T09:00:00+08:00"), name="b")
    portal_dir.run(LATER)
    old = portal_dir.page(f"{LISTS['authority']}index.html")
    new = portal_dir.page(f"results/2021/authority/{paths.name_key(other)}/index.html")
    assert (subjects_on(old), subjects_on(new)) == (["R-2"], ["R-1"])
    assert ("共 1 条" in old, "共 1 条" in new) == (True, True)


@pytest.mark.parametrize("last", [1, LINKED_PAGES, LINKED_PAGES + 1, 1000, 48_000])
def test_a_first_page_links_to_both_ends_and_never_to_too_many(last):
    linked = list(_linked(last))
    assert linked[0] == 1
    assert linked[-1] == last
    assert linked == sorted(set(linked))
    assert len(linked) <= LINKED_PAGES
    assert last > LINKED_PAGES or linked == list(range(1, last + 1))


# plans ----------------------------------------------------------------------------------------------------------------


def test_what_a_plan_left_undone_is_told_once_its_term_is_over(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.run("2021-11-30")
    assert "期满未完成" not in portal_dir.page("plans/2021/P2021-1/index.html")
    assert portal_dir.run("2021-12-01")["pages"]["written"] > 0
    plan = portal_dir.page("plans/2021/P2021-1/index.html")
    assert re.search(r'未完成</span></th><td[^>]*>约 <data value="1000">.*>1</td><td[^>]*>999</td>', plan)
    assert "2021-12-01" in plan
    assert "1 项</td>" in portal_dir.page("plans/compare/index.html")
    assert portal_dir.run("2021-12-02")["pages"]["written"] == 0


def test_years_tasks_and_cities_are_compared_on_the_page_and_in_its_table(portal_dir, make_plan, make_result):
    portal_dir.give(
        make_plan(), make_result(1), make_result(2, subject__region_code="320502", outcome=PROBLEM)
    )  # fmt: skip
    portal_dir.run(DAY)
    rows = [line.split(",") for line in portal_dir.page("plans/compare.csv").splitlines()]
    told = {(row[0], row[5]): row[6:9] for row in rows[1:]}
    assert told["year", ""] == ["1000", "2", "2"]
    assert told["city", "320100"] == told["city", "320500"] == ["", "1", "1"]
    page = portal_dir.page("plans/compare/index.html")
    assert all(f'id="{anchor}"' in page for anchor in ("y2021", "c2021-320100", "c2021-320500"))


def test_a_plan_describes_its_data_to_machines_and_no_title_ends_the_script(portal_dir, make_plan):
    portal_dir.give(make_plan(title="</script><b>计划</b>"))
    portal_dir.run(DAY)
    page = portal_dir.page("plans/2021/P2021-1/index.html")
    [said] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert '"@type":"Dataset"' in said
    assert "\\u003c/script>" in said


# a subject's calendar -------------------------------------------------------------------------------------------------


def test_a_negative_result_has_its_dates_in_a_calendar_that_goes_with_it(portal_dir, make_plan, make_result, make_case):
    portal_dir.give(make_plan(), make_result(1, outcome=PROBLEM), make_result(2))
    portal_dir.run(DAY)
    [calendar] = [name for name in portal_dir.files() if name.endswith(".ics")]
    words = portal_dir.page(calendar)
    page = portal_dir.page(calendar.replace(".ics", ".html"))
    assert f'href="/{calendar}"' in page
    text = (portal_dir.output / calendar).read_bytes()
    assert text.startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n")
    assert all(len(line) <= 75 for line in text.split(b"\r\n"))
    days = re.findall(r"DTSTART;VALUE=DATE:(\d{4})(\d\d)(\d\d)", words)
    assert days
    assert all("-".join(day) in page for day in days)
    portal_dir.give(make_case(result_id="R-1", decided_on="2021-06-22"), name="case")
    portal_dir.run(LATER)
    assert calendar not in portal_dir.files()


def test_text_in_a_calendar_is_escaped_and_folded_between_characters():
    assert _escaped("甲,乙;丙\\丁\n戊") == "甲\\,乙\\;丙\\\\丁\\n戊"
    folded = _folded("SUMMARY:" + "字" * 100)
    assert folded.replace("\r\n ", "") == "SUMMARY:" + "字" * 100
    assert max(len(line.encode()) for line in folded.split("\r\n")) <= 75
