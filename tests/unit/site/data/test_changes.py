"""The change feed through whole runs: what comes, changes and stops, and that nothing stopped stays anywhere."""

import io
import json
import re
import zipfile
from datetime import date

import pytest
from sqlalchemy import insert

from publisher import paths
from publisher.ledger import Ledger, deltas
from publisher.ledger.schema import record, run

FIRST, SECOND, THIRD, FOURTH = "2021-06-20", "2021-06-25", "2021-06-28", "2021-06-30"


@pytest.fixture
def portal(portal_dir, make_plan, make_item_list, make_result):
    portal_dir.give(make_plan(), make_item_list(), make_result(1, remark="初稿说明"), make_result(2))
    portal_dir.run(FIRST)
    return portal_dir


def publications(portal):
    return json.loads(portal.page("data/delta/index.json"))["publications"]


def lines(portal, publication):
    names = [one.rpartition("/data/")[2] for one in publication["files"]]
    return [json.loads(line) for name in names for line in portal.page(f"data/{name}").splitlines()]


def counts(publication):
    return publication["add"], publication["mod"], publication["stop"]


def of(portal, result_id):
    found = json.loads(portal.page("data/results-2021-06.json"))["records"]
    return next(one for one in found if one["result_id"] == result_id)


def holders(portal, *words):
    """The files of the site that hold a word, packed or not."""
    found = set()
    for name, content in portal.files().items():
        parts = [content]
        if name.endswith(".xlsx"):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                parts = [archive.read(one) for one in archive.namelist()]
        if any(word.encode() in part for part in parts for word in words):
            found.add(name)
    return found


def test_the_first_publication_adds_everything(portal):
    (first,) = publications(portal)
    assert counts(first) == (4, 0, 0)
    assert first["as_of"] == first["changed_on"] == FIRST
    told = lines(portal, first)
    assert [one["record"]["kind"] for one in told] == ["plan", "item_list", "result", "result"]
    assert all(re.fullmatch(r"[0-9a-f]{32}", one["ref"]) and one["ref"] == one["record"]["ref"] for one in told)
    assert told[2]["record"] == of(portal, "R-1")


def test_a_run_that_changes_nothing_publishes_nothing(portal):
    before = portal.files()
    portal.run(SECOND)
    assert len(publications(portal)) == 1
    assert portal.files() == before


def test_a_correction_is_told_and_what_was_wrong_is_gone(portal, make_result):
    ref = of(portal, "R-1")["ref"]
    portal.give(
        make_result(1, version=2, remark="二稿说明", finalized_at="2021-06-24T09:00:00+08:00"), name="correction"
    )
    portal.run(SECOND)
    first, second = publications(portal)
    assert counts(first) == (4, 0, 0)
    assert counts(second) == (0, 1, 0)
    assert (first["as_of"], first["changed_on"]) == (FIRST, SECOND)
    (told,) = lines(portal, second)
    assert (told["op"], told["ref"], told["record"]["remark"]) == ("MOD", ref, "二稿说明")
    assert next(one for one in lines(portal, first) if one["ref"] == ref)["record"] == told["record"]
    assert holders(portal, "初稿说明") == set()
    portal.give(make_result(1, version=3, remark="三稿说明", finalized_at="2021-06-27T09:00:00+08:00"), name="again")
    portal.run(THIRD)
    _, second, third = publications(portal)
    assert counts(second) == (0, 0, 0)
    assert second["files"] == []
    assert not (portal.output / "data/delta/000002.jsonl").exists()
    assert counts(third) == (0, 1, 0)
    assert holders(portal, "二稿说明") == set()


def test_a_stop_names_ref_rule_and_date_and_takes_all_lines_away(portal, make_case, make_result, make_code):
    ref = of(portal, "R-1")["ref"]
    portal.give(
        make_result(1, version=2, remark="二稿说明", finalized_at="2021-06-24T09:00:00+08:00"), name="correction"
    )
    portal.run(SECOND)
    portal.give(make_case("withhold", result_id="R-1", decided_on=THIRD), name="stop")
    portal.run(THIRD)
    first, second, third = publications(portal)
    assert (counts(first), counts(second), counts(third)) == ((3, 0, 0), (0, 0, 0), (0, 0, 1))
    (told,) = lines(portal, third)
    assert set(told) == {"op", "ref", "rule", "on"}
    assert (told["op"], told["ref"], told["on"]) == ("STOP", ref, THIRD)
    assert told["rule"] == "withhold.decided"
    assert ref not in [one["ref"] for one in lines(portal, first)]
    assert holders(portal, ref) == {"data/delta/000003.jsonl"}
    assert holders(portal, 'R-1"', "玄武第1测试有限公司", make_code(1), "二稿说明") == set()


def test_what_is_shown_again_has_another_ref(portal):
    old = of(portal, "R-1")["ref"]
    assert portal.call("hold", "R-1", "--basis", "核查中", "--by", "值班员", day=SECOND).status == 0
    portal.run(SECOND)
    assert portal.call("hold", "R-1", "--lift", day=THIRD).status == 0
    portal.run(THIRD)
    new = of(portal, "R-1")["ref"]
    assert new != old
    *_, stop, again = publications(portal)
    assert [(one["op"], one["ref"]) for one in lines(portal, stop)] == [("STOP", old)]
    assert [(one["op"], one["ref"]) for one in lines(portal, again)] == [("ADD", new)]
    assert holders(portal, old) == {f"data/delta/{stop['number']:06}.jsonl"}


def test_a_reply_modifies_the_record(portal, make_case):
    portal.give(make_case("reply", result_id="R-2", filed_on=SECOND, reason="已经整改"), name="reply")
    portal.run(SECOND)
    (told,) = lines(portal, publications(portal)[-1])
    assert (told["op"], told["record"]["marks"], told["record"]["reply"]) == ("MOD", ["reply"], "已经整改")


def test_a_month_left_by_a_correction_has_changed(portal, make_result):
    moved = make_result(1, version=2, ended_on="2021-05-20", finalized_at="2021-06-24T09:00:00+08:00")
    portal.give(moved, name="correction")
    portal.run(SECOND)
    left, come = (json.loads(portal.page(f"data/results-2021-{month}.json")) for month in ("06", "05"))
    assert (left["meta"]["rows"], left["meta"]["as_of"]) == (1, SECOND)
    assert (come["meta"]["rows"], come["meta"]["as_of"]) == (1, SECOND)


def test_long_publications_come_in_parts():
    with Ledger("sqlite://", rehearsal=True) as ledger, ledger.transaction() as connection:
        day = date(2021, 6, 20)
        connection.execute(insert(run).values(as_of=day, started_at="", version=""))
        connection.execute(insert(record).values(kind="result", record_id="R-1", version=0))
        many = [deltas.Change(1, f"{number:032x}", "ADD", "R0-01", day) for number in range(paths.DELTA_PART + 1)]
        assert deltas.note(connection, 1, day, many) == {("delta", "1/1"), ("delta", "1/2")}
        assert deltas.note(connection, 1, day, [many[0]]) == {("delta", "1/2")}
        (only,) = deltas.publications(connection)
        assert only.added == paths.DELTA_PART + 2
        stop = deltas.Change(1, many[0].ref, "STOP", "R4-01", day)
        assert deltas.note(connection, 1, day, [stop]) == {("delta", "1/1"), ("delta", "1/2")}
        (only,) = deltas.publications(connection)
        assert (only.added, only.stopped) == (0, 1)
