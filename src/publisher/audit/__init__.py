"""Reading the built site again, without the builder's code: does it say what the ledger says, and nothing else?"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from publisher.audit.changed import audit_changed
from publisher.audit.difference import Difference
from publisher.audit.shares import alone, audit_in_processes, audit_shares
from publisher.errors import SiteError
from publisher.ledger import Ledger
from publisher.ledger.owed import kept_page_count, page_count
from publisher.ledger.shown import published_counts
from publisher.progress import OnProgress

__all__ = ["Difference", "audit", "audit_changed", "audit_release"]

MANY = 5_000  # subjects: from here on a second process pays
WHOLE_FROM = 50_000  # files changed at least, and
WHOLE_SHARE = 3  # the third part of all: reading everything, in two processes, is then as quick


def audit(
    ledger: Ledger,
    output: Path,
    *,
    labels: Mapping[str, str] | None = None,
    processes: int | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> Iterator[Difference]:
    """Yield every difference between the built site and one moment of the ledger; none when they agree.

    (a) Every published record is where it should be and says what the ledger says; (b) nothing that is not published
    stands in any file or file name, whatever the encoding; (c) every file is one the ledger knows, with the same
    bytes. ``labels`` gives the words of each outcome by its id; the words of an outcome it lacks are not compared on
    pages, only in downloads. ``processes``: how many share the work (None: two at a size where that
    pays). Nothing is written. What is owed and not yet built shows as differences.

    Raises :class:`SiteError` when the folder is not there, :class:`LedgerError` when the ledger cannot be read.
    """
    if not output.is_dir():
        raise SiteError(f"{output} is not there; build the site first")
    with ledger.reading() as connection:
        subjects = published_counts(connection)["subject"]
        total = page_count(connection) + subjects
    done = 0
    on_progress(0, total)  # what may not be shown is read first, of which no more is told

    def step(more: int) -> None:
        nonlocal done
        done += more
        on_progress(done, max(done, total))

    if processes is None:
        processes = 2 if subjects >= MANY else 1
    if processes > 1:
        ledger.let_go()  # what it keeps of the database in memory is not needed meanwhile
        url = ledger.engine.url.render_as_string(hide_password=False)
        yield from audit_in_processes(url, output, labels or {}, step, processes)
    else:
        with ledger.reading() as connection:
            yield from audit_shares(alone(connection, step), output, labels or {})


def audit_release(
    ledger: Ledger,
    output: Path,
    changed: Callable[[int], list[str]],
    *,
    since_entry: int | None,
    labels: Mapping[str, str],
    on_progress: OnProgress = lambda done, total: None,
) -> Iterator[Difference]:
    """Yield what is wrong with a release in ``output``; ``changed`` gives the first so many addresses that changed.

    They alone are read, as :func:`audit_changed` does, or the whole site where a large part of it changed or no release
    was told before (``since_entry``: its last decision, or None).
    """
    if since_entry is not None:
        with ledger.reading() as connection:
            most = max(WHOLE_FROM, kept_page_count(connection) // WHOLE_SHARE)
        some = changed(most)
        if len(some) < most:
            yield from audit_changed(ledger, output, some, since_entry=since_entry, labels=labels)
            return
    yield from audit(ledger, output, labels=labels, on_progress=on_progress)
