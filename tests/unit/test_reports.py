"""Reports for the office, and the indicators' counts, each on a ledger small enough to count by hand."""

import csv
import io

import pytest

from publisher.ledger import Ledger
from publisher.ledger.tallies import indicator_counts
from publisher.model import Problem
from publisher.reports import ProblemGroup, problem_groups
from publisher.rules import load_profile

NEGATIVE = "不合格"


def judged(portal_dir, day):
    for stage in ("pull", "judge"):
        ran = portal_dir.call(stage, "--json", day=day)
        assert ran.status == 0, ran.err
    return ran.json


# --- problems


def test_problems_are_grouped_by_code_the_most_frequent_first():
    def problem(code, record):
        return Problem(code, record, None, f"{code} of {record}", None, None)

    groups = problem_groups([problem("b", "R-1"), problem("a", None), problem("b", "R-1"), problem("b", "R-2")])
    assert groups == [ProblemGroup("b", 3, 2, "b of R-1"), ProblemGroup("a", 1, 0, "a of None")]
    assert problem_groups([]) == []


def test_the_report_counts_what_check_lists(portal_dir, make_plan, make_result):
    portal_dir.give(
        make_plan(declared_task_count=20), make_result(1, recorded_at=None), make_result(2, recorded_at=None),
        make_result(3, outcome="没有这种结果"),
    )  # fmt: skip
    judged(portal_dir, "2021-07-01")
    listed = portal_dir.call("check", "--json", day="2021-07-01").lines
    ran = portal_dir.call("report", "problems", "--json", day="2021-07-01")
    assert ran.status == 0, ran.err
    assert (ran.json["as_of"], ran.json["total"]) == ("2021-07-01", len(listed))
    numbers = {one["code"]: (one["number"], one["records"]) for one in ran.json["problems"]}
    assert numbers.pop("assumed_value")[0] == len([one for one in listed if one["code"] == "assumed_value"])
    assert numbers == {"recorded_late": (2, 2), "task_count_differs": (1, 1), "unknown_outcome": (1, 1)}
    lines = portal_dir.call("report", "problems", day="2021-07-01").out.splitlines()
    assert lines[-1].split() == [str(len(listed)), "in", "all"]
    assert any(line.split()[:2] == ["2", "recorded_late"] for line in lines)


# --- the monthly form


def finding(seq, code, name, outcome="未发现问题"):
    return {"seq": seq, "item_code": code, "item_name": name, "outcome": outcome}


@pytest.fixture
def month(portal_dir, make_plan, make_item_list, make_task, make_result):
    """June 2021: two firms, three results, two items; one result is late, one negative, one was taken back."""
    june = {"ended_on": "2021-06-02"}
    portal_dir.give(
        make_plan(tasks=[make_task(ratio="15%"), make_task("T-2", seq=2, ratio=None, subjects="别的对象")]),
        make_item_list(),
        make_result(1, **june, findings=[finding(1, "A07", "年报"), finding(2, "X1", "=别的事项", NEGATIVE)]),
        make_result(2, **june, task_id="T-2", findings=[finding(1, "B01", "广告", NEGATIVE)], finalized_at=None),
        make_result(3, ended_on="2021-06-30", subject__uscc=make_result(1)["subject"]["uscc"]),
        make_result(4, ended_on="2021-07-01"),
        make_result(5, **june),
        {"kind": "tombstone", "record_kind": "result", "record_id": "R-5", "reason": None, "on": "2021-07-01"},
    )
    judged(portal_dir, "2021-07-05")
    return portal_dir


def test_the_monthly_form_counts_what_ended_in_the_month(month):
    ran = month.call("report", "monthly", "--month", "2021-06", "--json", day="2021-07-05")
    assert ran.status == 0, ran.err
    form = ran.json
    assert (form["month"], form["unit"], form["region_code"]) == ("2021-06", "测试公示", "320000")
    assert (form["filled_on"], form["due_on"], form["summaries"]) == ("2021-07-05", None, [])
    assert [one["answer"] for one in form["part_1"]] == ["未提供"] * 3
    assert form["part_1"][0]["question"] == "是否已出台工作细则和工作指引（注明文件名称及文号）"
    assert [tuple(one.values()) for one in form["part_2"]] == [
        ("=别的事项", "15%", 1, 1, 1, 1),
        ("年度报告公示信息检查", "15%", 1, 2, 0, 2),  # one subject, two results
        ("教育、培训广告检查", "≤3%", 1, 1, 1, 0),  # its task names no ratio: that of the list; not final, so not shown
    ]
    assert form["own_counts"] == ["subjects", "results", "problems", "published"]


