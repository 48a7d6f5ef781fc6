"""What holds of every verdict, whatever the record: found by trying many."""

import os
from datetime import date, timedelta
from importlib.resources import files

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.errors import CalendarGap
from publisher.model import STATES, CaseType
from publisher.rules import Hold, Workdays, facts_of, judge, load_profile, load_workdays, why_before_rules
from publisher.rules.judge import CAUSES, MARKS, _full, _plain, ground_on
from publisher.rules.terms import RULE_IDS
from publisher.rules.timeline import Timeline

ONE_DAY = timedelta(1)
# up to the last year the notices are known for when this was written: a later file must not break a test
TO_2026 = Workdays.parse(
    each.read_text("utf-8")
    for each in files("publisher").joinpath("rules", "calendar").iterdir()
    if each.name.endswith(".toml") and int(each.name.removesuffix(".toml")) <= 2026
)
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


def test_an_old_record_is_judged_by_the_naming_of_the_day(body, workdays, tmp_path):
    def written(day, kinds, basis):
        return (
            f'[[version]]\neffective_on = {day}\ndocument = "x"\ncertainty = "confirmed"\n[version.naming]\n'
            f'kinds = {{ value = {kinds}, basis = "x", certainty = "confirmed" }}\n[version.rule]\n'
            f'"withhold.person" = {{ value = "x", basis = "{basis}", certainty = "confirmed" }}\n'
        )

    text = 'title = "x"\nextends = "national"\n' + written("2015-01-01", '["enterprise"]', "第一条")
    (tmp_path / "own.toml").write_text(text + written("2020-01-01", '["enterprise", "sole_trader"]', "第二条"), "utf-8")
    own = load_profile("own.toml", tmp_path)
    trader = body["result"](subject_kind="sole_trader", ended_on="2014-09-30", finalized_on=date(2014, 10, 1))
    of = facts_of("result", [trader], [], None, [], own)
    found = [
        judge(of, own, workdays, date(*day)) for day in ((2014, 10, 1), (2014, 12, 31), (2015, 1, 1), (2020, 1, 1))
    ]
    assert [each.state for each in found] == ["pending", "pending", "withheld", "pending"]
    assert [each.since for each in found] == [None, None, date(2015, 1, 1), date(2020, 1, 1)]
    assert [each.next_change_on for each in found] == [date(2015, 1, 1), date(2015, 1, 1), date(2020, 1, 1), None]
    assert found[2].basis == own.on(date(2014, 10, 1)).rules["withhold.person"].basis


@pytest.fixture
def own(tmp_path):
    """A profile of one's own: the national one, and versions with what they change."""

    def write(*versions):
        text = 'title = "x"\nextends = "national"\n'
        for day, body in versions:
            text += f'[[version]]\neffective_on = {day}\ndocument = "x"\ncertainty = "confirmed"\n{body}\n'
        (tmp_path / "own.toml").write_text(text, "utf-8")
        return load_profile("own.toml", tmp_path)

    return write


def stated(table, **values):
    grounds = 'basis = "x", certainty = "confirmed"'
    return f"[version.{table}]\n" + "\n".join(
        f"{key} = {{ value = {each}, {grounds} }}" for key, each in values.items()
    )


MARCH = {"ended_on": date(2025, 3, 3), "finalized_on": date(2025, 3, 10)}
DECIDED = {"filed_on": date(2025, 4, 1), "decided_on": date(2025, 4, 8), "decision": "granted"}


@pytest.mark.parametrize(
    ("rule", "version", "case", "number"),
    [
        ("withhold.person", {**MARCH, "subject_kind": "person"}, None, 1),
        ("withhold.openness", {**MARCH, "openness": "withheld"}, None, 1),
        ("pending.not_final", {**MARCH, "finalized_on": None, "outcome": "不合格"}, None, None),
        ("pending.unknown_outcome", {**MARCH, "outcome": "注销"}, None, 1),
        ("withhold.decided", MARCH, {**DECIDED, "case_type": "withhold"}, 1),
        ("withdraw.repair", {**MARCH, "outcome": "不合格"}, {**DECIDED, "case_type": "repair"}, 1),
        ("shield.reorganisation", MARCH, {**DECIDED, "case_type": "reorganisation"}, 1),
        ("publish.final", {**MARCH, "outcome": "不合格"}, None, 1),
    ],
)
def test_the_law_cited_is_that_of_the_event_not_of_the_day(own, workdays, facts, rule, version, case, number):
    later = f'[version.rule]\n"{rule}" = {{ value = "x", basis = "后来的规定", certainty = "confirmed" }}'
    profile = own(("2025-05-06", later))
    of = facts(profile, [version], [{**case, "decided_by": "某机关"}] if case else [])
    verdict = judge(of, profile, workdays, date(2025, 6, 2))
    assert (verdict.rule, verdict.version) == (rule, number)
    assert verdict.basis == profile.on(date(2025, 4, 8)).rules[rule].basis != "后来的规定"
    decided_by = ground_on(Timeline(of, profile, workdays), date(2025, 6, 2)).actor
    assert decided_by == ("某机关" if case else None)


