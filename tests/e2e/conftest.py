"""The real command against the real sandbox, and the built site in a real browser.

The demo is built once a session and then left alone: a test that changes something takes a copy of it.
"""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from publisher.desk.serve import Server
from publisher.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
DEMO_DAY = "2026-11-20"
TOKENS = dict.fromkeys(
    (f"PUBLISHER_{side}_TOKEN" for side in ("SOURCE", "ENDPOINT", "GSXT", "CREDIT")), "e2e-token-of-the-sandbox"
)
BROWSER_ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Portal:
    """A folder with a publisher.toml, and the far end that it names."""

    folder: Path
    port: int
    platform: Path | None  # what the sandbox's platform serves

    @property
    def output(self) -> Path:
        return self.folder / "output"

    def command(self, *words: str) -> list[str]:
        return [
            str(Path(sys.executable).with_name("publisher")),
            "--config",
            str(self.folder / "publisher.toml"),
            *words,
        ]

    def environment(self) -> dict[str, str]:
        return {**os.environ, **TOKENS, "PYTHONPATH": str(ROOT / "src")}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the command in a process group of its own."""
        return subprocess.Popen(
            self.command(*words),
            env=self.environment(),
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def publisher(self, *words: str, expect: int = 0) -> str:
        """Run the command to its end; return what it printed on standard output."""
        done = subprocess.run(self.command(*words), env=self.environment(), text=True, capture_output=True, timeout=120)
        assert done.returncode == expect, (
            f"{words}: exit {done.returncode}\n{done.stdout[-500:]}\n{done.stderr[-2000:]}"
        )
        return done.stdout

    def run(self, day: str) -> dict[str, Any]:
        """Run all stages for a day; return the summary."""
        summary: dict[str, Any] = json.loads(self.publisher("run", "--json", "--as-of", day))
        return summary

    def explained(self, day: str) -> dict[str, dict[str, Any]]:
        """Return the verdict on every result on a day, by its id, judged anew from what was received."""
        lines = self.publisher("explain", "--all", "--json", "--as-of", day).splitlines()
        return {one["result_id"]: one for one in map(json.loads, lines)}

    @contextmanager
    def far_end(self) -> Iterator[Sandbox]:
        token = next(iter(TOKENS.values()))
        state = self.folder / "sandbox.db"
        with Sandbox(folder=self.platform, state=state, token=token, port=self.port) as sandbox:
            yield sandbox

    def held(self, endpoint: str) -> dict[str, dict[str, Any]]:
        """Return what an endpoint holds, by record id; to be called inside ``far_end``."""
        held, cursor = {}, ""
        while cursor is not None:
            address = f"http://127.0.0.1:{self.port}/{endpoint}/v1/records?limit=5000&cursor={cursor}"
            request = urllib.request.Request(
                address, headers={"Authorization": f"Bearer {TOKENS['PUBLISHER_GSXT_TOKEN']}"}
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                page = json.load(answer)
            held |= {one["record_id"]: one for one in page["records"]}
            cursor = page["next"]
        return held

    def copy(self, folder: Path) -> "Portal":
        """Return a portal with the same ledger, site and far end in another folder."""
        shutil.copytree(self.folder, folder, symlinks=True, dirs_exist_ok=True)
        return replace(self, folder=folder)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Read the ledger by its own tables, past the program's code."""
        connection = sqlite3.connect(self.folder / "var" / "ledger.db", timeout=10)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


def words_of(output: Path) -> str:
    """Return every line of every file of a built site once; workbooks are unpacked."""
    lines: set[str] = set()
    for file in output.rglob("*"):
        if not file.is_file():
            continue
        parts = [file.read_bytes()]
        if file.suffix == ".xlsx":
            with zipfile.ZipFile(file) as workbook:
                parts = [workbook.read(name) for name in workbook.namelist()]
        # A database is read as bytes, so that what was deleted and not wiped is found too.
        lines.update(line for part in parts for line in part.decode("utf-8", "replace").split("\n"))
    return "\n".join(lines)


@pytest.fixture(scope="session", name="words_of")
def _words_of() -> Callable[[Path], str]:
    return words_of


def settings_of(values: Mapping[str, Any]) -> str:
    """Return a publisher.toml: sections of plain values, and a list of sections for ``endpoint``."""
    lines = []
    for section, content in values.items():
        for one in content if isinstance(content, list) else [content]:
            lines.append(f"[[{section}]]" if isinstance(content, list) else f"[{section}]")
            lines += [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in one.items()]
    return "\n".join([*lines, ""])


