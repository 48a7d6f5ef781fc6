"""The public form: what of a record reaches the site, the index and the endpoints, and what never does."""

import json
from datetime import date

import pytest

from publisher.rules import facts_of, judge
from publisher.rules.public import public_form

DAY = date(2026, 11, 20)
INSPECTORS = ["李测、王试（执法证号 32010012345）", "欧阳 验收"]
PERSONAL = {
    "phone": "13800138000",
    "landline": "025-83221234",
    "identity": "11010519491231002X",
    "old identity": "320102680512123",
    "e-mail": "someone@example.com",
    "bank card": "6222021234567890128",
    "plate": "苏A12345",
    "home": "住址：某路3号阳光小区2栋501室",
    "inspector": "李测",
    "second inspector": "王试",
    "inspector with a blank": "欧阳验收",
}
KEPT = ("320000202104010001", "32000020210001", "91320102MATEST0011", "苏市监处〔2026〕12345678901号")


@pytest.fixture
def formed(profile_named, workdays):
    def form(kind, versions, cases=(), profile="jiangsu-2021", day=DAY):
        rules = profile_named(profile) if isinstance(profile, str) else profile
        facts = facts_of(kind, versions, cases, None, [], rules)
        verdict = judge(facts, rules, workdays, day)
        assert verdict.state == "published", verdict
        found = public_form(facts, versions, cases, verdict, rules, workdays, day)
        return found, json.dumps([found.body, found.beside], ensure_ascii=False)

    return form


def told(words):
    """Free text that says it, in the middle of a sentence."""
    return f"现场检查时说明：{words}，记录在案。"


def leaked(text):
    marks = {name: words.removeprefix("住址：某路") for name, words in PERSONAL.items()}
    return [name for name, words in marks.items() if words in text]


FREE = ("measure", "disposition", "remark", "methods", "inspection_type", "authority")


@pytest.mark.parametrize("name", PERSONAL)
@pytest.mark.parametrize("field", FREE)
def test_no_free_text_of_a_result_shows_personal_data(formed, body, field, name):
    result = body["result"](inspectors=INSPECTORS, finalized_on=date(2026, 3, 10), **{field: told(PERSONAL[name])})
    _, text = formed("result", [result])
    assert leaked(text) == []


@pytest.mark.parametrize("name", PERSONAL)
@pytest.mark.parametrize("field", ["note", "item_name"])
def test_nor_does_a_finding_or_a_department(formed, body, field, name):
    result = body["result"](inspectors=INSPECTORS, finalized_on=date(2026, 3, 10), departments=[told(PERSONAL[name])])
    result["findings"][0][field] = told(PERSONAL[name])
    _, text = formed("result", [result])
    assert leaked(text) == []


@pytest.mark.parametrize("name", PERSONAL)
def test_nor_does_the_reply_of_the_firm(formed, body, name):
    result = body["result"](inspectors=INSPECTORS, finalized_on=date(2026, 3, 10))
    reply = {
        "case_id": "C-1", "case_type": "reply", "filed_on": "2026-04-01", "decision": None, "decided_on": None,
        "reason": told(PERSONAL[name]),
    }  # fmt: skip
    form, text = formed("result", [result], [reply])
    assert leaked(text) == []
    assert form.beside["reply"].startswith("现场检查时说明：")
    assert "〔已隐去" in form.beside["reply"]


def test_a_reply_is_shown_in_its_time_and_never_when_refused(formed, body):
    result = body["result"](finalized_on=date(2026, 3, 10))
    reply = {"case_type": "reply", "decision": None, "decided_on": None}
    first = {**reply, "case_id": "C-1", "filed_on": "2026-04-01", "reason": "已经整改。"}
    later = {**reply, "case_id": "C-2", "filed_on": "2026-12-01", "reason": "再次说明。"}
    refused = {**first, "case_id": "C-3", "filed_on": "2026-05-01", "decision": "refused", "decided_on": "2026-05-04"}
    form, _ = formed("result", [result], [first, later, refused])
    assert form.beside["reply"] == "已经整改。"
    form, _ = formed("result", [result], [first, later, refused], day=date(2026, 12, 1))
    assert form.beside["reply"] == "再次说明。"


