"""What several pages say in the same way: rows, outcomes, marks, progress, the head of a page."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache
from typing import Any, NamedTuple

import orjson
from markupsafe import Markup
from sqlalchemy import Connection

from publisher import paths, quantity, regions
from publisher.ledger import shown, tallies
from publisher.ledger.many import iso
from publisher.ledger.shown import Shown
from publisher.ledger.tallies import NO_PROGRESS, Progress
from publisher.site.job import Job
from publisher.site.lines import Lines

Context = dict[str, Any]

MARKS = {
    "late": ("逾期公示", "首次公示晚于规定期限。"),
    "objection_pending": ("异议处理中", "有人对这条结果提出异议，检查机关尚未作出决定。"),
    "corrected": ("已更正", "这条结果更正过，这里是更正后的内容。"),
    "reply": ("有当事人陈述", "当事人对这条结果作了陈述，内容由当事人负责，未经核实。"),
}
SEVERITIES = {"minor": "轻微", "moderate": "一般", "serious": "严重"}


class Page(NamedTuple):
    """A page to be rendered: its address, its template and what the template is given.

    The page of a record ends with ``proof``, which opens its entries in the publication log, and a signature.
    """

    address: str
    template: str
    context: Context
    proof: bytes | None = None


class PlanWords(NamedTuple):
    """A published plan as other pages speak of it."""

    title: str
    year: int
    href: str
    tasks: Mapping[str, Mapping[str, Any]]


class ItemWords(NamedTuple):
    """A published item as other pages speak of it."""

    name: str
    basis: str
    href: str


class About(NamedTuple):
    """What a result's page says of the plan and the task it is of; ``unchecked`` are items left out."""

    plan: Context
    task: Context
    unchecked: list[Context]


MOST_KEPT = 10_000  # words kept to be said again
MOST_DRAWN = 2_000  # pieces of markup, some 2 KB each


class Site:
    """One build's view of the ledger: the connection, the words, and the plans and items that every page may name."""

    def __init__(self, job: Job, connection: Connection, draw: Callable[..., Markup]) -> None:
        """``draw`` gives the markup of one of the theme's components by its name and what it is given."""
        self.job = job
        self.connection = connection
        self.lines = Lines(lambda one: draw("result_line", self.result_row(one)))
        self.plans = {
            one.row.record_id: PlanWords(
                one.body["title"],
                one.body["year"],
                self.href(paths.plan(one.body["year"], one.row.record_id)),
                {task["task_id"]: task for task in one.body["tasks"]},
            )
            for one in shown.all_of(connection, "plan")
        }
        self.items: dict[str, ItemWords] = {}
        for one in sorted(shown.all_of(connection, "item_list"), key=lambda one: str(one.row.published_on)):
            for item in one.body["items"]:
                href = self.href(paths.item_list(one.row.record_id)) + f"#{item['item_code']}"
                self.items[item["item_code"]] = ItemWords(item["name"], item["basis"], href)

        self._about: dict[tuple[str, str, tuple[str, ...]], About] = {}
        self._outcomes: dict[str, list[Context]] = {}
        self._draw = draw
        self._drawn: dict[tuple[Any, ...], Markup] = {}

    def drawn(self, key: tuple[Any, ...], component: str, make: Callable[[], tuple[Any, ...]]) -> Markup:
        """Return the markup of a component, given what ``make`` returns, which follows from ``key``: many pages share
        it, so that it is made once."""
        found = self._drawn.get(key)
        if found is None:
            if len(self._drawn) >= MOST_DRAWN:
                self._drawn.clear()
            found = self._drawn[key] = self._draw(component, *make())
        return found

    def about(self, plan_id: str, task_id: str, checked: tuple[str, ...]) -> About:
        """Return what a result's page says of its plan and task, and of the task's items that were not checked.

        Many results share all of it, so it is made once.
        """
        key = (plan_id, task_id, checked)
        if key not in self._about:
            plan = self.plans.get(plan_id)
            task = plan.tasks.get(task_id) if plan else None
            missed = [code for code in (task or {}).get("item_codes", ()) if code in self.items and code not in checked]
            if len(self._about) >= MOST_KEPT:
                self._about.clear()
            self._about[key] = About(
                {"title": plan.title if plan else plan_id, "href": plan.href if plan else None},
                {"name": task["name"] if task else task_id, "href": self.task_href(plan_id, task_id) if task else None},
                [{"name": self.items[code].name, "href": self.items[code].href} for code in missed],
            )
        return self._about[key]

    def outcomes(self, ids: str) -> list[Context]:
        """Return the words of the outcomes that a record keeps (ids with commas between), each once."""
        if ids not in self._outcomes:
            if len(self._outcomes) >= MOST_KEPT:
                self._outcomes.clear()
            self._outcomes[ids] = [self.job.words[one] for one in ids.split(",")]
        return self._outcomes[ids]

    def href(self, address: str) -> str:
        """Return an address as links on the site write it, below the site's root."""
        return self.job.root + address

    def head(
        self,
        title: str,
        address: str,
        section: str,
        *,
        description: str = "",
        crumbs: Iterable[tuple[str, str]] = (),
        as_of: date | None = None,
        alternate: Iterable[tuple[str, str, str]] = (),
        structured: Markup | None = None,
    ) -> Context:
        """Return the ``view`` that every template is given."""
        return {
            "title": title,
            "path": address,
            "description": description or title,
            "crumbs": [{"title": words, "href": self.href(where)} for words, where in crumbs],
            "as_of": iso(as_of),
            "section": section,
            "alternate": [{"href": self.href(where), "type": kind, "title": words} for where, kind, words in alternate],
            "structured": structured,
            "robots": None,
        }

    def result_row(self, one: Shown) -> Context:
        """Return a published result as tables list it."""
        _, task, _ = self.about(one.body["plan_id"], one.body["task_id"], ())
        is_shown = task["href"] is not None
        return {
            "subject_name": one.body["subject"]["name"],
            "subject_href": f"{self.href(one.row.subject_path)}#{one.row.record_id}",
            "authority": one.body["authority"],
            "region": place(one.body["subject"]["region_code"]),
            "ended_on": one.body["ended_on"],
            "task_name": task["name"] if is_shown else None,
            "task_href": task["href"],
            "outcomes": self.outcomes(one.row.outcomes),
            "marks": marks(one),
            "since": iso(one.row.since),
        }

    def task_href(self, plan_id: str, task_id: str) -> str:
        """Return the address of a published plan's task."""
        return self.href(paths.task(self.plans[plan_id].year, plan_id, task_id))

    def plan_row(self, one: Shown) -> Context:
        """Return a published plan as tables list it."""
        return {
            "title": one.body["title"],
            "href": self.href(paths.plan(one.body["year"], one.row.record_id)),
            "year": one.body["year"],
            "authority": one.body["authority"],
            "level": one.body["level"],
            "scope": one.body["scope"],
            "plan_type": one.body["plan_type"],
            "published_on": iso(one.row.published_on),
            "task_count": len(one.body["tasks"]),
            "progress": plan_progress(one.body, tallies.progress(self.connection, one.row.record_id)),
        }


