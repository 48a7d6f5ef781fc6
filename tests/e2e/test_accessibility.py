"""axe-core on every template, at the width of a small phone and of a desk, light and dark."""

from collections.abc import Mapping
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


TAKING_MOST_WIDTH = ("subject with problems", "search with results")


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url} {one['id']} ({one['impact']}): {node['html'][:160]}" for one in found for node in one["nodes"][:2]
    ]


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "light"), (1280, "dark")])
def test_axe_finds_nothing(chromium: Browser, site: str, templates: Mapping[str, str], width: int, scheme: Any) -> None:
    # The policy of the pages stays as it is: axe comes in from outside, as a reader's own tool would.
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    found: list[str] = []
    for name, address in templates.items():
        if width > 360 and (" " in name) != (name in TAKING_MOST_WIDTH):
            continue  # the faces of a template differ in words, not in layout
        if scheme == "dark" and name not in ("home", "plan", "subject with problems", "search with results"):
            continue
        page.goto(site + address)
        if "?q=" in address:
            page.locator("[data-total]").wait_for()
        found += violations(page)
    context.close()
    assert found == []
