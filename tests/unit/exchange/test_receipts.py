"""Receipts for the officer: the lists of a run, the workbook, and when each record was first accepted."""

import dataclasses
from collections import Counter
from datetime import date

import openpyxl
import pytest

from publisher.errors import SettingsError
from publisher.exchange import report
from publisher.ledger import receipts
from publisher.ledger.holdings import Holding, believe
from publisher.ledger.schema import held, record


def lists(book, run_no=None, endpoint=None):
    counts = Counter()
    with book.ledger.reading() as connection:
        run_no = run_no or receipts.latest_told_run(connection)
        lines = list(report.lines(receipts.receipts_of(connection, run_no, endpoint), counts))
    return [(one["list"], one["record_id"], one["status"]) for one in lines], counts, lines


@pytest.fixture
def mixed(book, far, sandbox, result, tmp_path):
    """One push with one of each: taken, refused for itself, left out, and not to be put into the form."""
    mapping = tmp_path / "coded.toml"
    mapping.write_text('needs_code = true\nresult = "plain"\n')
    book.endpoint = dataclasses.replace(book.endpoint, mapping=str(mapping))
    nameless = result("R-3")["subject"] | {"uscc": None}
    book.show("R-1")
    book.show("R-2", body=result("R-2", version=2**60))
    book.show("R-3", body=result("R-3", subject=nameless))
    book.push()
    return book


def test_the_lists_of_a_run(mixed, sandbox):
    assert lists(mixed)[0] == [
        ("unsendable", "R-3", "unsendable"),
        ("successful", "R-1", "accepted"),
        ("refused", "R-2", "rejected"),
    ]
    for number in range(4, 8):
        mixed.show(f"R-{number}")
    sandbox.faults.set("gsxt:partial=1")
    pushed = mixed.push()
    names = Counter(one[0] for one in lists(mixed)[0])
    assert names == {"successful": pushed.accepted, "unprocessed": pushed.unprocessed}
    assert pushed.unprocessed > 0
    assert [one[0] for one in lists(mixed, run_no=1)[0]] == ["unsendable", "successful", "refused"]
    assert lists(mixed, endpoint="other")[0] == []


def test_what_is_said_last_of_a_version_in_a_run_counts(book, sandbox):
    for number in range(4):
        book.show(f"R-{number}")
    sandbox.faults.set("gsxt:partial=1")
    book.push()
    sandbox.faults.clear()
    from publisher.exchange import push

    push(book.ledger, [book.endpoint], 1, book.said.append, sender="320000")  # taken up again in the same run
    found, counts, _ = lists(book, run_no=1)
    assert {one[0] for one in found} == {"successful"}
    assert counts == {("gsxt", "successful"): 4}


def test_in_words(mixed):
    _, counts, _ = lists(mixed)
    with mixed.ledger.reading() as connection:
        words = report.in_words(counts, receipts.timeliness(connection))
    assert words[0] == "gsxt: 1 successful, 1 refused, 0 unprocessed, 1 unsendable"


def test_the_workbook_holds_the_lists_as_texts(mixed, tmp_path):
    file = tmp_path / "receipts.xlsx"
    mixed.show("320000202104010001", kind="plan")
    _, _, lines = lists(mixed)
    lines.append(lines[-1] | {"record_id": "320000202104010001", "message": "=cmd|' /C calc'!A0", "list": "refused"})
    report.write_xlsx(file, lines, 1, date(2021, 6, 9), [receipts.Timeliness("gsxt", 3, 1, 0)])
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["成功", "退回", "未处理", "无法报送", "说明"]
    rows = list(book["退回"].iter_rows(values_only=True))
    assert rows[0] == tuple(report.COLUMNS.values())
    assert (rows[1][2], rows[1][3], rows[1][5]) == ("R-2", "1", "退回")
    assert rows[2][2] == "320000202104010001"
    assert book["退回"]["I3"].data_type == "s"
    assert book["退回"]["I3"].value.startswith("=cmd")
    about = dict(book["说明"].iter_rows(values_only=True))
    assert (about["退回"], about["gsxt 按期首次接收的结果"]) == ("2", "3")
    with pytest.raises(SettingsError, match="cannot be written"):
        report.write_xlsx(tmp_path / "none" / "x.xlsx", [], 1, date(2021, 6, 9), [])


