"""The daily run, its stages one by one, and what a run would do."""

from collections.abc import Callable
from pathlib import Path

import click

from publisher.cli.command import STRICT_STATUS, Common, command, print_json
from publisher.errors import EndpointError
from publisher.telling import Teller


@command()
@click.option("--strict", is_flag=True, help=f"exit {STRICT_STATUS} when problems or refusals are open at the end")
def run(common: Common, strict: bool) -> int:
    """Pull, judge, build and push: the daily run. Safe to repeat."""
    from publisher import pipeline
    from publisher.portal import opened

    with Teller(common.as_json) as teller, opened(common.settings, common.day, teller.watcher) as portal:
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
        from publisher.portal import opened

        with Teller(common.as_json) as teller, opened(common.settings, common.day, teller.watcher) as portal:
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


@command()
def pull(common: Common) -> int:
    """Take what the source has finalized since the last run into the ledger."""
    return _stage("pull")(common)


@command()
def judge(common: Common) -> int:
    """Judge what is new or whose day has come, and record the verdicts."""
    return _stage("judge")(common)


@command()
def build(common: Common) -> int:
    """Make the site say what the ledger says; only what changed is rendered."""
    return _stage("build")(common)


@command()
def push(common: Common) -> int:
    """Tell every endpoint what it is owed."""
    return _stage("push")(common)


@command()
@click.option("--xlsx", "file", type=click.Path(path_type=Path, dir_okay=False), help="write it as a workbook too")
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
        print_json(words(found))
        return
    for line in previewfile.lines(found):
        click.echo(line)
    teller.summary(found.summary, common.settings.paths.output)
