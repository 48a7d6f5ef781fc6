"""From the ledger to entries of the index, and to the other things a reader may look for."""

from collections.abc import Iterator, Sequence

from publisher.ledger import shown
from publisher.ledger.shown import Shown
from publisher.site.search.coding import clean
from publisher.site.search.entry import Entry
from publisher.site.views import Site

Other = tuple[str, str, str, str]  # kind (plan, task, item, page), title, address, what is said beside it


def entry_of(results: Sequence[Shown]) -> Entry:
    """Return a subject as its published results (newest first) describe it."""
    row = shown.subject_row(results)
    return Entry(
        row.subject_no,
        row.name,
        row.former_names,
        row.uscc,
        row.reg_no,
        row.path,
        row.region_code,
        row.results,
        row.latest_on.toordinal(),
        tuple(sorted({(one.row.year, outcome) for one in results for outcome in one.row.outcomes.split(",")})),
        tuple(sorted({one.body["authority"] for one in results})),
    )


def every_entry(site: Site) -> Iterator[Entry]:
    """Yield every subject of whom something is shown, by number."""
    return (entry_of(results) for results in shown.by_subject(site.connection))


def entry(site: Site, subject_no: int) -> Entry | None:
    """Return a subject, or None when nothing of it is shown."""
    results = shown.of_subject(site.connection, subject_no)
    return entry_of(results) if results else None


def others(site: Site, written: Sequence[tuple[str, str]]) -> Iterator[Other]:
    """Yield plans, tasks, items and hand-written pages (given with title and address)."""
    for one in shown.all_of(site.connection, "plan"):
        plan = site.plans[one.row.record_id]
        yield "plan", clean(plan.title), plan.href, f"{plan.year} 年 · {clean(one.body['authority'])}"
        for task in one.body["tasks"]:
            yield "task", clean(task["name"]), site.task_href(one.row.record_id, task["task_id"]), clean(plan.title)
    for code, item in sorted(site.items.items()):
        yield "item", clean(item.name), item.href, clean(code)
    for title, address in sorted(written):
        yield "page", clean(title), site.href(address), ""
