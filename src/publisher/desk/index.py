"""The officers' index and its query language; the only file that knows Whoosh (docs/adr/0003).

Text fields hold every character and every pair of neighbouring characters with their places, so that any part of a
name is found whatever its length: Chinese names have no blanks to cut words at.
"""

# Whoosh has no types of its own.
# mypy: disable-error-code="no-untyped-call"

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from whoosh import formats, qparser, query
from whoosh.analysis import Token, Tokenizer
from whoosh.fields import ID, FieldType, Schema
from whoosh.filedb.filestore import FileStorage

from publisher import uscc
from publisher.errors import SettingsError
from publisher.folding import fold
from publisher.model import STATES, RecordKind

FORM = 2  # one more for every change of what is indexed or how

Document = Mapping[str, Sequence[str]]  # values by field; text as it is, the rest folded here

_BETWEEN = "\n"  # between two values of a text field; no name holds one after folding
_CODE = re.compile(r"(?=.*\d)[0-9A-Z]{2,18}")  # what may be part of a code, as on the search page
_FIELD_MARK = re.compile(r"\b([A-Za-z_]+)[:：]")
_NO_VALUE = re.compile(r"\b([a-z_]+):(?=\s|\)|$)")
_BRACKETS_IN_NAME = re.compile(r"(?<=\w)\(([^()]*)\)|\(([^()\s:]*)\)(?=\w)")
_OPERATORS = re.compile(r"\b(AND|OR|NOT|ANDNOT|ANDMAYBE|REQUIRE)\b")
_WILD = re.compile(r"[*?]")


class _Grams(Tokenizer):
    """Yields single characters and pairs with their places, values apart so that no pair spans two of them."""

    def __call__(self, value: str, **_: object) -> Iterator[Any]:
        token: Any = Token(positions=True)  # one for all, as Whoosh's own analyzers do
        token.boost, token.stopped = 1.0, False
        start = 0
        for one in value.split(_BETWEEN):
            for at, character in enumerate(one):
                token.pos = start + at
                token.text = character
                yield token
                if at + 1 < len(one):
                    token.text = one[at : at + 2]
                    yield token
            start += len(one) + 1


class _Field(FieldType):
    """A field that reads its part of a query itself. This one holds keywords, compared whole."""

    def __init__(self) -> None:
        super().__init__(formats.Existence(), None)

    def self_parsing(self) -> bool:
        return True

    def stored_form(self, values: Sequence[str]) -> Any:
        return [folded for value in values if (folded := fold(value))]

    def process_text(self, qstring: str, mode: str = "", **_: object) -> list[str]:
        return [fold(qstring)]  # the ends of a range

    def parse_query(self, fieldname: str, qstring: str, boost: float = 1.0) -> Any:
        text = fold(qstring)
        if not text:
            return None
        if text == "*":
            return query.Every(fieldname, boost=boost)
        kind = query.Wildcard if _WILD.search(text) else query.Term
        return kind(fieldname, text, boost=boost)


class _Code(_Field):
    """Codes, found by their beginning as people type them."""

    def stored_form(self, values: Sequence[str]) -> Any:
        return [uscc.fold(value) for value in values]

    def parse_query(self, fieldname: str, qstring: str, boost: float = 1.0) -> Any:
        text = uscc.fold(qstring)
        if _WILD.search(text):
            return super().parse_query(fieldname, text, boost)
        return query.Prefix(fieldname, text, boost=boost) if text else None


class _Text(_Field):
    """Text, found by any part of it."""

    def __init__(self) -> None:
        super().__init__()
        self.format, self.analyzer, self.scorable = formats.Positions(), _Grams(), True

    def stored_form(self, values: Sequence[str]) -> Any:
        return _BETWEEN.join(dict.fromkeys(fold(value) for value in values))

    def parse_query(self, fieldname: str, qstring: str, boost: float = 1.0) -> Any:
        if qstring == "*":
            return query.Every(fieldname, boost=boost)
        parts = [_part(fieldname, text, boost) for text in map(fold, _WILD.split(qstring)) if text]
        return query.And(parts) if len(parts) > 1 else next(iter(parts), None)


class _Anything(_Field):
    """A word without a field: part of a name or of a code, or an id."""

    def parse_query(self, fieldname: str, qstring: str, boost: float = 1.0) -> Any:
        if qstring == "*":
            return query.Every(boost=boost)
        found = [
            _FIELDS["name"].parse_query("name", qstring, boost),
            _FIELDS["id"].parse_query("id", qstring, 5 * boost),
        ]
        if _CODE.fullmatch(_WILD.sub("", uscc.fold(qstring))):
            found += _codes(qstring, boost)
        found = [one for one in found if one is not None]
        return query.Or(found) if found else None


def _part(fieldname: str, text: str, boost: float) -> Any:
    if len(text) < 3:
        return query.Term(fieldname, text, boost=boost)
    return query.Phrase(fieldname, [text[at : at + 2] for at in range(len(text) - 1)], boost=boost)


