"""The folder source: which files are read, in what order, how often, and how their text may be wrong."""

import json
import os
from pathlib import Path

import pytest

from publisher.errors import SourceUnavailable
from publisher.model import Problem, Received, SetAside
from publisher.source import CountsRow, FileGone, FileSeen, FolderSource, Unchecked, check, pull, pull_leaving, unread
from publisher.source.jsonfiles import LONGEST_LINE

from .conftest import INTAKE, Folder, of_type, result, text


def ids(events: list[object]) -> list[str]:
    return [event.raw["result_id"] for event in of_type(events, Received)]


def problems(events: list[object]) -> list[tuple[str, str | None, int | None]]:
    return [(one.code, one.file, one.line) for one in of_type(events, Problem)]


def numbered(*numbers: int) -> list[bytes]:
    return [text(result("result_id", f"R-{number}")) for number in numbers]


def test_files_of_any_depth_are_read_in_the_order_of_their_paths(folder: Folder) -> None:
    one, two, three, four = numbered(1, 2, 3, 4)
    folder.write("results/b/deep/er.jsonl", three)
    folder.write("results/a.JSON", one)
    folder.write("results/b.json", b"[" + four + b"]")
    folder.write("plans/x.jsonl", two)
    folder.write("documents/read.me", "outside")
    folder.write("README.md", "outside")
    events = folder.pull()
    assert ids(events) == ["R-2", "R-1", "R-3", "R-4"]
    assert problems(events) == []
    assert ids(folder.pull()) == ids(events)


def test_a_line_is_told_with_its_number_and_the_rest_goes_on(folder: Folder) -> None:
    one, two = numbered(1, 2)
    folder.write("results/a.jsonl", b"\xef\xbb\xbf" + one + b"\r\n\r\n{broken}\r\n  \r\n" + two + b"\r\n")
    events = folder.pull()
    assert ids(events) == ["R-1", "R-2"]
    assert [event.line for event in of_type(events, Received)] == [1, 5]
    (aside,) = of_type(events, SetAside)
    assert (aside.problem.code, aside.problem.line, aside.raw) == ("not_json", 3, "{broken}")


def test_a_file_still_being_written_is_read_again(folder: Folder) -> None:
    one, two = numbered(1, 2)
    folder.write("results/a.jsonl", one + b"\n" + two[:50])
    events = folder.pull()
    assert ids(events) == ["R-1"]
    assert problems(events) == [("half_file", "results/a.jsonl", 2)]
    assert of_type(events, FileSeen) == []
    folder.write("results/a.jsonl", one + b"\n" + two)
    events = folder.pull()
    assert ids(events) == ["R-1", "R-2"], "a last line without a line end is whole when it is JSON"
    assert len(of_type(events, FileSeen)) == 1


@pytest.mark.parametrize("leave", [1, 2, 3])
def test_lines_that_are_left_to_another_process_are_told_as_if_they_were_not(folder: Folder, leave: int) -> None:
    lines = [*numbered(1, 2, 3), b"{broken}", text(result("subject.uscc", "91320100MA1234567X")), b"9" * 2_000_000]
    folder.write("results/a.jsonl", b"\n".join([*lines, b'{"kind": "result"}', *numbered(4, 5)]) + b"\n")
    folder.write("results/b.jsonl", numbered(6)[0] + b"\n" + numbered(7)[0][:50])
    folder.write("results/c.json", b"[" + numbered(8)[0] + b"]")
    found = list(pull_leaving(FolderSource(folder.root), INTAKE, folder.seen, leave))
    assert len(of_type(found, Unchecked)) == 9 // leave
    assert list(check(found, INTAKE)) == folder.pull()
    assert len(ids(folder.pull())) >= 7


@pytest.mark.parametrize("cut", [0, 1, 200, -1])
def test_a_half_array_is_a_half_file(folder: Folder, cut: int) -> None:
    whole = b"[" + b",\n".join(numbered(1, 2)) + b"]"
    folder.write("results/a.json", whole[:cut])
    events = folder.pull()
    assert [code for code, _, _ in problems(events)] == ["half_file"]
    assert of_type(events, FileSeen) == []


