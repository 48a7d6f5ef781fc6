"""Work that is owed: pages to render and actions to tell the endpoints. It lies in the ledger until it is done."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, delete, func, select

from publisher.ledger.schema import held, owed_page, owed_push, page, record
from publisher.ledger.store import get_meta, insert_into, set_meta


def owe_pages(connection: Connection, pages: Iterable[tuple[str, str]]) -> None:
    """Have the parts of the site named (scope, key) rendered again."""
    rows = [{"scope": scope, "key": key} for scope, key in sorted(pages)]
    if rows:
        connection.execute(insert_into(connection, owed_page).on_conflict_do_nothing(), rows)


def owed_pages(connection: Connection) -> dict[str, list[str]]:
    """Return the keys owed by scope."""
    found: dict[str, list[str]] = {}
    for scope, key in connection.execute(select(owed_page).order_by(owed_page.c.scope, owed_page.c.key)):
        found.setdefault(scope, []).append(key)
    return found


def pages_done(connection: Connection, done: Iterable[tuple[str, str]]) -> None:
    """Strike out parts of the site that have been rendered."""
    statement = delete(owed_page).where(
        owed_page.c.scope == bindparam("of_scope"), owed_page.c.key == bindparam("of_key")
    )
    rows = [{"of_scope": scope, "of_key": key} for scope, key in done]
    if rows:
        connection.execute(statement, rows)


def owed_page_count(connection: Connection) -> int:
    """Return how many parts of the site are owed."""
    return connection.execute(select(func.count()).select_from(owed_page)).scalar_one()


def page_count(connection: Connection) -> int:
    """Return how many files the site has."""
    return connection.execute(select(func.count()).select_from(page)).scalar_one()


def owe_pushes(connection: Connection, record_numbers: Sequence[int], endpoints: Iterable[str]) -> None:
    """Have every endpoint told of records; a record owed already is told once, as it is when it is sent."""
    rows = [{"endpoint": name, "record_no": number} for name in endpoints for number in record_numbers]
    if rows:
        connection.execute(insert_into(connection, owed_push).on_conflict_do_nothing(), rows)


def meet_endpoints(connection: Connection, endpoints: Iterable[str]) -> None:
    """Owe everything that is shown today to an endpoint that was not there before."""
    known = set((get_meta(connection, "endpoints") or "").split("\n"))
    new = [name for name in endpoints if name not in known]
    for name in new:
        shown = connection.execute(select(record.c.record_no).where(record.c.state == "published")).scalars().all()
        owe_pushes(connection, shown, [name])
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
