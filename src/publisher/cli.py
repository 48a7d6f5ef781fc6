"""The command ``publisher``: one subcommand per verb. The only place that catches, prints and sets an exit status."""

import functools
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import click
import orjson

from publisher import __version__, settings
from publisher.errors import EndpointError, PublisherError, SettingsError, SiteError
from publisher.model import SHANGHAI
from publisher.telling import Teller

STRICT_STATUS = 10  # all stages finished, but problems or refusals are open; reconcile: differences are left


class Common(NamedTuple):
    """The options every command takes, before or after its name."""

    config: Path
    as_of: str | None
    as_json: bool

    @property
    def settings(self) -> settings.Settings:
        """The settings of the portal."""
        return settings.load(self.config)

    @property
    def day(self) -> Any:
        """The day the command works for: the one asked for, or today in Asia/Shanghai."""
        from publisher.pipeline import day_of

        return day_of(self.as_of, datetime.now(SHANGHAI).date())


_OPTIONS = (
    click.option("--config", type=click.Path(path_type=Path, dir_okay=False), help="the portal's publisher.toml"),
    click.option("--as-of", metavar="YYYY-MM-DD", help="work as on this day (default: today in Asia/Shanghai)"),
    click.option("--json", "as_json", is_flag=True, default=None, help="print the summary as JSON on standard output"),
)


def _command(function: Callable[..., int | None]) -> Callable[..., None]:
    """Give a command the common options, turn our errors into its exit status, and say them in one line."""

    @functools.wraps(function)
    def wrapped(config: Path | None, as_of: str | None, as_json: bool | None, **own: Any) -> None:
        given = click.get_current_context().find_root().params
        common = Common(
            config or given.get("config") or Path("publisher.toml"),
            as_of or given.get("as_of"),
            bool(as_json or given.get("as_json")),
        )
        try:
            sys.exit(function(common, **own) or 0)
        except PublisherError as error:
            click.echo(f"publisher: {error}", err=True)
            sys.exit(error.exit_status)
        except KeyboardInterrupt:
            click.echo("publisher: stopped; the next run goes on from here", err=True)
            sys.exit(130)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)

    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped


def _add_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def _print_json(value: Any) -> None:
    click.echo(orjson.dumps(value).decode())


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="publisher")
@_add_options
def main(**_: Any) -> None:
    """Publish inspection plans, item lists and results, and stop publishing them when the law says so."""


@main.command()
@click.option("--strict", is_flag=True, help=f"exit {STRICT_STATUS} when problems or refusals are open at the end")
@_command
def run(common: Common, strict: bool) -> int:
    """Pull, judge, build and push: the daily run. Safe to repeat."""
    from publisher import pipeline

    with Teller(common.as_json) as teller, pipeline.opened(common.settings, common.day, teller.watcher) as portal:
        done = pipeline.run(portal)
    teller.summary(done.summary, common.settings.paths.output)
    for name, error in done.endpoint_errors.items():
        click.echo(f"publisher: {name}: {error}", err=True)
    if done.source_error is not None:
        raise done.source_error
    if done.endpoint_errors:
        return EndpointError.exit_status
    return STRICT_STATUS if strict and (done.summary["problems"] or done.refused) else 0


def _stage(name: str) -> Callable[[Common], int]:
    def stage(common: Common) -> int:
        from publisher import pipeline

        with Teller(common.as_json) as teller, pipeline.opened(common.settings, common.day, teller.watcher) as portal:
            done = getattr(pipeline, name)(portal)
            result = pipeline.summary(
                portal,
                done if name == "pull" else {},
                done if name == "build" else None,
                done if name == "push" else {},
            )
        teller.summary(result, common.settings.paths.output)
        return EndpointError.exit_status if name == "push" and any(one.error for one in done.values()) else 0

    return stage


@main.command()
@_command
def pull(common: Common) -> int:
    """Take what the source has finalized since the last run into the ledger."""
    return _stage("pull")(common)


@main.command()
@_command
def judge(common: Common) -> int:
    """Judge what is new or whose day has come, and record the verdicts."""
    return _stage("judge")(common)


@main.command()
@_command
def build(common: Common) -> int:
    """Make the site say what the ledger says; only what changed is rendered."""
    return _stage("build")(common)


@main.command()
@_command
def push(common: Common) -> int:
    """Tell every endpoint what it is owed."""
    return _stage("push")(common)


