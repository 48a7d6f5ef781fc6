"""Keeping what arrived: every version once, the first content of a version for good."""

from datetime import date

from sqlalchemy import select

from publisher.ledger import intake, problems
from publisher.ledger.dockets import find, version_of
from publisher.ledger.schema import problem, received, set_aside
from publisher.ledger.store import start_run
from publisher.model import Problem, SetAside

DAY = date(2021, 6, 20)


def docket_of(book, record_id, kind="result"):
    with book.ledger.reading() as connection:
        return find(connection, kind, record_id)


def test_each_version_is_kept_once_and_told_by_kind(book, make_result, make_plan, make_case):
    assert book.keep(make_plan(), make_result(1), make_result(2), make_case()) == {"plan": 1, "result": 2, "case": 1}
    assert book.keep(make_plan(), make_result(1), make_result(2), make_case()) == {"plan": 0, "result": 0, "case": 0}
    assert book.keep(make_result(1), make_result(1, version=2)) == {"result": 1}
    assert len(book.rows(received)) == 5
    assert book.problems == []


def test_the_same_record_twice_in_one_pull_is_one(book, make_result):
    assert book.keep(make_result(1), make_result(1)) == {"result": 1}
    assert book.problems == []


def test_a_version_with_other_content_is_a_problem_and_the_first_stays(book, make_result):
    book.keep(make_result(1))
    assert book.keep(make_result(2), make_result(1, authority="另一个局")) == {"result": 1}
    [found] = book.problems
    assert (found.code, found.record, found.file, found.line) == (
        "version_content_changed",
        "R-1",
        "results/a.jsonl",
        2,
    )
    assert [one["authority"] for one in docket_of(book, "R-1").versions] == ["南京市玄武区市场监督管理局"]


def test_other_content_of_a_version_in_one_pull_is_a_problem_too(book, make_result):
    assert book.keep(make_result(1), make_result(1, authority="另一个局")) == {"result": 1}
    assert [one.line for one in book.problems] == [2]


def test_keys_written_out_and_keys_left_out_are_the_same_content(book, make_result):
    written = make_result(1, severity=None, measure=None, remark=None)
    assert book.keep(make_result(1)) == {"result": 1}
    assert book.keep(written) == {"result": 0}
    assert book.problems == []


def test_versions_are_read_in_order_whatever_order_they_came_in(book, make_result):
    book.keep(make_result(1, version=3), make_result(1, version=1))
    book.keep(make_result(1, version=2))
    docket = docket_of(book, "R-1")
    assert [one["version"] for one in docket.versions] == [1, 2, 3]
    assert version_of(docket, 2)["version"] == 2
    assert version_of(docket, None)["version"] == 3


def test_the_last_content_of_a_case_counts_and_an_old_one_is_never_taken_twice(book, make_result, make_case):
    first, second = make_case(), make_case(decided_on="2021-07-05")
    book.keep(make_result(1), first)
    assert book.keep(second) == {"case": 1}
    assert book.keep(first) == {"case": 0}  # pages of the platform may repeat records
    [case] = docket_of(book, "R-1").cases
    assert case["decision"] == "granted"


def test_a_case_may_come_before_its_record(book, make_result, make_case, due_ids):
    book.keep(make_case())
    assert due_ids() == set()
    book.keep(make_result(1))
    assert due_ids() == {"R-1"}
    assert len(docket_of(book, "R-1").cases) == 1


def test_a_case_that_comes_to_name_another_record_lets_go_of_the_first(book, make_result, make_case, due_ids):
    book.keep(make_result(1), make_result(2), make_case(decided_on="2021-06-10"))
    book.decide(next_change_on=None)
    assert due_ids() == set()
    book.keep(make_case(decided_on="2021-06-10", result_id="R-2"))
    assert due_ids() == {"R-1", "R-2"}
    assert docket_of(book, "R-1").cases == ()
    assert len(docket_of(book, "R-2").cases) == 1


def test_cases_are_about_one_kind_of_record(book, make_result, make_plan, make_case):
    book.keep(make_plan("X-1"), make_result(1, result_id="X-1"), make_case(result_id=None, plan_id="X-1"))
    assert len(docket_of(book, "X-1", "plan").cases) == 1
    assert docket_of(book, "X-1").cases == ()


def test_a_tombstone_reaches_its_record_and_the_last_one_counts(book, make_result, due_ids):
    gone = {"kind": "tombstone", "record_kind": "result", "record_id": "R-1", "reason": None, "on": "2021-06-15"}
    book.keep(make_result(1), make_result(2))
    book.decide(next_change_on=None)
    assert book.keep(gone) == {"tombstone": 1}
    assert due_ids() == {"R-1"}
    book.keep(gone | {"on": "2021-06-17"})
    assert docket_of(book, "R-1").tombstone["on"] == "2021-06-17"
    assert docket_of(book, "R-2").tombstone is None


