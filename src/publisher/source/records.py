"""One JSON object to one checked record: its shape, its codes, its outcome.

A record that cannot be trusted is set aside with its words, so that a person can mend it and it can be checked
again; a doubt that does no harm is told as a Problem beside the record.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from publisher import uscc
from publisher.model import MODELS, Intake, Item, ItemList, Problem, Received, Result, SetAside, Task, fold_label
from publisher.source.events import Checked, Unchecked
from publisher.source.parse import parse
from publisher.source.text import Fault

KEPT_CHARACTERS = 64 * 1024
_LONGEST_MESSAGE = 300
_FIRST_YEAR, _LAST_YEAR = 1990, 2100  # outside these, counting days and periods makes no sense
_IDS = {"plan": "plan_id", "item_list": "list_id", "result": "result_id", "case": "case_id", "tombstone": "record_id"}
_PARTS: Mapping[str, tuple[str, type[BaseModel]]] = {"plan": ("tasks", Task), "item_list": ("items", Item)}
_CODE_FIELDS = ("uscc", "reg_no")
_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z])\d{17}[\dXx](?![0-9A-Za-z])|(?<![0-9A-Za-z])\d{15}(?![0-9A-Za-z])")
_DIGITS = re.compile(r"\d{12,}[Xx]?")


class Checker:
    """The checks of intake under one profile (GB 32100-2015 codes, outcomes, the rules a record must keep)."""

    def __init__(self, intake: Intake, leave: int | None = None) -> None:
        """``leave``: one line in so many is left unchecked by :meth:`check_or_leave`; None = none is."""
        self._leave, self._lines = leave, 0
        outcomes: dict[str, str | None] = {}
        for label, outcome in intake.labels.items():
            folded = fold_label(label)
            outcomes[folded] = outcome if outcomes.get(folded, outcome) == outcome else None
        self._outcomes: Mapping[str, str | None] = outcomes
        self._set_aside_bad_check_digit = intake.set_aside_bad_check_digit
        self._fault_of_outcome = lru_cache(4096)(self._fault_of_outcome_uncached)

    def check_line(self, data: bytes, file: str, line: int | None) -> tuple[Checked, ...]:
        """Check the JSON text of one record: a ``Received`` (with Problems before it) or a ``SetAside``."""
        tree = parse(data)
        if isinstance(tree, Fault):
            return (self.set_aside(tree, data.decode("utf-8", "backslashreplace"), file, line),)
        return self.check(tree, file, line, data)

    def check_or_leave(self, data: bytes, file: str, line: int) -> tuple[Checked | Unchecked, ...]:
        """Check the JSON text of one record, or leave it to be checked elsewhere."""
        self._lines += 1
        if self._leave is not None and self._lines % self._leave == 0:
            return (Unchecked(data, file, line),)
        return self.check_line(data, file, line)

    def check(self, raw: Any, file: str, line: int | None, words: bytes | None = None) -> tuple[Checked, ...]:
        """Check one record that is JSON already; ``words`` is its text, where that is at hand."""
        if not isinstance(raw, dict):
            return (self.set_aside(Fault("not_a_record", "A record is a JSON object."), raw, file, line, words),)
        kind = raw.get("kind")
        model = MODELS.get(kind) if isinstance(kind, str) else None
        if model is None:
            code = "unknown_kind" if "kind" in raw else "missing_key"
            fault = Fault(code, f"kind must be one of {', '.join(MODELS)}.", "kind")
            return (self.set_aside(fault, raw, file, line, words),)
        try:
            record = model.model_validate(raw)
        except ValidationError as failure:
            return (self.set_aside(_fault_of(str(kind), failure), raw, file, line, words),)
        if doubt := _fault_of_days(record.__dict__, _DAYS[str(kind)]):
            return (self.set_aside(doubt, raw, file, line, words),)
        if isinstance(record, Result):
            return self._check_result(record, raw, file, line, words)
        if isinstance(record, ItemList) and not all(item.basis.strip() for item in record.items):
            return (self.set_aside(_WITHOUT_BASIS, raw, file, line, words),)
        return (Received(record, raw, file, line),)

    def check_row(self, kind: str, data: bytes) -> dict[str, Any] | Fault:
        """Check the JSON text of one task of a plan or one item of a list; return it, or why it is refused."""
        tree = parse(data)
        if isinstance(tree, Fault):
            return tree
        key, model = _PARTS[kind]
        try:
            model.model_validate(tree)
        except ValidationError as failure:
            return _fault_of(kind, failure, (key,))
        if kind == "item_list" and not tree["basis"].strip():
            return _WITHOUT_BASIS
        return dict(tree)

    def set_aside(self, fault: Fault, raw: Any, file: str, line: int | None, words: bytes | None = None) -> SetAside:
        """Return ``raw`` (a record, or text that is none) set aside, its words masked and bounded."""
        return SetAside(_problem(fault, raw, file, line), _kept_words(raw, words)[:KEPT_CHARACTERS])

    def _check_result(
        self, record: Result, raw: dict[str, Any], file: str, line: int | None, words: bytes | None
    ) -> tuple[Checked, ...]:
        for place, finding in enumerate(record.findings):
            if fault := self._fault_of_outcome(finding.outcome, finding.outcome_code):
                fault = fault._replace(field=f"findings.{place}.{fault.field}")
                return (self.set_aside(fault, raw, file, line, words),)
        subject = record.subject
        doubts = []
        if subject.uscc is not None and not _is_valid(subject.uscc):
            doubts.append(_BAD_CHECK_DIGIT)
            if not uscc.is_shaped(subject.uscc):
                doubts = [_BAD_SHAPE]
        if subject.reg_no is not None and not _may_be_registration_number(subject.reg_no):
            doubts.append(_BAD_REG_NO)
        if _is_personal(subject.uscc) or _is_personal(subject.reg_no):
            return (self.set_aside(_PERSONAL, raw, file, line, words),)
        if doubts and (doubts[0] is _BAD_SHAPE or (doubts[0] is _BAD_CHECK_DIGIT and self._set_aside_bad_check_digit)):
            return (self.set_aside(doubts[0], raw, file, line, words),)
        received = Received(record, raw, file, line)
        return (*(_problem(doubt, raw, file, line) for doubt in doubts), received) if doubts else (received,)

    def _fault_of_outcome_uncached(self, outcome: str, code: str | None) -> Fault | None:
        by_label = self._outcome_of(outcome)
        by_code = self._outcome_of(code) if code else None
        if by_label is None and by_code is None:
            return Fault("unknown_outcome", "The profile knows neither this outcome nor its code.", "outcome")
        if by_label is not None and by_code is not None and by_label != by_code:
            return Fault("unknown_outcome", "The outcome and its code mean different things.", "outcome_code")
        return None

    def _outcome_of(self, words: str) -> str | None:
        """Return the outcome that a label or code means; codes joined by commas must all mean the same."""
        folded = fold_label(words)
        if folded in self._outcomes:
            return self._outcomes[folded]
        meant = {self._outcomes.get(part) for part in folded.split(",")}
        return meant.pop() if len(meant) == 1 else None


_WITHOUT_BASIS = Fault("item_without_basis", "An item without a legal basis may not be inspected (R2-04).", "items")
_BAD_SHAPE = Fault("bad_code_shape", "uscc is not 18 characters of the code's alphabet (GB 32100).", "subject.uscc")
_BAD_CHECK_DIGIT = Fault("bad_check_digit", "The check character of uscc is wrong (GB 32100).", "subject.uscc")
_BAD_REG_NO = Fault("bad_registration_number", "The check digit of reg_no is wrong (GB/T 17710).", "subject.reg_no")
_PERSONAL = Fault("identity_number_in_code", "A code field holds a person's identity number; it was masked.", "subject")


_is_valid = lru_cache(4096)(uscc.is_valid)  # results of one subject mostly come together


def _may_be_registration_number(number: str) -> bool:
    return len(number) != 15 or not number.isdigit() or uscc.is_valid_registration_number(number)


def _is_personal(code: str | None) -> bool:
    """Tell whether a folded code is an identity number (GB 11643), or one that was masked here before.

    One in about 31 also passes as a uscc; only a leading 9 (business registers) makes it one, as no
    resident's number begins so.
    """
    if code is None:
        return False
    if uscc.is_identity_number(code):
        return not (code[0] == "9" and uscc.is_valid(code))
    return "*" in code or uscc.is_old_identity_number(code)


def _fault_of_days(values: Mapping[str, Any], names: Sequence[str]) -> Fault | None:
    for name in names:
        value = values[name]
        if value is not None and not _FIRST_YEAR <= value.year <= _LAST_YEAR:
            return Fault("wrong_value", f"{name} lies before {_FIRST_YEAR} or after {_LAST_YEAR}.", name)
    return None


def _days_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the names of a record's own days and instants."""
    return tuple(
        name for name, field in model.model_fields.items() if {date, datetime} & set(_types_in(field.annotation))
    )


