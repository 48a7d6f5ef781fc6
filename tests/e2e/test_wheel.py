"""The wheel as an operator installs it: it carries what ``init`` needs, and the portal it makes works."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    place = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", place, ROOT],
        check=True,
        timeout=120,
    )
    [file] = place.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def publisher(wheel, tmp_path_factory):
    """The command of an environment that has this wheel, and of the tests' environment only what it depends on."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, with_pip=False)
    python = place / "bin/python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", wheel], check=True, timeout=120)
    [packages] = place.glob("lib/python*/site-packages")
    # Lines of a .pth file in a folder that was added by one are not read: the source tree stays out of sight.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")

    def call(*arguments, cwd, day="2026-11-20"):
        plain = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        ended = subprocess.run(
            [place / "bin/publisher", *arguments, "--as-of", day, "--json"],
            cwd=cwd,
            env=plain,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    call.python = python
    return call


def test_it_carries_what_stands_beside_the_code(wheel):
    names = set(ZipFile(wheel).namelist())
    for folder in ("theme", "content/pages", "examples/ci", "examples/systemd"):
        for file in (ROOT / folder).rglob("*"):
            if file.is_file() and "__pycache__" not in file.parts:
                assert f"publisher/_starter/{file.relative_to(ROOT).as_posix()}" in names
    assert "publisher/rules/profiles/national-2024.toml" in names
    assert not [name for name in names if "tests/" in name or name.endswith((".pyc", ".db"))]


def test_a_portal_made_from_it_works(publisher, tmp_path, make_plan, make_result):
    where = subprocess.run(
        [publisher.python, "-c", "import publisher; print(publisher.__file__)"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert not Path(where.stdout.strip()).is_relative_to(ROOT)
    publisher("init", "portal", "--region-code", "320000", "--profile", "jiangsu-2021", cwd=tmp_path)
    portal = tmp_path / "portal"
    publisher("run", "--strict", cwd=portal)
    (portal / "records/plans/2021.json").write_text(json.dumps(make_plan()), "utf-8")
    results = [make_result(number) for number in range(1, 30)]
    (portal / "records/results/2021.jsonl").write_text("\n".join(map(json.dumps, results)), "utf-8")
    ran = json.loads(publisher("run", "--strict", cwd=portal))
    assert ran["states"]["published"] == 30
    assert publisher("audit", cwd=portal) == ""
    assert "site.css" in (portal / "output/index.html").read_text("utf-8")
    assert os.access(portal / "ci/publish.sh", os.R_OK)
