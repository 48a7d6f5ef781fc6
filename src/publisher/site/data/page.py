"""The page of everything there is to take away."""

from itertools import chain, groupby

from publisher import paths
from publisher.ledger import deltas
from publisher.ledger.many import iso
from publisher.log import load_key
from publisher.site.data.catalogue import catalogue_files
from publisher.site.data.changes import publication_files
from publisher.site.data.files import WHOLE_LIMIT, licence, total_rows
from publisher.site.data.listing import SCOPES, Download, about_all, downloads
from publisher.site.install import File
from publisher.site.views import ATOM, Context, Page, Site, dataset, latest_day

LATEST_PUBLICATIONS = 10
_TYPES = {paths.DATA_PACKAGE: "application/json", paths.DATA_CATALOG: "application/ld+json"}


def data_pages(site: Site) -> list[Page | File]:
    """Return the page of all downloads, and the files that describe them to machines."""
    made = catalogue_files(site)
    groups: dict[str, list[Context]] = {title: [] for title in SCOPES.values()}
    for (scope, title), files in groupby(chain(downloads(site), about_all(made)), lambda one: (one.scope, one.title)):
        groups[SCOPES[scope]].append(_entry(site, title, list(files)))
    rows = total_rows(site)
    context = {
        "view": site.head(
            "数据下载",
            paths.DATA,
            "data",
            as_of=deltas.latest_change(site.connection),
            alternate=[(paths.FEED, ATOM, "最新检查结果")],
            structured=dataset(
                site.job,
                f"{site.job.name}：公示数据",
                "公示中的抽查计划、抽查事项清单和检查结果，按年、按月、按计划整份下载；停止公示的内容随即从文件中删除。",
                paths.DATA,
                [(one.address, _TYPES[one.address]) for one in made if one.address in _TYPES],
            ),
        ),
        "groups": [{"title": title, "entries": entries} for title, entries in groups.items() if entries],
        "publications": _latest_publications(site),
        "whole": {"rows": rows, "limit": WHOLE_LIMIT, "too_many": rows > WHOLE_LIMIT},
        "log": {
            "vkey": load_key(site.job.log_key, site.job.base_url).verifier.vkey,
            "vkey_href": site.href(paths.LOG_VKEY),
            "checkpoint_href": site.href(paths.LOG_CHECKPOINT),
            "base_url": site.job.base_url,
        },
        "licence": {"title": licence(site)["title"], "href": site.href(paths.ABOUT + "data-licence/")},
    }
    return [*made, Page(paths.DATA, "data.html", context)]


def _entry(site: Site, title: str, files: list[Download]) -> Context:
    """Return what is told of files of the same content; those of a month in several parts are on the month's page."""
    year_month = files[0].key.partition("/")[0]
    parts = {one.key for one in files if one.scope == "data_month"}
    return {
        "title": title,
        "as_of": iso(latest_day(one.as_of for one in files)),
        "parts": max(1, len(parts)),
        "parts_href": site.href(paths.results_month(*map(int, year_month.split("-")))) if len(parts) > 1 else None,
        "files": [
            {"href": site.href(one.address), "format": one.format, "rows": one.rows, "bytes": one.bytes}
            for one in files
            if len(parts) <= 1
        ],
    }


def _latest_publications(site: Site) -> list[Context]:
    files = publication_files(site)
    return [
        {
            "number": one.run_no,
            "as_of": iso(one.as_of),
            "added": one.added,
            "modified": one.modified,
            "stopped": one.stopped,
            "files": [site.href(address) for address in files.get(one.run_no, ())],
        }
        for one in deltas.publications(site.connection)[: -LATEST_PUBLICATIONS - 1 : -1]
    ]
