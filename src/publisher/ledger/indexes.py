"""Indexes that nobody asks while records are judged: where most records are, they are made at the end, all at once.

To sort all rows takes a small part of what finding the place of each takes, one by one.
"""

from sqlalchemy import Connection, func, select
from sqlalchemy.schema import CreateIndex, DropIndex

from publisher.ledger.schema import record

MANY = 20_000  # records
UNASKED = tuple(one for one in record.indexes if one.name in ("record_kind_state", "record_plan_task"))


def suit(connection: Connection, due: int) -> None:
    """Drop them where so many records are due to be judged that most of the ledger is written; make those that are
    missing where not, as after a run that was killed. Who reads the ledger without them is answered as well, and later.
    """
    records = connection.execute(select(func.max(record.c.record_no))).scalar() or 0
    is_most = due >= MANY and 2 * due >= records
    for index in UNASKED:
        connection.execute(DropIndex(index, if_exists=True) if is_most else CreateIndex(index, if_not_exists=True))
