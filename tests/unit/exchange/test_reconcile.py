"""Comparing an endpoint with the ledger, and putting it right."""

import dataclasses

import pytest

from publisher.errors import EndpointRefused, SettingsError
from publisher.exchange import Pushed


@pytest.fixture
def told(book):
    """A ledger whose endpoint knows everything: plans and results, one of them withdrawn."""
    book.show("P-1", kind="plan")
    for number in range(5):
        book.show(f"R-{number}")
    book.push()
    book.stop("R-4")
    book.push()
    return book


def named(differences):
    return [(one.name, one.record_id) for one in differences]


def test_no_difference_after_a_push(told):
    assert told.reconcile() == []


def test_a_record_missing_there(told, far):
    far.forget("R-1")
    assert named(told.reconcile()) == [("missing_there", "R-1")]
    assert named(told.reconcile(repair=True)) == [("missing_there", "R-1")]
    assert told.push() == Pushed(accepted=1)
    assert far.holds()["R-1"][:2] == (1, "published")
    assert told.reconcile() == []


def test_a_record_not_yet_told_is_missing_there(told):
    told.show("R-7")
    assert named(told.reconcile()) == [("missing_there", "R-7")]


def test_a_record_that_is_not_ours_is_named_and_left_alone(told, far):
    far.sql("UPDATE record SET record_id = 'Z-1' WHERE record_id = 'R-4'")
    assert named(told.reconcile(repair=True)) == [("missing_there", "R-4"), ("not_ours", "Z-1")]
    assert told.push() == Pushed()
    assert named(told.reconcile()) == [("not_ours", "Z-1")]


def test_another_content_there(told, far):
    far.sql("UPDATE record SET digest = 'x', version = 9 WHERE record_id = 'R-2'")
    assert named(told.reconcile(repair=True)) == [("digest_differs", "R-2")]
    assert told.push() == Pushed(accepted=1)
    assert far.holds()["R-2"][0] == 10
    assert told.reconcile() == []


def test_still_shown_there(told, far):
    far.sql("UPDATE record SET state = 'published', digest = 'x' WHERE record_id = 'R-4'")
    assert named(told.reconcile(repair=True)) == [("state_differs", "R-4")]
    assert told.push() == Pushed(accepted=1)
    assert far.holds()["R-4"] == (3, "withdrawn", None)
    assert told.reconcile() == []


def test_another_version_there(told, far):
    far.sql("UPDATE record SET version = 5 WHERE record_id = 'R-0'")
    (difference,) = told.reconcile(repair=True)
    assert difference == ("version_differs", "R-0", "result", "1", "5")
    assert told.push() == Pushed()  # it shows the right thing; we only had its number wrong
    assert told.reconcile() == []
    told.stop("R-0")
    assert told.push() == Pushed(accepted=1)
    assert far.holds()["R-0"][:2] == (6, "withdrawn")


def test_a_ledger_that_starts_anew_finds_out_what_is_held(told, new_book, far):
    anew = new_book()
    anew.show("R-0")
    anew.show("R-1")
    anew.stop("R-1")
    anew.show("R-4")
    found = named(anew.reconcile(repair=True))
    assert found == [
        ("not_ours", "P-1"),
        ("version_differs", "R-0"),
        ("state_differs", "R-1"),
        ("not_ours", "R-2"),
        ("not_ours", "R-3"),
        ("state_differs", "R-4"),
    ]
    assert anew.push() == Pushed(accepted=2)
    assert far.holds()["R-1"][1] == "withdrawn"
    assert far.holds()["R-4"][1] == "published"
    assert {one.name for one in anew.reconcile()} == {"not_ours"}


def test_a_refused_record_is_told_again_after_a_repair(told, far, result):
    told.show("R-8", body=result("R-8", version=2**60))
    assert told.push().refused == 1
    assert named(told.reconcile(repair=True)) == [("missing_there", "R-8")]
    assert told.push() == Pushed(rejected=1, refused=1)


def test_a_changed_mapping_is_a_difference(told, far, endpoint):
    told.endpoint = dataclasses.replace(endpoint, mapping="gsxt")
    assert {one.name for one in told.reconcile(repair=True)} == {"digest_differs"}
    assert told.push() == Pushed(accepted=4)
    assert told.reconcile() == []


def test_ids_are_compared_byte_by_byte(book):
    for name in ("r-1", "R-1", "字-1", "a", "Z", "é-1", "ｆ-1", "𠀀-1"):
        book.show(name)
    book.show("a.b", kind="plan")
    book.push()
    assert book.reconcile() == []


def test_many_pages_on_both_sides(book):
    book.show_many([(f"R-{number:05}", "plan" if number % 3 == 0 else "result") for number in range(4200)])
    assert book.push().accepted == 4200
    assert book.reconcile() == []
    book.show("R-03000a")
    book.stop("R-03001")
    assert named(book.reconcile()) == [("missing_there", "R-03000a"), ("state_differs", "R-03001")]


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ([{"records": ["R-2", "R-1"], "next": None}], "byte order"),
        ([{"records": ["R-1"], "next": "x"}, {"records": ["R-1"], "next": "y"}], "byte order"),
        ([{"records": ["R-1"], "next": "x"}, {"records": [], "next": "y"}], "goes on without records"),
        ([{"records": [None], "next": None}], "no record"),
        ([{"next": None}], "holds no records"),
    ],
)
def test_a_list_out_of_contract_is_refused(told, odd, pages, words):
    told.endpoint, answers = odd
    left = iter(pages)

    def page(_):
        said = dict(next(left))
        if "records" in said:
            said["records"] = [
                one and {"record_id": one, "version": 1, "state": "withdrawn", "digest": None}
                for one in said["records"]
            ]
        return 200, said

    answers.append(page)
    with pytest.raises(EndpointRefused, match=words):
        told.reconcile()


def test_a_folder_cannot_be_asked(told, tmp_path, endpoint):
    told.endpoint = dataclasses.replace(endpoint, kind="filedrop", path=tmp_path)
    with pytest.raises(SettingsError):
        told.reconcile()
