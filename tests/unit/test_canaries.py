"""What may not be public is nowhere: records with words nobody else has, walked through every state.

After each step every byte below the portal's folder is read and decoded, and the outbox and what commands said with it.
What is looked for is known here, from what was given to the portal; nothing is asked of the ledger.
"""

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ahocorasick_rs import AhoCorasick

from publisher import officer, pipeline, uscc
from publisher.audit.reading import UNREADABLE, forms, texts
from publisher.portal import Watcher, opened
from publisher.sandbox import Sandbox

NUMBER = int(os.environ.get("PUBLISHER_TEST_CANARIES", "200"))  # make leaks: 2,000
PERSON, CODELESS = 40, 10  # every so many records: of a natural person, of a firm without a code
SIGNS = "".join(chr(point) for point in range(0x4E00, 0x9FA5) if chr(point).encode("gb2312", "ignore"))
TOKEN = "leaks-token"  # of the sandbox
# Lists of releases and certificates of withdrawal name what is gone; they are the office's and the firm's alone.
NOT_OURS = ("source", "sandbox.db", "var/ledger.db", "var/run.lock", "var/releases", "var/certificates")


@dataclass
class Canary:
    """A record whose words are nobody else's, and what of it may be seen."""

    number: int
    body: dict[str, Any]
    notes: dict[int, str] = field(default_factory=dict)
    shown: int | None = None  # the version

    @property
    def is_person(self) -> bool:
        return bool(self.body["subject"]["kind"] == "person")

    def own(self) -> Iterator[str]:
        """The words that tell who it is."""
        told = self.body["subject"]
        yield from (self.body["result_id"], told["name"])
        yield from (one for one in (told["uscc"], told["reg_no"]) if one)

    def forbidden(self) -> Iterator[str]:
        yield self.body["inspectors"][0]
        yield from (note for version, note in self.notes.items() if version != self.shown)
        if self.shown is None:
            yield from self.own()


