"""``publisher init``: a portal that works as it is and says what a person must fill in; refused, it leaves nothing."""

import json
import re
import stat
import tomllib
from pathlib import Path

import pytest

from publisher import settings, shipped, starter
from publisher.rules import profile_names

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def made(tmp_path, call_cli):
    """A portal as ``init`` leaves it."""
    ran = call_cli(
        "init", tmp_path / "portal", "--name", "测试市“双随机”公示", "--region-code", "320100",
        "--base-url", "https://gongshi.test/a", "--profile", "jiangsu-2021", "--json",
    )  # fmt: skip
    assert ran.status == 0, ran.err
    return tmp_path / "portal", ran.json


def test_what_was_asked_for_is_in_the_settings(made):
    folder, told = made
    found = settings.load(folder / "publisher.toml")
    assert found.portal.name == "测试市“双随机”公示"
    assert (found.portal.region_code, found.portal.profile) == ("320100", "jiangsu-2021")
    assert found.portal.base_url == "https://gongshi.test/a"
    assert found.portal.demo is False
    assert found.endpoint == ()
    assert told["portal"] == str(folder)


def test_it_runs_as_it_is(made, call_cli):
    folder, _ = made
    config = ("--config", folder / "publisher.toml")
    problems = [one for one in call_cli(*config, "check", "--json").lines if one["code"] != "assumed_value"]
    assert problems == []
    ran = call_cli(*config, "run", "--strict", "--json")
    assert ran.status == 0, ran.err
    assert ran.json["problems"] == 0
    assert "测试市" in (folder / "output" / "index.html").read_text("utf-8")
    assert "演示数据" not in (folder / "output" / "index.html").read_text("utf-8")
    assert call_cli(*config, "audit").status == 0
    again = call_cli(*config, "run", "--strict", "--json")
    assert (again.status, again.json["pages"]["written"]) == (0, 0)


def test_a_record_laid_into_it_is_shown(made, call_cli, make_plan, make_result):
    folder, _ = made
    for where, record in (("plans", make_plan()), ("results", make_result(1))):
        (folder / "records" / where / "a.json").write_text(json.dumps(record), "utf-8")
    ran = call_cli("--config", folder / "publisher.toml", "run", "--strict", "--json", "--as-of", "2021-06-10")
    assert (ran.status, ran.json["states"]["published"]) == (0, 2)


def test_every_place_to_fill_in_is_named_and_no_other(made):
    folder, told = made
    found = {
        f"{file.relative_to(folder)}:{number}"
        for file in folder.glob("content/**/*.md")
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1)
        if "to-fill" in line
    }
    assert len(found) >= 5
    assert set(told["to_fill"]) == found  # the name, the address and the region were given


def test_what_was_not_given_is_to_be_filled_in(tmp_path, call_cli):
    ran = call_cli("init", tmp_path / "p")
    lines = (tmp_path / "p" / "publisher.toml").read_text("utf-8").splitlines()
    named = [lines[int(number) - 1] for number in re.findall(r"publisher\.toml:(\d+)", ran.out)]
    assert [line.partition(" ")[0] for line in named] == ["name", "base_url", "region_code"]


def test_the_texts_name_no_office_and_no_plan_of_another(made):
    folder, _ = made
    texts = "".join(file.read_text("utf-8") for file in folder.rglob("*.md"))
    assert "江苏" not in texts
    assert not (folder / "content/pages/documents").exists()
    assert {file.name for file in folder.glob("content/pages/*")} == {one.name for one in shipped.PAGES.glob("*.md")}


def test_each_key_that_is_commented_out_is_a_key(made):
    """A person takes the # away and it works."""
    folder, _ = made
    text = (folder / "publisher.toml").read_text("utf-8")
    blocks = re.findall(r"(?:^# (?:\[|\w+ = ).*\n)+", text, re.MULTILINE)
    whole = re.sub(r"^# (?=\[|\w+ = )", "", text, flags=re.MULTILINE)
    first = whole.index("\n[source]")
    whole = whole[:first] + whole[whole.index("\n[source]", first + 1) :]  # one source or the other
    (folder / "publisher.toml").write_text(whole, "utf-8")
    found = settings.load(folder / "publisher.toml")
    assert len(blocks) >= 3
    assert (found.source.kind, [one.name for one in found.endpoint]) == ("api", ["gsxt", "credit"])
    assert found.paths.theme == folder / "theme"


def test_what_is_private_is_kept_from_git_and_from_others(made):
    folder, _ = made
    assert stat.S_IMODE((folder / "var").stat().st_mode) == 0o700
    ignored = (folder / ".gitignore").read_text("utf-8").splitlines()
    assert {"/var", "/output", *(f"/records/{name}/" for name in starter.RECORDS)} <= set(ignored)


def test_the_theme_is_the_programs_unless_asked_for(made, tmp_path, call_cli):
    folder, _ = made
    assert settings.load(folder / "publisher.toml").paths.theme == shipped.THEME
    assert not (folder / "theme").exists()
    assert call_cli("init", tmp_path / "own", "--own-theme").status == 0
    assert settings.load(tmp_path / "own/publisher.toml").paths.theme == tmp_path / "own/theme"
    ours = {file.relative_to(ROOT / "theme") for file in (ROOT / "theme").rglob("*") if file.is_file()}
    assert {file.relative_to(tmp_path / "own/theme") for file in (tmp_path / "own/theme").rglob("*.*")} == ours


def test_a_folder_that_holds_something_is_left_alone(tmp_path, call_cli):
    (tmp_path / "letter.txt").write_text("kept", "utf-8")
    ran = call_cli("init", tmp_path)
    assert ran.status == 2
    assert "not an empty folder" in ran.err
    assert [one.name for one in tmp_path.iterdir()] == ["letter.txt"]
    assert call_cli("init", tmp_path / "letter.txt").status == 2


def test_a_fresh_repository_counts_as_empty(tmp_path, call_cli):
    (tmp_path / ".git").mkdir()
    assert call_cli("init", tmp_path).status == 0
    assert (tmp_path / "publisher.toml").exists()
    assert call_cli("init", tmp_path).status == 2  # no second time


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--region-code", "32"), "region_code"),
        (("--base-url", "gongshi.test"), "whole address"),
        (("--name", ""), "name"),
        (("--profile", "atlantis"), "jiangsu-2021"),
        (("--name", "\udcb2\udce2"), "UTF-8"),
    ],
)
@pytest.mark.parametrize("there", [True, False])
def test_a_wrong_value_leaves_nothing_behind(tmp_path, call_cli, options, named, there):
    folder = tmp_path / "portal"
    if there:
        folder.mkdir()
    ran = call_cli("init", folder, *options)
    assert ran.status == 2
    assert named in ran.err
    assert ".draft" not in ran.err
    assert folder.exists() == there
    assert list(tmp_path.rglob("*")) == ([folder] if there else [])


@pytest.mark.parametrize("name", ['引号"与\\反斜线', "换行\n第二行", "$name ${profile} %s {x}", "#注\x7f\x1b"])
def test_odd_names_arrive_as_they_are(tmp_path, call_cli, name):
    assert call_cli("init", tmp_path / "p", "--name", name).status == 0
    read = tomllib.loads((tmp_path / "p/publisher.toml").read_text("utf-8"))
    assert read["portal"]["name"] == name
    assert read["portal"]["profile"] in profile_names()
