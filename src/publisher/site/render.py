"""What the builder's process does. The only file that imports Pelican, which takes over logging where it is imported.

Pelican reads the hand-written pages. Record pages are made by one generator plugin that streams the parts the ledger
owes; a large build has other processes render them. Pelican would not escape, would write in place and would go on
after an error: all pages are rendered by our own environment of the theme (:mod:`~publisher.site.engine`), every file
goes through :class:`~publisher.site.install.Tree`, and every error ends the build.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

from pelican import Pelican, signals
from pelican.generators import Generator
from pelican.settings import read_settings
from pelican.writers import Writer

from publisher import paths
from publisher.errors import RenderFailed
from publisher.ledger import Ledger, list_pages
from publisher.ledger.owed import owe_pages, owed_counts, owed_each, owed_keys
from publisher.ledger.store import READERS_KIB
from publisher.progress import OnStage
from publisher.second import done_elsewhere, pays, rarely_collecting
from publisher.site import laid, owing, portal, units
from publisher.site.crew import Crew
from publisher.site.install import File, Installed, Made, Tree
from publisher.site.job import Job
from publisher.site.log import PublicationLog
from publisher.site.maker import Maker
from publisher.site.renderer import static_files
from publisher.site.search.manifest import Ahead
from publisher.site.search.shown import Subjects
from publisher.site.search.update import Index
from publisher.site.views import Page, Site

CHUNK = 200  # parts rendered and installed together by one process
LAID = 2_500  # parts noted and installed together whose files are laid in their places
FEW = 2_000  # parts that one process renders alone
MUCH = 20_000  # parts owed, and the log may grow by much
SHARES = 2  # chunks at least for each process, so that none waits long for the others

_Chunk = TypeVar("_Chunk")


class CollectingWriter(Writer):
    """Pelican's writer, keeping the hand-written pages as files to be installed instead of writing in place."""

    files: list[File]
    maker: Maker
    job: Job

    def write_file(self, name: str, template: Any, context: Any, *args: Any, **kwargs: Any) -> None:
        """Keep one hand-written page, rendered with the same context as every other page."""
        page = kwargs.get("page")
        if page is None:
            raise RenderFailed(f"Pelican was about to write {name}, which is no hand-written page")
        if "plan" in page.metadata and page.metadata["plan"] not in self.maker.site.plans:
            return  # the document of a plan that is not shown
        address = paths.address_of(name)
        head = self.maker.site.head(
            page.title, address, "about",
            crumbs=[] if address == paths.ABOUT else [("关于本站", paths.ABOUT)],
        )  # fmt: skip
        values = [one.model_dump() for one in self.job.values if one.certainty == "assumed"]
        given = {"view": head, "page": page, "assumed": values if address == paths.ABOUT else []}
        self.files.append(self.maker.renderer.file(Page(address, f"{template.name or 'page.html'}", given)))


