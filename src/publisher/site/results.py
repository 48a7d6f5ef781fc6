"""Lists of results by the month of inspection. Pages count from the oldest, so a full page never moves."""

from collections.abc import Iterator

from publisher import paths
from publisher.ledger import shown
from publisher.ledger.shown import MonthSize, Shown
from publisher.site.downloads import records_json, table_csv
from publisher.site.install import File
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
            {"title": words, "href": site.href(paths.data_month(year, month, suffix))}
            for suffix, words in DOWNLOADS.items()
        ]
        if number == 1
        else [],
    }
    return [Page(address, "results_month.html", context)]


DOWNLOADS = {"csv": "本月结果（CSV）", "excel.csv": "本月结果（CSV，适合 Excel）", "json": "本月结果（JSON）"}
COLUMNS = (
    "ref", "result_id", "subject_name", "subject_kind", "uscc", "reg_no", "region_code", "plan_id", "task_id",
    "authority", "departments", "inspection_type", "methods", "ended_on", "published_on", "due_on", "late", "seq",
    "item_code", "item_name", "outcome", "outcome_id", "note", "severity", "measure", "disposition", "penalty_no",
    "remark",
)  # fmt: skip


def month_files(site: Site, year: int, month: int) -> list[File]:
    """Return a month's results as CSV (a finding a row; strict, and for Excel) and as JSON (a result a record)."""
    results = list(shown.of_month(site.connection, year, month))
    if not results:
        return []
    rows = [row for one in results for row in _finding_rows(one)]
    records = [{"ref": one.row.ref, **one.body} for one in results]
    return [
        File(paths.data_month(year, month, "csv"), table_csv(COLUMNS, rows)),
        File(paths.data_month(year, month, "excel.csv"), table_csv(COLUMNS, rows, for_excel=True)),
        File(paths.data_month(year, month, "json"), records_json(records)),
    ]


def _finding_rows(one: Shown) -> Iterator[list[str]]:
    body, row = one.body, one.row
    subject = body["subject"]
    for finding, outcome in zip(body["findings"], one.beside["outcomes"], strict=True):
        values = (
            row.ref, body["result_id"], subject["name"], subject["kind"], subject["uscc"], subject["reg_no"],
            subject["region_code"], body["plan_id"], body["task_id"], body["authority"],
            "、".join(body["departments"]), body["inspection_type"], body["methods"], body["ended_on"],
            row.published_on, row.due_on, "late" in row.marks, finding["seq"], finding["item_code"],
            finding["item_name"], finding["outcome"], outcome, finding["note"], one.beside["severity"],
            body["measure"], body["disposition"], body["penalty_no"], body["remark"],
        )  # fmt: skip
        yield [
            "" if value is None else str(value).lower() if value in (True, False) else str(value) for value in values
        ]
