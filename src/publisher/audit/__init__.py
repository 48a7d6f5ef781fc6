"""Reading the built site again, without the builder's code: does it say what the ledger says, and nothing else?"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from publisher.audit import plans, results, tree
from publisher.audit.difference import Difference, OnProgress
from publisher.audit.expected import forbidden
from publisher.errors import SiteError
from publisher.ledger import Ledger
from publisher.ledger.owed import page_count
from publisher.ledger.shown import published_counts

__all__ = ["Difference", "OnProgress", "audit"]


def audit(
    ledger: Ledger,
    output: Path,
    *,
    labels: Mapping[str, str] | None = None,
    on_progress: OnProgress = lambda done, total: None,
) -> Iterator[Difference]:
    """Yield every difference between the built site and one moment of the ledger; none when they agree.

    (a) Every published record is where it should be and says what the ledger says; (b) nothing that is not published
    stands in any file or file name, whatever the encoding; (c) every file is one the ledger knows, with the same
    bytes. ``labels`` gives the words of each outcome by its id; the words of an outcome it lacks are not compared on
    pages, only in downloads. Nothing is written. What is owed and not yet built shows as differences.

    Raises :class:`SiteError` when the folder is not there, :class:`LedgerError` when the ledger cannot be read.
    """
    if not output.is_dir():
        raise SiteError(f"{output} is not there; build the site first")
    with ledger.reading() as connection:
        total = page_count(connection) + published_counts(connection)["subject"]
        done = 0

        def step(more: int) -> None:
            nonlocal done
            done += more
            on_progress(done, max(done, total))

        yield from tree.walk(connection, output, forbidden(connection), step)
        yield from results.of_subjects(connection, output, labels or {}, step)
        yield from results.of_months(connection, output)
        yield from plans.of_plans(connection, output)
        yield from plans.of_item_lists(connection, output)
