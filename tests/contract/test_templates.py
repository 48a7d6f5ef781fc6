"""docs/templates.md says what each template is given: held to real contexts, and to the names the templates use."""

import re
from datetime import date
from pathlib import Path

import jinja2
import pytest
from jinja2 import meta, nodes

from publisher import briefing
from publisher.ledger import Ledger
from publisher.portal import Watcher, rehearsed
from publisher.site import owing, units
from publisher.site import portal as portal_pages
from publisher.site.renderer import Renderer
from publisher.site.search.manifest import Ahead
from publisher.site.views import Page, Site

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/templates.md").read_text("utf-8")
TEMPLATES = ROOT / "theme/templates"
TOKEN = re.compile(
    r"`([a-z][a-z0-9_]*)(?:\([a-z]+\))?`|([()])|list of ([a-z_]+)|[≤>=] ?\d+ ([a-z_]+)|as in (plan\.html)"
)


def read(words):
    """The names a description lists, each with what it lists in turn; ``*`` stands for a row described elsewhere."""
    stack, last = [{}], None
    for name, bracket, row, few, plan in TOKEN.findall(words):
        if name:
            stack[-1][name] = {}
            last = name
        elif bracket == "(":
            stack.append(stack[-1].get(last, {}))
        elif bracket == ")":
            stack.pop()
            last = None
        elif row or few:
            stack[-1]["*"] = row or few
        elif plan:
            stack[-1]["*"] = "task"
    assert len(stack) == 1, words
    return stack[0]


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


ROWS = {name: read(words) for name, words in re.findall(r"^(?:- )?\*\*(\w+)\*\*[^:\n]*: (.+)$", TEXT, re.MULTILINE)}
GIVEN = {
    name: read(words)
    for row in TEXT.splitlines()
    if row.startswith("| `") and len(cells(row)) == 3
    for name, words in [(cells(row)[0].strip("`"), cells(row)[2])]
}
EVERY = {
    re.match(r"`([a-z]+)", cells(row)[0])[1]: read(cells(row)[1])
    for row in TEXT.splitlines()
    if row.startswith("| `") and len(cells(row)) == 2
}
ROWS["task"] = GIVEN["plan.html"]["tasks"]
ROWS["pages"] = ROWS["page_link"]
ROWS["downloads"] = GIVEN["plan.html"]["plan"]["downloads"]


def differences(value, told, where):
    """Yield where a value is not what is told of it."""
    if isinstance(value, (list, tuple)):
        for one in value:
            yield from differences(one, told, where)
    elif isinstance(value, dict):
        told = ROWS.get(told.get("*", ""), told) if told else ROWS.get(where.split(".")[-1], {})
        if value.keys() != told.keys():
            yield f"{where}: {sorted(value)} is given, {sorted(told)} is told"
        for key in value.keys() & told.keys():
            yield from differences(value[key], told[key], f"{where}.{key}")


def undrawn(component, *given):
    """Return what a component is given, in place of its markup."""
    names = re.search(rf"macro {component}\((.*?)\)", (TEMPLATES / f"components/{component}.html").read_text())[1]
    return given[0] if len(given) == 1 else dict(zip(names.split(", "), given, strict=True))


@pytest.fixture(scope="module")
def contexts(built):
    """Every page of the small portal: template, and what it is given."""
    settings, day = built.settings, date(2021, 7, 5)
    with rehearsed(settings, day, Watcher()) as portal:
        job = briefing.job(portal.settings, portal.profile, portal.day)
    with Ledger(settings.ledger.url) as ledger, ledger.reading() as connection:
        site = Site(job, connection, undrawn)
        documents = {"P2021-1": "/about/documents/plan/"}
        found = [
            (one.template, one.context)
            for scope, key in owing.everything(connection)
            if scope in units.ORDER
            for one in units.render(site, scope, [key], documents)[key]
            if isinstance(one, Page)
        ]
        search = portal_pages.search_page(site, Ahead(("0123456789/r0/0.bin",), ("overlay-0123456789.bin",)))
    return job, [*found, (search.template, search.context)]


def test_the_page_is_read_as_it_is_meant():
    assert ROWS["result_row"].keys() >= {"subject_name", "outcomes", "since"}
    assert GIVEN["home.html"]["counts"].keys() >= {"plans", "stopped"}
    assert GIVEN["home.html"]["latest"] == {"*": "result_row"}
    assert GIVEN["missing.html"] == {}
    assert EVERY.keys() == {"portal", "view", "url", "asset", "masthead", "colophon"}


def test_every_template_is_told_and_used(contexts):
    files = {path.name for path in TEMPLATES.glob("*.html")} - {"base.html"}
    assert files == GIVEN.keys()
    assert {template for template, _ in contexts[1]} == files - {"page.html"}  # Pelican's, below


def test_each_template_is_given_what_is_told(contexts):
    found = set()
    for template, context in contexts[1]:
        own = {name: value for name, value in context.items() if name != "view"}
        found |= set(differences(own, GIVEN[template] or {"*": "nothing"} if own else GIVEN[template], template))
        found |= set(differences(context["view"], EVERY["view"], "view"))
    assert sorted(found) == []


def test_every_template_is_given_the_portal(contexts):
    renderer = Renderer(contexts[0], *[jinja2.Environment(autoescape=True)] * 2)
    assert renderer._given.keys() == EVERY.keys() - {"view", "masthead", "colophon"}  # made from the view
    assert list(differences(renderer._given["portal"], EVERY["portal"], "portal")) == []


@pytest.mark.parametrize("template", ["base.html", *sorted(GIVEN)])
def test_a_template_uses_only_names_it_is_given(template):
    environment = jinja2.Environment(autoescape=True)
    tree = environment.parse((TEMPLATES / template).read_text("utf-8"))
    imported = [name for one in tree.find_all(nodes.FromImport) for name in one.names]
    components = {name if isinstance(name, str) else name[1] for name in imported}
    components |= {macro.name for macro in tree.find_all(nodes.Macro)}
    given = set() if template == "base.html" else GIVEN[template].keys()
    assert meta.find_undeclared_variables(tree) - components <= given | EVERY.keys()


def test_nothing_but_a_hand_written_page_is_let_through_unescaped():
    unsafe = {
        path.relative_to(TEMPLATES).as_posix()
        for path in TEMPLATES.rglob("*.html")
        if re.search(r"\|\s*safe|autoescape\s+false|Markup", path.read_text("utf-8"))
    }
    assert unsafe <= {"page.html"}
