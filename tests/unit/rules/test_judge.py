"""What holds of every verdict, whatever the record: found by trying many."""

import os
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.errors import CalendarGap
from publisher.model import STATES, CaseType
from publisher.rules import Hold, facts_of, judge, load_profile, load_workdays, why_before_rules
from publisher.rules.judge import CAUSES, MARKS, _full, _plain
from publisher.rules.terms import RULE_IDS
from publisher.rules.timeline import Timeline

ONE_DAY = timedelta(1)
WORKDAYS = load_workdays()
NAMES = ("national", "jiangsu-2021", "changjiang-2023", "national-2024")
PROFILES = [load_profile(name) for name in NAMES]
LABELS = ("未发现问题", "合格", "不合格", "不配合检查情节严重", "其他情况", "注销")

days = st.dates(date(2025, 1, 1), date(2027, 6, 30))
far_days = st.dates(date(2014, 10, 1), date(2032, 12, 31))
maybe_days = st.none() | days


def text(day):
    return day.isoformat() if day else None


@st.composite
def bodies(draw):
    ended_on = draw(st.dates(date(2024, 11, 1), date(2026, 12, 31)))
    kind = draw(st.sampled_from(["enterprise"] * 8 + ["person"]))
    versions = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        final = draw(maybe_days)
        versions.append(
            {
                "result_id": "R-1",
                "version": number,
                "subject": {"kind": kind, "region_code": "320102"},
                "ended_on": ended_on.isoformat(),
                "finalized_at": f"{final}T09:00:00+08:00" if final else None,
                "severity": draw(st.sampled_from([None, "minor", "moderate", "serious"])),
                "openness": draw(st.sampled_from(["public"] * 6 + ["withheld"])),
                "findings": [{"outcome": draw(st.sampled_from(LABELS))}],
            }
        )
    cases = []
    for number in range(draw(st.integers(0, 5))):
        decision = draw(st.sampled_from(["granted"] * 4 + ["refused", None]))
        filed_on = draw(days)
        lifted_on = draw(maybe_days)
        cases.append(
            {
                "case_id": f"C-{number}",
                "case_type": draw(st.sampled_from(CaseType.__args__)),
                "filed_on": filed_on.isoformat(),
                "decision": decision,
                "decided_on": text(draw(days)) if decision else None,
                "lifted_on": text(lifted_on),
            }
        )
    tombstone = {"on": draw(days).isoformat()} if draw(st.integers(0, 6)) == 0 else None
    holds = [Hold(draw(days), draw(maybe_days), "先停后查", "值班员")] if draw(st.integers(0, 4)) == 0 else []
    return versions, cases, tombstone, holds, draw(st.sampled_from(PROFILES))


def facts(made):
    versions, cases, tombstone, holds, profile = made
    return facts_of("result", versions, cases, tombstone, holds, profile), profile


def seen(verdict):
    return verdict._replace(since=None, next_change_on=None)


EXAMPLES = int(os.environ.get("PUBLISHER_TEST_EXAMPLES", "300"))  # `make mutants` asks for fewer
many = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@many
@given(bodies(), far_days)
def test_a_verdict_uses_the_agreed_words_and_agrees_with_itself(made, day):
    of, profile = facts(made)
    verdict = judge(of, profile, WORKDAYS, day)
    assert verdict == judge(of, profile, WORKDAYS, day)
    assert verdict.state in STATES
    assert verdict.rule in RULE_IDS
    assert verdict.basis
    assert (verdict.cause in CAUSES) == (verdict.state == "withdrawn")
    assert [*verdict.marks] == [mark for mark in MARKS if mark in verdict.marks]
    if verdict.state == "withheld":
        assert verdict.marks == ()
    if verdict.state == "withdrawn":
        assert set(verdict.marks) <= {"late"}
        assert verdict.rule == f"withdraw.{verdict.cause}"


