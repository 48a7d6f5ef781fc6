"""Questions to the source, the ledger and the rules; nothing is written."""

import click

from publisher.cli.command import Common, command, print_json
from publisher.telling import Teller


@command()
def check(common: Common) -> None:
    """List what is wrong or unsettled in the source, the ledger and the profile; nothing is written."""
    from publisher import inquiry

    with Teller(common.as_json) as teller:
        for problem in inquiry.check(common.settings, common.day, teller.watcher):
            if common.as_json:
                print_json(problem._asdict())
            else:
                where = f"{problem.file}:{problem.line}" if problem.line else problem.file or "-"
                click.echo(f"{where}  {problem.code}  {problem.record or '-'}  {problem.message}")


@command()
@click.argument("result_id", required=False)
@click.option("--all", "every", is_flag=True, help="every result, one line each")
def explain(common: Common, result_id: str | None, every: bool) -> None:
    """Say what may be shown of a result on a day, and why; --as-of may look back."""
    from publisher import inquiry

    if every == (result_id is not None):
        raise click.UsageError("name one RESULT_ID, or --all")
    portal = inquiry.asked(common.settings)
    with portal.ledger:
        if result_id is None:
            for line in inquiry.explain_all(portal, common.day):
                if common.as_json:
                    print_json(line)
                else:
                    click.echo(
                        f"{line['result_id']}  {line['state']}  {line['cause'] or line['rule']}  {line['since']}"
                    )
            return
        verdict, words = inquiry.explain(portal, result_id, common.day)
    if common.as_json:
        print_json({"result_id": result_id, **inquiry.verdict_words(verdict)})
    else:
        click.echo("\n".join(inquiry.in_words(result_id, common.day, words)))


@command()
@click.option("--deep", is_flag=True, help="also read the whole ledger: its structure, its history, what arrived")
def status(common: Common, deep: bool) -> int:
    """Say where the portal stands: latest day, states, what is owed and what endpoints hold."""
    from publisher import inquiry
    from publisher.errors import LedgerError

    found = inquiry.status(common.settings, common.day)
    if deep:
        found |= inquiry.soundness(common.settings)
    if common.as_json:
        print_json(found)
    else:
        for key, value in found.items():
            words = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            click.echo(f"{key:19}{'; '.join(words) or 'none' if isinstance(words, list) else words}")
    if found.get("damage"):
        raise LedgerError("the ledger is damaged; `publisher restore FILE` puts a backup in its place")
    return 0


@command()
@click.argument("query")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--page", type=click.IntRange(1), default=1, show_default=True)
def search(common: Common, query: str, limit: int, page: int) -> None:
    """Find records of any state by name, code or field (state:withdrawn 质汽); for officers."""
    from publisher.desk.search import search as find
    from publisher.ledger import Ledger

    asked = common.settings
    with Teller(common.as_json) as teller, Ledger(asked.ledger.url) as ledger:
        found = find(
            ledger, asked.paths.var, query, limit=limit, page=page,
            on_progress=lambda done, total: teller.watcher.progress("index", done, total),
        )  # fmt: skip
    if common.as_json:
        print_json({"total": found.total, "hits": [hit._asdict() for hit in found.hits]})
        return
    for hit in found.hits:
        click.echo(f"{hit.state:10} {hit.kind} {hit.id}  {hit.name}  {hit.uscc or '-'}  {hit.url or '-'}")
    click.echo(f"{found.total} found")
