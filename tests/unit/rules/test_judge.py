"""What holds of every verdict, whatever the record: found by trying many."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.errors import CalendarGap
from publisher.model import STATES, CaseType
from publisher.rules import Hold, facts_of, judge, load_profile, load_workdays
from publisher.rules.judge import CAUSES, MARKS, _full, _plain
from publisher.rules.terms import RULE_IDS
from publisher.rules.timeline import Timeline

ONE_DAY = timedelta(1)
WORKDAYS = load_workdays()
PROFILES = [load_profile(name) for name in ("national", "jiangsu-2021", "changjiang-2023", "national-2024")]
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


many = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


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


def test_a_record_older_than_the_law_or_the_calendar_is_told(body, workdays):
    profile = PROFILES[0]
    for ended_on in ("2014-09-30", "2014-11-03"):
        of = facts_of("result", [body["result"](ended_on=ended_on)], [], None, [], profile)
        with pytest.raises(CalendarGap):
            judge(of, profile, workdays, date(2026, 1, 5))


def test_dates_at_the_end_of_time_are_judged(body, workdays):
    profile = PROFILES[0]
    case = {"case_id": "C-1", "case_type": "error", "decision": "granted"}
    case |= {"filed_on": "0001-01-01", "decided_on": "0001-01-01", "lifted_on": "9999-12-31"}
    version = body["result"](ended_on="9999-12-30", finalized_on=date(9999, 12, 31), outcome="不合格")
    of = facts_of("result", [version], [case], None, [], profile)
    assert judge(of, profile, workdays, date(9999, 12, 31)).state == "published"
    plain = facts_of("result", [body["result"](ended_on="9999-12-30")], [], None, [], profile)
    assert judge(plain, profile, workdays, date(2026, 1, 5)).next_change_on is None
