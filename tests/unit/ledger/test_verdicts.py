"""Recording verdicts: what is shown, what it makes owed, and that nothing is ever given out twice."""

import re
from datetime import date

import pytest
from sqlalchemy import func, select

from publisher import paths
from publisher.errors import LedgerError
from publisher.ledger.intake import touch
from publisher.ledger.owed import meet_endpoints
from publisher.ledger.schema import entry, listing, owed_page, owed_push, place, record, shown, subject
from publisher.ledger.verdicts import lift_hold, place_hold, state_counts

DAY, NEXT = date(2021, 6, 20), date(2021, 6, 21)


def touch_results(book, *ids):
    with book.ledger.transaction() as connection:
        touch(connection, "result", ids)


def owed(book):
    """The pages owed; the files to take away have tests of their own."""
    return {(row.scope, row.key) for row in book.rows(owed_page) if not row.scope.startswith(("data", "delta"))}


def forget_owed(book):
    with book.ledger.transaction() as connection:
        connection.execute(owed_page.delete())
        connection.execute(owed_push.delete())


def seat(book, record_id, facet="month"):
    """The place of a record in its list of a facet."""
    numbers = {row.list_no for row in book.rows(listing, listing.c.facet == facet)}
    number = book.record(record_id).record_no
    [row] = [row for row in book.rows(place, place.c.record_no == number) if row.list_no in numbers]
    return row.slot


def sizes(book):
    """Places given out and results shown, by facet and value."""
    return {(row.facet, row.value): (row.size, row.shown) for row in book.rows(listing)}


def month_of(book):
    [row] = book.rows(listing, listing.c.facet == "month")
    return row


def test_the_first_showing_gives_a_name_for_downloads_and_a_place(book, make_result):
    book.keep(make_result(1), make_result(2))
    assert book.decide() == 2
    one, two = book.record("R-1"), book.record("R-2")
    assert re.fullmatch(r"[0-9a-f]{32}", one.ref)
    assert one.ref != two.ref
    assert {seat(book, "R-1"), seat(book, "R-2")} == {0, 1}
    assert (one.first_shown_on, one.version, one.state) == (DAY, 1, "published")
    assert {row.slot for row in book.rows(subject)} == {0, 1}


def test_a_record_not_shown_gets_neither(book, make_result):
    book.keep(make_result(1))
    assert book.decide(state="pending", version=None) == 0
    row = book.record("R-1")
    assert (row.ref, row.places, row.first_shown_on, row.version) == (None, "", None, 0)
    assert book.rows(shown) == book.rows(owed_push) == []


def test_stopping_drops_the_public_form_and_showing_again_brings_it_back(book, make_result):
    book.keep(make_result(1))
    book.decide()
    ref, places = book.record("R-1").ref, book.record("R-1").places
    touch_results(book, "R-1")
    assert book.decide(state="withdrawn", cause="error") == 1
    assert book.rows(shown) == []
    assert book.record("R-1").version == 2
    touch_results(book, "R-1")
    assert book.decide() == 1
    row = book.record("R-1")
    assert len(book.rows(shown)) == 1
    assert (row.version, row.places, row.first_shown_on) == (3, places, DAY)
    assert row.ref != ref  # what was stopped under a name stays stopped under it


def test_places_are_never_given_twice(book, make_result):
    book.keep(make_result(1), make_result(2))
    book.decide()
    touch_results(book, "R-1", "R-2")
    book.decide(state="withdrawn", cause="error")
    book.keep(make_result(3))
    book.decide()
    assert seat(book, "R-3") == 2
    assert sorted(row.slot for row in book.rows(subject)) == [0, 1, 2]


def test_lists_know_how_many_they_show(book, make_result):
    book.keep(make_result(1), make_result(2))
    book.decide()
    county, city = ("region", "320102"), ("region", "320100")
    assert [sizes(book)[one] for one in (("month", "06"), county, city)] == [(2, 2)] * 3
    assert month_of(book).changed_on == DAY
    touch_results(book, "R-1")
    book.decide(NEXT, state="withdrawn", cause="error")
    assert [sizes(book)[one] for one in (("month", "06"), county, city)] == [(2, 1)] * 3
    assert month_of(book).changed_on == NEXT
    touch_results(book, "R-1")
    book.decide(NEXT)
    assert sizes(book)["month", "06"] == (2, 2)


def test_places_are_counted_by_month_and_by_region(book, make_result):
    book.keep(make_result(1), make_result(2, ended_on="2021-07-02"), make_result(3, subject__region_code="320104"))
    book.decide()
    assert [seat(book, f"R-{number}") for number in (1, 2, 3)] == [0, 0, 1]
    assert [seat(book, f"R-{number}", "outcome") for number in (1, 2, 3)] == [0, 1, 2]
    places = {(row.region_code, row.slot) for row in book.rows(subject)}
    assert places == {("320102", 0), ("320102", 1), ("320104", 0)}


