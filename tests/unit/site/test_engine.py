"""The engine compiles the theme for speed: what it says is what Jinja says, and everything is escaped by default."""

from datetime import date
from pathlib import Path

import jinja2
import pytest
from markupsafe import Markup

from publisher import briefing
from publisher.ledger import Ledger
from publisher.portal import Watcher, rehearsed
from publisher.site import owing, units
from publisher.site.engine import Environment, environment, text
from publisher.site.maker import Maker
from publisher.site.renderer import Renderer
from publisher.site.views import Page, Site

THEME = Path(__file__).resolve().parents[3] / "theme"


class PlainJinja(jinja2.Environment):
    """Jinja as it is, but that a record's member comes before a dict's method."""

    def getattr(self, obj, attribute):
        return obj[attribute] if type(obj) is dict and attribute in obj else super().getattr(obj, attribute)


def test_every_page_is_what_plain_jinja_makes_of_it(portal_dir, make_plan, make_item_list, make_result, make_case):
    results = [make_result(number) for number in range(1, 54)]
    results[0] = make_result(1, outcome="不合格", remark="<b>&\"'", severity="minor")
    portal_dir.give(
        make_plan(), make_item_list(), *results,
        make_case("objection", case_id="C-2", result_id="R-2", filed_on="2021-06-19"),
        make_case("reply", case_id="C-3", result_id="R-3", filed_on="2021-06-19", reason="陈述<script>"),
    )  # fmt: skip
    portal_dir.run("2021-06-20")
    settings = portal_dir.settings
    with rehearsed(settings, date(2021, 6, 20), Watcher()) as portal:
        job = briefing.job(portal.settings, portal.profile, portal.day)
    plain = PlainJinja(
        loader=jinja2.FileSystemLoader(THEME / "templates"), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    seen = set()
    with Ledger(settings.ledger.url) as ledger, ledger.reading() as connection:
        maker, slow = Maker(job, ledger), Renderer(job, plain, plain)
        maker.site.connection = connection
        slowly = Site(job, connection, slow.draw)
        for scope, key in owing.everything(connection):
            if scope in units.ORDER:
                made, other = (units.render(site, scope, [key], {})[key] for site in (maker.site, slowly))
                for one, two in zip(made, other, strict=True):
                    if isinstance(one, Page):
                        assert maker.renderer.file(one).content == slow.file(two).content, one.address
                        seen.add(one.template)
    assert maker.renderer.slow == set()
    assert seen >= {"subject.html", "results_list.html", "task.html", "plan.html", "home.html", "item_list.html"}


@pytest.fixture(params=[False, True], ids=["careful", "quick"])
def is_quick(request):
    return request.param


@pytest.fixture
def made(tmp_path, is_quick):
    """An environment of templates given by name."""

    def make(**templates):
        (tmp_path / "templates").mkdir()
        for name, words in templates.items():
            (tmp_path / "templates" / f"{name}.html").write_text(words, "utf-8")
        return environment(tmp_path, is_quick=is_quick)

    return make


def test_a_component_in_place_escapes_what_it_is_given_and_keeps_to_its_own_names(made):
    engine = made(
        part="{% macro part(name, tone='plain') %}<b class='{{ tone }}'>{{ name }}</b>{% endmacro %}",
        page="{% from 'part.html' import part as piece %}{{ piece(name) }}{{ piece('y', tone=name) }}{{ name }}",
    )
    said = engine.get_template("page.html").render(name="<i>")
    assert said == "<b class='plain'>&lt;i&gt;</b><b class='&lt;i&gt;'>y</b>&lt;i&gt;"


def test_what_a_component_is_given_as_a_constant_decides_there_what_it_can(made):
    engine = made(
        fact=(
            "{% macro fact(label, value, href) %}{% if value is not none and value != '' %}{{ label }}："
            "{% if href %}<a href='{{ href }}'>{{ value }}</a>{% else %}{{ value }}{% endif %}。{% endif %}"
            "{% endmacro %}"
            "{% macro each(label, values) %}{% for label in values %}{{ label }}{% endfor %}{{ label }}{% endmacro %}"
            "{% macro borne(word, value) %}{% from 'words.html' import word %}{{ word(value) }}{% endmacro %}"
        ),
        words="{% macro word(value) %}[{{ value }}]{% endmacro %}",
        page=(
            "{% from 'fact.html' import fact, each, borne %}{{ fact('<甲>', one, none) }}{{ fact('乙', '', none) }}"
            "{{ fact('丙', none, '/x') }}{{ fact('丁', 1, '/y?a&b') }}{{ each('戊', 'ab') }}"
            "{{ each('己', one) }}{{ borne('庚', 2) }}"
        ),
    )
    said = engine.get_template("page.html").render(one="<b>")
    assert said == "&lt;甲&gt;：&lt;b&gt;。丁：<a href='/y?a&amp;b'>1</a>。ab戊&lt;b&gt;己[2]"
    source, _, _ = engine.loader.get_source(engine, "page.html")
    assert "乙" not in engine.compile(source, "page.html", raw=True)


@pytest.mark.parametrize("values", [["a", "<"], [], ["<"], [Markup("<b>"), "<"], ["a", None, 1], ("a", "<")])
def test_join_is_that_of_jinja(made, values):
    words = "{{ values | join('、') }} {{ values | join('<') }} {{ values | join }}"
    plain = PlainJinja(autoescape=True).from_string(words)
    assert made(page=words).get_template("page.html").render(values=values) == plain.render(values=values)


def test_a_component_that_needs_more_than_it_is_given_stays_a_call(made):
    engine = made(
        part="{% set WORDS = {'a': '<a>'} %}{% macro part(name) -%}{{ WORDS[name] }}{%- endmacro %}",
        page="{% from 'part.html' import part %}{{ part('a') }}{{ part(name) if name else '-' }}",
    )
    assert engine.get_template("page.html").render(name="") == "&lt;a&gt;-"


@pytest.mark.parametrize("page", ["{{ nobody }}", "{{ one.nothing }}", "{{ one.nothing.more }}", "{{ part() }}"])
def test_an_unknown_name_is_an_error(made, is_quick, page):
    engine = made(
        part="{% macro part(name) %}{{ name }}{% endmacro %}", page="{% from 'part.html' import part %}" + page
    )
    with pytest.raises((jinja2.UndefinedError, KeyError) if is_quick else jinja2.UndefinedError):
        engine.get_template("page.html").render(one={"it": 1})


def test_a_record_comes_before_the_methods_of_a_dict(made):
    engine = made(page="{{ one.items }} {{ one.keys() | list | length }} {{ one.a.b }} {{ 'x'.upper() }}")
    assert engine.get_template("page.html").render(one={"items": 3, "a": {"b": "<"}}) == "3 2 &lt; X"


def test_a_loop_and_methods_are_no_members_of_a_record(made):
    words = "{% for one in them %}{{ loop.index }}{{ one.a.get('b') }}{{ '' if loop.last else ',' }}{% endfor %}"
    assert made(page=words).get_template("page.html").render(them=[{"a": {"b": 1}}, {"a": {}}]) == "11,2None"


def test_text_is_escaped_unless_it_is_markup():
    assert text("a<b>&\"'") == "a&lt;b&gt;&amp;&#34;&#39;"
    assert (text(Markup("<b>")), text(None), text(3)) == ("<b>", "None", "3")


def test_compiled_templates_are_used_again_until_any_template_changes(tmp_path, made, is_quick, monkeypatch):
    made(
        part="{% macro part(name) %}<b>{{ name }}</b>{% endmacro %}",
        page="{% from 'part.html' import part %}{{ part(name) }}",
    )
    folder = tmp_path / "compiled"

    def said():
        return environment(tmp_path, folder, is_quick=is_quick).get_template("page.html").render(name="<i>")

    assert said() == "<b>&lt;i&gt;</b>"
    with monkeypatch.context() as patched:
        patched.setattr(Environment, "_generate", None)  # nothing can be compiled
        assert said() == "<b>&lt;i&gt;</b>"
    (kept,) = folder.iterdir()
    kept.write_bytes(kept.read_bytes()[:-1] + b"\xff")
    assert said() == "<b>&lt;i&gt;</b>"
    (tmp_path / "templates" / "part.html").write_text("{% macro part(name) %}<u>{{ name }}</u>{% endmacro %}", "utf-8")
    assert said() == "<u>&lt;i&gt;</u>"
    assert len(list(folder.iterdir())) == 1


def test_what_cannot_be_kept_is_compiled_each_time(tmp_path, made):
    made(page="{{ name }}")
    (tmp_path / "compiled").write_text("in the way")
    assert environment(tmp_path, tmp_path / "compiled").get_template("page.html").render(name="<") == "&lt;"