def test_a_list_longer_than_a_sheet_goes_on_on_another(mixed, tmp_path, monkeypatch):
    monkeypatch.setattr(report, "MOST_ROWS", 2)
    _, _, lines = lists(mixed)
    one = next(line for line in lines if line["list"] == "successful")
    many = [one | {"record_id": f"R-{number}"} for number in range(5)]
    report.write_xlsx(tmp_path / "x.xlsx", many, 1, date(2021, 6, 9), [])
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    ids = [
        [row[2] for row in book[name].iter_rows(min_row=2, values_only=True)] for name in ("成功", "成功 2", "成功 3")
    ]
    assert ids == [["R-0", "R-1"], ["R-2", "R-3"], ["R-4"]]


def test_the_first_acceptance_stays_whatever_follows(book, far):
    book.show("R-1")
    book.push()
    with book.ledger.transaction() as connection:
        connection.execute(held.update().values(first_accepted_at="2021-06-09T10:00:00+08:00"))
        connection.execute(record.update().values(due_on=date(2021, 6, 9), authority="测试机关"))
    book.stop("R-1")
    book.push()
    book.show("R-1")
    book.push()
    with book.ledger.reading() as connection:
        (first,) = receipts.first_acceptances(connection, "gsxt")
        assert receipts.timeliness(connection) == [("gsxt", 1, 0, 0)]
    assert (first.record_id, first.authority, first.due_on) == ("R-1", "测试机关", date(2021, 6, 9))
    assert first.first_accepted_at == "2021-06-09T10:00:00+08:00"


def test_on_time_is_the_day_it_was_due_and_no_later(book, far):
    for number in range(3):
        book.show(f"R-{number}")
    book.show("P-1", kind="plan")
    book.push()
    days = {"R-0": date(2021, 6, 9), "R-1": date(2021, 6, 8), "R-2": None}
    with book.ledger.transaction() as connection:
        connection.execute(held.update().values(first_accepted_at="2021-06-09T23:59:59+08:00"))
        for name, day in days.items():
            connection.execute(record.update().where(record.c.record_id == name).values(due_on=day))
    with book.ledger.reading() as connection:
        assert receipts.timeliness(connection) == [("gsxt", 1, 1, 1)]


def test_what_an_endpoint_was_found_to_hold_is_no_acceptance_until_it_accepts(book, far):
    book.show("R-1")
    with book.ledger.transaction() as connection:
        believe(connection, "gsxt", {1: Holding("R-1", 1, "published", "x")})
    with book.ledger.reading() as connection:
        assert receipts.timeliness(connection) == []
    book.push()  # the endpoint holds nothing in truth: a correction is in the wrong order there, and is refused
    with book.ledger.reading() as connection:
        assert list(receipts.first_acceptances(connection, "gsxt")) == []


# the command --------------------------------------------------------------------------------------------------------


@pytest.fixture
def told_portal(portal_dir, sandbox, make_plan, make_result, monkeypatch):
    """A portal that has told an endpoint of two records; a third was left without a receipt."""
    monkeypatch.setenv("A_TOKEN", "the-token")
    portal_dir.configure(
        endpoints=[{"name": "gsxt", "kind": "api", "url": f"{sandbox.url}/gsxt", "token_env": "A_TOKEN"}]
    )
    portal_dir.give(make_plan(), make_result(1), make_result(2))
    for stage in ("pull", "judge", "push"):
        if stage == "push":
            sandbox.faults.set("gsxt:partial=1")
        assert portal_dir.call(stage, day="2021-07-05").status == 0
    return portal_dir


def test_the_command_prints_lists_in_words_json_and_as_a_workbook(told_portal, tmp_path):
    words = told_portal.call("receipts")
    assert words.status == 0
    assert "unprocessed gsxt" in words.out.replace("  ", " ")
    assert "gsxt: 2 successful, 0 refused, 1 unprocessed, 0 unsendable" in words.out
    assert "results first accepted" in words.out
    lines = told_portal.call("receipts", "--json", "--endpoint", "gsxt").lines
    assert sorted(one["list"] for one in lines) == ["successful", "successful", "unprocessed"]
    assert lines[0].keys() == {"run", "list", *report.COLUMNS}
    file = tmp_path / "回执.xlsx"
    assert told_portal.call("receipts", "--xlsx", file, "--run", lines[0]["run"]).status == 0
    assert openpyxl.load_workbook(file)["成功"].max_row == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--endpoint", "other"), "no endpoint other"),
        (("--run", "99"), "no run 99"),
        (("--xlsx", "/none/x.xlsx"), "written"),
    ],
)
def test_the_command_says_what_it_cannot_list(told_portal, arguments, words):
    ran = told_portal.call("receipts", *arguments)
    assert ran.status == 2
    assert words in ran.err