class Flock:
    """All canaries and the portal they live in."""

    def __init__(self, portal: Any, make_result: Callable[..., Any], make_case: Callable[..., Any], seed: int) -> None:
        self.portal, self._make_case = portal, make_case
        self._luck = random.Random(seed)
        self.birds = [Canary(number, self._body(number, make_result)) for number in range(NUMBER)]
        self.records: dict[str, list[Any]] = {"results": [], "cases": []}
        self.said: list[str] = []

    def _words(self, length: int) -> str:
        return "".join(self._luck.choices(SIGNS, k=length))

    def _body(self, number: int, make_result: Callable[..., Any]) -> dict[str, Any]:
        body: dict[str, Any] = make_result(1, ended_on="2026-01-05", recorded_at="2026-01-06T09:00:00+08:00")
        first = f"91{self._luck.choice(('320102', '320104', '320214'))}MA"
        digits = "".join(self._luck.choices(uscc.ALPHABET, k=6))
        first += digits[:6] + uscc.organisation_check_character("MA" + digits[:6])
        is_person, has_code = number % PERSON == 0, number % CODELESS != 1
        body["subject"] |= {
            "kind": "person" if is_person else "enterprise",
            "name": self._words(4) if is_person else f"{self._words(7)}有限公司",
            "uscc": first + uscc.check_character(first) if has_code and not is_person else None,
            "reg_no": None if has_code else f"{self._luck.randrange(10**14):014}",
            "region_code": first[2:8],
        }
        return body | {"result_id": f"CANARY-{self._luck.randrange(16**12):012x}", "inspectors": [self._words(5)]}

    def version(self, number: int, finalized_at: str | None) -> None:
        """Have the platform deliver another version of every record, with a note of its own."""
        for bird in self.birds:
            bird.notes[number] = f"现场查见{self._words(12)}"
            finding = bird.body["findings"][0] | {"note": bird.notes[number]}
            changed = {"version": number, "finalized_at": finalized_at, "findings": [finding]}
            bird.body = bird.body | changed
            self.records["results"].append(bird.body)

    def case(self, case_type: str, **changes: Any) -> None:
        """Have the platform deliver a case about every record, each with a reason of its own."""
        for bird in self.birds:
            made = self._make_case(
                case_type, case_id=f"C-{case_type}-{bird.number}", result_id=bird.body["result_id"], **changes
            )
            self.records["cases"].append(made)

    def run(self, day: str, shown: int | None) -> None:
        """Run the portal for a day, after which this version is to be seen of every record but those of persons."""
        self.portal.give(*self.records["results"], *self.records["cases"], name="birds")
        ran = self.portal.call("run", "--json", day=day, env={"LEAKS_TOKEN": TOKEN})
        assert ran.status == 0, ran.err[-2000:]
        self.said += [ran.out, ran.err]
        for bird in self.birds:
            bird.shown = None if bird.is_person else shown
        assert ran.json["pushed"]["credit"]["owed"] == 0
        assert ran.json["states"]["published"] == 2 + sum(bird.shown is not None for bird in self.birds)

    def hold(self, day: str, *, lift: bool = False) -> None:
        """Have an officer stop every record, or end that."""
        settings = self.portal.settings
        with opened(settings, pipeline.day_of(day, None), Watcher()) as portal:
            for bird in self.birds:
                basis = (None, None) if lift else ("测试文件第一条", "测某")
                officer.change_hold(portal, bird.body["result_id"], *basis)

    def leaks(self) -> Counter[str]:
        """Return where words stand that may not, by the part of the portal they stand in."""
        words = [word for bird in self.birds for word in bird.forbidden()]
        finder = AhoCorasick(words)
        found: Counter[str] = Counter()
        for where, text in self._everything():
            if finder.find_matches_as_indexes(text):
                found[where] += 1
        return found

    def seen(self) -> set[str]:
        """Return which of the ids that are to be seen stand on the site."""
        ids = [bird.body["result_id"] for bird in self.birds if bird.shown is not None]
        finder = AhoCorasick(ids)
        return {
            one
            for where, text in self._everything()
            if "subjects/" in where
            for one in finder.find_matches_as_strings(text)
        }

    def _everything(self) -> Iterator[tuple[str, str]]:
        for path in sorted(self.portal.root.rglob("*")):
            name = path.relative_to(self.portal.root).as_posix()
            if not name.startswith(NOT_OURS) and not path.is_symlink() and path.is_file():
                inside = name.split("/", 1)[1] if name.startswith(".output.") else name
                yield name, name
                yield from ((name, text) for text in decoded(inside, path.read_bytes()))
        for said in self.said:
            yield "said", said
        with sqlite3.connect(self.portal.var / "ledger.db") as ledger:
            for (body,) in ledger.execute("SELECT body FROM batch"):
                yield from (("outbox", text) for text in decoded("batch.json", bytes(body)))


def decoded(name: str, content: bytes) -> Iterator[str]:
    yield content.decode("utf-8", "replace")
    try:
        for group in texts(name, content):
            yield from (form for form in forms("\x00".join(group)))
    except UNREADABLE as error:
        raise AssertionError(f"{name} cannot be read: {error}") from error