def test_a_result_corrected_to_another_month_takes_a_place_there(book, make_result):
    book.keep(make_result(1), make_result(2, ended_on="2021-07-02"))
    book.decide()
    forget_owed(book)
    book.keep(make_result(1, version=2, ended_on="2021-07-03"))
    book.decide(version=2)
    assert seat(book, "R-1") == 1  # 0 is that of R-2
    assert sizes(book)["month", "06"] == (1, 0)  # its old place is nobody's
    assert {("month", "2021-06"), ("month", "2021-07")} <= owed(book)


def test_a_result_corrected_to_another_subject_owes_both_pages(book, make_result, make_code):
    book.keep(make_result(1))
    book.decide()
    forget_owed(book)
    old = book.record("R-1").subject_no
    book.keep(make_result(1, version=2, subject__uscc=make_code(9), subject__name="玄武第九测试有限公司"))
    assert book.decide(version=2) == 1
    new = book.record("R-1").subject_no
    assert new != old
    assert {("subject", str(old)), ("subject", str(new))} <= owed(book)
    assert all(row.slot is not None for row in book.rows(subject))


def test_each_action_counts_one_and_what_is_no_action_counts_none(book, make_result):
    book.keep(make_result(1))
    book.decide()
    touch_results(book, "R-1")
    assert book.decide(marks=("objection_pending",)) == 0
    assert book.record("R-1").version == 1
    book.keep(make_result(1, version=2))
    assert book.decide(version=2, marks=("corrected",)) == 1
    assert book.record("R-1").version == 2


def test_history_has_a_line_for_each_change_and_none_for_the_same_again(book, make_result):
    book.keep(make_result(1))
    book.decide()
    touch_results(book, "R-1")
    book.decide()
    assert len(book.rows(entry)) == 1
    touch_results(book, "R-1")
    book.decide(NEXT, state="withheld", cause="case", rule="withhold.case", version=None)
    lines = [(row.as_of, row.state, row.rule, row.version, row.actor) for row in book.rows(entry)]
    assert lines == [(DAY, "published", "publish.final", 1, "rules"), (NEXT, "withheld", "withhold.case", 2, "rules")]


def test_every_endpoint_is_owed_each_action_once(book, make_result):
    book.keep(make_result(1))
    book.decide(endpoints=("gsxt", "credit"))
    book.keep(make_result(1, version=2))
    book.decide(version=2, endpoints=("gsxt", "credit"))
    assert sorted(row.endpoint for row in book.rows(owed_push)) == ["credit", "gsxt"]


def test_a_record_that_changes_out_of_sight_is_pushed_nowhere(book, make_result):
    book.keep(make_result(1))
    book.decide(state="pending", version=None)
    touch_results(book, "R-1")
    book.decide(state="withheld", version=None)
    assert book.rows(owed_push) == []


def test_the_pages_that_speak_of_a_result_are_owed(book, make_result):
    book.keep(make_result(1))
    book.decide()
    one = book.record("R-1")
    lists = {("list", list_and_place.partition(":")[0]) for list_and_place in one.places.split(",")}
    assert len(lists) == len(("month", "city", "county", "authority", "outcome", "task"))
    assert owed(book) == lists | {
        ("portal", ""), ("subject", str(one.subject_no)), ("plan", "P2021-1"), ("task", "P2021-1/T2021-1-1"),
        ("month", "2021-06"), ("region", "320102"), ("search_subject", "1"), ("sitemap_part", "0"),
        ("feed", "plan/P2021-1"), ("feed", f"authority/{paths.name_key(one.authority)}"),
        ("feed", f"outcome/{one.outcomes}"),
    }  # fmt: skip


def test_a_result_out_of_sight_counts_in_the_progress_of_its_plan_only(book, make_result):
    book.keep(make_result(1))
    book.decide(state="pending", version=None)
    assert owed(book) == {("portal", ""), ("plan", "P2021-1"), ("task", "P2021-1/T2021-1-1")}


def test_the_sitemap_is_owed_when_a_subject_begins_or_ceases_to_be_shown_only(book, make_result):
    def sitemap():
        found = [row.sweep for row in book.rows(owed_page, owed_page.c.scope == "sitemap_part")]
        forget_owed(book)
        return found

    book.keep(make_result(1))
    book.decide()
    assert sitemap() == [False]
    book.keep(make_result(2, subject=make_result(1)["subject"]))
    book.decide()
    assert sitemap() == []
    touch_results(book, "R-1")
    book.decide(NEXT, state="withdrawn")
    assert sitemap() == []
    touch_results(book, "R-2")
    book.decide(NEXT, state="withdrawn")
    assert sitemap() == [True]


def test_a_verdict_that_stays_the_same_owes_nothing(book, make_result):
    book.keep(make_result(1))
    book.decide(next_change_on=NEXT)
    forget_owed(book)
    assert book.decide(NEXT, since=DAY) == 0
    assert owed(book) == set()


