"""A profile: the law a portal follows, as dated data.

A profile file has a ``title``, perhaps ``extends`` (a shipped profile or a path) and one ``[[version]]`` or more. A
version holds from its ``effective_on`` (up to ``until_on``, that day excluded) and says only what it changes. On a
day each key has the value of the outermost profile that says something about it, in that profile's latest version.
A value is written ``{ value, basis, certainty }``, or plainly in a table that states ``basis`` and ``certainty`` for
all in it.
"""

import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any, NamedTuple, get_args

from publisher.errors import CalendarGap, RuleConflict, RuleError
from publisher.model import Intake, fold_label
from publisher.rules.terms import Certainty, Rules, Value, checked, rules_of

_HEAD = {"title", "extends", "version"}
_VERSION_HEAD = {"effective_on", "until_on", "document", "certainty"}

_UNASKED = "?"  # no outcome


class ProfileValue(NamedTuple):
    """A value as a profile states it, for ``check`` and the page that lists the rules."""

    key: str
    value: Any
    basis: str
    certainty: Certainty
    effective_on: date


class Version(NamedTuple):
    """One dated version of a profile file."""

    effective_on: date
    until_on: date | None
    document: str
    certainty: Certainty  # of effective_on
    values: Mapping[str, Value]
    stated: Mapping[str, Any]  # the same values as the file writes them


class Layer(NamedTuple):
    """One profile file, read: its title, what it extends, and its versions in date order."""

    title: str
    extends: str | None
    versions: tuple[Version, ...]
    text: str


def read_layer(text: str, name: str) -> Layer:
    """Read one profile file; ``name`` is told in every :class:`RuleError`."""
    try:
        head = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RuleError(f"profile {name} is not TOML: {error}") from error
    try:
        return _layer(head, text)
    except RuleError as error:
        raise RuleError(f"profile {name}: {error}") from error


def _layer(head: Mapping[str, Any], text: str) -> Layer:
    if unknown := sorted(head.keys() - _HEAD):
        raise RuleError(f"there is no key {unknown[0]} here; a profile has {', '.join(sorted(_HEAD))}")
    title, extends, found = head.get("title"), head.get("extends"), head.get("version")
    if not isinstance(title, str) or not isinstance(extends, str | None) or not isinstance(found, list) or not found:
        raise RuleError("a profile has a title, perhaps the profile it extends, and one [[version]] or more")
    versions = sorted(
        (_version(each) for each in found), key=lambda each: (each.effective_on, each.until_on is not None)
    )
    days = [(each.effective_on, each.until_on) for each in versions]
    if len({*days}) < len(days):
        raise RuleConflict("two versions take effect on the same day")
    return Layer(title, extends, tuple(versions), text)


def _version(table: Mapping[str, Any]) -> Version:
    effective_on, until_on, document, certainty = (
        table.get(key) for key in ("effective_on", "until_on", "document", "certainty")
    )
    if type(effective_on) is not date or type(until_on) not in (date, type(None)):
        raise RuleError("a version needs effective_on (and, if it lapses, until_on), written as a date")
    if until_on is not None and until_on <= effective_on:
        raise RuleError(f"the version of {effective_on} ends on {until_on}, before it begins")
    grounds = _grounds(f"the version of {effective_on}", document, certainty)
    body = {key: each for key, each in table.items() if key not in _VERSION_HEAD}
    stated = {key: Value(*rest) for key, *rest in _leaves(body, "", None, None)}
    values = {key: each._replace(value=checked(key, each.value)) for key, each in stated.items()}
    return Version(effective_on, until_on, *grounds, values, {k: v.value for k, v in stated.items()})


def _leaves(
    table: Mapping[str, Any], path: str, basis: str | None, certainty: Certainty | None
) -> Iterator[tuple[str, Any, str, Certainty]]:
    """Every value below ``table``: key, value, basis, certainty."""
    basis, certainty = table.get("basis", basis), table.get("certainty", certainty)
    for key, each in table.items():
        name = f"{path}{key}"
        if key in ("basis", "certainty"):
            continue
        if not isinstance(each, dict):
            yield name, each, *_grounds(name, basis, certainty)
        elif "value" in each:
            if unknown := sorted(each.keys() - {"value", "basis", "certainty"}):
                raise RuleError(f"{name} has a value and also {', '.join(unknown)}")
            grounds = _grounds(name, each.get("basis", basis), each.get("certainty", certainty))
            yield name, each["value"], *grounds
        else:
            yield from _leaves(each, f"{name}.", basis, certainty)


