"""The words of the field as types: records as they arrive, and what is decided about them.

The shapes are fixed (see ``docs/glossary.md`` for the Chinese terms). A key that is not listed is refused, so that
nothing unknown is silently absorbed; a key without a default must be there, though it may be null. Text arrives
NFC-normalised from the readers; instants carry an offset, and the civil day is that of Asia/Shanghai.
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from publisher import uscc

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")  # no summer time since 1991, before any record

RecordKind = Literal["plan", "item_list", "result"]
State = Literal["pending", "withheld", "published", "shielded", "withdrawn"]
Severity = Literal["minor", "moderate", "serious"]
SubjectKind = Literal["enterprise", "sole_trader", "cooperative", "organisation", "non_market", "person"]
Openness = Literal["public", "withheld"]
CaseType = Literal[
    "withhold",
    "objection",
    "error",
    "repair",
    "repair_revoked",
    "penalty_stopped",
    "abnormal_list_removed",
    "serious_list_removed",
    "reorganisation",
    "reply",
]
STATES: tuple[State, ...] = ("pending", "withheld", "published", "shielded", "withdrawn")

_ID = re.compile(r"[^\W_][\w.\-〔〕（）()]{0,63}")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_BLANKS = re.compile(r"\s+")
_ONE_MARK = str.maketrans("、;。〈〉[]【】", ",,.()()()")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})")


def civil_day(instant: datetime) -> date:
    """Return the day of an instant in Asia/Shanghai."""
    return instant.astimezone(SHANGHAI).date()


def fold_label(text: str) -> str:
    """A label or code as it is compared: NFKC, upper case, without blanks, with one mark for each kind of punctuation.

    ``发现问题、待后续调查处理。`` and ``发现问题，待后续调查处理`` fold to the same text; so do ``b`` and ``Ｂ``.
    """
    folded = _BLANKS.sub("", unicodedata.normalize("NFKC", text)).translate(_ONE_MARK)
    return folded.rstrip(".,").upper()


@lru_cache(4096)  # plans, tasks and items come again and again
def _checked_id(text: str) -> str:
    if not _ID.fullmatch(text) or ".." in text:
        raise ValueError("an id is 1-64 letters, digits, . _ - or brackets, and starts with a letter or digit")
    if text.lower() == "index":
        raise ValueError("index is no id: it would take the place of a folder's own page")
    return text


def _checked_day(value: object) -> object:
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError("a date is written YYYY-MM-DD")
    if isinstance(value, (int, float)):
        raise ValueError("a number is not a date")
    return value


def _checked_instant(value: object) -> object:
    if isinstance(value, str) and not _INSTANT.fullmatch(value):
        raise ValueError("an instant is written YYYY-MM-DDTHH:MM:SS with an offset such as +08:00")
    if isinstance(value, (int, float)):
        raise ValueError("a number is not an instant")
    return value


def _folded_code(value: object) -> object:
    return uscc.fold(value) or None if isinstance(value, str) else value


Id = Annotated[str, AfterValidator(_checked_id)]
Day = Annotated[date, BeforeValidator(_checked_day)]
Instant = Annotated[datetime, BeforeValidator(_checked_instant)]
Code = Annotated[Annotated[str, Field(max_length=32)] | None, BeforeValidator(_folded_code)]  # blank is none
RegionCode = Annotated[str, Field(pattern=r"^[0-9]{6}$")]
Name = Annotated[str, Field(min_length=1, max_length=300)]
Words = Annotated[str, Field(max_length=2000)]  # a cell as the document says it
Text = Annotated[str, Field(max_length=20_000)]
Count = Annotated[int, Field(strict=True, ge=0)]
Number = Annotated[int, Field(strict=True, ge=1)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Task(_Record):
    """One row of a plan's annex (抽查任务). ``ratio``, ``quantity`` and the like keep the document's words."""

    task_id: Id
    seq: Number
    name: Name
    field: Words | None
    lead_department: Words | None = None
    departments: tuple[Words, ...]
    subjects: Words
    methods: Words | None
    ratio: Words | None
    quantity: Words | None
    frequency: Words | None
    levels: Words | None
    inspection_type: Words | None = None
    starts_on: Day | None = None
    ends_on: Day | None = None
    drawn: Count | None = None
    status: Literal["active", "cancelled", "finished"]
    item_codes: tuple[Id, ...]


class Adjustment(_Record):
    """Why a plan's revision differs from the one before, and who approved it (R1-09, R4-03)."""

    kind: Literal["added", "cancelled", "changed"]
    reason: Text
    approved_by: Name
    approved_on: Day