def test_an_array_gives_the_line_each_record_begins_on(folder: Folder) -> None:
    doubled = b'{"kind": "result",\n "kind": "result"}'
    one, two = numbered(1, 2)
    folder.write("results/a.json", b"\n[\n" + one + b",\n\n" + doubled + b",\n" + two + b"\n]\n")
    events = folder.pull()
    assert [(event.raw["result_id"], event.line) for event in of_type(events, Received)] == [("R-1", 3), ("R-2", 7)]
    (aside,) = of_type(events, SetAside)
    assert (aside.problem.code, aside.problem.line) == ("duplicate_key", 5)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"[1 2]", "not_json"),
        (b"[{]", "not_json"),
        (b"{} {}", "not_json"),
        (b"[] x", "not_json"),
        (b"\xff\xfe[\x00]\x00", "unknown_encoding"),
        ('{"a": "南京"}'.encode("gb18030"), "unknown_encoding"),
        (b"[" * 100_000, "too_deep"),
    ],
)
def test_a_document_that_is_wrong_is_told_and_not_read_again(folder: Folder, content: bytes, code: str) -> None:
    folder.write("results/a.json", content)
    events = folder.pull()
    assert code in [found for found, _, _ in problems(events)]
    assert len(of_type(events, FileSeen)) == 1


def test_empty_things_are_no_problem(folder: Folder) -> None:
    folder.write("results/a.json", b" [ ] ")
    folder.write("results/b.jsonl", b"")
    (folder.root / "plans").mkdir()
    assert [type(event) for event in folder.pull()] == [FileSeen, FileSeen]


def test_a_line_too_long_is_set_aside_and_the_next_is_read(folder: Folder) -> None:
    (one,) = numbered(1)
    folder.write("results/a.jsonl", b"x" * (3 * LONGEST_LINE) + b"\n" + one + b"\n")
    events = folder.pull()
    assert ids(events) == ["R-1"]
    assert of_type(events, Received)[0].line == 2
    assert of_type(events, SetAside)[0].problem.code == "line_too_long"


def test_a_utf16_file_is_told_once(folder: Folder) -> None:
    folder.write("results/a.jsonl", "{}\n{}\n".encode("utf-16"))
    assert [code for code, _, _ in problems(folder.pull())] == ["unknown_encoding"]


def test_an_unchanged_file_is_skipped_and_a_touched_one_not_read(folder: Folder) -> None:
    path = folder.write("results/a.jsonl", numbered(1)[0])
    (seen,) = of_type(folder.pull(), FileSeen)
    folder.seen[seen.path] = seen.fingerprint
    assert folder.pull() == []
    os.utime(path, (1, 1))
    (touched,) = folder.pull()
    assert isinstance(touched, FileSeen)
    assert touched.fingerprint != seen.fingerprint
    path.write_bytes(numbered(2)[0])
    assert ids(folder.pull()) == ["R-2"]
    folder.seen["plans/gone.json"] = "x"
    folder.seen["results"] = "the mark of an api kind"
    assert of_type(folder.pull(), FileGone) == [FileGone("plans/gone.json")]


def test_only_what_was_not_read_counts_as_unread(folder: Folder) -> None:
    source, (one, two) = FolderSource(folder.root), numbered(1, 2)
    assert unread(source, {}) == 0
    folder.write("results/deep/a.jsonl", one)
    folder.write("README.md", "outside")
    assert unread(source, {}) == len(one)
    (seen,) = of_type(folder.pull(), FileSeen)
    assert unread(source, {seen.path: seen.fingerprint}) == 0
    folder.write("results/deep/a.jsonl", one + b"\n" + two)
    assert unread(source, {seen.path: seen.fingerprint}) == len(one + b"\n" + two)