@many
@given(bodies(), far_days)
def test_no_day_shows_what_is_withheld_or_not_final(made, day):
    versions, cases, _, holds, _ = made
    of, profile = facts(made)
    verdict = judge(of, profile, WORKDAYS, day)
    final = [each for each in versions if each["finalized_at"] and each["finalized_at"][:10] <= day.isoformat()]
    if verdict.state in ("published", "shielded", "withdrawn"):
        assert final, "nothing is finalized"
        shown = max(final, key=lambda each: each["version"])
        assert verdict.version == shown["version"]
        assert shown["openness"] == "public"
        assert shown["subject"]["kind"] != "person"
        assert shown["findings"][0]["outcome"] != "注销"
        assert not any(hold.placed_on <= day and not (hold.lifted_on and hold.lifted_on <= day) for hold in holds)
        for case in cases:
            if case["case_type"] == "withhold" and case["decision"] == "granted":
                lifted = case["lifted_on"]
                assert case["decided_on"] > day.isoformat() or (lifted and lifted <= day.isoformat())
    if verdict.state == "published":
        stops = {"penalty_stopped", "abnormal_list_removed", "serious_list_removed"}
        assert not any(
            case["case_type"] in stops and case["decision"] == "granted" and case["decided_on"] <= day.isoformat()
            for case in cases
        )


@many
@given(bodies(), st.lists(far_days, min_size=8, max_size=8))
def test_a_verdict_holds_until_next_change_on_and_not_longer(made, tried):
    of, profile = facts(made)
    day = date(2014, 10, 1)
    chain = [(day, judge(of, profile, WORKDAYS, day))]
    while (following := chain[-1][1].next_change_on) is not None:
        assert following > chain[-1][0]
        verdict = judge(of, profile, WORKDAYS, following)
        assert seen(verdict) != seen(chain[-1][1]), following
        chain.append((following, verdict))
    for day in [*tried, *(start - ONE_DAY for start, _ in chain[1:])]:
        expected = [verdict for start, verdict in chain if start <= day][-1]
        assert judge(of, profile, WORKDAYS, day) == expected, day


@many
@given(bodies(), far_days)
def test_since_is_the_first_day_of_the_state(made, day):
    of, profile = facts(made)
    verdict = judge(of, profile, WORKDAYS, day)
    if verdict.since is None:
        assert verdict[:2] == judge(of, profile, WORKDAYS, date(2014, 10, 1))[:2]
        return
    assert verdict.since <= day
    assert judge(of, profile, WORKDAYS, verdict.since)[:2] == verdict[:2]
    assert judge(of, profile, WORKDAYS, verdict.since - ONE_DAY)[:2] != verdict[:2]


@many
@given(bodies(), far_days, st.randoms())
def test_the_order_in_which_records_arrive_does_not_matter(made, day, random):
    of, profile = facts(made)
    versions, cases, tombstone, holds, _ = made
    shuffled = [random.sample(each, len(each)) for each in (versions, cases, holds)]
    other = facts_of("result", shuffled[0], shuffled[1], tombstone, shuffled[2], profile)
    assert judge(other, profile, WORKDAYS, day) == judge(of, profile, WORKDAYS, day)


@many
@given(bodies(), far_days, st.integers(1, 4000))
def test_more_time_never_shows_again_what_ended(made, day, later):
    versions, cases, _, _, profile = made
    of = facts_of("result", versions[:1], cases, None, [], profile)
    ended = judge(of, profile, WORKDAYS, day)
    if ended.state == "withdrawn" and ended.cause == "period_end":
        assert judge(of, profile, WORKDAYS, day + timedelta(later)).state != "published"


@many
@given(bodies(), far_days)
def test_the_quick_way_and_the_full_way_agree(made, day):
    versions, _, _, _, profile = made
    of = facts_of("result", versions[:1], [], None, [], profile)
    quick = _plain(of, profile, WORKDAYS, day)
    if quick is not None:
        assert quick == _full(Timeline(of, profile, WORKDAYS), day)
    else:
        assert (
            versions[0]["openness"] == "withheld"
            or versions[0]["subject"]["kind"] == "person"
            or (versions[0]["findings"][0]["outcome"] not in ("未发现问题", "合格"))
        )


OLD = ("2014-09-30", "2014-11-03")  # before the profile; before the calendar


