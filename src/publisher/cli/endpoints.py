"""What the endpoints hold and what they said."""

from pathlib import Path

import click

from publisher.cli.command import STRICT_STATUS, Common, command, print_json
from publisher.errors import SettingsError
from publisher.telling import Teller


@command()
@click.option("--endpoint", "only", help="this endpoint alone")
@click.option("--repair", is_flag=True, help="owe every difference anew, for the next push")
def reconcile(common: Common, only: str | None, repair: bool) -> int:
    """Compare what each endpoint holds with what the ledger would have it show."""
    from publisher import briefing, exchange
    from publisher.portal import opened

    left = 0
    with Teller(common.as_json) as teller, opened(common.settings, common.day, teller.watcher) as portal:
        for endpoint in briefing.endpoints(common.settings):
            if endpoint.kind != "api" or (only is not None and endpoint.name != only):
                continue
            for one in exchange.reconcile(portal.ledger, endpoint, repair=repair, say=teller.watcher.say):
                left += 1
                if common.as_json:
                    print_json({"endpoint": endpoint.name, **one._asdict()})
                else:
                    click.echo(f"{endpoint.name}: {' '.join(str(part) for part in one)}")
    if not common.as_json:
        click.echo(f"{left} differences")
    return STRICT_STATUS if left else 0


@command()
@click.option("--endpoint", "only", help="this endpoint alone")
@click.option("--run", "run_no", type=click.IntRange(1), help="the number of a run (default: the last one answered)")
@click.option("--xlsx", "file", type=click.Path(path_type=Path, dir_okay=False), help="write the lists to this file")
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
                print_json({"run": run_no, **one})
        else:
            for one in lines:
                if one["list"] != "successful":
                    what = f"{one['endpoint']}  {one['kind']} {one['record_id']}  {one['version']}  {one['action']}"
                    click.echo(f"{one['list']:12}{what}  {one['code'] or '-'}  {one['message'] or '-'}")
    if file is not None or not common.as_json:
        click.echo("\n".join([f"run {run_no} as of {day}", *report.in_words(counts, timely)]), err=common.as_json)
