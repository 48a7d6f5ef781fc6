"""What holds the house together: the settings file, the layers, and the commands the README promises."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from publisher.settings import Settings, load

ROOT = Path(__file__).resolve().parents[2]
# The file as others have it. Later versions may add keys; none of these may go.
GIVEN = """
[portal]
name = "江苏省“双随机、一公开”公示"
base_url = "https://gongshi.example.gov.cn"
region_code = "320000"
profile = "jiangsu-2021"
demo = false
[paths]
content = "content"
theme = "theme"
output = "output"
var = "var"
[ledger]
url = "sqlite:///var/ledger.db"
[source]
kind = "folder"
path = "examples/jiangsu-2021"
[[endpoint]]
name = "gsxt"
kind = "api"
url = "http://127.0.0.1:8200"
token_env = "PUBLISHER_GSXT_TOKEN"
mapping = "gsxt"
[[endpoint]]
name = "drop"
kind = "filedrop"
path = "exchange"
mapping = "plain"
"""
API = '[source]\nkind = "api"\nurl = "https://platform.example"\ntoken_env = "NAME"\n'


def test_a_settings_file_as_others_have_it_is_read(tmp_path):
    (tmp_path / "publisher.toml").write_text(GIVEN, "utf-8")
    found = load(tmp_path / "publisher.toml")
    assert [one.name for one in found.endpoint] == ["gsxt", "drop"]
    folder = GIVEN[GIVEN.index("[source]") : GIVEN.index("[[endpoint]]")]
    (tmp_path / "publisher.toml").write_text(GIVEN.replace(folder, API), "utf-8")
    assert load(tmp_path / "publisher.toml").source.kind == "api"


def test_every_knob_says_what_it_does():
    def knobs(model, before=""):
        for name, field in model.model_fields.items():
            types = [field.annotation, *get_args(field.annotation)]
            section = next((one for one in types if isinstance(one, type) and issubclass(one, BaseModel)), None)
            if section is None:
                yield f"{before}{name}", field.description
            else:
                yield from knobs(section, f"{before}{name}.")

    found = dict(knobs(Settings))
    assert {"portal.name", "paths.var", "ledger.url", "source.kind", "endpoint.mapping"} <= found.keys()
    assert [name for name, words in found.items() if not words] == []


def test_the_demo_portal_has_settings_that_are_read():
    assert load(ROOT / "publisher.toml").portal.demo is True


def test_layers_hold():
    assert "importlinter" in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]
    lint = Path(sys.executable).with_name("lint-imports")
    ended = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout[-3000:]


def test_one_file_knows_the_http_library_and_one_knows_pelican():
    def importers(name):
        pattern = re.compile(rf"^\s*(?:from|import) {name}\b", re.MULTILINE)
        source = ROOT / "src/publisher"
        return {
            path.relative_to(source).as_posix()
            for path in source.rglob("*.py")
            if pattern.search(path.read_text("utf-8"))
        }

    assert importers("httpx2") | importers("tenacity") == {"transport.py"}
    assert importers("pelican") == {"site/render.py"}
    assert importers("whoosh") == {path for path in importers("whoosh") if path.startswith("desk/")}


def test_the_first_process_of_a_run_reads_nothing_that_the_builder_alone_needs():
    """It waits while the builder works: each MB that it holds is one more."""
    names = "{'jinja2', 'pelican', 'xlsxwriter', 'publisher.site.units'}"
    told = f"import sys, publisher.pipeline; print(*({names} & {{*sys.modules}}))"
    found = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout.split() == []


@pytest.mark.parametrize("readme", sorted(path.name for path in ROOT.glob("README*.md")))
def test_what_the_readme_tells_one_to_type_exists(readme):
    words = (ROOT / readme).read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    promised = set(re.findall(r"(?:^|`)make ([a-z-]+)", words, re.MULTILINE))
    assert {"run", "test"} <= promised
    assert promised <= targets
    for command in re.findall(r"(?:^|`)(?:\.venv/bin/)?publisher ((?:[a-z]+))", words, re.MULTILINE):
        from publisher.cli import main

        assert command in main.commands
    for path in re.findall(r"\]\((?!https?:|#)([^)#]+)", words):
        assert (ROOT / path).exists(), path


def test_the_makefile_takes_the_day_and_the_port():
    words = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"^DEMO_DAY \?= \d{4}-\d\d-\d\d$", words, re.MULTILINE)
    assert re.search(r"^PORT \?= \d+$", words, re.MULTILINE)
