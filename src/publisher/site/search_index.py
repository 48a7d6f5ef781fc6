"""The search index: subjects in parts of a fixed range of numbers, and a manifest that names the parts.

The search page reads the parts and scans them; a change of one subject rewrites one part and the manifest. A part's
address carries its content's hash, so that it may be cached for good.
"""

import hashlib

import orjson
from sqlalchemy import select

from publisher import paths
from publisher.ledger import shown
from publisher.ledger.schema import page
from publisher.site.install import File
from publisher.site.views import Site, place


def part(site: Site, number: int) -> list[File]:
    """Return one part: name, code, address, region, results, former names, registration number, latest, outcomes."""
    first = number * paths.SEARCH_PART
    rows = [
        [
            row.name,
            row.uscc,
            site.href(row.path),
            place(row.region_code),
            row.results,
            list(row.former_names),
            row.reg_no,
            row.latest_on.isoformat(),
            list(row.outcomes),
        ]
        for row in shown.subjects(site.connection, numbers=(first, first + paths.SEARCH_PART))
    ]
    if not rows:
        return []
    content = orjson.dumps(rows)
    return [File(paths.search_part(number, hashlib.sha256(content).hexdigest()), content)]


def manifest(site: Site) -> File:
    """Return the manifest: every part with its address, and how many subjects there are."""
    parts = list(
        site.connection.execute(
            select(page.c.path).where(page.c.scope == "search_part").order_by(page.c.path)
        ).scalars()
    )
    total = shown.published_counts(site.connection)["subject"]
    generation = hashlib.sha256("".join(parts).encode()).hexdigest()[:12]
    content = {"generation": generation, "parts": [{"href": site.href(one)} for one in parts], "total": total}
    return File(paths.SEARCH_MANIFEST, orjson.dumps(content))
