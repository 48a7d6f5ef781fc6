"""The words of the field: what a record must say, and what it may not."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from publisher.model import MODELS, Case, ItemList, Plan, Result, Tombstone, civil_day, fold_label, identity

ADJUSTMENT = {"kind": "changed", "reason": "测试", "approved_by": "测试机关", "approved_on": "2021-05-01"}
TOMBSTONE = {"kind": "tombstone", "record_kind": "result", "record_id": "R-1", "reason": None, "on": "2021-06-15"}


def refused(model, record, words=None):
    with pytest.raises(ValidationError, match=words):
        model.model_validate(record)


def test_the_factories_make_records_that_are_right(make_plan, make_item_list, make_result, make_case):
    for record in (make_plan(), make_item_list(), make_result(), make_case(), TOMBSTONE):
        MODELS[record["kind"]].model_validate(record)


def test_a_record_says_what_it_is_and_which_version(make_plan, make_item_list, make_result, make_case):
    assert identity(Plan.model_validate(make_plan())) == ("P2021-1", 1)
    assert identity(ItemList.model_validate(make_item_list())) == ("JS-TEST", 1)
    assert identity(Result.model_validate(make_result(version=3))) == ("R-1", 3)
    assert identity(Case.model_validate(make_case())) == ("C-1", None)
    assert identity(Tombstone.model_validate(TOMBSTONE)) == ("result.R-1", None)


def test_an_unknown_key_is_refused_at_every_depth(make_plan, make_item_list, make_result, make_case):
    refused(Result, make_result() | {"extra": 1}, "extra")
    refused(Result, make_result(subject__phone="1"), "phone")
    refused(Result, make_result(findings=[make_result()["findings"][0] | {"photo": "x"}]), "photo")
    refused(Plan, make_plan(tasks=[make_plan()["tasks"][0] | {"extra": 1}]), "extra")
    refused(ItemList, make_item_list(items=[make_item_list()["items"][0] | {"extra": 1}]), "extra")
    refused(Case, make_case() | {"extra": 1}, "extra")


OPTIONAL = {
    "plan": {"plan_type", "openness", "openness_basis", "document_no", "approved_by", "approved_on", "filed_on",
             "adjustment"},
    "item_list": {"openness", "openness_basis", "approved_by", "approved_on"},
    "result": {"severity", "measure", "disposition", "penalty_no", "remark", "openness", "openness_basis"},
}  # fmt: skip


def test_what_may_be_absent_may_be_and_all_else_must_be_there(make_plan, make_item_list, make_result):
    for record in (make_plan(), make_item_list(), make_result()):
        model = MODELS[record["kind"]]
        for key in record:
            less = {name: value for name, value in record.items() if name != key}
            if key in OPTIONAL[record["kind"]]:
                model.model_validate(less)
            else:
                refused(model, less)
        assert {name for name, field in model.model_fields.items() if not field.is_required()} == OPTIONAL[
            record["kind"]
        ]


def test_a_revision_needs_its_approval_and_a_temporary_check_its_filing(make_plan):
    refused(Plan, make_plan(revision=2), "R1-09")
    for key in ("approved_by", "approved_on", "reason"):
        refused(Plan, make_plan(revision=2, adjustment={name: ADJUSTMENT[name] for name in ADJUSTMENT if name != key}))
    Plan.model_validate(make_plan(revision=2, adjustment=ADJUSTMENT))
    refused(Plan, make_plan(plan_type="temporary"), "filed_on")
    Plan.model_validate(make_plan(plan_type="temporary", filed_on="2021-05-01"))


def test_ids_within_a_record_are_its_own(make_plan, make_task, make_item_list):
    refused(Plan, make_plan(tasks=[make_task(), make_task()]), "share a task_id")
    item = make_item_list()["items"][0]
    refused(ItemList, make_item_list(items=[item, item]), "share an item_code")
    refused(ItemList, make_item_list(items=[item | {"basis": ""}]), "basis")


def test_a_case_is_about_one_record_and_a_decision_has_its_day(make_case):
    refused(Case, make_case(result_id=None), "names one of")
    refused(Case, make_case(plan_id="P2021-1"), "names one of")
    refused(Case, make_case(decision="granted"), "decided_on")
    assert Case.model_validate(make_case()).target == ("result", "R-1")
    assert Case.model_validate(make_case(result_id=None, plan_id="P")).target == ("plan", "P")
    assert Case.model_validate(make_case(result_id=None, list_id="L")).target == ("item_list", "L")


@pytest.mark.parametrize(
    "hostile",
    ["", "..", "../x", "a/b", "a\\b", "a..b", ".hidden", "-x", "_x", "a b", "a\nb", "a\x00b", "<b>", "a" * 65, "a?b",
     "a#b", "a%2fb", "\u202ea"],
)  # fmt: skip
def test_an_id_that_would_not_do_as_part_of_an_address_is_refused(make_result, hostile):
    refused(Result, make_result(result_id=hostile))
    refused(Result, make_result(plan_id=hostile))


@pytest.mark.parametrize("plain", ["32000020210001", "R2021-000001", "苏市监〔2021〕1号", "a", "a" * 64, "1.2_3-4"])
def test_ids_are_opaque_texts(make_result, plain):
    assert Result.model_validate(make_result(result_id=plain)).result_id == plain


def test_a_number_is_no_id(make_result):
    refused(Result, make_result(result_id=320000202104010001))


@pytest.mark.parametrize(
    "day", ["2021-6-2", "20210602", "2021/06/02", "2021-06-31", "2021-06-02T00:00:00", 1622592000, True, ""]
)
def test_a_date_is_written_one_way(make_result, day):
    refused(Result, make_result(ended_on=day))


@pytest.mark.parametrize(
    "instant", ["2021-06-08", "2021-06-08T09:00:00", "2021-06-08 09:00:00+08:00", 1623114000, "now"]
)
def test_an_instant_has_its_offset(make_result, instant):
    refused(Result, make_result(finalized_at=instant))


@pytest.mark.parametrize("count", [True, 1.0, "1", -1, 0])
def test_versions_are_whole_numbers_from_one(make_result, count):
    refused(Result, make_result(version=count))


def test_a_result_has_a_finding(make_result):
    refused(Result, make_result(findings=[]))


def test_codes_are_folded(make_result, make_code):
    wide = " " + make_code(1).lower().replace("9", "９", 1) + "　"
    assert Result.model_validate(make_result(subject__uscc=wide)).subject.uscc == make_code(1)


def test_the_civil_day_is_that_of_shanghai():
    assert civil_day(datetime(2021, 6, 8, 15, 59, 59, tzinfo=UTC)) == date(2021, 6, 8)
    assert civil_day(datetime(2021, 6, 8, 16, 0, tzinfo=UTC)) == date(2021, 6, 9)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("发现问题、待后续调查处理。", "发现问题，待后续调查处理"),
        ("Ｂ", "b"),
        (" 未发现 问题 ", "未发现问题"),
        ("合格（A）", "合格(a)"),
        ("甲；乙", "甲，乙"),
    ],
)
def test_labels_that_mean_the_same_fold_to_the_same(one, other):
    assert fold_label(one) == fold_label(other)


def test_labels_that_differ_stay_apart():
    assert fold_label("合格") != fold_label("不合格")


@pytest.mark.parametrize("blank", ["", " ", "　"])
def test_a_blank_code_is_no_code(make_result, blank):
    subject = Result.model_validate(make_result(subject__uscc=blank, subject__reg_no=blank)).subject
    assert (subject.uscc, subject.reg_no) == (None, None)


@pytest.mark.parametrize("name", ["index", "INDEX"])
def test_no_id_takes_the_place_of_a_folders_own_page(make_plan, name):
    refused(Plan, make_plan(plan_id=name))
