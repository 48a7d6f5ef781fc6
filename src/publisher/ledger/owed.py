"""Work that is owed: pages to render and actions to tell the endpoints. It lies in the ledger until it is done."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, func, literal, select, true, update

from publisher.ledger.many import delete_many, insert_many, read
from publisher.ledger.schema import held, owed_page, owed_push, page, record
from publisher.ledger.store import get_meta, insert_into, set_meta

OWED_TOGETHER = 10_000  # parts written by one statement


def owe_pages(connection: Connection, pages: Iterable[tuple[str, str]], *, sweep: bool = False) -> None:
    """Have the parts of the site named (scope, key) rendered again.

    ``sweep``: something leaves the public view or is replaced, so that the release before is brought in step too.
    """
    then = "ON CONFLICT (scope, key) DO UPDATE SET sweep = excluded.sweep" if sweep else "ON CONFLICT DO NOTHING"
    coming = iter(pages)
    while some := sorted(islice(coming, OWED_TOGETHER)):
        rows = [(scope, key, sweep) for scope, key in some]
        insert_many(connection, owed_page, ("scope", "key", "sweep"), rows, then)


def is_all_owed(connection: Connection) -> bool:
    """Tell whether no build ever began: the first one owes every part by itself."""
    return get_meta(connection, "look") is None


def sweep_all_owed(connection: Connection) -> None:
    """Have the release before brought in step with everything that is owed now."""
    connection.execute(update(owed_page).values(sweep=True))


def owed_counts(connection: Connection) -> dict[str, int]:
    """Return how many parts are owed by scope."""
    query = select(owed_page.c.scope, func.count()).group_by(owed_page.c.scope)
    return {row.scope: row[1] for row in connection.execute(query)}


def owe_selected(connection: Connection, query: Select[Any, Any], *, sweep: bool = False) -> None:
    """Have the parts that a query yields (scope, key) rendered again, as :func:`owe_pages` does."""
    rows = query.add_columns(literal(sweep)).where(true())
    statement = insert_into(connection, owed_page).from_select(["scope", "key", "sweep"], rows)
    same = ["scope", "key"]
    connection.execute(
        statement.on_conflict_do_update(index_elements=same, set_={"sweep": statement.excluded.sweep})
        if sweep
        else statement.on_conflict_do_nothing()
    )


def owed_sweep(connection: Connection, scopes: Iterable[str]) -> bool:
    """Tell whether something owed in these scopes leaves the public view or is replaced."""
    query = select(owed_page.c.key).where(owed_page.c.scope.in_(scopes), owed_page.c.sweep).limit(1)
    return connection.execute(query).scalar() is not None


def owed_keys(
    connection: Connection, scope: str, after: str = "", limit: int | None = None, last: str | None = None
) -> list[str]:
    """Return the keys owed in a scope (the first so many) that come after one ("" comes before all), in order, up to
    ``last``."""
    query = select(owed_page.c.key).where(owed_page.c.scope == scope)
    query = query.where(owed_page.c.key > after) if after else query  # a part may be all there is of its scope: ""
    query = query if last is None else query.where(owed_page.c.key <= last)
    return list(connection.execute(query.order_by(owed_page.c.key).limit(limit)).scalars())


def owed_each(connection: Connection, scope: str) -> Iterator[str]:
    """Yield the keys owed in a scope, in order, without all of them being held."""
    owed = read(connection, "SELECT key FROM owed_page WHERE scope = ? ORDER BY key", (scope,))
    return (key for (key,) in owed)


def owed_pages(connection: Connection) -> dict[str, list[str]]:
    """Return the keys owed by scope."""
    found: dict[str, list[str]] = {}
    query = select(owed_page.c.scope, owed_page.c.key).order_by(owed_page.c.scope, owed_page.c.key)
    for scope, key in connection.execute(query):
        found.setdefault(scope, []).append(key)
    return found


def pages_done(connection: Connection, done: Iterable[tuple[str, str]]) -> None:
    """Strike out parts of the site that have been rendered."""
    delete_many(connection, owed_page, ("scope", "key"), list(done))


def owed_page_count(connection: Connection) -> int:
    """Return how many parts of the site are owed."""
    return connection.execute(select(func.count()).select_from(owed_page)).scalar_one()


def page_count(connection: Connection) -> int:
    """Return how many files the site has."""
    return connection.execute(select(func.count()).select_from(page)).scalar_one()


def keep_page_count(connection: Connection) -> None:
    """Count the files of the site and keep the number: to count a million takes half a second."""
    set_meta(connection, "pages", str(page_count(connection)))


def kept_page_count(connection: Connection) -> int:
    """Return how many files the site had when they were counted last; they are counted now where that never was."""
    return int(get_meta(connection, "pages") or page_count(connection))


def owe_pushes(connection: Connection, record_numbers: Sequence[int], endpoints: Iterable[str]) -> None:
    """Have every endpoint told of records; a record owed already is told once, as it is when it is sent."""
    rows = [(name, number) for name in endpoints for number in record_numbers]
    insert_many(connection, owed_push, ("endpoint", "record_no"), rows, "ON CONFLICT DO NOTHING")


def meet_endpoints(connection: Connection, endpoints: Iterable[str]) -> None:
    """Owe everything that is shown today to an endpoint that was not there before."""
    known = set((get_meta(connection, "endpoints") or "").split("\n"))
    new = [name for name in endpoints if name not in known]
    for name in new:
        shown = select(literal(name), record.c.record_no).where(record.c.state == "published")
        statement = insert_into(connection, owed_push).from_select(["endpoint", "record_no"], shown)
        connection.execute(statement.on_conflict_do_nothing())
    if new:
        set_meta(connection, "endpoints", "\n".join(sorted(known | set(new))))


def owed_push_counts(connection: Connection) -> dict[str, int]:
    """Return how many actions each endpoint is owed."""
    query = select(owed_push.c.endpoint, func.count()).group_by(owed_push.c.endpoint)
    return {row.endpoint: row[1] for row in connection.execute(query)}


def held_counts(connection: Connection) -> dict[str, dict[str, int]]:
    """Return what each endpoint is known to hold: how many records published and withdrawn."""
    found: dict[str, dict[str, int]] = {}
    query = select(held.c.endpoint, held.c.state, func.count()).group_by(held.c.endpoint, held.c.state)
    for name, state, count in connection.execute(query):
        found.setdefault(name, {})[state] = count
    return found
