"""A small portal made by hand: a ledger by direct inserts, and the tree of files that says the same."""

import base64
import csv
import hashlib
import html
import io
import sqlite3
import zlib
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest
import xlsxwriter
from sqlalchemy import delete, insert, select, update

from publisher import paths, searchfile
from publisher.audit import Difference, audit
from publisher.ledger import Ledger
from publisher.ledger.schema import case_of, listing, page, place, received, record, shown, subject
from publisher.ledger.store import path_secret, start_run

LABELS = {"clear": "未发现问题", "failed": "不合格"}
SHOWN, HIDDEN = "玄武云桥测试有限公司", "秦淮星渡验证商贸有限公司"
SHOWN_CODE, HIDDEN_CODE = "91320102MA00000036", "91320104MA0000008L"
HEAD = b'{"meta":{"rows":1},"records":[\n'
REMARK = "该企业已于当日改正并提交书面材料"


def result_body(result_id: str, name: str = SHOWN, code: str | None = SHOWN_CODE, **changes: Any) -> dict[str, Any]:
    subject_changes = changes.pop("subject", {})
    finding = {"item_code": "A07", "outcome_code": None, "note": None}
    return {
        "kind": "result", "result_id": result_id, "version": 1, "plan_id": "P-2021", "task_id": "T-01",
        "subject": {"kind": "enterprise", "name": name, "uscc": code, "reg_no": None, "region_code": "320102"}
        | subject_changes,
        "authority": "南京市玄武区市场监督管理局", "departments": ["教育", "市监"], "inspection_type": "不定向",
        "methods": "现场检查", "ended_on": "2021-06-02",
        "findings": [finding | {"seq": 1, "item_name": "公示信息抽查", "outcome": "未发现问题"},
                     finding | {"seq": 2, "item_name": "价格行为抽查", "outcome": "B2"}],
        "severity": None, "measure": None, "disposition": None, "penalty_no": None, "remark": None,
    } | changes  # fmt: skip


def plan_body(plan_id: str, title: str, **changes: Any) -> dict[str, Any]:
    tasks = [{"task_id": "T-01", "seq": 1, "name": "全市校外培训机构联合抽查", "status": "active"},
             {"task_id": "T-02", "seq": 2, "name": "全市“餐饮&外卖”联合抽查", "status": "active"}]  # fmt: skip
    return {"kind": "plan", "plan_id": plan_id, "revision": 1, "title": title, "year": 2021, "authority": "南京市局",
            "adjustment": None, "tasks": tasks} | changes  # fmt: skip


def list_body(list_id: str) -> dict[str, Any]:
    items = [{"item_code": "A07", "name": "公示信息抽查", "basis": "《企业信息公示暂行条例》第十四条"}]
    return {"kind": "item_list", "list_id": list_id, "revision": 1, "title": "抽查事项清单", "items": items}


