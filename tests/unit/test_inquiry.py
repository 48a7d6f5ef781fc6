"""What a person may ask of a portal, through the real command: nothing asked changes anything."""

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from publisher.ledger import Ledger
from publisher.ledger.schema import entry, record, run
from publisher.rules import profile_names

DAY = "2021-07-01"
NEGATIVE = "不合格"


def ledger_state(portal_dir):
    """Everything the judge stage wrote: rows of records, lines of history, runs."""
    with Ledger(portal_dir.settings.ledger.url) as ledger, ledger.reading() as connection:
        rows = [tuple(row) for row in connection.execute(select(record).order_by(record.c.record_no))]
        return (
            rows,
            connection.execute(select(func.count()).select_from(entry)).scalar_one(),
            connection.execute(select(func.count()).select_from(run)).scalar_one(),
        )


def judged(portal_dir, day=DAY):
    for stage in ("pull", "judge"):
        ran = portal_dir.call(stage, "--json", day=day)
        assert ran.status == 0, ran.err
    return ran.json


def found(portal_dir, day=DAY):
    ran = portal_dir.call("check", "--json", day=day)
    assert ran.status == 0, ran.err
    return [one for one in ran.lines if one["code"] != "assumed_value"]


# --- a record older than the rules


def test_a_record_older_than_the_calendar_stops_nothing(portal_dir, make_plan, make_result):
    portal_dir.give(
        make_plan(), make_result(1), make_result(2, ended_on="2014-03-04"), make_result(3, ended_on="2014-11-03")
    )
    summary = judged(portal_dir)
    assert summary["states"] == {"pending": 2, "withheld": 0, "published": 2, "shielded": 0, "withdrawn": 0}
    assert summary["problems"] == 2
    gaps = [one for one in found(portal_dir) if one["code"] == "calendar_gap"]
    assert [(one["record"], one["file"], one["line"]) for one in gaps] == [("R-2", None, None), ("R-3", None, None)]
    assert "2014-10-01" in gaps[0]["message"]
    assert "2015-01-01" in gaps[1]["message"]
    ran = portal_dir.call("explain", "R-2", "--json", day=DAY)
    assert (ran.json["state"], ran.json["rule"], ran.json["next_change_on"]) == (
        "pending",
        "pending.before_rules",
        None,
    )
    assert "早于" in portal_dir.call("explain", "R-2", day=DAY).out


def test_a_gap_is_judged_once_and_forgotten_when_it_closes(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1, ended_on="2014-03-04"))
    judged(portal_dir)
    history = ledger_state(portal_dir)[1]
    assert judged(portal_dir, "2021-07-02")["problems"] == 1
    assert ledger_state(portal_dir)[1] == history
    portal_dir.give(make_plan(), make_result(1, version=2))
    summary = judged(portal_dir, "2021-07-05")
    assert (summary["problems"], summary["states"]["published"]) == (0, 1 + 1)


# --- check: the rules' warnings


def item(code, **changes):
    return {
        "item_code": code, "category": "公示信息抽查", "name": f"事项{code}", "class": "一般检查事项",
        "subjects": "企业", "methods": None, "authority": None, "basis": "《企业信息公示暂行条例》第十四条",
        "ratio": "≤3%", "frequency": None, **changes,
    }  # fmt: skip