@main.command()
@_command
def check(common: Common) -> None:
    """List what is wrong or unsettled in the source, the ledger and the profile; nothing is written."""
    from publisher import inquiry

    with Teller(common.as_json) as teller:
        for problem in inquiry.check(common.settings, common.day, teller.watcher):
            if common.as_json:
                _print_json(problem._asdict())
            else:
                where = f"{problem.file}:{problem.line}" if problem.line else problem.file or "-"
                click.echo(f"{where}  {problem.code}  {problem.record or '-'}  {problem.message}")


@main.command()
@click.argument("result_id", required=False)
@click.option("--all", "every", is_flag=True, help="every result, one line each")
@_command
def explain(common: Common, result_id: str | None, every: bool) -> None:
    """Say what may be shown of a result on a day, and why; --as-of may look back."""
    from publisher import inquiry

    if every == (result_id is not None):
        raise click.UsageError("name one RESULT_ID, or --all")
    portal = inquiry.asked(common.settings)
    with portal.ledger:
        if result_id is None:
            for line in inquiry.explain_all(portal, common.day):
                if common.as_json:
                    _print_json(line)
                else:
                    click.echo(
                        f"{line['result_id']}  {line['state']}  {line['cause'] or line['rule']}  {line['since']}"
                    )
            return
        verdict, words = inquiry.explain(portal, result_id, common.day)
    if common.as_json:
        _print_json({"result_id": result_id, **inquiry.verdict_words(verdict)})
    else:
        click.echo("\n".join(inquiry.in_words(result_id, common.day, words)))


@main.command()
@click.option("--xlsx", "file", type=click.Path(path_type=Path, dir_okay=False), help="write it as a workbook too")
@_command
def preview(common: Common, file: Path | None) -> None:
    """Say what a run would add, change and stop, counted against the last one; nothing is kept."""
    from publisher import previewfile
    from publisher.preview import preview as previewed
    from publisher.preview import words

    with Teller(common.as_json) as teller:
        found = previewed(common.settings, common.day, teller.watcher)
    if file is not None:
        previewfile.write_workbook(found, file, common.settings.paths.output)
    if common.as_json:
        _print_json(words(found))
        return
    for line in previewfile.lines(found):
        click.echo(line)
    teller.summary(found.summary, common.settings.paths.output)


@main.command()
@_command
def status(common: Common) -> None:
    """Say where the portal stands: latest day, states, what is owed and what endpoints hold."""
    from publisher import inquiry

    found = inquiry.status(common.settings, common.day)
    if common.as_json:
        _print_json(found)
    else:
        for key, value in found.items():
            words = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            click.echo(f"{key:19}{words}")


@main.group(name="rules")
def rules_group() -> None:
    """Look at the shipped rules, and at what a change of rules would do."""


@rules_group.command(name="list")
@_command
def rules_list(common: Common) -> None:
    """List the shipped profiles."""
    from publisher.rules import load_profile, profile_names

    for name in profile_names():
        profile = load_profile(name)
        versions = [day.isoformat() for day in profile.versions]
        if common.as_json:
            _print_json({"name": name, "title": profile.title, "versions": versions})
        else:
            click.echo(f"{name:16}{profile.title}  {', '.join(versions)}")


@rules_group.command(name="diff")
@click.argument("profile_a")
@click.argument("profile_b")
@_command
def rules_diff(common: Common, profile_a: str, profile_b: str) -> None:
    """Say which records PROFILE_B would publish or stop on a day, compared with PROFILE_A; nothing is written."""
    from publisher import inquiry, officer
    from publisher.rules import load_profile

    a, b = load_profile(profile_a), load_profile(profile_b)
    counts = dict.fromkeys(("publish", "stop", "same"), 0)
    portal = inquiry.asked(common.settings)
    with portal.ledger, portal.ledger.reading() as connection:
        for one in officer.diff(connection, a, b, portal.workdays, common.day):
            counts[one.effect] += 1
            if one.effect == "same":
                continue
            if common.as_json:
                _print_json(one._asdict())
            else:
                click.echo(f"{one.kind} {one.record_id}  {one.was} → {one.now}  {one.rule}  {one.basis}")
    if common.as_json:
        _print_json(counts)
    else:
        click.echo(
            f"{counts['publish']} would be published, {counts['stop']} stopped, {counts['same']} stay as they are"
        )