def test_the_law_cited_for_a_list_without_approval_is_that_of_its_becoming_final(own, workdays, facts):
    later = '[version.rule]\n"withhold.openness" = { value = "x", basis = "后来的规定", certainty = "confirmed" }'
    profile = own(("2025-05-06", later))
    of = facts(profile, [{"finalized_on": date(2025, 3, 10), "openness": "withheld"}], kind="item_list")
    assert judge(of, profile, workdays, date(2025, 6, 2)).basis != "后来的规定"


def test_a_state_that_always_was_has_no_first_day(workdays, facts):
    case = {"case_type": "objection", "filed_on": date(2014, 10, 1)}
    of = facts(PROFILES[0], [{"outcome": "不合格"}], [case])
    for filed_on in (date(2014, 10, 1), date(2010, 1, 1)):
        of = facts(PROFILES[0], [{"outcome": "不合格"}], [{**case, "filed_on": filed_on}])
        verdict = judge(of, PROFILES[0], workdays, date(2026, 3, 5))
        assert (verdict.state, verdict.since) == ("pending", None)


def test_of_two_decisions_of_one_day_the_first_by_id_is_the_basis(workdays, facts):
    cases = [
        {**DECIDED, "case_id": "C-2", "case_type": "withhold", "basis": "第十四条"},
        {**DECIDED, "case_id": "C-1", "case_type": "withhold"},
    ]
    verdict = judge(facts(PROFILES[0], [MARCH], cases), PROFILES[0], workdays, date(2025, 4, 8))
    assert verdict.basis == PROFILES[0].on(date(2025, 4, 8)).rules["withhold.decided"].basis


def test_who_may_be_named_changes_with_the_law(own, workdays, facts):
    trader = {"subject_kind": "sole_trader", "ended_on": date(2019, 3, 4), "finalized_on": date(2019, 3, 11)}
    no_longer = own(("2020-01-02", stated("naming", kinds='["enterprise"]')))
    before = judge(facts(no_longer, [trader]), no_longer, workdays, date(2019, 12, 31))
    assert (before.state, before.next_change_on) == ("published", date(2020, 1, 2))
    assert judge(facts(no_longer, [trader]), no_longer, workdays, date(2020, 1, 2)).state == "withheld"
    only_then = own(
        ("2014-10-01", stated("naming", kinds='["enterprise"]')),
        ("2020-01-02", stated("naming", kinds='["enterprise", "sole_trader"]')),
    )
    then = judge(facts(only_then, [trader]), only_then, workdays, date(2020, 1, 2))
    assert (then.state, then.since, then.published_on, then.marks) == (
        *("published", date(2020, 1, 2), date(2020, 1, 2)),
        ("late",),
    )


def test_it_was_first_published_when_nothing_withheld_it_any_more(workdays, facts):
    cases = [
        {**DECIDED, "case_type": "withhold", "decided_on": date(2025, 3, 4), "lifted_on": date(2025, 3, 20)},
        {
            **DECIDED,
            "case_id": "C-2",
            "case_type": "withhold",
            "decided_on": date(2025, 3, 5),
            "lifted_on": date(2025, 4, 1),
        },
    ]
    verdict = judge(facts(PROFILES[0], [MARCH], cases), PROFILES[0], workdays, date(2025, 6, 2))
    assert (verdict.state, verdict.published_on, verdict.since) == ("published", date(2025, 4, 1), date(2025, 4, 1))


def test_a_period_ends_by_the_law_of_its_own_time(own, workdays, facts):
    profile = own(("2014-10-01", stated("period.moderate", maximum='"3 months"')))
    first = {"ended_on": date(2020, 3, 2), "finalized_on": date(2020, 3, 10)}
    of = facts(profile, [first, {**first, "version": 2, "finalized_on": date(2020, 4, 1), "outcome": "不合格"}])
    verdict = judge(of, profile, workdays, date(2020, 6, 10))
    assert (verdict.state, verdict.cause, verdict.since) == ("withdrawn", "period_end", date(2020, 6, 10))


def test_a_period_counts_from_the_publication_where_the_law_says_so(own, workdays, facts):
    profile = own(("2025-12-25", stated("period.moderate", maximum='"1 month"', minimum='"20 days"')))
    version = {"ended_on": date(2025, 12, 29), "finalized_on": date(2026, 1, 5), "outcome": "不合格"}
    hold = {"placed_on": date(2026, 1, 5), "lifted_on": date(2026, 2, 2), "basis": "先停后查"}
    verdict = judge(facts(profile, [version], holds=[hold]), profile, workdays, date(2026, 2, 2))
    assert (verdict.state, verdict.published_on) == ("published", date(2026, 2, 2))
    assert (verdict.may_apply_on, verdict.ends_on) == (date(2026, 2, 22), date(2026, 3, 2))


