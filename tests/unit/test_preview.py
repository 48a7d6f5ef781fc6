"""What an officer is shown before a run: counts against last time, what stands out, and nothing personal."""

import json
from datetime import date, timedelta

import openpyxl
import pytest

NEGATIVE = "发现问题已责令改正"
OFFICE = "南京市玄武区市场监督管理局"
PHONE = "13951012345"


def day_of(number):
    return (date(2021, 6, 8) + timedelta(number)).isoformat()


def seen(portal_dir, day, *args):
    ran = portal_dir.call("preview", "--json", *args, day=day)
    assert ran.status == 0, ran.err
    return ran.json


def count(preview, facet, value):
    found = [one for one in preview["counts"] if (one["facet"], one["value"]) == (facet, value)]
    return tuple(found[0][name] for name in ("before", "add", "change", "stop", "after")) if found else None


def codes(preview):
    return {(one["code"], one["authority"]) for one in preview["outliers"]}


@pytest.fixture
def after_a_run(portal_dir, make_plan, make_result):
    """A portal that shows twelve results without a problem."""
    portal_dir.give(make_plan(), *(make_result(number) for number in range(1, 13)))
    portal_dir.take("2021-06-20")
    return portal_dir


def test_counts_are_told_against_the_last_publication(after_a_run, make_result, make_case):
    after_a_run.give(
        make_result(2, version=2, outcome=NEGATIVE, finalized_at="2021-06-21T09:00:00+08:00"),
        make_result(20),
        make_result(21, authority="测试市应急管理局"),
        make_case(decided_on="2021-06-22"),
        name="b",
    )
    found = seen(after_a_run, "2021-06-22")
    assert count(found, "kind", "result") == (12, 2, 1, 1, 13)
    assert count(found, "kind", "plan") == (1, 0, 0, 0, 1)
    assert count(found, "outcome", "no_problem") == (12, 2, 0, 1, 12)
    assert count(found, "authority", OFFICE) == (12, 1, 1, 1, 12)
    assert count(found, "authority", "测试市应急管理局") == (0, 1, 0, 0, 1)
    assert ("new_authority", "测试市应急管理局") in codes(found)
    by_id = {one["record_id"]: one for one in found["planned"]}
    assert by_id["R-2"]["outcomes"] == ["ordered_to_correct"]
    assert by_id["R-1"]["action"] == "stop"
    assert all(one["name"] and one["authority"] for one in found["planned"])
    after_a_run.take("2021-06-22")
    again = seen(after_a_run, "2021-06-22")
    assert again["planned"] == []
    assert count(again, "kind", "result") == (13, 0, 0, 0, 13)


def test_a_problem_rate_that_jumps_stands_out(after_a_run, make_result):
    after_a_run.give(*(make_result(number, outcome=NEGATIVE) for number in range(30, 36)), name="few")
    assert "problem_rate" not in {code for code, _ in codes(seen(after_a_run, "2021-06-21"))}
    after_a_run.give(*(make_result(number) for number in range(36, 46)), name="many")
    found = seen(after_a_run, "2021-06-21")
    assert {("problem_rate", None), ("problem_rate", OFFICE)} <= codes(found)
    told = next(one["message"] for one in found["outliers"] if one["authority"] == OFFICE)
    assert told == "problem rate 0 % → 38 % (0 of 12 shown, 6 of 16 new)"


def test_far_more_than_an_authority_s_usual_number_stands_out(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan())
    for number in range(1, 4):
        portal_dir.give(make_result(number), name=f"day-{number}")
        portal_dir.take(day_of(number))
    portal_dir.give(*(make_result(number) for number in range(50, 53)), name="usual")
    assert codes(seen(portal_dir, day_of(5))) == set()
    portal_dir.give(*(make_result(number) for number in range(50, 61)), name="usual")
    assert codes(seen(portal_dir, day_of(5))) == {("far_more_than_usual", OFFICE)}


def test_an_authority_that_is_silent_stands_out(after_a_run):
    assert codes(seen(after_a_run, "2021-12-02")) == set()  # 183 days after 2 June
    assert ("silent", OFFICE) in codes(seen(after_a_run, "2021-12-03"))


def test_many_stops_at_once_stand_out(after_a_run, make_case):
    cases = [
        make_case(case_id=f"C-{number}", result_id=f"R-{number}", decided_on="2021-06-22") for number in range(1, 11)
    ]
    after_a_run.give(*cases[:9], name="b")
    assert codes(seen(after_a_run, "2021-06-22")) == set()
    after_a_run.give(*cases, name="b")
    assert codes(seen(after_a_run, "2021-06-22")) == {("many_stops", None)}


def test_what_was_hidden_is_counted_and_never_said(after_a_run, make_result):
    after_a_run.give(make_result(40, remark=f"联系电话{PHONE}"), make_result(41, measure="责令改正"), name="b")
    found = seen(after_a_run, "2021-06-22")
    assert found["hidden"] == {"phone": 1}
    assert {one["record_id"]: one["hidden"] for one in found["planned"]} == {"R-40": ["phone"], "R-41": []}
    assert PHONE not in json.dumps(found)
    text = after_a_run.call("preview", day="2021-06-22").out
    assert "1  texts with personal data (phone)" in text
    assert PHONE not in text


def test_the_text_says_records_then_counts_then_what_stands_out(after_a_run, make_result):
    after_a_run.give(make_result(21, authority="测试市应急管理局"), name="b")
    lines = after_a_run.call("preview", day="2021-06-22").out.splitlines()
    assert lines[0].startswith("add    result R-21  published (publish.final)  ")
    assert lines[1].split() == ["before", "add", "change", "stop", "after"]
    assert ["kind", "12", "1", "0", "0", "13", "result"] in [line.split() for line in lines]
    assert "look at     测试市应急管理局: 1 results of an authority never met before [new_authority]" in lines
    assert not any(OFFICE in line for line in lines[1:])  # nothing changes for it


def test_the_workbook_holds_texts_and_numbers_only(after_a_run, make_result, tmp_path):
    after_a_run.give(
        make_result(40, result_id="320000202104010001", subject__name="=1+1有限公司", remark=f"电话{PHONE}"), name="b"
    )
    file = tmp_path / "preview.xlsx"
    assert seen(after_a_run, "2021-06-22", "--xlsx", file)["planned"]
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["概况", "异常", "计数", "记录"]
    assert {cell.data_type for sheet in book for row in sheet for cell in row if cell.value is not None} <= {"s", "n"}
    first = [cell.value for cell in book["记录"][2]]
    assert first[:5] == ["新增", "检查结果", "320000202104010001", "=1+1有限公司", OFFICE]
    assert first[-1] == "电话"
    counts = {tuple(cell.value for cell in row) for row in book["计数"]}
    assert ("种类", "检查结果", 12, 1, 0, 0, 13) in counts
    assert ("结果类别", "未发现问题", 12, 1, 0, 0, 13) in counts


def test_a_preview_is_never_put_into_the_public_site(after_a_run, make_result):
    after_a_run.give(make_result(40), name="b")
    for place in ("preview.xlsx", "data/preview.xlsx"):
        ran = after_a_run.call("preview", "--xlsx", after_a_run.output / place, day="2021-06-22")
        assert ran.status == 2
        assert "lies in the public site" in ran.err
    ran = after_a_run.call("preview", "--xlsx", after_a_run.root / "nowhere" / "preview.xlsx", day="2021-06-22")
    assert (ran.status, "cannot be written" in ran.err) == (2, True)
