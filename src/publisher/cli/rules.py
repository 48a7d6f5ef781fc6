"""Looking at the shipped rules, and at what a change of rules would do."""

import click

from publisher.cli.command import Common, command, print_json


@click.group(name="rules")
def rules_group() -> None:
    """Look at the shipped rules, and at what a change of rules would do."""


@command(name="list")
def rules_list(common: Common) -> None:
    """List the shipped profiles."""
    from publisher.rules import load_profile, profile_names

    for name in profile_names():
        profile = load_profile(name)
        versions = [day.isoformat() for day in profile.versions]
        if common.as_json:
            print_json({"name": name, "title": profile.title, "versions": versions})
        else:
            click.echo(f"{name:16}{profile.title}  {', '.join(versions)}")


@command(name="diff")
@click.argument("profile_a")
@click.argument("profile_b")
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
                print_json(one._asdict())
            else:
                click.echo(f"{one.kind} {one.record_id}  {one.was} → {one.now}  {one.rule}  {one.basis}")
    if common.as_json:
        print_json(counts)
    else:
        click.echo(
            f"{counts['publish']} would be published, {counts['stop']} stopped, {counts['same']} stay as they are"
        )


for _one in (rules_list, rules_diff):
    rules_group.add_command(_one)
