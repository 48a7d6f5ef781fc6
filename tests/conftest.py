"""A small portal of invented firms: records that are right, a folder to pull from, and the real command."""

import copy
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from publisher import uscc
from publisher.cli import main
from publisher.settings import Settings, load
from publisher.site.job import Job

# A busy machine, or a first run that has yet to build its character tables, is no fault of what is tested.
hypothesis_settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("shared")

_BUILD = import_module("publisher.site.build")  # the package gives this name to a function
_IN_CHILD = _BUILD._in_child
REPOSITORY = Path(__file__).resolve().parents[1]
PLAN_ID, TASK_ID, LIST_ID = "P2021-1", "T2021-1-1", "JS-TEST"
Record = dict[str, Any]
Factory = Callable[..., Record]
FOLDERS = {"plan": "plans", "item_list": "item_lists", "result": "results", "case": "cases", "tombstone": "cases"}


def _code(number: int, region_code: str = "320102") -> str:
    """A code nobody bears, with a true check character."""
    first = f"91{region_code}MATEC{number:04}"
    return first + uscc.check_character(first)


def _changed(record: Record, changes: Mapping[str, Any]) -> Record:
    """Return the record with values replaced; ``subject__name`` reaches into ``subject``."""
    found = copy.deepcopy(record)
    for key, value in changes.items():
        *way, last = key.split("__")
        place = found
        for step in way:
            place = place[step]
        place[last] = value
    return found


_TASK: Record = {
    "task_id": TASK_ID, "seq": 1, "name": "校外培训机构联合抽查", "field": "教育培训", "lead_department": None,
    "departments": ["教育", "市监"], "subjects": "校外培训机构", "methods": "现场检查", "ratio": "15%",
    "quantity": "约1000", "frequency": "1次/年", "levels": "市县", "inspection_type": None, "starts_on": None,
    "ends_on": None, "drawn": None, "status": "active", "item_codes": ["A07", "B01"],
}  # fmt: skip
_PLAN: Record = {
    "kind": "plan", "plan_id": PLAN_ID, "revision": 1, "title": "测试省2021年度部门联合监管计划", "year": 2021,
    "region_code": "320000", "level": "province", "authority": "测试省监管联席会议办公室", "scope": "cross_department",
    "finalized_at": "2021-04-01T09:00:00+08:00", "complete_by": "2021-11-30", "declared_task_count": 1,
    "adjustment": None, "tasks": [_TASK],
}  # fmt: skip
_ITEM: Record = {
    "item_code": "A07", "category": "公示信息抽查", "name": "年度报告公示信息检查", "class": "一般检查事项",
    "subjects": "企业", "methods": "书面检查、网络检查", "authority": "县级以上市场监管部门",
    "basis": "《企业信息公示暂行条例》第十四条", "ratio": "≤3%", "frequency": "1次/年",
}  # fmt: skip
_ITEM_LIST: Record = {
    "kind": "item_list", "list_id": LIST_ID, "edition": "第一版", "revision": 1, "title": "测试省随机抽查事项清单",
    "region_code": "320000", "authority": "测试省监管联席会议办公室", "approved_by": "测试省人民政府",
    "approved_on": "2021-01-04", "finalized_at": "2021-01-05T09:00:00+08:00",
    "items": [_ITEM, _ITEM | {"item_code": "B01", "name": "教育、培训广告检查", "basis": "《广告法》第四十九条"}],
}  # fmt: skip
_CLEAR = "未发现问题"
_RESULT: Record = {
    "kind": "result", "result_id": "R-1", "version": 1, "plan_id": PLAN_ID, "task_id": TASK_ID,
    "subject": {"kind": "enterprise", "name": "", "uscc": "", "reg_no": None, "region_code": "320102"},
    "authority": "南京市玄武区市场监督管理局", "departments": ["教育", "市监"], "inspection_type": "不定向",
    "methods": "现场检查", "ended_on": "2021-06-02", "recorded_at": "2021-06-07T10:00:00+08:00",
    "finalized_at": "2021-06-08T09:00:00+08:00",
    "findings": [{"seq": 1, "item_code": "A07", "item_name": "公示信息抽查", "outcome": _CLEAR}],
    "inspectors": ["测某"], "openness": "public",
}  # fmt: skip
_CASE: Record = {
    "kind": "case",
    "case_id": "C-1",
    "case_type": "withhold",
    "result_id": "R-1",
    "filed_on": "2021-07-01",
}


