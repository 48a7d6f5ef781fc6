"""The manifest of the search index: its only file whose address stays. It does not grow with the others."""

from collections.abc import Mapping

import orjson

from publisher.searchfile import FORMAT
from publisher.site.search import coding
from publisher.site.search.coding import Dictionary
from publisher.site.search.index import PAGE
from publisher.site.search.state import State


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