def free_port() -> int:
    with Sandbox() as sandbox:
        return sandbox.port


PortalMaker = Callable[..., Portal]


@pytest.fixture(scope="session")
def make_portal() -> PortalMaker:
    def make(
        folder: Path,
        *,
        profile: str,
        source: Path,
        pulls_from: str = "api",
        endpoints: Sequence[Mapping[str, Any]] | None = None,
    ) -> Portal:
        """Make a portal; its source is ``source``, served by the sandbox (``api``) or read from the ``folder``."""
        port = free_port()
        far_end = f"http://127.0.0.1:{port}"
        api = {"kind": "api", "url": far_end, "token_env": "PUBLISHER_SOURCE_TOKEN"}
        settings = {
            "portal": {
                "name": "江苏省“双随机、一公开”公示",
                "base_url": "https://gongshi.example.gov.cn",
                "region_code": "320000",
                "profile": profile,
                "demo": True,
            },
            "paths": {"content": str(ROOT / "content"), "theme": str(ROOT / "theme")},
            "source": api if pulls_from == "api" else {"kind": "folder", "path": str(source)},
            "endpoint": [
                {"name": "gsxt", "url": f"{far_end}/gsxt", "token_env": "PUBLISHER_GSXT_TOKEN", "mapping": "gsxt"},
                {"name": "credit", "url": f"{far_end}/credit", "token_env": "PUBLISHER_CREDIT_TOKEN"},
            ]
            if endpoints is None
            else list(endpoints),
        }
        for one in settings["endpoint"]:
            one.setdefault("kind", "api")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "publisher.toml").write_text(settings_of(settings), "utf-8")
        return Portal(folder, port, source if pulls_from == "api" else None)

    return make


class Demo(NamedTuple):
    """The demo as its first run left it."""

    portal: Portal
    summary: Mapping[str, Any]