def test_the_month_is_that_of_the_day_unless_named(month):
    assert month.call("report", "monthly", "--json", day="2021-07-05").json["month"] == "2021-07"
    empty = month.call("report", "monthly", "--month", "2021-05", "--json", day="2021-07-05").json
    assert empty["part_2"] == []


@pytest.mark.parametrize("words", ["2021-13", "2021-6", "June", "2021-06-01"])
def test_a_month_that_is_none_is_refused(month, words):
    ran = month.call("report", "monthly", "--month", words, day="2021-07-05")
    assert ran.status == 2
    assert words in ran.err


def test_the_form_as_text_and_as_csv_say_the_same_and_mark_our_own_counts(month):
    file = month.root / "form.csv"
    ran = month.call("report", "monthly", "--month", "2021-06", "--csv", file, day="2021-07-05")
    assert ran.status == 0, ran.err
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"))))
    lines = ran.out.splitlines()
    assert len(lines) == len(rows)
    head = next(row for row in rows if row[0] == "抽查事项名称")
    assert head[:2] == ["抽查事项名称", "抽查比例"]
    assert all(cell.endswith("（本平台统计）") for cell in head[2:])
    assert rows[rows.index(head) + 1] == ["'=别的事项", "15%", "1", "1", "1", "1"]  # no formula for a spreadsheet
    assert "  ".join(rows[1]) == lines[1] == "填报单位（地区）  测试公示（320000）"


def test_guyang_names_its_days_and_an_overlay_answers_for_the_operator(month):
    month.configure(profile="guyang-2021")
    form = month.call("report", "monthly", "--month", "2021-09", "--json", day="2021-10-08").json
    assert (form["due_on"], form["summaries"]) == ("2021-09-25", ["2021-09-06", "2021-11-30"])
    (month.root / "own.toml").write_text(
        'title = "某旗"\nextends = "guyang-2021"\n[[version]]\neffective_on = 2021-08-25\ndocument = "某旗"\n'
        'certainty = "confirmed"\n[version.report]\nbasis = "某旗"\ncertainty = "confirmed"\n'
        'monthly_by = "fifth_of_next_month"\nguidelines = "某旗工作细则（某发〔2021〕1号）"\n',
        "utf-8",
    )
    month.configure(profile="own.toml")
    form = month.call("report", "monthly", "--month", "2021-12", "--json", day="2021-12-31").json
    assert form["due_on"] == "2022-01-05"
    assert [one["answer"] for one in form["part_1"]] == ["某旗工作细则（某发〔2021〕1号）", "未提供", "未提供"]


# --- what settles a problem


@pytest.mark.parametrize(
    ("disposition", "closes"),
    [
        ("已改正", True),
        ("经复查， 已改正。", True),
        ("已作出行政处罚", True),
        ("已列入经营异常名录", True),
        ("已移送公安机关", True),
        ("后续监管", False),
        ("已立案", False),
        ("移交线索", False),
        ("责令限期改正", False),
        ("", False),
        (None, False),
    ],
)
def test_only_a_closing_disposition_settles_a_problem(disposition, closes):
    assert load_profile("national").latest.closes(disposition) is closes


# --- the indicators' counts


def counted(portal_dir):
    with Ledger(portal_dir.settings.ledger.url) as ledger, ledger.reading() as connection:
        return {one.year: one for one in indicator_counts(connection)}


def test_on_time_is_counted_over_what_was_published_or_should_have_been(portal_dir, make_plan, make_result, make_case):
    due = {"recorded_at": "2021-06-07T10:00:00+08:00"}  # every inspection ended on 2021-06-02: due on 2021-07-01
    portal_dir.give(
        make_plan(),
        make_result(1, **due),  # on time
        make_result(2, **due, finalized_at="2021-07-01T23:59:59+08:00"),  # on the last day
        make_result(3, **due, finalized_at="2021-07-02T00:00:00+08:00"),  # a day late
        make_result(4, **due, finalized_at=None),  # due and never final
        make_result(5, **due, openness="withheld"),  # lawfully not shown: not asked for
        make_result(6, **due, subject__kind="person"),
        make_result(7, **due),  # taken back: not asked for
        make_result(8, **due),  # stopped later: it stays on time
        make_result(9, **due),  # withheld later: not asked for any more
        make_result(10, **due, ended_on="2021-07-30", finalized_at="2021-08-02T09:00:00+08:00"),  # before it is due
        make_result(11, **due, ended_on="2021-07-30", finalized_at=None),  # not due yet: not asked for
        make_case("error", result_id="R-8", decided_on="2021-07-05"),
        make_case("withhold", case_id="C-2", result_id="R-9", decided_on="2021-07-05"),
        {"kind": "tombstone", "record_kind": "result", "record_id": "R-7", "reason": None, "on": "2021-07-05"},
    )
    judged(portal_dir, "2021-08-03")
    counts = counted(portal_dir)[2021]
    assert (counts.on_time, counts.due) == (4, 6)