class RecordPages(Generator):
    """Pelican's generator for everything that comes from the ledger."""

    job: Job
    ledger: Ledger
    maker: Maker
    on_progress: OnStage
    installed: Installed

    def generate_context(self) -> None:
        """Records are read while they are rendered; nothing is held in memory."""

    def generate_output(self, writer: CollectingWriter) -> None:
        """Render and install every part of the site that the ledger owes."""
        tree = Tree(self.job.output, self.job.behind, self.job.precompress)
        self.maker.documents = {
            str(page.metadata["plan"]): "/" + page.url for page in self.context["pages"] if "plan" in page.metadata
        }
        try:
            laid.enter(self.ledger)
            publication_log = PublicationLog(self.job, self.ledger)
            outcomes = {name: str(words["label"]) for name, words in self.job.words.items()}
            subjects = Subjects(self.maker.site, self._titles(self.maker.site))
            index = Index(subjects, outcomes, self.ledger, tree, page=self._search_page)
            with self.ledger.reading() as connection:
                counts = owed_counts(connection)
            with index.begun(counts):
                all_again = self._appended(publication_log, sum(counts.values()))
                with self.ledger.transaction() as connection:
                    if all_again:
                        owe_pages(connection, owing.everything(connection))
                    owing.widen(connection)
                    counts = owed_counts(connection)
                beside = {("static", ""): _static(self.job), ("content", ""): writer.files}
                totals = [tree.install(self.ledger, beside)]
                totals += self._installed(tree, counts)
                totals.append(index.update())
            totals += publication_log.install(tree)
        finally:
            tree.close()
        type(self).installed = Installed(sum(one.written for one in totals), sum(one.removed for one in totals))

    def _appended(self, publication_log: PublicationLog, owed: int) -> bool:
        """Append to the log, by a process of its own where so many parts are owed that it may take much memory; tell
        whether all is made again."""
        on_progress = partial(self.on_progress, "append")
        if not pays(owed, MUCH):
            return publication_log.append(on_progress)
        self.ledger.let_go()
        return done_elsewhere(publication_log.append, on_told=on_progress, is_fork=True)

    def _installed(self, tree: Tree, counts: Mapping[str, int]) -> Iterator[Installed]:
        """Render and install what is owed, scope by scope, telling how far that is."""
        owed = {scope: counts[scope] for scope in units.ORDER if scope in counts}
        done, total = 0, sum(owed.values())
        with ExitStack() as stack:
            crew = None
            if total > FEW and processes() > 1:
                self.maker.renderer.read_all()
                crew = stack.enter_context(Crew(self.maker, self.ledger, tree, processes()))
            for scope in owed:
                for made in self._made(tree, scope, owed[scope], crew):
                    yield tree.install(self.ledger, made)
                    done += len(made)
                    self.on_progress("build", done, total)

    def _made(self, tree: Tree, scope: str, count: int, crew: Crew | None) -> Iterator[Made]:
        """Yield the files of what is owed of one scope, ``count`` parts, chunk by chunk: some for every process."""
        if crew is not None and scope in units.APART:
            size = min(units.APART[scope], -(-count // (SHARES * len(crew.workers))))
            if scope == laid.SCOPE and tree.is_first:
                yield from together(crew.made(scope, self._to_be_laid(size), in_place=True), LAID)
                laid.done(self.ledger)
            else:
                yield from crew.made(scope, self._chunks(scope, size, len(crew.workers)))
        else:
            for keys in self._chunks(scope, CHUNK):
                yield from self.maker.made(scope, keys, CHUNK)

    def _chunks(self, scope: str, size: int, ways: int = 1) -> Iterator[list[str]]:
        """Yield the keys owed of one scope, so many at a time, for ``ways`` processes that take them in turn: pages of
        lists that share results together, all other parts in order."""
        if scope == "list_page":
            with self.ledger.reading() as connection:
                pages = list_pages.in_order(connection, owed_each(connection, scope))
            for first in side_by_side(range(0, len(pages.lists), size), ways):
                yield pages.between(first, first + size)
            return
        last = ""
        while True:
            with self.ledger.reading() as connection:
                keys = owed_keys(connection, scope, last, size)
            if keys:
                yield keys
            if len(keys) < size:
                return
            last = keys[-1]

    def _to_be_laid(self, size: int) -> Iterator[list[str]]:
        """Yield the keys owed of subjects, so many at a time, after it was noted that their files are laid."""
        for keys in self._chunks(laid.SCOPE, LAID):
            laid.ask(self.ledger, keys[-1])
            for first in range(0, len(keys), size):
                yield keys[first : first + size]

    def _search_page(self, ahead: Ahead) -> File:
        return self.maker.renderer.file(portal.search_page(self.maker.site, ahead))

    def _titles(self, site: Site) -> list[tuple[str, str]]:
        """Return title and address of the hand-written pages that are shown."""
        pages = (page for page in self.context["pages"] if page.metadata.get("plan") in {None, *site.plans})
        return [(page.title, paths.address_of(page.save_as)) for page in pages]


def together(made: Iterable[Made], least: int) -> Iterator[Made]:
    """Yield the files of parts, of so many parts at a time."""
    held: Made = {}
    for some in made:
        held |= some
        if len(held) >= least:
            yield held
            held = {}
    if held:
        yield held


def side_by_side(chunks: Sequence[_Chunk], ways: int) -> Iterator[_Chunk]:
    """Yield chunks for processes that take them in turn: each goes through a part of its own, and reads less twice."""
    share = -(-len(chunks) // ways)
    for first in range(share):
        yield from chunks[first::share]


def processes() -> int:
    """Return how many processes render a large build: those of the machine this one may use, two at most."""
    return min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


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


def run(job: Job, on_progress: OnStage) -> Installed:
    """Build what is owed; return how many files changed. ``on_progress`` is told of what is logged and rendered.

    Raises :class:`SiteError` (:class:`RenderFailed` for a template or a hand-written page), :class:`LedgerError`.
    """
    with Ledger(job.ledger_url, cache_kib=READERS_KIB) as ledger:
        return _run(job, ledger, on_progress)


def _run(job: Job, ledger: Ledger, on_progress: OnStage) -> Installed:
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
    maker = Maker(job, ledger)

    def get_generators(_: object) -> type[RecordPages]:
        return RecordPages

    def get_writer(_: object) -> type[CollectingWriter]:
        return CollectingWriter

    RecordPages.job, RecordPages.ledger, RecordPages.maker = job, ledger, maker
    RecordPages.on_progress = staticmethod(on_progress)
    CollectingWriter.job, CollectingWriter.maker, CollectingWriter.files = job, maker, []
    signals.get_generators.connect(get_generators)
    signals.get_writer.connect(get_writer)
    with rarely_collecting():
        Pelican(settings).run()  # type: ignore[no-untyped-call]
    if errors.messages:
        raise RenderFailed("; ".join(errors.messages[:5]))
    return RecordPages.installed
