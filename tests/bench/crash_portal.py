"""The small portal of crash.py: invented firms, files of every format on two days, a folder as its endpoint, and the
real command in a process of its own.
"""

import json
import os
import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import openpyxl

from publisher import keeping, pipeline, uscc
from publisher.cli import main as publisher

ROOT = Path(__file__).resolve().parents[2]
DAYS = ("2021-07-05", "2021-07-20")
PLAN, CLEAR = "P2021-1", "未发现问题"
IN_USE = 5
CHUNK = 40  # records kept in one transaction, so that kills strike between
HEADINGS = (
    "result_id", "version", "plan_id", "task_id", "subject.kind", "subject.name", "subject.uscc",
    "subject.region_code", "authority", "departments", "ended_on", "finalized_at", "item_code", "item_name", "outcome",
)  # fmt: skip
HEAD = """title = "测试县2021年度抽查计划"
scope = "cross_department"
authority = "测试县联席会议办公室"
region_code = "320102"
level = "county"
plan_id = "P2021-1"
revision = 1
complete_by = 2021-11-30
finalized_at = 2021-04-01T09:00:00+08:00
year = 2021"""
TASKS = (
    "序号 任务名称 抽查领域 联合检查部门 检查对象 检查方式 抽取比例 抽取数量 检查频次 检查层级",
    "1 校外培训机构联合抽查 教育培训 教育、市监 校外培训机构 现场检查 15% 约1000 1次/年 市县",
)


def firm(number: int) -> dict[str, str]:
    first = f"91320102MATEC{number:04}"
    code = first + uscc.check_character(first)
    return {"kind": "enterprise", "name": f"玄武第{number}测试有限公司", "uscc": code, "region_code": "320102"}


def result(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "result", "result_id": f"R-{number}", "version": 1, "plan_id": PLAN, "task_id": f"{PLAN}-1",
        "subject": firm(number % 60), "authority": "南京市玄武区市场监督管理局", "departments": ["教育", "市监"],
        "inspection_type": "不定向", "methods": "现场检查", "ended_on": f"2021-0{5 + number % 2}-0{1 + number % 9}",
        "recorded_at": "2021-06-28T10:00:00+08:00", "finalized_at": "2021-06-29T09:00:00+08:00",
        "findings": [{"seq": 1, "item_code": "A07", "item_name": "公示信息抽查", "outcome": CLEAR}],
        "inspectors": ["测某"], **changes,
    }  # fmt: skip


def row(number: int, outcome_of: str = CLEAR) -> list[str]:
    who = firm(number % 60)
    return [f"R-{number}", "1", PLAN, f"{PLAN}-1", *(who[name] for name in ("kind", "name", "uscc", "region_code")),
            "南京市玄武区市场监督管理局", "教育、市监", "2021-06-02", "2021-06-29 09:00", "A07", "公示信息抽查",
            outcome_of]  # fmt: skip


def write_first(source: Path) -> None:
    """Write what the platform has on the first day: every format, and in each a record that cannot be taken."""
    for folder in ("plans", "item_lists", "results", "cases"):
        (source / folder).mkdir(parents=True)
    _workbook(source / "plans/p.xlsx", [one.split() for one in TASKS])
    (source / "plans/p.toml").write_text(HEAD, "utf-8")
    wrong = {"outcome": "无此结论"}
    _json_lines(source / "results/a.jsonl", [*(result(one) for one in range(1, 101)), result(900, result_id="a/b")])
    documents = [*(result(one) for one in range(101, 141)), result(901, ended_on="2021-02-30")]
    (source / "results/b.json").write_text(json.dumps(documents, ensure_ascii=False, indent=1), "utf-8")
    rows = [HEADINGS, *(row(one) for one in range(141, 181)), row(902, wrong["outcome"])]
    (source / "results/c.csv").write_text("\r\n".join(",".join(one) for one in rows), "utf-8")
    _workbook(source / "results/d.xlsx", [HEADINGS, *(row(one) for one in range(181, 221)), row(903, wrong["outcome"])])


def write_second(source: Path) -> None:
    """Write what came by the second day: corrections, decisions to withhold, more results."""
    decided = {"filed_on": "2021-07-19", "decided_on": "2021-07-19", "decision": "granted", "basis": "测试"}
    cases = [
        {"kind": "case", "case_id": f"C-{one}", "case_type": "withhold", "result_id": f"R-{one}", **decided}
        for one in (3, 33, 66, 105, 150, 190, 200)
    ]
    _json_lines(source / "cases/c.jsonl", cases)
    later = {"version": 2, "finalized_at": "2021-07-19T09:00:00+08:00", "remark": "更正"}
    corrected = [result(one, **later) for one in (5, 40, 120, 121)]
    _json_lines(source / "results/e.jsonl", [*corrected, *(result(one) for one in range(221, 261)), {"kind": "?"}])