@dataclass
class Portal:
    """A ledger and a folder; both can be changed, and audited."""

    ledger: Ledger
    output: Path
    run_no: int

    def audit(self) -> list[Difference]:
        return list(audit(self.ledger, self.output, labels=LABELS))

    def write(self, file: str, content: str | bytes, *, known: bool = True, scope: str = "portal") -> None:
        """Write a file of the site; the ledger knows it unless told otherwise."""
        raw = content.encode() if isinstance(content, str) else content
        target = self.output / file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(raw)
        if known:
            address, digest = paths.address_of(file), hashlib.sha256(raw).hexdigest()
            with self.ledger.transaction() as connection:
                connection.execute(delete(page).where(page.c.path == address))
                connection.execute(
                    insert(page).values(path=address, scope=scope, key="", digest=digest, bytes=len(raw))
                )

    def change(self, file: str, before: str, after: str) -> None:
        """Change words in a file, which the ledger then knows as it is."""
        content = (self.output / file).read_bytes()
        text = (searchfile.inflate(content) if file.endswith(".bin") else content).decode()
        assert before in text
        changed = text.replace(before, after)
        self.write(file, deflated(changed) if file.endswith(".bin") else changed)

    def receive(self, body: dict[str, Any]) -> None:
        number = body["version"] if body["kind"] == "result" else body.get("revision", 1)
        record_id = body[
            {"plan": "plan_id", "item_list": "list_id", "result": "result_id", "case": "case_id"}[body["kind"]]
        ]
        text = orjson.dumps(body).decode()
        with self.ledger.transaction() as connection:
            connection.execute(
                insert(received).values(kind=body["kind"], record_id=record_id, version=number, digest=text, body=text,
                                        file="x.json", run_no=self.run_no)
            )  # fmt: skip
            if body["kind"] == "case":
                connection.execute(
                    insert(case_of).values(kind="result", record_id=body["result_id"], case_id=record_id)
                )

    def add_result(self, body: dict[str, Any], state: str | None, slot: int | None = None) -> None:
        """Put a result into the ledger as received and, with ``published``, as shown."""
        self.receive(body)
        told = body["subject"]
        with self.ledger.transaction() as connection:
            key = told["uscc"] or paths.subject_hash(
                path_secret(connection), told["kind"], told["name"], told["reg_no"], told["region_code"]
            )
            number = connection.execute(select(subject.c.subject_no).where(subject.c.key == key)).scalar()
            if number is None:
                where = paths.subject(key, has_code=told["uscc"] is not None)
                made = connection.execute(insert(subject).values(key=key, path=where, **told))
                number = made.inserted_primary_key[0]
            values = {"kind": "result", "record_id": body["result_id"], "rule": f"rule.{state}", "state": state,
                      "ref": hashlib.md5(body["result_id"].encode()).hexdigest(), "subject_no": number, "year": 2021,
                      "month": 6, "ended_on": date(2021, 6, 2)}  # fmt: skip
            made = connection.execute(insert(record).values(**values))
            if state == "published":
                self._show(connection, made.inserted_primary_key[0], body, {"outcomes": ["clear", "failed"]})
            if slot is not None:
                self._seat(connection, made.inserted_primary_key[0], slot, shown_now=state == "published")

    def _seat(self, connection: Any, number: int, slot: int, *, shown_now: bool) -> None:
        """Give a result its place in the list of its month."""
        mine = (listing.c.facet == "month", listing.c.value == "06")
        if connection.execute(select(listing.c.list_no).where(*mine)).scalar() is None:
            connection.execute(insert(listing).values(facet="month", year=2021, value="06", size=0, shown=0))
        grown = {"size": slot + 1, "shown": listing.c.shown + shown_now}
        connection.execute(update(listing).where(*mine).values(**grown))
        list_no = connection.execute(select(listing.c.list_no).where(*mine)).scalar_one()
        connection.execute(insert(place).values(list_no=list_no, slot=slot, record_no=number))

    def add_other(self, kind: str, record_id: str, body: dict[str, Any], state: str) -> None:
        """Put a plan or list into the ledger."""
        self.receive(body)
        values = {
            "kind": kind,
            "record_id": record_id,
            "state": state,
            "rule": f"rule.{state}",
            "ref": f"ref0{record_id}",
        }
        with self.ledger.transaction() as connection:
            made = connection.execute(insert(record).values(**values))
            if state == "published":
                self._show(connection, made.inserted_primary_key[0], body, {"revisions": []})

    def _show(self, connection: Any, number: int, body: Any, beside: Any) -> None:
        values = {"body": orjson.dumps(body).decode(), "beside": orjson.dumps(beside).decode()}
        connection.execute(insert(shown).values(record_no=number, **values))

    def ref(self, record_id: str) -> str:
        with self.ledger.reading() as connection:
            return str(connection.execute(select(record.c.ref).where(record.c.record_id == record_id)).scalar_one())

    def set_state(self, record_id: str, state: str) -> None:
        with self.ledger.transaction() as connection:
            connection.execute(update(record).where(record.c.record_id == record_id).values(state=state))

    def build(self, results: list[dict[str, Any]]) -> None:
        """Write the whole tree for these results, as the contract of addresses has it."""
        address = {one["result_id"]: f"/subjects/320102/{one['subject']['uscc']}.html" for one in results}
        for one in results:
            articles = "".join(article(each) for each in results if each["subject"] == one["subject"])
            self.write(address[one["result_id"]][1:], document(one["subject"]["name"], articles))
        links = [(f"{address[one['result_id']]}#{one['result_id']}", one["subject"]["name"]) for one in results]
        rows = "".join(f'<tr><td><a href="{href}">{html.escape(name)}</a></td></tr>' for href, name in links)
        self.write("results/2021/06/index.html", document("2021 年 6 月", f"<table>{rows}</table>"))
        records = [{"ref": self.ref(one["result_id"]), **one, "late": False} for one in results]
        self.write("data/results-2021-06.json", HEAD + b",\n".join(map(orjson.dumps, records)) + b"\n]}\n")
        for name in ("2021-06", "2021"):
            self.write(f"data/results-{name}.jsonl", b"".join(orjson.dumps(one) + b"\n" for one in records))
            for suffix, mark in (("csv", ""), ("excel.csv", "'")):
                self.write(f"data/results-{name}.{suffix}", month_csv(records, mark))
        self.write_workbook(month_csv(records, ""))
        self.write_database(month_csv(records, ""))
        self.write_search(results, address)

    def write_workbook(self, table: str) -> None:
        """Write the year's workbook, of a table in CSV, with headings of its own."""
        content = io.BytesIO()
        with xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False}) as workbook:
            sheet = workbook.add_worksheet("数据")
            for number, row in enumerate(csv.reader(table.splitlines())):
                sheet.write_row(number, 0, row if number else [f"第 {one} 列" for one in range(len(row))])
        self.write("data/results-2021.xlsx", content.getvalue())

    def write_database(self, table: str) -> None:
        """Write the database of the whole portal, of a table in CSV."""
        rows = list(csv.DictReader(table.splitlines()))
        of_finding = ["ref", "item_name", "outcome", "note"]
        of_result = [name for name in rows[0] if name not in (*of_finding[1:], "seq")]
        with closing(sqlite3.connect(":memory:")) as database:
            for name, columns in (("results", of_result), ("findings", of_finding)):
                seq = ["seq"] if name == "findings" else []
                database.execute(f"CREATE TABLE {name} ({', '.join(columns + seq)})")
                told = [[row[column] or None for column in columns] for row in rows]
                if seq:
                    told = [[*row, number] for number, row in enumerate(told)]
                else:
                    told = [list(row) for row in dict.fromkeys(map(tuple, told))]
                marks = ", ".join("?" * len(columns + seq))
                database.executemany(f"INSERT INTO {name} VALUES ({marks})", told)
            database.commit()
            self.write("data/site.db", database.serialize())

    def write_search(self, results: list[dict[str, Any]], address: dict[str, str]) -> None:
        subjects: dict[str, dict[str, Any]] = {}
        counts: Counter[str] = Counter()
        for one in results:
            path = address[one["result_id"]]
            subjects.setdefault(path, one["subject"])
            counts[path] += 1
        rows = [
            ("1", "1", told["name"], told["uscc"], told["region_code"], "", "", f"\t{counts[path]}\t{path}\t")
            for path, told in subjects.items()
        ]
        table = "\x1e".join("\n".join(column) for column in zip(*rows, strict=True))
        self.write("search/x/r0/0.bin", deflated(table))
        head = base64.b64encode(deflated("\x1d\x1d")).decode()
        manifest = {
            "format": searchfile.FORMAT,
            "generation": "x",
            "base": 1000,
            "perFile": 1000,
            "overlay": None,
            "revised": None,
            "head": head,
        }
        self.write("search/index.json", orjson.dumps(manifest))