@pytest.fixture(scope="session")
def make_code() -> Callable[..., str]:
    """Codes of firms nobody bears, by number and region."""
    return _code


@pytest.fixture(scope="session")
def make_task() -> Factory:
    return lambda task_id=TASK_ID, **changes: _changed(_TASK | {"task_id": task_id}, changes)


@pytest.fixture(scope="session")
def make_plan() -> Factory:
    return lambda plan_id=PLAN_ID, **changes: _changed(_PLAN | {"plan_id": plan_id}, changes)


@pytest.fixture(scope="session")
def make_item_list() -> Factory:
    return lambda list_id=LIST_ID, **changes: _changed(_ITEM_LIST | {"list_id": list_id}, changes)


@pytest.fixture(scope="session")
def make_result() -> Factory:
    """Results by number: result, firm and code all follow from it, and each may be replaced."""

    def make(number: int = 1, *, outcome: str = _CLEAR, **changes: Any) -> Record:
        found = copy.deepcopy(_RESULT) | {"result_id": f"R-{number}"}
        found["subject"] |= {"name": f"玄武第{number}测试有限公司", "uscc": _code(number)}
        found["findings"][0]["outcome"] = outcome
        return _changed(found, changes)

    return make


@pytest.fixture(scope="session")
def make_case() -> Factory:
    """Cases about results; one that is decided is granted unless it says otherwise."""

    def make(case_type: str = "withhold", **changes: Any) -> Record:
        granted = {"decision": "granted"} if "decided_on" in changes else {}
        return _changed(_CASE | {"case_type": case_type} | granted, changes)

    return make


@dataclass
class Ran:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as one JSON value."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """What it printed, as one JSON value a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(scope="session")
def run_cli() -> Callable[..., Ran]:
    """The real command in a process of its own."""

    def run(*args: object, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ran:
        command = [sys.executable, "-c", "from publisher.cli import main; main()", *map(str, args)]
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            check=False,
        )
        return Ran(ended.returncode, ended.stdout, ended.stderr)

    return run


@pytest.fixture(scope="session")
def call_cli() -> Callable[..., Ran]:
    """The command within this process: faster, for what does not turn on the process itself."""

    def call(*args: object, env: Mapping[str, str] | None = None) -> Ran:
        ended = CliRunner().invoke(main, [str(one) for one in args], env=env)
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Ran(ended.exit_code, ended.stdout, ended.stderr)

    return call