def _types_in(annotation: Any) -> list[Any]:
    return [annotation, *(one for part in get_args(annotation) for one in _types_in(part))]


_DAYS = {kind: _days_of(model) for kind, model in MODELS.items()}


def _fault_of(kind: str, failure: ValidationError, place: tuple[str, ...] = ()) -> Fault:
    errors = failure.errors(include_url=False, include_input=False, include_context=False)
    faults = [_fault_of_error(kind, (*place, *error["loc"]), error) for error in errors]
    worst = next((fault for fault in faults if fault.code not in ("wrong_value", "missing_key")), faults[0])
    more = f" ({len(faults) - 1} more in this record)" if len(faults) > 1 else ""
    return worst._replace(message=worst.message + more)


def _fault_of_error(kind: str, place: tuple[int | str, ...], error: ErrorDetails) -> Fault:
    name = _sayable(".".join(str(step) for step in place))
    if kind == "item_list" and len(place) > 1 and place[0] == "items" and place[-1] == "basis":
        return _WITHOUT_BASIS._replace(field=name)
    if "(R1-09)" in error["msg"] or (place and place[0] == "adjustment"):
        return Fault(
            "revision_without_approval", "A revision needs its adjustment: reason and approval (R1-09).", name or None
        )
    match error["type"]:
        case "extra_forbidden":
            return Fault("unknown_key", f"The key {name} is not known.", name)
        case "missing":
            return Fault("missing_key", f"The key {name} is missing.", name)
        case _:
            said = error["msg"].removeprefix("Value error, ")
            return Fault("wrong_value", f"{name}: {said}" if name else said, name or None)


