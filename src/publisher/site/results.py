"""Lists of results by the month of inspection. Pages count from the oldest, so a full page never moves."""

from publisher import paths
from publisher.ledger import shown
from publisher.ledger.shown import MonthSize
from publisher.site.data.files import FORMATS, OF_MONTH
from publisher.site.views import Context, Page, Site, newest


def index_pages(site: Site) -> list[Page]:
    """Return the page of all years and one page a year."""
    sizes = shown.month_sizes(site.connection)
    years = sorted({one.year for one in sizes}, reverse=True)
    months = {year: [_month(site, one) for one in sizes if one.year == year] for year in years}
    totals = {year: sum(one.results for one in sizes if one.year == year) for year in years}
    as_of = shown.latest_event(site.connection)
    context = {
        "view": site.head("抽查检查结果", paths.RESULTS, "results", as_of=as_of),
        "years": [
            {
                "year": year,
                "href": site.href(paths.results_year(year)),
                "count": totals[year],
                "months": months[year],
            }
            for year in years
        ],
        "total": sum(totals.values()),
    }
    pages = [Page(paths.RESULTS, "results.html", context)]
    for year in years:
        address = paths.results_year(year)
        crumbs = [("检查结果", paths.RESULTS)]
        head = site.head(f"{year} 年检查结果", address, "results", crumbs=crumbs, as_of=as_of)
        given = {"view": head, "year": year, "months": months[year], "total": totals[year]}
        pages.append(Page(address, "results_year.html", given))
    return pages


def _month(site: Site, size: MonthSize) -> Context:
    return {
        "month": size.month,
        "label": f"{size.year} 年 {size.month} 月",
        "href": site.href(paths.results_month(size.year, size.month)),
        "count": size.results,
    }


def month_page(site: Site, year: int, month: int, number: int) -> list[Page]:
    """Return a numbered page of a month's results; the first page alone says totals and links to all."""
    pages = shown.month_pages(site.connection, year, month)
    if number not in pages:
        return []
    first = (number - 1) * paths.LIST_PAGE
    rows = list(shown.of_month(site.connection, year, month, first, first + paths.LIST_PAGE))
    address = paths.results_month(year, month, number)
    crumbs = [("检查结果", paths.RESULTS), (f"{year} 年", paths.results_year(year))]
    title = f"{year} 年 {month} 月检查结果" + (f"（第 {number} 页）" if number > 1 else "")

    def link(which: int) -> str:
        return site.href(paths.results_month(year, month, which))

    context = {
        "view": site.head(title, address, "results", crumbs=crumbs, as_of=newest(rows)),
        "year": year,
        "month": month,
        "first": number == 1,
        "total": sum(pages.values()) if number == 1 else None,
        "pages": [
            {"number": which, "href": link(which), "current": which == number, "count": count}
            for which, count in pages.items()
        ]
        if number == 1
        else None,
        "previous_href": link(number - 1) if number > 1 else None,
        "next_href": link(number + 1) if number < len(pages) else None,
        "number": number,
        "rows": [site.result_row(row) for row in rows],
        "downloads": [
            {"title": f"本月结果（{FORMATS[suffix]}）", "href": site.href(paths.data_month(year, month, suffix))}
            for suffix in OF_MONTH
        ]
        if number == 1
        else [],
    }
    return [Page(address, "results_month.html", context)]
