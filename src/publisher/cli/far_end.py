"""A local platform and endpoints to try everything against."""

from pathlib import Path

import click

from publisher.cli.command import Common, command


@command()
@click.option(
    "--folder", type=click.Path(path_type=Path, exists=True, file_okay=False), help="what the platform serves"
)
@click.option("--state", type=click.Path(path_type=Path, dir_okay=False), help="keep the endpoints' state in this file")
@click.option("--port", type=click.IntRange(0, 65535), default=8200, show_default=True)
@click.option("--fault", multiple=True, metavar="[PLACE:]NAME=VALUE,…", help="faults to play, such as lost_after=0.1")
@click.option("--seed", type=int, default=0, show_default=True, help="of the faults")
def sandbox(
    common: Common, folder: Path | None, state: Path | None, port: int, fault: tuple[str, ...], seed: int
) -> None:
    """Play the inspection platform and the endpoints on the loopback address, to try everything against."""
    from publisher.sandbox import Sandbox
    from publisher.sandbox import serve as serve_forever

    serve_forever(
        Sandbox(folder=folder, state=state, port=port, seed=seed, faults=fault),
        lambda line: click.echo(line, err=True),
    )
