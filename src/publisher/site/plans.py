"""Pages of plans: a year's plans, a plan with its tasks and revisions, a task with its results."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from publisher import paths
from publisher.ledger import listings, shown, tallies
from publisher.ledger.listings import Listing
from publisher.ledger.many import iso
from publisher.ledger.shown import Shown
from publisher.ledger.tallies import NO_PROGRESS
from publisher.site.data.files import plan_files
from publisher.site.install import File
from publisher.site.log import proof_of
from publisher.site.results import Numbered, numbered
from publisher.site.term import closed
from publisher.site.views import (
    ATOM,
    Context,
    Page,
    Site,
    dataset,
    latest_day,
    newest,
    place,
    plan_progress,
    task_progress,
)


def year_page(site: Site, year: int) -> list[Page]:
    """Return the page of a year's plans; nothing when no plan of the year is shown."""
    plans = list(shown.all_of(site.connection, "plan"))
    mine = [one for one in plans if one.body["year"] == year]
    if not mine:
        return []
    years = sorted({one.body["year"] for one in plans}, reverse=True)
    address = paths.plans_year(year)
    context = {
        "view": site.head(
            f"{year} 年抽查计划", address, "plans", crumbs=[("抽查计划", paths.PLANS)], as_of=newest(mine)
        ),
        "year": year,
        "rows": [site.plan_row(one) for one in mine],
        "years": [{"year": one, "href": site.href(paths.plans_year(one)), "current": one == year} for one in years],
    }
    return [Page(address, "plans_year.html", context)]


def plan_pages(site: Site, plan_id: str, documents: Mapping[str, str]) -> list[Page | File]:
    """Return a plan's page, its tasks' links and its downloads; nothing when it is not shown.

    ``documents`` gives the address of a plan's document among the hand-written pages.
    """
    one = shown.one_of(site.connection, "plan", plan_id)
    if one is None:
        return []
    body, done = one.body, tallies.progress(site.connection, plan_id)
    address = paths.plan(body["year"], plan_id)
    csv, excel, json = (paths.data_plan(body["year"], plan_id, suffix) for suffix in ("csv", "excel.csv", "json"))
    tasks = [
        _task(site, plan_id, task) | {"progress": task_progress(task, done.get(task["task_id"], NO_PROGRESS))}
        for task in sorted(body["tasks"], key=lambda task: task["seq"])
    ]
    closed_on = closed(body, date.fromisoformat(site.job.day))
    unfinished = [task for task in tasks if _unfinished(task)] if closed_on else []
    events = (one.changed_on for one in listings.of_plan(site.connection, plan_id).values())
    context = {
        "view": site.head(
            body["title"],
            address,
            "plans",
            crumbs=_crumbs(body["year"]),
            as_of=latest_day((one.row.since, closed_on if unfinished else None, *events)),
            alternate=[
                (csv, "text/csv", "任务表（CSV）"),
                (json, "application/json", "计划（JSON）"),
                (paths.feed("plan", plan_id), ATOM, "本计划的最新检查结果"),
            ],
            structured=dataset(
                site.job,
                body["title"],
                f"{body['authority']}制定的抽查计划，共 {len(tasks)} 项任务。",
                address,
                [(csv, "text/csv"), (json, "application/json")],
            ),
        ),
        "plan": _facts(site, one, documents.get(plan_id))
        | {
            "downloads": [
                {"title": "任务表（CSV）", "href": site.href(csv)},
                {"title": "任务表（CSV，适合 Excel）", "href": site.href(excel)},
                {"title": "计划全文（JSON）", "href": site.href(json)},
            ]
        },
        "progress": plan_progress(body, done),
        "tasks": tasks,
        "closed_on": iso(closed_on),
        "unfinished": unfinished,
        "revisions": one.beside["revisions"],
        "citation": citation(site, body["title"], body["authority"], address, one.row.since),
    }
    return [Page(address, "plan.html", context, proof_of(site.connection, one)), *plan_files(site, one)]