def deflated(text: str) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(text.encode()) + machine.flush()


def document(heading: str, inside: str) -> str:
    return f"<!doctype html><title>x</title><main><h1>{html.escape(heading)}</h1><br>{inside}</main>"


def article(one: dict[str, Any]) -> str:
    labels = ("未发现问题", "不合格")
    rows = "".join(
        f"<tr><th>{html.escape(finding['item_name'])}</th><td><span>{label}</span></td></tr>"
        for finding, label in zip(one["findings"], labels, strict=True)
    )
    return (
        f'<article id="{one["result_id"]}"><p><time>{one["ended_on"]}</time> {one["authority"]}</p>'
        f"<table>{rows}</table></article>"
    )


def month_csv(records: list[dict[str, Any]], mark: str) -> str:
    columns = ["ref", "result_id", "subject_name", "uscc", "reg_no", "plan_id", "task_id", "authority", "ended_on",
               "seq", "item_name", "outcome", "note", "measure", "disposition", "penalty_no", "remark"]  # fmt: skip
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([f"列{at}" for at in range(len(columns))] if mark else columns)
    for one in records:
        for finding in one["findings"]:
            values = {**one, **one["subject"], **finding, "subject_name": one["subject"]["name"]}
            values["reg_no"] = mark + values["reg_no"] if values["reg_no"] else values["reg_no"]
            writer.writerow(["" if values[name] is None else values[name] for name in columns])
    return out.getvalue()


