"""The search page in Chromium, on an index with shards as a large site has it: typing, links, losing the connection."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.bench.search.queries import Query, Scan
from tests.e2e.test_browser import matches
from tests.e2e.test_search_engine import Portal

from publisher import uscc
from publisher.site.search.entry import Entry

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def portal(demo: Any, tmp_path: Path) -> Iterator[Portal]:
    portal = Portal(tmp_path, 0)
    shutil.copy(demo.portal.output / "search" / "index.html", portal.tree.output / "search" / "index.html")
    yield portal
    portal.close()


@pytest.fixture
def page(chromium: Browser, portal: Portal) -> Iterator[Page]:
    context = chromium.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{portal.address}/search/")
    yield page
    context.close()


@pytest.fixture
def scan(portal: Portal) -> Callable[..., Any]:
    scan = Scan(sorted(portal.source.entries.values(), key=lambda one: one.subject_no))
    return lambda text, **filters: scan.answer(Query("", text, filters))


def alone(portal: Portal, scan: Callable[..., Any]) -> Iterator[Entry]:
    """Yield subjects whose whole name, and that less its last character, only they have."""
    for one in portal.source.entries.values():
        if re.fullmatch("[\u4e00-\u9fff]{10,}", one.name) and scan(one.name[:-1]).total == 1:
            yield one


def type_in(page: Page, text: str) -> None:
    page.fill("#q", "")
    page.locator("#q").press_sequentially(text)


def first_link(page: Page) -> Any:
    return page.locator("#search-results h2 a").first


def test_what_was_loaded_answers_without_a_connection(page: Page, portal: Portal, scan: Callable[..., Any]) -> None:
    subjects = alone(portal, scan)
    one, other = next(subjects), next(subjects)
    type_in(page, one.name)
    expect(page.locator("[data-total]")).to_have_text("1")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    for text in (one.name[:-1], one.name):
        page.fill("#q", text)
        page.wait_for_function("text => location.search.includes(encodeURIComponent(text))", arg=text)
        expect(page.locator("[data-total]")).to_have_text("1")
        expect(first_link(page)).to_have_text(one.name)
    page.fill("#q", other.name)
    expect(page.locator("#search-status")).to_contain_text("没有网络连接")
    expect(page.locator("#search-results > li")).to_have_count(0)
    page.context.set_offline(False)
    page.get_by_role("button", name="再试一次").click()
    expect(first_link(page)).to_have_text(other.name)


def test_a_small_site_once_loaded_needs_no_connection(chromium: Browser, site: str, subjects: list[Any]) -> None:
    context = chromium.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(f"{site}/search/")
    page.wait_for_load_state("networkidle")
    page.context.set_offline(True)
    for one in [one for one in subjects if one.uscc][3::200]:
        for text in (one.names[0], one.uscc, one.names[0][1:3]):
            page.fill("#q", text)
            page.press("#q", "Enter")
            expect(page.locator("[data-total]")).to_have_text(str(sum(matches(other, text) for other in subjects)))
    page.fill("#q", "youxian")
    page.press("#q", "Enter")
    expect(page.locator("[data-total]")).to_have_text(re.compile("[1-9]"))
    context.close()


def test_one_character_gives_a_whole_first_page(page: Page, scan: Callable[..., Any]) -> None:
    for character in ("有", "江", "汽", "㙓"):
        truth = scan(character)
        type_in(page, character)
        expect(page.locator("[data-total]")).to_have_text(str(truth.total))
        expect(page.locator("#search-results > li")).to_have_count(min(10, truth.total))
        links = page.locator("#search-results h2 a").all()
        assert tuple(link.get_attribute("href") for link in links) == truth.first


def test_the_check_character_is_told_while_typing(page: Page, portal: Portal) -> None:
    code = next(one.uscc for one in portal.source.entries.values() if one.uscc)
    wrong = code[:17] + next(one for one in uscc.ALPHABET if one != code[17])
    for text, said in ((code, "校验位正确"), (wrong, "校验位不正确"), (f"{code[:8]}I{code[9:]}", "不使用字母")):
        type_in(page, text[:17])
        expect(page.locator("#search-hint")).not_to_contain_text("统一社会信用代码")
        page.locator("#q").press_sequentially(text[17])
        expect(page.locator("#search-hint")).to_contain_text(said)


def test_a_link_shared_shows_the_same_page(page: Page, portal: Portal, chromium: Browser) -> None:
    page.fill("#q", "有限公司")
    page.press("#q", "Enter")
    page.locator("#search-facets summary").click()
    page.locator("#search-facets dd").nth(1).locator("a").first.click()
    expect(page.locator('#search-facets a[aria-current="true"]')).to_have_count(1)
    page.get_by_role("link", name="下一页").click()
    expect(page.locator("#search-pages .here")).to_contain_text("第 2 页")
    shown = page.locator("#search-results h2 a").all_inner_texts()
    assert len(shown) == 10
    context = chromium.new_context()
    other = context.new_page()
    other.goto(page.url)
    expect(other.locator("#search-pages .here")).to_contain_text("第 2 页")
    assert other.locator("#search-results h2 a").all_inner_texts() == shown
    assert other.locator("#q").input_value() == "有限公司"
    context.close()
    page.go_back()
    expect(page.locator("#search-pages .here")).to_contain_text("第 1 页")
    page.go_back()
    expect(page.locator('#search-facets a[aria-current="true"]')).to_have_count(0)
    expect(page.locator("#q")).to_have_value("有限公司")


def test_a_stale_query_is_cancelled_and_never_shown(page: Page, portal: Portal, scan: Callable[..., Any]) -> None:
    subjects = alone(portal, scan)
    stale, one = next(subjects), next(subjects)
    held: list[Route] = []
    ended: dict[str, str | None] = {}
    page.on("requestfailed", lambda request: ended.update({request.url: request.failure}))
    page.route("**/g*/*.bin", lambda route: route.continue_() if held else held.append(route))
    page.fill("#q", stale.name)
    while not held:
        page.wait_for_timeout(20)
    page.fill("#q", one.name)
    expect(first_link(page)).to_have_text(one.name)
    page.wait_for_timeout(200)
    assert len(held) == 1
    assert held[0].request.url in ended  # and others of the stale query that were on their way
    assert set(ended.values()) == {"net::ERR_ABORTED"}
    expect(page.locator("#search-results > li")).to_have_count(1)


def test_data_is_only_ever_text(page: Page, portal: Portal) -> None:
    one = next(iter(portal.source.entries.values()))
    evil = one._replace(name=f"{HOSTILE}有限公司", former_names=(f"{HOSTILE}厂",), reg_no=f"3201{HOSTILE}")
    portal.change({one.subject_no: evil})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for text in ("onerror", f"{HOSTILE}厂"):
        page.goto(f"{portal.address}/search/?q={quote(text)}")
        expect(first_link(page)).to_have_text(evil.name)
        if text != "onerror":
            expect(page.locator("#search-results")).to_contain_text(evil.former_names[0])
    assert page.locator("#search-results img, #search-status img").count() == 0
    assert not [url for url in asked if url.endswith("/x")]


def test_the_total_stands_in_one_place_exact_or_at_least(page: Page, scan: Callable[..., Any]) -> None:
    place = page.locator("[data-total]")
    for text, filters in (("有限公司", {}), ("有限", {"year": "23"}), ("有", {"year": "23"}), ("龘龘", {})):
        truth = scan(text, **filters).total
        chosen = "".join(f"&{name}={value}" for name, value in filters.items())
        page.goto(f"{page.url.partition('?')[0]}?q={quote(text)}{chosen}")
        expect(place).to_have_count(1)
        told = place.inner_text()
        if text == "有":  # a single character has no list: the page looks through what the year's list names
            assert told.startswith("至少 ")
            assert 10 <= int(told.removeprefix("至少 ")) <= truth
        else:
            assert told == str(truth)