class PortalDir:
    """A portal in a folder of its own, with the repository's theme and texts and a folder as its source."""

    def __init__(self, root: Path, call: Callable[..., Ran]) -> None:
        self.root = root
        self.config = root / "publisher.toml"
        self.feed = root / "source"
        self.output = root / "output"
        self.var = root / "var"
        self._call = call
        self.configure()

    def configure(
        self,
        *,
        profile: str = "jiangsu-2021",
        base_url: str = "https://gongshi.example.gov.cn",
        endpoints: Iterable[Mapping[str, Any]] = (),
        theme: Path = REPOSITORY / "theme",
        content: Path = REPOSITORY / "content",
        more: str = "",
    ) -> None:
        """Write ``publisher.toml``; ``more`` is added as it is."""
        lines = [
            '[portal]\nname = "测试公示"', f'base_url = "{base_url}"\nregion_code = "320000"\nprofile = "{profile}"',
            f'[paths]\ncontent = "{content}"\ntheme = "{theme}"\noutput = "output"\nvar = "var"',
            '[ledger]\nurl = "sqlite:///var/ledger.db"', '[source]\nkind = "folder"\npath = "source"',
        ]  # fmt: skip
        for endpoint in endpoints:
            lines += ["[[endpoint]]", *(f"{key} = {json.dumps(value)}" for key, value in endpoint.items())]
        self.config.write_text("\n".join([*lines, more, ""]), "utf-8")

    @property
    def settings(self) -> Settings:
        return load(self.config)

    def give(self, *records: Record, name: str = "records") -> None:
        """Have the platform deliver these records, each kind in its folder, in place of those of the same name."""
        by_folder: dict[str, list[Record]] = {}
        for record in records:
            by_folder.setdefault(FOLDERS[record["kind"]], []).append(record)
        for folder in ("plans", "item_lists", "results", "cases"):
            self.write(
                f"{folder}/{name}.jsonl", *(json.dumps(one, ensure_ascii=False) for one in by_folder.get(folder, ()))
            )

    def write(self, file: str, *lines: str) -> Path:
        """Write a file of the source; without lines it is written only where it is there already."""
        path = self.feed / file
        if lines or path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(line + "\n" for line in lines), "utf-8")
        return path

    def call(self, *args: object, day: str | None = None, **options: Any) -> Ran:
        """Call the command on this portal, within this process."""
        when = ("--as-of", day) if day else ()
        return self._call("--config", self.config, *when, *args, **options)

    def run(self, day: str) -> Any:
        """Run all stages for a day; return the summary."""
        ran = self.call("run", "--json", day=day)
        assert ran.status == 0, ran.err
        return ran.json

    def take(self, day: str) -> Any:
        """Pull and judge for a day, without building; return the summary, with what was pulled."""
        pulled, judged = self.call("pull", "--json", day=day), self.call("judge", "--json", day=day)
        assert (pulled.status, judged.status) == (0, 0), pulled.err + judged.err
        return judged.json | {"pulled": pulled.json["pulled"]}

    def files(self) -> dict[str, bytes]:
        """Every file of the built site by its path."""
        return {
            path.relative_to(self.output).as_posix(): path.read_bytes()
            for path in sorted(self.output.rglob("*"))
            if path.is_file()
        }

    def page(self, path: str) -> str:
        return (self.output / path).read_text("utf-8")


@pytest.fixture(scope="session")
def make_portal(call_cli: Callable[..., Ran]) -> Callable[[Path], PortalDir]:
    """Portals in folders, for tests that share one."""
    return lambda root: PortalDir(root, call_cli)


@pytest.fixture
def portal_dir(tmp_path: Path, make_portal: Callable[[Path], PortalDir]) -> PortalDir:
    return make_portal(tmp_path)


def _within(job: Job, on_progress: Callable[[int, int], None]) -> tuple[int, int]:
    """Build as the builder's process does, in this one."""
    from publisher.site import render  # Pelican takes over logging: not before a test builds

    with redirect_stdout(io.StringIO()):
        written, removed = render.run(job, on_progress)
    return written, removed


@pytest.fixture(scope="session")
def builds_within(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Have builds happen in this process, with one folder of compiled templates: each saves the second in which a new
    process reads its modules, and compiles.

    The builder's own process is tested in ``tests/e2e``, and where a test asks for ``child_process``.
    """
    compiled = tmp_path_factory.mktemp("templates")
    _BUILD._in_child = lambda job, on_progress: _within(job.model_copy(update={"compiled": compiled}), on_progress)
    yield
    _BUILD._in_child = _IN_CHILD


@pytest.fixture
def child_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have builds happen in a process of their own, as they do outside of tests."""
    monkeypatch.setattr(_BUILD, "_in_child", _IN_CHILD)
