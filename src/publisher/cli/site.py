"""The built site: read again against the ledger, or looked at."""

from urllib.parse import urlsplit

import click

from publisher.cli.command import Common, command, print_json
from publisher.errors import SiteError
from publisher.telling import Teller


@command()
def audit(common: Common) -> int:
    """Read the built site again and compare it with the ledger; exit 6 when they differ."""
    from publisher.audit import audit as audited
    from publisher.briefing import outcome_labels
    from publisher.ledger import Ledger
    from publisher.rules import load_profile

    found = 0
    with Teller(common.as_json) as teller, Ledger(common.settings.ledger.url) as ledger:
        for one in audited(
            ledger,
            common.settings.paths.output,
            labels=outcome_labels(load_profile(common.settings.portal.profile)),
            on_progress=lambda done, total: teller.watcher.progress("audit", done, total),
        ):
            found += 1
            if common.as_json:
                print_json(one._asdict())
            else:
                click.echo(f"{one.kind}  {one.where}  {one.what}")
    if not common.as_json:
        click.echo(f"{found} differences between the site and the ledger")
    return SiteError.exit_status if found else 0


@command()
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True)
def serve(common: Common, port: int) -> None:
    """Look at the built site on the loopback address."""
    from publisher.desk.serve import serve as serve_forever

    root = urlsplit(common.settings.portal.base_url).path
    serve_forever(common.settings.paths.output, port, lambda line: click.echo(line, err=True), root)
