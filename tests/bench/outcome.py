"""What a portal came to, less what differs between any two runs: numbers of runs, clocks, random refs and salts.

Two portals of the same source and days must come to the same, whatever happened on the way.
"""

import re
import sqlite3
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

Outcome = dict[str, list[str]]

# Refs, digests of files that hold refs, and what a portal's own key signs.
_RANDOM = re.compile(rb"[0-9a-f]{32,64}|publication-log-signature \S+ \S+")
# Said by run, or made of refs and salts: `publisher audit` and `publisher verify` decode these.
BY_RUN = ("log/", "search/", "data/delta/", "data/index.html", "data/datapackage.json", "data/catalog.jsonld")
_RECORD = "record.kind || ' ' || record.record_id"
_QUERIES: Mapping[str, str] = {
    "received": "SELECT kind, record_id, version, digest, body, file, line FROM received",
    "case_of": "SELECT * FROM case_of",
    "problem": "SELECT code, record, field, message, file, line, record_kind FROM problem",
    "set_aside": "SELECT file, line, record, raw FROM set_aside",
    "counts": "SELECT * FROM counts",
    "meta": "SELECT * FROM meta WHERE key IN ('intake_rules', 'judged_rules', 'latest_day')",
    "subject": "SELECT key, kind, name, uscc, reg_no, region_code, path, slot FROM subject",
    "record": "SELECT record.*, subject.key FROM record LEFT JOIN subject USING (subject_no)",
    "entry": f"""SELECT {_RECORD}, row_number() OVER (PARTITION BY record_no ORDER BY entry_no), as_of, actor,
        entry.state, entry.cause, entry.marks, entry.rule, entry.basis, entry.since, entry.shown_version, entry.version
        FROM entry JOIN record USING (record_no)""",
    "shown": f"SELECT {_RECORD}, body, beside FROM shown JOIN record USING (record_no)",
    "listing": "SELECT facet, year, value, label, size, shown, changed_on FROM listing",
    "place": f"""SELECT facet, listing.year, value, slot, {_RECORD}
        FROM place JOIN record USING (record_no) JOIN listing USING (list_no)""",
    "task_tally": "SELECT * FROM task_tally",
    "tally": "SELECT * FROM tally",
    "visit_tally": "SELECT * FROM visit_tally",
    "delta": f"SELECT {_RECORD}, as_of, op, delta.rule, effective_on FROM delta JOIN record USING (record_no)",
    "publication": "SELECT as_of, sum(added), sum(modified), sum(stopped) FROM publication GROUP BY as_of",
    "certificate": f"""SELECT {_RECORD}, certificate.rule, stopped_on, is_whole
        FROM certificate JOIN record USING (record_no)""",
    "log_live": f"SELECT {_RECORD}, seed_no IS NULL FROM log_live JOIN record USING (record_no)",
    "held": f"SELECT endpoint, {_RECORD}, held.version, held.state, digest FROM held JOIN record USING (record_no)",
    "accepted": f"""SELECT DISTINCT endpoint, {_RECORD}, receipt.version, action
        FROM receipt JOIN record USING (record_no) WHERE status = 'accepted'""",
    "refused": "SELECT endpoint, record_no, status, code FROM receipt WHERE status NOT IN ('accepted', 'duplicate')",
    "left to do": """SELECT 'page', scope, key FROM owed_page
        UNION ALL SELECT 'push', endpoint, record_no FROM owed_push
        UNION ALL SELECT 'batch', endpoint, batch_id FROM batch
        UNION ALL SELECT 'swept', path, scope FROM swept
        UNION ALL SELECT 'tree', name, state FROM tree WHERE state <> 'whole'
        UNION ALL SELECT 'lag', tree, path FROM lag WHERE sweep""",
}
_OF_RUNS = {"record_no", "subject_no", "ref", "places", "judge_on"}
_OF_ORDER = {"slot"}


def outcome(root: Path, *, ordered: bool = True) -> Outcome:
    """Return the lines of the ledger and of the site of the portal in ``root``, by table and as ``site``.

    ``ordered`` False leaves out what follows from the order in which records arrived: their places in lists.
    """
    found = _of_ledger(root / "var" / "ledger.db", _OF_RUNS if ordered else _OF_RUNS | _OF_ORDER)
    output = root / "output"
    files = ((file.relative_to(output).as_posix(), file) for file in output.rglob("*") if file.is_file())
    site = ((name, file) for name, file in files if not name.startswith(BY_RUN))
    if ordered:
        found["site"] = sorted(f"{name}\t{hash(_said(file))}" for name, file in site)
    else:
        found["site"] = sorted(name for name, _ in site if name.startswith(("subjects/", "plans/", "items/")))
    return found


def difference(one: Outcome, other: Outcome, most: int = 6) -> list[str]:
    """Return what one says and the other does not, a few lines of each table."""
    told = []
    for table in one.keys() | other.keys():
        mine, others = set(one.get(table, ())), set(other.get(table, ()))
        told += [f"{table}: not there: {line[:300]}" for line in sorted(others - mine)[:most]]
        told += [f"{table}: too much: {line[:300]}" for line in sorted(mine - others)[:most]]
        if mine == others and len(one.get(table, ())) != len(other.get(table, ())):
            told.append(f"{table}: {len(one[table])} lines, not {len(other[table])}")
    return told


def _of_ledger(file: Path, left_out: Iterable[str]) -> Outcome:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as ledger:
        ledger.row_factory = sqlite3.Row
        found = {table: _lines(ledger, query, set(left_out)) for table, query in _QUERIES.items()}
        marks = ledger.execute("SELECT name, fingerprint FROM seen ORDER BY name")
        found["seen"] = [f"{name} {mark.rpartition(':')[2]}" for name, mark in marks]  # less sizes and times
    return found


def _lines(ledger: sqlite3.Connection, query: str, left_out: set[str]) -> list[str]:
    rows: list[Mapping[str, Any]] = [dict(row) for row in ledger.execute(query)]
    return sorted(repr({name: value for name, value in row.items() if name not in left_out}) for row in rows)


def _said(file: Path) -> bytes:
    """Return what a file says, less what is random; of one whose packing depends on that, what it holds."""
    data = file.read_bytes()
    if file.suffix == ".xlsx":
        with zipfile.ZipFile(file) as workbook:
            data = b"".join(workbook.read(name) for name in sorted(workbook.namelist()))
    if file.suffix == ".db":
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            data = b"\n".join(sorted(_RANDOM.sub(b"ref", one.encode()) for one in database.iterdump()))
    return _RANDOM.sub(b"ref", data)