def test_the_first_on_a_page_has_the_page_before_lead_on_to_it(book, make_result):
    book.keep(*(make_result(number) for number in range(1, paths.LIST_PAGE + 1)))
    book.decide()
    book.keep(*(make_result(number, result_id=f"S-{number}") for number in range(1, paths.LIST_PAGE + 1)))
    book.decide()
    forget_owed(book)
    book.keep(make_result(1, result_id="T-1"))
    book.decide()
    number = month_of(book).list_no
    assert {f"{number}/2", f"{number}/3"} <= {key for scope, key in owed(book) if scope == "list_page"}


def test_plans_owe_their_year_and_what_names_them(book, make_plan):
    book.keep(make_plan())
    book.decide()
    assert owed(book) == {
        ("portal", ""), ("plan", "P2021-1"), ("plans_year", "2021"), ("results_of_plan", "P2021-1"),
    }  # fmt: skip
    forget_owed(book)
    adjustment = {"kind": "changed", "reason": "测试", "approved_by": "测试", "approved_on": "2021-06-18"}
    book.keep(make_plan(revision=2, year=2022, adjustment=adjustment))
    book.decide(version=2)
    assert {("plans_year", "2021"), ("plans_year", "2022")} <= owed(book)


def test_verdict_and_what_it_makes_owed_are_kept_together_or_not_at_all(book, make_result):
    book.keep(make_result(1))
    with book.ledger.transaction() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER full BEFORE INSERT ON owed_push BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        )
    with pytest.raises(LedgerError, match="disk full"):
        book.decide()
    assert book.record("R-1").state is None
    assert [book.rows(table) for table in (entry, shown, owed_page, owed_push)] == [[], [], [], []]
    with book.ledger.transaction() as connection:
        connection.exec_driver_sql("DROP TRIGGER full")
    assert book.decide() == 1
    assert seat(book, "R-1") == 0


def test_states_are_counted(book, make_result, make_plan):
    book.keep(make_result(1), make_result(2))
    book.decide()
    touch_results(book, "R-1")
    book.decide(state="shielded", cause="reorganisation")
    book.keep(make_plan())  # not judged yet
    with book.ledger.reading() as connection:
        assert state_counts(connection) == {"published": 1, "shielded": 1}


def test_holds_are_placed_and_lifted(book, make_result):
    with book.ledger.transaction() as connection:
        place_hold(connection, "result", "R-1", "测试文号", "测某", DAY)
        assert lift_hold(connection, "result", "R-1", NEXT) == 1
        assert lift_hold(connection, "result", "R-1", NEXT) == 0
        assert lift_hold(connection, "result", "R-2", NEXT) == 0


def test_a_new_endpoint_is_owed_what_is_shown_and_a_known_one_nothing(book, make_result):
    book.keep(make_result(1), make_result(2))
    book.decide(endpoints=())
    touch_results(book, "R-2")
    book.decide(endpoints=(), state="withdrawn", cause="error")
    with book.ledger.transaction() as connection:
        meet_endpoints(connection, ["gsxt"])
        meet_endpoints(connection, ["gsxt"])
        owed_there = connection.execute(select(func.count()).select_from(owed_push)).scalar_one()
    assert owed_there == 1
    [row] = book.rows(owed_push)
    assert row.record_no == book.record("R-1").record_no


def test_a_subject_without_a_code_is_known_by_name_number_and_region_and_its_address_hides_them(book, make_result):
    def bare(number, **changes):
        return make_result(number, subject__uscc=None, subject__name="玄武无码测试摊", **changes)

    book.keep(bare(1), bare(2), bare(3, subject__region_code="320104"), bare(4, subject__reg_no="甲1"))
    book.decide()
    numbers = [book.record(f"R-{number}").subject_no for number in (1, 2, 3, 4)]
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 3
    for row in book.rows(subject):
        assert re.fullmatch(r"/subjects/x/[0-9a-f]{32}\.html", row.path)
    assert book.rows(record, record.c.places == "") == []


def test_the_same_version_with_less_to_show_is_told_anew(book, make_result):
    book.keep(make_result(1, remark="有备注"))
    book.decide()
    forget_owed(book)
    touch_results(book, "R-1")
    book.decide(hidden="remark")
    assert book.record("R-1").version == 2
    assert [row.record_no for row in book.rows(owed_push)] == [book.record("R-1").record_no]
    assert "有备注" not in book.rows(shown)[0].body
    forget_owed(book)
    touch_results(book, "R-1")
    book.decide(hidden="remark")
    assert book.record("R-1").version == 2
    assert book.rows(owed_push) == []


def test_a_record_not_shown_makes_no_list(book, make_result):
    book.keep(make_result(1))
    book.decide(state="pending", version=None)
    assert book.rows(listing) == []
    touch_results(book, "R-1")
    book.decide()
    assert {row.facet for row in book.rows(listing)} >= {"month", "region", "authority", "task"}
