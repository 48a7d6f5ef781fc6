"""The ledger's tables: what was received, decided, shown, sent and answered.

``received``, ``entry`` and ``receipt`` are append-only history; ``record``, ``subject`` and ``held`` are the current
state beside it. Work that is owed lies in the ledger too (``record.judge_on``, ``owed_page``, ``owed_push``), so that a
killed run is finished by the next one.
"""

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

metadata = MetaData()


def _number(name: str) -> Column[int]:
    return Column(name, Integer, primary_key=True, autoincrement=True)


def _where(condition: str) -> dict[str, Any]:
    """An index of some rows only: one that is written once the value is known costs a first run half."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


STOPPED = "first_shown_on IS NOT NULL AND state IN ('withdrawn', 'withheld', 'shielded')"  # shown once, and no longer

meta = Table("meta", metadata, Column("key", String, primary_key=True), Column("value", Text, nullable=False))

run = Table(
    "run",
    metadata,
    _number("run_no"),
    Column("as_of", Date, nullable=False),
    Column("started_at", String, nullable=False),
    Column("version", String, nullable=False),  # of this program
)

# 1 pull ------------------------------------------------------------------------------------------------------------

received = Table(
    "received",
    metadata,
    _number("received_no"),
    Column("kind", String, nullable=False),  # plan, item_list, result, case, tombstone
    Column("record_id", String, nullable=False),
    Column("version", Integer, nullable=False),  # cases and tombstones: how many contents were seen so far
    Column("digest", String, nullable=False),  # sha-256 of the canonical body
    Column("body", Text, nullable=False),  # as it arrived, as JSON
    Column("file", Text, nullable=False),
    Column("line", Integer),
    Column("run_no", Integer, ForeignKey("run.run_no"), nullable=False),
    UniqueConstraint("kind", "record_id", "version"),
)

case_of = Table(
    "case_of",
    metadata,
    Column("kind", String, primary_key=True),
    Column("record_id", String, primary_key=True),
    Column("case_id", String, primary_key=True),
    Index("case_of_case", "case_id"),
)

hold = Table(  # an officer's own emergency stop
    "hold",
    metadata,
    _number("hold_no"),
    Column("kind", String, nullable=False),
    Column("record_id", String, nullable=False),
    Column("basis", Text, nullable=False),
    Column("placed_by", Text, nullable=False),
    Column("placed_on", Date, nullable=False),
    Column("lifted_on", Date),
    Index("hold_record", "kind", "record_id"),
)

set_aside = Table(  # records that did not pass the checks, in their own words, to be tried again
    "set_aside",
    metadata,
    _number("set_aside_no"),
    Column("file", Text, nullable=False),
    Column("line", Integer),
    Column("record", Text),
    Column("raw", Text, nullable=False),
    Column("digest", String, nullable=False, unique=True),
    Column("run_no", Integer, nullable=False),
    Index("set_aside_file", "file"),
    Index("set_aside_record", "record"),
)

problem = Table(
    "problem",
    metadata,
    _number("problem_no"),
    Column("code", String, nullable=False),
    Column("record", Text),
    Column("field", Text),
    Column("message", Text, nullable=False),
    Column("file", Text),
    Column("line", Integer),
    Column("digest", String, nullable=False, unique=True),
    Column("run_no", Integer, nullable=False),
    Column("record_kind", String),  # of a problem found in what the ledger holds already
    Index("problem_file", "file"),
    Index("problem_record", "record"),
)

seen = Table(  # fingerprints of files read whole; watermarks of the platform's lists
    "seen",
    metadata,
    Column("name", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
)

counts = Table(  # all inspections and library sizes, for the indicators
    "counts",
    metadata,
    Column("authority", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("all_inspections", Integer),
    Column("library_subjects", Integer),
)

# 2-3 judge and record ------------------------------------------------------------------------------------------------

subject = Table(
    "subject",
    metadata,
    _number("subject_no"),  # append-only: the search index counts on it
    Column("key", String, nullable=False, unique=True),  # the code, or the keyed hash of a subject without one
    Column("kind", String, nullable=False),
    Column("name", Text, nullable=False),  # as first met; the site takes names from what is shown
    Column("uscc", String),
    Column("reg_no", String),
    Column("region_code", String, nullable=False),
    Column("path", Text, nullable=False),
    Column("slot", Integer),  # its place in the list of its region, given when it is first shown
    Index("subject_region_slot", "region_code", "slot"),
)

record = Table(
    "record",
    metadata,
    _number("record_no"),
    Column("kind", String, nullable=False),
    Column("record_id", String, nullable=False),
    Column("subject_no", Integer, ForeignKey("subject.subject_no")),
    Column("plan_id", String),
    Column("task_id", String),
    Column("year", Integer),
    Column("month", Integer),
    Column("ended_on", Date),
    Column("authority", Text),
    Column("region_code", String),
    Column("outcomes", Text),  # outcome ids, comma between
    Column("negative", Boolean),
    Column("settled", Boolean),  # a problem with a closing disposition
    # the verdict in force
    Column("state", String),
    Column("cause", String),
    Column("marks", String, nullable=False, default=""),
    Column("rule", String),
    Column("basis", Text),
    Column("since", Date),
    Column("due_on", Date),
    Column("record_due_on", Date),
    Column("published_on", Date),
    Column("may_apply_on", Date),
    Column("ends_on", Date),
    Column("shown_version", Integer),  # the source's version that the verdict is about
    Column("provisional", Boolean, nullable=False, default=False),
    Column("next_change_on", Date),
    # work and identity
    Column("judge_on", Date),  # the day on which it must be judged again; NULL = never, as far as is known
    Column("version", Integer, nullable=False, default=0),  # ours: one more for every action on the record
    Column("ref", String),  # random 128 bits, in downloads and deltas; another one after a stop
    Column("places", Text, nullable=False, default=""),  # its places, list:slot with commas between; each given once
    Column("first_shown_on", Date),
    UniqueConstraint("kind", "record_id"),
    Index("record_due", "kind", "judge_on", **_where("judge_on IS NOT NULL")),
    # whatever asks for a subject's results but their words is answered by this index alone
    Index("record_subject", "subject_no", "state", "cause", "ended_on", **_where("subject_no IS NOT NULL")),
    Index("record_plan_task", "plan_id", "task_id", **_where("plan_id IS NOT NULL")),
    # the newest of a kind are read from its end
    Index("record_stopped", "rule", "since", **_where(STOPPED)),
    Index("record_kind_state", "kind", "state", "since", **_where("state IS NOT NULL")),
)

entry = Table(
    "entry",
    metadata,
    _number("entry_no"),
    Column("record_no", Integer, ForeignKey("record.record_no"), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("run_no", Integer, nullable=False),
    Column("actor", Text, nullable=False),
    Column("state", String, nullable=False),
    Column("cause", String),
    Column("marks", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("basis", Text, nullable=False),
    Column("since", Date),
    Column("shown_version", Integer),
    Column("version", Integer, nullable=False),
    Column("chain", LargeBinary),  # its seal (ledger/chain.py)
    Index("entry_record", "record_no"),
    Index("entry_as_of", "as_of"),
)

shown = Table(  # the public form of what is published today, redacted; gone with the publication
    "shown",
    metadata,
    Column("record_no", Integer, ForeignKey("record.record_no"), primary_key=True),
    Column("body", Text, nullable=False),
    Column("beside", Text, nullable=False),
)

listing = Table(  # a list of results (or of a region's subjects): how many places it gave out, how many it shows
    "listing",
    metadata,
    _number("list_no"),
    Column("facet", String, nullable=False),  # month, region, authority, outcome, task, subjects
    Column("year", Integer, nullable=False),  # of inspection; 0 = not a year's list
    Column("value", String, nullable=False),
    Column("label", Text),  # words for a value that has none itself
    Column("size", Integer, nullable=False),
    Column("shown", Integer, nullable=False),
    Column("changed_on", Date),  # the latest event that changed what it shows
    UniqueConstraint("facet", "year", "value"),
)

place = Table(  # who sits where; the record itself knows its places too
    "place",
    metadata,
    Column("list_no", Integer, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("record_no", Integer, nullable=False),
    sqlite_with_rowid=False,
)

vacated = Table(  # places that their records left for another list, and on which day: nobody gets them again
    "vacated",
    metadata,
    Column("list_no", Integer, primary_key=True),
    Column("slot", Integer, primary_key=True),
    Column("since", Date, nullable=False),
    sqlite_with_rowid=False,
)

task_tally = Table(  # how far the tasks of plans have come, by year of inspection and city; they name nobody
    "task_tally",
    metadata,
    Column("plan_id", String, primary_key=True),
    Column("task_id", String, primary_key=True),
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("city", String, primary_key=True),
    Column("inspected", Integer, nullable=False),
    Column("published", Integer, nullable=False),  # today
    Column("on_time", Integer, nullable=False),
    Column("late", Integer, nullable=False),
    Column("problems", Integer, nullable=False),
    sqlite_with_rowid=False,
)

tally = Table(  # results by month of inspection, region, outcomes and the year in which publication was due (0 = none)
    "tally",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("month", Integer, primary_key=True, autoincrement=False),
    Column("region_code", String, primary_key=True),
    Column("outcomes", String, primary_key=True),
    Column("due_year", Integer, primary_key=True, autoincrement=False),
    Column("published", Integer, nullable=False),  # today
    Column("negative", Integer, nullable=False),  # of those published
    Column("due", Integer, nullable=False),
    Column("on_time", Integer, nullable=False),  # of those due
    Column("problems", Integer, nullable=False),
    Column("settled", Integer, nullable=False),  # of the problems
    sqlite_with_rowid=False,
)

visit_tally = Table(  # subjects and days: several results of one day are one visit
    "visit_tally",
    metadata,
    Column("year", Integer, primary_key=True, autoincrement=False),
    Column("visits", Integer, nullable=False),
)

publication = Table(  # a run that changed something public, with how many lines of it stand
    "publication",
    metadata,
    Column("run_no", Integer, ForeignKey("run.run_no"), primary_key=True),
    Column("as_of", Date, nullable=False),
    Column("changed_on", Date, nullable=False),  # the latest event that changed or took away a line
    Column("added", Integer, nullable=False),
    Column("modified", Integer, nullable=False),
    Column("stopped", Integer, nullable=False),
)

delta = Table(  # what each publication told by ref; a stop takes a record's other lines away
    "delta",
    metadata,
    _number("delta_no"),
    Column("run_no", Integer, ForeignKey("run.run_no"), nullable=False),
    Column("line", Integer, nullable=False),  # its place in the publication, counted from 0, given once
    Column("record_no", Integer, ForeignKey("record.record_no"), nullable=False),
    Column("as_of", Date, nullable=False),
    Column("ref", String, nullable=False),
    Column("op", String, nullable=False),  # ADD, MOD, STOP
    Column("rule", String, nullable=False),
    Column("effective_on", Date, nullable=False),  # first day of the state that the line tells
    Index("delta_run_line", "run_no", "line"),
    Index("delta_record", "record_no"),
)

# 4 build ----------------------------------------------------------------------------------------------------------

owed_page = Table(
    "owed_page",
    metadata,
    Column("scope", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("sweep", Boolean, nullable=False, default=False, server_default=false()),  # content left the public view
)

page = Table(
    "page",
    metadata,
    Column("path", Text, primary_key=True),
    Column("scope", String, nullable=False),
    Column("key", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("rows", Integer),  # of a download
    Column("as_of", Date),  # of a download: the latest event that changed it
    Index("page_scope", "scope", "key"),
)

tree = Table(  # the two folders of the site; the link says which of them is served
    "tree",
    metadata,
    Column("name", String, primary_key=True),  # a, b
    Column("state", String, nullable=False),  # unknown, filling, open (being built), whole
    Column("release_no", Integer, nullable=False),  # the latest release that it was; 0 = none
)

lag = Table(  # addresses in which a tree is behind what ``page`` says
    "lag",
    metadata,
    Column("tree", String, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("sweep", Boolean, nullable=False),  # to be brought in step by the run that brought it about
    Column("held", Boolean, nullable=False),  # it has a file there
    Index("lag_sweep", "tree", sqlite_where=text("sweep = 1"), postgresql_where=text("sweep")),
    sqlite_with_rowid=False,
)

site_release = Table(
    "site_release",
    metadata,
    _number("release_no"),
    Column("as_of", Date, nullable=False),
    Column("added", Integer, nullable=False),
    Column("changed", Integer, nullable=False),
    Column("removed", Integer, nullable=False),
)

search_base = Table(  # the generation of the search index that is installed: one row
    "search_base",
    metadata,
    Column("generation", String, primary_key=True),
    Column("told", Text, nullable=False),  # what the manifest says of it, as JSON
    Column("subjects", LargeBinary, nullable=False),  # the subject of each number, four bytes each; 0 = withdrawn
    Column("prints", LargeBinary, nullable=False),  # a mark of what is searched of each, four bytes each
    Column("revision", Integer, nullable=False),  # the last one given out
    Column("revisions", Text, nullable=False),  # of the files that were written again, as JSON
)

search_change = Table(  # subjects that the overlay of the search index holds
    "search_change",
    metadata,
    Column("subject_no", Integer, ForeignKey("subject.subject_no"), primary_key=True),
    Column("doc", Integer),  # its number in the base; NULL = it has none there
)

log_tile = (
    Table(  # the publication log as it is served: its entries ("entries") and the tiles of each level ("0", "1", …)
        "log_tile",
        metadata,
        Column("name", String, primary_key=True),
        Column("number", Integer, primary_key=True),
        Column("body", LargeBinary, nullable=False),  # as far as the tile is filled
    )
)

log_live = Table(  # what opens the entry of a record while it is shown; destroyed when it is stopped
    "log_live",
    metadata,
    Column("record_no", Integer, ForeignKey("record.record_no"), primary_key=True),
    Column("leaf_no", Integer, nullable=False),  # its latest entry, counted from 0
    Column("ref", String, nullable=False),  # the one it was shown under then
    Column(
        "seed_no", Integer
    ),  # the one of its salts; NULL = lost (as after a restore), so that it needs another entry
    Column("commitment", LargeBinary, nullable=False),
)

log_seed = (
    Table(  # only ever appended, in order; overwritten in place: rows that never move leave no copies in the file
        "log_seed",
        metadata,
        Column("seed_no", Integer, primary_key=True, autoincrement=False),
        Column("seed", LargeBinary, nullable=False),  # always 16 bytes; all zero = destroyed
    )
)

swept = Table(  # files that spoke of what was stopped, as they were before; until its certificates are written
    "swept",
    metadata,
    Column("path", Text, primary_key=True),
    Column("scope", String, nullable=False),
    Column("key", String, nullable=False),
    Column("digest", String, nullable=False),
)

certificate = Table(  # of each stop: what the firm is certified, until every endpoint has answered
    "certificate",
    metadata,
    Column("ref", String, primary_key=True),
    Column("record_no", Integer, ForeignKey("record.record_no"), nullable=False),
    Column("rule", String, nullable=False),
    Column("stopped_on", Date, nullable=False),
    Column("run_no", Integer, nullable=False),
    Column("files", Text),  # what was swept, as JSON; NULL = not yet
    Column("is_whole", Boolean, nullable=False),  # nothing is to be added any more
    Index("certificate_open", "ref", **_where("NOT is_whole")),
)

# 5 push -----------------------------------------------------------------------------------------------------------

owed_push = Table(  # one row a record and endpoint: later actions join earlier ones that were not sent
    "owed_push",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("record_no", Integer, ForeignKey("record.record_no"), primary_key=True),
    Column("refused_version", Integer),  # set aside: the endpoint refused this version for itself
)

held = Table(  # what an endpoint is known to hold
    "held",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("record_no", Integer, ForeignKey("record.record_no"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("state", String, nullable=False),  # published, withdrawn
    Column("digest", String),
    Column("first_accepted_at", String),
)

batch = Table(  # sent, and not yet settled
    "batch",
    metadata,
    Column("batch_id", String, primary_key=True),
    Column("endpoint", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("made_at", String, nullable=False),
    Column("sent_at", String),  # of a file: when it lay whole in the folder; NULL = perhaps it never did
    Index("batch_endpoint", "endpoint"),
)

batch_item = Table(
    "batch_item",
    metadata,
    Column("batch_id", String, ForeignKey("batch.batch_id", ondelete="CASCADE"), primary_key=True),
    Column("record_no", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("action", String, nullable=False),
    Column("digest", String),
    Column("settled", Boolean, nullable=False, default=False),  # its receipt came before those of the others
    Index("batch_item_record", "record_no"),
)

receipt = Table(
    "receipt",
    metadata,
    _number("receipt_seq"),
    Column("endpoint", String, nullable=False),
    Column("record_no", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("action", String, nullable=False),
    Column("status", String, nullable=False),  # accepted, duplicate, rejected, unprocessed, unsendable
    Column("receipt_no", Text),
    Column("code", Text),
    Column("message", Text),
    Column("run_no", Integer, nullable=False),
    Column("at", String, nullable=False),
    Index("receipt_record", "record_no"),
)
