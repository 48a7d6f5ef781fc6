"""The built site in Chromium: search, keyboard, no script, policy, names that try a browser."""

import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

SEED = 20261120
HOSTILE = "<script>alert(1)</script>有限公司"


def total_of(page: Page) -> str:
    """Return the number of matching subjects, as the contract says where it stands."""
    return page.locator("[data-total]").inner_text().strip()


def search_for(page: Page, words: str) -> str:
    """Ask by the address, as a link from elsewhere would; return the total."""
    page.goto(page.context.site + "/search/?q=" + quote(words))
    return total_of(page)


@pytest.fixture
def page(watched: Any) -> Page:
    page: Page = watched.context.new_page()
    page.context.site = watched.site
    return page


def plain(text: str) -> str:
    """Fold a name as a reader would have it folded: width, case, kinds of brackets, quotes and blanks apart."""
    folded = unicodedata.normalize("NFKC", text).upper()
    folded = re.sub(r"[\[{〔【〈《「『﹝]", "(", folded)
    folded = re.sub(r"[\]}〕】〉》」』﹞]", ")", folded)
    return re.sub(r"[\s\"'“”‘’·•・\u200b-\u200f\ufeff]", "", folded)


def matches(subject: Any, words: str) -> bool:
    """Say by brute force whether a subject answers to words, by name, former name or the beginning of its code."""
    wanted = [plain(one) for one in words.split()]
    if any(all(one in plain(name) for one in wanted) for name in subject.names):
        return True
    joined = "".join(wanted)
    codes = [one for one in (subject.uscc, subject.reg_no) if one]
    return bool(re.fullmatch("[0-9A-Z]{4,18}", joined)) and any(one.startswith(joined) for one in codes)


def queries(subjects: Sequence[Any], count: int) -> list[str]:
    """Return seeded queries: parts of names of two to five characters, two parts, codes and their beginnings."""
    draw = random.Random(SEED)
    found: list[str] = []
    while len(found) < count:
        one = draw.choice(subjects)
        name = draw.choice(one.names)
        length = draw.randint(2, 5)
        at = draw.randint(0, max(0, len(name) - length))
        part = name[at : at + length].strip()
        kind = draw.random()
        if kind < 0.7 and len(plain(part)) >= 2:
            found.append(part)
        elif kind < 0.8 and len(plain(name)) > 6:
            found.append(f"{name[-4:]} {name[:3]}")
        elif one.uscc:
            found.append(one.uscc[: draw.randint(4, 18)])
    return found


def test_search_finds_two_characters_from_the_middle_of_a_name(page: Page, subjects: Sequence[Any]) -> None:
    draw = random.Random(SEED)
    chosen = [one for one in subjects if one.uscc and re.fullmatch("[\u4e00-\u9fff]{8,}", one.names[0])]
    for one in draw.sample(chosen, 5):
        name = one.names[0]
        at = draw.randint(2, len(name) - 6)
        expected = sum(matches(other, name[at : at + 2]) for other in subjects)
        assert search_for(page, name[at : at + 2]) == str(expected)
        search_for(page, f"{name[at : at + 2]} {name}")
        assert page.locator("#search-results a").first.get_attribute("href") == one.path


def test_search_finds_a_code_however_it_is_typed(page: Page, subjects: Sequence[Any]) -> None:
    one = next(one for one in subjects if one.uscc and re.search("[A-Z]", one.uscc[9:]))
    code = one.uscc
    page.goto(page.context.site + "/search/")
    wide = "".join(chr(ord(character) + 0xFEE0) for character in code)
    for typed in (code, code.lower(), f"  {code[:6]} {code[6:12].lower()}　{code[12:]} ", wide):
        page.fill("#q", typed)
        page.press("#q", "Enter")
        expect(page.locator("#search-results li")).to_have_count(1)
        assert total_of(page) == "1"
        assert page.locator("#search-results a").get_attribute("href") == one.path
    page.click("#search-results a")
    expect(page.locator("h1")).to_contain_text(one.names[0])


