"""Stage 4: make the site say what the ledger says, rendering only what is owed, beside the site that is served."""

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import date
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from publisher import __version__
from publisher.errors import RenderFailed, SiteError
from publisher.ledger import Ledger
from publisher.ledger.owed import (
    keep_page_count,
    kept_page_count,
    owe_pages,
    owed_page_count,
    page_count,
    sweep_all_owed,
)
from publisher.ledger.schema import owed_page, site_release
from publisher.ledger.store import get_meta, set_meta
from publisher.progress import OnStage
from publisher.second import done_elsewhere
from publisher.site import precompress, release
from publisher.site.job import Job
from publisher.site.owing import ended_plans, everything, widen
from publisher.site.pair import Pair
from publisher.site.release import Releases
from publisher.site.trees import Trees, other

Changed = Callable[[int], list[str]]  # the first so many of the addresses that changed
Check = Callable[[Path, Changed], None]  # is given the tree, and what in it changed


class Built(NamedTuple):
    """What a build changed: files written and removed, how many the site has, and the number of its release."""

    written: int
    removed: int
    total: int
    release: int


def _untold(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def _unchecked(tree: Path, changed: Changed) -> None:
    """Accept every release."""


def build(
    ledger: Ledger,
    job: Job,
    releases: Releases,
    on_progress: OnStage = _untold,
    check: Check = _unchecked,
) -> Built:
    """Bring the site in step with the ledger; return what changed.

    A new theme, text or profile renders everything again; otherwise only what is owed is touched. All of it happens in
    a tree that is not served; when it is whole, ``check`` is given it and what changed (it raises :class:`LeakFound` or
    another :class:`SiteError` to keep the site as it is), and then it is served instead. What left the public view
    leaves the other tree at once; in all else that one stays the release before. ``on_progress`` is told how far it
    is: with what is logged (``append``), rendered (``build``) and linked (``link``). Raises :class:`SiteError`; what
    was owed stays owed.
    """
    precompress.check(job.precompress)
    for folder, name in ((job.theme / "templates", "theme"), (job.content, "content")):
        if not folder.is_dir():
            raise SiteError(f"{folder} is not there; set {name} in [paths] of publisher.toml")
    pair = Pair(ledger, Trees(job.output), job.precompress, partial(on_progress, "link"))
    pair.stand()
    _finish_release(ledger, pair, date.fromisoformat(job.day))
    pair.finish_last()
    _mind_siblings(ledger, pair, job)
    look = _look(job)
    owed = _owe(ledger, job, look)
    written = removed = 0
    if owed or _is_ahead(ledger, pair):
        pair.prepare()
    if owed:
        ledger.let_go()  # another process builds meanwhile
        written, removed = _in_child(job.model_copy(update=_trees(pair) | {"look": look}), on_progress)
        with ledger.transaction() as connection:
            keep_page_count(connection)
    if _is_ahead(ledger, pair):
        _release(ledger, pair, releases, date.fromisoformat(job.day), check)
    pair.trees.clear()
    with ledger.reading() as connection:
        return Built(written, removed, kept_page_count(connection), release.latest(connection))


def roll_back(ledger: Ledger, output: Path, releases: Releases, kinds: tuple[str, ...], day: date) -> tuple[int, int]:
    """Serve the release before again; return its number, and the number under which it is served now.

    It is what it was, less all that left the public view since. The next build serves the newest state again. Raises
    :class:`SiteError` when there is no such release.
    """
    pair = Pair(ledger, Trees(output), kinds, partial(_untold, "link"))
    pair.stand()
    _finish_release(ledger, pair, day)
    pair.finish_last()
    live, idle = pair.live, pair.idle
    with ledger.reading() as connection:
        newer, earlier = pair.state(connection, live), pair.state(connection, idle)
        if live is not None and pair.lags(connection, live):
            raise SiteError("the site is an earlier release already; `publisher run` serves the newest state again")
        if live is None or earlier.state != "whole" or not earlier.release_no < newer.release_no:
            raise SiteError("there is no earlier release: none was made, or a build took its place and did not end")
        number = release.latest(connection) + 1
        old, new = (pair.folder(one, _ever(connection)) for one in (live, idle))
        with closing(release.changes(connection, old, new, idle, comes_back=True)) as changes:
            counts = releases.write(number, changes)
    pair.trees.show(idle)
    with ledger.transaction() as connection:
        _note(connection, number, day, counts)
    return earlier.release_no, number


def _owe(ledger: Ledger, job: Job, look: str) -> int:
    """Owe what the look of the site and the day bring about; return how many parts are owed."""
    with ledger.transaction() as connection:
        is_new = get_meta(connection, "look") != look
        if is_new:
            owe_pages(connection, everything(connection))
            set_meta(connection, "look", look)
        if get_meta(connection, "built_day") != job.day:
            owe_pages(connection, ended_plans(connection, get_meta(connection, "built_day"), job.day))
            set_meta(connection, "built_day", job.day)
        named = owed_page.c.scope.in_(("results_of_plan", "results_of_list"))
        if connection.execute(select(owed_page.c.key).where(named, owed_page.c.sweep).limit(1)).first():
            widen(connection)  # what names a plan or a list that left the public view goes with it
            sweep_all_owed(connection)
        elif is_new:
            widen(connection, all_owed=True)
        return owed_page_count(connection)


def _is_ahead(ledger: Ledger, pair: Pair) -> bool:
    """Tell whether the idle tree is, or is about to be, newer than the one that is served."""
    with ledger.reading() as connection:
        return (
            pair.live is None or pair.lags(connection, pair.live) or pair.state(connection, pair.idle).state == "open"
        )


def _release(ledger: Ledger, pair: Pair, releases: Releases, day: date, check: Check) -> None:
    """Serve the tree that was built, and bring the other in step with it where that cannot wait."""
    live, idle = pair.live, pair.idle

    def changed(most: int) -> list[str]:
        with ledger.reading() as connection:
            return release.addresses(connection, live, most)

    with ledger.reading() as connection:
        served = pair.state(connection, live)
        is_new = served.state != "whole" or pair.lags(connection, live)
        new = pair.folder(idle)
    if is_new:
        check(new.root, changed)
        with ledger.reading() as connection:
            old, number = None if live is None else pair.folder(live, _ever(connection)), release.latest(connection) + 1
            with closing(release.changes(connection, old, new, live)) as changes:
                counts = releases.write(number, changes)
        pair.trees.settle(idle)
        pair.trees.show(idle)
        _finish_release(ledger, pair, day, counts)
        releases.forget_old(number)
    else:  # all that was owed was rendered again, and nothing of it is new
        with ledger.transaction() as connection:
            pair.set_state(connection, idle, "whole", served.release_no)
    pair.finish_last()


def _finish_release(ledger: Ledger, pair: Pair, day: date, counts: Counter[str] | None = None) -> None:
    """Note a release that is served: at its end, or after a run that was killed before it could."""
    live = pair.live
    with ledger.transaction() as connection:
        if live is None or pair.state(connection, live).state != "open":
            return
        if counts is None:
            old = other(live)
            behind = old if pair.lags(connection, old) or pair.state(connection, old).state == "whole" else None
            trees = pair.folder(old, ()), pair.folder(live, ())
            counts = Counter(one.op for one in release.changes(connection, *trees, behind))
        number = release.latest(connection) + 1
        _note(connection, number, day, counts)
        pair.set_state(connection, live, "whole", number)


def _note(connection: Connection, number: int, day: date, counts: Counter[str]) -> None:
    values = {"added": counts["add"], "changed": counts["change"], "removed": counts["remove"]}
    connection.execute(insert(site_release).values(release_no=number, as_of=day, **values))


def _trees(pair: Pair) -> dict[str, Path | str | None]:
    """Return what the builder is told of the trees."""
    live = pair.live
    return {
        "output": pair.trees.path(pair.idle),
        "served": None if live is None else pair.trees.path(live),
        "behind": live,
    }


def _mind_siblings(ledger: Ledger, pair: Pair, job: Job) -> None:
    """Have the site made anew when files are to have other siblings than those of the trees have."""
    now = ",".join(job.precompress)
    with ledger.transaction() as connection:
        if (get_meta(connection, "precompress") or "") == now:
            return
        set_meta(connection, "precompress", now)
        set_meta(connection, "precompress_ever", ",".join(sorted({*_ever(connection), *job.precompress})))
        if page_count(connection):
            pair.make_anew(connection)


def _ever(connection: Connection) -> tuple[str, ...]:
    """Return the kinds of siblings that the trees have or ever had."""
    return tuple(filter(None, (get_meta(connection, "precompress_ever") or "").split(",")))


def _look(job: Job) -> str:
    """Return a fingerprint of everything but records that pages are made of."""
    seen = hashlib.sha256(__version__.encode())
    apart = {
        "ledger_url", "output", "theme", "content", "compiled", "log_key", "day", "look", "served", "behind",
        "precompress",
    }  # fmt: skip
    seen.update(job.model_dump_json(exclude=apart).encode())
    for folder in (job.theme, job.content):
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            seen.update(file.relative_to(folder).as_posix().encode())
            seen.update(hashlib.sha256(file.read_bytes()).digest())
    return seen.hexdigest()


def _in_child(job: Job, on_progress: OnStage) -> tuple[int, int]:
    return done_elsewhere(_rendered, job, on_told=on_progress, fails=RenderFailed)


def _rendered(tell: OnStage, job: Job) -> tuple[int, int]:
    """Build in a process of its own, whose standard streams nobody reads: Pelican prints."""
    with Path(os.devnull).open("w") as nowhere:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    render: Any = import_module("publisher.site.render")  # Pelican takes over logging where it is imported
    written, removed = render.run(job, tell)
    return written, removed
