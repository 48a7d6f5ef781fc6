"""START HERE. The five stages in order: pull → judge → record → build → push.

Each stage is one verb of its package; this file alone knows them all. What they share is the ledger and the words of
``model.py``. A stage that is killed is finished by the next run: what is owed lies in the ledger.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete

from publisher import exchange, rules, site, source
from publisher.errors import SettingsError, SourceError
from publisher.ledger import Ledger, only_run
from publisher.ledger import intake as received
from publisher.ledger import problems as open_problems
from publisher.ledger.dockets import Docket, due, due_count, version_of
from publisher.ledger.owed import meet_endpoints, page_count
from publisher.ledger.schema import problem
from publisher.ledger.store import get_meta, latest_day, set_meta, start_run
from publisher.ledger.verdicts import Judged, decide, state_counts
from publisher.model import Problem, Received, RecordKind, SetAside, Verdict
from publisher.rules.facts import Facts
from publisher.rules.public import public_form
from publisher.rules.redact import redact
from publisher.settings import Endpoint as EndpointSettings
from publisher.settings import Settings, secret
from publisher.site import Built
from publisher.source import CountsRow, FileGone, FileSeen, Watermark

PULL_CHUNK = 1000  # records kept in one transaction
JUDGE_CHUNK = 500  # verdicts written in one transaction
COUNTED = ("accepted", "duplicate", "rejected", "unprocessed", "owed", "refused", "unsendable")
PLURALS = {"plan": "plans", "item_list": "item_lists", "result": "results", "case": "cases", "tombstone": "cases"}


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
            new += _try_again(portal, connection)
            set_meta(connection, "intake_rules", portal.profile.fingerprint)
        seen = received.remembered(connection)
    done = 0
    events_to_come = source.pull(_source(portal.settings), intake, seen, say=portal.watcher.say)
    while events := tuple(islice(events_to_come, PULL_CHUNK)):
        with portal.ledger.transaction() as connection:
            new += _keep(portal, connection, events)
        done += len(events)
        portal.watcher.progress("pull", done, None)
    if portal.settings.source.kind == "folder":
        with portal.ledger.transaction() as connection:
            open_problems.forget_unread_files(connection, portal.run_no)
    return dict(new)


def _keep(portal: Portal, connection: Connection, events: tuple[source.Event, ...]) -> Counter[str]:
    """Keep what one chunk of a pull yielded; the marks of how far it came last, in the same transaction."""
    kept = received.keep(connection, portal.run_no, [one for one in events if isinstance(one, Received)])
    for event in events:
        match event:
            case SetAside():
                open_problems.set_record_aside(connection, portal.run_no, event)
            case Problem():
                open_problems.note(connection, portal.run_no, [event])
            case CountsRow():
                received.keep_counts(connection, *event)
            case FileSeen():
                received.remember(connection, event.path, event.fingerprint)
                open_problems.file_read_again(connection, portal.run_no, event.path)
            case Watermark():
                received.remember(connection, event.kind, event.mark)
            case FileGone():
                received.forget(connection, event.path)
                open_problems.file_read_again(connection, portal.run_no, event.path)
                portal.watcher.say(f"{event.path} is gone; its records stay until the platform takes them back")
    counted: Counter[str] = Counter()
    for kind, number in kept.items():
        counted[PLURALS[kind]] += number
    return counted


def _try_again(portal: Portal, connection: Connection) -> Counter[str]:
    """Check the records set aside again under the rules as they are now."""
    new: Counter[str] = Counter()
    for number, raw, file, line in open_problems.take_set_aside(connection):
        checked = source.recheck(raw, file, line, portal.profile.intake())
        if not any(isinstance(one, SetAside) for one in checked):
            open_problems.no_longer_set_aside(connection, number)
            new += _keep(portal, connection, checked)
    return new


def _source(settings: Settings) -> source.FolderSource | source.ApiSource:
    asked = settings.source
    if asked.kind == "folder":
        assert asked.path is not None
        return source.FolderSource(asked.path)
    assert asked.url is not None
    assert asked.token_env is not None
    return source.ApiSource(asked.url, secret(asked.token_env), asked.token_env, asked.ca_file)


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
    done = changed = 0
    for kinds in (("plan", "item_list"), ("result",)):
        while True:
            with portal.ledger.transaction() as connection:
                dockets = due(connection, portal.day, kinds=kinds, limit=JUDGE_CHUNK)
                judged = [judged_docket(portal, one) for one in dockets]
                _note_gaps(portal, connection, judged)
                changed += decide(connection, portal.run_no, portal.day, judged, names, actor="rules")
            if not dockets:
                break
            done += len(dockets)
            portal.watcher.progress("judge", done, total)
    with portal.ledger.transaction() as connection:
        set_meta(connection, "latest_day", portal.day.isoformat())
    return changed


def _note_gaps(portal: Portal, connection: Connection, judged: Sequence[Judged]) -> None:
    """Note which records are older than the rules or the calendar, and forget those that are so no longer."""
    gaps = {one.docket.row.record_id: one for one in judged if one.verdict.rule == "pending.before_rules"}
    well = [one.docket.row.record_id for one in judged if one.docket.row.record_id not in gaps]
    known = problem.c.code == "calendar_gap"
    connection.execute(delete(problem).where(known, problem.c.record.in_(well)))
    found = []
    for record_id, one in gaps.items():
        why = rules.why_before_rules(facts_in(portal.profile, one.docket), portal.profile, portal.workdays)
        found.append(Problem("calendar_gap", record_id, None, f"It is not shown: {why}", None, None))
    open_problems.note(connection, portal.run_no, found)


def judged_docket(portal: Portal, docket: Docket) -> Judged:
    """Judge one record on the portal's day, with its public form where the verdict shows it."""
    facts, verdict = judged_facts(portal.profile, portal.workdays, docket, portal.day)
    number = verdict.version or facts.versions[-1].number
    version = next(one for one in facts.versions if one.number == number)
    outcomes = tuple(dict.fromkeys(one for one in version.outcomes if one is not None))
    known = portal.profile.on(portal.day).outcomes
    form = (
        public_form(facts, docket.versions, docket.cases, verdict, portal.profile, portal.workdays, portal.day)
        if verdict.state == "published"
        else None
    )
    return Judged(
        docket,
        verdict._replace(basis=redact(verdict.basis)[0]),  # a decision may state its own, in free words
        outcomes,
        negative=any(known[one].negative for one in outcomes if one in known),
        settled=portal.profile.on(portal.day).closes(version_of(docket, verdict.version).get("disposition")),
        public=form.body if form else None,
        beside=form.beside if form else {},
    )


