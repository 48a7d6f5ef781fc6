"""What a published record looks like in a file: the same in JSON, JSON Lines and the change feed; as rows in tables."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from publisher.ledger.shown import Shown
from publisher.site.data.columns import RECORD
from publisher.site.views import Site

Record = Mapping[str, Any]
Values = tuple[Any, ...]


def public_record(site: Site, one: Shown) -> Record:
    """Return a published record by its ``ref``: its public form, its verdict's dates, and what is said beside it."""
    row, beside = one.row, one.beside
    found: dict[str, Any] = {
        **one.body, "ref": row.ref, "published_on": row.published_on, "due_on": row.due_on, "ends_on": row.ends_on,
        "marks": _marks(row.marks),
    }  # fmt: skip
    if row.kind == "result":
        found["severity"], found["reply"] = beside["severity"], beside["reply"]
        found["objection_filed_on"] = beside["objection_filed_on"]
        found["subject_url"] = _subject_url(site, one)
        found["findings"] = [
            {**finding, "outcome_id": outcome}
            for finding, outcome in zip(one.body["findings"], beside["outcomes"], strict=True)
        ]
    names = RECORD[row.kind]
    return dict(zip(names, map(found.__getitem__, names), strict=True))


def result_values(site: Site, one: Shown) -> Values:
    """Return a published result as the columns ``RESULT`` have it."""
    body, row, subject = one.body, one.row, one.body["subject"]
    marks = _marks(row.marks)
    return (
        row.ref, body["result_id"], subject["name"], subject["kind"], subject["uscc"], subject["reg_no"],
        subject["region_code"], _subject_url(site, one), body["plan_id"], body["task_id"], body["authority"],
        body["departments"], body["inspection_type"], body["methods"], body["ended_on"], row.published_on, row.due_on,
        row.ends_on, "late" in marks, marks, one.beside["severity"], body["measure"], body["disposition"],
        body["penalty_no"], body["remark"], one.beside["reply"], one.beside["objection_filed_on"],
    )  # fmt: skip


def finding_values(one: Shown) -> Iterator[Values]:
    """Yield the findings of a published result as the columns ``FINDING`` have them."""
    for finding, outcome in zip(one.body["findings"], one.beside["outcomes"], strict=True):
        yield (
            finding["seq"], finding["item_code"], finding["item_name"], finding["outcome"], outcome, finding["note"],
        )  # fmt: skip


def task_rows(one: Shown) -> Iterator[Values]:
    """Yield the tasks of a published plan as the columns ``TASK`` have them."""
    for task in sorted(one.body["tasks"], key=lambda task: task["seq"]):
        yield (
            one.body["plan_id"], task["task_id"], task["seq"], task["name"], task["field"], task["lead_department"],
            task["departments"], task["subjects"], task["methods"], task["ratio"], task["quantity"], task["frequency"],
            task["levels"], task["inspection_type"], task["starts_on"], task["ends_on"], task["drawn"], task["status"],
            task["item_codes"],
        )  # fmt: skip


def item_rows(one: Shown) -> Iterator[Values]:
    """Yield the items of a published list as the columns ``ITEM`` have them."""
    for item in one.body["items"]:
        yield (
            one.body["list_id"], item["item_code"], item["category"], item["name"], item["class"], item["subjects"],
            item["methods"], item["authority"], item["basis"], item["ratio"], item["frequency"],
        )  # fmt: skip


def cells(values: Iterable[Any]) -> list[str]:
    """Return values as the texts of cells; most are texts, and need no call."""
    return [value if type(value) is str else cell(value) for value in values]


def cell(value: Any) -> str:
    """Return a value as the text of a cell; nothing is the empty text, a list stands with 、 between."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "、".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


@lru_cache(100)
def _marks(said: str) -> tuple[str, ...]:
    return tuple([mark for mark in said.split(",") if mark])


def _subject_url(site: Site, one: Shown) -> str:
    return f"{site.job.base_url}{one.row.subject_path}"
