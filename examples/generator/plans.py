"""The plans of Jiangsu: 2021 word for word from its annex, 2026 invented after it."""

import csv
from pathlib import Path

Record = dict[str, object]
AUTHORITY = "江苏省“双随机、一公开”监管联席会议办公室"
# trade, items and count of results by task of a year; the order is that of the annex
WORK_2021: tuple[tuple[str, str, int], ...] = (
    ("training", "F01 B01 A07", 420),
    ("finance", "B02 A05 A07 A08", 160),
    ("labour", "G01 G02 A07", 110),
    ("foreign", "A07 A08 H01", 390),
    ("accounting", "I01 A05 A07", 120),
    ("vehicle", "E02 J01 E01", 53),
    ("laboratory", "E02 E01", 25),
    ("laboratory", "E02 J02", 20),
    ("hospital", "K01 E01", 28),
    ("food", "C02 C01 C03", 14),
    ("aquatic", "L01 A05", 62),
    ("lodging", "M01 M02 M04 A05", 133),
    ("travel", "N01 A07", 30),
    ("sewage", "J03 J02", 65),
    ("coolant", "J04", 7),
    ("lightning", "P01", 20),
    ("relics", "P01", 13),
    ("mine", "Q01", 2),
    ("chemical", "Q01 Q02", 2),
    ("pesticide", "L02 Q01", 1),
)
WORK_2026: tuple[tuple[str, str, int], ...] = (
    ("training", "F01 B01 A07 M04", 262),
    ("finance", "B02 A05 A07 A08", 180),
    ("labour", "G01 G02 A07", 130),
    ("foreign", "A07 A08 H01", 290),
    ("accounting", "I01 A07", 60),
    ("vehicle", "E02 J01 E01", 53),
    ("laboratory", "E02 E01", 40),
    ("hospital", "K01 E01", 40),
    ("food", "C02 C01 C03", 36),
    ("aquatic", "L01 A05", 62),
    ("lodging", "M01 M02 M04 A05", 133),
    ("travel", "N01 A07", 40),
    ("sewage", "J03 J02", 63),
    ("coolant", "J04", 10),
    ("lightning", "P01", 20),
    ("mine", "Q01", 3),
    ("chemical", "Q01 Q02", 4),
    ("pesticide", "L02 Q01", 5),
    ("food", "C01 C03 E01 A01", 220),
    ("equipment", "D01 A01", 60),
    ("fuel", "E01 A05", 40),
    ("product", "E03 A01", 50),
)
COLUMNS = {
    "任务名称": "name",
    "抽查领域": "field",
    "联合检查部门": "departments",
    "检查对象": "subjects",
    "检查方式": "methods",
    "抽取比例": "ratio",
    "抽取数量": "quantity",
    "检查频次": "frequency",
    "检查层级": "levels",
}


def rows(year: int) -> list[dict[str, str]]:
    """Return a year's tasks by Chinese label, cells as written."""
    path = Path(__file__).parent / f"jiangsu-{year}-tasks.tsv"
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def tasks(year: int, prefix: str, work: tuple[tuple[str, str, int], ...]) -> list[Record]:
    """Return a year's tasks as records; ``prefix`` is the region and day in front of their four-digit numbers."""
    records = []
    for row, (_, items, _) in zip(rows(year), work, strict=True):
        cells: Record = {field: row[label] for label, field in COLUMNS.items()}
        cells["departments"] = row["联合检查部门"].split("、")
        seq = int(row["序号"])
        head: Record = {"task_id": f"{prefix}{seq:04d}", "seq": seq}
        records.append({**head, **cells, "status": "active", "item_codes": items.split()})
    return records


def plan_2021() -> Record:
    """Return the joint plan of 2021: its annex word for word, dirty cells as written."""
    return {
        "kind": "plan",
        "plan_id": "32000020210001",
        "revision": 1,
        "title": "江苏省市场监管领域2021年度部门联合“双随机、一公开”监管计划",
        "year": 2021,
        "region_code": "320000",
        "level": "province",
        "authority": AUTHORITY,
        "scope": "cross_department",
        "plan_type": "annual",
        "openness": "public",
        "document_no": None,
        "approved_on": None,
        "filed_on": None,
        "finalized_at": "2021-04-01T09:00:00+08:00",
        "complete_by": "2021-11-30",
        "declared_task_count": 20,
        "adjustment": None,
        "tasks": tasks(2021, "32000020210401", WORK_2021),
    }


