"""Bringing the search index in step with the ledger: a few changes beside the base, or a new base.

A small site is written anew whenever something changes. A large one keeps its base: new and changed subjects go to the
overlay, which the page reads beside it; withdrawn ones leave the overlay and every file of the base in the same run,
and so do those of whom something that is searched has changed. When the overlay or the list of files that were written
again has grown, a new base takes the place of all of it.
"""

import hashlib
import pickle
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, select

from publisher import folding, paths
from publisher.errors import SiteError
from publisher.ledger import Ledger
from publisher.ledger.owed import owed_pages
from publisher.ledger.schema import page
from publisher.searchfile import PART, ROW
from publisher.second import made_elsewhere, pays
from publisher.site.crew import Crew
from publisher.site.folder import staging
from publisher.site.install import File, Installed, Made, Part, Tree
from publisher.site.search import coding, state
from publisher.site.search.coding import Dictionary
from publisher.site.search.entry import Entry
from publisher.site.search.index import SCAN_LIMIT, Base, Builder, fingerprint, undisturbed, unit_files
from publisher.site.search.manifest import Ahead, ahead, manifest
from publisher.site.search.state import State
from publisher.site.search.withdrawal import Withdrawal
from publisher.site.worker import Bench

OVERLAY_LIMIT = 5000  # subjects in the overlay before a new base is made: some 120 KB that every reader fetches
REWRITTEN_LIMIT = 20_000  # files written again before a new base is made: a list of some 12 KB
BATCH = 200  # files installed together
MANY = 600  # files that are written again by two processes
MANY_SUBJECTS = 20_000  # owed, and a process of its own makes a base


class Source(Protocol):
    """Where the index has its content from."""

    def every(self, connection: Connection) -> Iterator[Entry]:
        """Yield every subject of whom something is shown."""

    def some(self, connection: Connection, numbers: Sequence[int]) -> dict[int, Entry]:
        """Return subjects by number; one of whom nothing is shown is left out."""

    def others(self, connection: Connection) -> Iterator[tuple[str, str, str, str]]:
        """Yield what else a reader may look for: kind (plan, task, item, page), title, address, what is said beside."""


