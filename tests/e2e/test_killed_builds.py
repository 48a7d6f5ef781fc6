"""Builds killed at moments drawn by lot, while somebody reads the site: never a page missing, torn or withdrawn, and in
the end the bytes of a build that nobody disturbed.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "jiangsu-2021"
BEFORE, DAY = "2026-11-10", "2026-11-20"
SEED = 20261121
IN_USE = 5

Site = Mapping[str, bytes]


def files(folder: Path) -> dict[str, bytes]:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


class Reader(threading.Thread):
    """Reads pages of the site all the time, through its address, and notes what it should not have seen."""

    def __init__(self, output: Path, before: Site, after: Site, seed: str) -> None:
        super().__init__(daemon=True)
        self.output, self.before, self.after = output, before, after
        self.names = sorted(before.keys() | after.keys())
        self.draw = random.Random(seed)
        self.read = 0
        self.wrong: list[str] = []
        self._over = threading.Event()

    def run(self) -> None:
        first = self.output.readlink()
        while not self._over.is_set():
            is_new = self.output.readlink() != first  # it never goes back
            name = self.draw.choice(self.names)
            try:
                found = (self.output / name).read_bytes()
            except FileNotFoundError:
                found = None
            self.read += 1
            allowed = [self.after.get(name)] if is_new else [self.before.get(name), self.after.get(name)]
            if found not in allowed:
                self.wrong.append(f"{name}: {'missing' if found is None else 'neither release'}")

    def end(self) -> None:
        self._over.set()
        self.join()


@pytest.fixture(scope="module", autouse=True)
def _same_salts() -> Iterator[None]:
    """Have the salts of the publication log follow from a seed, so that two builds can be compared."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PUBLISHER_TEST_SALTS", "seed")
        yield


@pytest.fixture(scope="module")
def judged(make_portal: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A portal with a site, of which ten days later much is to be added, changed and stopped."""
    folder = tmp_path_factory.mktemp("judged")
    source = folder / "source"
    for part in ("plans", "item_lists", "cases"):
        (source / part).mkdir(parents=True)
        for file in (EXAMPLES / part).iterdir():
            (source / part / file.name).write_bytes(file.read_bytes())
    (source / "results").mkdir()
    results = source / "results" / "2026-320300.jsonl"
    lines = (EXAMPLES / "results" / results.name).read_bytes().splitlines(keepends=True)
    results.write_bytes(b"".join(lines[: len(lines) * 3 // 4]))
    portal = make_portal(folder / "portal", profile="jiangsu-2021", source=source, pulls_from="folder", endpoints=[])
    portal.run(BEFORE)
    results.write_bytes(b"".join(lines))
    (source / "results" / "corrections.jsonl").write_bytes((EXAMPLES / "results" / "corrections.jsonl").read_bytes())
    portal.publisher("pull", "--as-of", DAY)
    for (record_id,) in portal.rows(
        "SELECT record_id FROM record WHERE state = 'published' AND kind = 'result' LIMIT 5"
    ):
        portal.publisher("hold", record_id, "--basis", "测试", "--by", "测试", "--as-of", DAY)
    portal.publisher("judge", "--as-of", DAY)
    return portal


@pytest.fixture(scope="module")
def undisturbed(judged: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Site, float]:
    """The site before, the site after, and how long it took."""
    portal = judged.copy(tmp_path_factory.mktemp("undisturbed"))
    before, began = files(portal.output), time.monotonic()
    portal.publisher("build", "--as-of", DAY)
    took, after = time.monotonic() - began, files(portal.output)
    assert len(before.keys() - after.keys()) > 5
    assert len(after.keys() - before.keys()) > 5
    return before, after, took


def finish(portal: Any) -> None:
    """Build to the end; what is left of the killed one may hold the lock for a moment more."""
    deadline = time.monotonic() + 120
    while (status := portal.start("build", "--as-of", DAY).wait(60)) == IN_USE and time.monotonic() < deadline:
        time.sleep(0.1)
    assert status == 0


def killed_and_finished(judged: Any, undisturbed: tuple[Site, Site, float], folder: Path, kills: int, seed: str) -> int:
    """Kill some builds of a copy, then let one end; return how many were killed before their end."""
    before, after, took = undisturbed
    portal = judged.copy(folder)
    draw = random.Random(seed)
    reader = Reader(portal.output, before, after, seed)
    reader.start()
    killed = 0
    for _ in range(kills):
        run = portal.start("build", "--as-of", DAY)
        time.sleep(draw.uniform(0.1, took))
        if run.poll() is None:
            killed += 1
            if draw.random() < 0.5:
                os.killpg(run.pid, signal.SIGKILL)  # as a power cut would
            else:
                run.kill()
        run.wait(10)
    finish(portal)
    reader.end()
    assert reader.wrong == []
    assert reader.read > 100
    assert files(portal.output) == after
    gone = before.keys() - after.keys()
    subjects = {name for name in gone if name.startswith("subjects/")}
    assert subjects
    for tree in ("a", "b"):
        assert subjects.isdisjoint(files(portal.folder / f".output.{tree}"))
    assert portal.publisher("audit", "--as-of", DAY).startswith("0 differences")
    return killed


@pytest.mark.parametrize("number", range(3))
def test_killed_builds_end_in_the_same_site(
    judged: Any, undisturbed: tuple[Site, Site, float], tmp_path: Path, number: int
) -> None:
    assert killed_and_finished(judged, undisturbed, tmp_path / "portal", 4, f"{SEED} {number}") > 0


@pytest.mark.slow
@pytest.mark.skipif("PUBLISHER_TEST_KILLS" not in os.environ, reason="set PUBLISHER_TEST_KILLS=50 for so many kills")
def test_builds_killed_fifty_times(judged: Any, undisturbed: tuple[Site, Site, float], tmp_path: Path) -> None:
    wanted, killed, number = int(os.environ["PUBLISHER_TEST_KILLS"]), 0, 0
    while killed < wanted:
        number += 1
        killed += killed_and_finished(judged, undisturbed, tmp_path / f"{number}", 3, f"{SEED} many {number}")


def test_the_same_ledger_gives_the_same_bytes(demo: Any, tmp_path: Path) -> None:
    sites = []
    for name in ("one", "other"):
        portal = demo.portal.copy(tmp_path / name)
        for tree in ("a", "b"):
            (portal.folder / f".output.{tree}").rename(portal.folder / f"old-{tree}")
        portal.output.unlink()
        time.sleep(1.1)  # no second of a clock is in any file
        portal.publisher("build", "--as-of", DAY)
        sites.append(files(portal.output))
    one, other = sites
    assert [name for name in one.keys() | other.keys() if one.get(name) != other.get(name)] == []
    first = files(demo.portal.output)
    assert [name for name in one.keys() | first.keys() if one.get(name) != first.get(name)] == []
