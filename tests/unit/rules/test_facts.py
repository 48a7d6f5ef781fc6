from datetime import date

import pytest

from publisher.rules import Hold, facts_of


def test_facts_hold_what_judging_needs(profile_named, body):
    versions = [
        body["result"](version=2, ended_on=date(2026, 3, 2), finalized_at="2026-03-05T16:00:00Z", outcome="不合格"),
        body["result"](ended_on=date(2026, 3, 2), recorded_at="2026-03-03T23:59:59+08:00", severity="minor"),
    ]
    facts = facts_of("result", versions, [], None, [], profile_named("national"))
    assert [each.number for each in facts.versions] == [1, 2]
    assert [each.finalized_on for each in facts.versions] == [None, date(2026, 3, 6)]
    assert facts.versions[1].outcomes == ("failed",)
    assert facts.versions[0].severity == "minor"
    assert (facts.record_id, facts.ended_on, facts.recorded_on) == ("R-1", date(2026, 3, 2), date(2026, 3, 3))
    assert facts.region_code == "320102"


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        ("2026-03-05T00:00:00+08:00", date(2026, 3, 5)),
        ("2026-03-05T15:59:59Z", date(2026, 3, 5)),
        ("2026-03-05T16:00:00+00:00", date(2026, 3, 6)),
        ("2026-03-05T23:30:00.5-05:00", date(2026, 3, 6)),
        ("2026-03-05T00:30:00+0900", date(2026, 3, 4)),
        ("2026-03-05T01:30+09:00", date(2026, 3, 5)),
    ],
)
def test_the_civil_day_is_that_of_shanghai(profile_named, body, instant, day):
    facts = facts_of("result", [body["result"](finalized_at=instant)], [], None, [], profile_named("national"))
    assert facts.versions[0].finalized_on == day


def test_the_first_of_two_contents_with_one_number_stays(profile_named, body):
    versions = [body["result"](outcome="合格"), body["result"](outcome="不合格")]
    facts = facts_of("result", versions, [], None, [], profile_named("national"))
    assert [each.outcomes for each in facts.versions] == [("passed",)]


def test_a_date_without_a_decision_decides_nothing(profile_named, body):
    case = {"case_id": "C-1", "case_type": "repair", "filed_on": "2026-03-01", "decided_on": "2026-03-09"}
    facts = facts_of("result", [body["result"]()], [case], None, [], profile_named("national"))
    assert facts.cases[0].decided_on is None
    assert not facts.cases[0].granted


def test_plans_lists_tombstones_and_holds(profile_named, body):
    hold = Hold(date(2026, 3, 1), None, "先停后查", "值班员")
    tombstone = {"on": "2026-04-01", "reason": "重复"}
    plan = body["plan"](approved_on=date(2026, 2, 2), openness="withheld", openness_basis="条例第十四条")
    facts = facts_of("plan", [plan], [], tombstone, [hold], profile_named("national"))
    assert (facts.record_id, facts.plan_year, facts.approved_on) == ("P-1", 2021, date(2026, 2, 2))
    assert (facts.retracted_on, facts.retracted_basis, facts.holds) == (date(2026, 4, 1), "重复", (hold,))
    assert facts.versions[0][2:5] == (False, "条例第十四条", None)
    temporary = body["plan"](plan_type="temporary", filed_on=date(2026, 2, 2))
    assert facts_of("plan", [temporary], [], None, [], profile_named("national")).plan_year is None
    assert facts_of("item_list", [body["item_list"]()], [], None, [], profile_named("national")).record_id == "L-1"


@pytest.mark.parametrize(
    ("final", "ended_on"),
    [((True, True), 2), ((True, False), 1), ((False, False), 2), ((True, True, False), 2), ((False, False, False), 3)],
)
def test_the_highest_final_version_tells_when_the_inspection_ended(profile_named, body, final, ended_on):
    versions = [
        body["result"](
            version=number,
            ended_on=date(2026, 3, number),
            region_code=f"32010{number}",
            finalized_on=date(2026, 4, 1) if is_final else None,
        )
        for number, is_final in enumerate(final, 1)
    ]
    facts = facts_of("result", versions, [], None, [], profile_named("national"))
    assert (facts.ended_on, facts.region_code) == (date(2026, 3, ended_on), f"32010{ended_on}")


@pytest.mark.parametrize(
    ("label", "code", "outcome"),
    [
        ("b", None, "not_disclosed"),
        ("没有这种说法", "b", "not_disclosed"),
        ("合格", "b", None),
        ("合格", None, "passed"),
    ],
)
def test_the_code_of_a_finding_counts_beside_its_label(profile_named, body, label, code, outcome):
    profile = profile_named("zhejiang-codes")
    known = {
        each.key.removeprefix("codes."): each.value[0] for each in profile.values() if each.key.startswith("codes.")
    }
    written = {"b": known["not_disclosed"]}
    result = body["result"]()
    result["findings"][0] |= {"outcome": written.get(label, label), "outcome_code": written.get(code, code)}
    assert facts_of("result", [result], [], None, [], profile).versions[0].outcomes == (outcome,)
