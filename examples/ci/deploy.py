"""Bring the folder that is served in step with the site: removals first, then what is new, then what changed.

``deploy.py PUBLISHER TARGET MARKER``, started where publisher.toml is. MARKER is a file with the number of the release
that TARGET shows; without it the two folders are compared as wholes. Every file appears by rename, so nobody reads half
of one, and a deployment that is killed is finished by the next: the marker moves last, and doing it again does no harm.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SITE = Path("output")
LISTS = Path("var/releases")
INCOMING = ".incoming"  # inside the target, since it may be a disk of its own; web servers hide what begins with a dot
WITNESS = "search/index.json"  # every site of ours has it


class Step(NamedTuple):
    """What is to be done with one file."""

    op: str  # remove, add or change
    path: str


class Impossible(Exception):
    """Nothing was touched, and why."""


def main(publisher: str, target: Path, marker: Path) -> None:
    """Deploy the latest release; print how many files changed."""
    site = SITE.resolve()  # the tree of this release, whatever the link says later
    release, since = latest(), read(marker)
    steps = None if since is None or since > release else listed(publisher, since)
    if steps is None:
        steps = compared(site, target)
    check(steps, site, target)
    counted = {op: apply(op, steps, site, target) for op in ("remove", "add", "change")}
    shutil.rmtree(target / INCOMING, ignore_errors=True)
    beside = marker.with_suffix(".new")
    beside.write_text(f"{release}\n", "utf-8")
    beside.replace(marker)
    print(
        f"deploy: release {release}: " + ", ".join(f"{op} {number}" for op, number in counted.items()), file=sys.stderr
    )


def latest() -> int:
    """Return the number of the release that ``output`` shows."""
    return max(int(file.stem) for file in LISTS.glob("*.jsonl"))


def read(marker: Path) -> int | None:
    """Return the number of the release that is deployed; ``None`` before the first, and when it cannot be told."""
    try:
        return int(marker.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def listed(publisher: str, since: int) -> list[Step] | None:
    """Return what the releases after ``since`` changed; ``None`` when not all of their lists are kept any more."""
    told = subprocess.run(  # noqa: S603 (the operator's own command)
        [publisher, "deploy-list", "--since", str(since)], stdout=subprocess.PIPE, text=True, check=False
    )
    if told.returncode:
        return None
    lines = (json.loads(line) for line in told.stdout.splitlines())
    return [Step(line["op"], line["path"]) for line in lines]


def compared(site: Path, target: Path) -> list[Step]:
    """Return what makes the target equal to the site, by comparing every file."""
    there = set(files(target))
    if there and WITNESS not in there and not (target / INCOMING).exists():  # that one is a first deployment, killed
        raise Impossible(f"{target} is not empty and holds no site of ours; empty it or name another folder")
    wanted = list(files(site))
    steps = [Step("remove", path) for path in sorted(there.difference(wanted))]
    return steps + [Step("change" if path in there else "add", path) for path in wanted]


def files(folder: Path) -> Iterator[str]:
    """Yield the files below a folder, relative to it."""
    for place, _, names in os.walk(folder):
        inside = Path(place).relative_to(folder)
        yield from ((inside / name).as_posix() for name in names)


def check(steps: list[Step], site: Path, target: Path) -> None:
    """Raise before anything is touched when the list and the site are not of one another."""
    for step in steps:
        parts = step.path.split("/")
        if step.op not in ("remove", "add", "change") or step.path.startswith("/") or ".." in parts:
            raise Impossible(f"the list is not understood: {step.op}")
        if step.op != "remove" and not (site / step.path).is_file():
            raise Impossible("the site lacks a file of the list; run `publisher run` again")
    if target.resolve().is_relative_to(site) or site.is_relative_to(target.resolve()):
        raise Impossible("the site and the folder it is deployed to must lie apart")


def apply(op: str, steps: list[Step], site: Path, target: Path) -> int:
    """Do the steps of one kind; return how many files it touched."""
    incoming = target / INCOMING
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    touched = 0
    for step in steps:
        if step.op != op:
            continue
        there, new = target / step.path, site / step.path
        if op == "remove":
            touched += there.exists()
            remove(there, target)
        elif not same(new, there):
            shutil.copyfile(new, incoming / "file")
            there.parent.mkdir(parents=True, exist_ok=True)
            (incoming / "file").replace(there)
            touched += 1
    return touched


def remove(file: Path, target: Path) -> None:
    """Remove a file, and the folders that held nothing else."""
    file.unlink(missing_ok=True)
    for folder in file.parents:
        if folder == target:
            break
        try:
            folder.rmdir()
        except OSError:
            break


def same(new: Path, there: Path) -> bool:
    """Tell whether the file is there already: rewriting it would make every reader fetch it again."""
    try:
        if there.stat().st_size != new.stat().st_size:
            return False
    except FileNotFoundError:
        return False
    with new.open("rb") as one, there.open("rb") as other:
        return hashlib.file_digest(one, "sha256").digest() == hashlib.file_digest(other, "sha256").digest()


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
    except (Impossible, OSError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        sys.exit(1)
