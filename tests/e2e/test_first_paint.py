"""What a reader with a slow line, without scripts or without a mouse gets."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from playwright.sync_api import Browser, Route

from publisher import paths

pytestmark = pytest.mark.browser

SMALL = 30 * 1024  # bytes of a subject's page before compression
BY_KEYBOARD = ("home", "plan", "subject with problems", "search with results", "indicators", "data", "results_year")

WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const one of list.getEntries()) {
    window.shifts.push(one.value + " " + one.sources.map(source => source.node?.outerHTML?.slice(0, 60)).join());
  }
}).observe({type: "layout-shift", buffered: true});
"""
# Everything that can take the focus and is on show, each with a number.
NUMBER = """
() => {
  const wanted = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';
  const shown = [...document.querySelectorAll(wanted)].filter(one => one.checkVisibility() && !one.disabled);
  shown.forEach((one, number) => { one.dataset.number = number; });
  document.activeElement?.blur();
  return shown.length;
}
"""
FOCUSED = """
() => {
  const one = document.activeElement, style = getComputedStyle(one);
  return [one.dataset.number ?? null, one.outerHTML.slice(0, 80),
          style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2];
}
"""


def test_a_subject_s_page_is_small(demo: Any, subjects: Sequence[Any]) -> None:
    few = [one for one in subjects if len(one.result_ids) <= 5]
    sizes = {one.path: (demo.portal.output / one.path.lstrip("/")).stat().st_size for one in few}
    assert len(sizes) > 100
    assert {path: size for path, size in sizes.items() if size > SMALL} == {}


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_moves_while_a_page_comes_up(
    chromium: Browser, site: str, templates: Mapping[str, str], width: int
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    context.add_init_script(WATCH_SHIFTS)

    def late(route: Route) -> None:
        time.sleep(0.15)
        route.continue_()

    context.route("**/site.js*", late)  # what it adds comes after the first paint, as on a slow line
    page = context.new_page()
    moved: dict[str, list[str]] = {}
    for name, address in templates.items():
        if name.startswith("search with"):
            continue  # what a reader asked for comes up after the page
        page.goto(site + address, wait_until="load")
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 50)))")
        if shifts := page.evaluate("window.shifts"):
            moved[name] = shifts
    context.close()
    assert moved == {}


def test_without_scripts_a_page_is_painted_whole(chromium: Browser, site: str, templates: Mapping[str, str]) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 780}, java_script_enabled=False)
    page = context.new_page()
    page.goto("about:blank")
    blank = len(page.screenshot())
    for name in ("home", "plan", "subject with problems", "indicators", "data"):
        page.goto(site + templates[name])
        assert page.locator("h1").is_visible(), name
        assert len(page.screenshot()) > 10 * blank, name
        assert page.locator("button:visible").count() == page.locator(".search-form button:visible").count(), name
    context.close()


def test_scripts_that_never_come_hold_up_nothing_but_themselves(
    chromium: Browser, site: str, templates: Mapping[str, str]
) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 780})
    page = context.new_page()
    page.route("**/*.js*", lambda route: route.abort())
    page.goto(site + templates["subject with problems"], wait_until="load")
    painted = 0
    for _ in range(50):  # the paint is reported a frame or more after the load event
        painted = page.evaluate("performance.getEntriesByName('first-contentful-paint').length")
        if painted:
            break
        page.wait_for_timeout(100)
    blocking = page.evaluate(
        """performance.getEntriesByType('resource')
            .filter(one => one.renderBlockingStatus === 'blocking').map(one => new URL(one.name).pathname)"""
    )
    assert painted == 1
    assert paths.STATIC + "site.css" in blocking
    assert set(blocking) <= {paths.STATIC + name for name in ("mode.js", "site.css")}
    context.close()


@pytest.mark.parametrize("name", BY_KEYBOARD)
def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(
    chromium: Browser, site: str, templates: Mapping[str, str], name: str
) -> None:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.goto(site + templates[name])
    if "?q=" in templates[name]:
        page.locator("[data-total]").wait_for()
    number = page.evaluate(NUMBER)
    assert number > 10
    reached: list[int] = []
    unseen: list[str] = []
    for _ in range(number):
        page.keyboard.press("Tab")
        which, words, seen = page.evaluate(FOCUSED)
        if which is not None:
            reached.append(int(which))
        if not seen:
            unseen.append(words)
    context.close()
    assert unseen == []
    assert sorted(reached) == list(range(number))
    assert reached == sorted(reached)  # in reading order
