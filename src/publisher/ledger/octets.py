"""Texts of the ledger as the bytes that SQLite has: who reads them as JSON needs no text made of them before."""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class octets(FunctionElement[Any]):
    """A text as bytes in UTF-8; as text where a database gives nothing else."""

    name = "octets"
    inherit_cache = True


@compiles(octets)
def _as_it_is(element: octets, compiler: Any, **options: Any) -> str:
    (column,) = element.clauses
    return str(compiler.process(column, **options))


@compiles(octets, "sqlite")
def _as_blob(element: octets, compiler: Any, **options: Any) -> str:
    return f"CAST({_as_it_is(element, compiler, **options)} AS BLOB)"


def octets_of(connection: Connection, column: str) -> str:
    """Return how a statement in plain words asks for what :class:`octets` is."""
    return f"CAST({column} AS BLOB)" if connection.dialect.name == "sqlite" else column
