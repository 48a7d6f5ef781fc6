"""One small built portal that the contracts are read from; nothing in it is changed after it is built."""

import pytest

BUILT_ON = "2021-07-05"


@pytest.fixture(scope="session")
def built(tmp_path_factory, make_portal, make_plan, make_task, make_item_list, make_result, make_case):
    """A portal with something of everything: plans, lists, results of every standing, cases, a problem."""
    portal = make_portal(tmp_path_factory.mktemp("built"))
    adjustment = {"kind": "changed", "reason": "任务调整", "approved_by": "测试机关", "approved_on": "2021-05-01"}
    portal.give(
        make_plan(),
        make_plan(revision=2, finalized_at="2021-05-02T09:00:00+08:00", adjustment=adjustment,
                  tasks=[make_task(quantity="约1200"), make_task("T2021-1-2", seq=2, status="cancelled")]),
        make_item_list(),
        *(make_result(number) for number in range(1, 52)),
        make_result(60, outcome="不合格", severity="moderate"),
        make_result(61, finalized_at=None),
        make_result(62, subject__uscc=None, subject__kind="sole_trader", subject__name="玄武无码测试摊"),
        make_result(63, outcome="无此结论"),
        make_result(64, finalized_at="2021-07-01T09:00:00+08:00"),
        make_case("objection", case_id="C-1", result_id="R-2", filed_on="2021-06-20"),
        make_case("reply", case_id="C-2", result_id="R-2", filed_on="2021-06-20", reason="已经整改。"),
        make_case("withhold", case_id="C-3", result_id="R-3", decided_on="2021-07-02"),
    )  # fmt: skip
    portal.run("2021-06-20")
    portal.run(BUILT_ON)
    return portal


@pytest.fixture(scope="session", autouse=True)
def _builds(builds_within: None) -> None:
    """Build within the tests' process."""
