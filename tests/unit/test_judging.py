"""Verdicts on results that are alike are made once: what one judge says of many, a new judge says of each."""

from datetime import date
from types import SimpleNamespace

import pytest

from publisher import judging, rules
from publisher.judging import Judge
from publisher.ledger.dockets import Docket

DAY = date(2021, 6, 20)
CHANGES = [
    {"result_id": "R-other"},
    {"version": 2},
    {"ended_on": "2021-05-03"},
    {"ended_on": "2015-05-03", "finalized_at": "2015-05-04T09:00:00+08:00"},
    {"finalized_at": None},
    {"finalized_at": "2021-06-19T23:59:59+08:00"},
    {"finalized_at": "2021-06-19T23:59:59Z"},
    {"finalized_at": "2021-06-25T09:00:00+08:00"},
    {"openness": "withheld"},
    {"openness": "withheld", "openness_basis": "《政府信息公开条例》第十四条"},
    {"severity": "serious", "outcome": "不合格"},
    {"outcome": "不合格"},
    {"outcome": "不合格", "disposition": "已责令改正"},
    {"outcome": "不合格", "disposition": "移送司法机关"},
    {"outcome": "查无下落"},
    {"remark": "电话13800138000，张三"},
    {"inspectors": ["王五"]},
]


def docket(body: dict[str, object]) -> Docket:
    return Docket(SimpleNamespace(kind="result"), (body,), (), None, ())  # type: ignore[arg-type]


def judge() -> Judge:
    return Judge(rules.load_profile("jiangsu-2021"), rules.load_workdays(), DAY)


@pytest.fixture
def bodies(make_result):
    def subject_kind(kind: str) -> dict[str, object]:
        body = make_result(1)
        return body | {"subject": body["subject"] | {"kind": kind}}

    changed = [make_result(1, **change) for change in ({}, *CHANGES)]
    return [*changed, *map(subject_kind, ("sole_trader", "non_market", "person"))]


@pytest.mark.parametrize("remembered", [judging.MOST_ALIKE, 1])
def test_what_one_judge_says_of_many_a_new_one_says_of_each(bodies, monkeypatch, remembered):
    monkeypatch.setattr(judging, "MOST_ALIKE", remembered)
    one = judge()
    for _ in range(2):
        for body in bodies:
            assert one.judged(docket(body)) == judge().judged(docket(body))


def test_the_changes_make_a_difference(bodies):
    verdicts = {judge().judged(docket(body)).verdict for body in bodies}
    assert {one.state for one in verdicts} == {"published", "withheld", "pending"}
    assert len(verdicts) > 8
