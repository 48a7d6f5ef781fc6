"""Pages of subjects: one each, and the lists by region that lead to all of them without a script."""

from collections.abc import Sequence

from markupsafe import Markup

from publisher import paths
from publisher.ledger import listings, shown_subjects
from publisher.ledger.many import iso
from publisher.ledger.shown import Body, Shown
from publisher.log.keeping import opening
from publisher.site import calendar
from publisher.site.install import File
from publisher.site.log import proof
from publisher.site.results import pages_of
from publisher.site.views import SEVERITIES, Context, Page, Site, marks, newest, place, region_name


def subject_pages(site: Site, results: Sequence[Shown]) -> list[Page | File]:
    """Return a subject's page with every result shown, and the calendar of its dates where it has any."""
    row = shown_subjects.row_of(results)
    dates = calendar.of_subject(site.job.base_url, row, results)
    context = {
        "view": site.head(
            row.name,
            row.path,
            "subjects",
            description=f"{row.name}的抽查检查结果：{row.results} 条",
            crumbs=_crumbs(row.region_code),
            as_of=newest(results),
        ),
        "subject": {
            "name": row.name,
            "kind": results[0].body["subject"]["kind"],
            "uscc": row.uscc,
            "reg_no": row.reg_no,
            "region": place(row.region_code),
            "former_names": list(row.former_names),
        },
        "results": [_result(site, one) for one in results],
        "explained": _explained(site, results),
    }
    page = Page(
        row.path, "subject.html", context, proof((one, opening(one.row.leaf_no, one.row.seed)) for one in results)
    )
    return [page, File(paths.calendar(row.path), dates)] if dates else [page]


def _crumbs(region_code: str) -> list[tuple[str, str]]:
    return [("检查对象", paths.SUBJECTS), (region_name(region_code), paths.subjects_region(region_code))]


def _result(site: Site, one: Shown) -> Context:
    body, row, beside = one.body, one.row, one.beside
    plan, task, unchecked = site.about(body["plan_id"], body["task_id"], _codes(body))
    return {
        "anchor": row.record_id,
        "plan": plan,
        "task": task,
        "authority": body["authority"],
        "departments": body["departments"],
        "inspection_type": body["inspection_type"],
        "methods": body["methods"],
        "ended_on": body["ended_on"],
        "published_on": iso(row.published_on),
        "due_on": iso(row.due_on),
        "provisional": row.provisional,
        "late_days": beside["late_days"],
        "findings": _findings(site, body["findings"], beside["outcomes"]),
        "outcomes": site.outcomes(row.outcomes),
        "unchecked": unchecked,
        "measure": body["measure"],
        "disposition": body["disposition"],
        "penalty_no": body["penalty_no"],
        "remark": body["remark"],
        "marks": marks(one),
        "reply": beside["reply"],
        "objection_filed_on": beside["objection_filed_on"],
        "negative": row.negative,
        "severity_label": SEVERITIES.get(beside["severity"] or ""),
        "may_apply_on": iso(row.may_apply_on),
        "ends_on": iso(row.ends_on),
        "repairable": row.may_apply_on is not None,
        "calendar_href": site.href(paths.calendar(row.subject_path)) if calendar.has_dates(one) else None,
        "basis": row.basis,
        "ref": row.ref,
    }


def _codes(body: Body) -> tuple[str, ...]:
    return tuple([finding["item_code"] for finding in body["findings"]])


def _findings(site: Site, findings: Sequence[Body], outcomes: Sequence[str]) -> Markup:
    """Return the table of findings, most of which many results have: the same items, nothing found, nothing noted."""
    key = ("findings", *outcomes, *[value for finding in findings for value in finding.values()])

    def rows() -> tuple[list[Context]]:
        return ([_finding(site, *one) for one in zip(findings, outcomes, strict=True)],)

    return site.drawn(key, "findings_table", rows)


def _finding(site: Site, finding: Body, outcome: str) -> Context:
    item = site.items.get(finding["item_code"])
    return {
        "seq": finding["seq"],
        "item_name": finding["item_name"],
        "item_href": item.href if item else None,
        "item_basis": item.basis if item else None,
        "outcome": site.job.words[outcome],
        "note": finding["note"],
    }


def _explained(site: Site, results: Sequence[Shown]) -> Markup:
    """Return what the outcomes and marks mean that a page's results bear, each once, in the order in which they
    appear."""
    told = [(one.row.outcomes, one.row.marks) for one in results]

    def seen() -> tuple[list[Context], list[Context]]:
        outcomes = {outcome["id"]: outcome for ids, _ in told for outcome in site.outcomes(ids)}
        borne = {mark["id"]: mark for one in results for mark in marks(one)}
        return [*outcomes.values()], [*borne.values()]

    return site.drawn(("explained", *dict.fromkeys(told)), "explanations", seen)


def index_page(site: Site) -> Page:
    """Return the way to every subject without a script: the regions that have some."""
    sizes = listings.region_sizes(site.connection)
    context = {
        "view": site.head("检查对象", paths.SUBJECTS, "subjects"),
        "regions": [
            {"name": region_name(code), "href": site.href(paths.subjects_region(code)), "count": count}
            for code, count in sizes
        ],
    }
    return Page(paths.SUBJECTS, "subjects.html", context)


def region_page(site: Site, region_code: str, number: int) -> list[Page]:
    """Return a numbered page of a region's subjects, counted from the first ever shown; the first links to all."""
    size = listings.size_of_region(site.connection, region_code)
    last = -(-size // paths.LIST_PAGE)
    if number > last:
        return []
    first = (number - 1) * paths.LIST_PAGE
    rows = shown_subjects.of_region(site.connection, region_code, (first, first + paths.LIST_PAGE))
    address = paths.subjects_region(region_code, number)
    name = region_name(region_code)

    def link(which: int) -> str:
        return site.href(paths.subjects_region(region_code, which))

    context = {
        "view": site.head(
            f"{name}的检查对象" + (f"（第 {number} 页）" if number > 1 else ""),
            address,
            "subjects",
            crumbs=[("检查对象", paths.SUBJECTS)],
        ),
        "region": name,
        "number": number,
        "rows": [
            {"name": row.name, "href": site.href(row.path), "uscc": row.uscc, "count": row.results} for row in rows
        ],
        **pages_of(link, number, last),
    }
    return [Page(address, "subjects_region.html", context)]