def test_names_of_inspectors_of_an_earlier_version_stay_hidden(formed, body):
    versions = [
        body["result"](inspectors=["李测"], finalized_on=date(2026, 3, 10)),
        body["result"](version=2, inspectors=["王试"], finalized_on=date(2026, 3, 11), remark="由李测复核"),
    ]
    form, _ = formed("result", versions)
    assert form.body["remark"] == "由〔已隐去姓名〕复核"


def test_what_is_internal_is_left_out(formed, body):
    form, text = formed(
        "result",
        [
            body["result"](
                inspectors=INSPECTORS, recorded_at="2026-03-05T10:00:00+08:00", finalized_on=date(2026, 3, 10)
            )
        ],
    )
    left_out = {"inspectors", "openness", "openness_basis", "recorded_at", "finalized_at"}
    assert not left_out & form.body.keys()
    assert "2026-03-05" not in text
    assert "执法证号" not in text


def test_numbers_of_tasks_plans_and_codes_and_of_the_decision_stay(formed, body):
    task, plan, code, decision = KEPT
    result = body["result"](
        finalized_on=date(2026, 3, 10), task_id=task, plan_id=plan, penalty_no=decision,
        remark=f"任务{task}，计划{plan}，{code}，见{decision}，注册号320105000041378。",
    )  # fmt: skip
    result["subject"] |= {"uscc": code, "reg_no": "320105000041378"}
    form, _ = formed("result", [result])
    assert form.body["remark"] == result["remark"]
    assert form.body["penalty_no"] == decision
    assert (form.body["subject"]["uscc"], form.body["subject"]["reg_no"]) == (code, "320105000041378")


def test_a_decision_number_that_looks_like_a_telephone_stays_whole(formed, body):
    result = body["result"](finalized_on=date(2026, 3, 10), penalty_no="13800138000")
    form, _ = formed("result", [result])
    assert form.body["penalty_no"] == "13800138000"


def test_the_name_of_the_subject_stays_though_an_inspector_bears_a_part_of_it(formed, body):
    result = body["result"](
        inspectors=["青禾"], finalized_on=date(2026, 3, 10), remark="苏州青禾测试技术有限公司由青禾检查"
    )
    form, _ = formed("result", [result])
    assert form.body["subject"]["name"] == "苏州青禾测试技术有限公司"
    assert form.body["remark"] == "苏州青禾测试技术有限公司由〔已隐去姓名〕检查"


def test_an_objection_is_told_by_its_day_alone_while_it_is_pending(formed, body):
    result = body["result"](finalized_on=date(2026, 3, 10), outcome="不合格")
    objection = {"case_id": "C-1", "case_type": "objection", "filed_on": "2026-04-01", "decision": "refused"}
    objection |= {"decided_on": "2026-04-08", "reason": "联系人13800138000"}
    form, text = formed("result", [result], [objection], day=date(2026, 4, 7))
    assert form.beside["objection_filed_on"] == "2026-04-01"
    assert "13800138000" not in text
    form, _ = formed("result", [result], [objection], day=date(2026, 4, 8))
    assert form.beside["objection_filed_on"] is None


def test_working_days_late_are_counted_from_the_due_day(formed, body):
    form, _ = formed("result", [body["result"](finalized_on=date(2026, 4, 3))])  # due on 2026-03-30
    assert form.beside["late_days"] == 4
    form, _ = formed("result", [body["result"](finalized_on=date(2026, 3, 30))])
    assert form.beside["late_days"] is None


def test_a_sole_trader_is_named_only_where_the_profile_says_so(formed, body, profile_named, workdays, tmp_path):
    from publisher.rules import load_profile

    trader = body["result"](subject_kind="sole_trader", finalized_on=date(2026, 3, 10))
    form, _ = formed("result", [trader])
    assert form.body["subject"]["kind"] == "sole_trader"
    (tmp_path / "own.toml").write_text(
        'title = "某市"\nextends = "jiangsu-2021"\n[[version]]\neffective_on = 2021-01-01\ndocument = "某市办法"\n'
        'certainty = "confirmed"\n[version.naming]\nkinds = { value = ["enterprise"], basis = "某市办法", '
        'certainty = "confirmed" }\n',
        "utf-8",
    )
    own = load_profile("own.toml", tmp_path)
    facts = facts_of("result", [trader], [], None, [], own)
    verdict = judge(facts, own, workdays, DAY)
    assert (verdict.state, verdict.rule) == ("withheld", "withhold.person")


