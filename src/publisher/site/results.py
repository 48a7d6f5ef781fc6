"""Lists of results: by year, month, region, authority, outcome and task, all made the same way.

Pages count from the oldest, so a full page never moves. The first page of a list alone says how many results it shows,
so that a change rewrites the first page and one other.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from publisher import paths, regions
from publisher.ledger import list_pages, listings, shown
from publisher.ledger.listings import Listing
from publisher.ledger.shown import MonthSize
from publisher.site.data.files import FORMATS, OF_MONTH
from publisher.site.views import ATOM, Context, Page, Site, latest_day, region_name

LINKED_PAGES = 40  # more than these are linked in steps from a list's first page; the rest are one "next" further


def index_pages(site: Site) -> list[Page]:
    """Return the page of all years and one page a year, which names every list of the year with its count."""
    sizes = shown.month_sizes(site.connection)
    by_year = {year: [one for one in sizes if one.year == year] for year in sorted({one.year for one in sizes})[::-1]}
    months = {year: [_month(site, one) for one in group] for year, group in by_year.items()}
    totals = {year: sum(one.results for one in group) for year, group in by_year.items()}
    as_of = {year: latest_day(one.as_of for one in group) for year, group in by_year.items()}
    context = {
        "view": site.head("抽查检查结果", paths.RESULTS, "results", as_of=latest_day(as_of.values())),
        "years": [
            {
                "year": year,
                "href": site.href(paths.results_year(year)),
                "count": totals[year],
                "months": months[year],
            }
            for year in by_year
        ],
        "total": sum(totals.values()),
    }
    return [
        Page(paths.RESULTS, "results.html", context),
        *(_year_page(site, year, months[year], totals[year], as_of[year]) for year in by_year),
    ]


def _month(site: Site, size: MonthSize) -> Context:
    return {
        "month": size.month,
        "label": f"{size.year} 年 {size.month} 月",
        "href": site.href(paths.results_month(size.year, size.month)),
        "count": size.results,
    }


def _year_page(site: Site, year: int, months: list[Context], total: int, as_of: date | None) -> Page:
    address = paths.results_year(year)
    head = site.head(f"{year} 年检查结果", address, "results", crumbs=[("检查结果", paths.RESULTS)], as_of=as_of)
    by_value = {one.value: one for one in listings.of_year(site.connection, "outcome", year)}
    outcomes = [by_value[name] for name in site.job.words if name in by_value]
    authorities = listings.of_year(site.connection, "authority", year)
    authorities.sort(key=lambda one: (-one.shown, one.label))
    facets = [
        {"id": "outcome", "title": "按检查结果", "groups": _group(site, outcomes)},
        {"id": "region", "title": "按地区", "groups": _cities(site, listings.of_year(site.connection, "region", year))},
        {"id": "task", "title": "按抽查任务", "groups": list(_plans(site, year))},
        {"id": "authority", "title": "按检查机关", "groups": _group(site, authorities, "检查机关", total)},
    ]
    given = {"year": year, "months": months, "total": total, "facets": [one for one in facets if one["groups"]]}
    return Page(address, "results_year.html", {"view": head, **given})


def _group(site: Site, lists: Iterable[Listing], title: str | None = None, count: int | None = None) -> list[Context]:
    """Return lists as a group of links with their counts; a list that shows nothing today is not named."""
    rows = [
        {"label": title_of(site, one), "href": site.href(address_of(site, one)), "count": one.shown}
        for one in lists
        if one.shown
    ]
    return [{"title": title, "count": count, "rows": rows}] if rows else []


def _cities(site: Site, lists: Iterable[Listing]) -> list[Context]:
    counties: dict[str, list[Listing]] = defaultdict(list)
    for one in lists:  # by code, so a city comes before its counties
        counties[regions.city(one.value)].append(one)
    return [
        group
        for code, group_of in counties.items()
        for group in _group(site, group_of, region_name(code), group_of[0].shown)
    ]


def _plans(site: Site, year: int) -> Iterator[Context]:
    for plan_id, plan in site.plans.items():
        if plan.year == year:
            tasks = listings.of_plan(site.connection, plan_id)
            mine = [tasks[task_id] for task_id in plan.tasks if task_id in tasks]
            yield from _group(site, mine, plan.title, sum(one.shown for one in mine))


def title_of(site: Site, listing: Listing) -> str:
    """Return what a list is of, in words."""
    match listing.facet:
        case "month":
            return f"{int(listing.value)} 月"
        case "region":
            return region_name(listing.value)
        case "outcome":
            words = site.job.words.get(listing.value)
            return words["label"] if words else listing.value
        case "task":
            plan_id, task_id = listing.value.split("/")
            return str(site.plans[plan_id].tasks[task_id]["name"])
        case _:
            return listing.label or listing.value


def address_of(site: Site, listing: Listing, number: int = 1) -> str:
    """Return the address of a numbered page of a list; a task's plan must be shown."""
    if listing.facet != "task":
        return paths.results_list(listing.year, listing.facet, listing.value, number)
    plan_id, task_id = listing.value.split("/")
    return paths.task(site.plans[plan_id].year, plan_id, task_id, number)


