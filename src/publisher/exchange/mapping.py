"""How the public form of a record is written for an endpoint: a mapping is a file, not code.

A mapping names each kind of record it takes: ``"plain"`` (the public fields as they are) or a table of wire names.
An entry is a path into the public form (``"subject.uscc"``), or a table with

- ``from``: such a path, with ``date`` (a ``strftime`` form, or ``"epoch_ms"``: midnight in Asia/Shanghai) or
  ``table`` (the name of a code table under ``[tables]``);
- ``const``: a fixed value;
- ``each``: the path of a list, with ``fields``: entries whose paths begin at its members.

In a result ``plan.…`` and ``task.…`` lead to the plan as it is shown, and are null while it is not.
"""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime, time
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from publisher.errors import SettingsError
from publisher.model import MODELS, SHANGHAI, Plan, Task

Body = Mapping[str, Any]
KINDS = ("plan", "item_list", "result")
PLAIN = "plain"
_NEVER_PUBLIC = {"inspectors", "openness", "openness_basis", "recorded_at", "finalized_at"}
_ENTRY_KEYS = {"from", "date", "table", "const", "each", "fields"}


class Unsendable(NamedTuple):
    """Why a record cannot be put into an endpoint's form."""

    code: str
    message: str


class _Entry(NamedTuple):
    wire: str
    path: tuple[str, ...] = ()
    const: Any = None
    date: str | None = None
    table: Mapping[str, Any] | None = None
    each: "tuple[_Entry, ...] | None" = None


class PayloadMapping(NamedTuple):
    """A mapping as loaded. ``kinds`` holds the kinds it takes; ``None`` for one that passes as plain."""

    kinds: Mapping[str, tuple[_Entry, ...] | None]
    needs_code: bool
    looks_up_plan: bool

    def payload(self, kind: str, body: Body, plan: Body | None) -> dict[str, Any] | Unsendable:
        """Return the payload for a record's public form; ``plan`` is that of its plan, or None if not shown."""
        if kind not in self.kinds:
            return Unsendable("kind_not_taken", f"the mapping takes no {kind}")
        if self.needs_code and kind == "result" and not body["subject"].get("uscc"):
            return Unsendable("no_code", "the subject has no unified social credit code, and the mapping needs one")
        entries = self.kinds[kind]
        if entries is None:
            return dict(body)
        if self.looks_up_plan and kind == "result":
            tasks = plan["tasks"] if plan else ()
            task: Body = next((one for one in tasks if one["task_id"] == body["task_id"]), {})
            body = {**body, "plan": plan or {}, "task": task}
        return _written(entries, body)


def load_mapping(name: str) -> PayloadMapping:
    """Return a shipped mapping by name, or the one in a file when ``name`` ends in ``.toml``.

    Raises :class:`SettingsError` naming what is wrong with it.
    """
    try:
        if name.endswith(".toml"):
            text = Path(name).read_text("utf-8")
        else:
            folder = files("publisher.exchange") / "mappings"
            shipped = sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml"))
            if name not in shipped:
                raise SettingsError(
                    f"there is no mapping {name!r}; there are {', '.join(shipped)}, or name a .toml file"
                )
            text = (folder / f"{name}.toml").read_text("utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"the mapping {name} cannot be read: {error.strerror}") from error
    except SettingsError:
        raise
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"the mapping {name} is not valid TOML: {error}") from error
    try:
        return _loaded(values)
    except ValueError as error:
        raise SettingsError(f"the mapping {name}: {error}") from error


def _loaded(values: Mapping[str, Any]) -> PayloadMapping:
    if unknown := values.keys() - {*KINDS, "needs_code", "tables"}:
        raise ValueError(f"unknown key {min(unknown)}")
    needs_code, tables = values.get("needs_code", False), values.get("tables", {})
    if not isinstance(needs_code, bool):
        raise ValueError("needs_code is true or false")
    if not isinstance(tables, dict) or not all(isinstance(one, dict) for one in tables.values()):
        raise ValueError("[tables] holds code tables")
    kinds: dict[str, tuple[_Entry, ...] | None] = {}
    looks_up_plan = False
    for kind in KINDS:
        form = values.get(kind)
        if form == PLAIN:
            kinds[kind] = None
        elif isinstance(form, dict):
            starts: dict[str, type[BaseModel]] = {"plan": Plan, "task": Task} if kind == "result" else {}
            kinds[kind] = _entries(form, MODELS[kind], starts, tables, kind)
            looks_up_plan |= any(entry.path[:1] in (("plan",), ("task",)) for entry in kinds[kind] or ())
        elif form is not None:
            raise ValueError(f'{kind} is "plain" or a table of wire names')
    if not kinds:
        raise ValueError(f"it takes no kind of record; name one of {', '.join(KINDS)}")
    return PayloadMapping(kinds, needs_code, looks_up_plan)


