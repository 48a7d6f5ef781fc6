"""A ledger in memory, the records of the shared factories as they arrive, and verdicts given by hand."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from publisher.ledger import Ledger
from publisher.ledger.dockets import due
from publisher.ledger.intake import arrival, keep
from publisher.ledger.problems import all_problems
from publisher.ledger.schema import record
from publisher.ledger.store import start_run
from publisher.ledger.verdicts import Judged, decide
from publisher.model import MODELS, Problem, Received, Verdict

DAY = date(2021, 6, 20)
VERDICT = Verdict(
    state="published", cause=None, marks=(), rule="publish.final", basis="测试依据", since=DAY, due_on=None,
    record_due_on=None, published_on=DAY, may_apply_on=None, ends_on=None, version=1, provisional=False,
)  # fmt: skip


class Book:
    """A ledger, with the verbs of the pull and the judge stage in their shortest form."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def keep(self, *records: dict[str, Any], file: str = "results/a.jsonl") -> dict[str, int]:
        """Take in records in a run of its own; return how many were new by kind."""
        with self.ledger.transaction() as connection:
            run_no = start_run(connection, DAY)
            arrived = [
                arrival(Received(MODELS[one["kind"]].model_validate(one), one, file, line))
                for line, one in enumerate(records, start=1)
            ]
            return keep(connection, run_no, arrived)

    def decide(self, day: date = DAY, endpoints: tuple[str, ...] = ("gsxt",), hidden: str = "", **changes: Any) -> int:
        """Give every due record a verdict (published, unless ``changes`` say otherwise); return how many acted.

        The public form is what arrived, less the key ``hidden``.
        """
        verdict = VERDICT._replace(**({"since": day} | changes))
        with self.ledger.transaction() as connection:
            run_no = start_run(connection, day)
            judged = [
                Judged(
                    one, verdict, ("nothing_found",), negative=False, settled=False,
                    public={key: value for key, value in one.versions[-1].items() if key != hidden}
                    if verdict.state == "published" else None, beside={},
                )
                for one in due(connection, day, kinds=("plan", "item_list", "result"), limit=500)
            ]  # fmt: skip
            return decide(connection, run_no, day, judged, endpoints, actor="rules")

    def rows(self, table: Any, *where: Any) -> list[Any]:
        with self.ledger.reading() as connection:
            return list(connection.execute(select(table).where(*where)).all())

    def record(self, record_id: str) -> Any:
        [row] = self.rows(record, record.c.record_id == record_id)
        return row

    @property
    def problems(self) -> list[Problem]:
        with self.ledger.reading() as connection:
            return list(all_problems(connection))


@pytest.fixture
def book(tmp_path: Any) -> Iterator[Book]:
    with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
        yield Book(ledger)


@pytest.fixture
def due_ids(book: Book) -> Callable[[], set[str]]:
    """The ids of what must be judged on the day."""

    def ids() -> set[str]:
        with book.ledger.reading() as connection:
            return {one.row.record_id for one in due(connection, DAY, kinds=("plan", "item_list", "result"), limit=500)}

    return ids
