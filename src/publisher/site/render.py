"""The builder's child process, and the only file that imports Pelican (which takes over logging where it is imported).

Pelican reads the hand-written pages and owns the theme and its Jinja environment. Record pages are made by one
generator plugin that streams the parts the ledger owes through the same environment. Pelican would not escape, would
write in place and would go on after an error: the environment escapes and refuses unknown names, every file goes
through :class:`~publisher.site.install.Tree`, and every error ends the build.

``python -m publisher.site.render`` reads a :class:`~publisher.site.job.Job` as JSON on standard input and writes JSON
lines on standard output: ``{"done", "total"}`` as it goes, then ``{"written", "removed"}`` or ``{"error"}``.
"""

import hashlib
import logging
import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any, TextIO

import jinja2
import orjson
from markupsafe import Markup
from pelican import Pelican, signals
from pelican.generators import Generator
from pelican.settings import read_settings
from pelican.writers import Writer

from publisher import paths
from publisher.errors import PublisherError, RenderFailed, SiteError
from publisher.ledger import Ledger
from publisher.ledger.owed import owed_pages
from publisher.site import units
from publisher.site.install import File, Installed, Part, Tree
from publisher.site.job import Job
from publisher.site.search.shown import Subjects
from publisher.site.search.update import Index
from publisher.site.views import Page, Site

CHUNK = 200  # parts rendered and installed together

Report = Callable[[dict[str, Any]], None]


class Renderer:
    """Turns pages into files with the theme's templates."""

    def __init__(self, job: Job, environment: jinja2.Environment) -> None:
        self._environment = environment
        self._given = {"portal": _portal(job), "url": self._url(job), "asset": self._asset(job)}
        self._around: dict[tuple[str, bool], dict[str, Markup]] = {}

    def file(self, page: Page) -> File:
        """Return the rendered page.

        Raises :class:`RenderFailed` naming the template and the page.
        """
        try:
            around = self._frame(page.context["view"])
            words = self._environment.get_template(page.template).render(**self._given, **around, **page.context)
        except (jinja2.TemplateError, TypeError, KeyError, AttributeError) as error:
            raise RenderFailed(f"theme template {page.template}, page {page.address}: {error}") from error
        return File(page.address, words.encode())

    def _frame(self, view: Mapping[str, Any]) -> dict[str, Markup]:
        """Return the head and foot of the pages of a section, which are the same on all but the section's own."""
        key = (view["section"], view["path"] == f"/{view['section']}/")
        if key not in self._around:
            portal, url, asset = (self._given[name] for name in ("portal", "url", "asset"))
            self._around[key] = {
                "masthead": self._macro("header")(portal, view, url, asset),
                "colophon": self._macro("footer")(portal, url),
            }
        return self._around[key]

    def _macro(self, name: str) -> Callable[..., Markup]:
        component = self._environment.get_template(f"components/{name}.html").module
        macro: Callable[..., Markup] = getattr(component, name)
        return macro

    @staticmethod
    def _url(job: Job) -> Callable[[str], str]:
        return lambda address: job.root + address

    @staticmethod
    def _asset(job: Job) -> Callable[[str], str]:
        digests = {
            file.relative_to(job.theme / "static").as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:8]
            for file in static_files(job.theme)
        }
        return lambda name: f"{job.root}{paths.STATIC}{name}?v={digests[name]}"


def _member(environment: jinja2.Environment, record: Any, name: str) -> Any:
    """Return what ``record.name`` means in a template. Records are dicts; Jinja would look for a method first."""
    if type(record) is dict and name in record:
        return record[name]
    return jinja2.Environment.getattr(environment, record, name)


def _portal(job: Job) -> dict[str, Any]:
    from publisher import regions

    return {
        "name": job.name,
        "base_url": job.base_url,
        "root": job.root,
        "region_name": regions.name(job.region_code) or job.region_code,
        "demo": job.demo,
        "demo_note": "演示数据：本站全部企业、人员和检查结果均为虚构" if job.demo else None,
        "profile_title": job.profile_title,
        "theme_version": job.look[:8],
    }


