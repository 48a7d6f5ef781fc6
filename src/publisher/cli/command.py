"""What every command has in common: its options, and how our errors become words and an exit status.

The only place that catches; the commands beside it print.
"""

import functools
import os
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import click
import orjson

from publisher import settings
from publisher.errors import PublisherError
from publisher.model import SHANGHAI

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


def command(name: str | None = None) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a command with the common options, which turns our errors into its exit status and one line each."""

    def made(function: Callable[..., int | None]) -> click.Command:
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

        return click.command(name or function.__name__)(add_options(wrapped))

    return made


def add_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the common options."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def print_json(value: Any) -> None:
    """Print one JSON value on a line of its own."""
    click.echo(orjson.dumps(value).decode())
