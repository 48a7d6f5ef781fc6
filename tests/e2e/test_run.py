"""The daily run: repeated, on later days, killed at any moment, and on every shipped example."""

import hashlib
import json
import os
import random
import re
import secrets
import signal
import sqlite3
import subprocess
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SEED = 20261120
REF = re.compile(rb"[0-9a-f]{32,64}")  # and the digests of files that hold refs


def footprint(output: Path) -> dict[str, tuple[int, int, str]]:
    """Return for every file of a tree when it was written, which file it is, and its hash."""
    found = {}
    for file in output.rglob("*"):
        seen = file.stat()
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        found[str(file)] = (seen.st_mtime_ns, seen.st_ino, digest)
    return found


PROOF = re.compile(rb"\n?<!-- publication-log.*", re.DOTALL)  # with its random salts; `verify` checks it
LEFT_OUT = {("data", "index.html"), ("data", "datapackage.json"), ("data", "catalog.jsonld")}


def masked_tree(output: Path) -> dict[str, bytes]:
    """Return what every file of a tree says, by its name, less the random refs of its records.

    The change feed is left out, as it says by run what came, and a killed run is two; so are the lists of all files,
    which give the number of changes and the sizes of workbooks, packed with their refs.
    """
    return {
        file.relative_to(output).as_posix(): REF.sub(b"ref", PROOF.sub(b"", content_of(file)))
        for file in output.rglob("*")
        if file.is_file()
        and file.relative_to(output).parts[:2] not in LEFT_OUT
        and not {"delta", "log"} & {*file.parts}
    }


def content_of(file: Path) -> bytes:
    """Return the bytes of a file; of one whose packing depends on its refs, what it holds."""
    if file.suffix == ".xlsx":
        with zipfile.ZipFile(file) as workbook:
            return b"".join(workbook.read(name) for name in sorted(workbook.namelist()))
    if file.suffix == ".db":
        connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        try:
            return "\n".join(sorted(REF.sub(b"ref", one.encode()).decode() for one in connection.iterdump())).encode()
        finally:
            connection.close()
    return file.read_bytes()


def test_the_first_run_of_the_demo_says_what_it_did(demo: Any, subjects: Sequence[Any]) -> None:
    summary, portal = demo.summary, demo.portal
    states = [one["state"] for one in portal.explained("2026-11-20").values()]
    assert summary["pulled"]["results"] == 3591
    assert summary["states"]["withheld"] >= states.count("withheld") > 0
    assert summary["states"]["withdrawn"] == states.count("withdrawn") > 0
    assert states.count("published") == sum(len(one.result_ids) for one in subjects)
    assert summary["pages"]["total"] == sum(1 for one in portal.output.rglob("*") if one.is_file())
    for counts in summary["pushed"].values():
        assert counts["accepted"] == summary["states"]["published"]
        assert counts["rejected"] == counts["unprocessed"] == counts["owed"] == 0


def test_a_second_run_changes_nothing(demo_copy: Any) -> None:
    before = footprint(demo_copy.output)
    with demo_copy.far_end():
        held = {name: demo_copy.held(name) for name in ("gsxt", "credit")}
        summary = demo_copy.run("2026-11-20")
        assert {name: demo_copy.held(name) for name in ("gsxt", "credit")} == held
        assert json.loads(demo_copy.publisher("status", "--json"))["pages"]["owed"] == 0
    assert footprint(demo_copy.output) == before
    assert summary["pulled"] == {"plans": 0, "item_lists": 0, "results": 0, "cases": 0}
    assert summary["pages"]["written"] == summary["pages"]["removed"] == 0
    assert all(set(counts.values()) == {0} for counts in summary["pushed"].values())