def list_page(site: Site, listing: Listing, number: int) -> list[Page]:
    """Return a numbered page of a year's list of results."""
    if number > listing.pages:
        return []
    year, what = listing.year, title_of(site, listing)
    title = f"{year} 年 {what}检查结果" if listing.facet == "month" else f"{year} 年检查结果：{what}"
    rows = numbered(site, listing, number)
    context = {
        "view": site.head(
            title + (f"（第 {number} 页）" if number > 1 else ""),
            address_of(site, listing, number),
            "results",
            crumbs=[
                ("检查结果", paths.RESULTS),
                (f"{year} 年", paths.results_year(year)),
                *([(what, address_of(site, listing))] if number > 1 else ()),
            ],
            as_of=rows.as_of,
            alternate=[(paths.feed(listing.facet, listing.value), ATOM, f"{what}：最新检查结果")]
            if listing.facet in ("authority", "outcome")
            else (),
        ),
        "title": title,
        "downloads": _downloads(site, listing) if number == 1 and listing.facet == "month" else [],
        **rows.context,
    }
    return [Page(address_of(site, listing, number), "results_list.html", context)]


def _downloads(site: Site, month: Listing) -> list[Context]:
    parts = list_pages.filled_parts(site.connection, month, paths.DATA_PART)
    return [
        {
            "title": (f"第 {part} 部分" if month.size > paths.DATA_PART else "本月结果") + f"（{FORMATS[suffix]}）",
            "href": site.href(paths.data_month(month.year, int(month.value), part, suffix)),
        }
        for part in parts
        for suffix in OF_MONTH
    ]


class Numbered(NamedTuple):
    """What a numbered page of a list is given whatever the list is of, and the latest event that changed it."""

    context: Context
    as_of: date | None


def numbered(site: Site, listing: Listing, number: int) -> Numbered:
    """Return the rows of a numbered page and the ways on; the first page alone says the total and links to all."""
    first = (number - 1) * paths.LIST_PAGE
    rows = site.lines.of_list(site.connection, listing.list_no, first, first + paths.LIST_PAGE)

    def link(which: int) -> str:
        return site.href(address_of(site, listing, which))

    return Numbered(
        {
            "number": number,
            "total": listing.shown if number == 1 else None,
            "lines": [one.words for one in rows],
            **pages_of(link, number, listing.pages),
        },
        listing.changed_on if number == 1 else latest_day(one.since for one in rows),
    )


def pages_of(link: Callable[[int], str], number: int, last: int) -> Context:
    """Return the links from a numbered page: to its neighbours, and from the first to all, of very many in steps."""
    return {
        "pages": [{"number": one, "href": link(one), "current": one == number} for one in _linked(last)]
        if number == 1
        else None,
        "previous_href": link(number - 1) if number > 1 else None,
        "next_href": link(number + 1) if number < last else None,
    }


def _linked(last: int) -> Sequence[int]:
    if last <= LINKED_PAGES:
        return range(1, last + 1)
    ends = LINKED_PAGES // 4
    middle = range(ends + 1, last - ends + 1, -(-last // (LINKED_PAGES // 2)))
    return sorted({*range(1, ends + 1), *middle, *range(last - ends + 1, last + 1)})