def _json_lines(path: Path, records: list[Any]) -> None:
    path.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in records), "utf-8")


def _workbook(path: Path, rows: Any) -> None:
    book = openpyxl.Workbook()
    for cells in rows:
        book.active.append(list(cells))  # type: ignore[union-attr]
    book.save(path)


class Portal:
    """A portal in a folder, whose endpoint is a folder too."""

    def __init__(self, root: Path, words: Path) -> None:
        self.root, self._words = root, words  # what the command says goes elsewhere: its own disk may be full
        self.source, self.drop = root / "source", root / "drop"

    def make(self) -> "Portal":
        self.root.mkdir(parents=True)
        write_first(self.source)
        (self.root / "publisher.toml").write_text(
            '[portal]\nname = "测试公示"\nbase_url = "https://gongshi.example.gov.cn"\nregion_code = "320000"\n'
            'profile = "jiangsu-2021"\n'
            f'[paths]\ncontent = "{ROOT / "content"}"\ntheme = "{ROOT / "theme"}"\noutput = "output"\nvar = "var"\n'
            '[ledger]\nurl = "sqlite:///var/ledger.db"\n[source]\nkind = "folder"\npath = "source"\n'
            '[[endpoint]]\nname = "drop"\nkind = "filedrop"\npath = "drop"\nbatch_records = 60\n',
            "utf-8",
        )
        return self

    def copy(self, root: Path) -> "Portal":
        """Return the same portal elsewhere; its files keep their times."""
        if root.exists():
            shutil.rmtree(root)
        shutil.copytree(self.root, root, symlinks=True)
        return Portal(root, self._words)

    def answer(self) -> None:
        """Take every file of the outbox, as the far end does."""
        for ready in sorted((self.drop / "outbox").glob("*.ready")):
            feedback = self.drop / "feedback" / f"{ready.stem}.jsonl"
            if not feedback.exists():
                said = json.loads(f"[{','.join(ready.with_suffix('.jsonl').read_text('utf-8').splitlines())}]")
                receipts = [
                    {name: one[name] for name in ("record_id", "version")} | {"status": "accepted"} for one in said
                ]
                _json_lines(feedback, receipts)

    def start(self, *words: str) -> int:
        """Start the command in a forked process, in a group of its own; return its number."""
        sys.stdout.flush()
        if child := os.fork():
            return child
        status = 1
        try:
            os.setsid()
            for number, name in ((1, ".out"), (2, ".err")):
                os.dup2(os.open(self._words.with_suffix(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
            keeping.CHUNK = pipeline.JUDGE_CHUNK = CHUNK
            os.environ["PUBLISHER_TEST_SALTS"] = "seed"
            try:
                publisher(["--config", str(self.root / "publisher.toml"), *words])
            except SystemExit as ended:
                status = int(ended.code or 0)
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def said(self, name: str = ".err") -> str:
        """Return what the last command wrote."""
        return self._words.with_suffix(name).read_text("utf-8", "replace")

    def run(self, *words: str) -> int:
        """Run the command to its end; what is left of a killed one may hold the lock for a moment more."""
        for _ in range(60):
            status = os.waitstatus_to_exitcode(os.waitpid(self.start(*words), 0)[1])
            if status != IN_USE or "another run is under way" not in self.said():
                return status
            time.sleep(0.2)
        return IN_USE

    def day(self, day: str) -> list[str]:
        """Run a day to its end, all answers of the far end included; return what went wrong."""
        for _ in range(6):
            if status := self.run("run", "--as-of", day):
                return [f"run on {day}: exit {status}: {self.said()[-1500:]}"]
            self.answer()
            if not any((self.drop / "outbox").glob("*.jsonl")):
                return []
        return [f"run on {day}: files wait for feedback for ever"]

    def checked(self, day: str) -> list[str]:
        """Have the program itself decode what ``outcome`` leaves out; return what it finds."""
        found = []
        for words in (("audit", "--as-of", day), ("verify", str(self.root / "output")), ("status", "--deep", "--json")):
            status, said = self.run(*words), self.said(".out")
            if status or (words[0] == "status" and json.loads(said)["damage"]):
                found.append(f"{words[0]}: exit {status}: {said[-600:]} {self.said()[-600:]}")
        return found