class Index:
    """The search index of a site, and what it takes to change it."""

    def __init__(
        self,
        source: Source,
        outcomes: Mapping[str, str],
        ledger: Ledger,
        tree: Tree,
        scan_limit: int = SCAN_LIMIT,
        page: Callable[[Ahead], File] | None = None,
    ) -> None:
        """``outcomes``: the words of each outcome by its id; up to ``scan_limit`` subjects there are no shards.

        ``page`` makes the search page, which is installed together with the manifest.
        """
        self._source, self._outcomes, self._ledger, self._tree = source, outcomes, ledger, tree
        self._scan_limit, self._page = scan_limit, page
        self._total = Installed(0, 0)
        self._coming: Iterator[Path] | None = None

    @contextmanager
    def begun(self, owed: Mapping[str, int]) -> Iterator[None]:
        """Have a process of its own make a new base meanwhile, where it is known already that one is due, of many.

        It is installed by :meth:`update`: nothing that is searched changes meanwhile, whoever would holds the run lock.
        No connection to the ledger may be in use. ``owed``: how many parts are owed by scope.
        """
        if not self._is_due(owed):
            yield
            return
        self._ledger.let_go()
        with made_elsewhere(self._laid, is_fork=True) as self._coming:
            yield
        self._coming = None
        self._ledger.empty_journal()  # while another process reads, what was deleted stays in it

    def _is_due(self, owed: Mapping[str, int]) -> bool:
        if not pays(max(owed.get("subject", 0), owed.get("search_subject", 0)), MANY_SUBJECTS):
            return False
        with self._ledger.reading() as connection:
            return "search" in owed or state.load(connection) is None

    def update(self) -> Installed:
        """Install what the ledger owes of the index; return how many files changed.

        Raises :class:`SiteError`, :class:`LedgerError` when the process that :meth:`begun` started fails.
        """
        with self._ledger.reading() as connection:
            owed = owed_pages(connection)
            before = state.load(connection)
            others = coding.text_file(([ROW.join(map(PART.join, self._source.others(connection)))],))
            numbers = [int(key) for key in owed.get("search_subject", ())]
            now = before
            if before is None or owed.get("search") or (numbers and not before.base.shards):
                now = None
            found = self._source.some(connection, numbers) if now is not None else {}
        if now is not None and numbers:
            now = self._changed(now, {number: found.get(number) for number in numbers})
        if now is None:
            now = self._anew()
        self._finish(before, now, others, numbers)
        return self._total

    def _anew(self) -> State:
        if self._coming is not None:
            told = next(self._coming)
            base, files = pickle.loads(told.read_bytes())  # noqa: S301 - our own process wrote it
            told.unlink()
            for made in files:
                self._install(made)
        else:
            base = self._made(self._install)
        return State(base, 0, {}, {})

    def _made(self, take: Callable[[Made], None]) -> Base:
        """Make a new base, its files given away some at a time."""
        with undisturbed():
            with self._ledger.reading() as connection:
                builder = Builder(self._source.every(connection), list(self._outcomes), self._scan_limit)
            units = builder.files()
            while some := list(islice(units, BATCH)):
                take(unit_files("search", builder.base.generation, some))
        return builder.base

    def _laid(self) -> Iterator[Path]:
        """Make a new base, its files laid beside the tree; yield the file that tells of both.

        The process need not wait for its reader then, and ends: it has very much in memory.
        """
        folder = staging(self._tree.output) / "search"
        files: list[Made] = []

        def lay(made: Made) -> None:
            files.append({part: [bench.kept(one) for one in some] for part, some in made.items()})

        try:
            bench = Bench(folder)
            base = self._made(lay)
            told = bench.written(pickle.dumps((base, files)))
        except OSError as error:
            raise SiteError(f"{folder} cannot be written: {error.strerror}") from error
        yield Path(told)

    def _changed(self, before: State, entries: Mapping[int, Entry | None]) -> State | None:
        """Return the index with these subjects as they are now, or None when a new base is due."""
        base, changes = before.base, dict(before.changes)
        docs = {number: doc for doc, number in enumerate(base.subjects) if number in entries}
        leaving = []
        for number, entry in entries.items():
            doc = docs.get(number)
            if doc is not None and (entry is None or base.prints[doc] != fingerprint(entry)):
                leaving.append(doc)
                doc = None
            changes.pop(number, None)
            if entry is not None:
                changes[number] = doc
        if len(changes) > OVERLAY_LIMIT:
            return None
        return self._without(before, leaving, changes) if leaving else before._replace(changes=changes)

    def _without(self, before: State, docs: Sequence[int], changes: dict[int, int | None]) -> State | None:
        """Take subjects out of the base, with ``changes`` in the overlay; return None when a new base is due."""
        with self._ledger.transaction() as connection:
            now = state.reserve(connection, before)._replace(changes=changes)
        try:
            leaving = Withdrawal(now.base, docs, lambda unit: self._read(before, unit), now.revision)
            base, codes = leaving.codes("search")
        except (OSError, ValueError):
            return None  # the files are not as the ledger has them: all of them are made again
        if len(now.revisions.keys() | leaving.units) > REWRITTEN_LIMIT:
            return None
        revisions = dict(now.revisions)
        for made in chain([codes], self._rewritten(leaving)):
            self._install(made)
            revisions |= {key.partition("/")[2]: now.revision for _, key in made}
        if any(revisions.get(unit) != now.revision for unit in leaving.units):
            return None  # a file could not be read, as above
        return now._replace(base=base, revisions=revisions)

    def _rewritten(self, leaving: Withdrawal) -> Iterator[Made]:
        """Yield the files that are written again, made by two processes where these are many."""
        if pays(len(leaving.units), MANY):
            chunks = (leaving.units[at : at + BATCH] for at in range(0, len(leaving.units), BATCH))
            with Crew(leaving, self._ledger, self._tree, 2) as crew:
                yield from crew.made("search", chunks)
        else:
            yield from leaving.made("search", leaving.units, BATCH)

    def _read(self, before: State, unit: str) -> bytes:
        address = paths.search_unit(before.base.generation, unit, before.revisions.get(unit))
        with (self._tree.output / paths.file_of(address)).open("rb", buffering=0) as file:
            return file.read()

    def _overlay(self, connection: Connection, now: State, dictionary: Dictionary) -> bytes:
        """Return the lines of new and changed subjects; those that are not in the base get numbers behind its end."""
        listed: list[tuple[int, Entry]] = []
        behind = now.base.size
        entries = self._source.some(connection, list(now.changes))
        for number, doc in sorted(now.changes.items(), key=lambda one: (one[1] is None, one[1], one[0])):
            entry = entries.get(number)
            if entry is not None:
                listed.append((behind if doc is None else doc, entry))
                behind += doc is None
        columns = zip(*(coding.values(entry, dictionary) for _, entry in listed), strict=True)
        docs, days = [doc for doc, _ in listed], [entry.latest for _, entry in listed]
        return coding.text_file((coding.table(docs, days, columns),), coding.SMALLEST)  # every reader fetches it

    def _finish(self, before: State | None, now: State, others: bytes, done: Iterable[int]) -> None:
        dictionary = Dictionary(list(self._outcomes), (name for name, _ in now.base.authorities))
        named: dict[str, str | None] = {"overlay": None, "revised": None}
        files: list[File] = []

        def add(name: str, content: bytes) -> None:
            address = paths.search_file(name, hashlib.sha256(content).hexdigest())
            named[name] = address.removeprefix(paths.SEARCH)
            files.append(File(address, content))

        with self._ledger.reading() as connection:
            if now.changes:
                add("overlay", self._overlay(connection, now, dictionary))
        if now.revisions:
            add("revised", coding.revisions_file(now.revisions))
        counts = dict(now.base.authorities)
        rows = [f"{name}{PART}{counts.get(name, 0)}" for name in dictionary.authorities]
        add("authorities", coding.text_file(([ROW.join(rows)],)))
        add("others", others)
        pairs = sorted(folding.simplified().items())
        add("simplified", coding.text_file(([ROW.join(map("".join, zip(*pairs, strict=True)))],)))
        files.append(File(paths.SEARCH_MANIFEST, manifest(now, named, self._outcomes)))
        if self._page is not None:
            files.append(self._page(ahead(now, named)))
        self._install({("search", "beside"): files})
        if before is None or before.base.generation != now.base.generation:
            self._remove_others(now.base.generation)
        with self._ledger.transaction() as connection:
            state.keep(connection, now, done)

    def _remove_others(self, generation: str) -> None:
        """Remove every generation but the one installed, what a killed build left of one included."""
        with self._ledger.reading() as connection:
            query = select(page.c.key).where(
                page.c.scope == "search", page.c.key != "beside", ~page.c.key.startswith(f"{generation}/")
            )
            keys = sorted(set(connection.execute(query).scalars()))
        for start in range(0, len(keys), BATCH):
            self._install({("search", key): [] for key in keys[start : start + BATCH]})

    def _install(self, parts: Mapping[Part, Iterable[File]]) -> None:
        if parts:
            done = self._tree.install(self._ledger, parts)
            self._total = Installed(self._total.written + done.written, self._total.removed + done.removed)
