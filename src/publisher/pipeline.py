"""START HERE. The five stages in order: pull → judge → record → build → push.

Each stage is one verb of its package; this file alone knows them all. What they share is the ledger and the words of
``model.py``. A stage that is killed is finished by the next run: what is owed lies in the ledger.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import groupby, islice
from pathlib import Path
from typing import Any, NamedTuple

from publisher import audit, briefing, exchange, log, site, source
from publisher.errors import LeakFound, LedgerError, SettingsError, SourceError
from publisher.judging import Judge, drafts, drafts_of
from publisher.keeping import keep_all, try_again
from publisher.ledger import indexes
from publisher.ledger import intake as received
from publisher.ledger import problems as open_problems
from publisher.ledger.dockets import due_count
from publisher.ledger.drafts import Draft
from publisher.ledger.owed import is_all_owed, page_count
from publisher.ledger.restore import must_pull, pulled_whole
from publisher.ledger.store import get_meta, set_meta
from publisher.ledger.verdicts import latest_entry, state_counts, write
from publisher.log import certificates
from publisher.portal import Portal, apart
from publisher.second import made_elsewhere, pays, rarely_collecting
from publisher.site import Built
from publisher.source import FolderSource

JUDGE_CHUNK = 4_000  # verdicts written in one transaction: more take less time each, and more memory
SECOND_FROM_BYTES = 32 << 20  # to read, and a second process checks what the first one keeps
SECOND_FROM_RECORDS = 10_000  # to judge, and a second process judges what the first one writes
AUDIT_TOLD = 5  # differences named in a message
COUNTED = ("accepted", "duplicate", "rejected", "unprocessed", "owed", "refused", "unsendable")


class Done(NamedTuple):
    """What a run came to. ``source_error`` says why the pull ended early; the other stages ran all the same."""

    summary: dict[str, Any]
    source_error: SourceError | None
    endpoint_errors: dict[str, str]
    refused: int


def run(portal: Portal) -> Done:
    """Run all stages. Safe to repeat: what is done is not done again.

    A source that fails does not keep public what time alone ends: the other stages follow, and the error is told.
    """
    pulled: Mapping[str, int] = {}
    source_error = None
    try:
        pulled = pull(portal)
    except SourceError as error:
        source_error = error
    judge(portal)
    built = build(portal)
    pushed = push(portal)
    return Done(
        summary(portal, pulled, built, pushed),
        source_error,
        {name: one.error for name, one in pushed.items() if one.error},
        sum(one.refused for one in pushed.values()),
    )


def pull(portal: Portal) -> dict[str, int]:
    """1 PULL. Take what the source has finalized since the last run; return how many records were new, by kind.

    Bad records are set aside with a Problem; under changed rules those set aside are tried again first.
    """
    intake = portal.profile.intake()
    new: Counter[str] = Counter()
    with portal.ledger.transaction() as connection:
        name = portal.settings.source.model_dump_json()
        if get_meta(connection, "source") != name:
            received.forget_reading(connection)
            set_meta(connection, "source", name)
        if get_meta(connection, "intake_rules") != portal.profile.fingerprint:
            new += try_again(portal, connection)
            set_meta(connection, "intake_rules", portal.profile.fingerprint)
        seen = received.remembered(connection)
    asked = briefing.source_of(portal.settings)
    is_much = isinstance(asked, FolderSource) and pays(source.unread(asked, seen), SECOND_FROM_BYTES)
    new += apart(keep_all, portal, asked, intake, seen, is_much=is_much)
    with portal.ledger.transaction() as connection:
        if portal.settings.source.kind == "folder":
            open_problems.forget_unread_files(connection, portal.run_no)
        pulled_whole(connection)
    return dict(new)


def judge(portal: Portal) -> int:
    """2 JUDGE and 3 RECORD. Judge what is new or whose day has come; return how many changed for the public.

    A verdict, its line of history, the pages and the messages it makes owed are written in one transaction.
    """
    names = [one.name for one in portal.settings.endpoint]
    with portal.ledger.transaction() as connection:
        if get_meta(connection, "judged_rules") != portal.profile.fingerprint:
            received.touch_all(connection)
            set_meta(connection, "judged_rules", portal.profile.fingerprint)
        total = due_count(connection, portal.day)
        indexes.suit(connection, total)
    is_much = portal.ledger.is_shared and pays(total, SECOND_FROM_RECORDS)
    changed = apart(_written, portal, total, names, is_much=is_much)
    with portal.ledger.transaction() as connection:
        indexes.suit(connection, 0)
        set_meta(connection, "latest_day", portal.day.isoformat())
    return changed


def _written(portal: Portal, total: int, names: Sequence[str], is_much: bool) -> int:
    """Write the verdicts on all that is due, a chunk in each transaction; return how many changed for the public."""
    done = changed = 0
    with portal.ledger.reading() as connection:
        all_owed = is_all_owed(connection)
    with rarely_collecting(), _drafts(portal, is_much) as chunks:
        for made in chunks:
            with portal.ledger.transaction() as connection:
                for kind, of_kind in groupby(made, key=lambda one: one.kind):
                    open_problems.note_gaps(
                        connection, portal.run_no, kind, {one.record_id: one.gap for one in of_kind}
                    )
                written = (connection, portal.run_no, portal.day, made, names)
                changed += write(*written, actor="rules", is_all_owed=all_owed)
            done += len(made)
            portal.watcher.progress("judge", done, total)
    return changed


@contextmanager
def _drafts(portal: Portal, is_much: bool) -> Iterator[Iterator[list[Draft]]]:
    """Give the verdicts on all that is due, a chunk at a time: made by a second process where there are many."""
    rules_of_day = (portal.profile, portal.workdays, portal.day)
    if is_much:
        portal.ledger.let_go()
        with made_elsewhere(drafts_of, portal.settings.ledger.url, *rules_of_day, JUDGE_CHUNK) as chunks:
            yield chunks
    else:
        yield drafts(portal.ledger, Judge(*rules_of_day), portal.day, JUDGE_CHUNK)


def build(portal: Portal) -> Built:
    """4 BUILD. Make the site say what the ledger says; return how many files changed.

    What changed is read again and held against the ledger before it is served (:class:`LeakFound`).
    """
    _must_know_all(portal)
    with portal.ledger.reading() as connection:
        latest = latest_entry(connection)
    built = site.build(
        portal.ledger,
        briefing.job(portal.settings, portal.profile, portal.day),
        briefing.releases(portal.settings),
        portal.watcher.progress,
        _audited(portal),
    )
    with portal.ledger.transaction() as connection:
        set_meta(connection, "released_entry", str(latest))
    return built


def _audited(portal: Portal) -> site.Check:
    """Return what reads a release again before it is served."""
    labels = briefing.outcome_labels(portal.profile)

    def check(tree: Path, changed: Callable[[int], list[str]]) -> None:
        with portal.ledger.reading() as connection:
            since = get_meta(connection, "released_entry")
        found = audit.audit_release(
            portal.ledger, tree, changed, since_entry=None if since is None else int(since), labels=labels,
            on_progress=lambda done, total: portal.watcher.progress("audit", done, total),
        )  # fmt: skip
        told = [f"{one.kind} {one.where}: {one.what}" for one in islice(found, AUDIT_TOLD)]
        if told:
            raise LeakFound(
                "the site is as it was: the new one does not say what the ledger says; what should be gone may still "
                f"be served, so a person must look today. {'; '.join(told)}"
            )

    return check


def _must_know_all(portal: Portal) -> None:
    """Raise :class:`LedgerError` while a restored ledger may lack what was decided since its backup."""
    with portal.ledger.reading() as connection:
        since = must_pull(connection)
    if since is not None:
        raise LedgerError(
            f"the ledger was restored from a backup ({since}), and the source has not been read to its end since: "
            "nothing is shown or sent before, lest something come back that was stopped meanwhile"
        )


def push(portal: Portal) -> Mapping[str, exchange.Pushed]:
    """5 PUSH. Tell every endpoint what it is owed; return the counts of each.

    What was stopped is certified then, for the firms (``var/certificates``).
    """
    _must_know_all(portal)
    pushed = exchange.push(
        portal.ledger,
        briefing.endpoints(portal.settings),
        portal.run_no,
        portal.watcher.say,
        sender=portal.settings.portal.region_code,
    )
    certify(portal)
    return pushed


def certify(portal: Portal) -> int:
    """Write what was swept of each stopped record, signed; return how many certificates were written."""
    settings = portal.settings
    office = certificates.Office(
        settings.portal.name,
        settings.portal.base_url,
        log.load_key(briefing.log_key(settings), settings.portal.base_url),
        [one.name for one in settings.endpoint],
        {name: (rule.sentence, rule.basis) for name, rule in portal.profile.latest.rules.items()},
    )
    return certificates.write(portal.ledger, settings.paths.var / "certificates", office)


def summary(
    portal: Portal, pulled: Mapping[str, int], built: Built | None, pushed: Mapping[str, exchange.Pushed]
) -> dict[str, Any]:
    """Return what a run did and where the portal stands, as ``--json`` prints it."""
    with portal.ledger.reading() as connection:
        states = dict.fromkeys(("pending", "withheld", "published", "shielded", "withdrawn"), 0)
        return {
            "as_of": portal.day.isoformat(),
            "pulled": {kind: pulled.get(kind, 0) for kind in ("plans", "item_lists", "results", "cases")},
            "problems": open_problems.problem_count(connection),
            "states": states | state_counts(connection),
            "pages": {
                "written": built.written if built else 0,
                "removed": built.removed if built else 0,
                "total": built.total if built else page_count(connection),
            },
            "pushed": {name: {key: getattr(one, key) for key in COUNTED} for name, one in pushed.items()},
        }


def day_of(text: str | None, today: date) -> date:
    """Return the day a command works for.

    Raises :class:`SettingsError` for a text that is no date.
    """
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        day = None
    if day is None or (text and day.isoformat() != text):
        raise SettingsError(f"--as-of {text} is not a date; write it as 2026-11-20")
    return day
