"""The command: what scripts rely on. Its verbs, its options in either place, what it prints, how it ends."""

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest

from publisher import errors
from publisher.cli import main
from publisher.ledger import only_run

ROOT = Path(__file__).resolve().parents[2]
DAY = "2021-07-05"
COMMANDS = {
    "pull", "judge", "build", "push", "run", "check", "explain", "preview", "status", "search", "reconcile", "audit",
    "serve", "sandbox", "hold",
}  # fmt: skip
STATUSES = {
    "PublisherError": 1, "SettingsError": 2, "SourceError": 3, "SourceUnavailable": 3, "SourceContractBroken": 3,
    "RuleError": 4, "CalendarGap": 4, "RuleConflict": 4, "LedgerError": 5, "SiteError": 6, "RenderFailed": 6,
    "LeakFound": 6, "EndpointError": 7, "EndpointUnavailable": 7, "OutcomeUnknown": 7, "EndpointRefused": 7,
}  # fmt: skip


def commands(group=main, before=()):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield (*before, name), command


ALL = dict(commands())


# verbs and options --------------------------------------------------------------------------------------------------


def test_every_verb_is_there():
    assert {name[0] for name in ALL} >= COMMANDS


@pytest.mark.parametrize("name", ALL, ids=" ".join)
def test_every_command_takes_the_common_options_and_says_what_it_does(name, call_cli):
    assert {"config", "as_of", "as_json"} <= {one.name for one in ALL[name].params}
    ran = call_cli(*name, "--help")
    assert ran.status == 0
    assert ALL[name].help
    for option in ("--config", "--as-of", "--json"):
        assert option in ran.out


def test_the_common_options_stand_before_or_after_the_command(built, call_cli):
    config, day = ("--config", built.config), ("--as-of", "2021-06-07")
    orders = [
        (*config, *day, "--json", "explain", "R-1"),
        ("explain", "R-1", *config, *day, "--json"),
        (*config, "explain", *day, "R-1", "--json"),
        ("--json", *day, "explain", *config, "R-1"),
    ]
    told = [call_cli(*order) for order in orders]
    assert {one.status for one in told} == {0}
    assert len({one.out for one in told}) == 1
    assert told[0].json["state"] == "pending"


def test_an_option_after_the_command_goes_before_one_in_front_of_it(built, call_cli):
    ran = call_cli("--config", "nowhere.toml", "--as-of", "1999-01-01", "explain", "R-1", "--config", built.config,
                   "--as-of", DAY, "--json")  # fmt: skip
    assert ran.json["state"] == "published"


# what is printed ----------------------------------------------------------------------------------------------------


def test_the_summary_of_a_run(portal_dir, run_cli, make_plan, make_result):
    portal_dir.configure(endpoints=[{"name": "drop", "kind": "filedrop", "path": "drop", "mapping": "plain"}])
    portal_dir.give(make_plan(), make_result(1))
    ran = run_cli("--config", portal_dir.config, "run", "--as-of", DAY, "--json", cwd=Path("/"))
    assert ran.status == 0, ran.err
    [line] = ran.out.splitlines()  # one object; progress is on standard error
    found = json.loads(line)
    assert {"as_of", "pulled", "problems", "states", "pages", "pushed"} <= found.keys()
    assert found["as_of"] == DAY
    assert found["pulled"] == {"plans": 1, "item_lists": 0, "results": 1, "cases": 0}
    assert found["states"] == {"pending": 0, "withheld": 0, "published": 2, "shielded": 0, "withdrawn": 0}
    assert found["problems"] == 0
    assert {"written", "removed", "total"} <= found["pages"].keys()
    assert found["pages"]["written"] == found["pages"]["total"] == len(portal_dir.files())
    assert found["pushed"].keys() == {"drop"}
    assert {"accepted", "duplicate", "rejected", "unprocessed", "owed"} <= found["pushed"]["drop"].keys()
    assert all(type(number) is int for number in found["pushed"]["drop"].values())


