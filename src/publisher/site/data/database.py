"""``site.db``: everything that is shown as one SQLite file, with the metadata that Datasette reads beside it."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from typing import Any, NamedTuple

import orjson

from publisher import paths, regions
from publisher.ledger import deltas, shown, shown_subjects
from publisher.site.data import columns
from publisher.site.data.columns import Columns
from publisher.site.data.files import WHOLE_LIMIT, licence, total_rows, workshop, writing
from publisher.site.data.records import cell, finding_values, item_rows, result_values, task_rows
from publisher.site.install import File
from publisher.site.views import Site

_TYPES = {"integer": "INTEGER", "boolean": "INTEGER"}


class Table(NamedTuple):
    """A table of the database: its columns, its key, the tables it points to, and what Datasette says of it."""

    title: str
    columns: Columns
    key: tuple[str, ...]
    points_to: tuple[tuple[str, str, str], ...] = ()  # own column, table, its column
    indexes: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    label: str | None = None


TABLES = {
    "subjects": Table("检查对象", columns.SUBJECT, ("url",), facets=("region",), label="name"),
    "results": Table(
        "检查结果，一次检查一行",
        columns.RESULT,
        ("ref",),
        (("subject_url", "subjects", "url"),),
        ("subject_url", "ended_on", "plan_id, task_id"),
        ("authority", "inspection_type", "late"),
    ),
    "findings": Table(
        "每次检查的各个事项，一个事项一行",
        (columns.REF, *columns.FINDING),
        (),
        (("ref", "results", "ref"),),
        ("ref", "item_code"),
        ("outcome_id", "item_name"),
    ),
    "plans": Table("抽查计划", columns.PLAN, ("plan_id",), facets=("year", "level"), label="title"),
    "tasks": Table(
        "抽查任务",
        columns.TASK,
        ("plan_id", "task_id"),
        (("plan_id", "plans", "plan_id"),),
        facets=("field", "status"),
        label="name",
    ),
    "item_lists": Table("抽查事项清单", columns.ITEM_LIST, ("list_id",), label="title"),
    "items": Table(
        "抽查事项及其依据",
        columns.ITEM,
        ("list_id", "item_code"),
        (("list_id", "item_lists", "list_id"),),
        facets=("category", "class"),
        label="name",
    ),
}
_QUERIES = {
    "outcomes_by_region": (
        "各地区各类结果的数量",
        "select s.region, f.outcome_id, count(*) as findings, count(distinct r.ref) as results"
        " from findings f join results r using (ref) join subjects s on s.url = r.subject_url"
        " group by s.region, f.outcome_id order by s.region, findings desc",
    ),
    "progress_of_tasks": (
        "各任务已公示的检查结果数",
        "select p.title, t.name, t.quantity, count(r.ref) as results, sum(r.late) as late"
        " from tasks t join plans p using (plan_id) left join results r using (plan_id, task_id)"
        " group by t.plan_id, t.task_id order by t.plan_id, t.seq",
    ),
}


def database_files(site: Site) -> list[File]:
    """Return the database and its metadata; nothing when nothing is shown or there are too many rows."""
    as_of = deltas.latest_change(site.connection)
    if as_of is None or total_rows(site) > WHOLE_LIMIT:
        return []
    draft, path = workshop(site, paths.DATABASE + "-draft"), workshop(site, paths.DATABASE)
    with writing(paths.DATABASE):
        for left in (draft, path):
            left.unlink(missing_ok=True)
        with closing(sqlite3.connect(draft, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = OFF")
            database.execute("PRAGMA synchronous = OFF")
            database.execute("BEGIN")
            rows = _fill(site, database, as_of)
            database.execute("COMMIT")
            database.execute("VACUUM INTO ?", (str(path),))
        draft.unlink()
    metadata = orjson.dumps(_metadata(site), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return [File(paths.DATABASE, path, rows, as_of), File(paths.DATABASE_METADATA, metadata, None, as_of)]


def _fill(site: Site, database: sqlite3.Connection, as_of: date) -> int:
    for name, table in TABLES.items():
        database.execute(_create(name, table))
    connection = site.connection
    subjects = shown_subjects.every(connection)
    rows = _insert(database, "subjects", (
        (f"{site.job.base_url}{one.path}", one.name, one.uscc, one.reg_no, one.region_code,
         regions.name(one.region_code), one.results, one.latest_on) for one in subjects
    ))  # fmt: skip
    for month in shown.month_sizes(connection):
        for one in shown.of_month(connection, month.year, month.month):
            rows += _insert(database, "results", [result_values(site, one)])
            rows += _insert(database, "findings", ((one.row.ref, *values) for values in finding_values(one)))
    for one in shown.all_of(connection, "plan"):
        values = {"ref": one.row.ref, "published_on": one.row.published_on, **one.body}
        rows += _insert(database, "plans", [[values[column.name] for column in columns.PLAN]])
        rows += _insert(database, "tasks", task_rows(one))
    for one in shown.all_of(connection, "item_list"):
        values = {"ref": one.row.ref, "published_on": one.row.published_on, **one.body}
        rows += _insert(database, "item_lists", [[values[column.name] for column in columns.ITEM_LIST]])
        rows += _insert(database, "items", item_rows(one))
    for name, table in TABLES.items():
        for place, index in enumerate(table.indexes):
            database.execute(f"CREATE INDEX {name}_{place} ON {name} ({index})")
    database.execute("CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
    facts = {"title": site.job.name, "source": site.job.base_url, "licence": licence(site)["href"],
             "as_of": as_of.isoformat(), "rows": str(rows)}  # fmt: skip
    database.executemany("INSERT INTO about VALUES (?, ?)", facts.items())
    return rows


def _create(name: str, table: Table) -> str:
    lines = [f'"{one.name}" {_TYPES.get(one.type, "TEXT")}' for one in table.columns]
    lines += [f"PRIMARY KEY ({', '.join(table.key)})"] if table.key else []
    lines += [f'FOREIGN KEY ("{mine}") REFERENCES {other} ({theirs})' for mine, other, theirs in table.points_to]
    return f"CREATE TABLE {name} ({', '.join(lines)})"


def _insert(database: sqlite3.Connection, name: str, rows: Iterable[Iterable[Any]]) -> int:
    marks = ", ".join("?" * len(TABLES[name].columns))
    statement = f"INSERT INTO {name} VALUES ({marks})"  # noqa: S608 (names are those of TABLES)
    return database.executemany(statement, ([_value(value) for value in row] for row in rows)).rowcount


def _value(value: Any) -> str | int | None:
    return value if value is None or isinstance(value, int) else cell(value)


def _metadata(site: Site) -> dict[str, Any]:
    tables = {
        name: {
            "title": table.title,
            "description": table.title,
            "columns": {one.name: one.title + (f"（{one.note}）" if one.note else "") for one in table.columns},
            "facets": list(table.facets),
            **({"label_column": table.label} if table.label else {}),
        }
        for name, table in TABLES.items()
    }
    return {
        "title": site.job.name,
        "description": "公示中的抽查计划、事项清单和检查结果。停止公示的内容不在其中：再次使用前请重新下载。",
        "license": licence(site)["title"],
        "license_url": licence(site)["href"],
        "source": site.job.name,
        "source_url": site.job.base_url,
        "databases": {
            "site": {
                "tables": tables,
                "queries": {name: {"title": title, "sql": sql} for name, (title, sql) in _QUERIES.items()},
            }
        },
    }
