"""Releases of the site: back to the one before, and what each changed."""

import click

from publisher.cli.command import Common, command, print_json
from publisher.errors import SettingsError


@command()
def rollback(common: Common) -> None:
    """Serve the release before again, less what was withdrawn since. The next run serves the newest state again."""
    from publisher import briefing, site
    from publisher.ledger import Ledger, only_run

    settings = common.settings
    with only_run(settings.paths.var), Ledger(settings.ledger.url) as ledger:
        earlier, number = site.roll_back(
            ledger, settings.paths.output, briefing.releases(settings), settings.site.precompress, common.day
        )
    if common.as_json:
        print_json({"shown": earlier, "release": number})
    else:
        click.echo(
            f"the site is release {earlier} again, less what was withdrawn since, as release {number}; the next "
            "`publisher run` serves the newest state again"
        )


@command(name="deploy-list")
@click.option("--since", type=click.IntRange(0), metavar="N", help="what changed after release N (default: the last)")
def deploy_list(common: Common, since: int | None) -> None:
    """List what the latest releases removed, added and changed in the site's folder, one JSON object a line."""
    from publisher import briefing, site
    from publisher.ledger import Ledger

    with Ledger(common.settings.ledger.url) as ledger, ledger.reading() as connection:
        latest = site.latest(connection)
    if since is not None and since > latest:
        raise SettingsError(f"--since {since}: the latest release is {latest}")
    for line in briefing.releases(common.settings).joined(max(0, latest - 1) if since is None else since, latest):
        click.echo(line, nl=False)
