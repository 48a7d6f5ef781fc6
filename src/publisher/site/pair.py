"""Keeping two trees in step with the ledger, so that the one that is served is always whole.

``page`` says what the newest site is made of; ``lag`` in what a tree is behind it. At most one of the trees is behind
at any time, so the other always has what the one lacks, and a hard link is all it takes. The states of a tree:

- ``unknown``: nothing is known of what its folder holds; it is put aside before the tree is used.
- ``filling``: it is being filled with links to the other.
- ``open``: it is built; apart from its ``lag`` and what is owed it is what ``page`` says.
- ``whole``: it is a release, number ``release_no``.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, literal, select, true, update

from publisher import paths
from publisher.errors import SiteError
from publisher.ledger import Ledger
from publisher.ledger.many import insert_many
from publisher.ledger.owed import owe_pages
from publisher.ledger.schema import lag, page, tree
from publisher.ledger.store import insert_into, set_meta
from publisher.progress import OnProgress
from publisher.site.folder import Folder
from publisher.site.install import GOES_ON
from publisher.site.trees import NAMES, Trees, other

CHUNK = 2_000  # files linked between two notes
TOLD_FROM = 2_000  # so many files are worth telling a person of

_WITNESS = "search/index.json"  # every site of ours has it
_IS_NEW = "ON CONFLICT (tree, path) DO NOTHING"


class State(NamedTuple):
    """What the ledger says of a tree."""

    state: str
    release_no: int


class Pair:
    """The two trees of a site, and the ledger that knows what each of them lacks."""

    def __init__(self, ledger: Ledger, trees: Trees, kinds: tuple[str, ...], on_progress: OnProgress) -> None:
        self._ledger, self.trees, self._kinds, self._on_progress = ledger, trees, kinds, on_progress

    @property
    def live(self) -> str | None:
        """The tree that is served."""
        return self.trees.live

    @property
    def idle(self) -> str:
        """The tree that is built."""
        live = self.live
        return NAMES[0] if live is None else other(live)

    def folder(self, name: str, kinds: tuple[str, ...] | None = None) -> Folder:
        """Return the folder of a tree."""
        return Folder(self.trees.path(name), self._kinds if kinds is None else kinds)

    def state(self, connection: Connection, name: str | None) -> State:
        """Return the state of a tree."""
        row = connection.execute(select(tree.c.state, tree.c.release_no).where(tree.c.name == name)).one_or_none()
        return State(*row) if row else State("unknown", 0)

    def set_state(self, connection: Connection, name: str, state: str, release_no: int | None = None) -> None:
        """Note the state of a tree, and its release where that changes."""
        values = {"state": state} | ({} if release_no is None else {"release_no": release_no})
        statement = insert_into(connection, tree).values(name=name, **({"release_no": 0} | values))
        connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))

    def lags(self, connection: Connection, name: str | None) -> bool:
        """Tell whether a tree is behind in anything."""
        return bool(connection.execute(select(exists().where(lag.c.tree == name))).scalar())

    # finding out how things stand ---------------------------------------------------------------------------------

    def stand(self) -> None:
        """Find out which tree is served and whether both are what the ledger believes; mend what is not.

        A site that is gone or of another ledger will be made anew, beside what there is. Raises :class:`SiteError` for
        a folder that is no site.
        """
        if self.live is None:
            self._without_link()
        live, idle = self.live, self.idle
        with self._ledger.transaction() as connection:
            is_known = connection.execute(select(page.c.path).limit(1)).first() is not None
            of_live, of_idle = self.state(connection, live), self.state(connection, idle)
            idle_is_there = self._is_there(connection, idle)
            if live is not None and of_live.state in ("whole", "open"):
                if not self._is_there(connection, live):
                    self.make_anew(connection)
                elif of_idle.state in ("whole", "open") and not idle_is_there:
                    self.set_state(connection, idle, "unknown", 0)
            elif (is_known or live is not None) and not (of_idle.state == "open" and idle_is_there):
                self.make_anew(connection)

    def _without_link(self) -> None:
        trees = self.trees
        with self._ledger.transaction() as connection:
            known = {name: self.state(connection, name) for name in NAMES}
            whole = [name for name, one in known.items() if one.state == "whole" and self._is_there(connection, name)]
            standing = max(whole, key=lambda name: known[name].release_no, default=None)
            if trees.output.exists() and not trees.output.is_dir():
                raise SiteError(f"{trees.output} is a file; remove it or set another [paths] output")
            if standing is None and trees.has_own_folder:
                is_ours = connection.execute(select(page.c.path).limit(1)).first() is not None
                is_site = (trees.output / _WITNESS).is_file()
                if not (is_ours or is_site):
                    raise SiteError(
                        f"{trees.output} is not empty and holds no site of ours; empty it or set another [paths] output"
                    )
                certain = is_ours and not connection.execute(select(lag.c.path).limit(1)).first()
                for name in NAMES:
                    self.set_state(connection, name, "unknown", 0)
                if certain and self._has_witness(connection, Folder(trees.output), NAMES[0]):
                    self.set_state(connection, NAMES[0], "whole", 0)
        if standing is not None:
            trees.show(standing)
        elif trees.has_own_folder:  # a site made before there were two trees, or by another ledger
            trees.take(NAMES[0])

    def _is_there(self, connection: Connection, name: str) -> bool:
        return self._has_witness(connection, self.folder(name), name)

    def _has_witness(self, connection: Connection, folder: Folder, name: str) -> bool:
        """Tell whether a tree has a file that the ledger believes to be in it: the home page, or another one."""
        is_behind = exists().where(lag.c.tree == name, lag.c.path == page.c.path)
        query = select(page.c.path).where(page.c.digest != "", ~is_behind).order_by(page.c.path).limit(1)
        witness = connection.execute(query.where(page.c.path == paths.HOME)).scalar()
        witness = witness or connection.execute(query).scalar()
        return folder.root.is_dir() if witness is None else folder.has(paths.file_of(witness))

    def make_anew(self, connection: Connection) -> None:
        """Have the whole site made in an empty tree, and then again in the other.

        What was served may be there in part; for those who copy it elsewhere the ledger keeps what there was.
        """
        live = self.live
        if live is not None:
            connection.execute(delete(lag).where(lag.c.tree != live))
            columns = ["tree", "path", "sweep", "held"]
            known = select(literal(live), page.c.path, literal(True), literal(True)).where(true())
            connection.execute(insert_into(connection, lag).from_select(columns, known).on_conflict_do_nothing())
            if not self.lags(connection, live):
                there = [(live, address, True, True) for address in _addresses(self.folder(live))]
                insert_many(connection, lag, columns, there, _IS_NEW)
        else:
            connection.execute(delete(lag))
        connection.execute(delete(page))
        connection.execute(delete(tree))
        set_meta(connection, "look", "")
        set_meta(connection, "log_signed", "0")
        owe_pages(connection, [(GOES_ON, "")])

    # bringing a tree in step --------------------------------------------------------------------------------------

    def finish_last(self) -> None:
        """Finish what the run before, killed after its release, left in the other tree."""
        with self._ledger.reading() as connection:
            is_whole = self.live is not None and self.state(connection, self.live).state == "whole"
        if is_whole:
            self.sweep()
            self.fill()

    def prepare(self) -> None:
        """Have the idle tree be the newest site as far as it was ever made, ready to be built on."""
        idle = self.idle
        with self._ledger.transaction() as connection:
            if self.state(connection, idle).state == "unknown":
                self.trees.empty(idle)
                connection.execute(delete(lag).where(lag.c.tree == idle))
                self.trees.path(idle).mkdir(parents=True)
            self.set_state(connection, idle, "open")
        self._catch_up()

    def sweep(self) -> None:
        """Take out of the idle tree what left the public view with the release; the rest of it stays as it was.

        The search index is swept as a whole then: its parts are of use together only. The publication log never goes
        back, whatever release is served.
        """
        with self._ledger.transaction() as connection:
            of_idle = lag.c.tree == self.idle
            swept = select(lag.c.path).where(of_idle, lag.c.sweep, ~_below(paths.LOG)).limit(1)
            if connection.execute(swept).first():
                connection.execute(update(lag).where(of_idle, _below(paths.SEARCH)).values(sweep=True))
        self._catch_up(swept=True)

    def fill(self) -> None:
        """Fill an idle tree of which nothing is known with links to the one that is served."""
        live, idle = self.live, self.idle
        assert live is not None
        with self._ledger.transaction() as connection:
            state = self.state(connection, idle).state
            if state not in ("unknown", "filling"):
                return
            if state == "unknown":
                self.trees.empty(idle)
                connection.execute(delete(lag).where(lag.c.tree == idle))
                self._owe_what_neither_has(connection)
            self.set_state(connection, idle, "filling", 0)
            total = connection.execute(select(func.count()).select_from(page)).scalar_one()
        target, source, done = self.folder(idle), self.folder(live), 0
        target.root.mkdir(exist_ok=True)
        with self._ledger.reading() as connection:
            for addresses in _pages(connection):
                for address in addresses:
                    target.link(source, paths.file_of(address))
                done += len(addresses)
                if total >= TOLD_FROM:
                    self._on_progress(done, total)
        target.clear_staging()
        with self._ledger.transaction() as connection:
            number = self.state(connection, live).release_no
            self.set_state(connection, idle, *(("open", 0) if self.lags(connection, live) else ("whole", number)))

    def _owe_what_neither_has(self, connection: Connection) -> None:
        """Owe again what was made in the idle tree alone, which is lost."""
        query = select(page.c.path, page.c.scope, page.c.key)
        lost = connection.execute(query.where(page.c.path == lag.c.path, lag.c.tree == self.live)).all()
        _owe_again(connection, [tuple(row) for row in lost])

    def _catch_up(self, *, swept: bool = False) -> None:
        """Bring the idle tree in step with the newest site where it is behind (or in what is ``swept`` only)."""
        idle = self.idle
        behind = and_(lag.c.tree == idle, lag.c.sweep) if swept else lag.c.tree == idle
        with self._ledger.reading() as connection:
            total = connection.execute(select(func.count()).select_from(lag).where(behind)).scalar_one()
        if not total or self.live is None:
            return
        target, source, done = self.folder(idle), self.folder(self.live), 0
        query = select(lag.c.path, page.c.scope, page.c.key).select_from(
            lag.outerjoin(page, page.c.path == lag.c.path)
        )  # fmt: skip
        while True:
            with self._ledger.reading() as connection:
                rows = connection.execute(query.where(behind).order_by(lag.c.path).limit(CHUNK)).all()
            if not rows:
                break
            missing = []
            for address, scope, key in rows:
                name = paths.file_of(address)
                if scope is None:
                    target.remove(name)
                elif not target.link(source, name):
                    missing.append((address, scope, key))
            with self._ledger.transaction() as connection:
                _owe_again(connection, missing)
                connection.execute(delete(lag).where(lag.c.tree == idle, lag.c.path.in_([row.path for row in rows])))
            done += len(rows)
            if total >= TOLD_FROM:
                self._on_progress(done, total)
        target.clear_staging()


def _below(folder: str) -> ColumnElement[bool]:
    """The addresses below a folder's own."""
    return and_(lag.c.path >= folder, lag.c.path < folder[:-1] + chr(ord("/") + 1))


def _owe_again(connection: Connection, files: list[tuple[str, str, str]]) -> None:
    """Owe the parts of files (address, scope, key) that have to be written again, whatever they hold."""
    for address, _, _ in files:
        connection.execute(update(page).where(page.c.path == address).values(digest=""))
    parts = {("search", "") if scope == "search" else (scope, key) for _, scope, key in files}
    owe_pages(connection, parts)


def _pages(connection: Connection) -> Iterator[list[str]]:
    """Yield the addresses of the newest site, some at a time, in order."""
    last = ""
    query = select(page.c.path).order_by(page.c.path).limit(CHUNK)
    while addresses := list(connection.execute(query.where(page.c.path > last)).scalars()):
        yield addresses
        last = addresses[-1]


def _addresses(folder: Folder) -> Iterator[str]:
    """Yield the address of every file of a tree that the ledger knows nothing of."""
    for place, _, names in os.walk(folder.root):
        for name in names:
            yield paths.address_of(str((Path(place) / name).relative_to(folder.root)))