def _adjustment(kind: str, reason: str, approved_on: str) -> Record:
    by = "江苏省“双随机、一公开”监管联席会议（演示）"
    return {"kind": kind, "reason": reason, "approved_by": by, "approved_on": approved_on}


def plans_2026() -> list[Record]:
    """Return the four revisions of the joint plan of 2026: made, added to, changed, cancelled in part."""
    every: list[Record] = []
    for task in tasks(2026, "32000020260112", WORK_2026):
        directed = "定向" if task["seq"] in (2, 6, 7, 17) else "不定向"
        every.append({**task, "inspection_type": directed, "starts_on": "2026-01-15", "ends_on": "2026-11-30"})
    first = {
        **plan_2021(),
        "plan_id": "32000020260001",
        "title": "江苏省市场监管领域2026年度部门联合“双随机、一公开”监管计划（演示数据）",
        "year": 2026,
        "approved_on": "2026-01-08",
        "filed_on": "2026-01-12",
        "finalized_at": "2026-01-12T09:00:00+08:00",
        "complete_by": "2026-11-30",
        "tasks": every[:20],
    }
    added = {
        **first,
        "revision": 2,
        "finalized_at": "2026-04-20T10:00:00+08:00",
        "declared_task_count": 22,
        "adjustment": _adjustment("added", "增加加油站计量、重点工业产品质量两项联合抽查", "2026-04-17"),
        "tasks": every,
    }
    larger = [{**task, "quantity": "约70", "drawn": 60} if task["seq"] == 20 else task for task in every]
    changed = {
        **added,
        "revision": 3,
        "finalized_at": "2026-07-06T10:00:00+08:00",
        "adjustment": _adjustment("changed", "特种设备使用单位抽查数量由120调整为约70", "2026-07-03"),
        "tasks": larger,
    }
    cancelled = {
        **changed,
        "revision": 4,
        "finalized_at": "2026-09-14T10:00:00+08:00",
        "adjustment": _adjustment("cancelled", "与专项整治合并，取消非煤矿山企业联合抽查尚未开展部分", "2026-09-11"),
        "tasks": [{**task, "status": "cancelled"} if task["seq"] == 16 else task for task in larger],
    }
    return [first, added, changed, cancelled]


def other_plans() -> list[Record]:
    """Return a temporary plan with its filing, one withheld, one not finalized, one withheld later by a case."""

    def plan(number: int, title: str, authority: str, task: Record, **head: object) -> Record:
        plan_id = f"3200002026{number:04d}"
        one = {"task_id": f"320000202605{number:02d}0001", "seq": 1, **task, "status": "active"}
        base = {**plans_2026()[0], "plan_id": plan_id, "title": f"{title}（演示数据）", "authority": authority}
        return {**base, "declared_task_count": 1, "tasks": [one], **head}

    def task(name: str, field: str, departments: list[str], items: list[str]) -> Record:
        words = {"subjects": "相关经营主体", "methods": "现场检查", "ratio": "2%", "quantity": "约40"}
        limits = {"frequency": "1次/年", "levels": "市县"}
        return {"name": name, "field": field, "departments": departments, **words, **limits, "item_codes": items}

    lodging = task("暑期旅馆业临时性联合抽查", "公共娱乐场所、旅馆", ["公安", "市监", "消防"], ["M02", "M04", "A05"])
    secret = task("涉密场所配套服务单位联合抽查", "其他", ["公安", "市监"], ["A05"])
    draft = task("冬季供暖燃料质量联合抽查", "产品质量", ["市监", "生态环境"], ["E03"])
    food = task("校园周边食品经营者抽查", "食品生产", ["市监"], ["C01", "C03"])
    market = "江苏省市场监督管理局"
    return [
        plan(
            2, "2026年暑期旅馆业临时性部门联合抽查", AUTHORITY, lodging,
            plan_type="temporary", filed_on="2026-06-29", finalized_at="2026-06-30T09:00:00+08:00",
            complete_by="2026-09-30",
        ),
        plan(3, "2026年涉密场所配套服务单位联合抽查计划", AUTHORITY, secret, openness="withheld"),
        plan(4, "2026年冬季供暖燃料质量联合抽查计划", AUTHORITY, draft, finalized_at=None),
        plan(5, "2026年校园周边食品经营者抽查计划", market, food, scope="single"),
    ]  # fmt: skip