def test_check_lists_the_warnings_of_every_kind_with_their_rule(
    portal_dir, make_plan, make_item_list, make_result, make_task
):
    portal_dir.configure(profile="guyang-2021")
    adjustment = {"kind": "added", "reason": "增加", "approved_by": "联席办", "approved_on": "2021-09-30"}
    plan = make_plan(
        finalized_at="2021-09-01T09:00:00+08:00", declared_task_count=20, tasks=[make_task(), make_task("T-2", seq=2)]
    )
    portal_dir.give(
        plan,
        {**plan, "revision": 2, "finalized_at": "2021-09-02T09:00:00+08:00", "adjustment": adjustment},
        make_item_list(finalized_at="2021-09-02T09:00:00+08:00", items=[item("A07", ratio=None), item("A08")]),
        *(make_result(one, subject__uscc=None, subject__name="甲", ended_on=f"2021-0{one}-02") for one in (4, 5, 6)),
    )  # fmt: skip
    summary = judged(portal_dir, "2021-10-08")
    assert summary["problems"] == 0
    before = ledger_state(portal_dir)
    by_code = {one["code"]: one for one in found(portal_dir, "2021-10-08")}
    rule_of = {code: one["message"].rpartition("(")[2].rstrip(").") for code, one in by_code.items()}
    assert rule_of == {
        "task_count_differs": "R0-10",
        "ratio_without_cap": "R1-02",
        "adjustment_approved_late": "R1-09",
        "few_departments": "R1-11",
        "tasks_to_merge": "R1-12, R3-10",
        "inspected_too_often": "R2-09, R3-12, R4-06",
    }
    assert by_code["inspected_too_often"]["record"] == "R-6"
    assert ledger_state(portal_dir) == before


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({}, True),
        ({"remark": "投诉举报多，增加检查"}, False),
        ({"remark": "列入经营异常名录后复查"}, False),
        (
            {"findings": [{"seq": 1, "item_code": "A07", "item_name": "x", "outcome": "合格", "note": "有失信行为"}]},
            False,
        ),
        ({"ended_on": "2021-05-06"}, False),  # the same day as another: one visit (R0-20)
        ({"ended_on": "2022-01-05", "finalized_at": "2022-01-06T09:00:00+08:00"}, False),  # another calendar year
        ({"subject__name": "乙"}, False),
        ({"finalized_at": None}, True),  # not shown, but it took place
    ],
)
def test_a_third_inspection_in_a_year_is_warned_about_unless_excepted(
    portal_dir, make_plan, make_result, changes, warned
):
    same = {"subject__uscc": None, "subject__name": "甲"}
    third = {**same, "ended_on": "2021-06-02", **changes}
    portal_dir.give(
        make_plan(),
        make_result(1, **same, ended_on="2021-04-06"),
        make_result(2, **same, ended_on="2021-05-06"),
        make_result(3, **third),
    )
    often = [one["record"] for one in found(portal_dir, "2022-02-01") if one["code"] == "inspected_too_often"]
    assert often == (["R-3"] if warned else [])


def test_an_inspection_after_the_subject_was_listed_is_excepted(portal_dir, make_plan, make_result):
    same = {"subject__uscc": None, "subject__name": "甲"}
    visits = [
        make_result(1, **same, ended_on="2021-04-06"),
        make_result(2, **same, ended_on="2021-05-06", disposition="已列入经营异常名录"),
        make_result(3, **same, ended_on="2021-06-02"),
    ]
    portal_dir.give(make_plan(), *visits)
    assert "inspected_too_often" not in {one["code"] for one in found(portal_dir)}


def test_a_key_item_is_excepted_where_the_profile_says_so(portal_dir, make_plan, make_item_list, make_result):
    portal_dir.configure(profile="changjiang-2023")
    same = {"subject__uscc": None, "subject__name": "甲", "finalized_at": "2023-09-01T09:00:00+08:00"}
    visits = [make_result(1, **same, ended_on="2023-07-03"), make_result(2, **same, ended_on="2023-08-03")]
    for item_class, warned in (("一般检查事项", ["R-2"]), ("重点检查事项", [])):
        portal_dir.give(make_plan(), make_item_list(items=[item("A07", **{"class": item_class})]), *visits)
        often = [one["record"] for one in found(portal_dir, "2023-09-04") if one["code"] == "inspected_too_often"]
        assert often == warned


def test_a_result_taken_back_is_warned_about_no_more(portal_dir, make_plan, make_result):
    late = make_result(1, recorded_at="2021-06-29T10:00:00+08:00")
    portal_dir.give(make_plan(), late)
    assert [one["code"] for one in found(portal_dir)] == ["recorded_late"]
    tombstone = {"kind": "tombstone", "record_kind": "result", "record_id": "R-1", "reason": None, "on": "2021-06-30"}
    portal_dir.give(make_plan(), late, tombstone)
    assert found(portal_dir) == []


def test_warnings_are_on_no_page_and_not_among_the_problems_of_a_run(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(declared_task_count=20), make_result(1, recorded_at="2021-06-29T10:00:00+08:00"))
    assert {one["code"] for one in found(portal_dir)} == {"recorded_late", "task_count_differs"}
    assert portal_dir.run(DAY)["problems"] == 0
    for path, text in portal_dir.files().items():
        for words in (b"recorded_late", b"task_count_differs", b"R0-10"):
            assert words not in text, path


