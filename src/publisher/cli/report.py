"""Reports for the office; none of them is ever on a public page."""

from pathlib import Path

import click

from publisher.cli.command import Common, command, print_json
from publisher.telling import Teller


@click.group(name="report")
def report_group() -> None:
    """Reports for the office; none of them is ever on a public page."""


@command(name="problems")
def report_problems(common: Common) -> None:
    """Count what `check` lists, by kind of problem."""
    from publisher import inquiry, reports

    with Teller(common.as_json) as teller:
        groups = reports.problem_groups(inquiry.check(common.settings, common.day, teller.watcher))
    total = sum(one.number for one in groups)
    if common.as_json:
        print_json({"as_of": common.day.isoformat(), "total": total, "problems": [one._asdict() for one in groups]})
        return
    for one in groups:
        click.echo(f"{one.number:8}  {one.code:26}{one.records} records; first: {one.first}")
    click.echo(f"{total:8}  in all")


@command(name="monthly")
@click.option("--month", metavar="YYYY-MM", help="the month reported (default: that of the day)")
@click.option("--csv", "file", type=click.Path(path_type=Path, dir_okay=False), help="write the form to this file")
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
        print_json(reports.monthly_words(form))
    else:
        click.echo("\n".join(reports.monthly_lines(form)))


for _one in (report_problems, report_monthly):
    report_group.add_command(_one)