@pytest.fixture
def flock(tmp_path: Path, make_portal: Any, make_plan: Any, make_result: Any, make_case: Any) -> Iterator[Any]:
    """A portal with a plan, a firm that stays, and the canaries; its endpoint is a sandbox."""

    def gathered(profile: str) -> Flock:
        portal = make_portal(tmp_path)
        endpoint = {
            "name": "credit", "kind": "api", "url": f"{sandbox.url}/credit", "token_env": "LEAKS_TOKEN",
            "mapping": "plain",
        }  # fmt: skip
        portal.configure(profile=profile, endpoints=[endpoint])
        stays = make_result(7, ended_on="2026-01-05", finalized_at="2026-01-07T09:00:00+08:00")
        portal.give(make_plan(finalized_at="2026-01-04T09:00:00+08:00"), stays, name="others")
        return Flock(portal, make_result, make_case, seed=20261120)

    with Sandbox(state=tmp_path / "sandbox.db", token=TOKEN) as sandbox:
        yield gathered


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["national-2024", "jiangsu-2021"])
def test_nothing_that_may_not_be_public_is_anywhere_whatever_became_of_it(flock: Any, profile: str) -> None:
    birds = flock(profile)

    def step(day: str, shown: int | None) -> None:
        birds.run(day, shown)
        assert birds.leaks() == {}, day
        assert len(birds.seen()) == sum(bird.shown is not None for bird in birds.birds), day

    birds.version(1, None)
    step("2026-02-02", None)  # pending
    birds.version(2, "2026-02-03T09:00:00+08:00")
    step("2026-02-03", 2)  # published
    birds.version(3, "2026-02-05T09:00:00+08:00")
    step("2026-02-05", 3)  # corrected
    before = birds.portal.files()
    birds.hold("2026-02-09")
    step("2026-02-09", None)  # withheld
    missed_sweeps_are_found(birds, before)
    birds.hold("2026-02-11", lift=True)
    step("2026-02-11", 3)
    birds.case("reorganisation", decided_on="2026-02-13", lifted_on=None)
    step("2026-02-13", None)  # shielded
    birds.records["cases"].clear()
    birds.case("reorganisation", decided_on="2026-02-13", lifted_on="2026-02-20")
    step("2026-02-20", 3)
    birds.case("error", decided_on="2026-02-25")
    step("2026-02-25", None)  # withdrawn
    birds.version(4, "2026-03-02T09:00:00+08:00")
    step("2026-03-02", 4)
    birds.case("withhold", decided_on="2026-03-06")
    step("2026-03-06", None)  # withheld, after it was shown


SWEEPS = {
    "pages of subjects": ("subjects/", ".html"), "lists": ("results/", ".html"), "search": ("search/", ".bin"),
    "tables": ("data/results", ".csv"), "records": ("data/results", ".json"), "lines": ("data/results", ".jsonl"),
    "workbooks": ("data/", ".xlsx"), "database": ("data/", ".db"), "changes": ("data/delta/", ".jsonl"),
    "feeds": ("feeds/", ".xml"), "sitemaps": ("sitemap", ".xml"),
}  # fmt: skip


def missed_sweeps_are_found(birds: Flock, before: dict[str, bytes]) -> None:
    """Put back what each sweep took away, as if it had been forgotten, and see that every one is found."""
    trees = [path for path in birds.portal.root.glob(".output.*") if path.is_dir()]
    assert len(trees) == 2
    finder = AhoCorasick([word for bird in birds.birds for word in bird.forbidden()])
    forgotten: dict[Path, bytes | None] = {}
    for what, (start, end) in SWEEPS.items():
        held = [name for name in before if name.startswith(start) and name.endswith(end)]
        telling = [name for name in held if any(map(finder.find_matches_as_indexes, decoded(name, before[name])))]
        assert telling, f"{what}: nothing was ever shown there, so nothing is proved"
        for tree in trees:
            path = tree / telling[0]
            forgotten[path] = path.read_bytes() if path.exists() else None
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)  # the two trees share files
            path.write_bytes(before[telling[0]])
    with sqlite3.connect(birds.portal.var / "ledger.db") as ledger:
        ledger.execute("INSERT INTO batch VALUES ('x', 'credit', ?, '', NULL)", (birds.birds[1].notes[3].encode(),))
    birds.said.append(f"published {birds.birds[1].body['subject']['name']}")
    places = {path.relative_to(birds.portal.root).as_posix() for path in forgotten} | {"outbox", "said"}
    assert set(birds.leaks()) == places
    birds.said.pop()
    with sqlite3.connect(birds.portal.var / "ledger.db") as ledger:
        ledger.execute("DELETE FROM batch")
    for path, content in forgotten.items():
        path.unlink()
        if content is not None:
            path.write_bytes(content)
    assert birds.leaks() == {}
