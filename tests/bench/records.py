"""The portal that is measured: N invented firms with three results each (tests/bench/stages.py), and what comes later.

Its settings name one endpoint, a sandbox on the loopback address, when push is measured too.
"""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from pathlib import Path

import orjson
from tests.bench import stages

DAY, NEXT_DAY = stages.DAY, stages.DAY + timedelta(1)
RESULTS_EACH = stages.RESULTS_EACH
EXPIRING = stages.EXPIRING
TOKEN_ENV = "PUBLISHER_BENCH_TOKEN"
ROOT = Path(__file__).resolve().parents[2]
_LONGEST = 4_096  # two lines of results at least, in bytes
_PATHS = f"""
[paths]
content = "{ROOT}/content"
theme = "{ROOT}/theme"
"""
_ENDPOINT = """
[[endpoint]]
name = "bench"
kind = "api"
url = "{url}/bench"
token_env = "{token}"
"""


def make(root: Path, subjects: int, endpoint: str | None) -> Path:
    """Make a portal with so many subjects, which tells an endpoint at this address; return its settings file."""
    root.mkdir(parents=True)
    stages.generate(root, subjects)
    file = root / "publisher.toml"
    with file.open("a", encoding="utf-8") as out:
        out.write(_PATHS)
        out.write(_ENDPOINT.format(url=endpoint, token=TOKEN_ENV) if endpoint else "")
    return file


def add(root: Path, count: int, name: str, *, of_late: bool = True) -> None:
    """Bring so many new results: half of firms that are known, anywhere among them, and half of new ones.

    They are of inspections of the last weeks, as a day's results are; else of any month there is.
    """
    chance = random.Random(name)
    known = [_known(root, chance) for _ in range(count - count // 2)]
    subjects = known + [stages.subject_of(chance) for _ in range(count // 2)]
    lines = [
        stages.result_of(chance, f"{name}-{number:05}", one, of_late=of_late) for number, one in enumerate(subjects)
    ]
    (root / f"source/results/{name}.jsonl").write_bytes(b"".join(lines))


def _known(root: Path, chance: random.Random) -> dict[str, object]:
    file = chance.choice(sorted((root / "source/results").glob("0*.jsonl")))
    with file.open("rb") as lines:
        lines.seek(chance.randrange(max(1, file.stat().st_size - _LONGEST)))
        lines.readline()  # the rest of one
        subject: dict[str, object] = orjson.loads(lines.readline())["subject"]
    return subject


def results(root: Path, subjects: int) -> Iterator[list[bytes]]:
    """Yield the results of the first so many subjects, as they arrive: those of one subject together."""
    left = subjects
    for file in sorted((root / "source/results").glob("0*.jsonl")):
        with file.open("rb") as lines:
            while left and (some := list(islice(lines, RESULTS_EACH))):
                yield some
                left -= 1


@contextmanager
def sandbox(root: Path) -> Iterator[str]:
    """Run a sandbox in a process of its own, which is no part of what is measured; give its address."""
    root.mkdir(parents=True)
    command = [Path(sys.executable).with_name("publisher"), "sandbox", "--state", root / "far.db", "--port", "0"]
    with (root / "said").open("w+b") as said, subprocess.Popen(command, stderr=said) as process:
        try:
            for _ in range(200):
                line = (root / "said").read_text("utf-8")
                if "sandbox ready at " in line and line.endswith("\n"):
                    break
                time.sleep(0.05)
            yield line.partition("sandbox ready at ")[2].split()[0]
        finally:
            process.terminate()
