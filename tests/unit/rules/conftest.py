"""Records for judging: short words become whole records of the agreed shape, checked by the model."""

from datetime import date

import pytest

from publisher.model import Case, ItemList, Plan, Result, Tombstone
from publisher.rules import Hold, facts_of, load_profile, load_workdays


def _at(words):
    day = words.pop("finalized_on", None)
    return words.pop("finalized_at", f"{day}T09:00:00+08:00" if day else None)


def _iso(words):
    return {key: each.isoformat() if isinstance(each, date) else each for key, each in words.items()}


def result_body(**words):
    outcomes = words.pop("outcomes", None) or [words.pop("outcome", "未发现问题")]
    subject = {
        "kind": words.pop("subject_kind", "enterprise"),
        "name": "苏州青禾测试技术有限公司",
        "uscc": None,
        "reg_no": None,
        "region_code": words.pop("region_code", "320102"),
    }
    body = {
        "kind": "result",
        "result_id": "R-1",
        "version": 1,
        "plan_id": "P-1",
        "task_id": "T-1",
        "subject": subject,
        "authority": "南京市玄武区市场监督管理局",
        "departments": ["市监"],
        "inspection_type": None,
        "methods": "现场检查",
        "ended_on": "2026-03-02",
        "recorded_at": None,
        "finalized_at": _at(words),
        "findings": [
            {"seq": seq, "item_code": "A07", "item_name": "公示信息抽查", "outcome": each}
            for seq, each in enumerate(outcomes, 1)
        ],
        "inspectors": [],
        **_iso(words),
    }
    Result.model_validate(body)
    return body


def plan_body(**words):
    revision = words.pop("version", 1)
    adjusted = {"kind": "changed", "reason": "任务调整", "approved_by": "联席办", "approved_on": "2021-07-01"}
    body = {
        "kind": "plan",
        "plan_id": "P-1",
        "revision": revision,
        "title": "年度联合抽查计划",
        "year": 2021,
        "region_code": "320000",
        "level": "province",
        "authority": "联席会议办公室",
        "scope": "cross_department",
        "finalized_at": _at(words),
        "complete_by": None,
        "declared_task_count": None,
        "adjustment": adjusted if revision > 1 else None,
        "tasks": [],
        **_iso(words),
    }
    Plan.model_validate(body)
    return body


def list_body(**words):
    body = {
        "kind": "item_list",
        "list_id": "L-1",
        "edition": "第一版",
        "revision": words.pop("version", 1),
        "title": "随机抽查事项清单",
        "region_code": "320000",
        "authority": "联席会议办公室",
        "finalized_at": _at(words),
        "items": [],
        **_iso(words),
    }
    ItemList.model_validate(body)
    return body


def case_body(**words):
    body = {"kind": "case", "case_id": "C-1", **_iso(words)}
    target = body.pop("about", "result_id")
    body[target] = "R-1"
    Case.model_validate(body)
    return body


BODIES = {"result": result_body, "plan": plan_body, "item_list": list_body}


def facts_from(profile, versions, cases=(), tombstone=None, holds=(), kind="result"):
    """Facts from short words: a list of versions, cases, holds, and a tombstone."""
    taken_back = None
    if tombstone:
        taken_back = {"kind": "tombstone", "record_kind": kind, "record_id": "R-1", "reason": None}
        Tombstone.model_validate(taken_back := {**taken_back, **_iso(tombstone)})
    return facts_of(
        kind,
        [BODIES[kind](**each) for each in versions],
        [case_body(**each) for each in cases],
        taken_back,
        [Hold(each["placed_on"], each.get("lifted_on"), each["basis"], "值班员") for each in holds],
        profile,
    )


@pytest.fixture(scope="session")
def workdays():
    return load_workdays()


@pytest.fixture(scope="session")
def profile_named():
    known = {}

    def get(name):
        return known.setdefault(name, known.get(name) or load_profile(name))

    return get


@pytest.fixture(scope="session")
def facts():
    return facts_from


@pytest.fixture(scope="session")
def body():
    return BODIES