def _codes(text: str, boost: float = 1.0) -> list[Any]:
    names = ("uscc", "reg_no") if _WILD.search(text) else ("code",)
    return [_FIELDS[name].parse_query(name, text, boost) for name in names]


_FIELDS: dict[str, _Field] = {
    "name": _Text(),  # of the subject, over all versions; titles of plans and lists
    "item": _Text(),  # names of findings' items, of a plan's tasks, of a list's items
    "authority": _Text(),
    "code": _Text(),  # the codes and registration numbers again, found by any part
    "uscc": _Code(),
    "reg_no": _Code(),
    **{
        name: _Field() for name in ("id", "kind", "plan", "task", "year", "region", "outcome", "state", "cause", "mark")
    },
}
_CHOICES = {"state": STATES, "kind": get_args(RecordKind)}
_SCHEMA = Schema(key=ID(stored=True, unique=True), **_FIELDS)


class _Quoted(qparser.SingleQuotePlugin):
    """Text in double quotes is one word, blanks and operators included."""

    expr = r'"(?P<text>[^"]*)"'


def _parser() -> Any:
    parser = qparser.QueryParser("anything", Schema(anything=_Anything(), **_FIELDS))
    parser.remove_plugin_class(qparser.PhrasePlugin)
    parser.remove_plugin_class(qparser.WildcardPlugin)  # the fields see * and ? in their words
    parser.add_plugin(_Quoted())
    parser.replace_plugin(qparser.FieldsPlugin(r"(?P<text>[a-z_]+|[*]):", remove_unknown=False))
    return parser


def read_query(text: str) -> Any:
    """Return a query as the index takes it.

    Words stand for names, codes and ids; all must be found. ``field:word``, ``AND OR NOT``, brackets, ``"…"``,
    ``*`` and ``[2020 TO 2021]`` are Whoosh's language. Raises :class:`SettingsError` with a sentence for whoever asked.
    """
    asked = _BRACKETS_IN_NAME.sub(
        lambda found: f"（{found[1] or found[2] or ''}）",
        _FIELD_MARK.sub(lambda mark: mark[1].lower() + ":", text.strip()),
    )
    if dangling := _NO_VALUE.search(asked):
        raise SettingsError(f"{dangling[1]}: is followed by nothing; write the value right after the colon")
    try:
        found = _parser().parse(asked)
        leaves = list(found.leaves())
    except Exception as error:  # whatever the parser stumbles over, the words are the asker's
        raise SettingsError(f"the query {text!r} cannot be read ({error}); put names in double quotes") from error
    for leaf in leaves:
        _check(leaf)
    code = uscc.fold(asked)
    if _CODE.fullmatch(code) and not _OPERATORS.search(asked):
        found = query.Or([found, *_codes(code)])  # a code typed in groups
    if found.is_leaf() and found == query.NullQuery:
        raise SettingsError(f"the query {text!r} names nothing to look for; give part of a name, a code or an id")
    return found


def _check(leaf: Any) -> None:
    """Refuse a field that is not there and a value that can never be: an empty answer would be taken for the truth."""
    name = leaf.field()
    if name is not None and name not in _FIELDS:
        near = get_close_matches(name, _FIELDS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(_FIELDS))}"
        raise SettingsError(f"there is no field {name} to search; {hint}")
    if name in _CHOICES and isinstance(leaf, query.Term):
        choices = _CHOICES[name]
        if leaf.text not in map(fold, choices):
            raise SettingsError(f"{name} is one of {', '.join(choices)}, not {leaf.text.lower()}")


class _Files(FileStorage):
    """Whoosh leaves a file open when it cannot read it; here each is closed at the end."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self._opened: list[Any] = []

    def open_file(self, name: str, **options: Any) -> Any:
        opened = super().open_file(name, **options)
        self._opened.append(opened.file)
        return opened

    def close(self) -> None:
        for file in self._opened:
            file.close()


def create(folder: Path) -> None:
    """Make an empty index in an empty folder."""
    with closing(_Files(folder)) as files:
        files.create_index(_SCHEMA)


def write(folder: Path, batches: Iterable[Mapping[str, Document]], *, fresh: bool) -> None:
    """Put documents in by key, all or none, in place of those of the same key; a ``fresh`` index has none yet."""
    with closing(_Files(folder)) as files, files.open_index().writer(limitmb=64) as writer:
        for batch in batches:
            if not fresh:
                writer.delete_by_query(query.Or([query.Term("key", key) for key in batch]))
            for key, document in batch.items():
                values = {name: _FIELDS[name].stored_form(given) for name, given in document.items()}
                writer.add_document(key=key, **{name: value for name, value in values.items() if value})


def find(folder: Path, asked: Any, first: int, count: int) -> tuple[int, list[str]]:
    """Return how many documents match, and the keys of ``count`` of them from place ``first`` on, best first."""
    with closing(_Files(folder)) as files, files.open_index().searcher() as searcher:
        results = searcher.search(asked, limit=first + count)
        return len(results), [hit["key"] for hit in results[first : first + count]]
