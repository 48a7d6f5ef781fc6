"""What came back over HTTP, read with distrust: bounded in depth, and without our own secrets in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from publisher.errors import PublisherError

DEEPEST_ANSWER = 64
CONCEALED = "[concealed]"


@dataclass(frozen=True)
class Answer:
    """The status, the headers with lower-case names, and the whole body, bounded in size.

    ``secrets`` are what was sent to prove who we are: a far end that repeats them does not get them into a message,
    a log or the ledger.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    where: str
    broken: type[PublisherError] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    def json(self) -> Any:
        """Return the body as JSON (RFC 8259), at most 64 levels deep; raise ``broken`` when it is not that."""
        try:
            tree = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise self.broken(f"{self.where} answered {self.status} with something that is not JSON.") from None
        if not _is_within(tree, DEEPEST_ANSWER):
            raise self.broken(f"{self.where} answered with JSON nested deeper than {DEEPEST_ANSWER} levels.")
        # Without an escape in the text, what is not in the bytes is not in the tree either.
        if self.secrets and (b"\\" in self.body or any(one.encode() in self.body for one in self.secrets)):
            return _concealed(tree, self.secrets)
        return tree


def conceal(text: str, secrets: tuple[str, ...]) -> str:
    """Return a text with our secrets blotted out."""
    for secret in secrets:
        text = text.replace(secret, CONCEALED)
    return text


def _concealed(tree: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(tree, str):
        return conceal(tree, secrets)
    if isinstance(tree, list):
        return [_concealed(one, secrets) for one in tree]
    if isinstance(tree, dict):
        return {conceal(name, secrets): _concealed(one, secrets) for name, one in tree.items()}
    return tree


def _is_within(tree: Any, levels: int) -> bool:
    floor = [tree]
    for _ in range(levels + 1):
        floor = [
            child
            for node in floor
            if isinstance(node, (dict, list))
            for child in (node.values() if isinstance(node, dict) else node)
        ]
        if not floor:
            return True
    return False