def test_what_changes_nothing_is_not_judged_again(book, make_result, make_case, due_ids):
    book.keep(make_result(1), make_result(2))
    book.decide(next_change_on=None)
    book.keep(make_result(1), make_result(2))
    assert due_ids() == set()
    book.keep(make_result(2, version=2), make_case(case_type="objection"))
    assert due_ids() == {"R-1", "R-2"}


# problems ----------------------------------------------------------------------------------------------------------


def aside(record, line, file="results/a.jsonl", code="unknown_outcome"):
    return SetAside(Problem(code, record, None, f"{record} is wrong", file, line), f'{{"record": "{record}"}}')


def in_a_run(book, act):
    with book.ledger.transaction() as connection:
        return act(connection, start_run(connection, DAY))


def test_a_problem_seen_again_is_one_problem(book):
    for _ in range(2):
        in_a_run(book, lambda connection, run_no: problems.set_record_aside(connection, run_no, aside("R-1", 1)))
    assert len(book.rows(problem)) == len(book.rows(set_aside)) == 1


def test_a_record_that_arrives_well_is_no_longer_a_problem(book, make_result):
    in_a_run(book, lambda connection, run_no: problems.set_record_aside(connection, run_no, aside("R-1", 1)))
    in_a_run(book, lambda connection, run_no: problems.set_record_aside(connection, run_no, aside("R-2", 2)))
    book.keep(make_result(1), file="results/b.jsonl")
    assert [one.record for one in book.problems] == ["R-2"]
    assert [one.record for one in book.rows(set_aside)] == ["R-2"]


def test_a_file_read_again_keeps_only_what_is_wrong_in_it_now(book):
    def first(connection, run_no):
        problems.note(connection, run_no, [aside("R-1", 1).problem, aside("R-2", 2).problem])
        problems.note(connection, run_no, [aside("R-3", 1, file="results/b.jsonl").problem])

    def second(connection, run_no):
        problems.note(connection, run_no, [aside("R-2", 2).problem])
        problems.file_read_again(connection, run_no, "results/a.jsonl")

    in_a_run(book, first)
    in_a_run(book, second)
    assert [one.record for one in book.problems] == ["R-2", "R-3"]


def test_a_set_aside_record_that_passes_takes_only_its_own_problem_along(book):
    """The records of an array on one line share file and line."""

    def put_aside(connection, run_no):
        for record in ("R-1", "R-2"):
            problems.set_record_aside(connection, run_no, aside(record, 1))

    def first_passes(connection, run_no):
        [number] = connection.execute(select(set_aside.c.set_aside_no).where(set_aside.c.record == "R-1")).scalars()
        problems.no_longer_set_aside(connection, number)

    in_a_run(book, put_aside)
    in_a_run(book, first_passes)
    assert [one.record for one in book.problems] == ["R-2"]
    assert [one.record for one in book.rows(set_aside)] == ["R-2"]


def test_counts_of_a_period_are_replaced(book):
    with book.ledger.transaction() as connection:
        intake.keep_counts(connection, "甲局", "2021", 10, 100)
        intake.keep_counts(connection, "甲局", "2021", 12, None)
        intake.keep_counts(connection, "甲局", "2022", 1, 1)
    assert sorted(tuple(row) for row in book.rows(intake.counts)) == [
        ("甲局", "2021", 12, None),
        ("甲局", "2022", 1, 1),
    ]


def test_reading_is_remembered_and_forgotten(book):
    with book.ledger.transaction() as connection:
        intake.remember(connection, "results/a.jsonl", "1")
        intake.remember(connection, "results/a.jsonl", "2")
        intake.remember(connection, "results/b.jsonl", "1")
        assert intake.remembered(connection) == {"results/a.jsonl": "2", "results/b.jsonl": "1"}
        intake.forget(connection, "results/b.jsonl")
        assert intake.remembered(connection) == {"results/a.jsonl": "2"}
        intake.forget_reading(connection)
        assert intake.remembered(connection) == {}


def test_a_gap_is_of_a_record_and_its_kind(book):
    def gaps():
        return [(row.record_kind, row.record) for row in book.rows(problem)]

    in_a_run(book, lambda connection, run_no: problems.note_gaps(connection, run_no, "plan", {"A": "too old"}))
    in_a_run(book, lambda connection, run_no: problems.note_gaps(connection, run_no, "result", {"A": "too old"}))
    assert sorted(gaps()) == [("plan", "A"), ("result", "A")]
    in_a_run(book, lambda connection, run_no: problems.note_gaps(connection, run_no, "result", {"A": None, "B": None}))
    assert gaps() == [("plan", "A")]
    in_a_run(book, lambda connection, run_no: problems.record_put_right(connection, run_no, "result", ["A"]))
    assert gaps() == [("plan", "A")]
    in_a_run(book, lambda connection, run_no: problems.record_put_right(connection, run_no, "plan", ["A"]))
    assert gaps() == []