def task(**words):
    return {
        "task_id": "T-1", "seq": 1, "name": "联合抽查", "field": None, "departments": ["教育"], "subjects": "企业",
        "methods": None, "ratio": None, "quantity": None, "frequency": None, "levels": None, "status": "active",
        "item_codes": [], "lead_department": None, **words,
    }  # fmt: skip


def adjusted(reason):
    return {"kind": "changed", "reason": reason, "approved_by": "联席办", "approved_on": "2021-06-30"}


@pytest.mark.parametrize("name", [each for each in PERSONAL if "inspector" not in each])
def test_a_plan_and_its_history_show_no_personal_data(formed, body, name):
    words = told(PERSONAL[name])
    versions = [
        body["plan"](finalized_on=date(2021, 4, 1), tasks=[task(subjects=words, name=words)], title=words),
        body["plan"](version=2, finalized_on=date(2021, 7, 1), tasks=[task(methods=words)], adjustment=adjusted(words)),
    ]
    form, text = formed("plan", versions)
    assert leaked(text) == []
    assert form.body["adjustment"]["approved_by"] == "联席办"
    assert len(form.beside["revisions"]) == 2
    assert [each["where"] for each in form.beside["revisions"][1]["changes"]][-1] == "计划名称"


def test_the_history_of_a_plan_never_shows_a_revision_that_was_withheld_or_is_not_final_yet(formed, body):
    versions = [
        body["plan"](finalized_on=date(2021, 4, 1), tasks=[task(subjects="公开的对象")]),
        body["plan"](
            version=2, finalized_on=date(2021, 5, 6), openness="withheld", tasks=[task(subjects="不公开的对象")]
        ),
        body["plan"](version=3, finalized_on=date(2027, 1, 4), tasks=[task(subjects="还没有审定的对象")]),
        body["plan"](version=4, finalized_on=date(2021, 7, 1), tasks=[task(subjects="后来的对象")]),
    ]
    form, text = formed("plan", versions)
    assert [each["revision"] for each in form.beside["revisions"]] == [1, 4]
    (change,) = form.beside["revisions"][1]["changes"]
    assert (change["before"], change["after"]) == ("公开的对象", "后来的对象")
    assert "不公开的对象" not in text
    assert "还没有审定的对象" not in text


def test_a_plan_with_one_public_revision_has_no_history(formed, body):
    form, _ = formed("plan", [body["plan"](finalized_on=date(2021, 4, 1))])
    assert form.beside == {"finalized_on": "2021-04-01", "revisions": []}


def test_tasks_added_and_cancelled_are_told(formed, body):
    second = task(task_id="320000202104010002", seq=2, name="第二项抽查")
    versions = [
        body["plan"](finalized_on=date(2021, 4, 1), tasks=[task(), second], declared_task_count=2),
        body["plan"](
            version=2, finalized_on=date(2021, 7, 1), declared_task_count=2,
            tasks=[task(departments=["教育", "公安"], methods="代替320000202104010003"),
                   task(task_id="320000202104010003", seq=3, name="新的抽查")],
        ),
    ]  # fmt: skip
    form, _ = formed("plan", versions)
    assert [tuple(each.values()) for each in form.beside["revisions"][1]["changes"]] == [
        ("任务 1 联合抽查：联合检查部门", "教育", "教育、公安"),
        ("任务 1 联合抽查：检查方式", None, "代替320000202104010003"),
        ("任务 2 第二项抽查", "第二项抽查", None),
        ("任务 3 新的抽查", None, "新的抽查"),
    ]


def test_an_item_list_shows_no_personal_data(formed, body):
    item = {
        "item_code": "A07", "category": None, "name": "年度报告", "class": None, "subjects": "企业", "methods": None,
        "authority": f"市监局（{PERSONAL['phone']}）", "basis": "《条例》第十四条", "ratio": None, "frequency": None,
    }  # fmt: skip
    form, text = formed("item_list", [body["item_list"](finalized_on=date(2021, 4, 1), items=[item])])
    assert leaked(text) == []
    assert form.body["items"][0]["authority"] == "市监局（〔已隐去电话〕）"