def judged_facts(profile: rules.Profile, workdays: rules.Workdays, docket: Docket, day: date) -> tuple[Facts, Verdict]:
    """Return the facts of a record and the verdict on a day, from all that the ledger holds about it."""
    facts = facts_in(profile, docket)
    return facts, rules.judge(facts, profile, workdays, day)


def facts_in(profile: rules.Profile, docket: Docket) -> Facts:
    """Return the facts of a record from all that the ledger holds about it."""
    kind: RecordKind = docket.row.kind
    holds = [rules.Hold(*one) for one in docket.holds]
    return rules.facts_of(kind, docket.versions, docket.cases, docket.tombstone, holds, profile)


def build(portal: Portal) -> Built:
    """4 BUILD. Make the site say what the ledger says; return how many files changed."""
    return site.build(portal.ledger, job(portal), lambda done, total: portal.watcher.progress("build", done, total))


def job(portal: Portal) -> site.Job:
    """Return what the builder is told: where things are, and the words of the profile."""
    settings, latest = portal.settings, portal.profile.latest
    return site.Job(
        ledger_url=settings.ledger.url,
        output=settings.paths.output,
        theme=settings.paths.theme,
        content=settings.paths.content,
        name=settings.portal.name,
        base_url=settings.portal.base_url,
        region_code=settings.portal.region_code,
        demo=settings.portal.demo,
        day=portal.day.isoformat(),
        profile_title=portal.profile.title,
        outcomes=tuple(
            site.OutcomeWords(id=name, label=one.label, tone=one.tone, explanation=one.explanation)
            for name, one in latest.outcomes.items()
        ),
        rule_labels={name: rule.sentence for name, rule in latest.rules.items()},
        rule_bases={name: rule.basis for name, rule in latest.rules.items()},
        values=tuple(
            site.RuleValue(
                key=one.key,
                value=_in_words(one.value),
                basis=one.basis,
                certainty=one.certainty,
                effective_on=one.effective_on.isoformat(),
            )
            for one in portal.profile.values()
        ),
    )


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "是" if value else "否"
    return "、".join(str(one) for one in value) if isinstance(value, list) else str(value)


def push(portal: Portal) -> Mapping[str, exchange.Pushed]:
    """5 PUSH. Tell every endpoint what it is owed; return the counts of each."""
    return exchange.push(
        portal.ledger,
        endpoints(portal.settings),
        portal.run_no,
        portal.watcher.say,
        sender=portal.settings.portal.region_code,
    )


def endpoints(settings: Settings) -> list[exchange.Endpoint]:
    """Return the endpoints as the exchange takes them, with their secrets from the environment and key files."""
    return [
        exchange.Endpoint(
            name=one.name,
            kind=one.kind,
            url=one.url,
            token=secret(one.token_env) if one.token_env else None,
            token_env=one.token_env,
            path=one.path,
            mapping=one.mapping,
            ca_file=one.ca_file,
            batch_records=one.batch_records,
            client_cert=(one.client_cert, one.client_key) if one.client_cert and one.client_key else None,
            oauth=_oauth(one),
            signing=_signing_key(one),
            records_per_second=one.records_per_second,
            batches_per_minute=one.batches_per_minute,
            retry_seconds=one.retry_seconds,
            failures_in_a_row=one.failures_in_a_row,
            answer_seconds=one.answer_seconds,
            keys_kept_hours=one.keys_kept_hours,
        )
        for one in settings.endpoint
    ]


def _oauth(one: EndpointSettings) -> exchange.OAuth | None:
    if not (one.token_url and one.client_id and one.client_secret_env):
        return None
    return exchange.OAuth(one.token_url, one.client_id, secret(one.client_secret_env), one.client_secret_env, one.scope)


def _signing_key(one: EndpointSettings) -> exchange.SigningKey | None:
    if one.signing_key_env is not None:
        return exchange.SigningKey(secret(one.signing_key_env).encode(), one.signing_key_id)
    if one.signing_key_file is None:
        return None
    try:
        return exchange.SigningKey(one.signing_key_file.read_bytes(), one.signing_key_id)
    except OSError as error:
        raise SettingsError(f"signing_key_file {one.signing_key_file} cannot be read: {error.strerror}") from error


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