@main.group(name="report")
def report_group() -> None:
    """Reports for the office; none of them is ever on a public page."""


@report_group.command(name="problems")
@_command
def report_problems(common: Common) -> None:
    """Count what `check` lists, by kind of problem."""
    from publisher import inquiry, reports

    with Teller(common.as_json) as teller:
        groups = reports.problem_groups(inquiry.check(common.settings, common.day, teller.watcher))
    total = sum(one.number for one in groups)
    if common.as_json:
        _print_json({"as_of": common.day.isoformat(), "total": total, "problems": [one._asdict() for one in groups]})
        return
    for one in groups:
        click.echo(f"{one.number:8}  {one.code:26}{one.records} records; first: {one.first}")
    click.echo(f"{total:8}  in all")


@report_group.command(name="monthly")
@click.option("--month", metavar="YYYY-MM", help="the month reported (default: that of the day)")
@click.option("--csv", "file", type=click.Path(path_type=Path, dir_okay=False), help="write the form to this file")
@_command
def report_monthly(common: Common, month: str | None, file: Path | None) -> None:
    """Fill in the monthly form as far as its columns are known; counts of our own are marked as such."""
    from publisher import inquiry, reports

    asked = common.settings
    portal = inquiry.asked(asked)
    with portal.ledger, portal.ledger.reading() as connection:
        form = reports.monthly(connection, portal.profile, asked.portal, common.day, month)
    if file is not None:
        file.write_bytes(reports.monthly_csv(form))
    if common.as_json:
        _print_json(reports.monthly_words(form))
    else:
        click.echo("\n".join(reports.monthly_lines(form)))


@main.command()
@click.argument("query")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--page", type=click.IntRange(1), default=1, show_default=True)
@_command
def search(common: Common, query: str, limit: int, page: int) -> None:
    """Find records of any state by name, code or field (state:withdrawn 质汽); for officers."""
    from publisher.desk.search import search as find
    from publisher.ledger import Ledger

    asked = common.settings
    with Teller(common.as_json) as teller, Ledger(asked.ledger.url) as ledger:
        found = find(
            ledger, asked.paths.var, query, limit=limit, page=page,
            on_progress=lambda done, total: teller.watcher.progress("index", done, total),
        )  # fmt: skip
    if common.as_json:
        _print_json({"total": found.total, "hits": [hit._asdict() for hit in found.hits]})
        return
    for hit in found.hits:
        click.echo(f"{hit.state:10} {hit.kind} {hit.id}  {hit.name}  {hit.uscc or '-'}  {hit.url or '-'}")
    click.echo(f"{found.total} found")


@main.command()
@click.option("--endpoint", "only", help="this endpoint alone")
@click.option("--repair", is_flag=True, help="owe every difference anew, for the next push")
@_command
def reconcile(common: Common, only: str | None, repair: bool) -> int:
    """Compare what each endpoint holds with what the ledger would have it show."""
    from publisher import exchange, pipeline

    left = 0
    with Teller(common.as_json) as teller, pipeline.opened(common.settings, common.day, teller.watcher) as portal:
        for endpoint in pipeline.endpoints(common.settings):
            if endpoint.kind != "api" or (only is not None and endpoint.name != only):
                continue
            for one in exchange.reconcile(portal.ledger, endpoint, repair=repair, say=teller.watcher.say):
                left += 1
                if common.as_json:
                    _print_json({"endpoint": endpoint.name, **one._asdict()})
                else:
                    click.echo(f"{endpoint.name}: {' '.join(str(part) for part in one)}")
    if not common.as_json:
        click.echo(f"{left} differences")
    return STRICT_STATUS if left else 0