ATOM = "application/atom+xml"


def dataset(job: Job, title: str, description: str, address: str, files: Iterable[tuple[str, str]]) -> Markup:
    """Return a page's data as a schema.org Dataset in JSON-LD; ``files`` are address and media type."""
    said = {
        "@context": "https://schema.org",
        "@type": "Dataset",
        "name": title,
        "description": description,
        "url": job.base_url + address,
        "inLanguage": "zh-Hans",
        "isAccessibleForFree": True,
        "license": f"{job.base_url}{paths.ABOUT}data-licence/",
        "creator": {"@type": "GovernmentOrganization", "name": job.name},
        "distribution": [
            {"@type": "DataDownload", "contentUrl": job.base_url + where, "encodingFormat": kind}
            for where, kind in files
        ],
    }
    # Within a script element nothing is unescaped, so the JSON goes in as it is; without < it cannot end the element.
    return Markup(orjson.dumps(said).decode().replace("<", "\\u003c"))  # noqa: S704


def marks(one: Shown) -> list[Context]:
    """Return the marks of a published record in words."""
    if not one.row.marks:
        return []
    names = [name for name in one.row.marks.split(",") if name]
    return [{"id": name, "label": MARKS[name][0], "explanation": MARKS[name][1]} for name in names]


def task_progress(task: Mapping[str, Any], done: Progress) -> Context:
    """Return how far a task has come against what the plan says, in its words and as a number."""
    words = [task[key] for key in ("ratio", "quantity") if task[key]]
    parsed = quantity.parse(task["quantity"])
    target = None if parsed is None or parsed.target is None else int(parsed.target)
    return _progress("，".join(words) or None, target, bool(parsed and parsed.approximate), task["drawn"], done)


def plan_progress(body: Mapping[str, Any], done: Mapping[str, Progress]) -> Context:
    """Return how far a plan has come: its tasks together."""
    tasks = [task_progress(task, done.get(task["task_id"], NO_PROGRESS)) for task in body["tasks"]]
    targets = [task["target"] for task in tasks]
    drawn = [task["drawn"] for task in tasks if task["drawn"] is not None]
    total = Progress(*(sum(column) for column in zip(*done.values(), strict=True))) if done else NO_PROGRESS
    target = sum(targets) if targets and None not in targets else None
    approximate = any(task["approximate"] for task in tasks)
    return _progress(
        f"{'约' if approximate else ''}{target} 户" if target is not None else None,
        target,
        approximate,
        sum(drawn) if drawn else None,
        total,
    )


def _progress(planned: str | None, target: int | None, approximate: bool, drawn: int | None, done: Progress) -> Context:
    return {
        "planned": planned,
        "target": target,
        "approximate": approximate,
        "drawn": drawn,
        "inspected": done.inspected,
        "published": done.published,
        "on_time": done.on_time,
        "late": done.late,
        "problems": done.problems,
        "inspected_percent": percent(done.inspected, target),
        "published_percent": percent(done.published, done.inspected),
        "on_time_percent": percent(done.on_time, done.on_time + done.late),
        "problem_percent": percent(done.problems, done.on_time + done.late),
    }


def progress_row(done: Progress, target: int | None = None) -> Context:
    """Return counts and shares of results that no single task's words promise."""
    return _progress(None, target, False, None, done)


def percent(part: int, whole: int | None) -> int | None:
    """Return ``part`` of ``whole`` in whole hundredths, at most 100; None where there is nothing to divide by."""
    return min(100, part * 100 // whole) if whole else None


@cache
def place(region_code: str) -> str | None:
    """Return the city and county of a region code, or None for a code the table does not know."""
    names = regions.path(region_code)
    return "".join(names[1:] if len(names) > 1 else names) or None


def region_name(region_code: str) -> str:
    """Return the name of a city or county as headings give it; its code where no name is known."""
    return place(region_code) or regions.name(region_code) or region_code


def latest_day(days: Iterable[date | None]) -> date | None:
    """Return the latest of some days, of which some may be unknown."""
    return max((day for day in days if day is not None), default=None)


def newest(rows: Iterable[Shown]) -> date | None:
    """Return the latest day on which one of the records came to be as it is shown."""
    return max([one.row.since for one in rows], default=None)
