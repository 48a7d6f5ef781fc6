"""``examples/ci``: the one script, run as a CI service runs it: each job in a fresh folder, the state beside."""

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
FIRST, SECOND, LATER = "2026-03-02", "2026-03-10", "2026-06-10"
SECRET = "token-that-no-log-may-show"


@dataclass
class Host:
    """A repository, what the platform delivers, the state, and the folder that is served."""

    root: Path
    command: Path
    jobs: int = field(default=0)

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def target(self) -> Path:
        return self.root / "www"

    @property
    def last(self) -> Path:
        """The folder of the last job."""
        return self.root / "jobs" / str(self.jobs)

    def give(self, name: str, *records: dict) -> None:
        """Have the platform deliver records, or deliver a file of that name again."""
        folders = {"plan": "plans", "result": "results", "case": "cases", "tombstone": "cases"}
        for record in records:
            file = self.root / "delivery" / folders[record["kind"]] / f"{name}.jsonl"
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(record, ensure_ascii=False) + "\n")

    def start(self, day: str, **env: str) -> subprocess.Popen[str]:
        """Start a job: a checkout and the script."""
        self.jobs += 1
        subprocess.run(["cp", "-r", self.root / "repository", self.last], check=True)
        plain = {key: value for key, value in os.environ.items() if not key.startswith("PUBLISH")}
        given = {
            "PUBLISHER": str(self.command), "PUBLISH_STATE": str(self.state), "PUBLISH_TARGET": str(self.target),
            "PUBLISHER_SOURCE_TOKEN": SECRET,
        }  # fmt: skip
        return subprocess.Popen(
            ["sh", "ci/publish.sh", "--as-of", day],
            cwd=self.last,
            env=plain | given | env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def publish(self, day: str, *, status: int = 0, **env: str) -> str:
        """Run a job to its end; return its log."""
        job = self.start(day, **env)
        log, _ = job.communicate(timeout=180)
        assert job.returncode == status, log
        assert SECRET not in log
        return log

    def served(self) -> dict[str, bytes]:
        return contents(self.target)

    def built(self) -> dict[str, bytes]:
        return contents(self.last / "output")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, or of the one a link leads to."""
    folder = folder.resolve()
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def stamps(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="session")
def make_host(run_cli, make_plan, make_result) -> Callable[[Path], Host]:
    """Portals made by ``init`` in a repository; their source delivers a plan and eight results, R-1 a negative one."""

    def make(root: Path) -> Host:
        ran = run_cli("init", root / "repository", "--region-code", "320000", "--profile", "jiangsu-2021")
        assert ran.status == 0, ran.err
        (root / "jobs").mkdir()
        host = Host(root, root / "publisher")
        call = "from publisher.cli import main; main()"
        host.command.write_text(f"#!/bin/sh\nPYTHONPATH={ROOT}/src exec {sys.executable} -c '{call}' \"$@\"\n")
        host.command.chmod(0o755)
        replace(host, 'path = "records"', 'path = "../../delivery"')
        dates = {"ended_on": "2026-02-24", "finalized_at": "2026-02-27T09:00:00+08:00"}
        negative = {"outcome": "发现问题已责令改正", "severity": "minor"}
        results = [make_result(number, **dates, **(negative if number == 1 else {})) for number in range(1, 9)]
        host.give("first", make_plan(), *results)
        return host

    return make


@pytest.fixture
def host(tmp_path, make_host) -> Host:
    """A host on which nothing was published yet."""
    return make_host(tmp_path)


@pytest.fixture(scope="session")
def once_published(tmp_path_factory, make_host) -> Host:
    host = make_host(tmp_path_factory.mktemp("host"))
    host.publish(FIRST)
    return host


@pytest.fixture
def published(once_published, tmp_path) -> Host:
    """A host after its first publication, for one test."""
    subprocess.run(["cp", "-a", f"{once_published.root}/.", tmp_path], check=True)
    return Host(tmp_path, tmp_path / "publisher", once_published.jobs)


def test_the_first_publication(host, run_cli):
    host.publish(FIRST)
    assert host.served() == host.built()
    assert b"".join(host.served().values()).count("玄武第2测试有限公司".encode()) > 0
    assert run_cli("--config", host.last / "publisher.toml", "audit", "--as-of", FIRST).status == 0
    assert not [path for path in host.served() if path.startswith((".", "var", "ledger"))]
    assert (host.state / "state.tar.gz").stat().st_mode & 0o777 == 0o600
    assert (host.state.stat().st_mode & 0o777) == 0o700


def test_a_second_one_in_a_fresh_folder_changes_only_what_changed(published, make_result, make_case, make_code):
    before, stamped = published.served(), stamps(published.target)
    published.give("second", make_result(9, ended_on="2026-03-03", finalized_at="2026-03-05T09:00:00+08:00"))
    published.give("second", make_case(result_id="R-2", filed_on=SECOND, decided_on=SECOND))
    published.publish(SECOND)
    served = published.served()
    assert served == published.built()
    assert any(make_code(9) in path for path in served)
    gone = (make_code(2), "玄武第2测试", "R-2")
    assert not [path for path in served if any(word in path for word in gone)]
    assert not [path for path, words in served.items() if any(word.encode() in words for word in gone)]
    trees = {**contents(published.last / ".output.a"), **contents(published.last / ".output.b")}  # both are kept
    assert not [path for path, words in trees.items() if gone[0] in path or gone[0].encode() in words]
    same = {path for path, words in served.items() if before.get(path) == words}
    assert len(same) > 20
    assert {path: stamps(published.target)[path] for path in same} == {path: stamped[path] for path in same}


def test_what_time_ends_leaves_though_nothing_new_came(published, make_code):
    assert any(make_code(1) in path for path in published.served())
    published.publish(LATER)
    assert not any(make_code(1) in path for path in published.served())
    assert published.served() == published.built()


def test_a_day_on_which_nothing_changed_changes_nothing(published):
    published.publish(SECOND)
    before, stamped = published.served(), stamps(published.target)
    published.publish(SECOND)
    assert (published.served(), stamps(published.target)) == (before, stamped)


def test_two_at_once_go_one_after_the_other(host):
    jobs = [host.start(FIRST), host.start(FIRST)]
    logs = [job.communicate(timeout=240)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], logs
    assert host.served() == host.built()
    host.publish(SECOND)
    assert host.served() == host.built()


def test_one_that_may_not_wait_ends_with_5_and_changes_nothing(published, make_result):
    before = published.served(), contents(published.state)
    published.give("second", make_result(9, ended_on="2026-03-03", finalized_at="2026-03-05T09:00:00+08:00"))
    with (published.state / "publish.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        log = published.publish(SECOND, status=5, PUBLISH_WAIT="0")
    assert "under way" in log
    assert (published.served(), contents(published.state)) == before


# a stage fails --------------------------------------------------------------------------------------------------------


def broken_theme(host: Host) -> None:
    host_theme = host.root / "repository/theme/templates/home.html"
    host_theme.write_text("{{ nobody_knows_this }}", "utf-8")


def broken_rules(host: Host) -> None:
    (host.root / "repository/own.toml").write_text('title = "测试"\nextends = "no-such-profile"\n', "utf-8")
    replace(host, 'profile = "jiangsu-2021"', 'profile = "own.toml"')


def broken_settings(host: Host) -> None:
    replace(host, "[ledger]", "[ledgers]")


def broken_state(host: Host) -> None:
    (host.state / "state.tar.gz").write_bytes(b"no backup at all" * 64)


def replace(host: Host, old: str, new: str) -> None:
    settings = host.root / "repository/publisher.toml"
    text = settings.read_text("utf-8")
    assert old in text
    settings.write_text(text.replace(old, new), "utf-8")


BROKEN: dict[str, tuple[Callable[[Host], None], int]] = {
    "settings": (broken_settings, 2),
    "rules": (broken_rules, 4),
    "state": (broken_state, 5),
    "theme": (broken_theme, 6),
}


@pytest.mark.parametrize("stage", BROKEN)
def test_a_failed_stage_leaves_what_is_served_and_what_is_kept(published, make_result, stage):
    breaks, status = BROKEN[stage]
    subprocess.run(["cp", "-r", ROOT / "theme", published.root / "repository/theme"], check=True)
    replace(published, "# theme =", "theme =")
    published.give("second", make_result(9, ended_on="2026-03-03", finalized_at="2026-03-05T09:00:00+08:00"))
    breaks(published)
    before = published.served(), contents(published.state)
    published.publish(LATER, status=status)
    assert (published.served(), contents(published.state)) == before


def test_without_its_source_what_time_ends_leaves_all_the_same(published, make_code):
    (published.root / "delivery").rename(published.root / "elsewhere")
    published.publish(LATER, status=3)
    assert not any(make_code(1) in path for path in published.served())
    assert published.served() == published.built()
    (published.root / "elsewhere").rename(published.root / "delivery")
    published.publish(LATER)
    assert published.served() == published.built()


def test_open_problems_fail_the_job_and_the_rest_is_deployed(published, make_result, make_code):
    dates = {"ended_on": "2026-03-03", "finalized_at": "2026-03-05T09:00:00+08:00"}
    published.give("second", make_result(9, **dates), make_result(10, outcome="无此结论", **dates))
    published.publish(SECOND, status=10)
    assert any(make_code(9) in path for path in published.served())
    assert published.served() == published.built()


def test_a_state_that_cannot_be_stored_is_not_deployed_and_the_next_job_is_right(published, make_result, make_case):
    """Killed between saving and deploying: what the saved ledger knows is deployed by the next job."""
    before = published.served()
    published.give("second", make_result(9, ended_on="2026-03-03", finalized_at="2026-03-05T09:00:00+08:00"))
    published.publish(SECOND, status=5, PUBLISH_STATE_PUT="false")
    assert published.served() == before
    published.give("third", make_case(result_id="R-9", filed_on="2026-03-11", decided_on="2026-03-11"))
    published.publish("2026-03-11")
    assert published.served() == published.built()


def test_a_deployment_that_fails_is_finished_by_the_next_job(published, make_result, make_code):
    published.give("second", make_result(9, ended_on="2026-03-03", finalized_at="2026-03-05T09:00:00+08:00"))
    [way] = [path for path in published.served() if make_code(8) in path and path.endswith(".html")]
    in_the_way = published.target / way.replace(make_code(8), make_code(9))
    (in_the_way / "not a page").mkdir(parents=True)
    marker = (published.state / "deployed").read_text("utf-8")
    published.publish(SECOND, status=6)
    assert (published.state / "deployed").read_text("utf-8") == marker
    (in_the_way / "not a page").rmdir()
    in_the_way.rmdir()
    published.publish(SECOND)
    assert published.served() == published.built()


# other ways -----------------------------------------------------------------------------------------------------------


def test_a_lost_marker_compares_the_whole(published, make_case):
    (published.state / "deployed").unlink()
    (published.target / "left over.html").write_text("R-77", "utf-8")
    published.give("second", make_case(result_id="R-2", filed_on=SECOND, decided_on=SECOND))
    published.publish(SECOND)
    assert published.served() == published.built()


def test_a_folder_that_holds_something_else_is_not_deployed_to(host):
    host.target.mkdir()
    (host.target / "letter.txt").write_text("kept", "utf-8")
    assert "holds no site of ours" in host.publish(FIRST, status=6)
    assert host.served() == {"letter.txt": b"kept"}


def test_a_record_is_stopped_at_once_and_the_log_does_not_name_it(published, make_code):
    log = published.publish(SECOND, PUBLISH_HOLD="R-2", PUBLISH_HOLD_BASIS="测试〔2026〕1号", PUBLISH_HOLD_BY="测某")
    assert not any(make_code(2) in path for path in published.served())
    assert published.served() == published.built()
    assert "R-2" not in log
    published.publish(LATER)  # the stop is in the state that was kept
    assert not any(make_code(2) in path for path in published.served())


def test_a_state_elsewhere_is_fetched_and_stored(host, make_code):
    store = host.root / "store"
    store.mkdir()
    way = {
        "PUBLISH_STATE_GET": f"cp -r {store}/. .",
        "PUBLISH_STATE_PUT": f"cp state.tar.gz {store}; ! test -e deployed || cp deployed {store}",
    }
    host.publish(FIRST, **way)
    subprocess.run(["rm", "-r", host.state], check=True)
    host.publish(LATER, **way)
    assert host.served() == host.built()
    assert not any(make_code(1) in path for path in host.served())


def test_a_portal_whose_folder_stays_needs_no_other_state(host, make_case, make_result, make_code):
    host.publish(FIRST, PUBLISH_STATE="")
    folder = host.last
    host.give("second", make_result(9, ended_on="2026-03-03", finalized_at="2026-03-05T09:00:00+08:00"))
    host.give("second", make_case(result_id="R-2", filed_on=SECOND, decided_on=SECOND))
    env = {**os.environ, "PUBLISHER": str(host.command), "PUBLISH_TARGET": str(host.target), "PORTAL": str(folder)}
    ended = subprocess.run(
        ["sh", folder / "ci/publish.sh", "--as-of", SECOND], env=env, cwd="/", check=False, timeout=180
    )
    assert ended.returncode == 0
    assert host.served() == contents(folder / "output")
    assert not any(make_code(2) in path for path in host.served())
    # One release back, deployed by its list; what was withdrawn stays away.
    newest = host.served()
    assert any(make_code(9) in path for path in newest)
    subprocess.run([host.command, "rollback", "--as-of", SECOND], cwd=folder, check=True, timeout=60)
    deploy = ["python3", "ci/deploy.py", host.command, host.target, "var/deployed"]
    subprocess.run(deploy, cwd=folder, check=True, timeout=60)
    assert host.served() == contents(folder / "output") != newest
    assert not any(make_code(2) in path or make_code(9) in path for path in host.served())


def test_a_first_deployment_that_was_killed_is_finished(host):
    (host.target / ".incoming").mkdir(parents=True)
    (host.target / "about").mkdir()
    (host.target / "about/index.html").write_text("half a site", "utf-8")
    host.publish(FIRST)
    assert host.served() == host.built()


def test_a_folder_with_a_ledger_of_its_own_is_not_overwritten(published):
    published.publish(SECOND)
    env = {
        **os.environ, "PUBLISHER": str(published.command), "PUBLISH_TARGET": str(published.target),
        "PUBLISH_STATE": str(published.state),
    }  # fmt: skip
    before = contents(published.last / "var")
    ended = subprocess.run(["sh", "ci/publish.sh"], cwd=published.last, env=env, capture_output=True, check=False)
    assert ended.returncode == 2
    assert contents(published.last / "var") == before


# the recipes that call it -------------------------------------------------------------------------------------------


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield str(key)
            yield from texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from texts(below)
    else:
        yield str(value)


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_the_recipes_only_call_the_script(name):
    recipe = yaml.safe_load((ROOT / "examples/ci" / name).read_text("utf-8"))
    words = list(texts(recipe))
    assert "sh ci/publish.sh" in words
    assert not {"uses", "cache", "artifacts"} & set(words)  # nothing to pin; no ledger where it may get lost or read
    script = (ROOT / "examples/ci/publish.sh").read_text("utf-8")
    for variable in {word for word in words if re.fullmatch(r"PUBLISH(ER)?(_[A-Z]+)*", word)} - tokens(words):
        assert variable in script
    if name.startswith("github"):
        assert recipe["concurrency"] == {"group": "publish", "cancel-in-progress": False}
        assert recipe["permissions"] == {"contents": "read"}
        assert "pull_request" not in recipe[True]  # YAML reads `on` as true
    else:
        assert recipe["publish"]["resource_group"] == "publish"
        assert recipe["publish"]["interruptible"] is False


def tokens(words: list[str]) -> set[str]:
    return {word for word in words if word.endswith("_TOKEN")}


def test_the_units_are_well_formed(tmp_path):
    for name in ("publisher@.service", "publisher@.timer"):
        text = (ROOT / "examples/systemd" / name).read_text("utf-8")
        (tmp_path / name).write_text(text.replace("/opt/publisher/bin/publisher", "/bin/true"), "utf-8")
        assert "TOKEN" not in text
    units = [tmp_path / f"publisher@x.{kind}" for kind in ("service", "timer")]
    for unit in units:
        unit.symlink_to(tmp_path / f"publisher@{unit.suffix}")
    try:
        ended = subprocess.run(
            ["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=60, check=False
        )
    except FileNotFoundError:
        pytest.skip("systemd-analyze is not on this machine")
    assert (ended.returncode, ended.stderr) == (0, "")
