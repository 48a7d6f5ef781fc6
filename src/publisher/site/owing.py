"""Which parts of the site are owed beyond what a verdict touches: all; what names a plan or a list; what time ends.

The parts are those of :mod:`publisher.site.units`, which renders them; nothing of that is needed here.
"""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import ColumnElement, Connection, String, cast, literal, select

from publisher import paths
from publisher.ledger import deltas, listings, shown
from publisher.ledger.owed import owe_pages, owe_selected, owed_keys, owed_sweep, pages_done
from publisher.ledger.schema import page, place, record, subject
from publisher.ledger.shown import Shown
from publisher.site.term import closed

_WIDENED = ("results_of_plan", "results_of_list")


def widen(connection: Connection, *, all_owed: bool = False) -> None:
    """Owe what is owed because a plan or list that other pages name has come, changed or gone.

    ``all_owed``: :func:`everything` is owed already, so that pages of results need not be looked for.
    """
    found: set[tuple[str, str]] = set()
    plans_owed = owed_keys(connection, "plan")
    of_plans, of_lists = (owed_keys(connection, scope) for scope in _WIDENED)
    sweep = owed_sweep(connection, _WIDENED)
    is_shown = (record.c.state == "published") & (record.c.kind == "result")
    if of_lists:
        if not all_owed:
            _owe_subjects(connection, is_shown, sweep)
        for plan in shown.all_of(connection, "plan"):
            found |= {("plan", plan.row.record_id)} | _tasks_of(plan)
    in_progress = select(record.c.year).where(
        record.c.kind == "plan", record.c.record_id.in_(plans_owed), record.c.year.is_not(None)
    )
    found |= {("plans_year", str(year)) for year in connection.execute(in_progress.distinct()).scalars()}
    if of_plans:  # each year's page leads to those of all others
        found |= {("plans_year", str(one.body["year"])) for one in shown.all_of(connection, "plan")}
    for plan_id in of_plans:
        if not all_owed:
            _owe_subjects(connection, is_shown & (record.c.plan_id == plan_id), sweep)
            _owe_lists(connection, plan_id, sweep)
            in_months = select(record.c.year, record.c.month).where(record.c.plan_id == plan_id, record.c.places != "")
            found |= {("month", f"{year}-{month:02}") for year, month in connection.execute(in_months.distinct())}
        there = select(page.c.key).where(page.c.scope == "task", page.c.key.startswith(f"{plan_id}/", autoescape=True))
        found |= {("task", key) for key in connection.execute(there).scalars()}
        shown_plan = shown.one_of(connection, "plan", plan_id)
        found |= _tasks_of(shown_plan) if shown_plan else set()
        found.add(("feed", f"plan/{plan_id}"))
    owe_pages(connection, found, sweep=sweep)
    pages_done(connection, [("results_of_plan", one) for one in of_plans])
    pages_done(connection, [("results_of_list", one) for one in of_lists])


def _owe_subjects(connection: Connection, where: ColumnElement[bool], sweep: bool) -> None:
    """Owe the pages of the subjects of results, however many, without reading them."""
    numbers = select(record.c.subject_no).where(where).distinct().subquery()
    owe_selected(connection, select(literal("subject"), cast(numbers.c.subject_no, String)), sweep=sweep)


def _owe_lists(connection: Connection, plan_id: str, sweep: bool) -> None:
    """Owe every page of a list on which a result of a plan has its place."""
    number = (place.c.slot // paths.LIST_PAGE + 1).label("number")
    seats = (
        select(place.c.list_no, number)
        .join(record, record.c.record_no == place.c.record_no)
        .where(record.c.plan_id == plan_id)
        .distinct()
        .subquery()
    )
    list_no = cast(seats.c.list_no, String)
    owe_selected(connection, select(literal("list"), list_no).where(seats.c.number == 1), sweep=sweep)
    later = list_no.concat("/").concat(cast(seats.c.number, String))
    owe_selected(connection, select(literal("list_page"), later).where(seats.c.number > 1), sweep=sweep)


def _tasks_of(plan: Shown) -> set[tuple[str, str]]:
    return {("task", f"{plan.row.record_id}/{task['task_id']}") for task in plan.body["tasks"]}


def ended_plans(connection: Connection, since: str | None, day: str) -> Iterator[tuple[str, str]]:
    """Yield what time alone changes between two builds: plans whose term is over, and what compares them."""
    for one in shown.all_of(connection, "plan"):
        after = closed(one.body, date.fromisoformat(day))
        if after is not None and (since is None or after.isoformat() > since):
            yield "plan", one.row.record_id
            yield "portal", ""


def everything(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield every part of the site that the ledger gives rise to."""
    for number in connection.execute(select(subject.c.subject_no).where(subject.c.slot.is_not(None))).scalars():
        yield "subject", str(number)
    for listing in listings.all_lists(connection):
        yield "list", str(listing.list_no)
        for number in range(2, listing.pages + 1):
            yield "list_page", f"{listing.list_no}/{number}"
        if listing.facet == "month":
            yield "month", f"{listing.year}-{listing.value}"
            for part in range(1, -(-listing.size // paths.DATA_PART) + 1):
                yield "data_month", f"{listing.year}-{listing.value}/{part}"
        if listing.facet in ("authority", "outcome"):
            yield "feed", f"{listing.facet}/{listing.value}"
    highest = connection.execute(select(subject.c.subject_no).order_by(subject.c.subject_no.desc()).limit(1)).scalar()
    yield "search", ""
    for number in range((highest or 0) // paths.SITEMAP_PART + 1):
        yield "sitemap_part", str(number)
    for one in shown.all_of(connection, "plan"):
        yield "plan", one.row.record_id
        yield "feed", f"plan/{one.row.record_id}"
        yield "plans_year", str(one.body["year"])
        for task in one.body["tasks"]:
            yield "task", f"{one.row.record_id}/{task['task_id']}"
    for one in shown.all_of(connection, "item_list"):
        yield "item_list", one.row.record_id
    for region_code, _ in listings.region_sizes(connection):
        yield "region", region_code
        for number in range(2, -(-listings.size_of_region(connection, region_code) // paths.LIST_PAGE) + 1):
            yield "region_page", f"{region_code}/{number}"
    for year in sorted({size.year for size in shown.month_sizes(connection)}):
        yield "data_year", str(year)
    yield from deltas.parts(connection)
    yield "data_all", ""
    yield "portal", ""
