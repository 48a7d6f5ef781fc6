"""Invented subjects for the index, and a place to install it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert
from tests.bench.search.names import OUTCOMES, subjects

from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pages
from publisher.ledger.schema import subject
from publisher.site.install import File, Installed, Tree
from publisher.site.search.entry import Entry
from publisher.site.search.manifest import Ahead
from publisher.site.search.update import Index

WORDS = {name: name for name in OUTCOMES}


class Portal:
    """Subjects that can be changed, a ledger in memory, and the tree their index is installed in."""

    def __init__(self, folder: Path, entries: list[Entry], scan_limit: int) -> None:
        self.entries = {one.subject_no: one for one in entries}
        self.ledger = Ledger(f"sqlite:///{folder}/ledger.db")
        self.output = folder / "output"
        self.tree = Tree(self.output)
        self.scan_limit = scan_limit
        self.ahead: Ahead | None = None  # what the search page was last told
        self.owe("search", "")

    def every(self, connection: Connection) -> Iterator[Entry]:
        yield from self.entries.values()

    def some(self, connection: Connection, numbers: Sequence[int]) -> dict[int, Entry]:
        return {number: self.entries[number] for number in numbers if number in self.entries}

    def others(self, connection: Connection) -> Iterator[tuple[str, str, str, str]]:
        yield "plan", "2026 年度联合抽查计划", "/plans/2026/P/", "2026 年"

    def owe(self, scope: str, key: str) -> None:
        with self.ledger.transaction() as connection:
            owe_pages(connection, [(scope, key)])

    def update(self, *changed: int) -> Installed:
        """Bring the index in step with what was changed."""
        with self.ledger.transaction() as connection:
            known = {row.subject_no for row in connection.execute(subject.select())}
            rows: list[dict[str, Any]] = [
                {
                    "subject_no": number,
                    "key": str(number),
                    "kind": "enterprise",
                    "name": "",
                    "region_code": "",
                    "path": "",
                }
                for number in changed
                if number not in known
            ]
            if rows:
                connection.execute(insert(subject), rows)
        for number in changed:
            self.owe("search_subject", str(number))
        return self.index().update()

    def index(self) -> Index:
        return Index(self, WORDS, self.ledger, self.tree, self.scan_limit, self._page)

    def _page(self, ahead: Ahead) -> File:
        self.ahead = ahead
        return File("/search/", repr(ahead).encode())

    def read(self, name: str) -> bytes:
        return (self.output / "search" / name).read_bytes()


@pytest.fixture(scope="session")
def entries() -> list[Entry]:
    return list(subjects(900, seed=7))


@pytest.fixture
def portal(tmp_path: Path, entries: list[Entry]) -> Iterator[Portal]:
    """A portal whose index has shards, however few its subjects."""
    portal = Portal(tmp_path, entries, scan_limit=0)
    portal.update()
    yield portal
    portal.ledger.close()


@pytest.fixture
def small(tmp_path: Path, entries: list[Entry]) -> Iterator[Portal]:
    """A portal whose index the page reads whole."""
    portal = Portal(tmp_path, entries, scan_limit=20_000)
    portal.update()
    yield portal
    portal.ledger.close()
