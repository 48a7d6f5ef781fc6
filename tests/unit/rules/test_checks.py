from datetime import date

import pytest

from publisher.rules.checks import Visit, check_list, check_plan, check_result, check_visits

TODAY = date(2026, 11, 2)


def codes(problems):
    return [each.code for each in problems]


def task(number, **words):
    return {
        "task_id": f"T-{number}",
        "seq": number,
        "name": f"任务{number}",
        "field": None,
        "ratio": None,
        "departments": ["教育", "市监", "公安"],
        "subjects": f"对象{number}",
        "methods": "现场检查",
        "quantity": None,
        "frequency": None,
        "levels": None,
        "status": "active",
        "item_codes": [],
        **words,
    }


@pytest.fixture
def rules(profile_named):
    return profile_named("guyang-2021").latest


def test_a_plan_in_order_has_no_warning(rules, body):
    plan = body["plan"](declared_task_count=2, tasks=[task(1), task(2)])
    assert codes(check_plan(plan, rules)) == []


def test_the_declared_count_must_match_the_tasks(rules, body):
    plan = body["plan"](declared_task_count=20, tasks=[task(1)])
    (problem,) = check_plan(plan, rules)
    assert (problem.code, problem.record, problem.field) == ("task_count_differs", "P-1", "declared_task_count")
    assert problem.message == "The plan declares 20 tasks and lists 1 (R0-10)."


def test_a_joint_task_has_three_departments_where_the_profile_says_so(rules, profile_named, body):
    plan = body["plan"](
        tasks=[task(1, departments=["应急", "生态环境"]), task(2, departments=["应急"], status="cancelled")]
    )
    assert codes(check_plan(plan, rules)) == ["few_departments"]
    led = body["plan"](tasks=[task(1, departments=["应急", "生态环境"], lead_department="市监")])
    assert codes(check_plan(led, rules)) == []
    assert codes(check_plan({**plan, "scope": "single"}, rules)) == []
    assert codes(check_plan(plan, profile_named("jiangsu-2021").latest)) == []


def test_tasks_alike_in_subjects_and_methods_are_to_be_merged(rules, body):
    plan = body["plan"](tasks=[task(1), task(2, subjects=" 对象1"), task(3, subjects="对象1", methods="网络检查")])
    (problem,) = check_plan(plan, rules)
    assert problem.code == "tasks_to_merge"
    assert "T-1 and T-2" in problem.message


def test_an_adjustment_has_a_reason_and_is_approved_before_it_is_final(rules, body):
    adjustment = {"kind": "added", "reason": " ", "approved_by": "联席办", "approved_on": "2026-05-07"}
    plan = body["plan"](version=2, adjustment=adjustment, finalized_on=date(2026, 5, 6))
    assert codes(check_plan(plan, rules)) == ["adjustment_without_reason", "adjustment_approved_late"]
    assert codes(check_plan({**plan, "finalized_at": "2026-05-06T16:30:00Z"}, rules)) == ["adjustment_without_reason"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ({}, []),
        ({"ratio": None}, ["ratio_without_cap"]),
        ({"ratio": "不设上限"}, ["ratio_without_cap"]),
        ({"ratio": None, "class": "重点检查事项"}, []),
        ({"basis": " "}, ["item_without_basis"]),
    ],
)
def test_items_of_a_list(rules, body, words, found):
    item = {
        "item_code": "A07",
        "category": None,
        "name": "年度报告",
        "class": "一般检查事项",
        "subjects": "企业",
        "methods": None,
        "authority": None,
        "basis": "《企业信息公示暂行条例》第十四条",
        "ratio": "≤3%",
        "frequency": None,
        **words,
    }
    assert codes(check_list(body["item_list"](items=[item]), rules)) == found


def test_a_cap_is_asked_for_only_where_the_profile_does(profile_named, body):
    item = {"item_code": "A07", "basis": "x", "class": "一般检查事项", "ratio": None}
    assert codes(check_list({"list_id": "L-1", "items": [item]}, profile_named("national").latest)) == []


@pytest.mark.parametrize(
    ("recorded_at", "day", "found"),
    [
        ("2026-03-16T23:59:59+08:00", TODAY, []),
        ("2026-03-17T00:00:00+08:00", TODAY, ["recorded_late"]),
        (None, date(2026, 3, 16), []),
        (None, date(2026, 3, 17), ["recorded_late"]),
    ],
)
def test_a_result_is_recorded_in_time(profile_named, workdays, facts, recorded_at, day, found):
    profile = profile_named("jiangsu-2021")
    of = facts(profile, [{"ended_on": date(2026, 3, 2), "recorded_at": recorded_at}])
    assert codes(check_result(of, profile, workdays, day, "320000")) == found


NEGATIVE = {"ended_on": date(2026, 4, 7), "finalized_on": date(2026, 4, 10), "outcome": "不合格"}
REPAIR = {"case_type": "repair", "filed_on": date(2026, 7, 13), "decided_on": date(2026, 7, 22), "decision": "granted"}
MENDED = {**REPAIR, "corrected_on": date(2026, 5, 6), "commitment": "今后守法经营"}

REFUSED = {"decision": "refused"}
OBJECTION = {"case_type": "objection", "filed_on": date(2026, 7, 13)}
ERROR = {"case_type": "error", "filed_on": date(2026, 7, 13), "decision": "granted"}
STOP = {"case_type": "penalty_stopped", "filed_on": date(2026, 7, 13), "decision": "granted"}