def _unfinished(task: Context) -> bool:
    target, inspected = task["progress"]["target"], task["progress"]["inspected"]
    return not task["cancelled"] and target is not None and inspected < target


def task_page(site: Site, plan_id: str, task_id: str, number: int = 1, listing: Listing | None = None) -> list[Page]:
    """Return a numbered page of a task with its results; nothing when its plan is not shown."""
    plan = site.plans.get(plan_id)
    task = plan.tasks.get(task_id) if plan else None
    listing = listing or listings.of_task(site.connection, plan_id, task_id)
    if plan is None or task is None or number > (listing.pages if listing else 1):
        return []
    address = paths.task(plan.year, plan_id, task_id, number)
    crumbs = [*_crumbs(plan.year), (plan.title, paths.plan(plan.year, plan_id))]
    if number > 1:
        crumbs.append((task["name"], paths.task(plan.year, plan_id, task_id)))
    rows = numbered(site, listing, number) if listing else Numbered(_NO_ROWS, None)
    done = tallies.progress(site.connection, plan_id).get(task_id, NO_PROGRESS) if number == 1 else NO_PROGRESS
    title = task["name"] + (f"（第 {number} 页）" if number > 1 else "")
    context = {
        "view": site.head(title, address, "plans", crumbs=crumbs, as_of=rows.as_of),
        "plan": {"title": plan.title, "href": plan.href},
        "task": _task(site, plan_id, task) | {"progress": task_progress(task, done)},
        **rows.context,
    }
    return [Page(address, "task.html", context)]


_NO_ROWS: Context = {"number": 1, "total": 0, "lines": [], "pages": [], "previous_href": None, "next_href": None}


def _crumbs(year: int) -> list[tuple[str, str]]:
    return [("抽查计划", paths.PLANS), (f"{year} 年", paths.plans_year(year))]


def _facts(site: Site, one: Shown, document: str | None) -> Context:
    body = one.body
    plain = ("plan_id", "title", "year", "authority", "level", "scope", "plan_type", "document_no", "approved_on",
             "filed_on", "complete_by", "declared_task_count", "revision")  # fmt: skip
    return {key: body[key] for key in plain} | {
        "region": place(body["region_code"]),
        "finalized_on": one.beside["finalized_on"],
        "published_on": iso(one.row.published_on),
        "due_on": iso(one.row.due_on),
        "document_href": site.href(document) if document else None,
    }


def _task(site: Site, plan_id: str, task: Mapping[str, Any]) -> Context:
    plain = ("task_id", "seq", "name", "field", "lead_department", "departments", "subjects", "methods", "ratio",
             "quantity", "frequency", "levels", "inspection_type", "starts_on", "ends_on", "status")  # fmt: skip
    items = [(code, site.items.get(code)) for code in task["item_codes"]]
    return {key: task[key] for key in plain} | {
        "anchor": task["task_id"],
        "cancelled": task["status"] == "cancelled",
        "items": [
            {"code": code, "name": item.name if item else code, "href": item.href if item else None}
            for code, item in items
        ],
        "results_href": site.task_href(plan_id, task["task_id"]),
    }


def citation(site: Site, title: str, author: str, address: str, since: date | None) -> Context:
    """Return how to cite a page, in GB/T 7714-2015 and BibTeX. The day of reading is the reader's to add."""
    where = site.job.base_url + address
    year = "" if since is None else str(since.year)
    key = address.strip("/").replace("/", "-")
    return {
        "gbt7714": f"{author}. {title}[EB/OL]. {f'({since})' if since else ''}[引用日期]. {where}.",
        "bibtex": f"@misc{{{key},\n  author = {{{{{author}}}}},\n  title = {{{title}}},\n  year = {{{year}}},\n"
        f"  howpublished = {{\\url{{{where}}}}}\n}}",
    }
