"""The build: a site changed step by step is the site made at once, and nothing withdrawn is left behind."""

import os
import re
import shutil
from importlib import import_module

import pytest
from sqlalchemy import delete, select, update

from publisher import briefing, paths, pipeline
from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pages
from publisher.ledger.schema import owed_page, page
from publisher.log import load_key

_BUILD = import_module("publisher.site.build")  # the package gives this name to a function
DAY = "2021-06-20"
ADJUSTMENT = {"kind": "changed", "reason": "测试", "approved_by": "测试机关", "approved_on": "2021-06-28"}


def made_at_once(portal, day):
    """The site as a copy of the ledger makes it where there is none yet."""
    apart = portal.root / "at once"
    shutil.rmtree(apart, ignore_errors=True)
    shutil.copytree(portal.root, apart, ignore=lambda _, names: [one for one in names if "output" in one])
    copied = type(portal)(apart, portal._call)
    copied.config.write_text(portal.config.read_text("utf-8"), "utf-8")
    copied.run(day)
    return copied.files()


def differing(step_by_step, at_once):
    """Return which files differ, but for tiles of the log that stay until they are full, for readers of it since."""
    outgrown = {name for name in step_by_step if ".p/" in name} - at_once.keys()
    names = (step_by_step.keys() | at_once.keys()) - outgrown
    return sorted(name for name in names if step_by_step.get(name) != at_once.get(name))


def test_a_site_changed_step_by_step_is_the_site_made_at_once(
    portal_dir, make_plan, make_task, make_item_list, make_result, make_case, make_code
):
    """Each delivery changes what pages made earlier say: links, progress, names, numbered pages, withdrawals."""
    numbered = [make_result(number) for number in range(1, paths.LIST_PAGE + 1)]
    tasks = [make_task(), make_task("T2021-1-2", seq=2, name="还没有结果的任务")]
    portal_dir.give(make_plan(tasks=tasks), *numbered, name="a")
    portal_dir.run(DAY)
    assert "plans/2021/P2021-1/T2021-1-2.html" in portal_dir.files()
    portal_dir.give(
        make_item_list(),  # plans and subjects name its items
        make_plan("P2022-1", year=2022, tasks=[make_task("T2022-1-1")], finalized_at="2021-06-20T09:00:00+08:00"),
        make_result(51), make_result(52),  # a second page of the month and of the region
        make_result(53, finalized_at=None),  # counts as inspected, out of sight
        make_result(3, version=2, ended_on="2021-07-01", finalized_at="2021-06-21T09:00:00+08:00"),
        make_result(4, version=2, subject__uscc=make_code(99), finalized_at="2021-06-21T09:00:00+08:00"),
        make_case(result_id="R-5", decided_on="2021-06-22"),
        name="b",
    )  # fmt: skip
    portal_dir.run("2021-06-25")
    assert differing(portal_dir.files(), made_at_once(portal_dir, "2021-06-25")) == []
    assert "下一页" in portal_dir.page("results/2021/06/index.html")
    portal_dir.give(
        make_plan("P2022-1", year=2023, revision=2, tasks=[make_task("T2022-1-2")], adjustment=ADJUSTMENT,
                  finalized_at="2021-06-29T09:00:00+08:00"),
        {"kind": "tombstone", "record_kind": "plan", "record_id": "P2021-1", "reason": "测试", "on": "2021-06-29"},
        {"kind": "tombstone", "record_kind": "item_list", "record_id": "JS-TEST", "reason": None, "on": "2021-06-29"},
        name="c",
    )  # fmt: skip
    portal_dir.run("2021-06-30")
    step_by_step = portal_dir.files()
    assert not [name for name in step_by_step if "P2021-1" in name or name.startswith(("plans/2022", "items/JS"))]
    assert "plans/2023/P2022-1/T2022-1-2.html" in step_by_step
    assert differing(step_by_step, made_at_once(portal_dir, "2021-06-30")) == []


def test_a_run_repeated_writes_nothing_and_a_site_that_was_deleted_is_made_again(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1))
    assert portal_dir.run(DAY)["pages"]["written"] > 20
    assert portal_dir.run(DAY)["pages"] | {"total": 0} == {"written": 0, "removed": 0, "total": 0}
    assert differing(portal_dir.files(), made_at_once(portal_dir, DAY)) == []


