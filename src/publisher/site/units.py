"""The parts of the site that are rendered on their own: which there are, and the pages each is made of.

A part is a scope and a key; the ledger owes parts, and every file of the site belongs to exactly one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from sqlalchemy import ColumnElement, Connection, String, cast, literal, select

from publisher import paths
from publisher.errors import RenderFailed
from publisher.ledger import deltas, listings, shown
from publisher.ledger.listings import Listing
from publisher.ledger.owed import owe_pages, owe_selected, owed_keys, owed_sweep, pages_done
from publisher.ledger.schema import page, place, record, subject
from publisher.ledger.shown import Shown
from publisher.site import compare, feeds, items, log, plans, portal, results, subjects
from publisher.site.data import changes, database, files
from publisher.site.data import page as data_page
from publisher.site.install import File
from publisher.site.views import Page, Site

# Subjects and lists come first, so that what is withdrawn goes first; overviews read the list of files and come last.
ORDER = ("subject", "list_page", "list", "data_month", "month", "data_year", "delta", "feed", "task", "plan",
         "plans_year", "item_list", "region_page", "region", "sitemap_part", "data_all", "portal")  # fmt: skip


# Those that turn on nothing but the ledger's records may be rendered by another process, so many at a time.
APART = {"subject": 500, "list_page": 200, "list": 50, "data_month": 1, "month": 10, "delta": 1, "feed": 10,
         "task": 10, "region_page": 200, "region": 50, "sitemap_part": 20}  # fmt: skip


def render(
    site: Site, scope: str, keys: Sequence[str], documents: Mapping[str, str]
) -> dict[str, Iterable[Page | File]]:
    """Return the pages and files of parts of one scope by key, as the ledger has them now; none for what is not shown.

    Subjects are many and small, so they are read together.
    """
    if scope == "subject":
        found = shown.of_subjects(site.connection, [int(key) for key in keys])
        openings = log.openings(site.connection, (one for results in found.values() for one in results))
        return {key: subjects.subject_pages(site, found.get(int(key), ()), openings) for key in keys}
    if scope in ("list", "list_page"):
        known = listings.by_numbers(site.connection, {int(key.partition("/")[0]) for key in keys})
        return {
            key: _list(site, known.get(int(key.partition("/")[0])), int(key.partition("/")[2] or 1)) for key in keys
        }
    return {key: _part(site, scope, key, documents) for key in keys}


def _part(site: Site, scope: str, key: str, documents: Mapping[str, str]) -> list[Page | File]:
    match scope:
        case "month":
            year, month = (int(one) for one in key.split("-"))
            return [*_month(site, year, month)]
        case "data_month":
            year_month, _, part = key.partition("/")
            year, month = (int(one) for one in year_month.split("-"))
            return [*files.month_files(site, year, month, int(part))]
        case "feed":
            return [*feeds.feed(site, *key.split("/"))]
        case "data_year":
            return [*files.year_files(site, int(key))]
        case "delta":
            run_no, part = key.split("/")
            return [*changes.delta_file(site, int(run_no), int(part))]
        case "data_all":
            return [*database.database_files(site), *changes.index_files(site)]
        case "task":
            plan_id, task_id = key.split("/")
            return [*plans.task_page(site, plan_id, task_id)]
        case "plan":
            return plans.plan_pages(site, key, documents)
        case "plans_year":
            return [*plans.year_page(site, int(key))]
        case "item_list":
            return items.list_pages(site, key)
        case "region_page":
            region_code, number = key.split("/")
            return [*subjects.region_page(site, region_code, int(number))]
        case "region":
            return [*subjects.region_page(site, key, 1)]
        case "sitemap_part":
            return [*feeds.sitemap_part(site, int(key))]
        case "portal":
            return list(_portal(site))
        case _:
            raise RenderFailed(f"the ledger owes {scope} {key}, which is no part of the site")


def _list(site: Site, listing: Listing | None, number: int) -> list[Page | File]:
    """Return a page of a list. The first pages of months and tasks say more than lists and are parts of their own."""
    if listing is None or (number == 1 and listing.facet in ("month", "task")):
        return []
    if not listing.shown and listing.facet not in ("month", "task"):
        return []  # nothing leads to a list that shows nothing; its address comes back with its next result
    if listing.facet == "task":
        plan_id, task_id = listing.value.split("/")
        return [*plans.task_page(site, plan_id, task_id, number, listing)]
    return [*results.list_page(site, listing, number)]


def _month(site: Site, year: int, month: int) -> list[Page]:
    listing = listings.of_month(site.connection, year, month)
    return results.list_page(site, listing, 1) if listing else []


def _portal(site: Site) -> Iterator[Page | File]:
    pages = [
        portal.home_page(site),
        portal.plans_page(site),
        items.index_page(site),
        *results.index_pages(site),
        feeds.index_page(site),
        subjects.index_page(site),
        *data_page.data_pages(site),
        portal.withdrawn_page(site),
        portal.indicators_page(site),
    ]
    yield from pages
    compared = compare.compare_pages(site)
    yield from compared
    yield portal.missing_page(site)
    yield feeds.portal_feed(site)
    overviews = [one.address for one in (*pages, *compared) if isinstance(one, Page)]
    yield from feeds.sitemap_index(site, [*overviews, paths.SEARCH])  # which is made together with the search index
    yield feeds.robots(site)


_WIDENED = ("results_of_plan", "results_of_list")


def widen(connection: Connection) -> None:
    """Owe what is owed because a plan or list that other pages name has come, changed or gone."""
    found: set[tuple[str, str]] = set()
    plans_owed = owed_keys(connection, "plan")
    of_plans, of_lists = (owed_keys(connection, scope) for scope in _WIDENED)
    sweep = owed_sweep(connection, _WIDENED)
    is_shown = (record.c.state == "published") & (record.c.kind == "result")
    if of_lists:
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
        _owe_subjects(connection, is_shown & (record.c.plan_id == plan_id), sweep)
        _owe_lists(connection, plan_id, sweep)
        there = select(page.c.key).where(page.c.scope == "task", page.c.key.startswith(f"{plan_id}/", autoescape=True))
        found |= {("task", key) for key in connection.execute(there).scalars()}
        shown_plan = shown.one_of(connection, "plan", plan_id)
        found |= _tasks_of(shown_plan) if shown_plan else set()
        found.add(("feed", f"plan/{plan_id}"))
        in_months = select(record.c.year, record.c.month).where(record.c.plan_id == plan_id, record.c.places != "")
        found |= {("month", f"{year}-{month:02}") for year, month in connection.execute(in_months.distinct())}
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
        after = plans.closed(one.body, date.fromisoformat(day))
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
