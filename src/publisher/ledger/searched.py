"""Reading what the search index takes of what may be shown today: all of it at once, so no more than is needed."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection

from publisher.ledger.many import read


class Searched(NamedTuple):
    """What the search index takes from a published result."""

    subject_no: int
    subject_path: str
    year: int
    outcomes: str
    ended_on: str  # YYYY-MM-DD
    body: str


_SEARCHED = """
    SELECT record.subject_no, path, year, outcomes, CAST(ended_on AS VARCHAR(10)), body FROM record
    JOIN shown ON shown.record_no = record.record_no JOIN subject ON subject.subject_no = record.subject_no
    WHERE record.subject_no {} ORDER BY record.subject_no, ended_on DESC, record.record_no
"""  # led by the index of subjects: to sort all that is published takes its size beside the ledger


def by_subject(connection: Connection, numbers: Sequence[int] | None = None) -> Iterator[list[Searched]]:
    """Yield the published results of every subject that has some, newest inspection first, by the subject's number.

    ``numbers``: of these subjects alone.
    """
    which = "IS NOT NULL" if numbers is None else f"IN ({', '.join('?' * len(numbers))})"
    for _, results in groupby(read(connection, _SEARCHED.format(which), tuple(numbers or ())), key=itemgetter(0)):
        yield list(map(Searched._make, results))
