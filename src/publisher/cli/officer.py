"""An officer's own decisions."""

import click

from publisher.cli.command import Common, command, print_json
from publisher.telling import Teller


@command()
@click.argument("record_id")
@click.option("--basis", help="why: document and article")
@click.option("--by", "placed_by", help="who decides")
@click.option("--lift", is_flag=True, help="end the stop")
def hold(common: Common, record_id: str, basis: str | None, placed_by: str | None, lift: bool) -> None:
    """Stop showing a record at once, on an officer's own decision; the next run acts on it."""
    from publisher import officer
    from publisher.portal import opened

    if lift == bool(basis and placed_by) or (lift and (basis or placed_by)):
        raise click.UsageError("give --basis and --by to hold a record, or --lift to end it")
    with Teller(common.as_json) as teller, opened(common.settings, common.day, teller.watcher) as portal:
        done = officer.change_hold(portal, record_id, basis, placed_by)
    if common.as_json:
        print_json({"record_id": record_id, "held": not lift})
    else:
        click.echo(f"{done}; `publisher run` makes it so on the site and at the endpoints")
