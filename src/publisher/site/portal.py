"""The few pages that speak of the whole portal: home, overviews, figures, downloads, search, not found."""

from collections import Counter, defaultdict

from publisher import paths
from publisher.ledger import listings, shown, tallies
from publisher.site import plots
from publisher.site.search.manifest import Ahead
from publisher.site.views import Context, Page, Site, newest


def home_page(site: Site) -> Page:
    """Return the first page: search, figures, what is new."""
    plans = sorted(shown.all_of(site.connection, "plan"), key=lambda one: (one.body["year"], str(one.row.since)))[::-1]
    sizes = shown.month_sizes(site.connection)
    years = sorted({one.year for one in sizes}, reverse=True)
    counts = shown.published_counts(site.connection)
    by_outcome = Counter({name: number for name, _, number in listings.values_of(site.connection, "outcome")})
    total = sum(by_outcome.values())
    context = {
        "view": site.head(site.job.name, paths.HOME, "home", as_of=shown.latest_event(site.connection),
                          alternate=[(paths.FEED, "application/atom+xml", "最新检查结果")]),
        "counts": {
            "plans": counts["plan"],
            "tasks": sum(len(one.body["tasks"]) for one in plans),
            "results": counts["result"],
            "subjects": counts["subject"],
            "lists": counts["item_list"],
            "stopped": sum(number for *_, number in shown.stops_by_rule_and_month(site.connection)),
        },
        "latest": [site.lines.of(one).words for one in shown.latest(site.connection, 10)],
        "plans": [site.plan_row(one) for one in plans[:6]],
        "years": [
            {
                "year": year,
                "href": site.href(paths.results_year(year)),
                "count": sum(one.results for one in sizes if one.year == year),
            }
            for year in years
        ],
        "outcomes": [
            {"outcome": words, "count": by_outcome[name], "percent": by_outcome[name] * 100 // total}
            for name, words in site.job.words.items()
            if by_outcome[name]
        ],
    }  # fmt: skip
    return Page(paths.HOME, "home.html", context)


def plans_page(site: Site) -> Page:
    """Return the page of all plans by year."""
    plans = list(shown.all_of(site.connection, "plan"))
    years = sorted({one.body["year"] for one in plans}, reverse=True)
    groups = {year: [one for one in plans if one.body["year"] == year] for year in years}
    context = {
        "view": site.head("抽查计划", paths.PLANS, "plans", as_of=newest(plans)),
        "years": [
            {
                "year": year,
                "href": site.href(paths.plans_year(year)),
                "plans": len(group),
                "tasks": sum(len(one.body["tasks"]) for one in group),
                "rows": [site.plan_row(one) for one in group],
            }
            for year, group in groups.items()
        ],
    }
    return Page(paths.PLANS, "plans.html", context)


def search_page(site: Site, ahead: Ahead) -> Page:
    """Return the search page: its script asks for the manifest, and for the files ``ahead`` at the same time."""
    head = site.head("查询", paths.SEARCH, "search", description="按名称或统一社会信用代码查询检查结果")
    context = {"view": head, "manifest_href": site.href(paths.SEARCH_MANIFEST), "ahead": ahead._asdict()}
    return Page(paths.SEARCH, "search.html", context)


def missing_page(site: Site) -> Page:
    """Return the page for addresses that lead nowhere (any more)."""
    return Page(
        paths.MISSING,
        "missing.html",
        {"view": site.head("没有找到这一页", paths.MISSING, "about") | {"robots": "noindex"}},
    )


def withdrawn_page(site: Site) -> Page:
    """Return how many records stopped being shown, by rule and month; nobody is named."""
    stops = shown.stops_by_rule_and_month(site.connection)
    months = sorted({month for _, month, _ in stops})
    by_rule: dict[str, dict[str, int]] = defaultdict(dict)
    for rule, month, number in stops:
        by_rule[rule][month] = number
    context = {
        "view": site.head("停止公示情况", paths.WITHDRAWN, "withdrawn", as_of=shown.latest_event(site.connection)),
        "months": [{"month": month} for month in months],
        "rules": [
            {
                "rule": rule,
                "label": site.job.rule_labels.get(rule, rule),
                "basis": site.job.rule_bases.get(rule, ""),
                "counts": [numbers.get(month, 0) for month in months],
                "total": sum(numbers.values()),
            }
            for rule, numbers in by_rule.items()
        ],
        "total": sum(number for *_, number in stops),
    }
    return Page(paths.WITHDRAWN, "withdrawn.html", context)


def indicators_page(site: Site) -> Page:
    """Return the four indicators of the national opinion (R4-16), each with both its counts."""
    years = tallies.indicator_counts(site.connection)
    all_inspections = shown.library_counts(site.connection)
    plans = list(shown.all_of(site.connection, "plan"))
    tasks: Counter[int] = Counter()
    joint: Counter[int] = Counter()
    for one in plans:
        tasks[one.body["year"]] += len(one.body["tasks"])
        joint[one.body["year"]] += len(one.body["tasks"]) if one.body["scope"] == "cross_department" else 0
    visits = {one.year: one.visits for one in years}
    indicators = [
        _indicator(
            "visit_share",
            "抽查户次占比",
            ("双随机抽查户次", "全部涉企行政检查户次"),
            [(one.year, visits[one.year], all_inspections.get(one.year)) for one in years],
        ),
        _indicator(
            "joint_share",
            "部门联合双随机监管率",
            ("部门联合抽查任务数", "全部双随机抽查任务数"),
            [(year, joint[year], tasks[year]) for year in sorted(tasks)],
        ),
        _indicator(
            "on_time",
            "检查结果按时公示率",
            ("在规定期限内首次公示的结果数", "到期应公示的结果数（依法不予公示的除外）"),
            [(one.year, one.on_time, one.due) for one in years],
        ),
        _indicator(
            "settled",
            "发现问题处置率",
            ("发现问题且已有后续处理的结果数", "发现问题的结果数"),
            [(one.year, one.settled, one.problems) for one in years],
        ),
    ]
    head = site.head("效果指标", paths.INDICATORS, "indicators", as_of=shown.latest_event(site.connection))
    drawn = [plots.by_month(site), plots.on_time(site), plots.by_city(site), plots.by_plan(site)]
    context = {"view": head, "indicators": indicators, "plots": [one for one in drawn if one is not None]}
    return Page(paths.INDICATORS, "indicators.html", context)


def _indicator(name: str, label: str, counts: tuple[str, str], rows: list[tuple[int, int, int | None]]) -> Context:
    return {
        "id": name,
        "label": label,
        "formula": " ÷ ".join(counts),
        "numerator_label": counts[0],
        "denominator_label": counts[1],
        "rows": [{"year": year, "numerator": n, "denominator": d, "value": _ratio(n, d)} for year, n, d in rows],
    }


def _ratio(numerator: int, denominator: int | None) -> str:
    if denominator is None:
        return "未提供"
    return f"{numerator / denominator:.1%}" if denominator else "不适用"