def test_a_killed_pull_repeats_its_file(folder: Folder) -> None:
    folder.write("results/a.jsonl", b"\n".join(numbered(1, 2)))
    started = pull(FolderSource(folder.root), INTAKE, {})
    assert isinstance(next(iter(started)), Received)
    started.close()  # type: ignore[attr-defined]
    assert ids(folder.pull()) == ["R-1", "R-2"]


def test_a_file_that_changes_while_it_is_read_is_not_seen(folder: Folder) -> None:
    path = folder.write("results/a.jsonl", b"\n".join(numbered(1, 2)))
    events = []
    for event in pull(FolderSource(folder.root), INTAKE, {}):
        if not events:
            with path.open("ab") as more:
                more.write(b"\n" + numbered(3)[0])
        events.append(event)
    assert problems(events) == [("half_file", "results/a.jsonl", None)]
    assert of_type(events, FileSeen) == []


def test_what_is_not_a_record_file_is_told(folder: Folder, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "secret.json").write_bytes(numbered(9)[0])
    for name in ("a.txt", "a.json.tmp", ".hidden.json", ".git/x.json", "noext", "head.toml"):
        folder.write(f"results/{name}", numbered(9)[0])
    folder.write("plans/lonely.toml", "")
    (folder.root / "results/link.json").symlink_to(outside / "secret.json")
    (folder.root / "results/dir").symlink_to(outside)
    (folder.root / "results/loop").symlink_to(folder.root / "results")
    (folder.root / "results/up").symlink_to(folder.root)
    (folder.root / "results/broken.json").symlink_to(folder.root / "results/none.json")
    (folder.root / "cases").symlink_to(outside)
    (folder.root / "counts.csv").symlink_to(outside / "secret.json")
    os.mkfifo(folder.root / "results/pipe.json")
    (folder.root / "item_lists").write_text("a file")
    Path(os.fsdecode(os.fsencode(folder.root / "results") + b"/\xff.json")).write_bytes(numbered(9)[0])
    events = folder.pull()
    assert ids(events) == []
    assert sorted((code, str(file)) for code, file, _ in problems(events)) == [
        ("bad_file_name", "results/\\xff.json"),
        ("dot_file", "results/.git"),
        ("dot_file", "results/.hidden.json"),
        ("head_without_table", "plans/lonely.toml"),
        ("link_outside", "cases"),
        ("link_outside", "counts.csv"),
        ("link_outside", "results/dir"),
        ("link_outside", "results/link.json"),
        ("link_outside", "results/up"),
        ("link_to_folder", "results/loop"),
        ("not_a_file", "item_lists"),
        ("not_a_file", "results/pipe.json"),
        ("unknown_file", "results/a.json.tmp"),
        ("unknown_file", "results/a.txt"),
        ("unknown_file", "results/head.toml"),
        ("unknown_file", "results/noext"),
        ("unreadable", "results/broken.json"),
    ]
    json.dumps([problem._asdict() for problem in of_type(events, Problem)]).encode()


def test_a_link_inside_is_read(folder: Folder) -> None:
    folder.write("results/a.jsonl", numbered(1)[0])
    (folder.root / "results/b.jsonl").symlink_to("a.jsonl")
    assert ids(folder.pull()) == ["R-1", "R-1"]


def test_no_folder_is_unavailable_and_an_empty_one_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none", Path(__file__)):
        with pytest.raises(SourceUnavailable, match="source"):
            list(pull(FolderSource(path), INTAKE, {}))
    assert [code for code, _, _ in problems(list(pull(FolderSource(tmp_path), INTAKE, {})))] == ["empty_source"]


def test_counts(folder: Folder) -> None:
    folder.write("results/a.jsonl", b"")
    folder.write(
        "counts.csv",
        "authority,period,all_inspections,library_subjects\n甲局,2021,100,\n乙局,2021,约5,7\n,2021,1,1\n丙局,2021H1,0,9\n",
    )
    events = folder.pull()
    assert of_type(events, CountsRow) == [CountsRow("甲局", "2021", 100, None), CountsRow("丙局", "2021H1", 0, 9)]
    assert problems(events) == [("wrong_value", "counts.csv", 3), ("missing_key", "counts.csv", 4)]
