"""A disk that fills up at whatever moment of a run: a clear error, nothing lost, and the next run ends as it should.

Needs a small disk of its own, which takes root and the right to mount; tests/unit/ledger/test_damage.py has what can be
tried without.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..conftest import PortalDir

ROOT = Path(__file__).resolve().parents[2]
DAY = "2021-07-05"
SHARES = (0.05, 0.35, 0.8)  # of what a whole run needs


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk in memory, of 256 MiB until it is made smaller."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("a small disk can be mounted by root only")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256m", "tmpfs", place], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def resize(disk: Path, kib: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={kib}k", disk], check=True)


def used_kib(disk: Path) -> int:
    found = os.statvfs(disk)
    return (found.f_blocks - found.f_bfree) * found.f_frsize // 1024


def call(portal: Any, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from publisher.cli import main; main()", "--config", str(portal.config)]
    return subprocess.run(
        [*command, "--as-of", DAY, *words], capture_output=True, text=True, timeout=180,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip


def outcome(portal: Any) -> Any:
    """All that must be the same however a run came about: where every record stands, problems, and every address
    but those that the number of a run is part of."""
    verdicts = call(portal, "explain", "--all", "--json").stdout.splitlines()
    said = json.loads(call(portal, "status", "--deep", "--json").stdout)
    files = {file.relative_to(portal.output).as_posix() for file in portal.output.rglob("*") if file.is_file()}
    addresses = sorted(file for file in files if not file.startswith(("search/", "log/", "data/delta/")))
    return verdicts, said["states"], said["problems"], said["damage"], addresses


@pytest.mark.slow
def test_a_run_on_a_disk_that_fills_up_is_finished_by_the_next(
    small_disk: Path, tmp_path_factory: pytest.TempPathFactory, call_cli: Any, make_plan: Any, make_result: Any
) -> None:
    records = [make_plan(), *(make_result(number, remark="查" * 300) for number in range(1, 120)),
               make_result(900, outcome="无此结论")]  # fmt: skip
    undisturbed = PortalDir(tmp_path_factory.mktemp("undisturbed"), call_cli)
    undisturbed.give(*records)
    assert call(undisturbed, "run").returncode == 0
    expected = outcome(undisturbed)
    assert (expected[2], expected[3]) == (1, [])

    (small_disk / "portal").mkdir()
    portal = PortalDir(small_disk / "portal", call_cli)
    portal.give(*records)
    before = used_kib(small_disk)
    assert call(portal, "run").returncode == 0
    needed = used_kib(small_disk) - before
    failed = 0
    for share in SHARES:
        resize(small_disk, 256 * 1024)
        for made in small_disk.joinpath("portal").iterdir():
            if made.name not in ("publisher.toml", "source"):
                made.unlink() if made.is_symlink() or made.is_file() else shutil.rmtree(made)
        resize(small_disk, used_kib(small_disk) + int(needed * share))
        ran = call(portal, "run")
        assert "Traceback" not in ran.stderr, (share, ran.stderr[-3000:])
        assert ran.returncode in (0, 5, 6), (share, ran.stderr)
        failed += ran.returncode != 0
        if ran.returncode:
            assert "publisher: " in ran.stderr
        resize(small_disk, 256 * 1024)
        ended = call(portal, "run")
        assert ended.returncode == 0, (share, ended.stderr)
        assert outcome(portal) == expected, share
    assert failed >= 2
    assert call(portal, "audit").returncode == 0