EXPLAINED = {
    "result_id", "state", "cause", "marks", "rule", "basis", "since", "due_on", "next_change_on", "provisional",
}  # fmt: skip


def test_an_explanation(built):
    found = built.call("explain", "R-2", "--json", day=DAY).json
    assert found.keys() == EXPLAINED
    assert (found["result_id"], found["state"], found["cause"]) == ("R-2", "published", None)
    assert set(found["marks"]) == {"objection_pending", "reply"}
    assert (found["since"], found["provisional"]) == ("2021-06-08", False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", found["due_on"])


def test_explanations_of_all_are_those_of_each(built):
    lines = built.call("explain", "--all", "--json", day=DAY).lines
    assert all(one.keys() == EXPLAINED for one in lines)
    assert len({one["result_id"] for one in lines}) == len(lines) == 55
    by_id = {one["result_id"]: one for one in lines}
    for result_id in ("R-1", "R-3", "R-60", "R-61"):
        assert built.call("explain", result_id, "--json", day=DAY).json == by_id[result_id]
    assert [by_id[one]["state"] for one in ("R-1", "R-3", "R-61")] == ["published", "withheld", "pending"]


def test_an_explanation_in_words_names_rule_and_basis(built):
    found = built.call("explain", "R-3", "--json", day=DAY).json
    words = built.call("explain", "R-3", day=DAY).out
    assert "withheld" in words
    assert found["rule"] in words
    assert found["basis"] in words


@pytest.mark.parametrize("arguments", [(), ("R-1", "--all"), ("NO-SUCH",)])
def test_what_cannot_be_explained_is_a_usage_error(built, arguments):
    assert built.call("explain", *arguments, day=DAY).status == 2


def test_problems_are_one_a_line(built):
    lines = built.call("check", "--json", day=DAY).lines
    assert all(one.keys() == {"code", "record", "field", "message", "file", "line"} for one in lines)
    [odd] = [one for one in lines if one["code"] == "unknown_outcome"]
    assert (odd["record"], odd["file"]) == ("R-63", "results/records.jsonl")
    assert (built.feed / odd["file"]).read_text("utf-8").splitlines()[odd["line"] - 1].count("无此结论") == 1
    assert {one["record"] for one in lines if one["code"] == "assumed_value"} <= {None}


def test_search_tells_of_every_state(built, make_code):
    found = built.call("search", "玄武第3测试", "--json", day=DAY).json
    assert found.keys() == {"total", "hits"}
    assert all(one.keys() == {"kind", "id", "name", "uscc", "state", "url"} for one in found["hits"])
    states = {one["id"]: one["state"] for one in found["hits"]}
    assert states["R-3"] == "withheld"
    [by_code] = built.call("search", make_code(1), "--json", day=DAY).json["hits"]
    assert (by_code["kind"], by_code["id"], by_code["state"]) == ("result", "R-1", "published")
    assert by_code["url"].endswith(f"/subjects/320102/{make_code(1)}.html#R-1")


def test_status_says_where_the_portal_stands(built):
    found = built.call("status", "--json").json
    assert found["latest_day"] == DAY
    assert found["pages"] == {"total": len(built.files()), "owed": 0}
    assert found["states"]["withheld"] == 1


# how it ends --------------------------------------------------------------------------------------------------------


def classes(one=errors.PublisherError):
    yield one
    for below in one.__subclasses__():
        yield from classes(below)


def test_every_error_has_its_exit_status():
    assert {one.__name__: one.exit_status for one in classes()} == STATUSES
    assert all(one.__module__ == "publisher.errors" for one in classes())
    assert all(one.__doc__ for one in classes())


def ends(portal, *arguments, day=DAY, **options):
    """Call, and return the exit status; an error of ours is told in one line, without a trace."""
    ran = portal.call(*arguments, day=day, **options)
    if ran.status not in (0, 10):
        assert "Traceback" not in ran.err
    return ran.status


def test_settings_and_usage_end_with_2(portal_dir, call_cli, make_plan):
    portal_dir.give(make_plan())
    assert call_cli("--config", portal_dir.root / "absent.toml", "run").status == 2
    assert ends(portal_dir, "no-such-command") == 2
    assert ends(portal_dir, "run", "--no-such-option") == 2
    assert ends(portal_dir, "run", day="not-a-day") == 2
    portal_dir.configure(more="[nonsense]\nx = 1")
    assert ends(portal_dir, "run") == 2
    portal_dir.configure(
        endpoints=[{"name": "a", "kind": "api", "url": "http://127.0.0.1:9", "token_env": "NO_SUCH_TOKEN"}]
    )
    assert ends(portal_dir, "push") == 2


def test_a_source_that_is_not_there_ends_with_3(portal_dir):
    assert ends(portal_dir, "run") == 3
    assert ends(portal_dir, "pull") == 3


def test_rules_that_cannot_be_used_end_with_4(portal_dir, make_plan):
    portal_dir.give(make_plan())
    (portal_dir.root / "own.toml").write_text('title = "测试"\nextends = "no-such-profile"\n', "utf-8")
    portal_dir.configure(profile="own.toml")
    assert ends(portal_dir, "run") == 4


def test_a_ledger_in_use_ends_with_5(portal_dir, make_plan):
    portal_dir.give(make_plan())
    with only_run(portal_dir.var):
        assert ends(portal_dir, "run") == 5


def test_a_ledger_that_cannot_be_read_ends_with_5(portal_dir, make_plan):
    portal_dir.give(make_plan())
    portal_dir.var.mkdir()
    (portal_dir.var / "ledger.db").write_bytes(b"no ledger at all" * 64)
    for command in ("run", "status", "check"):
        assert ends(portal_dir, command) == 5


def test_an_endpoint_that_does_not_answer_ends_with_7_and_the_site_is_built_all_the_same(portal_dir, make_plan):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound, not listening: refused at once
        endpoint = {"name": "a", "kind": "api", "url": f"http://127.0.0.1:{closed.getsockname()[1]}", "token_env": "T"}
        portal_dir.configure(endpoints=[endpoint])
        portal_dir.give(make_plan())
        ran = portal_dir.call("run", "--json", day=DAY, env={"T": "the-secret-token"})
    assert ran.status == 7
    assert ran.json["pushed"]["a"]["owed"] == 1
    assert "publisher: a: " in ran.err
    assert "the-secret-token" not in ran.err + ran.out
    assert (portal_dir.output / "index.html").exists()


def test_strict_ends_with_10_while_problems_are_open(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1, outcome="无此结论"))
    assert ends(portal_dir, "run", "--strict") == 10
    assert ends(portal_dir, "run") == 0
    portal_dir.give(make_plan(), make_result(1))
    assert ends(portal_dir, "run", "--strict") == 0


def test_the_audit_finds_nothing_in_a_fresh_site_and_a_change_by_hand_ends_with_6(portal_dir, make_plan, make_result):
    portal_dir.give(make_plan(), make_result(1))
    portal_dir.run(DAY)
    ran = portal_dir.call("audit", "--json", day=DAY)
    assert (ran.status, ran.out) == (0, "")
    page = portal_dir.output / "results/2021/06/index.html"
    page.write_text(page.read_text("utf-8") + "<!-- R-99 -->", "utf-8")
    assert ends(portal_dir, "audit") == 6


def test_a_reader_that_stops_reading_is_no_error(built):
    """``publisher explain --all | head -1``"""
    code = "from publisher.cli import main; main()"
    command = [sys.executable, "-c", code, "--config", built.config, "--as-of", DAY, "explain", "--all"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stderr is not None
        writer.stdout.close()
        assert (writer.stderr.read(), writer.wait(60)) == ("", 0)