@pytest.mark.parametrize(
    ("case", "found"),
    [
        (MENDED, []),
        ({**MENDED, "decided_on": date(2026, 7, 23)}, ["repair_overdue"]),
        ({**MENDED, "decided_on": date(2026, 7, 23), "accepted_on": date(2026, 7, 14)}, []),
        ({**REPAIR, "decision": "refused"}, []),
        ({**REPAIR, "decision": None, "decided_on": None}, ["repair_overdue"]),
        (REPAIR, ["repair_without_correction", "repair_without_commitment"]),
        ({**MENDED, "filed_on": date(2026, 7, 9), "accepted_on": date(2026, 7, 13)}, ["repair_early"]),
        ({**MENDED, "filed_on": date(2026, 7, 10), "accepted_on": date(2026, 7, 13)}, []),
        (OBJECTION, ["objection_overdue"]),
        ({**OBJECTION, **REFUSED, "decided_on": date(2026, 7, 20)}, []),
        ({**OBJECTION, **REFUSED, "decided_on": date(2026, 7, 21)}, ["objection_overdue"]),
        ({**OBJECTION, "filed_on": date(2026, 10, 30)}, []),
        ({**OBJECTION, "filed_on": date(2026, 12, 1)}, []),
        ({**ERROR, "decided_on": date(2026, 7, 13)}, ["error_overdue"]),
        ({**ERROR, "decided_on": date(2026, 10, 26)}, []),
        ({**STOP, "decided_on": date(2026, 7, 16)}, []),
        ({**STOP, "decided_on": date(2026, 7, 17)}, ["stop_overdue"]),
    ],
)
def test_cases_of_a_negative_result(profile_named, workdays, facts, case, found):
    profile = profile_named("national")
    of = facts(profile, [NEGATIVE], [case])
    assert codes(check_result(of, profile, workdays, TODAY, "320000")) == found


def test_an_error_corrected_in_time_and_one_too_late(profile_named, workdays, facts):
    profile = profile_named("national")
    case = {"case_type": "error", "filed_on": date(2026, 7, 6), "decision": "granted", "decided_on": date(2026, 7, 13)}
    for corrected, found in ((date(2026, 7, 20), []), (date(2026, 7, 21), ["error_overdue"])):
        of = facts(profile, [NEGATIVE, {**NEGATIVE, "version": 2, "finalized_on": corrected}], [case])
        assert codes(check_result(of, profile, workdays, TODAY, "320000")) == found


def test_a_repair_for_a_firm_of_another_province_is_told_there_within_three_days(profile_named, workdays, facts):
    profile = profile_named("national")
    of = facts(profile, [{**NEGATIVE, "region_code": "340100"}], [MENDED])
    for day, found in (
        (date(2026, 7, 21), []),
        (date(2026, 7, 22), ["repair_to_tell_elsewhere"]),
        (date(2026, 7, 27), ["repair_to_tell_elsewhere"]),
        (date(2026, 7, 28), []),
    ):
        assert codes(check_result(of, profile, workdays, day, "320000")) == found, day


def test_cases_that_do_not_fit_the_finding(profile_named, workdays, facts):
    profile = profile_named("national")
    stop = {"case_type": "penalty_stopped", "filed_on": date(2026, 7, 13), "decision": "granted"}
    of = facts(profile, [{**NEGATIVE, "outcome": "合格"}], [{**stop, "decided_on": date(2026, 7, 13)}])
    assert codes(check_result(of, profile, workdays, TODAY, "320000")) == ["linked_stop_not_negative"]
    of = facts(profile, [{**NEGATIVE, "outcome": "不配合检查情节严重"}], [MENDED])
    assert codes(check_result(of, profile, workdays, TODAY, "320000")) == ["repair_not_open"]


def test_fifteen_days_for_a_repair_before_the_order(profile_named, workdays, facts):
    profile = profile_named("national-2024")
    version = {**NEGATIVE, "ended_on": date(2025, 1, 8), "finalized_on": date(2025, 1, 10)}
    case = {"case_type": "repair", "filed_on": date(2025, 6, 3), "decision": "granted"}
    for decided_on, found in ((date(2025, 6, 24), []), (date(2025, 6, 25), ["repair_overdue"])):
        of = facts(profile, [version], [{**case, "decided_on": decided_on}])
        assert codes(check_result(of, profile, workdays, TODAY, "320000")) == found


def visit(number, day, *reasons):
    return Visit("91320100MA1XXXXXXX", date.fromisoformat(day), f"R-{number}", reasons)


def test_a_subject_is_not_inspected_too_often_in_a_year(profile_named):
    visits = [
        visit(1, "2026-03-02"),
        visit(2, "2026-03-02"),  # the same visit (R0-20)
        visit(3, "2026-05-06"),
        visit(4, "2026-06-01", "群众关注"),
        visit(5, "2026-07-01", "投诉举报多"),
        visit(6, "2026-09-01"),
        visit(7, "2027-01-04"),
    ]
    assert [each.record for each in check_visits(visits, profile_named("jiangsu-2021"))] == ["R-4", "R-6"]
    assert [each.record for each in check_visits(visits, profile_named("changjiang-2023"))] == ["R-3", "R-4", "R-6"]
    other = [each._replace(subject=f"S-{number}") for number, each in enumerate(visits)]
    assert [*check_visits(other, profile_named("jiangsu-2021"))] == []
