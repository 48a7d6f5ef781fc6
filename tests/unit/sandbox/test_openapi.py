"""The sandbox speaks the contracts that docs/openapi lays down: schemathesis asks it whatever they allow, and more."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
CONTRACTS = ROOT / "docs" / "openapi"
TOKEN = "the-token"


@pytest.fixture
def folder(tmp_path, make_plan, make_item_list, make_result, make_case):
    made = {"plans": make_plan(), "item_lists": make_item_list(), "results": make_result(1), "cases": make_case()}
    for name, one in made.items():
        (tmp_path / "records" / name).mkdir(parents=True)
        (tmp_path / "records" / name / "one.json").write_text(json.dumps(one), "utf-8")
    return tmp_path / "records"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "path"), [("endpoint", "/gsxt"), ("platform", "")])
def test_the_sandbox_keeps_to_the_contract(run, folder, tmp_path, name, path):
    sandbox = run(folder).sandbox
    if name == "endpoint":  # so that something is held, and some key is known
        sandbox.faults.set("gsxt:partial=0.2")
    # A process of its own: its plug-in for pytest and its warnings stay out of this one.
    ran = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run", CONTRACTS / f"{name}.yaml",
            "--url", f"{sandbox.url}{path}", "--header", f"Authorization: Bearer {TOKEN}",
            "--seed", "1", "--max-examples", "25", "--phases", "examples,coverage,fuzzing", "--no-color",
            # Tokens, cursors and digests are opaque to a schema: what looks right may be refused all the same.
            "--exclude-checks", "positive_data_acceptance",
            "--generation-database", "none", "--suppress-health-check", "all",
        ],
        capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_status_and_fault_of_the_sandbox_is_in_the_contract():
    answers = yaml.safe_load((CONTRACTS / "endpoint.yaml").read_text("utf-8"))["paths"]
    assert set(answers["/v1/batches"]["post"]["responses"]) >= {"200", "400", "401", "403", "409", "413", "422", "429"}
    for place in ("/v1/batches/{key}", "/v1/records"):
        assert {"200", "401", "403", "429", "500", "503"} <= set(answers[place]["get"]["responses"])