class Plan(_Record):
    """An annual plan or a temporary check (抽查计划), one revision of it."""

    kind: Literal["plan"]
    plan_id: Id
    revision: Number
    title: Name
    year: Annotated[int, Field(strict=True, ge=2000, le=2100)]
    region_code: RegionCode
    level: Words
    authority: Name
    scope: Literal["single", "internal_joint", "cross_department"]
    plan_type: Literal["annual", "temporary"] = "annual"
    openness: Openness = "public"
    openness_basis: Text | None = None
    document_no: Words | None = None
    approved_by: Name | None = None
    approved_on: Day | None = None
    filed_on: Day | None = None
    finalized_at: Instant | None
    complete_by: Day | None
    declared_task_count: Count | None
    adjustment: Adjustment | None = None
    tasks: tuple[Task, ...]

    @model_validator(mode="after")
    def _consistent(self) -> "Plan":
        if self.revision > 1 and self.adjustment is None:
            raise ValueError("a revision needs its adjustment with reason and approval (R1-09)")
        if self.plan_type == "temporary" and self.filed_on is None:
            raise ValueError("a temporary check needs filed_on (R0-07)")
        if len({task.task_id for task in self.tasks}) != len(self.tasks):
            raise ValueError("two tasks share a task_id")
        return self


class Item(_Record):
    """One inspection item of a list (抽查事项); without a legal basis it may not be inspected (R2-04)."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    item_code: Id
    category: Words | None
    name: Name
    item_class: Words | None = Field(alias="class")
    subjects: Words | None
    methods: Words | None
    authority: Words | None
    basis: Annotated[Text, Field(min_length=1)]
    ratio: Words | None
    frequency: Words | None


class ItemList(_Record):
    """An edition of an item list (随机抽查事项清单), one revision of it."""

    kind: Literal["item_list"]
    list_id: Id
    edition: Words | None
    revision: Number
    title: Name
    region_code: RegionCode
    authority: Name
    openness: Openness = "public"
    openness_basis: Text | None = None
    approved_by: Name | None = None
    approved_on: Day | None = None
    finalized_at: Instant | None
    items: tuple[Item, ...]

    @model_validator(mode="after")
    def _consistent(self) -> "ItemList":
        if len({item.item_code for item in self.items}) != len(self.items):
            raise ValueError("two items share an item_code")
        return self


class Subject(_Record):
    """Whom or what was inspected (检查对象). Without a code it is found by name, registration number, region."""

    kind: SubjectKind
    name: Name
    uscc: Code
    reg_no: Code = None
    region_code: RegionCode


class Finding(_Record):
    """What was found on one item. ``outcome`` keeps the platform's label; the profile maps it."""

    seq: Number
    item_code: Id | None
    item_name: Name
    outcome: Words
    outcome_code: Words | None = None
    note: Text | None = None


class Result(_Record):
    """One inspection of one subject under one task (抽查检查结果), one version of it."""

    kind: Literal["result"]
    result_id: Id
    version: Number
    plan_id: Id
    task_id: Id
    subject: Subject
    authority: Name
    departments: tuple[Words, ...]
    inspection_type: Words | None
    methods: Words | None
    ended_on: Day
    recorded_at: Instant | None
    finalized_at: Instant | None
    findings: Annotated[tuple[Finding, ...], Field(min_length=1, max_length=500)]
    severity: Severity | None = None
    measure: Text | None = None
    disposition: Text | None = None
    penalty_no: Words | None = None
    inspectors: tuple[Words, ...]
    remark: Text | None = None
    openness: Openness = "public"
    openness_basis: Text | None = None


