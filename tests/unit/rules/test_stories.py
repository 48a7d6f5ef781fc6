"""Whole cases, one folder each: what the public may see of a record, day by day."""

import tomllib
from pathlib import Path

import pytest

from publisher.model import Verdict
from publisher.rules import judge

STORIES = Path(__file__).parents[2] / "data" / "stories"


def story(path):
    return tomllib.loads(path.joinpath("story.toml").read_text("utf-8"))


def plain(value):
    return "none" if value is None else [*value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("path", sorted(STORIES.iterdir()), ids=lambda path: path.name)
def test_a_story_is_judged_as_told(path, profile_named, workdays, facts):
    told = story(path)
    profile = profile_named(told["profile"])
    of = facts(
        profile,
        told["version"],
        told.get("case", ()),
        told.get("tombstone"),
        told.get("hold", ()),
        told.get("kind", "result"),
    )
    for expected in told["on"]:
        assert expected.keys() - {"day"} <= set(Verdict._fields), f"{path.name} names a field no verdict has"
        verdict = judge(of, profile, workdays, expected["day"])
        found = {key: plain(getattr(verdict, key)) for key in expected if key != "day"}
        assert found == {key: each for key, each in expected.items() if key != "day"}, expected["day"]


def test_each_story_says_what_it_is_about():
    for path in STORIES.iterdir():
        assert story(path)["about"].endswith("."), path.name
