"""The change feed: what each publication added, modified and stopped, by ref, and the list of publications."""

import orjson
from sqlalchemy import select

from publisher import paths
from publisher.ledger import deltas
from publisher.ledger.schema import page
from publisher.site.data import formats
from publisher.site.data.files import licence, workshop, writing
from publisher.site.data.records import Record, public_record
from publisher.site.install import File
from publisher.site.views import Site


def delta_file(site: Site, run_no: int, part: int) -> list[File]:
    """Return a part of a publication's changes as JSON Lines; nothing when none of its lines stand any more."""
    address = paths.delta(run_no, part)
    path = workshop(site, address)
    rows = 0
    with writing(address), formats.json_lines_file(path) as add:
        for line in deltas.lines(site.connection, run_no, part):
            add(orjson.dumps(_line(site, line)))
            rows += 1
    changed = {one.run_no: one.changed_on for one in deltas.publications(site.connection)}
    return [File(address, path, rows, changed[run_no])] if rows else []


def _line(site: Site, line: deltas.Line) -> Record:
    if line.record is None:
        return {"op": line.op, "ref": line.ref, "rule": line.rule, "on": line.effective_on}
    return {"op": line.op, "ref": line.ref, "record": public_record(site, line.record)}


def index_files(site: Site) -> list[File]:
    """Return the list of all publications, oldest first, each with its files and how many lines of it stand; nothing
    before the first."""
    files = publication_files(site)
    listed = [
        {
            "number": one.run_no,
            "as_of": one.as_of,
            "changed_on": one.changed_on,
            "files": [site.job.base_url + address for address in files.get(one.run_no, ())],
            "add": one.added,
            "mod": one.modified,
            "stop": one.stopped,
        }
        for one in deltas.publications(site.connection)
    ]
    as_of = deltas.latest_change(site.connection)
    if as_of is None:
        return []
    meta = {"title": f"{site.job.name}：变更", "licence": licence(site), "as_of": as_of, "rows": len(listed)}
    content = orjson.dumps({"meta": meta, "publications": listed}, option=orjson.OPT_APPEND_NEWLINE)
    return [File(paths.DELTA_INDEX, content, len(listed), as_of)]


def publication_files(site: Site) -> dict[int, list[str]]:
    """Return the addresses of the installed files of each publication by its number."""
    query = select(page.c.key).where(page.c.scope == "delta", page.c.digest != "")
    keys = sorted(tuple(map(int, key.split("/"))) for key in site.connection.execute(query).scalars())
    found: dict[int, list[str]] = {}
    for run_no, part in keys:
        found.setdefault(run_no, []).append(paths.delta(run_no, part))
    return found
