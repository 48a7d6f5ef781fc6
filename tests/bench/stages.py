"""What pull, judge and record cost: N subjects with three results each, from JSON Lines, into a ledger of their own.

    python tests/bench/stages.py [--subjects 20000] [--folder DIR] [--profile]

Makes the records (invented firms with valid check digits), then runs, each in a process of its own: the first run, a
run with nothing new, one with 1,000 new results, and the day on which 500 publications end. Prints for each stage wall
time, CPU time of all its processes, results a second, and the most memory. ``--folder`` keeps the records for the next
time.
"""

import argparse
import cProfile
import json
import pstats
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import orjson

from publisher import pipeline, regions, uscc
from publisher.portal import Watcher, opened
from publisher.settings import load

DAY = date(2026, 11, 20)
RESULTS_EACH = 3
SUBJECTS_A_FILE = 50_000
NEW = 1_000
EXPIRING = 500
REGIONS = [f"32{city:02}{county:02}" for city in range(1, 14) for county in (2, 4, 5, 6, 11, 12, 81, 82)]
CHARACTERS = "云海天瑞恒泰兴盛华鑫龙凤祥和福康安宁德信达通泽润丰源博雅轩逸辰星月光明远志宏图伟业金银玉珠宝"
TRADES = ["科技", "贸易", "餐饮", "建材", "物流", "食品", "机械", "电子", "医药", "教育"]
ITEMS = [
    ("A07", "公示信息抽查"),
    ("A01", "登记事项检查"),
    ("B12", "特种设备使用单位监督抽查"),
    ("C03", "食品销售监督检查"),
]
REMARKS = [
    "已责令于30日内改正，详见现场笔录第3页。",
    "现场负责人配合检查，电话13800138000。",
    "该户位于人民路12号3幢2单元501室。",
]
SETTINGS = """[portal]
name = "规模"
base_url = "https://gongshi.example.gov.cn"
region_code = "320000"
profile = "jiangsu-2021"
[source]
kind = "folder"
path = "source"
"""


_WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def code_of(chance: random.Random, region: str) -> str:
    body = f"91{region}MA" + "".join(chance.choice(uscc.ALPHABET) for _ in range(6))
    body += uscc.organisation_check_character(body[8:16])
    return body + uscc.check_character(body)


def subject_of(chance: random.Random) -> dict[str, object]:
    region = chance.choice(REGIONS)
    name = "测试" + "".join(chance.choices(CHARACTERS, k=3)) + chance.choice(TRADES) + "有限公司"
    return {
        "kind": "enterprise", "name": name, "uscc": code_of(chance, region), "reg_no": None, "region_code": region,
    }  # fmt: skip


def result_of(
    chance: random.Random, result_id: str, subject: dict[str, object], *, ends_tomorrow: bool = False,
    of_late: bool = False,
) -> bytes:  # fmt: skip
    negative = ends_tomorrow or chance.random() < 0.1
    ended_on = date(chance.choice((2024, 2025, 2026)), chance.randrange(1, 10), chance.randrange(1, 28))
    if negative and ended_on.year == 2025:  # what ends, ends on the one day that is measured, or far from it
        ended_on = ended_on.replace(year=2024)
    finalized_on = ended_on + timedelta(chance.randrange(1, 12))
    if of_late:
        ended_on = DAY - timedelta(chance.randrange(2, 20))
        finalized_on = DAY - timedelta(1)
    if ends_tomorrow:
        tomorrow = DAY + timedelta(1)
        finalized_on = tomorrow.replace(year=tomorrow.year - 1)
        ended_on = finalized_on - timedelta(8)
    outcome = chance.choice(["不合格", "通过登记的住所（经营场所）无法联系"]) if negative else "未发现问题"
    region = str(subject["region_code"])
    return orjson.dumps({
        "kind": "result", "result_id": result_id, "version": 1, "plan_id": "P-2026",
        "task_id": f"T-{chance.randrange(1, 21):02}", "subject": subject,
        "authority": f"{regions.name(region) or '测试'}市场监督管理局",
        "departments": ["教育", "市监"], "inspection_type": "不定向", "methods": "现场检查",
        "ended_on": ended_on.isoformat(), "recorded_at": f"{ended_on}T17:00:00+08:00",
        "finalized_at": f"{finalized_on}T09:00:00+08:00",
        "findings": [
            {"seq": seq, "item_code": item[0], "item_name": item[1], "outcome": outcome if seq == 1 else "未发现问题",
             "outcome_code": None, "note": None}
            for seq, item in enumerate(chance.sample(ITEMS, 2), start=1)
        ],
        "severity": None, "measure": "责令改正" if negative else None, "disposition": None, "penalty_no": None,
        "inspectors": ["张三", "李四"], "remark": chance.choice(REMARKS) if chance.random() < 0.05 else None,
        "openness": "public",
    }) + b"\n"  # fmt: skip


def plan() -> bytes:
    tasks = [
        {"task_id": f"T-{seq:02}", "seq": seq, "name": f"第{seq}项联合抽查", "field": "市场监管",
         "lead_department": None, "departments": ["教育", "市监"], "subjects": "企业", "methods": "现场检查",
         "ratio": "3%", "quantity": None,
         "frequency": "1次/年", "levels": "市县", "status": "active", "item_codes": []}
        for seq in range(1, 21)
    ]  # fmt: skip
    return orjson.dumps({
        "kind": "plan", "plan_id": "P-2026", "revision": 1, "title": "规模测试抽查计划", "year": 2026,
        "region_code": "320000", "level": "province", "authority": "测试联席会议办公室", "scope": "cross_department",
        "finalized_at": "2026-03-01T09:00:00+08:00", "complete_by": "2026-11-30", "declared_task_count": 20,
        "tasks": tasks,
    })  # fmt: skip


