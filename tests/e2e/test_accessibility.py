"""axe-core on every template, at the width of a small phone and of a desk, light and dark."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


TAKING_MOST_WIDTH = ("subject with problems", "search with results")


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1280, "light"), (1280, "dark")])
def test_axe_finds_nothing(
    chromium: Browser,
    site: str,
    templates: Mapping[str, str],
    violations: Callable[..., list[str]],
    width: int,
    scheme: Any,
) -> None:
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
