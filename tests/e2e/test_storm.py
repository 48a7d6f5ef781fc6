"""The storm of tests/bench/storm.py, small: both endpoints end exactly right whatever fails on the way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

STORM = Path(__file__).resolve().parents[1] / "bench" / "storm.py"


@pytest.mark.slow
def test_a_storm_leaves_both_endpoints_with_exactly_what_is_shown():
    # A process of its own: it forks the sender and the far end, which kills neither threads nor fixtures of others.
    ran = subprocess.run(
        [sys.executable, STORM, "--records", "2000", "--kills", "15", "--seed", "7"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.stdout, ran.stderr
    told = json.loads(ran.stdout)
    assert (ran.returncode, told["wrong"], told["first_wrongs"]) == (0, 0, []), ran.stderr
    assert told["clients_killed"] == 15
    assert set(told["applied"]) == {"publish", "correct", "withdraw"}
    assert sum(told["applied"].values()) >= 2 * 2000
