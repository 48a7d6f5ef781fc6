"""One record in: accepted, told about, or set aside with its words."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.model import Intake, Problem, Received, SetAside
from publisher.source import recheck
from publisher.source.parse import parse
from publisher.source.records import KEPT_CHARACTERS, Checker
from publisher.source.text import Fault

from .conftest import IDENTITY, INTAKE, USCC, result, text

CHECKER = Checker(INTAKE)
PLAN: dict[str, Any] = {
    "kind": "plan",
    "plan_id": "P-1",
    "revision": 1,
    "title": "计划",
    "year": 2021,
    "region_code": "320000",
    "level": "province",
    "authority": "联席办",
    "scope": "single",
    "finalized_at": None,
    "complete_by": None,
    "declared_task_count": None,
    "tasks": [],
}
ITEM = {
    "item_code": "A07",
    "category": None,
    "name": "年报",
    "class": "一般检查事项",
    "subjects": None,
    "methods": None,
    "authority": None,
    "basis": "《企业信息公示暂行条例》第十四条",
    "ratio": None,
    "frequency": None,
}
LIST = {
    "kind": "item_list",
    "list_id": "L-1",
    "edition": None,
    "revision": 1,
    "title": "清单",
    "region_code": "320000",
    "authority": "联席办",
    "finalized_at": None,
    "items": [ITEM],
}
CASE = {"kind": "case", "case_id": "C-1", "case_type": "repair", "result_id": "R-1", "filed_on": "2026-02-03"}


def aside(data: bytes, intake: Intake = INTAKE) -> SetAside:
    (event,) = Checker(intake).check_line(data, "results/a.jsonl", 7)
    assert isinstance(event, SetAside)
    assert (event.problem.file, event.problem.line) == ("results/a.jsonl", 7)
    assert len(event.problem.message) <= 300
    assert IDENTITY not in event.problem.message
    return event


def without(record: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != key}


@pytest.mark.parametrize("record", [result(), PLAN, LIST, CASE])
def test_a_good_record_is_received_as_it_arrived(record: dict[str, Any]) -> None:
    (event,) = CHECKER.check_line(text(record), "f", 1)
    assert isinstance(event, Received)
    assert event.raw == record
    assert event.record.kind == record["kind"]
    assert (event.file, event.line) == ("f", 1)


@pytest.mark.parametrize(
    ("record", "code", "field"),
    [
        ([], "not_a_record", None),
        ("R-1", "not_a_record", None),
        (without(result(), "kind"), "missing_key", "kind"),
        (result("kind", "verdict"), "unknown_kind", "kind"),
        (result("kind", 7), "unknown_kind", "kind"),
        (result("kind", ["result"]), "unknown_kind", "kind"),
        (result("weather", "晴"), "unknown_key", "weather"),
        (result("subject.phone", "1"), "unknown_key", "subject.phone"),
        (without(result(), "task_id"), "missing_key", "task_id"),
        (result("task_id", None), "wrong_value", "task_id"),
        (result("result_id", "../etc"), "wrong_value", "result_id"),
        (result("version", "1"), "wrong_value", "version"),
        (result("version", True), "wrong_value", "version"),
        (result("version", 1.5), "wrong_value", "version"),
        (result("version", 10**30), "wrong_value", "version"),
        (result("ended_on", "2021-02-30"), "wrong_value", "ended_on"),
        (result("ended_on", "2021/06/02"), "wrong_value", "ended_on"),
        (result("ended_on", 44000), "wrong_value", "ended_on"),
        (result("ended_on", "0001-01-01"), "wrong_value", "ended_on"),
        (result("finalized_at", "2021-06-08T09:00:00"), "wrong_value", "finalized_at"),
        (result("finalized_at", 1623114000), "wrong_value", "finalized_at"),
        (result("finalized_at", "9999-12-31T23:59:59-12:00"), "wrong_value", "finalized_at"),
        (result("findings", []), "wrong_value", "findings"),
        (result("subject.name", ""), "wrong_value", "subject.name"),
        (result("subject.uscc", "91320102"), "bad_code_shape", "subject.uscc"),
        (result("subject.uscc", "../../../../../etc"), "bad_code_shape", "subject.uscc"),
        (result("subject.uscc", USCC[:-1] + "*"), "identity_number_in_code", "subject"),
        (result("findings.0.outcome", "天气好"), "unknown_outcome", "findings.0.outcome"),
        (result("findings.0.outcome", ""), "unknown_outcome", "findings.0.outcome"),
        (result("findings.0.outcome_code", "B"), "unknown_outcome", "findings.0.outcome_code"),
        ({**PLAN, "revision": 2}, "revision_without_approval", None),
        (
            {**PLAN, "revision": 2, "adjustment": {"kind": "added", "reason": "补", "approved_on": "2021-05-01"}},
            "revision_without_approval",
            "adjustment.approved_by",
        ),
        ({**PLAN, "plan_type": "temporary"}, "wrong_value", None),
        ({**LIST, "items": [{**ITEM, "basis": ""}]}, "item_without_basis", "items.0.basis"),
        ({**LIST, "items": [{**ITEM, "basis": None}]}, "item_without_basis", "items.0.basis"),
        ({**LIST, "items": [without(ITEM, "basis")]}, "item_without_basis", "items.0.basis"),
        ({**LIST, "items": [{**ITEM, "basis": " \u3000"}]}, "item_without_basis", "items"),
        ({**CASE, "plan_id": "P-1"}, "wrong_value", None),
        (without(CASE, "result_id"), "wrong_value", None),
        ({**CASE, "decision": "granted"}, "wrong_value", None),
    ],
)
def test_a_record_that_breaks_a_rule_is_set_aside(record: Any, code: str, field: str | None) -> None:
    event = aside(text(record))
    assert (event.problem.code, event.problem.field) == (code, field)
    assert code == "identity_number_in_code" or json.loads(event.raw) == record


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"kind": "case", "kind": "case"}', "duplicate_key"),
        (b'{"kind": "result", "subject": {"uscc": "1", "uscc" : "2"}}', "duplicate_key"),
        (b'{"kind": "case", "a\\u0062": 1, "ab": 2}', "duplicate_key"),
        (b'{"kind": "case", "ab": "\\n", "ab": 2}', "duplicate_key"),
        (b'{"kind": NaN}', "not_json"),
        (b'{"kind": "\\n", "a": -Infinity}', "not_json"),
        (b'{"kind": "case"', "not_json"),
        (b"{'kind': 'case'}", "not_json"),
        (b'{"kind": "case"} {}', "not_json"),
        (b'{"kind": "a\x01b"}', "not_json"),
        (b"\xff\xfe", "not_utf8"),
        ("{'名': 1}".encode("gb18030"), "not_utf8"),
        (b'{"kind": ' + b"[" * 40 + b"]" * 40 + b"}", "too_deep"),
        (b'{"kind": "\\n", "a": ' + b"[" * 40 + b"]" * 40 + b"}", "too_deep"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a": ' * 5000 + b"1" + b"}" * 5000, "too_deep"),
    ],
)
def test_text_that_is_not_one_honest_json_object_is_set_aside(data: bytes, code: str) -> None:
    assert aside(data).problem.code == code


HIDDEN = ["\x00", "\x08", "\x1f", "\x7f", "\x85", "\u200b", "\u200f", "\u202e", "\u2066", "\u2060", "\ufeff"]


@pytest.mark.parametrize("sign", HIDDEN)
@pytest.mark.parametrize("escaped", [False, True])
def test_hidden_characters_are_set_aside(sign: str, escaped: bool) -> None:
    data = json.dumps(result("subject.name", f"南京{sign}公司"), ensure_ascii=escaped).encode()
    assert aside(data).problem.code == "control_character"


def test_a_lone_surrogate_is_set_aside_and_may_be_checked_again() -> None:
    event = aside(json.dumps(result("subject.name", "南京\ud800公司")).encode())
    assert event.problem.code == "control_character"
    (again,) = recheck(event.raw, "f", 1, INTAKE)
    assert isinstance(again, SetAside)


@pytest.mark.parametrize("name", ["甲“乙”—丙…", "a\tb\nc", "𠮷野家", "é", "a\r\nb", 'say "hi" \\ bye'])
def test_other_rare_characters_are_not(name: str) -> None:
    for ascii_only in (False, True):
        (event,) = CHECKER.check_line(
            json.dumps(result("subject.name", name), ensure_ascii=ascii_only).encode(), "f", 1
        )
        assert isinstance(event, Received)
        assert event.record.subject.name == name  # type: ignore[union-attr]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_text_is_nfc_afterwards(ascii_only: bool) -> None:
    (event,) = CHECKER.check_line(json.dumps(result("remark", "Cafe\u0301"), ensure_ascii=ascii_only).encode(), "f", 1)
    assert isinstance(event, Received)
    assert event.raw["remark"] == "Caf\u00e9"


def test_codes_are_folded_before_they_are_checked() -> None:
    wide = "".join(chr(ord(sign) + 0xFEE0) for sign in USCC.lower())
    (event,) = CHECKER.check_line(text(result("subject.uscc", f" {wide} ")), "f", 1)
    assert isinstance(event, Received)
    assert event.record.subject.uscc == USCC  # type: ignore[union-attr]


BAD_USCC = USCC[:-1] + ("0" if USCC[-1] != "0" else "1")


def test_a_wrong_check_character_is_set_aside_or_told_as_the_profile_says() -> None:
    record = result("subject.uscc", BAD_USCC)
    assert aside(text(record)).problem.code == "bad_check_digit"
    told, received = Checker(INTAKE._replace(set_aside_bad_check_digit=False)).check_line(text(record), "f", 3)
    assert isinstance(told, Problem)
    assert (told.code, told.record, told.line) == ("bad_check_digit", "R-1", 3)
    assert isinstance(received, Received)


def test_a_registration_number_with_a_wrong_check_digit_is_told() -> None:
    told, received = CHECKER.check_line(text(result("subject.reg_no", "440301103097414")), "f", 1)
    assert isinstance(told, Problem)
    assert told.code == "bad_registration_number"
    assert isinstance(received, Received)
    for good in ("440301103097413", "3201021234567", None):
        assert len(CHECKER.check_line(text(result("subject.reg_no", good)), "f", 1)) == 1


@pytest.mark.parametrize("field", ["uscc", "reg_no"])
@pytest.mark.parametrize("form", [IDENTITY, f" {IDENTITY} ", " ".join(IDENTITY), IDENTITY.lower(), "320102900307123"])
def test_an_identity_number_is_set_aside_and_masked_everywhere(field: str, form: str) -> None:
    record = result(f"subject.{field}", form)
    record["remark"] = f"业主{form}"
    event = aside(text(record), INTAKE._replace(set_aside_bad_check_digit=False))
    assert event.problem.code == "identity_number_in_code"
    assert form not in event.raw
    assert form.strip() not in event.raw
    (again,) = recheck(event.raw, "f", 1, INTAKE._replace(set_aside_bad_check_digit=False))
    assert isinstance(again, SetAside), "masked words never become a record"


def test_an_identity_number_is_masked_whatever_else_is_wrong() -> None:
    assert IDENTITY not in aside(text({**result("subject.uscc", IDENTITY), "weather": 1})).raw
    assert IDENTITY not in aside(text(result("subject.uscc", IDENTITY))[:-1]).raw
    assert aside(text({**result(), f"k{IDENTITY}": 1})).problem.field == "k*"


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        ("发现问题,待后续调查处理", None),
        ("发现问题，待后续调查处理。", None),
        (" 未发现问题 ", None),
        ("1", None),
        ("ｂ", None),
        ("天气好", "1"),
        ("天气好", "2,B"),
        ("天气好", "２，ｂ"),
        ("未发现问题", "99"),
        ("未发现问题", "1"),
    ],
)
def test_outcomes_resolve_by_label_or_code(outcome: str, code: str | None) -> None:
    record = result("findings.0.outcome", outcome)
    record["findings"][0]["outcome_code"] = code
    (event,) = CHECKER.check_line(text(record), "f", 1)
    assert isinstance(event, Received)


@pytest.mark.parametrize("code", ["1,B", "1,99", "99", ",", "1B"])
def test_codes_that_disagree_are_quarantined(code: str) -> None:
    record = result("findings.0.outcome", "天气好")
    record["findings"][0]["outcome_code"] = code
    assert aside(text(record)).problem.code == "unknown_outcome"


def test_a_record_set_aside_is_taken_once_its_profile_knows_the_label() -> None:
    event = aside(text(result("findings.0.outcome", "发现问题已责令改正")))
    (again,) = recheck(event.raw, "f", 7, INTAKE._replace(labels={"发现问题已责令改正": "corrected"}))
    assert isinstance(again, Received)
    assert again.raw == result("findings.0.outcome", "发现问题已责令改正")


def test_kept_words_are_bounded() -> None:
    assert len(aside(text({**result(), "weather": "晴" * 100_000})).raw) == KEPT_CHARACTERS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["C"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
@settings(max_examples=200, deadline=None)
def test_honest_json_is_never_called_doubled(tree: Any) -> None:
    for ascii_only in (False, True):
        found = parse(json.dumps(tree, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))
        assert not isinstance(found, Fault) or found.code in ("control_character", "too_deep", "not_utf8")


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_no_bytes_at_all_raise(data: bytes) -> None:
    assert isinstance(CHECKER.check_line(data, "f", 1)[-1], SetAside)


@given(st.sampled_from(sorted(result())), JSON)
@settings(max_examples=300, deadline=None)
def test_no_value_anywhere_raises(key: str, value: Any) -> None:
    assert CHECKER.check_line(json.dumps({**result(), key: value}).encode(), "f", 1)


def test_thousands_of_results_a_second() -> None:
    lines = [text(result("result_id", f"R-{number}")) for number in range(5000)]
    began = time.process_time()
    assert all(isinstance(CHECKER.check_line(line, "f", 1)[0], Received) for line in lines)
    assert len(lines) / (time.process_time() - began) > 5000, "about 38,000 on the machine this was written on"
