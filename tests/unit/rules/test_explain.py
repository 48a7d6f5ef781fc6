from datetime import date

import pytest

from publisher.rules.explain import explain


def test_a_deadline_tells_the_days_it_skips(profile_named, workdays, facts):
    profile = profile_named("jiangsu-2021")
    of = facts(profile, [{"ended_on": date(2026, 2, 13), "finalized_on": date(2026, 3, 2)}])
    told = explain(of, profile, workdays, date(2026, 3, 2))
    publish, record = told.counted
    assert (publish.name, publish.start_on, publish.length, publish.on) == (
        *("公示期限", date(2026, 2, 13), "20个工作日"),
        date(2026, 3, 19),
    )
    assert publish.skipped[:2] == ((date(2026, 2, 15), "春节"), (date(2026, 2, 16), "春节"))
    assert date(2026, 2, 14) not in dict(publish.skipped), "a worked Saturday is counted"
    assert dict(publish.skipped)[date(2026, 3, 1)] == "周末"
    assert publish.note == "开始当日不计入"
    assert (record.name, record.length, record.on) == ("录入期限", "10个工作日", date(2026, 3, 5))
    assert record.basis.startswith("江苏省2021年度监管计划")
    assert record.certainty == "confirmed"
    assert told.options[0] == "没有负面信息，不需要修复。"
    assert told.ahead == ()


def test_a_negative_result_tells_what_the_firm_may_do_and_what_comes(profile_named, workdays, facts):
    profile = profile_named("national")
    of = facts(profile, [{"ended_on": date(2026, 4, 7), "finalized_on": date(2026, 4, 10), "outcome": "不合格"}])
    told = explain(of, profile, workdays, date(2026, 5, 6))
    assert [(each.name, each.length, each.start_on, each.on) for each in told.counted[1:]] == [
        ("可以申请修复", "3个月", date(2026, 4, 10), date(2026, 7, 10)),
        ("自动停止公示", "1年", date(2026, 4, 10), date(2027, 4, 10)),
    ]
    assert told.counted[2].note == "一般；自认定之日起计算"
    assert told.law_on == date(2026, 4, 1)
    assert any(each.startswith("自2026-07-10起可以申请信用修复（条件：达到最短公示期") for each in told.options)
    assert "到2027-04-10自动停止公示。" in told.options
    assert [(day, verdict.state, verdict.cause) for day, verdict in told.ahead] == [
        (date(2027, 4, 10), "withdrawn", "period_end")
    ]
    later = explain(of, profile, workdays, date(2026, 8, 3))
    assert any(each.startswith("现在可以申请信用修复") for each in later.options)


def test_a_period_over_before_the_law_says_so(profile_named, workdays, facts):
    profile = profile_named("national")
    of = facts(profile, [{"ended_on": date(2021, 6, 2), "finalized_on": date(2021, 6, 8), "outcome": "不合格"}])
    told = explain(of, profile, workdays, date(2023, 1, 4))
    assert told.counted[-1].note == "一般；自公示之日起计算；期限已满，自新规定施行的2025-12-25起停止"
    assert "当日施行的规定没有抽查检查结果的信用修复。" in told.options
    assert told.certainty == "confirmed"


@pytest.mark.parametrize(
    ("outcome", "severity", "sentence"),
    [("不配合检查情节严重", None, "这类结果不能依申请修复。"), ("不合格", "minor", "不需要申请信用修复。")],
)
def test_a_result_that_cannot_be_applied_for(profile_named, workdays, facts, outcome, severity, sentence):
    profile = profile_named("national")
    version = {"ended_on": date(2026, 4, 7), "finalized_on": date(2026, 4, 10)}
    of = facts(profile, [{**version, "outcome": outcome, "severity": severity}])
    assert sentence in explain(of, profile, workdays, date(2026, 5, 6)).options


def test_who_decided_is_told(profile_named, workdays, facts):
    profile = profile_named("national")
    repair = {"case_type": "repair", "filed_on": date(2026, 7, 13), "decided_by": "玄武区局"}
    repair |= {"decided_on": date(2026, 7, 20), "decision": "granted"}
    version = {"ended_on": date(2026, 4, 7), "finalized_on": date(2026, 4, 10), "outcome": "不合格"}
    of = facts(profile, [version], [repair])
    assert explain(of, profile, workdays, date(2026, 7, 20)).actor == "玄武区局"
    assert explain(of, profile, workdays, date(2026, 7, 19)).actor is None
    held = facts(profile, [version], holds=[{"placed_on": date(2026, 5, 6), "basis": "先停后查"}])
    assert explain(held, profile, workdays, date(2026, 7, 19)).actor == "值班员"


def test_what_is_not_shown_offers_nothing(profile_named, workdays, facts):
    profile = profile_named("national")
    of = facts(profile, [{"ended_on": date(2026, 12, 4)}])
    told = explain(of, profile, workdays, date(2026, 12, 7))
    assert told.options == ()
    assert told.counted[0].provisional
    assert [(day, verdict.marks) for day, verdict in told.ahead] == [(date(2027, 1, 2), ("late",))]


def test_a_plan_with_a_day_of_its_own_and_a_list_without_dates(profile_named, workdays, facts):
    profile = profile_named("changjiang-2023")
    of = facts(profile, [{"year": 2024, "approved_on": date(2024, 4, 1)}], kind="plan")
    (due,) = explain(of, profile, workdays, date(2024, 4, 2)).counted
    assert (due.on, due.key, due.length) == (date(2024, 5, 31), "deadline.publish.plan_by", "")
    empty = facts(profile, [{}], kind="item_list")
    assert explain(empty, profile, workdays, date(2024, 4, 2)).counted == ()