@pytest.mark.parametrize("ended_on", OLD)
def test_a_record_older_than_the_law_or_the_calendar_is_never_shown(body, workdays, ended_on):
    profile = PROFILES[0]
    of = facts_of("result", [body["result"](ended_on=ended_on, finalized_on=date(2020, 1, 2))], [], None, [], profile)
    assert judge(of, profile, workdays, date(2014, 10, 1)).rule == "pending.before_rules"
    for day in (date(2020, 1, 2), date(2026, 1, 5), date.max):
        verdict = judge(of, profile, workdays, day)
        assert (verdict.state, verdict.rule, verdict.next_change_on) == ("pending", "pending.before_rules", None)
        assert verdict == judge(of, profile, workdays, day)
    why = why_before_rules(of, profile, workdays)
    assert ("2014-10-01" if ended_on == OLD[0] else "2015-01-01") in why


def test_a_plan_approved_before_the_law_is_never_shown(body, workdays):
    plan = body["plan"](approved_on=date(2014, 2, 3), finalized_on=date(2021, 4, 1), year=2014)
    of = facts_of("plan", [plan], [], None, [], PROFILES[0])
    assert judge(of, PROFILES[0], workdays, date(2026, 1, 5)).rule == "pending.before_rules"


def test_a_record_that_the_rules_know_has_no_gap(body, workdays):
    of = facts_of("result", [body["result"]()], [], None, [], PROFILES[0])
    assert why_before_rules(of, PROFILES[0], workdays) is None


def test_no_verdict_is_given_for_a_day_before_the_law(body, workdays):
    for ended_on in (*OLD, "2026-03-02"):
        of = facts_of("result", [body["result"](ended_on=ended_on)], [], None, [], PROFILES[0])
        with pytest.raises(CalendarGap):
            judge(of, PROFILES[0], workdays, date(2014, 9, 30))


@many
@given(bodies(), st.sampled_from(OLD), st.lists(far_days, min_size=4, max_size=4))
def test_an_old_record_has_verdicts_that_hold_like_any_other(made, ended_on, tried):
    versions, cases, tombstone, holds, profile = made
    old = [{**each, "ended_on": ended_on} for each in versions]
    of = facts_of("result", old, cases, tombstone, holds, profile)
    day = date(2014, 10, 1)
    chain = [(day, judge(of, profile, WORKDAYS, day))]
    while (following := chain[-1][1].next_change_on) is not None:
        assert following > chain[-1][0]
        chain.append((following, judge(of, profile, WORKDAYS, following)))
        assert seen(chain[-1][1]) != seen(chain[-2][1])
    for day in [*tried, *(start - ONE_DAY for start, _ in chain[1:])]:
        verdict = judge(of, profile, WORKDAYS, day)
        assert verdict == [each for start, each in chain if start <= day][-1]
        assert verdict.state in ("pending", "withheld")
        if verdict.since is not None:
            assert judge(of, profile, WORKDAYS, verdict.since).state == verdict.state
            assert judge(of, profile, WORKDAYS, verdict.since - ONE_DAY).state != verdict.state


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(bodies(), min_size=2, max_size=5), far_days, st.randoms())
def test_judging_one_by_one_or_all_together_is_the_same(many_made, day, random):
    alone = []
    for made in many_made:
        of, _ = facts(made)
        fresh = load_profile(*[name for name, profile in zip(NAMES, PROFILES, strict=True) if profile is made[-1]])
        alone.append(judge(of, fresh, load_workdays(), day))
    order = random.sample(range(len(many_made)), len(many_made))
    together = {}
    for number in order:
        of, profile = facts(many_made[number])
        together[number] = judge(of, profile, WORKDAYS, day)
    assert [together[number] for number in range(len(many_made))] == alone


def test_dates_at_the_end_of_time_are_judged(body, workdays):
    profile = PROFILES[0]
    case = {"case_id": "C-1", "case_type": "error", "decision": "granted"}
    case |= {"filed_on": "0001-01-01", "decided_on": "0001-01-01", "lifted_on": "9999-12-31"}
    version = body["result"](ended_on="9999-12-30", finalized_on=date(9999, 12, 31), outcome="不合格")
    of = facts_of("result", [version], [case], None, [], profile)
    assert judge(of, profile, workdays, date(9999, 12, 31)).state == "published"
    plain = facts_of("result", [body["result"](ended_on="9999-12-30")], [], None, [], profile)
    assert judge(plain, profile, workdays, date(2026, 1, 5)).next_change_on is None
