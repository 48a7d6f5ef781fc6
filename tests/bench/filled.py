"""A ledger of N published subjects with three results each, made in seconds: a few results are pulled and judged as
ever, and what the ledger holds of them is written again for every subject, under another name, code, region and place.
"""

import hashlib
import os
import random
import shutil
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from publisher import paths, pipeline, regions, uscc
from publisher.ledger import Ledger
from publisher.ledger.counting import count_all
from publisher.ledger.listings import NO_YEAR, SUBJECTS, keys_of
from publisher.portal import Watcher, opened
from publisher.settings import Settings, load

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 11, 20)
RESULTS = 3  # of a subject
CHUNK = 5_000  # subjects written together
_CHARACTERS = "云海天瑞恒泰兴盛华鑫龙凤祥和福康安宁德信达通泽润丰源博雅轩逸辰星月光明远志宏图伟业金银玉珠宝"
_TRADES = ("科技", "贸易", "餐饮", "建材", "物流", "食品", "机械", "电子", "医药", "教育")
_CLEAR, _GONE, _MENDED = "未发现问题", "通过登记的住所（经营场所）无法联系", "发现问题，依法责令立即改正或者限期改正"
_FIRM = "91320102MATEC0001"


def portal(root: Path) -> Settings:
    """Write the settings and the source of a portal in ``root``: the example's plans and lists, and the prototypes."""
    example = ROOT / "examples/jiangsu-2021"
    (root / "source/results").mkdir(parents=True)
    for folder in ("plans", "item_lists"):
        shutil.copytree(example / folder, root / "source" / folder)
    with (root / "source/results/prototypes.jsonl").open("wb") as out:
        out.writelines(orjson.dumps(one) + b"\n" for one in _prototypes())
    (root / "publisher.toml").write_text(
        '[portal]\nname = "测试公示"\nbase_url = "https://gongshi.example.gov.cn"\nregion_code = "320000"\n'
        'profile = "jiangsu-2021"\n'
        f'[paths]\ncontent = "{ROOT / "content"}"\ntheme = "{ROOT / "theme"}"\noutput = "output"\nvar = "var"\n'
        '[ledger]\nurl = "sqlite:///var/ledger.db"\n[source]\nkind = "folder"\npath = "source"\n',
        "utf-8",
    )
    return load(root / "publisher.toml")


def _prototypes() -> Iterator[dict[str, Any]]:
    """Yield a result of every month of three years and of three outcomes, of one firm that nobody is."""
    firm = _FIRM + uscc.check_character(_FIRM)
    tasks = [
        (plan["plan_id"], task)
        for file in sorted((ROOT / "examples/jiangsu-2021/plans").glob("2021-*.json"))
        for plan in [orjson.loads(file.read_bytes())]
        for task in plan["tasks"]
    ]
    number = 0
    for year in (2024, 2025, 2026):
        for month in range(1, 13 if year < DAY.year else 10):
            for outcome in (_CLEAR, _GONE, _MENDED):
                plan_id, task = tasks[number % len(tasks)]
                number += 1
                yield {
                    "kind": "result", "result_id": f"PROTO{number:05}", "version": 1, "plan_id": plan_id,
                    "task_id": task["task_id"],
                    "subject": {"kind": "enterprise", "name": "原型有限公司", "uscc": firm, "reg_no": None,
                                "region_code": "320102"},
                    "authority": "原型市场监督管理局", "departments": task["departments"][:2],
                    "inspection_type": "不定向", "methods": "现场检查", "ended_on": f"{year}-{month:02}-12",
                    "recorded_at": f"{year}-{month:02}-14T09:00:00+08:00",
                    "finalized_at": f"{year}-{month:02}-14T09:00:00+08:00",
                    "findings": [
                        {"seq": seq, "item_code": code, "item_name": f"事项{code}",
                         "outcome": outcome if seq == 1 else _CLEAR, "outcome_code": None, "note": None}
                        for seq, code in enumerate(task["item_codes"][:2] or ["A07"], 1)
                    ],
                    "severity": None, "measure": None, "disposition": None, "penalty_no": None, "inspectors": ["测某"],
                    "remark": None, "openness": "public",
                }  # fmt: skip


def fill(settings: Settings, subjects: int) -> None:
    """Fill the portal's ledger with published subjects, each with its results, and owe the whole site."""
    with opened(settings, DAY, Watcher()) as portal:
        pipeline.pull(portal)
        pipeline.judge(portal)
        run_no = portal.run_no
    database = sqlite3.connect(settings.ledger.url.removeprefix("sqlite:///"), isolation_level=None)
    database.row_factory = sqlite3.Row
    database.execute("PRAGMA synchronous = OFF")
    database.execute("BEGIN")
    _Copies(database, run_no).write(subjects)
    database.execute("COMMIT")
    database.execute("ANALYZE")
    database.close()
    with Ledger(settings.ledger.url) as ledger, ledger.transaction() as connection:
        count_all(connection)