class Case(_Record):
    """What happens to a record after it is recorded: an objection, a repair, a linked stop, a reply …"""

    kind: Literal["case"]
    case_id: Id
    case_type: CaseType
    result_id: Id | None = None
    plan_id: Id | None = None
    list_id: Id | None = None
    filed_on: Day
    accepted_on: Day | None = None
    decided_on: Day | None = None
    decision: Literal["granted", "refused"] | None = None
    decided_by: Words | None = None
    corrected_on: Day | None = None
    commitment: Text | None = None
    basis: Text | None = None
    reason: Text | None = None
    lifted_on: Day | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Case":
        if sum(target is not None for target in (self.result_id, self.plan_id, self.list_id)) != 1:
            raise ValueError("a case names one of result_id, plan_id, list_id")
        if self.decision is not None and self.decided_on is None:
            raise ValueError("a decision needs decided_on")
        return self

    @property
    def target(self) -> tuple[RecordKind, str]:
        """The record this case is about: its kind and id."""
        if self.result_id is not None:
            return "result", self.result_id
        if self.plan_id is not None:
            return "plan", self.plan_id
        assert self.list_id is not None
        return "item_list", self.list_id


class Tombstone(_Record):
    """The platform takes a record back; it is withdrawn from ``on`` (cause ``retracted``)."""

    kind: Literal["tombstone"]
    record_kind: RecordKind
    record_id: Id
    reason: Text | None
    on: Day


AnyRecord = Plan | ItemList | Result | Case | Tombstone
MODELS: Mapping[str, type[AnyRecord]] = {
    "plan": Plan,
    "item_list": ItemList,
    "result": Result,
    "case": Case,
    "tombstone": Tombstone,
}


def identity(record: AnyRecord) -> tuple[str, int | None]:
    """Return a record's id and its version; cases and tombstones carry no version of their own (``None``)."""
    match record:
        case Plan():
            return record.plan_id, record.revision
        case ItemList():
            return record.list_id, record.revision
        case Result():
            return record.result_id, record.version
        case Case():
            return record.case_id, None
        case Tombstone():
            return f"{record.record_kind}.{record.record_id}", None


class Problem(NamedTuple):
    """Something wrong with one record or file; kept, counted and shown, while the run goes on."""

    code: str
    record: str | None
    field: str | None
    message: str
    file: str | None
    line: int | None


class Received(NamedTuple):
    """A record that passed the checks of intake, with where it came from."""

    record: AnyRecord
    raw: Mapping[str, Any]  # as it arrived: what is kept and compared
    file: str
    line: int | None


class SetAside(NamedTuple):
    """A record that did not pass: why, and its words, so that nothing is lost."""

    problem: Problem
    raw: str


class Intake(NamedTuple):
    """What a profile says about labels and codes as they arrive (see ``rules``)."""

    labels: Mapping[str, str]  # label or raw code -> outcome id
    set_aside_bad_check_digit: bool


class Verdict(NamedTuple):
    """What may be shown of a record on a day, and why.

    ``since`` is the first day of this state (and cause); ``next_change_on`` the next day on which any of these
    values differs, as far as is known; ``None`` means never. ``provisional`` marks a date counted past the last
    published working-day calendar.
    """

    state: State
    cause: str | None
    marks: tuple[str, ...]
    rule: str
    basis: str
    since: date | None
    due_on: date | None
    record_due_on: date | None
    published_on: date | None
    may_apply_on: date | None
    ends_on: date | None
    version: int | None
    provisional: bool
    next_change_on: date | None = None
