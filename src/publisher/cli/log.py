"""The publication log, checked from outside as anybody can."""

from contextlib import ExitStack
from pathlib import Path

import click

from publisher.cli.command import Common, command, print_json
from publisher.errors import SiteError
from publisher.telling import Teller


@command()
@click.argument("where", required=False, metavar="[URL or folder]")
@click.option("--vkey", help="the key that must have signed (default: that of the last check, or the site's own)")
@click.option("--memory", type=click.Path(path_type=Path, file_okay=False), help="the folder of what was seen before")
def verify(common: Common, where: str | None, vkey: str | None, memory: Path | None) -> int:
    """Check a site's publication log and its pages, or one page, from outside; exit 6 when something does not hold."""
    from publisher.log import checking, verify

    if memory is None:
        memory = (common.settings.paths.var if where is None or common.config.exists() else Path("var")) / "verify"
    with Teller(common.as_json) as teller, ExitStack() as stack:
        place = checking.place(where or str(common.settings.paths.output), stack)
        kept = checking.Memory(memory, place.name)
        asked = vkey or kept.vkey or checking.own_vkey(place.site)
        found = verify.verify(place.site, asked, kept.seen, place.page, teller.watcher.progress)
        if found.seen is not None:
            kept.keep(found.seen)
    if common.as_json:
        print_json(
            {"origin": found.origin, "vkey": asked, "entries": found.size, "pages": found.pages}
            | {"records": found.records, "faults": [one._asdict() for one in found.faults]}
        )
        return SiteError.exit_status if found.faults else 0
    for one in found.faults:
        click.echo(f"{one.kind}  {one.where}  {one.what}")
    known = "as at the last check" if kept.seen else "seen for the first time: compare it with what the office told you"
    click.echo(f"key {asked} ({known})")
    click.echo(f"{found.size} entries, {found.pages} pages, {found.records} records, {len(found.faults)} faults")
    return SiteError.exit_status if found.faults else 0


@command()
@click.argument("record_id")
def certificate(common: Common, record_id: str) -> int:
    """Say where the certificates of a stopped record are, and whether they are whole and signed."""
    from publisher import briefing, log
    from publisher.log import certificates

    asked = common.settings
    signer = log.load_key(briefing.log_key(asked), asked.portal.base_url)
    found = list(certificates.of_record(asked.paths.var / "certificates", record_id, signer.verifier))
    for one in found:
        if common.as_json:
            print_json({"file": str(one.file), "stopped_on": one.stopped_on, "waiting": one.waiting})
        else:
            waiting = f"waits for {'、'.join(one.waiting)}" if one.waiting else "whole"
            click.echo(f"{one.file}  {one.file.with_suffix('.html').name}  {one.stopped_on}  {waiting}")
    if not found:
        raise SiteError(f"there is no certificate of {record_id}; `publisher run` writes one when a record is stopped")
    return 0
