"""Bombs: a few kilobytes that ask for more memory than there is. A process of its own, which may not take more than a
fixed amount, pulls them all: each is told, and what stands beside them is taken.
"""

import io
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from publisher.source import survey
from publisher.source.text import Fault

from .conftest import Folder
from .test_hostile_input import HEADINGS, MB, line, sheet_row, workbook

MEMORY = 1200 * MB
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
FAR = ('<row r="1"><c r="A1"><v>1</v></c></row>', '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')


def sheet(*rows: str, before: str = "") -> bytes:
    return f'{before}<worksheet xmlns="{MAIN}"><sheetData>{"".join(rows)}</sheetData></worksheet>'.encode()


def related(*relations: str) -> bytes:
    return f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(relations)}</Relationships>'.encode()


def package(
    *sheets: bytes,
    strings: bytes = b"",
    listed: int = 0,
    place: str = "worksheets/s{}.xml",
    more: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return a workbook written by hand: what no office program writes."""
    count, out = listed or len(sheets), io.BytesIO()
    relations = [
        f'<Relationship Id="r{one}" Type="{OFFICE}/worksheet" Target="{place.format(one)}"/>'
        for one in range(len(sheets))
    ]
    relations.append(f'<Relationship Id="rs" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/>')
    names = [f'<sheet name="S{one}" sheetId="{one + 1}" r:id="r{one % len(sheets)}"/>' for one in range(count)]
    root = f'<Relationship Id="r" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    book = f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{"".join(names)}</sheets></workbook>'
    parts = {
        "_rels/.rels": related(root),
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>'.encode(),
        "xl/workbook.xml": book.encode(),
        "xl/_rels/workbook.xml.rels": related(*relations),
        **{f"xl/{place.format(number)}": content for number, content in enumerate(sheets)},
        "xl/sharedStrings.xml": strings or f'<sst xmlns="{MAIN}"/>'.encode(),
        **(more or {}),
    }
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for name, content in parts.items():
            packed.writestr(name, content)
    return out.getvalue()


def zeros() -> bytes:
    """A workbook of which a sheet unpacks to 1 GB."""
    out = io.BytesIO(package(sheet()))
    with (
        zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as book,
        book.open("xl/worksheets/s1.xml", "w") as part,
    ):
        for _ in range(1024):
            part.write(bytes(MB))
    return out.getvalue()


def lying() -> bytes:
    """A workbook whose list of parts says that 100 MB of shared texts are ten bytes."""
    out = io.BytesIO(package(sheet(), strings=b"x"))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as book:
        with book.open("xl/other.xml", "w") as part:
            for _ in range(100):
                part.write(b"<si/>" * (MB // 5))
        for one in book.infolist():
            one.file_size = min(one.file_size, 10) if one.filename == "xl/other.xml" else one.file_size
    return out.getvalue()


LAUGHS = "".join(f'<!ENTITY {chr(98 + one)} "{f"&{chr(97 + one)};" * 10}">' for one in range(12))
LONG = f'<sst xmlns="{MAIN}"><si><t>{"x" * MB}</t></si></sst>'.encode()
SHOWN = tuple(f'<row r="{one}"><c r="A{one}" t="s"><v>0</v></c></row>' for one in range(1, 5001))
BOMBS: Mapping[str, Callable[[], bytes]] = {
    "zeros": zeros,
    "lying": lying,
    "laughs": lambda: package(
        sheet(
            '<row r="1"><c r="A1" t="inlineStr"><is><t>&m;</t></is></c></row>',
            before=f'<!DOCTYPE x [<!ENTITY a "ha">{LAUGHS}]>',
        )
    ),
    "far": lambda: package(sheet(*FAR)),
    "far-quotes": lambda: package(sheet(*FAR).replace(b'"', b"'")),
    "far-spaces": lambda: package(sheet(*FAR).replace(b"r=", b"r = ")),
    "far-small": lambda: package(sheet(*FAR).replace(b'r="XFD', b'r="xfd')),
    "far-prefix": lambda: package(sheet(*FAR).replace(b"<c ", b"<x:c ").replace(b"</c>", b"</x:c>")),
    "far-elsewhere": lambda: package(sheet(*FAR), place="other/s{}.bin"),
    "far-picture": lambda: package(sheet(*FAR), place="media/s{}.PNG"),
    "far-attribute": lambda: package(sheet(*FAR).replace(b"<c ", b'<c s=">" ')),
    "far-padded": lambda: package(sheet(*FAR).replace(b"<c ", b"<c" + b" " * 200_000)),
    "far-in-quotes": lambda: package(sheet(*FAR).replace(b'<c r="XFD', b'<c s="' + b"<c>" * MB + b'" r="XFD')),
    "far-on-the-edge": lambda: package(
        b" " * (MB - 40) + sheet(*FAR).replace(b"<c r", b'<c s="' + b"<" * 900 + b'" r')
    ),
    "far-long-prefix": lambda: package(sheet(*FAR).replace(b"<c ", b"<" + b"p" * 200_000 + b":c ")),
    "far-unplaced": lambda: package(sheet(FAR[0], '<row r="1048576">' + "<c><v>1</v></c>" * 16_000 + "</row>")),
    "far-row-unplaced": lambda: package(
        sheet(FAR[0], "<row/>" * 400_000, "<row>" + "<c><v>1</v></c>" * 16_000 + "</row>")
    ),
    "far-wide": lambda: package(
        sheet(*FAR, before='<?xml version="1.0" encoding="UTF-16"?>').decode().encode("utf-16")
    ),
    "many-sheets": lambda: package(*[sheet(FAR[0], '<row r="300"><c r="XFD300"><v>1</v></c></row>')] * 60),
    "one-sheet-often": lambda: package(sheet(FAR[0], '<row r="300"><c r="XFD300"><v>1</v></c></row>'), listed=60),
    "shared": lambda: package(sheet(*SHOWN), strings=LONG),
    "shared-spread": lambda: package(sheet(*SHOWN).replace(b"<v>0", b"<f/><v >0"), strings=LONG),
    "dimension": lambda: package(
        b'<worksheet xmlns="' + MAIN.encode() + b'"><dimension ref="A1:XFD1048576"/><sheetData/></worksheet>'
    ),
    "merged": lambda: package(
        sheet(FAR[0]).replace(
            b"</sheetData>", b"</sheetData><mergeCells>" + b'<mergeCell ref="A1:XFD1048576"/>' * 1000 + b"</mergeCells>"
        )
    ),
}
NO_HEADING = {"dimension", "merged"}  # they only look large
CHILD = """
import json, resource, sys
from pathlib import Path
from publisher.model import Intake
from publisher.source import FolderSource, pull
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
for event in pull(FolderSource(Path(sys.argv[1])), Intake({"未发现问题": "clear"}, True), {}):
    print(json.dumps([type(event).__name__, getattr(event, "file", None), getattr(event, "code", None)]))
status = Path("/proc/self/status").read_text()  # what getrusage tells includes the process that started this one
print(json.dumps(["peak", int(status.split("VmHWM:")[1].split()[0]), None]))
"""


def test_a_bomb_is_told_before_it_fills_the_memory(folder: Folder) -> None:
    for name, made in BOMBS.items():
        folder.write(f"results/{name}.xlsx", made())
    folder.write("results/~last.xlsx", workbook(HEADINGS.split(","), sheet_row("good")))
    folder.write("results/lines.jsonl", b"[" * (64 * MB) + b"\n" + line("after"))
    folder.write("results/document.json", b'{"a":' * (4 * MB))
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder.root), str(MEMORY)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    events = [json.loads(one) for one in ran.stdout.splitlines()]
    told = {Path(file).stem: code for kind, file, code in events if kind == "Problem"}
    assert {name: told.get(name) in ("too_large", "unreadable") for name in BOMBS} == {
        name: name not in NO_HEADING for name in BOMBS
    }
    assert {told[name] for name in NO_HEADING} == {"no_heading"}
    assert told["document"] == "too_deep"
    assert [file for kind, file, _ in events if kind == "SetAside"] == [None]
    assert [file for kind, file, _ in events if kind == "Received"] == ["results/lines.jsonl", "results/~last.xlsx"]
    assert events[-1][1] < 500 * 1024  # KB: what was refused was not unpacked either


def test_shared_texts_without_end_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey, "MOST_CELLS", 1000)
    book = tmp_path / "a.xlsx"
    book.write_bytes(package(sheet(), strings=f'<sst xmlns="{MAIN}">'.encode() + b"<si/>" * 900 + b"</sst>"))
    assert survey.survey(book) == 0
    book.write_bytes(package(sheet(), strings=f'<sst xmlns="{MAIN}">'.encode() + b"<si/>" * 1100 + b"</sst>"))
    found = survey.survey(book)
    assert isinstance(found, Fault)
    assert found.code == "too_large"


def test_an_honest_workbook_of_many_equal_texts_is_read(tmp_path: Path) -> None:
    text = f'<sst xmlns="{MAIN}"><si><t>{"x" * MB}</t></si><si><t>甲</t></si></sst>'.encode()
    (tmp_path / "a.xlsx").write_bytes(
        package(sheet(*SHOWN[:2], *(one.replace("<v>0", "<v>1") for one in SHOWN[2:])), strings=text)
    )
    assert survey.survey(tmp_path / "a.xlsx") == 0


def test_pictures_and_long_blobs_of_an_honest_workbook_are_no_fault(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes(200_000)
    more = {
        "xl/media/image1.png": noise + b'<c r="XFD1048576' + noise,
        "customXml/item1.xml": b"<x>" + b"A" * (3 * MB) + b"</x>",
    }
    (tmp_path / "a.xlsx").write_bytes(package(sheet(FAR[0]), more=more))
    assert survey.survey(tmp_path / "a.xlsx") == 0
