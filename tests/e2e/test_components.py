"""Every component of the theme as its examples show it: it renders, is valid HTML, and axe-core finds nothing."""

import re
import shutil
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import html5lib
import pytest
from markupsafe import Markup
from playwright.sync_api import Browser

from publisher.desk.serve import Server
from publisher.site.engine import environment

ROOT = Path(__file__).resolve().parents[2]
THEME = ROOT / "theme"
COMPONENTS = THEME / "templates/components"
NO_MACRO_OF_ITS_NAME = {"words"}
Draw = Callable[..., str]
AROUND = ("header", "crumbs", "footer")  # they stand outside <main>

PAGE = """<!doctype html>
<html lang="zh-Hans"><head><meta charset="utf-8"><title>组件示例</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<script src="/mode.js"></script><link rel="stylesheet" href="/site.css"></head>
<body>{header}{crumbs}<main id="main" class="wrap" tabindex="-1"><h1>组件示例</h1><h2>各一例</h2>{main}</main>{footer}
</body></html>"""


def given(value: Any, change: Callable[[str], str], draw: Draw) -> Any:
    """What an example gives a macro: "@none" stands for null, "@component:0" for another component's first example."""
    if isinstance(value, dict):
        return {key: given(one, change, draw) for key, one in value.items()}
    if isinstance(value, list):
        return [given(one, change, draw) for one in value]
    if value == "@none":
        return None
    if isinstance(value, str) and (other := re.fullmatch(r"@([a-z_]+):(\d)", value)):
        return Markup(draw(other[1], int(other[2]), change))
    return change(value) if isinstance(value, str) else value


def examples(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads((COMPONENTS / f"{name}.examples.toml").read_text("utf-8"))["example"]
    return found


NAMES = sorted({path.stem for path in COMPONENTS.glob("*.html")} - NO_MACRO_OF_ITS_NAME)
EXAMPLES = [(name, number) for name in NAMES for number in range(len(examples(name)))]


@pytest.fixture(scope="module")
def draw() -> Draw:
    """One example of a component, rendered as the site renders it."""
    templates = environment(THEME)
    functions = {"url": lambda path: path, "asset": lambda name: f"/{name}"}

    def drawn(name: str, number: int, change: Callable[[str], str] = str) -> str:
        macro = getattr(templates.get_template(f"components/{name}.html").module, name)
        context = given(examples(name)[number].get("context", {}), change, drawn)
        wanted = {key: function for key, function in functions.items() if key in macro.arguments}
        assert context.keys() | wanted.keys() == set(macro.arguments), f"{name}: every argument is given, and no other"
        return str(macro(**context, **wanted))

    return drawn


def page_of(draw: Draw, names: Sequence[str], number: int) -> str:
    """A page with the example of that number of those of the components that have as many."""
    drawn = {name: draw(name, number) for name in names if number < len(examples(name))}
    around = {name: drawn.pop(name, "") for name in AROUND}
    sections = [
        f"<div><h3>{examples(name)[number]['title']}</h3>{standing(words)}</div>" for name, words in drawn.items()
    ]
    return PAGE.format(**around, main="".join(sections))


def standing(words: str) -> str:
    """A component where it may stand: a row in a table, a fact in a list of facts."""
    if words.lstrip().startswith("<div><dt"):
        return f'<dl class="facts">{words}</dl>'
    return f"<table><tbody>{words}</tbody></table>" if words.startswith("<tr") else words


def test_every_component_has_examples_and_no_example_is_left_over() -> None:
    described = {path.name.removesuffix(".examples.toml") for path in COMPONENTS.glob("*.examples.toml")}
    assert described == set(NAMES)
    assert all(one["title"] for name in NAMES for one in examples(name))


@pytest.mark.parametrize(("name", "number"), EXAMPLES)
def test_an_example_is_valid_html(draw: Draw, name: str, number: int) -> None:
    words = draw(name, number)
    whole = "<!doctype html><html lang=zh><head><title>x</title></head><body>" + standing(words) + "</body></html>"
    html5lib.HTMLParser(strict=True).parse(whole)
    assert "style=" not in words
    assert "<script" not in words
    assert "None" not in words


@pytest.mark.parametrize("name", NAMES)
def test_markup_in_what_a_component_is_given_stays_text(draw: Draw, name: str) -> None:
    """Every text of the example in Chinese characters is given markup; addresses and ids have none."""
    marked = draw(name, 0, lambda text: f"{text}<i>" if any(one > "\u2e7f" for one in text) else text)
    assert "<i>" not in marked


@pytest.fixture(scope="module")
def gallery(draw: Draw, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The addresses of pages that show every example."""
    folder = tmp_path_factory.mktemp("gallery")
    for file in (THEME / "static").iterdir():
        if file.is_file():
            shutil.copy(file, folder)
    within = [name for name in NAMES if name not in AROUND]
    pages = [
        page_of(draw, names, number)
        for names in (within, AROUND)
        for number in range(max(len(examples(name)) for name in names))
    ]
    files = ["index.html", *(f"{number}.html" for number in range(1, len(pages)))]
    for file, words in zip(files, pages, strict=True):
        (folder / file).write_text(words, "utf-8")
    with Server(folder) as server:
        yield [f"{server.url}/{file}" for file in files]


@pytest.mark.browser
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize(("scheme", "reading"), [("light", ""), ("dark", ""), ("light", "large"), ("dark", "large")])
def test_axe_finds_nothing_on_any_example(
    chromium: Browser,
    gallery: list[str],
    violations: Callable[..., list[str]],
    width: int,
    scheme: Any,
    reading: str,
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    context.add_init_script(f"localStorage.setItem('reading', '{reading}')")
    page = context.new_page()
    found: list[str] = []
    for address in gallery:
        page.goto(address)
        assert page.evaluate("document.documentElement.dataset.reading ?? ''") == reading
        for details in page.locator("details").all():
            details.evaluate("one => { one.open = true }")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{address} is {wide} px wide"
        found += violations(page, enhanced=reading == "large")
    context.close()
    assert found == []