def test_time_alone_withdraws_what_is_over_and_nothing_else(
    demo_copy: Any, source_records: Sequence[Mapping[str, Any]], words_of: Callable[[Path], str]
) -> None:
    named: dict[str, Mapping[str, Any]] = {}
    for one in source_records:
        named.setdefault(one["result_id"], one["subject"])
    before = demo_copy.explained("2026-11-20")
    stopped_before: set[str] = set()
    with demo_copy.far_end():
        for day in ("2026-12-01", "2026-12-31"):
            after = demo_copy.explained(day)
            stopped = {one for one in after if before[one]["state"] == "published" != after[one]["state"]}
            shown = {one for one in after if after[one]["state"] == "published"}
            begun = {one for one in shown if before[one]["state"] != "published"}
            assert len(stopped) >= 5
            pages_before = {str(file) for file in demo_copy.output.rglob("*.html")}
            planned = json.loads(demo_copy.publisher("preview", "--json", "--as-of", day))["planned"]

            summary = demo_copy.run(day)

            assert sum(summary["pulled"].values()) == 0
            in_results = [one for one in planned if one["kind"] == "result"]
            assert {one["record_id"] for one in in_results if one["action"] == "stop"} == stopped
            assert {one["record_id"] for one in in_results if one["action"] == "add"} == begun
            text = words_of(demo_copy.output)
            assert set(re.findall(r"R20\d\d-\d{6}", text)) == shown
            still_named = {words for one in shown for words in named_by(named[one])}
            gone = {words for one in stopped for words in named_by(named[one])} - still_named
            assert {one for one in gone if one in text} == set()
            codes = {named[one].get("uscc") for one in stopped} - {named[one].get("uscc") for one in shown} - {None}
            pages_gone = pages_before - {str(file) for file in demo_copy.output.rglob("*.html")}
            assert codes
            assert {Path(one).stem for one in pages_gone if "/subjects/x/" not in one} >= codes
            stopped_before = (stopped_before | stopped) - shown
            for endpoint in ("gsxt", "credit"):
                held = {key: one["state"] for key, one in demo_copy.held(endpoint).items() if key in after}
                assert {one for one in held if held[one] == "published"} == shown
                assert {one for one in held if held[one] == "withdrawn"} == stopped_before
            before = after
        demo_copy.publisher("reconcile", "--as-of", "2026-12-31")


def named_by(subject: Mapping[str, Any]) -> set[str]:
    return {one for one in (subject["name"], subject.get("uscc"), subject.get("reg_no")) if one}


def test_a_past_day_is_refused_and_changes_nothing(demo_copy: Any) -> None:
    before = footprint(demo_copy.output)
    with demo_copy.far_end():
        demo_copy.publisher("run", "--as-of", "2026-11-19", expect=2)
    assert footprint(demo_copy.output) == before


def test_a_hold_takes_a_record_off_at_once_and_lifting_brings_it_back(
    demo_copy: Any, subjects: Sequence[Any], words_of: Callable[[Path], str]
) -> None:
    one = next(one for one in subjects if len(one.result_ids) == 1 and one.uscc)
    (record_id,) = one.result_ids
    page = demo_copy.output / one.path.lstrip("/")
    with demo_copy.far_end():
        on_day = ("--as-of", "2026-11-20")
        demo_copy.publisher("hold", record_id, "--basis", "政府信息公开条例第十五条", "--by", "办公室", *on_day)
        demo_copy.run("2026-11-20")
        assert not page.exists()
        text = words_of(demo_copy.output)
        assert record_id not in text
        assert one.uscc not in text
        assert demo_copy.held("gsxt")[record_id]["state"] == "withdrawn"
        demo_copy.publisher("hold", record_id, "--lift", *on_day)
        demo_copy.run("2026-11-20")
        assert record_id in page.read_text("utf-8")
        assert demo_copy.held("gsxt")[record_id]["state"] == "published"


