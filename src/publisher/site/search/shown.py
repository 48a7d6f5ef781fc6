"""From the ledger to entries of the index, and to the other things a reader may look for."""

from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from publisher.ledger import shown
from publisher.ledger.shown import Shown
from publisher.site.search.coding import clean
from publisher.site.search.entry import Entry
from publisher.site.views import Site

TOGETHER = 1_000  # subjects read at once
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


class Subjects:
    """Everything that the ledger shows, for the index."""

    def __init__(self, site: Site, written: Sequence[tuple[str, str]]) -> None:
        """``written``: title and address of the hand-written pages."""
        self._site, self._written = site, written

    def every(self, connection: Connection) -> Iterator[Entry]:
        """Yield every subject of whom something is shown, by number."""
        return map(entry_of, shown.by_subject(connection))

    def some(self, connection: Connection, numbers: Sequence[int]) -> dict[int, Entry]:
        """Return subjects by number; one of whom nothing is shown is left out."""
        found: dict[int, Entry] = {}
        for start in range(0, len(numbers), TOGETHER):
            results = shown.of_subjects(connection, numbers[start : start + TOGETHER])
            found |= {number: entry_of(some) for number, some in results.items()}
        return found

    def others(self, connection: Connection) -> Iterator[Other]:
        """Yield plans, tasks, items and hand-written pages."""
        site = self._site
        for one in shown.all_of(connection, "plan"):
            plan = site.plans[one.row.record_id]
            yield "plan", clean(plan.title), plan.href, f"{plan.year} 年 · {clean(one.body['authority'])}"
            for task in one.body["tasks"]:
                href = site.task_href(one.row.record_id, task["task_id"])
                yield "task", clean(task["name"]), href, clean(plan.title)
        for code, item in sorted(site.items.items()):
            yield "item", clean(item.name), item.href, clean(code)
        for title, address in sorted(self._written):
            yield "page", clean(title), site.href(address), ""
