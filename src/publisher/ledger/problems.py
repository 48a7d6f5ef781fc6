"""Problems and set-aside records: what is wrong with what arrived, kept until it is put right."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice

from sqlalchemy import Connection, delete, func, insert, select, true, update

from publisher.ledger.many import MOST_ASKED, insert_many, select_many, update_many
from publisher.ledger.schema import problem, seen, set_aside
from publisher.model import Problem, RecordKind, SetAside

_GAP = "calendar_gap"
_COLUMNS = (*Problem._fields, "record_kind", "digest", "run_no")


def note(
    connection: Connection, run_no: int, problems: Iterable[Problem], *, record_kind: RecordKind | None = None
) -> None:
    """Keep problems; one that is known already is only marked as seen again in this run.

    ``record_kind`` is said of problems found in what the ledger holds already.
    """
    told = {_digest(*one, *([record_kind] if record_kind else [])): one for one in problems}
    known = {digest for (digest,) in select_many(connection, problem, ("digest",), "digest", list(told))}
    update_many(connection, problem, ("run_no",), "digest", [(run_no, digest) for digest in told if digest in known])
    new = [(*one, record_kind, digest, run_no) for digest, one in told.items() if digest not in known]
    insert_many(connection, problem, _COLUMNS, new)


def note_gaps(connection: Connection, run_no: int, kind: RecordKind, gaps: Mapping[str, str | None]) -> None:
    """Note why records of a kind, by id, are older than the rules or the calendar; None: it is so no longer."""
    is_gap = (problem.c.code == _GAP, problem.c.record_kind == kind)
    if connection.execute(select(problem.c.problem_no).where(*is_gap).limit(1)).first():
        ids = iter(gaps)
        while part := tuple(islice(ids, MOST_ASKED)):
            ended = [record_id for record_id in part if gaps[record_id] is None]
            connection.execute(delete(problem).where(*is_gap, problem.c.record.in_(ended)))
    found = (Problem(_GAP, one, None, f"It is not shown: {why}", None, None) for one, why in gaps.items() if why)
    note(connection, run_no, found, record_kind=kind)


def set_record_aside(connection: Connection, run_no: int, aside: SetAside) -> None:
    """Keep the words of a record that did not pass the checks, and why."""
    one = aside.problem
    note(connection, run_no, [one])
    digest = _digest(one.file, one.line, aside.raw)
    known = connection.execute(update(set_aside).where(set_aside.c.digest == digest).values(run_no=run_no)).rowcount
    if not known:
        connection.execute(
            insert(set_aside).values(
                file=one.file or "", line=one.line, record=one.record, raw=aside.raw, digest=digest, run_no=run_no
            )
        )


def file_read_again(connection: Connection, run_no: int, file: str) -> None:
    """Forget what earlier runs found wrong in a file that this run has read whole or found gone."""
    for table in (problem, set_aside):
        connection.execute(delete(table).where(table.c.file == file, table.c.run_no < run_no))


def forget_unread_files(connection: Connection, run_no: int) -> None:
    """Forget what earlier runs said of files of a folder that were never read whole: this run has said it again, or the
    file is gone."""
    for table in (problem, set_aside):
        never = table.c.file.not_in(select(seen.c.name))
        connection.execute(delete(table).where(never, table.c.run_no < run_no))


def record_put_right(connection: Connection, run_no: int, kind: str, record_ids: Collection[str]) -> None:
    """Forget what earlier runs found wrong with records of a kind that have now arrived well."""
    of_kind = problem.c.record_kind.is_(None) | (problem.c.record_kind == kind)
    for table, where in ((problem, of_kind), (set_aside, true())):
        if connection.execute(select(table.c.run_no).limit(1)).first():  # mostly nothing is wrong
            gone = table.c.record.in_(list(record_ids)) & (table.c.run_no < run_no)
            connection.execute(delete(table).where(gone, where))


def all_problems(connection: Connection) -> Iterator[Problem]:
    """Yield every open problem, by file and line."""
    columns = (problem.c.code, problem.c.record, problem.c.field, problem.c.message, problem.c.file, problem.c.line)
    for row in connection.execute(select(*columns).order_by(problem.c.file, problem.c.line, problem.c.problem_no)):
        yield Problem(*row)


def problem_count(connection: Connection) -> int:
    """Return how many problems are open."""
    return connection.execute(select(func.count()).select_from(problem)).scalar_one()


def take_set_aside(connection: Connection) -> list[tuple[int, str, str, int | None]]:
    """Return the set-aside records (number, words, file, line), to be checked again under new rules."""
    rows = connection.execute(select(set_aside.c.set_aside_no, set_aside.c.raw, set_aside.c.file, set_aside.c.line))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


def no_longer_set_aside(connection: Connection, set_aside_no: int) -> None:
    """Drop a set-aside record that passed the checks, with its problem."""
    row = connection.execute(select(set_aside).where(set_aside.c.set_aside_no == set_aside_no)).one()
    connection.execute(delete(set_aside).where(set_aside.c.set_aside_no == set_aside_no))
    same_place = (problem.c.file == row.file, problem.c.line == row.line)  # an array may hold all of its records there
    connection.execute(delete(problem).where(*same_place, problem.c.record == row.record))


def _digest(*parts: object) -> str:
    return hashlib.sha256("\x1f".join("" if part is None else str(part) for part in parts).encode()).hexdigest()