def test_a_cause_that_fell_away_hides_none_that_remains(workdays, facts):
    negative = {**MARCH, "outcome": "不合格"}
    error = {**DECIDED, "case_id": "C-1", "case_type": "error"}
    mended = {**negative, "version": 2, "finalized_on": date(2025, 4, 9)}
    repair = {**DECIDED, "case_id": "C-1", "case_type": "repair"}
    revoked = {**DECIDED, "case_id": "C-3", "case_type": "repair_revoked", "decided_on": date(2025, 4, 10)}
    stop = {**DECIDED, "case_id": "C-2", "case_type": "penalty_stopped", "decided_on": date(2025, 4, 11)}
    refused = {**stop, "case_id": "C-0", "decision": "refused"}
    for versions, cases in (
        ([negative, mended], [error, stop]),
        ([negative], [repair, revoked, stop]),
        ([negative], [refused, stop]),
    ):
        verdict = judge(facts(PROFILES[0], versions, cases), PROFILES[0], workdays, date(2025, 5, 6))
        assert (verdict.state, verdict.cause, verdict.since) == ("withdrawn", "penalty_stopped", date(2025, 4, 11))


def test_of_two_causes_of_one_kind_and_day_the_first_by_id_is_the_basis(workdays, facts):
    repair = {**DECIDED, "case_type": "repair"}
    cases = [{**repair, "case_id": "C-2", "basis": "第九条"}, {**repair, "case_id": "C-1"}]
    verdict = judge(
        facts(PROFILES[0], [{**MARCH, "outcome": "不合格"}], cases), PROFILES[0], workdays, date(2025, 5, 6)
    )
    assert verdict.basis == PROFILES[0].on(date(2025, 4, 8)).rules["withdraw.repair"].basis


@pytest.mark.parametrize("rule", ["publish.restored", "publish.corrected"])
def test_what_is_shown_again_cites_the_law_of_that_day(own, workdays, facts, rule):
    later = f'[version.rule]\n"{rule}" = {{ value = "x", basis = "后来的规定", certainty = "confirmed" }}'
    profile = own(("2025-05-06", later))
    versions, cases = [{**MARCH, "outcome": "不合格"}], []
    if rule == "publish.restored":
        cases = [
            {**DECIDED, "case_type": "repair"},
            {**DECIDED, "case_id": "C-2", "case_type": "repair_revoked", "decided_on": date(2025, 4, 10)},
        ]
    else:
        versions.append({**versions[0], "version": 2, "finalized_on": date(2025, 4, 9)})
    verdict = judge(facts(profile, versions, cases), profile, workdays, date(2025, 6, 2))
    assert verdict.rule == rule
    assert verdict.basis != "后来的规定"


def test_a_date_is_provisional_when_either_count_passes_the_calendar(own, facts):
    until_2026 = TO_2026
    profile = own(("2021-01-01", stated("deadline", **{"record.result": '"10 working days"'})))
    for ended_on, provisional in ((date(2026, 12, 2), False), (date(2026, 12, 4), True), (date(2026, 12, 30), True)):
        of = facts(profile, [{"ended_on": ended_on}])
        assert judge(of, profile, until_2026, date(2026, 12, 31)).provisional is provisional, ended_on
    nothing = facts(profile, [{}], kind="item_list")
    assert judge(nothing, profile, until_2026, date(2026, 12, 31)).provisional is False
    by_day = own(("2026-01-01", stated("deadline.publish", plan_by='"05-31"')))
    plan = facts(by_day, [{"year": 2027}], kind="plan")
    assert (found := judge(plan, by_day, until_2026, date(2026, 12, 31))).provisional is False
    assert found.due_on == date(2027, 5, 31)


def test_the_start_day_counts_for_both_dates_where_the_profile_says_so(own, workdays, facts):
    body = stated("deadline", count_start_day="true", **{"record.result": '"2 working days"'})
    profile = own(("2021-01-01", body))
    verdict = judge(facts(profile, [{"ended_on": date(2026, 3, 2)}]), profile, workdays, date(2026, 3, 2))
    assert (verdict.record_due_on, verdict.due_on) == (date(2026, 3, 3), date(2026, 3, 27))


def test_the_first_rules_are_cited_for_what_happened_under_them(own, workdays, facts):
    later = '[version.rule]\n"publish.final" = { value = "x", basis = "后来的规定", certainty = "confirmed" }'
    profile = own(("2020-01-02", later))
    of = facts(profile, [{"ended_on": date(2019, 3, 4), "finalized_on": date(2019, 3, 11), "outcome": "不合格"}])
    assert judge(of, profile, workdays, date(2020, 6, 1)).basis != "后来的规定"


def test_restored_and_corrected_on_one_day_is_called_restored(workdays, facts):
    cases = [
        {**DECIDED, "case_type": "repair"},
        {**DECIDED, "case_id": "C-2", "case_type": "repair_revoked", "decided_on": date(2025, 4, 10)},
    ]
    first = {**MARCH, "outcome": "不合格"}
    of = facts(PROFILES[0], [first, {**first, "version": 2, "finalized_on": date(2025, 4, 10)}], cases)
    verdict = judge(of, PROFILES[0], workdays, date(2025, 5, 6))
    assert (verdict.rule, verdict.marks) == ("publish.restored", ("corrected",))
