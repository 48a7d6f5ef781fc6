"""The stages together, on a small portal: what is kept, what is told, and what a run may not do."""

import json
from collections import Counter

import pytest
from sqlalchemy import select

from publisher import pipeline
from publisher.errors import LedgerError, SettingsError
from publisher.ledger import Ledger, only_run
from publisher.ledger.schema import owed_page, record, set_aside

DAY = "2021-06-20"
ODD = "未发现任何毛病"  # a label no shipped profile knows
OVERLAY = f"""title = "测试"
extends = "jiangsu-2021"

[[version]]
effective_on = 2021-01-01
document = "测试文件"
certainty = "assumed"

[version.labels]
basis = "测试文件"
certainty = "assumed"
no_problem = ["{ODD}"]
"""


def rows(portal, table):
    with Ledger(portal.settings.ledger.url) as ledger, ledger.reading() as connection:
        return connection.execute(select(table)).all()


def codes(portal):
    return Counter(
        one["code"] for one in portal.call("check", "--json", day=DAY).lines if one["code"] != "assumed_value"
    )


def strict(portal, day=DAY):
    return portal.call("run", "--strict", day=day).status


# pull ----------------------------------------------------------------------------------------------------------------


def test_one_bad_record_is_set_aside_and_the_others_are_shown(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1), make_result(2, outcome=ODD), make_result(3))
    summary = portal_dir.take(DAY)
    assert summary["pulled"] == {"plans": 1, "item_lists": 0, "results": 2, "cases": 0}
    assert summary["problems"] == 1
    assert summary["states"]["published"] == 3
    [kept] = rows(portal_dir, set_aside)
    assert json.loads(kept.raw)["result_id"] == "R-2"


def test_a_record_set_aside_is_taken_when_the_profile_learns_its_label(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1, outcome=ODD), make_result(2, outcome="更奇怪的结论"))
    assert portal_dir.take(DAY)["problems"] == 2
    (portal_dir.root / "own.toml").write_text(OVERLAY, "utf-8")
    portal_dir.configure(profile="own.toml")
    summary = portal_dir.take(DAY)
    assert (summary["pulled"]["results"], summary["problems"]) == (1, 1)
    assert [row.record for row in rows(portal_dir, set_aside)] == ["R-2"]
    assert portal_dir.call("explain", "R-1", "--json", day=DAY).json["state"] == "published"


def test_a_file_put_right_is_no_longer_a_problem(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1, outcome=ODD))
    portal_dir.write("results/broken.jsonl", "{no json")
    assert portal_dir.take(DAY)["problems"] == 2
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.write("results/broken.jsonl", json.dumps(make_result(2)))
    assert portal_dir.take(DAY)["problems"] == 0
    assert rows(portal_dir, set_aside) == []


def test_a_record_put_right_in_another_file_is_no_longer_a_problem(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1, outcome=ODD))
    portal_dir.take(DAY)
    portal_dir.give(make_result(1), name="mended")
    assert portal_dir.take(DAY)["problems"] == 0


def test_a_file_that_was_a_problem_and_is_gone_is_none_any_more(portal_dir, make_plan):
    portal_dir.give(make_plan())
    names = ["results/notes.txt", "results/.hidden.jsonl", "results/broken.jsonl"]
    for name in names:
        portal_dir.write(name, "{no json")
    assert strict(portal_dir) == 10
    for number, name in enumerate(names, start=1):
        (portal_dir.feed / name).unlink()
        assert strict(portal_dir) == (10 if number < len(names) else 0)
    assert codes(portal_dir) == {}


def test_records_of_a_file_that_is_gone_stay_and_it_is_told_once(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan())
    portal_dir.give(make_result(1), name="b")
    portal_dir.run(DAY)
    (portal_dir.feed / "results/b.jsonl").unlink()
    ran = portal_dir.call("run", "--json", day=DAY)
    assert "results/b.jsonl is gone" in ran.err
    assert ran.json["states"]["published"] == 2
    assert "is gone" not in portal_dir.call("run", day=DAY).err


