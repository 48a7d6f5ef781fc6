"""The parts of the site that are rendered on their own: the pages each is made of.

A part is a scope and a key; the ledger owes parts (:mod:`publisher.site.owing`), and every file of the site belongs to
exactly one.
"""

from collections.abc import Iterator, Mapping, Sequence

from publisher import paths
from publisher.errors import RenderFailed
from publisher.ledger import listings, shown_subjects
from publisher.ledger.listings import Listing
from publisher.site import compare, feeds, items, plans, portal, results, subjects
from publisher.site.data import changes, database, files
from publisher.site.data import page as data_page
from publisher.site.install import File
from publisher.site.views import Page, Site

# Subjects and lists come first, so that what is withdrawn goes first (lists together: they share lines, see maker.py);
# overviews read the list of files and come last.
ORDER = ("subject", "list_page", "list", "month", "task", "data_month", "data_year", "delta", "feed", "plan",
         "plans_year", "item_list", "region_page", "region", "sitemap_part", "data_all", "portal")  # fmt: skip


# Those that turn on nothing but the ledger's records may be rendered by another process, so many at a time.
APART = {"subject": 500, "list_page": 200, "list": 50, "data_month": 1, "month": 10, "delta": 1, "feed": 10,
         "task": 10, "region_page": 200, "region": 50, "sitemap_part": 20}  # fmt: skip


def render(
    site: Site, scope: str, keys: Sequence[str], documents: Mapping[str, str]
) -> dict[str, Sequence[Page | File]]:
    """Return the pages and files of parts of one scope by key, as the ledger has them now; none for what is not shown.

    Subjects are many and small, so they are read together.
    """
    if scope == "subject":
        found = shown_subjects.results_of(site.connection, [int(key) for key in keys])
        pages = {number: subjects.subject_pages(site, results) for number, results in found}
        return {key: pages.get(int(key), ()) for key in keys}
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
