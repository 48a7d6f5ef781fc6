"""Numbered steps that bring a ledger of an older version up to this one. A step, once released, never changes."""

from collections.abc import Callable
from datetime import date

from sqlalchemy import Connection, inspect, select

from publisher.errors import LedgerError
from publisher.ledger import schema
from publisher.ledger.many import insert_many, update_many


def _first(connection: Connection) -> None:
    schema.metadata.create_all(connection)


def _search(connection: Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.search_base, schema.search_change])
    connection.execute(schema.owed_page.delete().where(schema.owed_page.c.scope == "search_part"))


def _trees(connection: Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.tree, schema.lag, schema.site_release])
    if not any(column["name"] == "sweep" for column in inspect(connection).get_columns("owed_page")):
        connection.exec_driver_sql("ALTER TABLE owed_page ADD COLUMN sweep BOOLEAN DEFAULT false NOT NULL")


def _log(connection: Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.log_tile, schema.log_live, schema.swept, schema.certificate])


def _partial_indexes(connection: Connection) -> None:
    """Indexes of those rows alone that are asked for; problems of judging know the kind of their record."""
    if not any(column["name"] == "record_kind" for column in inspect(connection).get_columns("problem")):
        connection.exec_driver_sql("ALTER TABLE problem ADD COLUMN record_kind VARCHAR")
        connection.exec_driver_sql("DELETE FROM problem WHERE code = 'calendar_gap'")  # judged again, and told again
        older = schema.record.c.rule == "pending.before_rules"
        connection.execute(schema.record.update().where(older).values(judge_on=date.min))
        for name in ("record_judge_on", "record_subject", "record_plan_task", "record_kind_state"):
            connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
    for index in (*schema.record.indexes, *schema.case_of.indexes):
        index.create(connection, checkfirst=True)


def _chain(connection: Connection) -> None:
    from publisher.ledger import chain  # which reads the ledger's notes, as the store does that calls this

    if not any(column["name"] == "chain" for column in inspect(connection).get_columns("entry")):
        kind = schema.entry.c.chain.type.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE entry ADD COLUMN chain {kind}")
        chain.seal_all(connection)


def _tallies(connection: Connection) -> None:
    from publisher.ledger import counting  # which reads the ledger's tables, as the store does that calls this

    schema.metadata.create_all(connection, tables=[schema.task_tally, schema.tally, schema.visit_tally])
    counting.count_all(connection)


def _seeds(connection: Connection) -> None:
    """Seeds of the publication log in rows of one size that never move, so that overwriting one destroys it."""
    schema.metadata.create_all(connection, tables=[schema.log_seed])
    if not any(column["name"] == "seed" for column in inspect(connection).get_columns("log_live")):
        return
    rows = connection.exec_driver_sql("SELECT record_no, seed FROM log_live ORDER BY leaf_no")
    kept = [(record_no, bytes(seed)) for record_no, seed in rows if seed is not None and any(seed)]
    connection.exec_driver_sql("UPDATE log_live SET seed = NULL")
    connection.exec_driver_sql("ALTER TABLE log_live DROP COLUMN seed")
    connection.exec_driver_sql("ALTER TABLE log_live ADD COLUMN seed_no INTEGER")
    moved = list(enumerate(kept, start=1))
    insert_many(connection, schema.log_seed, ("seed_no", "seed"), [(number, seed) for number, (_, seed) in moved])
    numbers = [(number, record_no) for number, (record_no, _) in moved]
    update_many(connection, schema.log_live, ["seed_no"], "record_no", numbers)


def _vacated(connection: Connection) -> None:
    schema.metadata.create_all(connection, tables=[schema.vacated])


def _states_of_subjects(connection: Connection) -> None:
    """How the results of a subject stand is told by an index alone."""
    connection.exec_driver_sql("DROP INDEX IF EXISTS record_subject")
    for index in schema.record.indexes:
        index.create(connection, checkfirst=True)


STEPS: tuple[Callable[[Connection], None], ...] = (
    _first,
    _search,
    _trees,
    _log,
    _partial_indexes,
    _chain,
    _tallies,
    _seeds,
    _vacated,
    _states_of_subjects,
)


def migrate(connection: Connection) -> None:
    """Apply the steps this ledger lacks, in the caller's transaction.

    Raises :class:`LedgerError` for a ledger written by a newer version of this program.
    """
    known = inspect(connection).has_table("meta")
    found = (
        int(connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == "schema")).scalar_one())
        if known
        else 0
    )
    if found > len(STEPS):
        raise LedgerError(
            f"the ledger has schema {found}, this program knows {len(STEPS)}: use the program that wrote it, or newer"
        )
    for step in STEPS[found:]:
        step(connection)
    if found == len(STEPS):
        return
    if found:
        connection.execute(schema.meta.update().where(schema.meta.c.key == "schema").values(value=str(len(STEPS))))
    else:
        connection.execute(schema.meta.insert().values(key="schema", value=str(len(STEPS))))