class _Copies:
    """The prototypes of a ledger, and where their copies go."""

    def __init__(self, database: sqlite3.Connection, run_no: int) -> None:
        self._database, self._run_no = database, run_no
        query = (
            "select record.*, shown.body, beside, received.body as came from record join shown using (record_no)"
            " join received using (kind, record_id)"
            " where kind = 'result' and state = 'published' order by record_no"
        )
        rows = [dict(row) for row in database.execute(query)]
        self._clear = [row for row in rows if not row["negative"]]
        self._negative = [row for row in rows if row["negative"]]
        for table in ("place", "delta", "publication", "owed_page"):
            database.execute(f"delete from {table}")
        for row in rows:
            database.execute("delete from shown where record_no = ?", (row["record_no"],))
            database.execute("delete from entry where record_no = ?", (row["record_no"],))
            database.execute("delete from owed_push where record_no = ?", (row["record_no"],))
            database.execute("delete from received where kind = 'result' and record_id = ?", (row["record_id"],))
            database.execute("delete from record where record_no = ?", (row["record_no"],))
        database.execute("delete from listing")
        database.execute("delete from subject")
        self._next = database.execute("select coalesce(max(record_no), 0) + 1 from record").fetchone()[0]
        self._first = self._next
        self._lists: dict[tuple[str, int, str], int] = {}
        self._labels: dict[int, str | None] = {}
        self._sizes: dict[int, int] = defaultdict(int)

    def write(self, subjects: int) -> None:
        """Write the copies, a chunk of subjects at a time."""
        chance = random.Random(1)
        regions_known = [code for code in _counties() if regions.name(code)]
        numbers = iter(range(1, subjects + 1))
        while chunk := list(islice(numbers, CHUNK)):
            rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
            for number in chunk:
                self._subject(number, chance, regions_known[number * 7 % len(regions_known)], rows)
            for table, made in rows.items():
                names = ", ".join(made[0])
                marks = ", ".join(f":{name}" for name in made[0])
                self._database.executemany(f"insert into {table} ({names}) values ({marks})", made)
        day = DAY.isoformat()
        self._database.executemany(
            "insert into listing (list_no, facet, year, value, label, size, shown, changed_on)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (number, *key, self._labels[number], self._sizes[number],
                 self._sizes[number] if key[0] != SUBJECTS else 0, day)
                for key, number in self._lists.items()
            ],
        )  # fmt: skip
        told = (self._run_no, day, day, subjects * RESULTS)
        self._database.execute("insert into publication values (?, ?, ?, ?, 0, 0)", told)

    def _subject(self, number: int, chance: random.Random, region: str, rows: dict[str, list[dict[str, Any]]]) -> None:
        first = f"91{region}MA" + _base31(number) + "0"
        code = first + uscc.check_character(first)
        name = "".join(chance.choice(_CHARACTERS) for _ in range(4)) + chance.choice(_TRADES) + "有限公司"
        name = f"{regions.name(region)}{name}"
        path = paths.subject(code, has_code=True)
        slot = self._seat(SUBJECTS, NO_YEAR, region)[1]
        rows["subject"].append(
            {"subject_no": number, "key": code, "kind": "enterprise", "name": name, "uscc": code, "reg_no": None,
             "region_code": region, "path": path, "slot": slot}
        )  # fmt: skip
        who = {"kind": "enterprise", "name": name, "uscc": code, "reg_no": None, "region_code": region}
        for which in range(RESULTS):
            prototype = chance.choice(self._negative if chance.random() < 0.1 else self._clear)
            self._result(f"R{number:07}-{which}", number, who, f"{regions.name(region)}市场监督管理局", prototype, rows)

    def _result(
        self, result_id: str, subject_no: int, who: dict[str, Any], authority: str, prototype: dict[str, Any],
        rows: dict[str, list[dict[str, Any]]],
    ) -> None:  # fmt: skip
        record_no = self._next
        self._next += 1
        body = orjson.loads(prototype["body"]) | {"result_id": result_id, "authority": authority, "subject": who}
        ref = os.urandom(16).hex()
        values = {name: value for name, value in prototype.items() if name not in ("body", "beside", "came")}
        values |= {"record_no": record_no, "record_id": result_id, "subject_no": subject_no, "authority": authority,
                   "region_code": who["region_code"], "ref": ref}  # fmt: skip
        seats = [self._seat(*key) for key in keys_of(values)]
        values["places"] = ",".join(f"{list_no}:{slot}" for list_no, slot in seats)
        rows["record"].append(values)
        rows["shown"].append({"record_no": record_no, "body": orjson.dumps(body).decode(),
                              "beside": prototype["beside"]})  # fmt: skip
        came = orjson.dumps(orjson.loads(prototype["came"]) | {"result_id": result_id, "authority": authority,
                                                               "subject": who})  # fmt: skip
        rows["received"].append(
            {"kind": "result", "record_id": result_id, "version": 1, "digest": hashlib.sha256(came).hexdigest(),
             "body": came.decode(), "file": "prototypes.jsonl", "line": record_no, "run_no": self._run_no}
        )  # fmt: skip
        rows["place"] += [{"list_no": list_no, "slot": slot, "record_no": record_no} for list_no, slot in seats]
        rows["entry"].append(
            {"record_no": record_no, "as_of": DAY.isoformat(), "run_no": self._run_no, "actor": "rules", "version": 1}
            | {name: values[name] for name in ("state", "cause", "marks", "rule", "basis", "since", "shown_version")}
        )
        rows["delta"].append(
            {"run_no": self._run_no, "line": record_no - self._first, "record_no": record_no,
             "as_of": DAY.isoformat(), "ref": ref, "op": "ADD", "rule": values["rule"],
             "effective_on": values["since"]}
        )  # fmt: skip

    def _seat(self, facet: str, year: int, value: str, label: str | None = None) -> tuple[int, int]:
        number = self._lists.setdefault((facet, year, value), len(self._lists) + 1)
        self._labels[number] = label
        self._sizes[number] += 1
        return number, self._sizes[number] - 1


def _counties() -> list[str]:
    return [f"32{city:02}{county:02}" for city in range(1, 14) for county in range(1, 90)]


def _base31(number: int) -> str:
    """Return six characters of a code for a number, each another's."""
    digits = []
    for _ in range(6):
        number, digit = divmod(number, 31)
        digits.append(uscc.ALPHABET[digit])
    return "".join(reversed(digits))
