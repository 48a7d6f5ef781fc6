"""Keeping the ledger safe: copies of it while it is in use, and putting one in its place."""

from pathlib import Path

import click

from publisher.cli.command import Common, command, print_json
from publisher.errors import SettingsError
from publisher.settings import Settings


@command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(common: Common, file: Path) -> None:
    """Copy the ledger, as it is at this moment, to FILE; runs go on meanwhile. FILE is confidential."""
    from publisher.ledger.backup import backup as copied

    settings = common.settings
    if file.resolve().is_relative_to(settings.paths.output.resolve()):
        raise SettingsError(f"{file} lies in [paths] output, which is published; name another folder")
    made = copied(_file_of(settings), file)
    if common.as_json:
        print_json(made._asdict() | {"file": str(made.file)})
        return
    click.echo(f"{made.file}  {made.bytes} bytes, run {made.run_no}, judged for {made.latest_day or 'no day yet'}")
    click.echo(f"sha256   {made.sha256}\nhistory  {made.chain}")
    click.echo("It holds what is not public too: keep it where only those are let in who may read the ledger.")


@command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def restore(common: Common, file: Path) -> None:
    """Put the backup FILE in the ledger's place; the ledger that was there is kept beside it."""
    from publisher import briefing, log
    from publisher.ledger import Ledger, only_run
    from publisher.ledger.restore import restore as restored
    from publisher.log.recovery import recover

    settings = common.settings
    ledger_file = _file_of(settings)
    signer = log.load_key(briefing.log_key(settings), settings.portal.base_url)
    with only_run(settings.paths.var):
        done = restored(ledger_file, file, settings.paths.var)
        with Ledger(settings.ledger.url) as ledger:
            entries = recover(ledger, settings.paths.output, signer.verifier, common.day)
    if common.as_json:
        kept = None if done.kept is None else str(done.kept)
        print_json(done._asdict() | {"kept": kept, "log_entries": entries})
        return
    click.echo(
        f"restored {file}: run {done.run_no}, judged for {done.latest_day or 'no day yet'}, sha256 {done.sha256}"
    )
    if done.kept is not None:
        click.echo(f"the ledger that was there is kept as {done.kept}; delete it when nobody needs it any more")
    if entries:
        click.echo(f"the publication log goes on from the site: {entries} entries were made since the backup")
    if done.was_readable:
        click.echo(f"{done.holds} holds placed since the backup were taken over")
    else:
        click.echo(
            "the ledger that was there could not be read: place all holds since the backup again, BEFORE you run"
        )
    click.echo(
        "Next: `publisher run`. It reads the source from the beginning, judges everything again and makes the whole"
        " site anew; before the source was read to its end, nothing is shown or sent. The site stays as it is."
        " Then: `publisher reconcile --repair`, for what endpoints were told since the backup."
    )


def _file_of(settings: Settings) -> Path:
    prefix = "sqlite:///"
    if not settings.ledger.url.startswith(prefix):
        raise SettingsError("[ledger] url names no SQLite file; back up such a database with its own tools")
    return Path(settings.ledger.url.removeprefix(prefix))