def _entries(
    form: Mapping[str, Any],
    model: type[BaseModel],
    starts: Mapping[str, type[BaseModel]],
    tables: Mapping[str, Mapping[str, Any]],
    where: str,
) -> tuple[_Entry, ...]:
    found = []
    for wire, written in form.items():
        here = f"{where}.{wire}"
        if any(ord(sign) > 0xFFFF for sign in wire):
            raise ValueError(f"{here}: a wire name has no characters beyond U+FFFF")
        entry = {"from": written} if isinstance(written, str) else written
        if not isinstance(entry, dict) or entry.keys() - _ENTRY_KEYS:
            raise ValueError(f"{here}: write a path, or a table with some of {', '.join(sorted(_ENTRY_KEYS))}")
        if len(entry.keys() & {"from", "const", "each"}) != 1 or ("each" in entry) != ("fields" in entry):
            raise ValueError(f"{here}: an entry has one of from, const, or each with fields")
        if "const" in entry:
            found.append(_Entry(wire, const=_checked_constant(entry["const"], here)))
            continue
        path, inner = _checked_path(entry.get("from", entry.get("each")), model, starts, here)
        if "each" in entry:
            if inner is None:
                raise ValueError(f"{here}: {entry['each']} is no list of records")
            found.append(_Entry(wire, path, each=_entries(entry["fields"], inner, {}, tables, here)))
            continue
        if "table" in entry and entry["table"] not in tables:
            raise ValueError(f"{here}: there is no [tables.{entry['table']}]")
        if not isinstance(entry.get("date", ""), str):
            raise ValueError(f"{here}: date is a text")
        table = tables[entry["table"]] if "table" in entry else None
        found.append(_Entry(wire, path, date=entry.get("date"), table=table))
    return tuple(found)


def _checked_constant(value: Any, where: str) -> Any:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    raise ValueError(f"{where}: const is a text, a whole number, true or false")


def _checked_path(
    path: object, model: type[BaseModel], starts: Mapping[str, type[BaseModel]], where: str
) -> tuple[tuple[str, ...], type[BaseModel] | None]:
    """Return the steps of a path and, if it leads to a list of records, what these are."""
    if not isinstance(path, str):
        raise ValueError(f"{where}: a path is a text")
    steps, is_list = tuple(path.split(".")), False
    current: type[BaseModel] | None = model
    for number, step in enumerate(steps):
        if number == 0 and step in starts:
            current = starts[step]
            continue
        fields = {info.alias or name: info for name, info in current.model_fields.items()} if current else {}
        if step not in fields or step in _NEVER_PUBLIC:
            raise ValueError(f"{where}: there is no public field {path}")
        annotation = fields[step].annotation
        is_list, current = get_origin(annotation) is tuple, _model_in(annotation)
        if is_list and number < len(steps) - 1:
            raise ValueError(f"{where}: {step} is a list; use each and fields")
    return steps, current if is_list else None


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for one in get_args(annotation) if (found := _model_in(one)) is not None), None)


def _written(entries: tuple[_Entry, ...], body: Body) -> dict[str, Any] | Unsendable:
    written: dict[str, Any] = {}
    for entry in entries:
        value: Any = entry.const
        if entry.path:
            value = body
            for step in entry.path:
                value = value.get(step) if isinstance(value, Mapping) else None
        if entry.each is not None:
            members = []
            for member in value or ():
                if isinstance(one := _written(entry.each, member), Unsendable):
                    return one
                members.append(one)
            value = members
        elif entry.table is not None and value is not None:
            if value not in entry.table:
                return Unsendable("no_wire_code", f"{entry.wire}: the mapping's table has no code for {value!r}")
            value = entry.table[value]
        elif entry.date is not None and value is not None:
            value = _date(value, entry.date)
        written[entry.wire] = value
    return written


def _date(value: str, form: str) -> str | int:
    day = date.fromisoformat(value)
    if form == "epoch_ms":
        return int(datetime.combine(day, time(), SHANGHAI).timestamp()) * 1000
    return day.strftime(form)
