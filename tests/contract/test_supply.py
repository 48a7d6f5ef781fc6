"""What the program is made of may be given away with it: every locked package, by its own metadata."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests import supply

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("lock", supply.LOCKS)
def test_every_locked_package_has_a_licence_that_fits(lock):
    found = supply.licences(lock)
    assert {"pelican", "sqlalchemy"} <= {one.package for one in found}
    assert [one for one in found if not one.is_fine] == []


@pytest.mark.parametrize(
    ("expression", "fits"),
    [
        ("MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("GPL-2.0-only OR MIT", True),
        ("GPL-2.0-only AND MIT", False),
        ("MIT AND (GPL-2.0-only OR SSPL-1.0)", False),
        ("GPL-2.0-only", False),
        ("BUSL-1.1", False),
        ("“Proprietary”", False),
        ("“nothing”", False),
        ("", False),
        ("(MIT", False),
        ("MIT MIT", False),
    ],
)
def test_an_expression_fits_when_one_way_through_it_does(expression, fits):
    assert supply.is_compatible(expression) is fits


def test_a_package_that_is_not_there_is_not_fine(monkeypatch, tmp_path):
    (tmp_path / "a.lock").write_text(
        "no-such-package==1.0 \\\n    --hash=sha256:00\nclick==8.0 ; sys_platform == 'no'\n"
    )
    monkeypatch.setattr(supply, "ROOT", tmp_path)
    assert supply.licences("a.lock") == [supply.Licence("no-such-package", "1.0", "“not installed”", False)]


def test_no_answer_of_the_advisory_service_is_no_good_news(monkeypatch, capsys):
    """Without pip-audit's answer nothing is known, whyever there is none."""
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert supply.vulnerabilities(supply.LOCKS[0]) == 1
    assert "NOT CHECKED" in capsys.readouterr().out


def test_the_makefile_has_the_command():
    told = subprocess.run(["make", "-n", "supply"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "tests/supply.py" in told.stdout
