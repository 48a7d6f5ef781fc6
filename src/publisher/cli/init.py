"""A new portal."""

from pathlib import Path

import click

from publisher import starter
from publisher.cli.command import Common, command, print_json


@command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", default=starter.NAME, help="the site's name, on every page")
@click.option("--region-code", default=starter.REGION_CODE, metavar="CODE", help="GB/T 2260 code, six digits")
@click.option("--base-url", default=starter.BASE_URL, metavar="URL", help="where the site will be served from")
@click.option("--profile", default=starter.PROFILE, show_default=True, help="a shipped profile (publisher rules list)")
@click.option(
    "--own-theme", is_flag=True, help="copy the theme, to change it; upgrades then no longer bring a newer one"
)
def init(
    common: Common, folder: Path, name: str, region_code: str, base_url: str, profile: str, own_theme: bool
) -> None:
    """Make a new portal in DIR, which must be empty or not there yet."""
    to_fill = starter.start(folder, starter.Wanted(name, base_url, region_code, profile, own_theme))
    if common.as_json:
        print_json({"portal": str(folder.resolve()), "to_fill": to_fill})
        return
    click.echo(f"{folder} is a portal now. To fill in:")
    for place in to_fill:
        click.echo(f"  {place}")
    click.echo(f"Then: cd {folder} && publisher check && publisher run && publisher serve")
