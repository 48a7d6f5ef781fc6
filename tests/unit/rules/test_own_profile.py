"""Verdicts under an operator's own values, where no shipped profile shows the difference."""

from datetime import date

import pytest

from publisher.rules import judge, load_profile

HEAD = """
title = "试行"
extends = "national"
[[version]]
effective_on = {}
document = "试行办法"
certainty = "assumed"
"""
NEGATIVE = {"ended_on": date(2026, 4, 7), "finalized_on": date(2026, 4, 10), "outcome": "不合格"}


@pytest.fixture
def own(tmp_path):
    def write(effective_on, table, value):
        grounds = '\nbasis = "办法"\ncertainty = "assumed"\n'
        (tmp_path / "own.toml").write_text(f"{HEAD.format(effective_on)}[version.{table}]{grounds}{value}\n", "utf-8")
        return load_profile("own.toml", tmp_path)

    return write


def test_a_later_law_that_no_longer_calls_it_negative_shows_nothing_again(own, workdays, facts):
    profile = own("2028-01-01", "outcome.failed", 'negative = false\nseverity = "none"')
    verdict = judge(facts(profile, [NEGATIVE]), profile, workdays, date(2029, 1, 2))
    assert (verdict.state, verdict.cause, verdict.ends_on) == ("withdrawn", "period_end", date(2027, 4, 10))
    assert verdict.next_change_on is None


@pytest.mark.parametrize(("restart", "ends_on"), [("false", date(2027, 4, 10)), ("true", date(2027, 9, 1))])
def test_a_correction_restarts_the_period_only_where_the_profile_says_so(own, workdays, facts, restart, ends_on):
    profile = own("2026-01-01", "period", f"restart_on_correction = {restart}")
    of = facts(profile, [NEGATIVE, {**NEGATIVE, "version": 2, "finalized_on": date(2026, 9, 1)}])
    assert judge(of, profile, workdays, date(2026, 10, 12)).ends_on == ends_on


def test_the_finding_may_be_dated_by_the_end_of_the_inspection(own, workdays, facts):
    profile = own("2026-01-01", "period", 'decision_day = "ended_on"')
    verdict = judge(facts(profile, [NEGATIVE]), profile, workdays, date(2026, 5, 6))
    assert (verdict.may_apply_on, verdict.ends_on) == (date(2026, 7, 7), date(2027, 4, 7))


def test_a_maximum_that_does_not_stop_by_itself(own, workdays, facts):
    profile = own("2025-12-25", "period", "moderate = { automatic = false }")
    verdict = judge(facts(profile, [NEGATIVE]), profile, workdays, date(2030, 1, 2))
    assert (verdict.state, verdict.ends_on) == ("published", None)


def test_a_kind_of_subject_may_be_left_unnamed_from_a_day_on(own, workdays, facts):
    profile = own("2026-06-01", "naming", 'kinds = ["enterprise"]')
    of = facts(profile, [{**NEGATIVE, "outcome": "合格", "subject_kind": "sole_trader"}])
    shown = judge(of, profile, workdays, date(2026, 5, 31))
    assert (shown.state, shown.next_change_on) == ("published", date(2026, 6, 1))
    hidden = judge(of, profile, workdays, date(2026, 6, 1))
    assert (hidden.state, hidden.rule, hidden.since) == ("withheld", "withhold.person", date(2026, 6, 1))


@pytest.mark.parametrize(("counted", "due_on"), [("false", date(2026, 3, 20)), ("true", date(2026, 3, 19))])
def test_the_start_day_counts_where_the_profile_says_so(own, workdays, facts, counted, due_on):
    profile = own("2026-01-01", "deadline", f"count_start_day = {counted}")
    of = facts(profile, [{"ended_on": date(2026, 2, 14)}])  # a worked Saturday
    assert judge(of, profile, workdays, date(2026, 2, 24)).due_on == due_on


def test_periods_may_be_in_days(own, workdays, facts):
    profile = own("2026-01-01", "period", 'moderate = { minimum = "30 days", maximum = "90 days" }')
    verdict = judge(facts(profile, [NEGATIVE]), profile, workdays, date(2026, 5, 6))
    assert (verdict.may_apply_on, verdict.ends_on) == (date(2026, 5, 10), date(2026, 7, 9))


def test_bad_check_digits_may_be_accepted(own):
    assert own("2014-10-01", "intake", 'bad_check_digit = "accept"').intake().set_aside_bad_check_digit is False
    assert load_profile("national").intake().set_aside_bad_check_digit is True