def test_another_content_under_a_known_version_is_a_problem_and_what_is_shown_stays(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.run(DAY)
    before = portal_dir.files()
    portal_dir.give(make_plan(), make_result(1, authority="另一个局"))
    summary = portal_dir.run(DAY)
    assert (summary["problems"], summary["pulled"]["results"]) == (1, 0)
    assert portal_dir.files() == before
    portal_dir.give(make_plan(), make_result(1))
    assert portal_dir.run(DAY)["problems"] == 0


def test_pulling_the_same_again_changes_nothing(portal_dir, make_plan, make_result, make_case):
    portal_dir.give(make_plan(), make_result(1), make_case("objection"))
    portal_dir.run(DAY)
    before = portal_dir.files()
    again = [make_plan(), make_result(1), make_case("objection")]
    portal_dir.give(*again, name="copy")
    summary = portal_dir.run(DAY)
    assert sum(summary["pulled"].values()) == summary["problems"] == summary["pages"]["written"] == 0
    assert portal_dir.files() == before


def test_another_source_is_read_from_the_start(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.take(DAY)
    portal_dir.feed.rename(portal_dir.root / "elsewhere")
    portal_dir.config.write_text(portal_dir.config.read_text("utf-8").replace('path = "source"', 'path = "elsewhere"'))
    assert sum(portal_dir.take(DAY)["pulled"].values()) == 0
    assert portal_dir.take(DAY)["states"]["published"] == 2


# days ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["run", "judge", "build", "push"])
def test_a_day_before_the_latest_is_refused_by_all_that_would_act_on_it(portal_dir, make_plan, make_result, command):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.run(DAY)
    before = portal_dir.files()
    ran = portal_dir.call(command, day="2021-06-19")
    assert ran.status == 2
    assert DAY in ran.err
    assert portal_dir.files() == before
    assert portal_dir.call("status", "--json").json["latest_day"] == DAY


def test_explaining_and_previewing_may_look_back(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.take(DAY)
    assert portal_dir.call("explain", "R-1", "--json", day="2021-06-07").json["state"] == "pending"
    assert portal_dir.call("explain", "R-1", "--json", day="2021-06-08").json["state"] == "published"
    assert portal_dir.call("preview", "--json", day="2021-06-07").status == 0


def test_a_result_is_shown_from_the_day_it_is_finalized(portal_dir, make_plan, make_result, make_code):
    portal_dir.give(make_plan(), make_result(1))
    address = f"subjects/320102/{make_code(1)}.html"
    assert portal_dir.run("2021-06-07")["states"] == {
        "pending": 1, "withheld": 0, "published": 1, "shielded": 0, "withdrawn": 0
    }  # fmt: skip
    assert address not in portal_dir.files()
    assert portal_dir.run("2021-06-08")["states"]["published"] == 2
    assert address in portal_dir.files()


@pytest.mark.parametrize("text", ["yesterday", "2021-6-2", "20210602", "2021-W22-3", "2021-06-31", "2021/06/02"])
def test_a_day_is_written_one_way(portal_dir, text):
    ran = portal_dir.call("run", day=text)
    assert (ran.status, "is not a date" in ran.err) == (2, True)
    with pytest.raises(SettingsError):
        pipeline.day_of(text, pipeline.date(2021, 6, 20))


# one at a time, and nothing half -------------------------------------------------------------------------------------


def test_a_second_run_is_refused_and_changes_nothing(portal_dir, make_plan):
    portal_dir.give(make_plan())
    with only_run(portal_dir.var):
        ran = portal_dir.call("run", day=DAY)
    assert ran.status == LedgerError.exit_status
    assert "another run is under way (process " in ran.err
    assert not portal_dir.output.exists()


@pytest.mark.parametrize("asked", ["check", "preview"])
def test_what_only_asks_keeps_nothing(portal_dir, make_plan, make_result, asked):
    portal_dir.give(make_plan(), make_result(1, outcome=ODD))
    assert portal_dir.call(asked, "--json", day=DAY).status == 0
    assert not portal_dir.var.exists()
    assert not portal_dir.output.exists()
    portal_dir.take(DAY)
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    assert portal_dir.call(asked, "--json", day="2021-07-01").status == 0
    status = portal_dir.call("status", "--json").json
    assert (status["latest_day"], status["records"], status["problems"]) == (DAY, {"plan": 1}, 1)


def test_preview_says_what_a_run_then_does(portal_dir, make_plan, make_result, make_case):
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    portal_dir.run(DAY)
    portal_dir.give(
        make_result(2, version=2, finalized_at="2021-06-21T09:00:00+08:00"),
        make_result(3),
        make_case(decided_on="2021-06-22"),
        name="b",
    )
    seen = portal_dir.call("preview", "--json", day="2021-06-22").json
    assert {(one["action"], one["record_id"]) for one in seen["planned"]} == {
        ("stop", "R-1"), ("change", "R-2"), ("add", "R-3")
    }  # fmt: skip
    did = portal_dir.run("2021-06-22")
    assert (seen["pulled"], seen["states"]) == (did["pulled"], did["states"])
    assert portal_dir.call("preview", "--json", day="2021-06-22").json["planned"] == []


def test_the_stages_one_by_one_make_what_a_run_makes(portal_dir, make_plan, make_result, tmp_path_factory, call_cli):
    portal_dir.give(make_plan(), make_result(1), make_result(2, finalized_at=None))
    for stage in ("pull", "judge", "build", "push"):
        ran = portal_dir.call(stage, "--json", day=DAY)
        assert ran.status == 0, ran.err
    assert rows(portal_dir, owed_page) == []
    assert portal_dir.run(DAY)["pages"]["written"] == 0
    assert {row.record_id: row.state for row in rows(portal_dir, record)} == {
        "P2021-1": "published", "R-1": "published", "R-2": "pending"
    }  # fmt: skip


def test_a_hold_stops_a_record_and_its_end_shows_it_again(portal_dir, make_plan, make_result, make_code):
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    portal_dir.run(DAY)
    assert portal_dir.call("hold", "R-1", "--basis", "测试文号", "--by", "测某", day="2021-06-21").status == 0
    assert portal_dir.run("2021-06-21")["states"]["withheld"] == 1
    assert [name for name, content in portal_dir.files().items() if make_code(1).encode() in content] == []
    assert portal_dir.call("hold", "R-1", "--lift", day="2021-06-22").status == 0
    assert portal_dir.run("2021-06-22")["states"]["published"] == 3
    assert f"subjects/320102/{make_code(1)}.html" in portal_dir.files()
    for wrong in (("R-1", "--lift"), ("R-9", "--lift"), ("R-9", "--basis", "a", "--by", "b"), ("R-1", "--basis", "a")):
        assert portal_dir.call("hold", *wrong, day="2021-06-22").status == 2


def test_a_changed_profile_has_everything_judged_again(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.take(DAY)
    portal_dir.configure(profile="national-2024")
    assert portal_dir.take(DAY)["states"]["published"] == 2
    with Ledger(portal_dir.settings.ledger.url) as ledger, ledger.reading() as connection:
        due = connection.execute(
            select(record.c.record_id).where(record.c.judge_on <= pipeline.date(2021, 6, 20))
        ).all()
    assert due == []