def test_a_correction_never_changes_whether_a_result_was_on_time(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1), make_result(1, version=2, finalized_at="2021-08-02T09:00:00+08:00"))
    judged(portal_dir, "2021-08-03")
    counts = counted(portal_dir)[2021]
    assert (counts.on_time, counts.due) == (1, 1)


def test_settled_is_a_closing_disposition_over_all_problems(portal_dir, make_plan, make_result):
    portal_dir.give(
        make_plan(),
        make_result(1),
        make_result(2, disposition="已改正"),  # nothing found, nothing to settle
        make_result(3, outcome=NEGATIVE),
        make_result(4, outcome=NEGATIVE, disposition="已立案"),
        make_result(5, outcome=NEGATIVE, disposition="已作出行政处罚"),
    )
    judged(portal_dir, "2021-07-01")
    counts = counted(portal_dir)[2021]
    assert (counts.settled, counts.problems) == (1, 3)


def test_on_time_is_of_the_year_in_which_publication_was_due(portal_dir, make_plan, make_result):
    december = {"ended_on": "2021-12-20", "finalized_at": "2022-01-05T09:00:00+08:00"}
    portal_dir.give(make_plan(), make_result(1), make_result(2, **december))
    judged(portal_dir, "2022-03-01")
    counts = counted(portal_dir)
    assert {year: (one.on_time, one.due, one.visits) for year, one in counts.items()} == {
        2021: (1, 1, 2),
        2022: (1, 1, 0),
    }


def test_what_was_taken_back_is_no_problem_and_no_visit(portal_dir, make_plan, make_result):
    taken_back = {"kind": "tombstone", "record_kind": "result", "record_id": "R-2", "reason": None, "on": "2021-06-30"}
    portal_dir.give(make_plan(), make_result(1, outcome=NEGATIVE), make_result(2, outcome=NEGATIVE), taken_back)
    judged(portal_dir, "2021-07-01")
    counts = counted(portal_dir)[2021]
    assert (counts.problems, counts.visits) == (1, 1)


def test_results_of_one_subject_and_day_are_one_visit(portal_dir, make_plan, make_result):
    same = {"subject__uscc": None, "subject__name": "甲"}
    portal_dir.give(
        make_plan(), make_result(1, **same), make_result(2, **same), make_result(3, **same, ended_on="2021-06-03")
    )
    judged(portal_dir, "2021-07-01")
    assert counted(portal_dir)[2021].visits == 2


def indicator(portal_dir, name):
    """The cells of an indicator's table: year, numerator, denominator, value."""
    import html5lib

    tree = html5lib.parse(portal_dir.page("indicators/index.html"), namespaceHTMLElements=False)
    section = next(one for one in tree.iter("section") if any(each.get("id") == name for each in one.iter()))
    (table,) = section.iter("table")
    return [
        ["".join(cell.itertext()).strip() for cell in row if cell.tag in ("td", "th")]
        for row in table.iter("tr")
        if any(cell.tag == "td" for cell in row)
    ]


def test_the_page_shows_both_counts_and_says_when_a_ratio_means_nothing(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1), make_result(2, finalized_at=None))
    portal_dir.run("2021-06-10")  # nobody told how many inspections there were in all
    assert indicator(portal_dir, "visit_share") == [["2021", "2", "—", "未提供"]]
    assert indicator(portal_dir, "on_time") == [["2021", "1", "1", "100.0%"]]  # the other is not due yet
    assert indicator(portal_dir, "settled") == [["2021", "0", "0", "不适用"]]
    assert indicator(portal_dir, "joint_share") == [["2021", "1", "1", "100.0%"]]
    portal_dir.write("counts.csv", "authority,period,all_inspections,library_subjects", "甲局,2021,8,100")
    portal_dir.run("2021-08-03")
    assert indicator(portal_dir, "visit_share") == [["2021", "2", "8", "25.0%"]]
    assert indicator(portal_dir, "on_time") == [["2021", "1", "2", "50.0%"]]