def generate(root: Path, subjects: int) -> None:
    """Make a portal's folder: settings, a plan, and the results, 50,000 subjects a file."""
    for name in ("plans", "results", "item_lists", "cases"):
        (root / "source" / name).mkdir(parents=True, exist_ok=True)
    (root / "publisher.toml").write_text(SETTINGS, "utf-8")
    (root / "source/plans/plan.json").write_bytes(plan())
    chance = random.Random(1)
    for start in range(0, subjects, SUBJECTS_A_FILE):
        with (root / f"source/results/{start // SUBJECTS_A_FILE:04}.jsonl").open("wb") as file:
            for number in range(start, min(start + SUBJECTS_A_FILE, subjects)):
                subject = subject_of(chance)
                for which in range(RESULTS_EACH):
                    ends = which == 0 and number < EXPIRING
                    file.write(result_of(chance, f"R{number:07}-{which}", subject, ends_tomorrow=ends))


def add_new(root: Path) -> None:
    """One more file: 1,000 results, half of them of new subjects."""
    chance = random.Random(2)
    with (root / "source/results/0000.jsonl").open("rb") as file:
        known = [orjson.loads(line)["subject"] for line, _ in zip(file, range(NEW // 2), strict=False)]
    subjects = known + [subject_of(chance) for _ in range(NEW - len(known))]
    lines = [result_of(chance, f"N{number:05}", one) for number, one in enumerate(subjects)]
    (root / "source/results/new.jsonl").write_bytes(b"".join(lines))


def one_run(root: Path, day: date, profiled: bool, alone: bool) -> dict[str, object]:
    """Pull and judge in this process; return what each cost."""
    if alone:
        pipeline.SECOND_FROM_RECORDS = pipeline.SECOND_FROM_BYTES = sys.maxsize
    if profiled:
        pipeline.may_fork = lambda: False  # what is profiled is done here
    settings = load(root / "publisher.toml")
    told: dict[str, object] = {}
    touched: dict[str, int] = {}
    watcher = Watcher(progress=lambda stage, done, total: touched.__setitem__(stage, done))
    begun, cpu = perf_counter(), _cpu()
    with opened(settings, day, watcher) as portal:
        told["open"] = _spent(begun, cpu, 0)
        for name, stage in (("pull", pipeline.pull), ("judge", pipeline.judge)):
            profile = cProfile.Profile() if profiled else None
            begun, cpu = perf_counter(), _cpu()
            if profile:
                profile.runcall(stage, portal)
                pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(60)
            else:
                stage(portal)
            told[name] = _spent(begun, cpu, touched.get(name, 0))
    mine, second = (resource.getrusage(who).ru_maxrss / 1024 for who in _WHO)
    return told | {"memory": {"main": mine, "second": second}}


def _cpu() -> list[float]:
    return [one.ru_utime + one.ru_stime for one in map(resource.getrusage, _WHO)]


def _spent(begun: float, cpu: list[float], done: int) -> dict[str, float]:
    first, second = (now - before for now, before in zip(_cpu(), cpu, strict=True))
    return {"done": done, "wall": perf_counter() - begun, "cpu": first + second, "second": second}


def show(title: str, told: dict[str, dict[str, float]]) -> None:
    for stage in ("open", "pull", "judge"):
        one = told[stage]
        rate = ""
        if one["done"]:
            each, there = (one[name] / one["done"] * 1e6 for name in ("cpu", "second"))
            rate = f"{one['done'] / one['wall']:>10,.0f} a second, {each:>6.0f} µs CPU each"
            rate += f", {there:.0f} of them in other processes" if there else ""
        print(f"{title:<16}{stage:<8}{one['done']:>12,.0f}  {one['wall']:>8.2f} s  {one['cpu']:>8.2f} s CPU {rate}")
    memory = told["memory"]
    print(f"{title:<16}{'memory':<8}{memory['main']:>12,.0f}  MB, and in another process {memory['second']:,.0f} MB")


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--subjects", type=int, default=20_000)
    asked.add_argument("--folder", type=Path, help="keep the records made here, and use them if they are there")
    asked.add_argument("--profile", action="store_true", help="print where the time of the first run goes")
    asked.add_argument("--alone", action="store_true", help="without a second process")
    asked.add_argument("--one", help=argparse.SUPPRESS)  # the day of one run, in a process of its own
    args = asked.parse_args()
    if args.one:
        print(json.dumps(one_run(args.folder, date.fromisoformat(args.one), args.profile, args.alone or args.profile)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        root = args.folder or Path(scratch)
        if not (root / "publisher.toml").exists():
            generate(root, args.subjects)
        shutil.rmtree(root / "var", ignore_errors=True)
        (root / "source/results/new.jsonl").unlink(missing_ok=True)

        def run(title: str, day: date, *more: str) -> None:
            command = [sys.executable, __file__, "--folder", str(root), "--one", day.isoformat(), *more]
            show(title, json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))

        alone = ["--alone"] if args.alone else []
        run("first", DAY, *(["--profile"] if args.profile else []), *alone)
        run("nothing new", DAY)
        add_new(root)
        run("1,000 new", DAY)
        run("500 expiring", DAY + timedelta(1))
        size = sum(one.stat().st_size for one in (root / "var").iterdir())
        print(f"ledger          {size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
