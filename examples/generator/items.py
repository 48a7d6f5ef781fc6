"""The item list of Jiangsu: real bases (law and article), invented edition."""

import csv
from pathlib import Path

Record = dict[str, object]
TITLE = "江苏省市场监管领域部门联合抽查事项清单（第一版）（演示数据）"
AUTHORITY = "江苏省“双随机、一公开”监管联席会议办公室"
ADDED = {
    "事项编码": "A01",
    "抽查类别": "登记事项检查",
    "抽查事项": "市场主体登记事项监督检查",
    "事项类别": "一般检查事项",
    "检查对象": "市场主体",
    "检查方式": "现场检查、书面检查",
    "检查主体": "登记机关",
    "检查依据": "《中华人民共和国市场主体登记管理条例》第三十八条",
    "抽查比例": "≤3%",
    "抽查频次": "1次/年",
}
FIELDS = {
    "事项编码": "item_code",
    "抽查类别": "category",
    "抽查事项": "name",
    "事项类别": "class",
    "检查对象": "subjects",
    "检查方式": "methods",
    "检查主体": "authority",
    "检查依据": "basis",
    "抽查比例": "ratio",
    "抽查频次": "frequency",
}


def rows() -> list[dict[str, str]]:
    """Return the items of the first revision, by Chinese label."""
    with (Path(__file__).parent / "jiangsu-items.tsv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def names() -> dict[str, str]:
    """Return the name of every item by its code."""
    return {row["事项编码"]: row["抽查事项"] for row in [*rows(), ADDED]}


def item(row: dict[str, str]) -> Record:
    """Turn a row of Chinese labels into an item."""
    return {FIELDS[label]: value for label, value in row.items()}


def item_lists() -> list[Record]:
    """Return both revisions: the second adds A01 and follows the Work Safety Law's new numbering."""
    first = {
        "kind": "item_list",
        "list_id": "JS-LH",
        "edition": "第一版",
        "revision": 1,
        "title": TITLE,
        "region_code": "320000",
        "authority": AUTHORITY,
        "approved_by": "江苏省“双随机、一公开”监管联席会议（演示）",
        "approved_on": "2021-03-26",
        "finalized_at": "2021-03-29T09:00:00+08:00",
        "items": [item(row) for row in rows()],
    }
    safety = "《中华人民共和国安全生产法》（2021年修正）第六十五条"
    changed = [{**row, "检查依据": safety} if row["事项编码"] == "Q01" else row for row in rows()]
    second = {
        **first,
        "revision": 2,
        "approved_on": "2025-12-22",
        "finalized_at": "2025-12-24T09:00:00+08:00",
        "items": [item(row) for row in [ADDED, *changed]],
    }
    return [first, second]