@pytest.fixture(scope="session")
def demo(make_portal: PortalMaker, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    portal = make_portal(tmp_path_factory.mktemp("demo"), profile="jiangsu-2021", source=EXAMPLES / "jiangsu-2021")
    with portal.far_end():
        return Demo(portal, portal.run(DEMO_DAY))


@pytest.fixture
def demo_copy(demo: Demo, tmp_path: Path) -> Portal:
    """A copy of the demo that a test may change."""
    return demo.portal.copy(tmp_path / "copy")


class Subject(NamedTuple):
    """A subject as the ledger's published results name it."""

    path: str
    names: tuple[str, ...]  # the newest first
    uscc: str | None
    reg_no: str | None
    result_ids: tuple[str, ...]


@pytest.fixture(scope="session")
def subjects(demo: Demo) -> list[Subject]:
    """Every subject of which something is published, read from the ledger's tables."""
    found: dict[str, list[tuple[str, dict[str, Any]]]] = defaultdict(list)
    query = """SELECT subject.path, record.record_id, shown.body FROM record
        JOIN shown USING (record_no) JOIN subject USING (subject_no)
        WHERE record.kind = 'result' AND record.state = 'published'
        ORDER BY record.ended_on DESC, record.record_no"""
    for path, record_id, body in demo.portal.rows(query):
        found[path].append((record_id, json.loads(body)["subject"]))
    return [
        Subject(
            path,
            tuple(dict.fromkeys(one["name"] for _, one in results)),
            results[0][1]["uscc"],
            results[0][1]["reg_no"],
            tuple(record_id for record_id, _ in results),
        )
        for path, results in found.items()
    ]


@pytest.fixture(scope="session")
def source_records() -> list[dict[str, Any]]:
    """Every line of the demo's results that can be read, as the platform has it; the bad ones come last."""
    folder = EXAMPLES / "jiangsu-2021" / "results"
    files = sorted(folder.glob("*.jsonl"), key=lambda file: (file.name == "problems.jsonl", file.name))
    found = []
    for line in (line for file in files for line in file.read_text("utf-8").splitlines()):
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


@pytest.fixture(scope="session")
def site(demo: Demo) -> Iterator[str]:
    """The address at which the demo's site is served."""
    with Server(demo.portal.output) as server:
        yield server.url


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's own Chromium."""
    found = shutil.which("chromium")
    assert found, "Chromium is missing; tests/browser.sh says how to install it"
    # SIGINT and the like belong to pytest.
    before = signal.getsignal(signal.SIGINT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(BROWSER_ARGS))
        yield browser
        browser.close()
    signal.signal(signal.SIGINT, before)


class Watched(NamedTuple):
    """A window of the browser, and what it did that nobody asked for."""

    context: BrowserContext
    site: str
    said: list[str]  # errors and warnings of the console, and uncaught exceptions
    requested: list[str]

    def assert_quiet(self) -> None:
        """Nothing was complained of, and nothing asked of another host."""
        assert self.said == []
        assert [one for one in self.requested if not one.startswith(self.site + "/")] == []


@contextmanager
def window(chromium: Browser, site: str, **options: Any) -> Iterator[Watched]:
    """Give a fresh browser profile that notes every request and every complaint of the console."""
    context = chromium.new_context(locale="zh-CN", **options)
    watched = Watched(context, site, [], [])
    context.on("console", lambda one: one.type in ("error", "warning") and watched.said.append(one.text))
    context.on("weberror", lambda one: watched.said.append(str(one.error)))
    context.on("request", lambda one: watched.requested.append(one.url))
    context.set_default_timeout(10_000)
    try:
        yield watched
    finally:
        context.close()


@pytest.fixture
def watched(chromium: Browser, site: str) -> Iterator[Watched]:
    """A wide window on the demo's site; that it stays quiet is asserted when the test is over."""
    with window(chromium, site, viewport={"width": 1280, "height": 900}) as one:
        yield one
        one.assert_quiet()


@pytest.fixture(scope="session")
def violations() -> Callable[..., list[str]]:
    """What axe-core finds on a page, in words. It comes in from outside, as a reader's own tool would.

    ``enhanced`` asks for a contrast of 7 to 1 (WCAG 1.4.6), as 适老 promises.
    """

    def found(page: Page, *, enhanced: bool = False) -> list[str]:
        rules = {"rules": {"color-contrast-enhanced": {"enabled": enhanced}}}
        return [
            f"{page.url} {one['id']} ({one['impact']}): {node['html'][:160]}"
            for one in Axe().run(page, options=rules).response["violations"]
            for node in one["nodes"][:2]
        ]

    return found


@pytest.fixture(scope="session")
def templates(demo: Demo) -> dict[str, str]:
    """An address for every template of the theme, and for each face of those that have several."""

    def first(query: str) -> str:
        return str(demo.portal.rows(query)[0][0])

    subject = """SELECT subject.path FROM record JOIN subject USING (subject_no) JOIN shown USING (record_no)
        WHERE record.kind = 'result' AND record.state = 'published' AND """
    page = "SELECT path FROM page WHERE path LIKE '/%' AND "
    return {
        "home": "/",
        "plans": "/plans/",
        "plans_year": "/plans/2026/",
        "plan": "/plans/2021/32000020210001/",
        "plans_compare": "/plans/compare/",
        "plan that was changed": "/plans/2026/32000020260001/",
        "task": first(page + "scope = 'task' AND path LIKE '/plans/2021/%' ORDER BY path"),
        "items": "/items/",
        "item_list": "/items/JS-LH/",
        "results": "/results/",
        "results_year": "/results/2026/",
        "results_list": "/results/2026/06/",
        "results_list, not the first": "/results/2026/06/2.html",
        "results_list, of a city": "/results/2026/region/320100/",
        "results_list, of an authority": first(page + "path LIKE '/results/2026/authority/%' ORDER BY path"),
        "feeds": "/feeds/",
        "subjects": "/subjects/",
        "subjects_region": first(page + "path LIKE '/subjects/______/' ORDER BY bytes DESC"),
        "subject": first(subject + "record.negative = 0 ORDER BY record_no"),
        "subject with problems": first(subject + "record.negative = 1 ORDER BY length(shown.body) DESC"),
        "subject with a reply": first(subject + "record.marks LIKE '%reply%'"),
        "subject with an objection": first(subject + "record.marks LIKE '%objection_pending%'"),
        "subject corrected": first(subject + "record.marks LIKE '%corrected%'"),
        "subject late": first(subject + "record.marks LIKE '%late%'"),
        "subject without a code": first(subject + "subject.path LIKE '/subjects/x/%'"),
        "search": "/search/",
        "search with results": "/search/?q=%E6%9C%89%E9%99%90",
        "search without results": "/search/?q=%E9%BE%98%E9%BE%98",
        "data": "/data/",
        "indicators": "/indicators/",
        "withdrawn": "/withdrawn/",
        "missing": "/404.html",
        "page": "/about/",
        "page, repair": "/about/repair/",
        "document": first(page + "scope = 'content' AND path LIKE '/about/documents/%'"),
    }