# --- repairs to tell elsewhere


def test_a_repair_for_a_firm_of_another_province_is_counted_until_its_time_is_over(
    portal_dir, make_plan, make_result, make_case
):
    repair = make_case(
        "repair", filed_on="2026-07-13", decided_on="2026-07-22", corrected_on="2026-05-06", commitment="守法经营"
    )
    elsewhere = make_result(
        1, outcome=NEGATIVE, subject__region_code="340100", ended_on="2026-04-07",
        recorded_at="2026-04-08T10:00:00+08:00", finalized_at="2026-04-10T09:00:00+08:00",
    )  # fmt: skip
    portal_dir.give(make_plan(), elsewhere, make_result(2), repair)
    for day, number in (("2026-07-21", 0), ("2026-07-22", 1), ("2026-07-27", 1), ("2026-07-28", 0)):
        judged(portal_dir, day)
        codes = [one["code"] for one in found(portal_dir, day)]
        assert codes.count("repair_to_tell_elsewhere") == number, day
        assert portal_dir.call("status", "--json", day=day).json["to_tell_elsewhere"] == number, day


# --- a change of rules


def overlay(root: Path, text: str) -> Path:
    file = root / "own.toml"
    file.write_text(
        'title = "某市"\nextends = "jiangsu-2021"\n[[version]]\neffective_on = 2021-01-01\ndocument = "某市办法"\n'
        f'certainty = "confirmed"\n{text}\n',
        "utf-8",
    )
    return file


def test_a_change_of_rules_is_shown_before_it_is_switched_on(portal_dir, make_plan, make_result):
    portal_dir.give(
        make_plan(),
        make_result(1),
        make_result(2, subject__kind="sole_trader"),
        make_result(3, subject__kind="sole_trader", finalized_at=None),
    )
    judged(portal_dir)
    before = ledger_state(portal_dir)
    own = overlay(
        portal_dir.root,
        '[version.naming]\nkinds = { value = ["enterprise"], basis = "某市办法第三条", certainty = "confirmed" }\n'
        '[version.rule]\n"withhold.person" = { value = "x", basis = "某市办法第三条", certainty = "confirmed" }',
    )
    ran = portal_dir.call("rules", "diff", "jiangsu-2021", own, "--json", day=DAY)
    assert ran.status == 0, ran.err
    assert ran.lines == [
        {"kind": "result", "record_id": "R-2", "was": "published", "now": "withheld", "rule": "withhold.person",
         "basis": "某市办法第三条", "effect": "stop"},
        {"publish": 0, "stop": 1, "same": 3},
    ]  # fmt: skip
    ran = portal_dir.call("rules", "diff", own, "jiangsu-2021", day=DAY)
    assert ran.out.splitlines()[0].startswith("result R-2  withheld → published  publish.final  ")
    assert ran.out.splitlines()[1] == "1 would be published, 0 stopped, 3 stay as they are"
    assert ledger_state(portal_dir) == before


def test_a_change_of_rules_is_asked_for_a_day(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1, outcome=NEGATIVE))
    judged(portal_dir)
    band = '{ value = "1 month", basis = "某市办法", certainty = "confirmed" }'
    own = overlay(portal_dir.root, f"[version.period]\nmoderate.maximum = {band}")
    for day, stopped in (("2021-07-07", 0), ("2021-07-08", 1)):  # published on 2021-06-08
        ran = portal_dir.call("rules", "diff", "jiangsu-2021", own, "--json", day=day)
        assert ran.lines[-1]["stop"] == stopped, day


def test_a_profile_that_is_none_ends_with_the_status_of_the_rules(portal_dir):
    ran = portal_dir.call("rules", "diff", "jiangsu-2021", "atlantis", day=DAY)
    assert ran.status == 4
    assert "atlantis" in ran.err


def test_the_shipped_profiles_are_listed(portal_dir):
    ran = portal_dir.call("rules", "list", "--json")
    assert [one["name"] for one in ran.lines] == [*profile_names()]
    assert all(one["title"] and "2026-04-01" in one["versions"] for one in ran.lines)
    assert portal_dir.call("rules", "list").out.count("\n") == len(profile_names())


# --- an officer's hold


