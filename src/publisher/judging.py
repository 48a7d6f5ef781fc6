"""Judging what the ledger holds: a record with its cases in, a verdict with its public form out. Writes nothing."""

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from publisher import rules
from publisher.ledger import Ledger
from publisher.ledger.dockets import Body, Docket, due, version_of
from publisher.ledger.drafts import Draft, Judged, draft_of
from publisher.model import RecordKind, Verdict
from publisher.rules.facts import Facts, likeness
from publisher.rules.public import public_body, public_form
from publisher.rules.redact import redact

KINDS: tuple[RecordKind, ...] = ("plan", "item_list", "result")  # in this order
READ = 1_000  # records in memory at once, with all that was received of them
MOST_ALIKE = 30_000  # verdicts remembered: some 20 MB


class _Alike(NamedTuple):
    """What results of one version and without cases have in common that are alike to the rules."""

    verdict: Verdict
    outcomes: tuple[str, ...]
    negative: bool
    beside: Body
    gap: str | None


class Judge:
    """The rules of a portal on one day."""

    def __init__(self, profile: rules.Profile, workdays: rules.Workdays, day: date) -> None:
        self._profile, self._workdays, self._day = profile, workdays, day
        self._closes = lru_cache(4096)(profile.on(day).closes)
        self._negative = {name for name, outcome in profile.on(day).outcomes.items() if outcome.negative}
        self._alike: dict[tuple[Any, ...], _Alike] = {}

    def judged(self, docket: Docket) -> Judged:
        """Judge one record, with its public form where the verdict shows it."""
        row, versions, cases, tombstone, holds = docket
        if row.kind != "result" or len(versions) != 1 or cases or tombstone or holds:
            return self._judged(docket)
        body = versions[0]
        key = likeness(body)
        alike = self._alike.get(key)
        if alike is None:  # most results are like many others: judging each anew took a third of the time
            judged = self._judged(docket)
            if len(self._alike) >= MOST_ALIKE:
                self._alike.clear()
            self._alike[key] = _Alike(judged.verdict, judged.outcomes, judged.negative, judged.beside, judged.gap)
            return judged
        verdict, outcomes, negative, beside, gap = alike
        public = public_body(versions, body) if verdict.state == "published" else None
        settled = self._closes(body.get("disposition"))
        return Judged(docket, verdict, outcomes, negative, settled, public, beside, gap)

    def _judged(self, docket: Docket) -> Judged:
        facts, verdict = judged_facts(self._profile, self._workdays, docket, self._day)
        number = verdict.version or facts.versions[-1].number
        version = next(one for one in facts.versions if one.number == number)
        outcomes = tuple(dict.fromkeys([one for one in version.outcomes if one is not None]))
        body: Body | None = None
        beside: Body = {}
        if verdict.state == "published":
            said = (docket.versions, docket.cases, verdict, self._profile, self._workdays, self._day)
            body, beside = public_form(facts, *said)
        gap = None
        if verdict.rule == "pending.before_rules":
            gap = rules.why_before_rules(facts, self._profile, self._workdays)
        return Judged(
            docket,
            verdict._replace(basis=_redacted(verdict.basis)),  # a decision may state its own, in free words
            outcomes,
            negative=not self._negative.isdisjoint(outcomes),
            settled=self._closes(version_of(docket, verdict.version).get("disposition")),
            public=body,
            beside=beside,
            gap=gap,
        )


@lru_cache(4096)
def _redacted(basis: str) -> str:
    return redact(basis)[0]


def drafts(ledger: Ledger, judge: Judge, day: date, chunk: int) -> Iterator[list[Draft]]:
    """Yield the verdicts on all that is due on ``day``, ready to be written, ``chunk`` at a time.

    What is written of them meanwhile does not come again.
    """
    for kind in KINDS:
        waiting = _drafts_of(ledger, judge, day, kind)
        while ready := list(islice(waiting, chunk)):
            yield ready


def _drafts_of(ledger: Ledger, judge: Judge, day: date, kind: RecordKind) -> Iterator[Draft]:
    after = (date.min, 0)
    while True:
        with ledger.reading() as connection:
            dockets = due(connection, day, kinds=(kind,), limit=READ, after=after)
        docket = None
        with ledger.told():
            for docket in dockets:
                yield draft_of(judge.judged(docket))
        if docket is None:
            return
        after = (docket.row.judge_on, docket.row.record_no)


def drafts_of(
    url: str, profile: rules.Profile, workdays: rules.Workdays, day: date, chunk: int
) -> Iterator[list[Draft]]:
    """Do what :func:`drafts` does in a process that has nothing open yet."""
    with Ledger(url) as ledger:
        yield from drafts(ledger, Judge(profile, workdays, day), day, chunk)


def judged_facts(profile: rules.Profile, workdays: rules.Workdays, docket: Docket, day: date) -> tuple[Facts, Verdict]:
    """Return the facts of a record and the verdict on a day, from all that the ledger holds about it."""
    facts = facts_in(profile, docket)
    return facts, rules.judge(facts, profile, workdays, day)


def facts_in(profile: rules.Profile, docket: Docket) -> Facts:
    """Return the facts of a record from all that the ledger holds about it."""
    kind: RecordKind = docket.row.kind
    holds = [rules.Hold(*one) for one in docket.holds]
    return rules.facts_of(kind, docket.versions, docket.cases, docket.tombstone, holds, profile)
