"""The trials of tests/bench/crash.py, small: killed runs and damaged files leave nothing lost and nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_run_after_a_crash_ends_where_an_undisturbed_one_does() -> None:
    # A process of its own: it forks the runs it kills, and forking kills neither threads nor fixtures of others.
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.crash", "--kills", "15", "--full", "0", "--damaged", "2", "--seed", "7"],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        cwd=ROOT,
    )
    assert ran.stdout, ran.stderr
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["wrong"], told["first_wrongs"]) == (0, 0, []), ran.stderr
    assert told["killed"] == 15
    assert told["damaged files"] == 10
