"""Builds an index of invented subjects in a process of its own, and tells what it took, as JSON on standard output."""

import argparse
import json
import os
import pickle
import resource
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, insert
from tests.bench.search.names import OUTCOMES

from publisher import searchfile
from publisher.ledger import Ledger
from publisher.ledger.owed import owe_pages
from publisher.ledger.schema import subject
from publisher.site.install import Tree
from publisher.site.search import coding, state
from publisher.site.search.entry import Entry
from publisher.site.search.index import Builder, undisturbed
from publisher.site.search.update import Index

WORDS = {name: name for name in OUTCOMES}


class Pickled:
    """Subjects from a file of pickles, with some of them changed or gone."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.changed: dict[int, Entry | None] = {}

    def every(self, connection: Connection | None = None) -> Iterator[Entry]:
        with self.file.open("rb") as source:
            while True:
                try:
                    chunk = pickle.load(source)
                except EOFError:
                    return
                for entry in chunk:
                    now = self.changed.get(entry.subject_no, entry) if self.changed else entry
                    if now is not None:
                        yield now

    def some(self, connection: Connection, numbers: Sequence[int]) -> dict[int, Entry]:
        found = {number: self.changed[number] for number in numbers}
        return {number: entry for number, entry in found.items() if entry is not None}

    def others(self, connection: Connection) -> Iterator[tuple[str, str, str, str]]:
        for number in range(200):
            yield "task", f"{2020 + number % 6} 年度第 {number} 项部门联合抽查任务", f"/plans/{number}/", "年度抽查计划"


def save(entries: Iterator[Entry], file: Path) -> None:
    """Write subjects to a file of pickles."""
    with file.open("wb") as target:
        chunk: list[Entry] = []
        for entry in entries:
            chunk.append(entry)
            if len(chunk) == 5000:
                pickle.dump(chunk, target)
                chunk = []
        pickle.dump(chunk, target)


def cpu() -> float:
    """Return the seconds this process has used, and those it has waited for."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak() -> int:
    """Return the most memory this process has held, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def tree_size(folder: Path) -> tuple[int, int, dict[str, int]]:
    """Return bytes, files, and bytes by kind of file."""
    kinds: dict[str, int] = {}
    files = 0
    for path, _, names in os.walk(folder):
        for name in names:
            files += 1
            kind = Path(path).name.rstrip("0123456789") or "beside"
            kinds[kind] = kinds.get(kind, 0) + (Path(path) / name).stat().st_size
    return sum(kinds.values()), files, kinds


def only_build(source: Pickled) -> dict[str, object]:
    """Build every file and keep none: the cost of the index itself, without the disk and the ledger."""
    begun = cpu()
    count = sum(1 for _ in source.every())
    reading = cpu() - begun
    begun, wall = cpu(), time.perf_counter()
    total = 0
    at_sounds = 0.0
    sounds = begun
    with undisturbed():
        for unit, content in Builder(source.every(), OUTCOMES).files():
            total += len(content)
            if unit.startswith("k/"):
                at_sounds = cpu()
            elif unit.startswith("s/"):
                sounds = cpu()
    for_sounds = sounds - at_sounds if at_sounds else 0.0
    took = {"cpu_s": round(cpu() - begun - reading - for_sounds, 1), "sounds_cpu_s": round(for_sounds, 1)}
    clock = round(time.perf_counter() - wall, 1)
    return {"subjects": count, **took, "wall_s": clock, "peak_mib": peak(), "bytes": total}


def install(source: Pickled, folder: Path) -> tuple[Ledger, Tree, dict[str, object]]:
    """Install an index of all subjects under a folder."""
    ledger = Ledger(f"sqlite:///{folder}/ledger.db")
    tree = Tree(folder / "output")
    begun, wall = cpu(), time.perf_counter()
    with ledger.transaction() as connection:
        owe_pages(connection, [("search", "")])
    Index(source, WORDS, ledger, tree).update()
    size, files, kinds = tree_size(folder / "output" / "search")
    took = {"installed_cpu_s": round(cpu() - begun, 1), "installed_wall_s": round(time.perf_counter() - wall, 1)}
    manifest = (folder / "output/search/index.json").stat().st_size
    return ledger, tree, took | {"bytes": size, "files": files, "kinds": kinds, "manifest": manifest}


def change(source: Pickled, ledger: Ledger, tree: Tree, changes: dict[int, Entry | None]) -> dict[str, object]:
    """Change subjects, update the index, and tell what that took and what must be published."""
    source.changed |= changes
    with ledger.transaction() as connection:
        known = {number for (number,) in connection.execute(subject.select().with_only_columns(subject.c.subject_no))}
        rows = [
            {"subject_no": number, "key": str(number), "kind": "enterprise", "name": "", "region_code": "", "path": ""}
            for number in changes if number not in known
        ]  # fmt: skip
        if rows:
            connection.execute(insert(subject), rows)
        owe_pages(connection, [("search_subject", str(number)) for number in changes])
    folder = tree.output / "search"
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*.*")}
    begun, wall = cpu(), time.perf_counter()
    done = Index(source, WORDS, ledger, tree).update()
    took = {"cpu_s": round(cpu() - begun, 2), "wall_s": round(time.perf_counter() - wall, 2)}
    fresh = [file for file in folder.rglob("*.*") if before.get(file) != file.stat().st_mtime_ns]
    return took | {
        "written": done.written,
        "removed": done.removed,
        "publish_bytes": sum(one.stat().st_size for one in fresh),
    }


def some_changes(entries: list[Entry], known: int, new: int) -> dict[int, Entry | None]:
    """Return results of known subjects and new subjects, as one day brings them."""
    step = max(1, len(entries) // known)
    today = date(2026, 1, 5).toordinal()
    found: dict[int, Entry | None] = {}
    for one in entries[::step][:known]:
        pairs = tuple(sorted({*one.pairs, (2026, "found")}))
        found[one.subject_no] = one._replace(results=one.results + 1, latest=today, pairs=pairs)
    for number in range(new):
        one = entries[number * 7]
        code = f"9132{number:014}"
        found[len(entries) + number + 1] = one._replace(
            subject_no=len(entries) + number + 1, name=f"新{one.name}", uscc=code, former_names=(), reg_no=None,
            path=f"/subjects/{code[2:8]}/{code}.html", latest=today, pairs=((2026, "none_found"),), results=1,
        )  # fmt: skip
    return found


def opened(folder: Path) -> tuple[Ledger, Tree]:
    return Ledger(f"sqlite:///{folder}/ledger.db"), Tree(folder / "output")


def changes(source: Pickled, folder: Path) -> Iterator[dict[str, object]]:
    """Bring a day's changes into an installed index, then withdraw a hundred subjects; yield what each took."""
    ledger, tree = opened(folder)
    entries = list(source.every())
    yield {"changed": change(source, ledger, tree, some_changes(entries, 700, 300))}
    gone = entries[5 :: len(entries) // 100][:100]
    with ledger.reading() as connection:
        now = state.load(connection)
    assert now is not None
    wanted = {one.subject_no for one in gone}
    docs = {doc for doc, number in enumerate(now.base.subjects) if number in wanted}
    codes = {one.uscc[8:16] for one in gone if one.uscc}
    before = left(tree.output / "search", docs, codes)
    took = change(source, ledger, tree, {one.subject_no: None for one in gone})
    size = (folder / "output/search/index.json").stat().st_size
    yield {"withdrawn": took, "traces": [before, left(tree.output / "search", docs, codes)], "manifest": size}
    ledger.close()


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("what", choices=("only", "install", "changes"))
    asked.add_argument("file", type=Path)
    asked.add_argument("folder", type=Path, nargs="?")
    chosen = asked.parse_args()
    source = Pickled(chosen.file)
    if chosen.what == "only":
        print(json.dumps(only_build(source)))
    elif chosen.what == "install":
        ledger, _, told = install(source, chosen.folder)
        print(json.dumps(told))
        ledger.close()
    else:
        for told in changes(source, chosen.folder):
            print(json.dumps(told), flush=True)


def left(folder: Path, gone: set[int], codes: set[str]) -> int:
    """Return how often the whole index still has a subject that is gone: its number in any table or list, its code."""
    found = 0
    for file in folder.rglob("*.bin"):
        kind = file.parent.name.rstrip("0123456789")
        if kind in ("l", "f", "a", "y"):
            found += len(gone.intersection(searchfile.numbers(file.read_bytes())))
        elif kind in ("g", "k", "r", "c"):
            rows = coding.Rows.read(searchfile.sections(file.read_bytes())[0])
            found += len(gone.intersection(rows.docs))
            found += sum(code[-8:] in codes for code in rows.columns[1]) if rows.docs else 0
        elif kind == "p":
            keys = {row.split("\t")[0][8:16] for row in searchfile.sections(file.read_bytes())[0].split("\n")}
            found += len(keys & codes)
    return found


if __name__ == "__main__":
    main()
