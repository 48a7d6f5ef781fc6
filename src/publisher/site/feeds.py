"""What machines read first: the Atom feeds, the sitemaps and robots.txt."""

from collections.abc import Iterable, Sequence
from datetime import date
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from sqlalchemy import select

from publisher import paths
from publisher.ledger import listings, shown, shown_subjects
from publisher.ledger.schema import page
from publisher.ledger.shown import Shown
from publisher.site.install import File
from publisher.site.results import address_of, title_of
from publisher.site.views import ATOM, Page, Site, latest_day

_ATOM = "http://www.w3.org/2005/Atom"
_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
FEED_LENGTH = 50
_IN_SITEMAP = ("content", "item_list", "list", "month", "plan", "plans_year", "region", "sitemap_part", "task")


def portal_feed(site: Site) -> File:
    """Return the feed of the results of the whole portal that changed last."""
    results = shown.latest(site.connection, FEED_LENGTH)
    return _feed(site, f"{site.job.name}：最新检查结果", paths.FEED, paths.RESULTS, results)


def feed(site: Site, kind: str, value: str) -> list[File]:
    """Return the feed of the results that came last to a plan, an authority or an outcome.

    There is none before the first, nor for a plan that is not shown; one whose results are all withdrawn stays, empty.
    """
    if kind == "plan":
        plan = site.plans.get(value)
        lists = [*listings.of_plan(site.connection, value).values()] if plan else []
        title, page = (plan.title, paths.plan(plan.year, value)) if plan else ("", "")
    else:
        lists = listings.of_facet(site.connection, kind, value)
        title, page = (title_of(site, lists[-1]), address_of(site, lists[-1])) if lists else ("", "")
    if not lists:
        return []
    results = shown.latest_of_lists(site.connection, [one.list_no for one in lists], FEED_LENGTH)
    stamp = latest_day(one.changed_on for one in lists)
    return [_feed(site, f"{title}：最新检查结果", paths.feed(kind, value), page, results, stamp)]


def index_page(site: Site) -> Page:
    """Return the page that names every feed."""
    plans = [(plan.title, paths.feed("plan", plan_id)) for plan_id, plan in site.plans.items()
             if listings.of_plan(site.connection, plan_id)]  # fmt: skip
    outcomes = {value for value, _, _ in listings.values_of(site.connection, "outcome")}
    authorities = [(label or value, paths.feed("authority", value))
                   for value, label, count in listings.values_of(site.connection, "authority") if count]  # fmt: skip
    groups = [
        ("全部检查结果", [("最新检查结果", paths.FEED)]),
        ("按检查结果", [(words["label"], paths.feed("outcome", name))
                   for name, words in site.job.words.items() if name in outcomes]),
        ("按抽查计划", plans),
        ("按检查机关", sorted(authorities)),
    ]  # fmt: skip
    context = {
        "view": site.head("订阅", paths.FEEDS, "data", crumbs=[("数据下载", paths.DATA)],
                          description="用订阅工具（Atom）跟踪最新公示的检查结果",
                          alternate=[(paths.FEED, ATOM, "最新检查结果")]),
        "groups": [{"title": title, "feeds": [{"title": name, "href": site.href(where)} for name, where in feeds]}
                   for title, feeds in groups if feeds],
    }  # fmt: skip
    return Page(paths.FEEDS, "feeds.html", context)


def _feed(site: Site, title: str, address: str, page: str, entries: Sequence[Shown], stamp: date | None = None) -> File:
    """Return a feed (RFC 4287). Entries are known by their random ``ref``, whatever happens to the record."""
    base = site.job.base_url
    root = ElementTree.Element("feed", {"xmlns": _ATOM, "xml:lang": "zh-Hans"})
    _add(root, "title", title)
    _add(root, "id", base + address)
    ElementTree.SubElement(root, "link", {"rel": "self", "href": base + address})
    ElementTree.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": base + page})
    _add(root, "updated", _instant(latest_day((stamp, *(one.row.since for one in entries))) or date(2015, 1, 1)))
    author = ElementTree.SubElement(root, "author")
    _add(author, "name", site.job.name)
    for one in entries:
        entry = ElementTree.SubElement(root, "entry")
        labels = "、".join(site.job.words[outcome]["label"] for outcome in dict.fromkeys(one.beside["outcomes"]))
        _add(entry, "title", f"{one.body['subject']['name']}：{labels}")
        _add(entry, "id", f"urn:ref:{one.row.ref}")
        _add(entry, "updated", _instant(one.row.since))
        _add(entry, "published", _instant(one.row.published_on or one.row.since))
        where = f"{base}{one.row.subject_path}#{one.row.record_id}"
        ElementTree.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": where})
        _add(entry, "summary", f"{one.body['authority']}，{one.body['ended_on']} 完成检查")
    return File(address, _xml(root))


def sitemap_part(site: Site, number: int) -> list[File]:
    """Return the addresses of the subjects of one range of numbers; nothing when none is shown."""
    first = number * paths.SITEMAP_PART
    addresses = shown_subjects.paths_of_shown(site.connection, (first, first + paths.SITEMAP_PART))
    return [_urlset(site, paths.sitemap_part(number), addresses)] if addresses else []


def sitemap_index(site: Site, overviews: Iterable[str]) -> list[File]:
    """Return the sitemap of all other pages (``overviews`` are made together with it), and the index of sitemaps.

    The later pages of lists are left out, which the first ones lead to: they are many, and a sitemap holds 50,000.
    """
    query = select(page.c.path, page.c.scope).where(page.c.scope.in_(_IN_SITEMAP))
    pages = site.connection.execute(query).all()
    other = [row.path for row in pages if row.path.endswith(("/", ".html"))]
    parts = [paths.SITEMAP_PAGES, *sorted(row.path for row in pages if row.scope == "sitemap_part")]
    root = ElementTree.Element("sitemapindex", {"xmlns": _SITEMAP})
    for part in parts:
        _add(ElementTree.SubElement(root, "sitemap"), "loc", site.job.base_url + part)
    return [_urlset(site, paths.SITEMAP_PAGES, sorted([*overviews, *other])), File(paths.SITEMAP, _xml(root))]


def robots(site: Site) -> File:
    """Return robots.txt: everything may be read; the search page's parts are not pages."""
    lines = ("User-agent: *", f"Disallow: {site.href('/search/')}*.bin", f"Sitemap: {site.job.base_url}{paths.SITEMAP}")
    return File(paths.ROBOTS, "\n".join((*lines, "")).encode())


def _urlset(site: Site, address: str, addresses: Iterable[str]) -> File:
    base = escape(site.job.base_url)
    urls = "".join([f"<url><loc>{base}{escape(one)}</loc></url>" for one in addresses])
    return File(address, f'{_HEAD}<urlset xmlns="{_SITEMAP}">{urls}</urlset>\n'.encode())


def _add(parent: ElementTree.Element, name: str, words: str) -> None:
    ElementTree.SubElement(parent, name).text = words


def _instant(day: date) -> str:
    return f"{day.isoformat()}T00:00:00+08:00"


def _xml(root: ElementTree.Element) -> bytes:
    words = ElementTree.tostring(root, encoding="unicode")
    return f"{_HEAD}{words}\n".encode()