def static_files(theme: Path) -> list[Path]:
    """Return the theme's static files, in the order of their names."""
    return sorted(file for file in (theme / "static").rglob("*") if file.is_file())


class CollectingWriter(Writer):
    """Pelican's writer, keeping the hand-written pages as files to be installed instead of writing in place."""

    files: list[File]
    renderer: Renderer
    job: Job
    site: Site

    def write_file(self, name: str, template: Any, context: Any, *args: Any, **kwargs: Any) -> None:
        """Keep one hand-written page, rendered with the same context as every other page."""
        page = kwargs.get("page")
        if page is None:
            raise RenderFailed(f"Pelican was about to write {name}, which is no hand-written page")
        if "plan" in page.metadata and page.metadata["plan"] not in self.site.plans:
            return  # the document of a plan that is not shown
        address = "/" + name.removesuffix("index.html")
        head = self.site.head(
            page.title, address, "about",
            crumbs=[] if address == paths.ABOUT else [("关于本站", paths.ABOUT)],
        )  # fmt: skip
        values = [one.model_dump() for one in self.job.values if one.certainty == "assumed"]
        given = {"view": head, "page": page, "assumed": values if address == paths.ABOUT else []}
        self.files.append(self.renderer.file(Page(address, f"{template.name or 'page.html'}", given)))


class RecordPages(Generator):
    """Pelican's generator for everything that comes from the ledger."""

    job: Job
    ledger: Ledger
    report: Report
    installed: Installed

    def generate_context(self) -> None:
        """Records are read while they are rendered; nothing is held in memory."""

    def generate_output(self, writer: CollectingWriter) -> None:
        """Render and install every part of the site that the ledger owes."""
        tree = Tree(self.job.output)
        try:
            with self.ledger.transaction() as connection:
                owed = owed_pages(connection)
                widened = units.widen(connection, owed)
            parts = _in_order(owed, widened)
            hand_written = {("static", ""): _static(self.job), ("content", ""): writer.files}
            totals = [tree.install(self.ledger, hand_written)]
            done = 0
            for _, group in groupby(parts, key=lambda part: part[0]):
                same = list(group)
                for start in range(0, len(same), CHUNK):
                    chunk = same[start : start + CHUNK]
                    totals.append(tree.install(self.ledger, self._rendered(writer, chunk)))
                    done += len(chunk)
                    self.report({"done": done, "total": len(parts)})
            widening = {
                (scope, key): () for scope in ("results_of_plan", "results_of_list") for key in owed.get(scope, ())
            }
            tree.install(self.ledger, widening)
            outcomes = {name: str(words["label"]) for name, words in self.job.words.items()}
            subjects = Subjects(writer.site, self._titles(writer.site))
            totals.append(Index(subjects, outcomes, self.ledger, tree).update())
        finally:
            tree.close()
        type(self).installed = Installed(sum(one.written for one in totals), sum(one.removed for one in totals))

    def _titles(self, site: Site) -> list[tuple[str, str]]:
        """Return title and address of the hand-written pages that are shown."""
        pages = (page for page in self.context["pages"] if page.metadata.get("plan") in {None, *site.plans})
        return [(page.title, "/" + page.save_as.removesuffix("index.html")) for page in pages]

    def _rendered(self, writer: CollectingWriter, parts: list[Part]) -> dict[Part, list[File]]:
        """Return the files of parts of one scope."""
        documents = {
            str(page.metadata["plan"]): "/" + page.url for page in self.context["pages"] if "plan" in page.metadata
        }
        with self.ledger.reading() as connection:
            writer.site.connection = connection
            scope = parts[0][0]
            found = units.render(writer.site, scope, [key for _, key in parts], documents)
            return {
                (scope, key): [writer.renderer.file(one) if isinstance(one, Page) else one for one in pages]
                for key, pages in found.items()
            }


def _in_order(owed: dict[str, list[str]], widened: set[Part]) -> list[Part]:
    parts = {(scope, key) for scope, keys in owed.items() for key in keys} | widened
    rank = {scope: place for place, scope in enumerate(units.ORDER)}
    return sorted((part for part in parts if part[0] in rank), key=lambda part: (rank[part[0]], part[1]))


