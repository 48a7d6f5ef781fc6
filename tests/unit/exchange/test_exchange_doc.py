"""docs/exchange.md: its example runs, and its settings are those there are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from publisher import settings

ROOT = Path(__file__).resolve().parents[3]
DOC = (ROOT / "docs" / "exchange.md").read_text("utf-8")


def test_the_example_runs(endpoint, tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", DOC, re.DOTALL)
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        env={"ENDPOINT_URL": endpoint.url, "ENDPOINT_TOKEN": endpoint.token, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert [" ".join(line.split()) for line in ran.stdout.splitlines()] == [
        "R-1 accepted",
        "R-2 accepted",
        "unprocessed: []",
        "held: R-1 1 published",
        "held: R-2 1 published",
    ]


def test_every_setting_is_told_with_its_default():
    rows = re.findall(r"^\| (`[^|]*) \|([^|]*)\|", DOC, re.MULTILINE)
    told = {name: default.strip().strip("`") for names, default in rows for name in re.findall(r"`(\w+)`", names)}
    assert set(told) == set(settings.Endpoint.model_fields)
    for name, field in settings.Endpoint.model_fields.items():
        if isinstance(field.default, int | float):
            assert told[name] == f"{field.default:g}", name
    assert told["mapping"] == settings.Endpoint.model_fields["mapping"].default
    assert told["signing_key_id"] == settings.Endpoint.model_fields["signing_key_id"].default


@pytest.mark.parametrize("name", re.findall(r"\]\((?!http)([^)#]+)\)", DOC))
def test_what_it_links_to_is_there(name):
    assert (ROOT / "docs" / name).is_file()