def _grounds(name: str, basis: str | None, certainty: str | None) -> tuple[str, Certainty]:
    if not isinstance(basis, str) or not basis:
        raise RuleError(f"{name} needs a basis: the document and article it rests on")
    for known in get_args(Certainty):
        if certainty == known:
            return basis, known
    raise RuleError(f"{name}: its certainty is one of {', '.join(get_args(Certainty))}, not {certainty!r}")


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A profile with all it extends: the rules of any day, and what labels and codes mean.

    ``versions`` are the days on which the rules change; ``fingerprint`` tells one content (calendars included)
    from another; ``never_negative`` are the outcomes that no version calls negative, ``always_named`` the kinds of
    subject that every version names.
    """

    title: str
    layers: tuple[Layer, ...]  # from the base to the outermost
    versions: tuple[date, ...]
    fingerprint: str
    never_negative: frozenset[str]
    always_named: frozenset[str]
    _rules: tuple[Rules, ...]
    _intake: Intake
    _meanings: dict[tuple[str, str | None], str | None] = field(default_factory=dict)  # labels met so far

    @classmethod
    def of(cls, layers: Sequence[Layer], calendars: Sequence[str] = ()) -> "Profile":
        """The profile that ``layers``, from the base to the outermost, make; ``calendars`` enter the fingerprint.

        Raises :class:`RuleError` for a value missing on some day, :class:`RuleConflict` for a label of two
        outcomes.
        """
        versions = [each for layer in layers for each in layer.versions]
        days = sorted({each.effective_on for each in versions} | {each.until_on for each in versions if each.until_on})
        rules = tuple(rules_of(day, _values_on(layers, day)) for day in days)
        negative = {name for each in rules for name, outcome in each.outcomes.items() if outcome.negative}
        return cls(
            title=layers[-1].title,
            layers=tuple(layers),
            versions=tuple(days),
            fingerprint=sha256("\0".join([*(each.text for each in layers), *calendars]).encode()).hexdigest(),
            never_negative=frozenset(name for each in rules for name in each.outcomes) - negative,
            always_named=frozenset.intersection(*(each.named_kinds for each in rules)),
            _rules=rules,
            _intake=Intake(_labels(rules), rules[-1].bad_check_digit == "quarantine"),
        )

    def on(self, day: date) -> Rules:
        """The rules in force on ``day``; :class:`CalendarGap` for a day before the first version."""
        at = bisect_right(self.versions, day)
        if not at:
            raise CalendarGap(f"profile {self.title} begins on {self.versions[0]}; it says nothing about {day}")
        return self._rules[at - 1]

    def plan_due_by(self, year: int) -> date | None:
        """The day by which the plan of ``year`` is due, where the rules in force on that day name one."""
        for rules in self._rules:
            if rules.plan_by is not None:
                due = date(year, *rules.plan_by)
                if due >= self.versions[0] and self.on(due) is rules:
                    return due
        return None

    @property
    def latest(self) -> Rules:
        """The rules of the last version."""
        return self._rules[-1]

    def values(self) -> Iterator[ProfileValue]:
        """Every value stated, as the files write it, base first; a version's day is the key ``effective_on``."""
        for layer in self.layers:
            for each in layer.versions:
                start = each.effective_on
                yield ProfileValue("effective_on", start.isoformat(), each.document, each.certainty, start)
                for key, value in each.values.items():
                    yield ProfileValue(key, each.stated[key], value.basis, value.certainty, start)

    def intake(self) -> Intake:
        """What labels and codes (folded by :func:`publisher.model.fold_label`) mean; anything else is set aside."""
        return self._intake

    def outcome_of(self, label: str, code: str | None = None) -> str | None:
        """The outcome that ``label`` or ``code`` names; None when neither is known or they contradict each other.

        Codes joined by commas count when all of them mean the same.
        """
        known = self._meanings.get((label, code), _UNASKED)
        if known is _UNASKED:
            by_label, by_code = self._meaning(label), self._meaning(code) if code else None
            known = by_label or by_code if by_code in (by_label, None) or by_label is None else None
            if len(self._meanings) < 10_000:
                self._meanings[label, code] = known
        return known

    def _meaning(self, words: str) -> str | None:
        labels, folded = self._intake.labels, fold_label(words)
        if folded in labels:
            return labels[folded]
        meant = {labels.get(part) for part in folded.split(",")}
        return meant.pop() if len(meant) == 1 else None


def _values_on(layers: Sequence[Layer], day: date) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for layer in layers:
        for each in layer.versions:
            if each.effective_on <= day and (each.until_on is None or day < each.until_on):
                values |= each.values
    return values


def _labels(rules: Sequence[Rules]) -> dict[str, str]:
    """Folded label or code → outcome, over all versions: a label means the same whenever it arrives."""
    labels: dict[str, str] = {}
    for each in rules:
        stated = [(outcome.label, name) for name, outcome in each.outcomes.items()]
        for key, value in each.values.items():
            group, _, name = key.partition(".")
            if group in ("labels", "codes"):
                stated += [(text, name) for text in value.value]
        for text, name in stated:
            if labels.setdefault(fold_label(text), name) != name:
                raise RuleConflict(f"{text} means both {labels[fold_label(text)]} and {name}")
    return labels
