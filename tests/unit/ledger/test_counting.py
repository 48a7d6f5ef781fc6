"""Counts kept in step verdict by verdict are the counts of all records."""

from sqlalchemy import select

from publisher.ledger import Ledger
from publisher.ledger.counting import count_all
from publisher.ledger.schema import listing, tally, task_tally, visit_tally


def counts(connection):
    """Every count that is not nothing; a list's own number does not matter."""
    found = set()
    for table in (task_tally, tally, visit_tally):
        key = len(table.primary_key)
        found |= {(table.name, *row) for row in connection.execute(select(table)) if any(row[key:])}
    regions = select(listing.c.value, listing.c.shown).where(listing.c.facet == "subjects", listing.c.shown > 0)
    return found | {tuple(row) for row in connection.execute(regions)}


def recounted(portal):
    with Ledger(portal.settings.ledger.url) as ledger, ledger.transaction() as connection:
        kept = counts(connection)
        count_all(connection)
        return kept, counts(connection)


def test_counts_follow_versions_cases_retractions_and_time(
    portal_dir, make_plan, make_item_list, make_result, make_case, make_code
):
    portal_dir.give(
        make_plan(), make_item_list(), *(make_result(number) for number in range(1, 8)),
        make_result(8, subject__uscc=make_code(1), outcome="不合格"),  # the same subject and day: one visit
        make_result(9, finalized_at=None),
        make_result(10, outcome="不合格", severity="minor", disposition="已移送"),
        name="a",
    )  # fmt: skip
    portal_dir.take("2021-06-20")
    kept, anew = recounted(portal_dir)
    assert kept == anew
    assert ("visit_tally", 2021, 9) in kept
    assert ("320102", 8) in kept
    portal_dir.give(
        make_result(2, version=2, ended_on="2020-12-31", finalized_at="2021-06-21T09:00:00+08:00"),
        make_result(3, version=2, subject__uscc=make_code(77, "320581"), subject__region_code="320581",
                    finalized_at="2021-06-21T09:00:00+08:00"),
        make_case(result_id="R-1", decided_on="2021-06-22"),
        {"kind": "tombstone", "record_kind": "result", "record_id": "R-4", "reason": None, "on": "2021-06-22"},
        make_case("error", case_id="C-5", result_id="R-5", decided_on="2021-06-22"),
        name="b",
    )  # fmt: skip
    portal_dir.take("2021-06-25")
    kept, anew = recounted(portal_dir)
    assert kept == anew
    assert ("visit_tally", 2020, 1) in kept
    portal_dir.take("2031-06-25")  # what time ends
    kept, anew = recounted(portal_dir)
    assert kept == anew
