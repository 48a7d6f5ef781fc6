"""Deliberately bad result lines, one fault each, so that a reader has something to refuse."""

import json
from collections.abc import Sequence

Record = dict[str, object]


def _identity_number() -> str:
    """Return a well-formed identity number of no one: its region was never issued."""
    first17 = "32000019900307001"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(digit) * weight for digit, weight in zip(first17, weights, strict=True))
    return first17 + "10X98765432"[total % 11]


def bad_lines(records: Sequence[Record]) -> list[str]:
    """Return the lines; only the first of the two versions in conflict is a good record."""
    model = next(record for record in records if _is_plain(record))
    subject, findings = model["subject"], model["findings"]
    assert isinstance(subject, dict)
    assert isinstance(findings, list)
    code = str(subject["uscc"])
    wrong = code[:17] + ("1" if code[17] != "1" else "2")

    def bad(number: int, **changes: object) -> Record:
        return {**model, "result_id": f"R2026-9{number:05d}", **changes}

    no_task = bad(6)
    del no_task["task_id"]
    made = [
        bad(1, weather="晴"),
        bad(2, findings=[{**findings[0], "outcome": "注销"}]),
        bad(3, subject={**subject, "uscc": wrong}),
        bad(4, subject={**subject, "uscc": _identity_number()}),
        bad(5, ended_on="2021-02-30"),
        no_task,
        bad(7, task_id="320000202601120099"),
        bad(8),
        bad(8, findings=[{**findings[0], "outcome": "其他情况", "note": "同一版本，内容不同。"}]),
    ]
    lines = [json.dumps(record, ensure_ascii=False, separators=(",", ":")) for record in made]
    return [*lines, lines[0][:200]]


def _is_plain(record: Record) -> bool:
    """Tell whether a result of 2026 is finalized, open and on a subject with a code."""
    subject = record["subject"]
    assert isinstance(subject, dict)
    public = record["openness"] == "public" and record["finalized_at"] is not None
    return public and subject["uscc"] is not None and str(record["result_id"]).startswith("R2026")