def answered(drop):
    """Answer every batch that lies in the folder, as the other side would; return the actions it held, by record."""
    (drop / "feedback").mkdir(exist_ok=True)
    actions = {}
    for ready in sorted((drop / "outbox").glob("*.ready")):
        lines = [json.loads(line) for line in ready.with_suffix(".jsonl").read_text("utf-8").splitlines()]
        actions |= {one["record_id"]: (one["action"], one["version"], one["payload"] is None) for one in lines}
        receipts = [
            {"record_id": one["record_id"], "version": one["version"], "status": "accepted", "receipt_no": "F-1",
             "code": None, "message": None}
            for one in lines
        ]  # fmt: skip
        (drop / "feedback" / f"{ready.stem}.jsonl").write_text(
            "".join(json.dumps(one) + "\n" for one in receipts), "utf-8"
        )
    return actions


@pytest.mark.parametrize(
    ("record_id", "page"),
    [
        ("R-1", "subjects/320102/{code}.html"),
        ("P2021-1", "plans/2021/P2021-1/index.html"),
        ("JS-TEST", "items/JS-TEST/index.html"),
    ],
)
def test_a_hold_stops_a_record_everywhere_and_its_lifting_brings_it_back(
    portal_dir, make_plan, make_item_list, make_result, make_code, record_id, page
):
    drop = portal_dir.root / "drop"
    portal_dir.configure(endpoints=[{"name": "credit", "kind": "filedrop", "path": str(drop), "mapping": "plain"}])
    portal_dir.give(make_plan(), make_item_list(), make_result(1))
    path = portal_dir.output / page.format(code=make_code(1))

    assert portal_dir.run("2021-07-01")["states"]["published"] == 3
    assert path.is_file()
    assert answered(drop)[record_id] == ("publish", 1, False)

    ran = portal_dir.call(
        "hold", record_id, "--basis", "政府信息公开条例第十七条", "--by", "值班员", "--json", day="2021-07-02"
    )
    assert (ran.status, ran.json) == (0, {"record_id": record_id, "held": True})
    assert portal_dir.call("status", "--json", day="2021-07-02").json["holds"] == 1
    summary = portal_dir.run("2021-07-02")
    assert (summary["states"]["withheld"], summary["states"]["published"]) == (1, 2)
    assert not path.exists()
    assert answered(drop)[record_id] == ("withdraw", 2, True)
    if record_id == "R-1":
        told = portal_dir.call("explain", "R-1", "--json", day="2021-07-02").json
        assert (told["rule"], told["basis"], told["since"]) == (
            "withhold.hold",
            "政府信息公开条例第十七条",
            "2021-07-02",
        )

    assert portal_dir.call("hold", record_id, "--lift", day="2021-07-05").status == 0
    assert portal_dir.run("2021-07-05")["states"]["published"] == 3
    assert path.is_file()
    assert answered(drop)[record_id] == ("publish", 3, False)
    assert portal_dir.call("status", "--json", day="2021-07-05").json["holds"] == 0
    if record_id == "R-1":  # the past stays as it was
        assert portal_dir.call("explain", "R-1", "--json", day="2021-07-04").json["state"] == "withheld"


def test_a_hold_that_makes_no_sense_is_refused(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1))
    judged(portal_dir)
    before = ledger_state(portal_dir)[0]
    for args, words in (
        (("R-1", "--lift"), "not on hold"),
        (("R-9", "--basis", "x", "--by", "y"), "no record R-9"),
        (("R-1", "--basis", "x"), "--by"),
        (("R-1", "--basis", "x", "--by", "y", "--lift"), "--lift"),
        (("R-1",), "--basis"),
    ):
        ran = portal_dir.call("hold", *args, day=DAY)
        assert ran.status == 2, args
        assert words in ran.err, args
    assert ledger_state(portal_dir)[0] == before


def test_an_id_of_two_kinds_is_held_and_lifted_as_one(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan("X-1"), make_result(1, result_id="X-1", plan_id="X-1"))
    judged(portal_dir)
    assert portal_dir.call("hold", "X-1", "--basis", "x", "--by", "y", day=DAY).status == 0
    assert judged(portal_dir)["states"]["withheld"] == 2
    assert portal_dir.call("hold", "X-1", "--lift", day=DAY).status == 0
    assert judged(portal_dir)["states"]["published"] == 2
