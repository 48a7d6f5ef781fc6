"""The plans side by side: tasks across years, and cities across years, with what became of each."""

import csv
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from publisher import paths
from publisher.ledger import shown, tallies
from publisher.ledger.shown import Shown
from publisher.ledger.tallies import NO_PROGRESS, Progress
from publisher.site.install import File
from publisher.site.plans import citation
from publisher.site.term import closed
from publisher.site.views import Context, Page, Site, latest_day, progress_row, region_name, task_progress

TASK_ROWS = 1000  # tasks listed on the page; all are in the download
COLUMNS = ("kind", "year", "name", "plan_id", "task_id", "region_code", "planned", "inspected", "published", "on_time",
           "late", "problems")  # fmt: skip


def compare_pages(site: Site) -> list[Page | File]:
    """Return the page that compares years, tasks and cities, and its table to take away; nothing without plans."""
    plans = sorted(shown.all_of(site.connection, "plan"), key=lambda one: (-one.body["year"], one.row.record_id))
    if not plans:
        return []
    done = tallies.progress_by_city(site.connection)
    of_task: dict[tuple[str, str], Progress] = defaultdict(lambda: NO_PROGRESS)
    of_city: dict[tuple[int, str], Progress] = defaultdict(lambda: NO_PROGRESS)
    for (plan_id, task_id, year, city), progress in done.items():
        of_task[plan_id, task_id] = of_task[plan_id, task_id].plus(progress)
        of_city[year, city] = of_city[year, city].plus(progress)
    tasks = [row for one in plans for row in _tasks(site, one, of_task)]
    years = list(_years(plans, tasks, date.fromisoformat(site.job.day)))
    cities = [
        {
            "year": year,
            "name": region_name(city),
            "code": city,
            "anchor": f"c{year}-{city}",
            "progress": progress_row(one),
        }
        for (year, city), one in sorted(of_city.items(), key=lambda item: (-item[0][0], item[0][1]))
    ]
    as_of = latest_day((shown.latest_event(site.connection), *(one.row.since for one in plans)))
    title = "计划完成情况比较"
    context = {
        "view": site.head(
            title,
            paths.COMPARE,
            "plans",
            crumbs=[("抽查计划", paths.PLANS)],
            as_of=as_of,
            alternate=[(paths.COMPARE_TABLE, "text/csv", "比较表（CSV）")],
        ),
        "years": years,
        "tasks": tasks[:TASK_ROWS],
        "task_total": len(tasks),
        "cities": cities,
        "downloads": [{"title": "比较表（CSV）", "href": site.href(paths.COMPARE_TABLE)}],
        "citation": citation(site, title, site.job.name, paths.COMPARE, as_of),
    }
    return [
        Page(paths.COMPARE, "plans_compare.html", context),
        File(paths.COMPARE_TABLE, _table(_csv_rows(years, tasks, cities))),
    ]


def _tasks(site: Site, plan: Shown, done: dict[tuple[str, str], Progress]) -> Iterator[Context]:
    for task in sorted(plan.body["tasks"], key=lambda task: task["seq"]):
        yield {
            "year": plan.body["year"],
            "name": task["name"],
            "href": site.task_href(plan.row.record_id, task["task_id"]),
            "plan_id": plan.row.record_id,
            "task_id": task["task_id"],
            "cancelled": task["status"] == "cancelled",
            "progress": task_progress(task, done[plan.row.record_id, task["task_id"]]),
        }


def _years(plans: Sequence[Shown], tasks: Sequence[Context], day: date) -> Iterator[Context]:
    over = {one.row.record_id for one in plans if closed(one.body, day)}
    for year in dict.fromkeys(one.body["year"] for one in plans):
        mine = [task for task in tasks if task["year"] == year and not task["cancelled"]]
        targets = [task["progress"]["target"] for task in mine]
        total = NO_PROGRESS
        for task in mine:
            total = total.plus(Progress(*(task["progress"][name] for name in Progress._fields)))
        yield {
            "year": year,
            "anchor": f"y{year}",
            "plans": sum(one.body["year"] == year for one in plans),
            "tasks": len(mine),
            "unmeasured": targets.count(None),
            "unfinished": sum(
                task["plan_id"] in over and target is not None and task["progress"]["inspected"] < target
                for task, target in zip(mine, targets, strict=True)
            ),
            "progress": progress_row(total, sum(target for target in targets if target is not None) or None),
        }


def _table(rows: Iterator[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([COLUMNS, *rows])
    return out.getvalue().encode()


def _csv_rows(years: Sequence[Context], tasks: Sequence[Context], cities: Sequence[Context]) -> Iterator[list[str]]:
    for kind, rows in (("year", years), ("task", tasks), ("city", cities)):
        for row in rows:
            progress = row["progress"]
            values: list[Any] = [
                kind, row["year"], row.get("name"), row.get("plan_id"), row.get("task_id"), row.get("code"),
                progress["target"], *(progress[name] for name in Progress._fields),
            ]  # fmt: skip
            yield ["" if value is None else str(value) for value in values]
