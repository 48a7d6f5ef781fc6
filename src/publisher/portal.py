"""A portal that is opened to work for a day: alone, or to see what a run would do."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any, NamedTuple, TypeVar

from publisher import rules
from publisher.errors import SettingsError
from publisher.ledger import Ledger, only_run
from publisher.ledger.owed import meet_endpoints
from publisher.ledger.store import latest_day, start_run
from publisher.second import done_elsewhere, may_fork
from publisher.settings import Settings

_Result = TypeVar("_Result")


class Watcher(NamedTuple):
    """Who is told how a run goes: lines for a reader, and progress (stage, done, total or None) for a bar."""

    say: Callable[[str], None] = lambda line: None
    progress: Callable[[str, int, int | None], None] = lambda stage, done, total: None


class Portal(NamedTuple):
    """One portal, ready to work for a day."""

    settings: Settings
    ledger: Ledger
    profile: rules.Profile
    workdays: rules.Workdays
    day: date
    run_no: int
    watcher: Watcher


@contextmanager
def opened(settings: Settings, day: date, watcher: Watcher) -> Iterator[Portal]:
    """Open a portal to change it: alone, and never for a day before the ledger's latest.

    Raises :class:`LedgerError` when another run is under way, :class:`SettingsError` for a day that is past.
    """
    with only_run(settings.paths.var), Ledger(settings.ledger.url) as ledger:
        with ledger.transaction() as connection:
            latest = latest_day(connection)
            if latest is not None and day < latest:
                raise SettingsError(
                    f"the ledger was judged for {latest} already; a run for {day} would undo what was lawful since. "
                    "explain, preview and search may look back"
                )
        yield _ready(settings, ledger, day, watcher)


@contextmanager
def rehearsed(settings: Settings, day: date, watcher: Watcher) -> Iterator[Portal]:
    """Open a portal to see what a run would do: everything works, and nothing of it is kept."""
    with Ledger(settings.ledger.url, rehearsal=True) as ledger:
        yield _ready(settings, ledger, day, watcher)


def _ready(settings: Settings, ledger: Ledger, day: date, watcher: Watcher) -> Portal:
    profile, workdays = rules.load_profile(settings.portal.profile), rules.load_workdays()
    with ledger.transaction() as connection:
        run_no = start_run(connection, day)
        meet_endpoints(connection, [one.name for one in settings.endpoint])
    return Portal(settings, ledger, profile, workdays, day, run_no, watcher)


def apart(work: Callable[..., _Result], portal: Portal, *given: Any, is_much: bool) -> _Result:
    """Do a part of a stage and return what it comes to; what is much by a process of its own, where that may be, which
    takes the memory that it needed with it when it ends."""
    if not (is_much and portal.ledger.is_shared and may_fork()):
        return work(portal, *given, is_much)

    def told(tell: Callable[..., None]) -> _Result:
        watcher = Watcher(*(partial(tell, name) for name in Watcher._fields))
        return work(portal._replace(watcher=watcher), *given, is_much)

    def on_told(name: str, *said: Any) -> None:
        getattr(portal.watcher, name)(*said)

    portal.ledger.let_go()
    return done_elsewhere(told, on_told=on_told)