@pytest.fixture
def portal(tmp_path: Path) -> Any:
    """A portal that agrees with itself: one result, a plan and a list shown; a result and a plan that are not."""
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        with ledger.transaction() as connection:
            run_no = start_run(connection, date(2021, 7, 1))
        made = Portal(ledger, tmp_path / "output", run_no)
        body = result_body("R-000001")
        made.add_result(body, "published", slot=0)
        made.add_result(
            result_body("R-000002", HIDDEN, HIDDEN_CODE, remark=REMARK, subject={"reg_no": "320104000012345"}),
            "withdrawn",
            slot=1,
        )
        plan, title = plan_body("P-2021", "南京市2021年度联合抽查计划"), "南京市2021年度联合抽查计划"
        made.add_other("plan", "P-2021", plan, "published")
        hidden = plan_body("P-2022", "南京市不宜公开的专项抽查计划", year=2022)
        made.add_other("plan", "P-2022", hidden, "pending")
        made.add_other("item_list", "JS-LH", list_body("JS-LH"), "published")
        made.build([body])
        tasks = "".join(f'<div id="{t["task_id"]}"><h3>{html.escape(t["name"])}</h3></div>' for t in plan["tasks"])
        made.write("plans/2021/P-2021/index.html", document(title, tasks))
        for task in plan["tasks"]:
            made.write(f"plans/2021/P-2021/{task['task_id']}.html", document(task["name"], ""))
        made.write("plans/2021/index.html", document("2021", '<a href="/plans/2021/P-2021/">计划</a>'))
        made.write("data/plan-2021-P-2021.json", orjson.dumps([{"ref": "ref0P-2021", **plan}]))
        rows = "".join(f"{t['seq']},{t['task_id']},{t['name']}\r\n" for t in plan["tasks"])
        made.write("data/plan-2021-P-2021.csv", "seq,task_id,name\r\n" + rows)
        items = list_body("JS-LH")
        made.write("items/JS-LH/index.html", document("抽查事项清单", '<p id="A07">公示信息抽查</p>'))
        made.write("items/index.html", document("清单", '<a href="/items/JS-LH/">清单</a>'))
        made.write("data/items-JS-LH.json", orjson.dumps([{"ref": "ref0JS-LH", **items}]))
        item = items["items"][0]
        made.write(
            "data/items-JS-LH.csv", f"item_code,name,basis\r\n{item['item_code']},{item['name']},{item['basis']}\r\n"
        )
        yield made