def _static(job: Job) -> list[File]:
    root = job.theme / "static"
    return [
        File(paths.STATIC + file.relative_to(root).as_posix(), file.read_bytes()) for file in static_files(job.theme)
    ]


class _Errors(logging.Handler):
    """Keeps what Pelican reports as an error; it would go on without the page."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


def run(job: Job, ledger: Ledger, report: Report) -> Installed:
    """Build what is owed; return how many files changed.

    Raises :class:`SiteError` (:class:`RenderFailed` for a template or a hand-written page).
    """
    settings = read_settings(
        override={
            "PATH": str(job.content),
            "OUTPUT_PATH": str(job.output),
            "THEME": str(job.theme),
            "SITENAME": job.name,
            "SITEURL": job.base_url,
            "TIMEZONE": "Asia/Shanghai",
            "DEFAULT_LANG": "zh",
            "DEFAULT_DATE_FORMAT": "%Y-%m-%d",
            "JINJA_ENVIRONMENT": {
                "autoescape": True,
                "undefined": jinja2.StrictUndefined,
                "trim_blocks": True,
                "lstrip_blocks": True,
                "auto_reload": False,  # the theme does not change under a build
            },
            "PAGE_PATHS": ["pages"],
            "PAGE_URL": "about/{slug}/",
            "PAGE_SAVE_AS": "about/{slug}/index.html",
            "PAGE_TRANSLATION_ID": None,
            "ARTICLE_TRANSLATION_ID": None,
            "ARTICLE_PATHS": [],
            "STATIC_PATHS": [],
            "THEME_STATIC_PATHS": [],
            "DIRECT_TEMPLATES": [],
            "AUTHOR_SAVE_AS": "",
            "CATEGORY_SAVE_AS": "",
            "TAG_SAVE_AS": "",
            "FEED_ALL_ATOM": None,
            "CATEGORY_FEED_ATOM": None,
            "TRANSLATION_FEED_ATOM": None,
            "AUTHOR_FEED_ATOM": None,
            "AUTHOR_FEED_RSS": None,
            "DELETE_OUTPUT_DIRECTORY": False,
            "LOAD_CONTENT_CACHE": False,
            "PLUGINS": [],
            "TYPOGRIFY": False,
        }
    )
    errors = _Errors()
    logging.getLogger().addHandler(errors)
    with ledger.reading() as connection:
        site = Site(job, connection)

    def get_generators(_: object) -> type[RecordPages]:
        return RecordPages

    def get_writer(_: object) -> type[CollectingWriter]:
        return CollectingWriter

    def began(generator: Any) -> None:
        if isinstance(generator, RecordPages):
            generator.env.getattr = partial(_member, generator.env)  # type: ignore[method-assign]
            CollectingWriter.renderer = Renderer(job, generator.env)

    RecordPages.job, RecordPages.ledger, RecordPages.report = job, ledger, staticmethod(report)
    CollectingWriter.job, CollectingWriter.site, CollectingWriter.files = job, site, []
    signals.get_generators.connect(get_generators)
    signals.get_writer.connect(get_writer)
    signals.generator_init.connect(began)
    Pelican(settings).run()  # type: ignore[no-untyped-call]
    if errors.messages:
        raise RenderFailed("; ".join(errors.messages[:5]))
    return RecordPages.installed


def main(source: TextIO, out: TextIO) -> int:
    """Run one build; return the exit status."""

    def report(line: dict[str, Any]) -> None:
        out.write(orjson.dumps(line).decode() + "\n")
        out.flush()

    job = Job.model_validate_json(source.read())
    try:
        with Ledger(job.ledger_url) as ledger:
            installed = run(job, ledger, report)
    except PublisherError as error:
        report({"error": str(error), "kind": type(error).__name__})
        return SiteError.exit_status
    report({"written": installed.written, "removed": installed.removed})
    return 0


if __name__ == "__main__":
    lines, sys.stdout = sys.stdout, sys.stderr  # Pelican prints; the parent reads only what is meant for it
    sys.exit(main(sys.stdin, lines))