def _sayable(text: str) -> str:
    """Return a name from the input as a message may carry it: printable, short, no long number."""
    shown = "".join(character if character.isprintable() else "?" for character in text[:80])
    return _DIGITS.sub("*", shown)


def _problem(fault: Fault, raw: Any, file: str, line: int | None) -> Problem:
    record = None
    if isinstance(raw, dict) and isinstance(kind := raw.get("kind"), str) and kind in _IDS:
        named = raw.get(_IDS[kind])
        if isinstance(named, str) and len(named) <= 64 and named.isprintable():
            record = named
    return Problem(fault.code, record, fault.field, fault.message[:_LONGEST_MESSAGE], file, line)


def _kept_words(raw: Any, words: bytes | None) -> str:
    """Return a record's text with the identity numbers of its code fields masked everywhere in it."""
    text = words.decode() if words is not None else raw if isinstance(raw, str) else _dumped(raw)
    if not isinstance(raw, dict):  # no field tells which number is whose
        return _LONG_NUMBER.sub(_masked, text)
    subject = raw.get("subject")
    if not isinstance(subject, dict):
        return text
    written = [subject[name] for name in _CODE_FIELDS if isinstance(subject.get(name), str)]
    personal = [code for code in written if _is_personal(uscc.fold(code))]
    if personal:
        text = _dumped(raw)
        for code in personal:
            for form in (_dumped(code)[1:-1], uscc.fold(code), uscc.fold(code).lower()):
                text = text.replace(form, "*" * len(uscc.fold(code)))
    return text


def _masked(match: re.Match[str]) -> str:
    return "*" * len(match[0]) if _is_personal(match[0]) else match[0]


def _dumped(tree: Any) -> str:
    return json.dumps(tree, ensure_ascii=False, default=str)