# killed ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pulled(make_portal: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A small portal that has pulled and done no more, with its secret for addresses settled.

    Two runs from here on differ in nothing but the refs that records are given.
    """
    folder = tmp_path_factory.mktemp("pulled")
    source = folder / "source"
    for part in ("plans", "item_lists", "cases"):
        (source / part).mkdir(parents=True)
        for file in (EXAMPLES / "jiangsu-2021" / part).iterdir():
            (source / part / file.name).write_bytes(file.read_bytes())
    (source / "results").mkdir()
    for name in ("2021-320300.jsonl", "2026-320300.jsonl", "corrections.jsonl"):
        (source / "results" / name).write_bytes((EXAMPLES / "jiangsu-2021" / "results" / name).read_bytes())
    portal = make_portal(folder / "portal", profile="jiangsu-2021", source=source, pulls_from="folder")
    settings = portal.folder / "publisher.toml"
    settings.write_text(re.sub(r'(mapping = "gsxt")', r"\1\nbatch_records = 40", settings.read_text("utf-8")), "utf-8")
    portal.publisher("pull", "--as-of", "2026-11-20")
    connection = sqlite3.connect(portal.folder / "var" / "ledger.db")
    with connection:
        connection.execute("INSERT INTO meta (key, value) VALUES ('path_secret', ?)", (secrets.token_hex(32),))
    connection.close()
    return portal


@pytest.fixture(scope="module")
def undisturbed(pulled: Any, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    portal = pulled.copy(tmp_path_factory.mktemp("undisturbed"))
    with portal.far_end():
        portal.run("2026-11-20")
    return masked_tree(portal.output)


def _count(portal: Any, query: str) -> int:
    try:
        return int(portal.rows(query)[0][0])
    except sqlite3.OperationalError:
        return 0


REACHED: Mapping[str, Callable[[Any], int]] = {
    "judge": lambda portal: _count(portal, "SELECT count(*) FROM entry"),
    "build": lambda portal: _count(portal, "SELECT count(*) FROM page"),
    "push": lambda portal: _count(portal, "SELECT count(*) FROM held"),
}


@pytest.mark.parametrize(
    ("stage", "after", "whole_group"),
    [("judge", 0, False), ("judge", 12, True), ("build", 0.1, False), ("build", 0.6, True), ("push", 0.3, False)],
)
def test_a_killed_run_is_finished_by_the_next(
    pulled: Any, undisturbed: Mapping[str, bytes], tmp_path: Path, stage: str, after: float, whole_group: bool
) -> None:
    portal = pulled.copy(tmp_path / "portal")
    draw = random.Random(f"{SEED} {stage} {after}")
    least = {"judge": after, "build": after * len(undisturbed), "push": after * 2 * 500}[stage]
    with portal.far_end() as far_end:
        run = portal.start("run", "--as-of", "2026-11-20")
        deadline = time.monotonic() + 60
        while run.poll() is None and time.monotonic() < deadline:
            if REACHED[stage](portal) > least or (stage == "judge" and after == 0 and _count(portal, RUNS) > 1):
                break
            time.sleep(0.002)
        time.sleep(draw.uniform(0, 0.05))
        assert run.poll() is None, f"the run was over before it could be killed in {stage}"
        kill(run, whole_group)
        at_kill = sum(one["published"] for one in far_end._server.far_end.endpoints.summary().values())
        assert (at_kill > 0) == (stage == "push")

        finish(portal)

        tree = masked_tree(portal.output)
        assert {name for name in tree.keys() | undisturbed.keys() if tree.get(name) != undisturbed.get(name)} == set()
        portal.publisher("verify")
        portal.publisher("reconcile", "--as-of", "2026-11-20")
        shown = {row[0] for row in portal.rows("SELECT record_id FROM record WHERE state = 'published'")}
        assert {key for key, one in portal.held("credit").items() if one["state"] == "published"} == shown
        again = portal.run("2026-11-20")
        assert again["pages"]["written"] == 0
    left = sorted(one.name for one in portal.folder.iterdir() if one.name.startswith(".output"))
    assert left == [".output.a", ".output.b"], "what a killed build had in hand must not lie about"


def finish(portal: Any) -> None:
    """Run again, as a timer would; what is left of the killed run may hold the lock for a moment more."""
    deadline = time.monotonic() + 20
    while True:
        run = portal.start("run", "--as-of", "2026-11-20")
        if run.wait(60) != LEDGER_ERROR or time.monotonic() > deadline:
            assert run.returncode == 0
            return
        time.sleep(0.2)


LEDGER_ERROR = 5
RUNS = "SELECT count(*) FROM run"


def kill(run: subprocess.Popen[str], whole_group: bool) -> None:
    """Kill the command as `kill -9` would, or with every process it started, as a power cut would."""
    if whole_group:
        os.killpg(run.pid, signal.SIGKILL)
    else:
        run.kill()
    run.wait(10)


# the other examples --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "endpoints"),
    [
        ("guyang-2021", "two folders"),
        ("changjiang-2023", "two folders"),
        ("national-2024", "two folders"),
        ("national-2024", "none"),
    ],
)
def test_the_other_examples_run_as_they_are(
    make_portal: Callable[..., Any], tmp_path: Path, name: str, endpoints: str
) -> None:
    folders = [tmp_path / "gsxt", tmp_path / "service-net"]
    told = [
        {"name": one.name, "kind": "filedrop", "path": str(one), "mapping": mapping}
        for one, mapping in zip(folders, ("gsxt", "plain"), strict=True)
    ]
    portal = make_portal(
        tmp_path / "portal",
        profile=name,
        source=EXAMPLES / name,
        pulls_from="folder",
        endpoints=told if endpoints == "two folders" else [],
    )
    day = "2026-11-20"
    summary = portal.run(day)
    assert summary["pulled"]["results"] > 0
    assert summary["states"]["published"] > 0
    states = [one["state"] for one in portal.explained(day).values()]
    assert len(states) > 0
    assert summary["pages"]["total"] == sum(1 for one in portal.output.rglob("*") if one.is_file())
    if endpoints == "two folders":
        for one in folders:
            sent = [
                record
                for file in (one / "outbox").glob("*.jsonl")
                for record in map(json.loads, file.read_text("utf-8").splitlines())
            ]
            assert len(sent) == summary["states"]["published"]
            assert all(file.with_suffix(".ready").exists() for file in (one / "outbox").glob("*.jsonl"))
    assert portal.run(day)["pages"]["written"] == 0