@main.command()
@click.option("--endpoint", "only", help="this endpoint alone")
@click.option("--run", "run_no", type=click.IntRange(1), help="the number of a run (default: the last one answered)")
@click.option("--xlsx", "file", type=click.Path(path_type=Path, dir_okay=False), help="write the lists to this file")
@_command
def receipts(common: Common, only: str | None, run_no: int | None, file: Path | None) -> None:
    """List what endpoints said of a run's records: successful, refused, unprocessed, unsendable."""
    from collections import Counter

    from publisher.exchange import report
    from publisher.ledger import Ledger
    from publisher.ledger import receipts as told

    asked = common.settings
    if only is not None and only not in {one.name for one in asked.endpoint}:
        raise SettingsError(f"there is no endpoint {only}; there are {', '.join(one.name for one in asked.endpoint)}")
    counts: Counter[tuple[str, str]] = Counter()
    with Ledger(asked.ledger.url, rehearsal=True) as ledger, ledger.reading() as connection:
        run_no = run_no or told.latest_told_run(connection)
        day = run_no and told.run_day(connection, run_no)
        if run_no is None or not day:
            raise SettingsError("no endpoint has answered yet" if run_no is None else f"there was no run {run_no}")
        timely = [one for one in told.timeliness(connection) if only in (None, one.endpoint)]
        lines = report.lines(told.receipts_of(connection, run_no, only), counts)
        if file is not None:
            report.write_xlsx(file, lines, run_no, day, timely)
        elif common.as_json:
            for one in lines:
                _print_json({"run": run_no, **one})
        else:
            for one in lines:
                if one["list"] != "successful":
                    what = f"{one['endpoint']}  {one['kind']} {one['record_id']}  {one['version']}  {one['action']}"
                    click.echo(f"{one['list']:12}{what}  {one['code'] or '-'}  {one['message'] or '-'}")
    if file is not None or not common.as_json:
        click.echo("\n".join([f"run {run_no} as of {day}", *report.in_words(counts, timely)]), err=common.as_json)


@main.command()
@_command
def audit(common: Common) -> int:
    """Read the built site again and compare it with the ledger; exit 6 when they differ."""
    from publisher.audit import audit as audited
    from publisher.ledger import Ledger
    from publisher.rules import load_profile

    outcomes = load_profile(common.settings.portal.profile).latest.outcomes
    found = 0
    with Teller(common.as_json) as teller, Ledger(common.settings.ledger.url) as ledger:
        for one in audited(
            ledger,
            common.settings.paths.output,
            labels={name: one.label for name, one in outcomes.items()},
            on_progress=lambda done, total: teller.watcher.progress("audit", done, total),
        ):
            found += 1
            if common.as_json:
                _print_json(one._asdict())
            else:
                click.echo(f"{one.kind}  {one.where}  {one.what}")
    if not common.as_json:
        click.echo(f"{found} differences between the site and the ledger")
    return SiteError.exit_status if found else 0


@main.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
@_command
def serve(common: Common, port: int) -> None:
    """Look at the built site on the loopback address."""
    from publisher.desk.serve import serve as serve_forever

    root = urlsplit(common.settings.portal.base_url).path
    serve_forever(common.settings.paths.output, port, lambda line: click.echo(line, err=True), root)


@main.command()
@click.option(
    "--folder", type=click.Path(path_type=Path, exists=True, file_okay=False), help="what the platform serves"
)
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False), help="keep the endpoints' state in this file")
@click.option("--port", type=click.IntRange(0, 65535), default=8200, show_default=True)
@click.option("--fault", multiple=True, metavar="[PLACE:]NAME=VALUE,…", help="faults to play, such as lost_after=0.1")
@click.option("--seed", type=int, default=0, show_default=True, help="of the faults")
@_command
def sandbox(
    common: Common, folder: Path | None, state: Path | None, port: int, fault: tuple[str, ...], seed: int
) -> None:
    """Play the inspection platform and the endpoints on the loopback address, to try everything against."""
    from publisher.sandbox import Sandbox
    from publisher.sandbox import serve as serve_forever

    serve_forever(
        Sandbox(folder=folder, state=state, port=port, seed=seed, faults=fault),
        lambda line: click.echo(line, err=True),
    )


@main.command()
@click.argument("record_id")
@click.option("--basis", help="why: document and article")
@click.option("--by", "placed_by", help="who decides")
@click.option("--lift", is_flag=True, help="end the stop")
@_command
def hold(common: Common, record_id: str, basis: str | None, placed_by: str | None, lift: bool) -> None:
    """Stop showing a record at once, on an officer's own decision; the next run acts on it."""
    from publisher import officer, pipeline

    if lift == bool(basis and placed_by) or (lift and (basis or placed_by)):
        raise click.UsageError("give --basis and --by to hold a record, or --lift to end it")
    with Teller(common.as_json) as teller, pipeline.opened(common.settings, common.day, teller.watcher) as portal:
        done = officer.change_hold(portal, record_id, basis, placed_by)
    if common.as_json:
        _print_json({"record_id": record_id, "held": not lift})
    else:
        click.echo(f"{done}; `publisher run` makes it so on the site and at the endpoints")
