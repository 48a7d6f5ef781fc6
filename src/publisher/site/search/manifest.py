"""The manifest of the search index: its only file whose address stays. It does not grow with the others."""

from collections.abc import Mapping
from typing import NamedTuple

import orjson

from publisher import paths
from publisher.searchfile import FORMAT
from publisher.site.search import coding
from publisher.site.search.coding import Dictionary
from publisher.site.search.index import PAGE
from publisher.site.search.state import State

RECORDS_AHEAD = 5  # files of records whose requests are begun while the manifest is on its way


class Ahead(NamedTuple):
    """Files that a first query reads whatever it is, named as the manifest names them (docs/search-format.md)."""

    records: tuple[str, ...]  # of a site whose page reads them all: the first
    changes: tuple[str, ...]  # what was written since the base


def ahead(now: State, beside: Mapping[str, str | None]) -> Ahead:
    """Return what the search page says of the index; the manifest decides whether it still holds."""
    base = now.base
    files = 0 if base.shards else min(RECORDS_AHEAD, -(-base.size // base.per_file))
    addresses = (
        paths.search_unit(base.generation, f"r/{number}", now.revisions.get(f"r/{number}")) for number in range(files)
    )
    changes = (beside[name] for name in ("overlay", "revised"))
    return Ahead(tuple(one.removeprefix(paths.SEARCH) for one in addresses), tuple(filter(None, changes)))


def manifest(now: State, beside: Mapping[str, str | None], outcomes: Mapping[str, str]) -> bytes:
    """Return the manifest: what is installed, the files ``beside`` the base, and the words of outcomes by their ids."""
    base = now.base
    letters = Dictionary(list(outcomes)).letters
    facets = [(value, count, _words(value)) for value, count in base.facets]
    return orjson.dumps(
        {
            "format": FORMAT,
            "generation": base.generation,
            "base": base.size,
            "subjects": sum(map(bool, base.subjects)) + sum(doc is None for doc in now.changes.values()),
            "shards": base.shards,
            "commonShards": base.common_shards,
            "sounds": base.sounds,
            "parts": base.parts,
            "perFile": base.per_file,
            "filesPerPage": PAGE,
            **beside,
            "outcomes": [[letters[name], words] for name, words in outcomes.items()],
            "head": coding.head(base.common, base.pages, facets),
        }
    )


def _words(value: str) -> str:
    return coding.region_words(value[1:]) if value.startswith("r") else ""
