"""An endpoint that is a folder: files out, receipts back."""

import json

import pytest

from publisher.exchange import Endpoint, Pushed


@pytest.fixture
def book(new_book, tmp_path):
    return new_book(Endpoint("credit", "filedrop", path=tmp_path / "drop", batch_records=3))


@pytest.fixture
def drop(book):
    return book.endpoint.path


def names(drop):
    return sorted(one.name for one in (drop / "outbox").iterdir())


def records(drop):
    files = sorted((drop / "outbox").glob("*.jsonl"))
    return [[json.loads(line) for line in file.read_text("utf-8").splitlines()] for file in files]


def answer(drop, *, leave_out=(), tail="", status="accepted"):
    """Answer every file that lies there and was not answered, as the other side would."""
    (drop / "feedback").mkdir(exist_ok=True)
    for ready in (drop / "outbox").glob("*.ready"):
        feedback = drop / "feedback" / f"{ready.stem}.jsonl"
        if feedback.exists():
            continue
        lines = [json.loads(line) for line in ready.with_suffix(".jsonl").read_text("utf-8").splitlines()]
        receipts = [
            {"record_id": one["record_id"], "version": one["version"], "status": status, "receipt_no": "F-1",
             "code": None, "message": None}
            for one in lines
            if one["record_id"] not in leave_out
        ]  # fmt: skip
        feedback.write_text("".join(json.dumps(one) + "\n" for one in receipts) + tail, "utf-8")


def test_a_round(book, drop, result):
    for number in range(4):
        book.show(f"R-{number}")
    assert book.push() == Pushed(owed=4)
    assert [name.rpartition(".")[2] for name in names(drop)].count("ready") == 2
    assert len(names(drop)) == 4
    (first,) = [one for file in records(drop) for one in file if one["record_id"] == "R-0"]
    assert first.keys() == {"record_id", "kind", "version", "action", "basis", "payload", "digest"}
    assert first["payload"] == result("R-0")
    assert book.push() == Pushed(owed=4)  # no feedback yet: nothing is written twice
    assert len(names(drop)) == 4
    answer(drop)
    assert book.push() == Pushed(accepted=4)
    assert names(drop) == []
    assert len(book.held) == 4
    assert book.unsettled == []


def test_a_change_waits_until_the_first_is_answered(book, drop):
    book.show("R-1")
    book.push()
    book.stop("R-1")
    assert book.push() == Pushed(owed=1)
    assert len(records(drop)) == 1
    answer(drop)
    assert book.push() == Pushed(accepted=1, owed=1)
    assert [(one["action"], one["version"], one["payload"]) for one in records(drop)[0]] == [("withdraw", 2, None)]
    answer(drop)
    assert book.push() == Pushed(accepted=1)
    assert book.held == {"R-1": (2, "withdrawn")}


def test_a_half_written_last_line_waits(book, drop):
    for number in range(3):
        book.show(f"R-{number}")
    book.push()
    answer(drop, leave_out={"R-2"}, tail='{"record_id": "R-2", "ver')
    assert book.push() == Pushed(accepted=2, owed=1)
    assert book.push() == Pushed(owed=1)
    (feedback,) = (drop / "feedback").iterdir()
    text = feedback.read_text("utf-8")
    feedback.write_text(text + 'sion": 1, "status": "accepted", "receipt_no": "F-1"}\n', "utf-8")
    assert book.push() == Pushed(accepted=1)
    assert len(book.held) == 3
    assert [one[0] for one in book.receipts()] == ["R-0", "R-1", "R-2"]


def test_a_record_left_out_goes_into_the_next_file(book, drop):
    book.show("R-1")
    book.show("R-2")
    book.push()
    answer(drop, leave_out={"R-2"})
    assert book.push() == Pushed(accepted=1, unprocessed=1, owed=1)
    assert [one["record_id"] for one in records(drop)[0]] == ["R-2"]
    answer(drop)
    assert book.push() == Pushed(accepted=1)


def test_a_rejected_record_is_set_aside(book, drop):
    book.show("R-1")
    book.push()
    answer(drop, status="rejected")
    assert book.push() == Pushed(rejected=1, refused=1)
    assert names(drop) == []


@pytest.mark.parametrize("line", ["no json\n", "[]\n", '{"record_id": "R-9", "version": 1, "status": "accepted"}\n'])
def test_feedback_of_another_shape_is_refused_and_nothing_is_lost(book, drop, line):
    book.show("R-1")
    book.push()
    answer(drop, tail=line)
    pushed = book.push()
    assert pushed.owed == 1
    assert str(drop / "feedback") in pushed.error
    assert book.held == {}


def test_a_file_is_written_again_after_a_kill_before_it_lay_there(book, drop, monkeypatch):
    book.show("R-1")
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            book.push()
    assert not any(name.endswith("ready") for name in names(drop))
    assert book.push() == Pushed(owed=1)
    assert len(records(drop)) == 1
    answer(drop)
    assert book.push() == Pushed(accepted=1)


def test_what_a_kill_leaves_of_a_settled_file_is_removed_and_files_of_others_stay(book, drop, monkeypatch):
    book.show("R-1")
    book.push()
    answer(drop)
    with monkeypatch.context() as patched:
        patched.setattr("pathlib.Path.unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            book.push()  # killed when the receipts are noted and the file is still there
    (left, _) = names(drop)
    (drop / "outbox" / f".{left}.tmp").write_text("half", "utf-8")
    (drop / "outbox/notes.txt").write_text("theirs", "utf-8")
    assert book.push() == Pushed()
    assert names(drop) == ["notes.txt"]


def test_a_stop_after_such_a_kill_sends_neither(book, drop, monkeypatch):
    book.show("R-1")
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            book.push()
    book.stop("R-1")
    assert book.push() == Pushed()
    assert not any(name.endswith(("ready", "jsonl")) for name in names(drop))


def test_a_folder_that_cannot_be_written_is_an_endpoint_that_is_down(book, drop):
    book.show("R-1")
    drop.write_text("a file stands in the way")
    pushed = book.push()
    assert pushed.owed == 1
    assert "drop" in pushed.error
