"""The three small sources: Guyang 2021 (CSV), Changjiang 2023 (XLSX), the national opinion of 2024 (JSON)."""

from random import Random

from . import items
from .output import Tree
from .places import County
from .small import ITEM_LABELS, PLAN_LABELS, Record, Round, Task, case_rows, cases, finding_rows, results, toml
from .workbook import Merge

_GUYANG = County("150222", "固阳县", "包头市")
_CHANGJIANG = County("360202", "昌江区", "景德镇市")
_NATION = (
    County("110105", "朝阳区", "北京市"),
    County("310115", "浦东新区", "上海市"),
    County("440305", "南山区", "深圳市"),
    County("510107", "武侯区", "成都市"),
    County("360202", "昌江区", "景德镇市"),
)
# name, field, departments, subjects, methods, ratio, quantity, frequency, levels, trade, items
_GUYANG_TASKS = (
    ("校外培训机构联合抽查", "教育培训", "教育、市监、消防", "校外培训机构", "现场检查", "10%", ">=1", "1次/年", "县级",
     "training", "F01 B01"),
    ("旅馆业联合抽查", "公共娱乐场所、旅馆", "公安、市监、卫健、消防", "旅馆", "现场检查、书面检查", "5%",
     "3户(以实际工作抽查数为准。)", "1次/年", "县级", "lodging", "M01 M02"),
    ("食品经营单位抽查", "食品经营", "市监", "食品经营单位", "现场检查", "3%", "约20", "1次/年", "县级",
     "food", "C01 C03"),
    ("企业公示信息抽查", "登记公示", "市监、人社、统计", "企业", "网络检查、书面检查", "3%", "不少于10", "1次/年",
     "县级", "finance", "A07 A08"),
)  # fmt: skip
_CHANGJIANG_TASKS = (
    ("食品生产经营联合抽查", "食品生产", "市监、卫健、农业农村", "食品生产经营单位", "实地核查、抽样检测", "5%", "12",
     "1次/年", "区级", "food", "C01 C03"),
    ("小作坊联合抽查", "食品生产", "市监、应急", "食品小作坊", "实地核查", "5%", "约8", "1次/年", "区级",
     "food", "C01"),
    ("人力资源市场联合抽查", "劳动用工", "人社、市监", "人力资源服务机构", "实地核查、书面检查", "10%", "8", "1次/年",
     "区级", "labour", "G01 G02"),
    ("特种设备使用单位联合抽查", "特种设备", "市监、应急", "特种设备使用单位", "实地核查", "3%", "不少于10", "1次/年",
     "区级", "equipment", "D01 A05"),
)  # fmt: skip
_NATION_TASKS = (
    ("经营主体公示信息抽查", "登记公示", "市监、人社", "经营主体", "网络、书面", "3%", "约15", "1次/年", "市县",
     "foreign", "A07 A08"),
    ("重点工业产品质量抽查", "产品质量", "市监、应急", "重点工业产品生产企业", "现场、委托专业机构", "2%", "15",
     "1次/年", "市县", "product", "E03 A01"),
    ("检验检测机构联合抽查", "检验检测", "市监、生态环境", "检验检测机构", "现场", "5%", "10", "1次/年", "省级",
     "laboratory", "E02 E01"),
)  # fmt: skip
_Rows = list[list[str]]
_Tasks = tuple[tuple[str, ...], ...]


def _task_id(region: str, year: int, seq: int) -> str:
    return f"{region}{year}0601{seq:04d}"


def _rows(region: str, year: int, tasks: _Tasks) -> list[list[str]]:
    rows = [list(PLAN_LABELS)]
    for seq, task in enumerate(tasks, 1):
        rows.append([_task_id(region, year, seq), str(seq), *task[:9], task[10].replace(" ", "、"), "active"])
    return rows


def _round(prefix: str, plan_id: str, window: tuple[str, str], counties: tuple[County, ...], tasks: _Tasks) -> Round:
    region, year = plan_id[:6], int(plan_id[6:10])
    works = [
        Task(_task_id(region, year, seq), task[2].split("、"), task[4], task[9], task[10].split())
        for seq, task in enumerate(tasks, 1)
    ]
    return Round(prefix, plan_id, *window, counties, works, items.names(), every_outcome=region == "100000")


def _items_used(tasks: _Tasks) -> list[dict[str, str]]:
    used = {code for task in tasks for code in task[10].split()}
    return [row for row in [items.ADDED, *items.rows()] if row["事项编码"] in used]


def _item_rows(tasks: _Tasks) -> list[list[str]]:
    return [list(ITEM_LABELS), *([row[label] for label in ITEM_LABELS] for row in _items_used(tasks))]


def _plan_head(plan_id: str, title: str, level: str, authority: str, finalized_on: str, count: int) -> Record:
    year = int(plan_id[6:10])
    return {
        "plan_id": plan_id, "revision": 1, "title": f"{title}（演示数据）", "year": year, "region_code": plan_id[:6],
        "level": level, "authority": authority, "scope": "cross_department", "plan_type": "annual",
        "openness": "public", "finalized_at": f"{finalized_on}T09:00:00+08:00", "complete_by": f"{year}-11-30",
        "declared_task_count": count,
    }  # fmt: skip


