"""What is looked at before a release is shown: the files that changed, against what was decided since the last one."""

import gzip
from datetime import date

import pytest
from sqlalchemy import insert, select, update

from publisher.audit import audit_changed
from publisher.ledger.schema import entry, page, record

from .conftest import HIDDEN, HIDDEN_CODE, LABELS, SHOWN, SHOWN_CODE, Portal, result_body

SUBJECT = f"/subjects/320102/{SHOWN_CODE}.html"


@pytest.fixture
def decided(portal: Portal) -> Portal:
    """The portal, with a decision on each record: the hidden ones since the last release."""
    with portal.ledger.transaction() as connection:
        rows = connection.execute(select(record).order_by(record.c.state == "published")).all()
        values = {"as_of": date(2021, 7, 1), "run_no": 1, "actor": "rules", "marks": "", "basis": "", "version": 1}
        for row in reversed(rows):
            state = {"record_no": row.record_no, "state": row.state, "rule": row.rule}
            connection.execute(insert(entry).values(**values, **state))
    return portal


def changed(portal: Portal, *more: str, since_entry: int = 0) -> set[tuple[str, str, str]]:
    with portal.ledger.reading() as connection:
        known = list(connection.execute(select(page.c.path)).scalars())
    found = audit_changed(portal.ledger, portal.output, [*known, *more], since_entry=since_entry, labels=LABELS)
    return {(one.kind, one.where, one.what) for one in found}


def test_a_site_that_says_what_was_decided_has_no_differences(decided: Portal) -> None:
    assert changed(decided, "/data/gone.csv") == set()


def test_what_went_away_is_found_in_a_changed_file(decided: Portal) -> None:
    decided.write("extra/a.html", f"<p>{HIDDEN}</p>")
    decided.write("extra/b.json", '["R-000002"]')
    decided.write("extra/c.json", f'["{decided.ref("R-000002")}"]')
    assert changed(decided) == {
        ("leak", "/extra/a.html", "result R-000002 subject name"),
        ("leak", "/extra/b.json", "result R-000002 id"),
        ("leak", "/extra/c.json", "result R-000002 ref"),
    }


def test_a_name_that_a_shown_subject_bears_is_no_leak(decided: Portal) -> None:
    decided.add_result(result_body("R-000009", f"南京{HIDDEN}", None), "published")
    decided.write("extra/a.html", f"<p>南京{HIDDEN}</p>")
    decided.write("extra/b.html", f"<p>{HIDDEN}</p>")
    assert {one[:2] for one in changed(decided)} == {("leak", "/extra/b.html")}


@pytest.mark.parametrize("many", [0, 1_000])
def test_a_code_is_looked_up_however_long_ago_its_subject_went_away(
    decided: Portal, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("publisher.audit.changed.MANY", many)  # none: read all at once
    decided.write("extra/a.csv", f"x,{HIDDEN_CODE}\r\n{SHOWN_CODE},91320100MA00000035\r\n")
    assert changed(decided, since_entry=10**6) == {
        ("leak", "/extra/a.csv", "the code of a subject of whom nothing is shown")
    }


def test_a_file_that_is_not_what_was_built_or_should_be_gone(decided: Portal) -> None:
    decided.write("extra/left.html", "<p>left</p>", known=False)
    decided.write("extra/lost.html", "<p>lost</p>")
    (decided.output / "extra/lost.html").unlink()
    (decided.output / SUBJECT[1:]).write_text("<main><h1>x</h1></main>")
    assert changed(decided, "/extra/left.html") == {
        ("stray", "/extra/left.html", "it should be gone"),
        ("stray", "/extra/lost.html", "the ledger knows a file that is not there"),
        ("differs", SUBJECT, "the file is not the one that was built"),
        ("differs", SUBJECT, "result R-000001: subject name"),
        ("missing", SUBJECT, "result R-000001: anchor"),
    }


def test_a_page_of_a_subject_says_what_the_ledger_says(decided: Portal) -> None:
    decided.change(SUBJECT[1:], "公示信息抽查", "公示抽查")
    assert changed(decided) == {("differs", SUBJECT, "result R-000001: finding 1 item_name")}
    assert SHOWN in (decided.output / SUBJECT[1:]).read_text()


def test_compressed_siblings_are_read_too(decided: Portal) -> None:
    decided.write("extra/a.html", "<p>x</p>")
    decided.write("extra/a.html.gz", gzip.compress(f"<p>{HIDDEN}</p>".encode()), known=False)
    assert {one[0] for one in changed(decided)} == {"leak", "differs"}


def test_the_plan_of_a_shown_result_may_be_named(decided: Portal) -> None:
    decided.set_state("P-2021", "withdrawn")
    decided.write("extra/a.html", "<p>P-2021</p>")
    told = ("leak", "/extra/a.html", "plan P-2021 id")
    assert told in changed(decided)
    with decided.ledger.transaction() as connection:
        connection.execute(update(record).where(record.c.record_id == "R-000001").values(plan_id="P-2021"))
    assert told not in changed(decided)


def test_a_large_file_is_looked_through_as_it_stands(decided: Portal) -> None:
    filling = "一,二\r\n" * 300_000
    decided.write("extra/a.csv", f"{filling}{HIDDEN}\r\n{filling}")
    decided.write("extra/b.csv", filling)
    decided.write("extra/c.csv.gz", gzip.compress(f"{filling}{HIDDEN_CODE}".encode()))
    assert {one[:2] for one in changed(decided)} == {("leak", "/extra/a.csv"), ("leak", "/extra/c.csv.gz")}