def test_the_sitemap_of_a_first_build_names_every_page_but_later_ones_of_lists(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.run(DAY)
    listed = portal_dir.page("sitemap-pages.xml") + portal_dir.page("sitemap-0.xml")
    pages = {
        "/" + name.removesuffix("index.html") for name in portal_dir.files() if name.endswith(".html")
    } - {"/404.html"}  # fmt: skip
    assert {
        address for address in pages if f"<loc>https://gongshi.example.gov.cn{address}</loc>" not in listed
    } == set()


# what the folder holds before a build ---------------------------------------------------------------------------------


def test_a_first_build_killed_before_its_home_page_leaves_no_page_of_what_is_withdrawn_since(
    portal_dir, make_plan, make_result, make_case, make_code
):
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    portal_dir.run(DAY)
    with Ledger(portal_dir.settings.ledger.url) as ledger, ledger.transaction() as connection:
        late = list(connection.execute(select(page.c.path).where(page.c.scope == "portal")).scalars())
        connection.execute(delete(page).where(page.c.scope == "portal"))
        connection.execute(owed_page.insert(), [{"scope": "portal", "key": ""}])
    for address in late:
        (portal_dir.output / paths.file_of(address)).unlink()
    portal_dir.give(make_case(decided_on="2021-06-21"), name="stop")
    portal_dir.run("2021-06-22")
    named = [
        name for name, content in portal_dir.files().items() if make_code(1).encode() in content or make_code(1) in name
    ]
    assert named == []
    assert f"subjects/320102/{make_code(2)}.html" in portal_dir.files()


def test_a_home_page_removed_by_hand_leaves_no_page_of_what_is_withdrawn_since(
    portal_dir, make_plan, make_result, make_case, make_code
):
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    portal_dir.run(DAY)
    (portal_dir.output / "index.html").unlink()
    portal_dir.give(make_case(decided_on="2021-06-21"), name="stop")
    portal_dir.run("2021-06-22")
    assert f"subjects/320102/{make_code(1)}.html" not in portal_dir.files()
    assert "index.html" in portal_dir.files()


def test_pages_noted_and_never_written_are_written_by_the_next_build(portal_dir, make_plan, make_result, make_code):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.run(DAY)
    before = portal_dir.files()
    address = f"/subjects/320102/{make_code(1)}.html"
    with Ledger(portal_dir.settings.ledger.url) as ledger, ledger.transaction() as connection:
        connection.execute(update(page).where(page.c.path == address).values(digest=""))
        scope, key = connection.execute(select(page.c.scope, page.c.key).where(page.c.path == address)).one()
        connection.execute(owed_page.insert(), [{"scope": scope, "key": key}])
    (portal_dir.output / address[1:]).unlink()
    portal_dir.run(DAY)
    assert differing(before, portal_dir.files()) == []


def test_a_site_of_another_ledger_goes(portal_dir, make_plan, make_result, make_code):
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    portal_dir.run(DAY)
    shutil.rmtree(portal_dir.var)
    portal_dir.give(make_plan(), make_result(2))
    portal_dir.run(DAY)
    assert f"subjects/320102/{make_code(1)}.html" not in portal_dir.files()
    assert f"subjects/320102/{make_code(2)}.html" in portal_dir.files()


def test_a_folder_of_something_else_is_left_alone(portal_dir, make_plan):
    portal_dir.give(make_plan())
    portal_dir.output.mkdir()
    (portal_dir.output / "thesis.txt").write_text("mine")
    ran = portal_dir.call("run", day=DAY)
    assert ran.status == 6
    assert "holds no site of ours" in ran.err
    assert portal_dir.files() == {"thesis.txt": b"mine"}


# what pages are made of -----------------------------------------------------------------------------------------------


@pytest.fixture
def own_look(portal_dir):
    """The portal with a theme and texts of its own to change."""
    settings = portal_dir.settings
    shutil.copytree(settings.paths.theme, portal_dir.root / "theme")
    (portal_dir.root / "content/pages").mkdir(parents=True)
    (portal_dir.root / "content/pages/about.md").write_text(
        "title: 关于\nslug: about\nsave_as: about/index.html\nurl: about/\n\n甲", "utf-8"
    )
    portal_dir.configure(theme=portal_dir.root / "theme", content=portal_dir.root / "content")
    return portal_dir


def test_a_changed_text_a_changed_theme_and_a_changed_name_reach_the_pages(own_look, make_plan):
    own_look.give(make_plan())
    own_look.run(DAY)
    text = own_look.root / "content/pages/about.md"
    text.write_text(text.read_text("utf-8").replace("甲", "乙丙丁"), "utf-8")
    assert own_look.run(DAY)["pages"]["written"] > 0
    assert "乙丙丁" in own_look.page("about/index.html")
    style = own_look.root / "theme/static/site.css"
    style.write_text(style.read_text("utf-8") + "/* 测试 */", "utf-8")
    own_look.config.write_text(own_look.config.read_text("utf-8").replace("测试公示", "改名公示"), "utf-8")
    own_look.run(DAY)
    assert "/* 测试 */" in own_look.page("static/site.css")
    assert "改名公示" in own_look.page("plans/2021/P2021-1/index.html")


def test_a_first_build_makes_what_judging_would_have_owed(
    make_portal, tmp_path, monkeypatch, make_plan, make_item_list, make_result, make_case
):
    """Before the first build judging does not look for the parts of the site that are owed, since all are."""
    monkeypatch.setenv("PUBLISHER_TEST_SALTS", "seed")
    owed, sites = {}, {}
    for name in ("looked for", "not looked for"):
        (tmp_path / name).mkdir()
        portal = make_portal(tmp_path / name)
        portal.give(make_plan(), make_item_list(), *[make_result(number) for number in range(1, 60)])
        portal.give(make_case("withhold", decision="granted", decided_on="2021-06-19", decided_by="测某"), name="cases")
        with monkeypatch.context() as patched:
            if name == "looked for":
                patched.setattr(pipeline, "is_all_owed", lambda connection: False)
            portal.take(DAY)
        with Ledger(portal.settings.ledger.url) as ledger, ledger.reading() as connection:
            owed[name] = {tuple(row) for row in connection.execute(select(owed_page.c.scope, owed_page.c.key))}
    assert {scope for scope, _ in owed["not looked for"]} == {"portal", "delta"}
    assert len(owed["looked for"]) > 60
    load_key(briefing.log_key(portal.settings), portal.settings.portal.base_url)  # signatures are compared too
    for name in owed:
        shutil.copytree(portal.root, tmp_path / "built" / name)
        copied = type(portal)(tmp_path / "built" / name, portal._call)
        with Ledger(copied.settings.ledger.url) as ledger, ledger.transaction() as connection:
            owe_pages(connection, owed[name])
        assert copied.call("build", day=DAY).status == 0
        sites[name] = copied.files()
    assert sites["looked for"] == sites["not looked for"]


@pytest.mark.parametrize(
    ("template", "words", "told"),
    [
        ("plan.html", "{{ plan.no_such_name }}", "theme template plan.html, page /plans/2021/P2021-1/"),
        (
            "components/findings_table.html", "{% macro findings_table(findings) %}{{ nobody }}{% endmacro %}",
            "theme component findings_table: 'nobody' is undefined",
        ),
        ("components/result_line.html", "", "theme component result_line: "),
    ],
)  # fmt: skip
def test_a_template_that_fails_is_named_and_the_site_stays(own_look, make_plan, make_result, template, words, told):
    own_look.give(make_plan(), make_result(1))
    own_look.run(DAY)
    before = own_look.page("plans/2021/P2021-1/index.html")
    (own_look.root / "theme/templates" / template).write_text(words, "utf-8")
    ran = own_look.call("run", day=DAY)
    assert ran.status == 6
    assert told in ran.err
    assert own_look.page("plans/2021/P2021-1/index.html") == before


def test_a_theme_may_ask_for_what_a_record_has_not(own_look, make_plan, make_result):
    for name, begun, words in (
        ("plan.html", "{% block main %}", "<i>{{ plan.nothing is defined }}</i>"),
        ("components/findings_table.html", "<table", "<b>{{ findings[0].nothing | default('没有') }}</b><table"),
    ):
        template = own_look.root / "theme/templates" / name
        before = template.read_text("utf-8")
        template.write_text(before.replace(begun, words if begun in words else begun + words, 1), "utf-8")
    own_look.give(make_plan(), make_result(1))
    own_look.run(DAY)
    assert "<i>False</i>" in own_look.page("plans/2021/P2021-1/index.html")
    (subject,) = (page for name, page in own_look.files().items() if re.fullmatch(r"subjects/\d{6}/\w{18}\.html", name))
    assert "<b>没有</b>" in subject.decode()


def test_a_text_that_pelican_would_skip_ends_the_build(own_look, make_plan):
    own_look.give(make_plan())
    (own_look.root / "content/pages/broken.md").write_text("title: 坏\ndate: 不是日期\n\n文", "utf-8")
    ran = own_look.call("run", day=DAY)
    assert ran.status == 6
    assert "broken.md" in ran.err


def test_a_theme_that_is_not_there_is_a_site_error(portal_dir, make_plan):
    portal_dir.configure(theme=portal_dir.root / "absent")
    portal_dir.give(make_plan())
    ran = portal_dir.call("run", day=DAY)
    assert ran.status == 6
    assert "set theme in [paths]" in ran.err


@pytest.mark.usefixtures("child_process")
def test_a_builder_that_is_ended_is_a_site_error_and_the_next_one_builds(portal_dir, make_plan, monkeypatch):
    portal_dir.give(make_plan())
    with monkeypatch.context() as ended:
        ended.setattr(_BUILD, "_rendered", end_itself)
        ran = portal_dir.call("run", day=DAY)
    assert ran.status == 6
    assert "ended with status 3" in ran.err
    assert portal_dir.call("run", day=DAY).status == 0
    assert "P2021-1" in portal_dir.page("plans/2021/P2021-1/index.html")


def end_itself(tell, job):
    os._exit(3)


@pytest.mark.usefixtures("child_process")
def test_nothing_is_heard_of_what_a_builder_prints(portal_dir, make_plan, capfd):
    portal_dir.give(make_plan())
    assert portal_dir.call("run", day=DAY).status == 0
    assert "Processed" not in "".join(capfd.readouterr())


def test_what_records_say_is_never_markup(portal_dir, make_plan, make_task, make_item_list, make_result, make_case):
    """Every text a platform can send, with what would be a script if any template let it through."""
    evil = "<script>alert(1)</script>\"'&]]>"
    result = make_result(
        1, subject__name=f"甲{evil}", authority=evil, departments=[evil], inspection_type=evil, methods=evil,
        measure=evil, disposition=evil, penalty_no=evil, remark=evil, outcome="未发现问题",
    )  # fmt: skip
    result["findings"][0] |= {"item_name": evil, "note": evil}
    items = [make_item_list()["items"][0] | {"name": evil, "basis": evil, "class": evil, "category": evil}]
    task = make_task(name=evil, field=evil, departments=[evil], subjects=evil, methods=evil, ratio=evil, quantity=evil)
    portal_dir.give(
        make_plan(title=evil, authority=evil, document_no=evil, level=evil, tasks=[task]),
        make_item_list(title=evil, authority=evil, edition=evil, items=items),
        result,
        make_case("objection", result_id="R-1", case_id="C-2"),
        make_case("reply", result_id="R-1", case_id="C-3", reason=evil),
    )
    portal_dir.run("2021-07-05")
    pages = {name: content for name, content in portal_dir.files().items() if name.endswith((".html", ".xml"))}
    assert [name for name, content in pages.items() if b"<script>alert" in content] == []
    assert "&lt;script&gt;alert(1)" in portal_dir.page("plans/2021/P2021-1/index.html")


def test_a_site_below_a_path_has_every_link_below_it(portal_dir, make_plan, make_item_list, make_result):
    portal_dir.configure(base_url="https://www.example.gov.cn/gongshi")
    portal_dir.give(make_plan(), make_item_list(), make_result(1))
    portal_dir.run(DAY)
    for name, content in portal_dir.files().items():
        if name.endswith(".html"):
            links = re.findall(r'(?:href|src|action)="(/[^"]*)"', content.decode())
            assert links, name
            assert [link for link in links if not link.startswith("/gongshi/")] == [], name
