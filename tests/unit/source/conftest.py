"""Records of invented firms, and a folder to pull from."""

import copy
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from publisher import uscc
from publisher.model import Intake
from publisher.source import Event, FolderSource, pull

USCC = "91320102MA1DEM001" + uscc.check_character("91320102MA1DEM001")


def _identity_number() -> str:
    first = "32010219900307123"
    return next(first + last for last in "0123456789X" if uscc.is_identity_number(first + last))


IDENTITY = _identity_number()
INTAKE = Intake(
    {
        "未发现问题": "clear",
        "1": "clear",
        "发现问题，待后续调查处理": "pending",
        "B": "undisclosed",
        "2": "undisclosed",
    },
    set_aside_bad_check_digit=True,
)
RESULT: dict[str, Any] = {
    "kind": "result",
    "result_id": "R-1",
    "version": 1,
    "plan_id": "32000020210001",
    "task_id": "320000202104010001",
    "subject": {"kind": "enterprise", "name": "南京试验教育咨询有限公司", "uscc": USCC, "region_code": "320102"},
    "authority": "南京市玄武区市场监督管理局",
    "departments": ["教育", "市监"],
    "inspection_type": "不定向",
    "methods": "现场检查",
    "ended_on": "2021-06-02",
    "recorded_at": "2021-06-07T10:00:00+08:00",
    "finalized_at": "2021-06-08T09:00:00+08:00",
    "findings": [{"seq": 1, "item_code": "A07", "item_name": "公示信息抽查", "outcome": "未发现问题"}],
    "inspectors": ["张某"],
}


def result(path: str = "", value: Any = None) -> dict[str, Any]:
    """A good result, with the value at a dotted ``path`` replaced."""
    record = copy.deepcopy(RESULT)
    if path:
        *way, last = path.split(".")
        place: Any = record
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[last] = value
    return record


def text(record: Any) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()


class Folder:
    """A source folder under test: write files, pull, remember what was seen."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.seen: dict[str, str] = {}
        (root / "results").mkdir()

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def pull(self, intake: Intake = INTAKE) -> list[Event]:
        return list(pull(FolderSource(self.root), intake, self.seen))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def of_type(events: Iterable[Any], kind: type[Any] | Callable[..., Any]) -> list[Any]:
    return [event for event in events if type(event) is kind]
