"""Whether every published plan and item list is where it should be, and says what the ledger says."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from publisher import paths
from publisher.audit.difference import Difference
from publisher.audit.downloads import BROKEN, csv_rows, json_records, part_of
from publisher.audit.pages import PageText
from publisher.audit.reading import normal
from publisher.ledger import shown
from publisher.ledger.shown import Shown


def of_plans(connection: Connection, output: Path) -> Iterator[Difference]:
    """Yield what is not as it should be on the pages and in the downloads of plans."""
    for one in shown.all_of(connection, "plan"):
        year, plan_id, tasks = one.body["year"], one.row.record_id, one.body["tasks"]
        name, rule = f"plan {plan_id}", one.row.rule
        files = _Files(output, name, rule)
        named = {task["task_id"]: task["name"] for task in tasks}
        address = paths.plan(year, plan_id)
        yield from files.page(address, one, named, "task")
        for task_id, title in named.items():
            where = paths.task(year, plan_id, task_id)
            page = files.read(where)
            if page is None:
                yield Difference("missing", where, f"{name}: task {task_id}", rule)
            elif normal(title) not in (page.heading or ""):  # a cancelled one says so
                yield Difference("differs", where, f"{name}: task {task_id} name", rule)
        yield from files.listed(paths.plans_year(year), address)
        yield from files.json(paths.data_plan(year, plan_id, "json"), one)
        rows = [[str(task["seq"]), task["task_id"], task["name"]] for task in tasks]
        yield from files.csv(paths.data_plan(year, plan_id, "csv"), ("seq", "task_id", "name"), rows)


def of_item_lists(connection: Connection, output: Path) -> Iterator[Difference]:
    """Yield what is not as it should be on the pages and in the downloads of item lists."""
    for one in shown.all_of(connection, "item_list"):
        list_id, items = one.row.record_id, one.body["items"]
        files = _Files(output, f"item list {list_id}", one.row.rule)
        address = paths.item_list(list_id)
        yield from files.page(address, one, {item["item_code"]: item["name"] for item in items}, "item")
        yield from files.listed(paths.ITEMS, address)
        yield from files.json(paths.data_items(list_id, "json"), one)
        rows = [[item["item_code"], item["name"], item["basis"]] for item in items]
        yield from files.csv(paths.data_items(list_id, "csv"), ("item_code", "name", "basis"), rows)


class _Files:
    """The files that tell of one record."""

    def __init__(self, output: Path, name: str, rule: str | None) -> None:
        self._output, self._name, self._rule = output, name, rule

    def read(self, address: str) -> PageText | None:
        try:
            return PageText.of_file(self._output / paths.file_of(address))
        except (OSError, UnicodeDecodeError):
            return None

    def page(self, address: str, one: Shown, parts: Mapping[str, str], word: str) -> Iterator[Difference]:
        page = self.read(address)
        if page is None:
            yield Difference("missing", address, f"{self._name}: its page", self._rule)
            return
        if page.heading != normal(one.body["title"]):
            yield Difference("differs", address, f"{self._name}: title", self._rule)
        told = page.within(parts)
        for part_id, title in parts.items():
            texts = told.get(part_id)
            if texts is None:
                yield Difference("missing", address, f"{self._name}: {word} {part_id}", self._rule)
            elif normal(title) not in "\n".join(texts):
                yield Difference("differs", address, f"{self._name}: {word} {part_id} name", self._rule)

    def listed(self, address: str, wanted: str) -> Iterator[Difference]:
        page = self.read(address)
        if page is None or not any(href.endswith(wanted) for href, _ in page.links):
            yield Difference("missing", address, f"{self._name}: its row", self._rule)

    def json(self, address: str, one: Shown) -> Iterator[Difference]:
        try:
            held = list(json_records(self._output / paths.file_of(address)))
        except BROKEN as error:
            yield Difference("missing", address, f"{self._name} ({type(error).__name__})", self._rule)
            return
        wanted = {"ref": one.row.ref, **one.body}
        if [part_of(record, wanted) for record in held] != [wanted]:
            yield Difference("differs", address, self._name, self._rule)

    def csv(self, address: str, columns: Sequence[str], rows: list[list[Any]]) -> Iterator[Difference]:
        try:
            held = list(csv_rows(self._output / paths.file_of(address), columns))
        except BROKEN as error:
            yield Difference("missing", address, f"{self._name} ({type(error).__name__})", self._rule)
            return
        if held != rows:
            yield Difference("differs", address, self._name, self._rule)
