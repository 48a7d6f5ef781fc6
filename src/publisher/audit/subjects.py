"""Whether every subject of whom anything is shown has its page and its line in the search index, both true.

A page is read once: for what may stand nowhere, for its digest, and for what it says.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from publisher import paths, searchfile
from publisher.audit.difference import Difference
from publisher.audit.marks import Marks, mark
from publisher.audit.pages import PageText, untold
from publisher.audit.reading import contents, normal
from publisher.audit.results import Told, read_told, told_query
from publisher.audit.sieve import Sieve
from publisher.audit.tree import Found, check_file
from publisher.ledger.schema import page, record, subject

_CHUNK = 256
_BUILT = select(page.c.path, page.c.digest, page.c.scope).join(subject, subject.c.path == page.c.path)
_IN_ORDER = (record.c.subject_no, record.c.ended_on.desc(), record.c.record_no)


Seen = tuple[bytes, bytes, set[int]]  # flags by place: lines of the index that were met, pages read; other pages read


class SubjectPages:
    """The pages of subjects, which of them were read, and the lines of the search index that were met.

    Subjects are known by a mark of their address, since there may be a million.
    """

    def __init__(self, output: Path, labels: Mapping[str, str], sieve: Sieve) -> None:
        """``labels``: the words of each outcome by its id; ``sieve``: what may stand nowhere."""
        self._output, self._labels, self._sieve = output, labels, sieve
        self._indexed, self.unread = _search_rows(output)
        self._met, self._read = bytearray(len(self._indexed)), bytearray(len(self._indexed))
        self._read_beside: set[int] = set()  # of which the index has no line

    @property
    def seen(self) -> Seen:
        """What was met and read, for others who see to the rest of the same site."""
        return bytes(self._met), bytes(self._read), self._read_beside

    def see(self, all_seen: Iterable[Seen]) -> None:
        """Take what others met and read as met and read."""
        for met, read, beside in all_seen:
            self._met, self._read = _either(self._met, met), _either(self._read, read)
            self._read_beside |= beside

    @property
    def left(self) -> int:
        """How many lines of the index nobody met: of subjects of whom nothing is shown."""
        return self._met.count(0)

    def has_read(self, address: str) -> bool:
        """Tell whether the file of this address was read, all of it."""
        number = mark(address)
        line = self._indexed.find(number)
        return number in self._read_beside if line is None else bool(self._read[line[0]])

    def compared(
        self, connection: Connection, step: Callable[[int], None], share: int = 0, shares: int = 1
    ) -> Iterator[Difference]:
        """Yield what is wrong with the pages of shown subjects, or of a share of them, and with their search lines.

        They are read in the order of the ledger's numbers: what is told of a subject mostly stands together there.
        ``step`` is told how many more were compared.
        """
        highest = connection.execute(select(func.max(subject.c.subject_no))).scalar() or 0
        for first in range(share * _CHUNK, highest + 1, shares * _CHUNK):
            these = subject.c.subject_no >= first, subject.c.subject_no < first + _CHUNK
            known = {row.path: row for row in connection.execute(_BUILT.where(*these)).all()}
            done = 0
            for results, file, content in _with_pages(connection, self._output, *these):
                yield from self._of_subject(results, file, content, known)
                done += 1
            step(done)

    def _of_subject(
        self, results: list[Told], file: str, content: bytes | None, known: Mapping[str, Any]
    ) -> Iterator[Difference]:
        where = results[0].row.path
        number = mark(where)
        line = self._indexed.find(number)
        if content is not None:
            if line is None:
                self._read_beside.add(number)
            else:
                self._read[line[0]] = 1
            found = Found(file, None, has_content=True)
            yield from check_file(self._output, found, known.get(where), self._sieve, content=content)
        yield from _subject_page(content, results, self._labels)
        if line is not None:
            self._met[line[0]] = 1
        yield from _search_row(results, None if line is None else line[1])


def subject_pages(
    connection: Connection, output: Path, keys: Sequence[str], labels: Mapping[str, str]
) -> Iterator[Difference]:
    """Yield what is not as it should be on the pages of shown subjects, by the codes or hashes of their addresses."""
    for results, _, content in _with_pages(connection, output, subject.c.key.in_(keys)):
        yield from _subject_page(content, results, labels)


def _with_pages(
    connection: Connection, output: Path, *which: ColumnElement[bool]
) -> Iterator[tuple[list[Told], str, bytes | None]]:
    """Yield the shown results of some subjects, those of each together, with the file of its page and what is in it."""
    told = read_told(connection, told_query().where(*which).order_by(*_IN_ORDER))
    groups = [list(group) for _, group in groupby(told, key=lambda one: one.row.subject_no)]
    files = [paths.file_of(results[0].row.path) for results in groups]
    return zip(groups, files, contents(output, files), strict=True)


def _subject_page(content: bytes | None, results: list[Told], labels: Mapping[str, str]) -> Iterator[Difference]:
    """Yield what is not as it should be on the page of a subject, of whom these results are shown."""
    where = results[0].row.path
    wanted = {one.row.record_id for one in results}
    try:
        said = None if content is None else PageText(content.decode())
    except UnicodeDecodeError:
        said = None
    if said is None:
        for one in results:
            yield Difference("missing", where, f"result {one.row.record_id}: its subject's page", one.row.rule)
        return
    told = said.within(wanted)
    newest = results[0]
    if said.heading != normal(newest.body["subject"]["name"]):
        yield Difference("differs", where, f"result {newest.row.record_id}: subject name", newest.row.rule)
    for one in results:
        name, rule = f"result {one.row.record_id}", one.row.rule
        texts = told.get(one.row.record_id)
        if texts is None:
            yield Difference("missing", where, f"{name}: anchor", rule)
            continue
        everything = "\n".join(texts)
        for key in ("authority", "ended_on"):
            if normal(one.body[key]) not in everything:
                yield Difference("differs", where, f"{name}: {key}", rule)
        findings = one.body["findings"]
        words = [labels.get(outcome) for outcome in one.beside["outcomes"]]
        for number, key in untold(texts, findings, words):
            yield Difference("differs", where, f"{name}: finding {number} {key}", rule)


def _search_rows(output: Path) -> tuple[Marks, list[Difference]]:
    """Return what the search index says of each subject by its address, and what keeps it from being read."""
    try:
        told = searchfile.manifest((output / paths.file_of(paths.SEARCH_MANIFEST)).read_bytes())
        lines = searchfile.every_line(told, lambda name: (output / paths.file_of(paths.SEARCH + name)).read_bytes())
        return Marks((mark(line.path), mark(line.name, line.uscc, line.results)) for line in lines), []
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return Marks(), [Difference("missing", paths.SEARCH_MANIFEST, "the search index, or a file of it")]


def _either(one: bytes | bytearray, other: bytes) -> bytearray:
    """Return flags that are set where one or the other is."""
    return bytearray((int.from_bytes(one) | int.from_bytes(other)).to_bytes(len(one)))


def _search_row(results: list[Told], row: int | None) -> Iterator[Difference]:
    one = results[0]
    name = f"result {one.row.record_id}: its subject in the search index"
    told = one.body["subject"]
    if row is None:
        yield Difference("missing", paths.SEARCH_MANIFEST, name, one.row.rule)
    elif row != mark(told["name"], told["uscc"], len(results)):
        yield Difference("differs", paths.SEARCH_MANIFEST, name, one.row.rule)