def _list_head(list_id: str, title: str, region: str, authority: str, approved_on: str) -> Record:
    return {
        "list_id": list_id, "edition": "第一版", "revision": 1, "title": f"{title}（演示数据）", "region_code": region,
        "authority": authority, "approved_by": f"{authority}（演示）", "approved_on": approved_on,
        "finalized_at": f"{approved_on}T15:00:00+08:00",
    }  # fmt: skip


def guyang(tree: Tree, seed: int) -> None:
    """Write Guyang 2021: CSV tables with Chinese headers, heads in TOML beside them."""
    office = "固阳县市场监管领域“双随机、一公开”监管联席会议办公室"
    plan_id = "15022220210001"
    head = _plan_head(plan_id, "固阳县2021年度部门联合抽查计划", "county", office, "2021-08-30", len(_GUYANG_TASKS))
    tree.csv("plans/2021.csv", _rows("150222", 2021, _GUYANG_TASKS))
    tree.text("plans/2021.toml", toml(head))
    tree.csv("item_lists/GY-LH.csv", _item_rows(_GUYANG_TASKS))
    list_head = _list_head("GY-LH", "固阳县随机抽查事项清单", "150222", office, "2021-08-26")
    tree.text("item_lists/GY-LH.toml", toml(list_head))
    round_ = _round("GY2021", plan_id, ("2021-09-01", "2021-11-12"), (_GUYANG,), _GUYANG_TASKS)
    records = results(Random(f"{seed}:guyang"), round_, 40)
    tree.csv("results/2021.csv", finding_rows(records))
    tree.csv("cases/2021.csv", case_rows(cases("GY2021", records)))


def changjiang(tree: Tree, seed: int) -> None:
    """Write Changjiang 2023: XLSX tables whose repeated cells are merged downwards, under a title row."""
    office = "景德镇市昌江区市场监管领域部门联合监管联席会议办公室"
    plan_id = "36020220230001"
    head = _plan_head(plan_id, "昌江区2023年度部门联合抽查计划", "county", office, "2023-06-15", len(_CHANGJIANG_TASKS))
    rows = _rows("360202", 2023, _CHANGJIANG_TASKS)
    tree.xlsx("plans/2023.xlsx", *_merged([["昌江区2023年度部门联合抽查任务表（演示数据）"], *rows], 2, [3]))
    tree.text("plans/2023.toml", toml(head))
    tree.xlsx("item_lists/CJ-LH.xlsx", _item_rows(_CHANGJIANG_TASKS))
    list_head = _list_head("CJ-LH", "昌江区部门联合抽查事项清单", "360202", office, "2023-06-14")
    tree.text("item_lists/CJ-LH.toml", toml(list_head))
    round_ = _round("CJ2023", plan_id, ("2023-06-26", "2023-11-17"), (_CHANGJIANG,), _CHANGJIANG_TASKS)
    records = results(Random(f"{seed}:changjiang"), round_, 40)
    rows = finding_rows(records)
    own = ("序号", "事项编码", "检查事项", "检查结果", "note")  # a finding's; all else is the result's
    shared = [at for at, label in enumerate(rows[0]) if label not in own]
    tree.xlsx("results/2023.xlsx", *_merged(rows, 1, shared, key=0))
    tree.xlsx("cases/2023.xlsx", case_rows(cases("CJ2023", records)))


def _merged(rows: _Rows, start: int, columns: list[int], key: int | None = None) -> tuple[_Rows, list[Merge]]:
    """Return rows and merges joining equal neighbours in ``columns``; ``key`` is the column that bounds a run."""
    merges: list[Merge] = []
    for column in columns:
        by, at = column if key is None else key, start
        while at < len(rows):
            end = at + 1
            while end < len(rows) and rows[end][by] == rows[at][by] and rows[end][column] == rows[at][column]:
                end += 1
            if end - at > 1:
                merges.append((at, column, end - at))
            at = end
    return rows, merges


def national(tree: Tree, seed: int) -> None:
    """Write a source after the national opinion: JSON, each of its nine outcomes at least once."""
    plan_id, authority = "10000020240001", "“双随机、一公开”监管演示机关"
    head = _plan_head(plan_id, "2024年度双随机抽查计划", "nation", authority, "2024-03-01", len(_NATION_TASKS))
    tasks: list[Record] = []
    for row in _rows("100000", 2024, _NATION_TASKS)[1:]:
        task: Record = dict(zip(PLAN_LABELS.values(), row, strict=True))
        task |= {"seq": int(row[1]), "departments": row[4].split("、"), "item_codes": row[11].split("、")}
        tasks.append(task)
    tree.json("plans/2024.json", {"kind": "plan", **head, "tasks": tasks})
    list_head = _list_head("GJ-LH", "随机抽查事项清单", "100000", authority, "2024-02-26")
    used = [items.item(row) for row in _items_used(_NATION_TASKS)]
    tree.json("item_lists/GJ-LH.json", {"kind": "item_list", **list_head, "items": used})
    round_ = _round("GJ2024", plan_id, ("2024-03-11", "2024-11-15"), _NATION, _NATION_TASKS)
    records = results(Random(f"{seed}:national"), round_, 42)
    tree.json("results/2024.json", records)
    tree.json("cases/2024.json", cases("GJ2024", records))
