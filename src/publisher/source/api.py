"""The api source: pages of the supervision platform, kind by kind, from the watermark of the last pull."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from publisher.errors import SourceContractBroken, SourceUnavailable
from publisher.model import Problem
from publisher.source.events import ApiSource, Checked, Event, Watermark
from publisher.source.parse import holds_doubled, load_doubled
from publisher.source.records import Checker
from publisher.source.text import Fault
from publisher.transport import Answer, Transport

KINDS = ("plans", "item-lists", "results", "cases")
PAGE_SIZE = 500
LONGEST_TOKEN = 4096
MOST_EMPTY_PAGES = 1000  # in a row, each with another token: a pull that would never end
_DOUBLED = Fault("duplicate_key", "A key stands twice in one object.")
_ENVELOPE = {"records", "next", "as_of"}


class _Page(NamedTuple):
    records: list[Any]
    next: str | None
    unknown: list[str]
    is_clean: bool  # no object repeats a key


def pull_api(
    source: ApiSource,
    checker: Checker,
    seen: Mapping[str, str],
    *,
    say: Callable[[str], None] = lambda line: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Event]:
    """Yield the records changed since each kind's watermark, and after every page the new watermark.

    Raises ``SourceUnavailable`` when the platform does not answer, ``SourceContractBroken`` when it refuses the
    token or answers with another shape, or with page tokens that run in a circle.
    """
    with Transport(
        source.url,
        source.token,
        token_env=source.token_env,
        ca_file=source.ca_file,
        unavailable=SourceUnavailable,
        refused=SourceContractBroken,
        say=say,
        sleep=sleep,
    ) as transport:
        for kind in KINDS:
            yield from _pull_kind(transport, kind, checker, seen.get(kind))


def _pull_kind(transport: Transport, kind: str, checker: Checker, mark: str | None) -> Iterator[Event]:
    since, etag = _remembered(mark)
    path = f"/v1/{kind}"
    used = {since}
    told: set[str] = set()
    empty_pages = 0
    while True:
        params = {"limit": str(PAGE_SIZE)} | ({"since": since} if since is not None else {})
        answer = transport.get(path, params, {"If-None-Match": etag} if etag else None)
        if answer.status == 304 and etag:
            return
        page = _page(answer)
        file = path if since is None else f"{path}?since={since}"
        for key in page.unknown:
            if key not in told:
                told.add(key)
                yield Problem("unknown_key", None, key[:80], "The page has a key that is not known.", file, None)
        for place, record in enumerate(page.records, start=1):
            yield from _check(record, page.is_clean, file, place, checker)
        etag = answer.headers.get("etag")
        if page.next is None:
            yield Watermark(kind, _mark(since, etag))
            return
        if page.next in used:
            raise SourceContractBroken(f"{answer.where}: the page tokens run in a circle; tell the platform.")
        empty_pages = 0 if page.records else empty_pages + 1
        if empty_pages > MOST_EMPTY_PAGES:
            raise SourceContractBroken(f"{answer.where}: over {MOST_EMPTY_PAGES} empty pages in a row.")
        used.add(page.next)
        since, etag = page.next, None  # an ETag is that of one address, the token included
        yield Watermark(kind, _mark(since, None))


def _page(answer: Answer) -> _Page:
    """Check the envelope; every fault in it names what is wrong and stops the pull."""
    if answer.status != 200:
        raise SourceContractBroken(f"{answer.where}: answered status {answer.status}, not 200; check [source] url.")
    try:
        body = orjson.loads(answer.body)
        is_clean = b"\\" not in answer.body and answer.body.count(b'"') == orjson.dumps(body).count(b'"')
    except orjson.JSONDecodeError:
        body, is_clean = None, False
    if not is_clean:
        try:
            body = load_doubled(answer.body.decode())
        except UnicodeDecodeError:
            body = Fault("not_utf8", "The text is not UTF-8.")
        if isinstance(body, Fault):
            raise SourceContractBroken(f"{answer.where}: {body.message}")
    if not isinstance(body, dict):
        raise SourceContractBroken(f"{answer.where}: the page is not a JSON object.")
    records, following = body.get("records"), body.get("next")
    if not isinstance(records, list):
        raise SourceContractBroken(f"{answer.where}: the page has no list of records.")
    if "next" not in body or not (following is None or (isinstance(following, str) and following)):
        raise SourceContractBroken(f"{answer.where}: next is neither a token nor null.")
    if following is not None and (len(following) > LONGEST_TOKEN or not following.isprintable()):
        raise SourceContractBroken(f"{answer.where}: next is too long or not printable.")
    if not isinstance(body.get("as_of"), str):
        raise SourceContractBroken(f"{answer.where}: as_of is missing.")
    return _Page(records, following, sorted(body.keys() - _ENVELOPE), is_clean)


def _check(record: Any, is_clean: bool, file: str, place: int, checker: Checker) -> tuple[Checked, ...]:
    if is_clean:
        return checker.check_line(orjson.dumps(record), file, place)
    words = json.dumps(record)  # ASCII, so that a lone surrogate or control character stays visible
    if holds_doubled(record):
        return (checker.set_aside(_DOUBLED, words, file, place),)
    return checker.check_line(words.encode(), file, place)


def _mark(token: str | None, etag: str | None) -> str:
    return orjson.dumps({"token": token, "etag": etag}).decode()


def _remembered(mark: str | None) -> tuple[str | None, str | None]:
    if mark is None:
        return None, None
    kept = orjson.loads(mark)
    return kept["token"], kept["etag"]
