"""docs/rules.md says what the rules do: held to the code, the profiles and the stories."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pytest

from publisher.rules import load_profile, profile_names
from publisher.rules.judge import CAUSES, MARKS
from publisher.rules.terms import RULE_IDS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "rules.md").read_text("utf-8")
STORIES = ROOT / "tests" / "data" / "stories"
NATIONAL = load_profile("national")


def rows(heading):
    """The cells of the tables below a heading."""
    section = TEXT.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if not line.startswith("|--")][1:]


def ticked(cell):
    return re.findall(r"`([^`]+)`", cell)


RULES = {ticked(row[0])[0]: row for row in rows("2.")}
KEYS = {each.key for each in NATIONAL.values()} - {"effective_on"}


def told_rules():
    """Every rule that a story expects, with the stories that do."""
    found = {}
    for path in STORIES.iterdir():
        told = tomllib.loads((path / "story.toml").read_text("utf-8"))
        for each in told["on"]:
            if "rule" in each:
                found.setdefault(each["rule"], set()).add(path.name)
    return found


def test_every_rule_is_documented_once_in_its_order():
    assert [*RULES] == [*RULE_IDS]


@pytest.mark.parametrize("rule", RULE_IDS)
def test_a_rule_cites_the_article_of_the_national_profile(rule):
    assert RULES[rule][1] == NATIONAL.latest.rules[rule].basis


@pytest.mark.parametrize("rule", RULE_IDS)
def test_a_rule_names_stories_that_expect_it(rule):
    named = {name.strip() for name in RULES[rule][3].split(",")}
    assert named <= told_rules()[rule]


@pytest.mark.parametrize("rule", RULE_IDS)
def test_a_rule_names_keys_that_exist(rule):
    for key in ticked(RULES[rule][2]):
        pattern = re.compile(re.escape(key).replace(r"\*", r"[a-z_.]+"))
        assert any(pattern.fullmatch(each) for each in {*KEYS, "codes.no_problem"}), key


def test_the_order_of_causes_and_marks_is_that_of_the_code():
    causes = TEXT.split("order is `error`", 1)[1].split("(story", 1)[0]
    assert ["error", *ticked(causes)] == [*CAUSES]
    marks = TEXT.split("Marks stand in the order", 1)[1].split(". A withdrawn", 1)[0]
    assert ticked(marks) == [*MARKS]


def test_the_shipped_profiles_are_named():
    shipped = TEXT.split("\nShipped:", 1)[1].split("\n\n", 1)[0]
    assert sorted(ticked(shipped)) == [*profile_names()]


def test_every_key_of_a_profile_is_documented_and_exists():
    documented = {key for row in rows("6.") for key in ticked(row[0])}
    general = {
        re.sub(r"^(outcome|labels|codes)\.[a-z_]+", r"\1.ID", re.sub(r"^rule\..+", "rule.RULE", key)) for key in KEYS
    }
    assert documented == general | {"codes.ID"}


def test_the_example_overlay_works(tmp_path):
    example = re.search(r"```toml\n(.+?)```", TEXT, re.DOTALL)
    (tmp_path / "own.toml").write_text(example[1], "utf-8")
    rules = load_profile("own.toml", tmp_path).on(date(2026, 5, 1))
    assert (rules.publish_within["result"].number, rules.bands["moderate"].maximum.number) == (7, 6)


def test_the_table_of_periods_is_that_of_the_national_profile():
    starts = [re.findall(r"\d{4}-\d\d-\d\d", row[0]) for row in rows("5.")]
    assert [each for found in starts for each in found] == [day.isoformat() for day in NATIONAL.versions]


def test_every_warning_is_documented():
    source = (ROOT / "src" / "publisher" / "rules" / "checks.py").read_text("utf-8")
    codes = set(re.findall(r'"([a-z]+(?:_[a-z]+)+)"', source)) & {ticked(row[0])[0] for row in rows("7.")}
    asked = set(re.findall(r'(?:warn|Problem)\(\s*\*?\(?"([a-z_]+)"', source))
    asked |= set(re.findall(r'_warn\(\s*[a-z.]+,\s*"([a-z_]+)"', source))
    assert asked
    assert codes == {ticked(row[0])[0] for row in rows("7.")} == asked


def test_every_warning_cites_its_source_at_the_end_of_its_sentence():
    source = (ROOT / "src" / "publisher" / "rules" / "checks.py").read_text("utf-8")
    source = re.sub(r'""".*?"""', "", source, flags=re.DOTALL)
    sentences = re.findall(r'"([^"]*\.)"', source)
    cited = [one for one in sentences if re.search(r"\((R\d-\d\d(, R\d-\d\d)*|[^()]+方案|[^()]*令[^()]*)\)\.$", one)]
    assert set(sentences) == set(cited)
    assert len(cited) == len(rows("7."))