def test_search_counts_what_a_brute_force_scan_counts(page: Page, subjects: Sequence[Any]) -> None:
    page.goto(page.context.site + "/search/")
    for words in queries(subjects, 60):
        page.fill("#q", words)
        page.press("#q", "Enter")
        page.wait_for_function("words => new URLSearchParams(location.search).get('q') === words", arg=words.strip())
        expected = sum(matches(one, words) for one in subjects)
        expect(page.locator("[data-total]"), f"for {words!r}").to_have_text(str(expected))
        expect(page.locator("#search-results > li")).to_have_count(min(expected, 10))


def test_search_shows_every_page_of_a_long_answer(page: Page, subjects: Sequence[Any]) -> None:
    words = "有限"
    expected = {one.path for one in subjects if matches(one, words)}
    total = search_for(page, words)
    assert int(total) == len(expected) > 60
    seen: set[str] = set()
    for number in range(1, (len(expected) - 1) // 10 + 2):
        if number > 1 and number <= 3:
            page.get_by_role("link", name="下一页").click()
            expect(page.locator("#search-pages .here")).to_contain_text(f"第 {number} 页")
        elif number > 3:
            page.goto(f"{page.context.site}/search/?q={quote(words)}&page={number}")
            expect(page.locator("#search-pages .here")).to_contain_text(f"第 {number} 页")
        seen |= {str(one.get_attribute("href")) for one in page.locator("#search-results h2 a").all()}
        if number == 5:
            break
    assert len(seen) == min(50, len(expected))
    assert seen <= expected


def test_search_shows_nothing_of_what_is_not_published(
    page: Page, demo: Any, subjects: Sequence[Any], source_records: Sequence[Mapping[str, Any]]
) -> None:
    states = {one: verdict["state"] for one, verdict in demo.portal.explained("2026-11-20").items()}
    shown_names = {name for one in subjects for name in one.names}
    shown_codes = {one.uscc for one in subjects}
    for state in ("withheld", "withdrawn", "pending", "shielded"):
        hidden = [
            one["subject"]
            for one in source_records
            if states.get(one["result_id"]) == state
            and one["subject"]["name"] not in shown_names
            and one["subject"].get("uscc")
            and one["subject"]["uscc"] not in shown_codes
        ]
        assert hidden, f"the demo has no subject that is {state} alone"
        for one in hidden[:2]:
            assert search_for(page, one["name"]) == "0"
            assert search_for(page, one["uscc"]) == "0"
            expect(page.locator("#search-results > li")).to_have_count(0)


def test_one_character_has_an_answer(page: Page, subjects: Sequence[Any]) -> None:
    page.goto(page.context.site + "/search/")
    page.fill("#q", "汽")
    page.press("#q", "Enter")
    expected = sum(any("汽" in name for name in one.names) for one in subjects)
    expect(page.locator("[data-total]")).to_have_text(str(expected))
    expect(page.locator("#search-results > li")).to_have_count(min(expected, 10))


def test_the_address_holds_the_search_and_back_goes_back(page: Page, subjects: Sequence[Any]) -> None:
    alone = (one.names[0] for one in subjects if sum(matches(other, one.names[0]) for other in subjects) == 1)
    first, second = next(alone), next(alone)
    page.goto(page.context.site + "/search/")
    for words in (first, second):
        page.fill("#q", words)
        page.press("#q", "Enter")
        expect(page.locator("#search-results h2 a")).to_have_text(words)
        assert quote(words) in page.url
    page.go_back()
    expect(page.locator("#search-results h2 a")).to_have_text(first)
    expect(page.locator("#q")).to_have_value(first)
    page.click("#search-results h2 a")
    expect(page.locator("h1")).to_contain_text(first)
    page.go_back()
    expect(page.locator("#search-results h2 a")).to_have_text(first)
    page.reload()
    expect(page.locator("#search-results h2 a")).to_have_text(first)


def test_the_box_on_every_page_leads_to_the_answer(page: Page, subjects: Sequence[Any]) -> None:
    one = next(one for one in subjects if one.uscc)
    for address in ("/", "/plans/", one.path):
        page.goto(page.context.site + address)
        page.get_by_role("searchbox").fill(one.uscc)
        page.get_by_role("searchbox").press("Enter")
        page.wait_for_url("**/search/?q=*")
        expect(page.locator("[data-total]")).to_have_text("1")


def test_a_part_that_fails_is_said_and_the_total_is_not_called_exact(chromium: Browser, site: str) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.route("**/search/*/r0/*", lambda route: route.abort())
    page.goto(site + "/search/?q=" + quote("有限"))
    expect(page.locator("#search-status")).to_contain_text("没有载入成功")
    page.unroute_all()
    page.get_by_role("button", name="再试一次").click()
    expect(page.locator("[data-total]")).to_be_visible()
    context.close()


def test_the_keyboard_reaches_search_and_results(page: Page, subjects: Sequence[Any]) -> None:
    name = subjects[0].names[0]
    page.goto(page.context.site + "/search/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").is_visible()
    box = page.locator(".skip").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        if reached[-1] == "q":
            break
    assert reached[-1] == "q", reached
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    expect(page.locator("#search-results h2 a").first).to_be_visible()
    for _ in range(3):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('#search-results') !== null"):
            break
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate("document.activeElement.closest('#search-results') !== null")
    assert page.evaluate(outline) != "none"
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text(name)


@pytest.mark.parametrize("address", ["/", "/search/", "/subjects/", "/plans/", "/404.html"])
def test_the_skip_link_comes_first(page: Page, address: str) -> None:
    page.goto(page.context.site + address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"


def test_every_template_keeps_its_own_policy(page: Page, templates: Mapping[str, str], watched: Any) -> None:
    for address in templates.values():
        page.goto(page.context.site + address)
        policy = page.locator("meta[http-equiv=Content-Security-Policy]").get_attribute("content") or ""
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.evaluate("getComputedStyle(document.body).marginTop") == "0px", "the style sheet was not let in"
    watched.assert_quiet()


def test_no_page_is_wider_than_a_small_phone(chromium: Browser, site: str, templates: Mapping[str, str]) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    wide = {}
    for name, address in templates.items():
        page.goto(site + address)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 360:
            wide[name] = width
    context.close()
    assert wide == {}


def test_without_scripts_the_search_page_shows_the_other_ways(chromium: Browser, site: str, demo: Any) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + "/search/")
    expect(page.locator("noscript")).to_be_visible()
    assert not page.locator(".needs-script").is_visible()
    page.locator("noscript a", has_text="按地区").click()
    page.locator("main ul a, main li a, main td a").first.click()
    expect(page.locator("h1")).to_contain_text("检查对象")
    page.locator("main a[href$='.html']").first.click()
    expect(page.locator("main .demo, aside.demo").first).to_be_visible()
    assert page.locator("h1").inner_text().strip()
    context.close()


def test_a_name_made_of_markup_stays_text(page: Page, subjects: Sequence[Any], demo: Any) -> None:
    one = next(one for one in subjects if one.names[0] == HOSTILE)
    page.on("dialog", lambda dialog: pytest.fail(f"a script in a name ran: {dialog.message}"))
    page.goto(page.context.site + one.path)
    assert HOSTILE in page.locator("h1").inner_text()
    assert HOSTILE in page.title()
    own = page.locator("script:not([src*='verify.js'])").count()
    month = next(
        f"/results/{year}/{month:02}/" + ("" if slot < 50 else f"{slot // 50 + 1}.html")
        for year, month, slot in demo.portal.rows(
            "SELECT year, month, slot FROM record JOIN place USING (record_no) JOIN listing USING (list_no, year)"
            f" WHERE facet = 'month' AND record_id = '{one.result_ids[0]}'"
        )
    )
    page.goto(page.context.site + month)
    expect(page.locator("main a", has_text=HOSTILE).first).to_be_visible()
    assert page.locator("script:not([src*='verify.js'])").count() == own
    assert search_for(page, HOSTILE) == "1"
    assert page.locator("#search-results h2 a").inner_text() == HOSTILE
    assert page.locator("main script").count() == 0
    page.fill("#q", "<img src=x onerror=alert(1)>")
    page.press("#q", "Enter")
    expect(page.locator("[data-total]")).to_have_text("0")
    assert page.locator("main img").count() == 0
