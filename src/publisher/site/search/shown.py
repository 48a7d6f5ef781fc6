"""From the ledger to entries of the index, and to the other things a reader may look for."""

from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache

import orjson
from sqlalchemy import Connection

from publisher.ledger import shown
from publisher.ledger.searched import Searched, by_subject
from publisher.site.search.coding import clean
from publisher.site.search.entry import Entry
from publisher.site.views import Site

TOGETHER = 1_000  # subjects read at once
Other = tuple[str, str, str, str]  # kind (plan, task, item, page), title, address, what is said beside it


def entry_of(results: Sequence[Searched]) -> Entry:
    """Return a subject as its published results (newest first) describe it."""
    newest, bodies = results[0], [orjson.loads(one.body) for one in results]
    subject = bodies[0]["subject"]
    names = dict.fromkeys(body["subject"]["name"] for body in bodies)
    return Entry(
        newest.subject_no,
        subject["name"],
        tuple(names)[1:],
        subject["uscc"],
        subject["reg_no"],
        newest.subject_path,
        subject["region_code"],
        len(results),
        _number_of_day(newest.ended_on),
        tuple(sorted({(one.year, outcome) for one in results for outcome in one.outcomes.split(",")})),
        tuple(sorted({body["authority"] for body in bodies})),
    )


@cache
def _number_of_day(day: str) -> int:
    return date.fromisoformat(day).toordinal()


class Subjects:
    """Everything that the ledger shows, for the index."""

    def __init__(self, site: Site, written: Sequence[tuple[str, str]]) -> None:
        """``written``: title and address of the hand-written pages."""
        self._site, self._written = site, written

    def every(self, connection: Connection) -> Iterator[Entry]:
        """Yield every subject of whom something is shown, by number."""
        return map(entry_of, by_subject(connection))

    def some(self, connection: Connection, numbers: Sequence[int]) -> dict[int, Entry]:
        """Return subjects by number; one of whom nothing is shown is left out."""
        found: dict[int, Entry] = {}
        for start in range(0, len(numbers), TOGETHER):
            some = by_subject(connection, numbers[start : start + TOGETHER])
            found |= {entry.subject_no: entry for entry in map(entry_of, some)}
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
