"""Before a release is shown: do the files that changed say what the ledger says, and nothing that just went away?

The whole audit holds every forbidden text against every file. This one holds what was decided since the last release
against what changed since then, so that its cost follows the change; every code of a subject that stands in a changed
file is looked up, whoever it belongs to.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path, PurePosixPath
from string import ascii_lowercase, ascii_uppercase, digits

from sqlalchemy import Connection, exists, func, select

from publisher import paths
from publisher.audit.difference import Difference
from publisher.audit.expected import CHUNK, chunks_of, excuse, forbidden
from publisher.audit.sieve import Sieve
from publisher.audit.subjects import subject_pages
from publisher.audit.tree import HAND_WRITTEN, Found, Known, check_file, known_pages
from publisher.ledger import Ledger
from publisher.ledger.schema import entry, record, subject

CODE_SIGNS = digits + ascii_uppercase
MANY = 300_000  # codes: to look up more takes longer than to read all that are hidden
LARGE = 1_000_000  # bytes: downloads, made of what smaller files say, are looked through as they stand
# What each byte is: a sign of a code (A), another letter (a), none (a blank). A code is 18 signs between two others.
_KINDS = bytes(65 if chr(one) in CODE_SIGNS else 97 if chr(one) in ascii_lowercase else 32 for one in range(256))
_CODE = b" " + 18 * b"A" + b" "
_IS_SHOWN = exists().where(record.c.subject_no == subject.c.subject_no, record.c.state == "published")


def audit_changed(
    ledger: Ledger, output: Path, addresses: Collection[str], *, since_entry: int, labels: Mapping[str, str]
) -> Iterator[Difference]:
    """Yield what is wrong with the files of these addresses, written or removed in ``output`` since the last release.

    ``since_entry``: the last decision that the last release told. ``labels``: the words of each outcome by its id.
    """
    with ledger.reading() as connection:
        sieve, hidden = _sieve(connection, since_entry), _Hidden(connection)
        rest = iter(addresses)
        while chunk := list(islice(rest, CHUNK)):
            known = known_pages(connection, chunk)
            codes: dict[str, str] = {}
            for address in chunk:
                file, where = paths.file_of(address), sieve.masked(address)
                if address in known:
                    yield from _file(output, file, known[address], sieve, codes, where)
                    for sibling in (f"{file}.gz", f"{file}.br"):
                        if (output / sibling).exists():
                            yield from _file(output, sibling, known[address], sieve, codes, where)
                elif (output / file).exists():
                    yield Difference("stray", where, "it should be gone")
            for code in hidden.among(codes):
                yield Difference("leak", codes[code], "the code of a subject of whom nothing is shown")
            keys = [PurePosixPath(one).stem for one in chunk if one in known and one.startswith(paths.SUBJECTS)]
            yield from subject_pages(connection, output, keys, labels)


def _file(
    output: Path, file: str, known: Known, sieve: Sieve, codes: dict[str, str], where: str
) -> Iterator[Difference]:
    def note_codes(text: bytes) -> None:
        for code in _codes_in(text):
            codes.setdefault(code, where)

    if not (output / file).is_file():
        yield Difference("stray", where, "the ledger knows a file that is not there")
        return
    yield from check_file(
        output, Found(file, None, has_content=True), known, sieve,
        look=None if known.scope in HAND_WRITTEN else note_codes, large=LARGE,
    )  # fmt: skip


def _codes_in(text: bytes) -> Iterator[str]:
    """Yield what may be codes of subjects. Not by a regular expression, which takes ten times as long."""
    kinds = b" " + text.translate(_KINDS) + b" "
    at = kinds.find(_CODE)
    while at >= 0:
        yield text[at : at + 18].decode("ascii")
        at = kinds.find(_CODE, at + 19)


def _sieve(connection: Connection, since_entry: int) -> Sieve:
    """Return what went away since then: names, codes, ids, refs, addresses. Sentences may be those of many records."""
    decided = record.c.record_no.in_(select(entry.c.record_no).where(entry.c.entry_no > since_entry))
    found = [one for one in forbidden(connection, chunks_of(connection, decided)) if not one.sentence]
    sieve = Sieve(found, lambda name: _bearing(connection, name))
    excuse(sieve, chunks_of(connection, record.c.kind.in_(("plan", "item_list"))))  # few, and much alike
    plans = connection.execute(select(record.c.record_id).where(record.c.kind == "plan", decided)).scalars().all()
    sieve.excuse(plan for plan in plans if _is_named(connection, plan))
    sieve.settle()
    return sieve


def _is_named(connection: Connection, plan_id: str) -> bool:
    """Tell whether a shown result names this plan; asked by the plan, since most results are shown."""
    state = func.coalesce(record.c.state, "")  # not by the index of states
    query = select(record.c.record_no).where(record.c.plan_id == plan_id, state == "published").limit(1)
    return connection.execute(query).first() is not None


def _bearing(connection: Connection, name: str) -> Iterable[str]:
    """Return the names of shown subjects that are a name or contain it."""
    return connection.execute(
        select(subject.c.name).where(subject.c.name.contains(name, autoescape=True), _IS_SHOWN)
    ).scalars()


class _Hidden:
    """The codes of subjects that the ledger knows and shows nothing of: looked up, or read once where very many are."""

    def __init__(self, connection: Connection) -> None:
        self._connection, self._asked = connection, 0
        self._all: set[str] | None = None

    def among(self, codes: Collection[str]) -> Iterator[str]:
        """Yield those that are among these codes."""
        self._asked += len(codes)
        of_nobody = select(subject.c.key).where(~_IS_SHOWN)
        if self._all is None and self._asked > MANY:
            self._all = set(self._connection.execute(of_nobody).scalars())
        if self._all is not None:
            yield from self._all.intersection(codes)
            return
        rest = iter(codes)
        while part := list(islice(rest, CHUNK)):
            yield from self._connection.execute(of_nobody.where(subject.c.key.in_(part))).scalars()
