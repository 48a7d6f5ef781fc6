"""What machines read first: the Atom feed, the sitemaps and robots.txt."""

from collections.abc import Iterable
from datetime import date
from xml.etree import ElementTree

from sqlalchemy import select

from publisher import paths
from publisher.ledger import shown
from publisher.ledger.schema import page
from publisher.site.install import File
from publisher.site.views import Site

_ATOM = "http://www.w3.org/2005/Atom"
_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
FEED_LENGTH = 50


def feed(site: Site) -> File:
    """Return the feed of the results published last (RFC 4287). Entries are known by their random ``ref``."""
    base = site.job.base_url
    root = ElementTree.Element("feed", {"xmlns": _ATOM, "xml:lang": "zh-Hans"})
    _add(root, "title", f"{site.job.name}：最新检查结果")
    _add(root, "id", base + paths.FEED)
    ElementTree.SubElement(root, "link", {"rel": "self", "href": base + paths.FEED})
    ElementTree.SubElement(root, "link", {"rel": "alternate", "type": "text/html", "href": base + paths.RESULTS})
    entries = shown.latest(site.connection, FEED_LENGTH)
    _add(root, "updated", _instant(max((one.row.since for one in entries), default=date(2015, 1, 1))))
    author = ElementTree.SubElement(root, "author")
    _add(author, "name", site.job.name)
    for one in entries:
        entry = ElementTree.SubElement(root, "entry")
        labels = "、".join(site.job.words[outcome]["label"] for outcome in dict.fromkeys(one.beside["outcomes"]))
        _add(entry, "title", f"{one.body['subject']['name']}：{labels}")
        _add(entry, "id", f"urn:ref:{one.row.ref}")
        _add(entry, "updated", _instant(one.row.since))
        where = f"{base}{one.row.subject_path}#{one.row.record_id}"
        ElementTree.SubElement(entry, "link", {"rel": "alternate", "type": "text/html", "href": where})
        _add(entry, "summary", f"{one.body['authority']}，{one.body['ended_on']} 完成检查")
    return File(paths.FEED, _xml(root))


def sitemap_part(site: Site, number: int) -> list[File]:
    """Return the addresses of the subjects of one range of numbers; nothing when none is shown."""
    first = number * paths.SITEMAP_PART
    addresses = [row.path for row in shown.subjects(site.connection, numbers=(first, first + paths.SITEMAP_PART))]
    return [_urlset(site, paths.sitemap_part(number), addresses)] if addresses else []


def sitemap_index(site: Site, overviews: Iterable[str]) -> list[File]:
    """Return the sitemap of all other pages (``overviews`` are made together with it), and the index of sitemaps."""
    pages = site.connection.execute(select(page.c.path, page.c.scope).where(page.c.scope != "portal")).all()
    other = [row.path for row in pages if row.path.endswith(("/", ".html")) and row.scope != "subject"]
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
    root = ElementTree.Element("urlset", {"xmlns": _SITEMAP})
    for one in addresses:
        _add(ElementTree.SubElement(root, "url"), "loc", site.job.base_url + one)
    return File(address, _xml(root))


def _add(parent: ElementTree.Element, name: str, words: str) -> None:
    ElementTree.SubElement(parent, name).text = words


def _instant(day: date) -> str:
    return f"{day.isoformat()}T00:00:00+08:00"


def _xml(root: ElementTree.Element) -> bytes:
    words = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{words}\n'.encode()
