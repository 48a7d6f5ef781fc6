"""What the platform serves: contract section 2 (api)."""

import json
import os
from datetime import datetime, timedelta

import pytest


def write(path, *texts):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(f"{text}\n" for text in texts).encode())


def pull(client, noun="results", since=None, limit=2):
    """Every record after ``since`` and the last token that was not null."""
    records, token = [], since
    while True:
        reply = client.get(f"/v1/{noun}?limit={limit}" + (f"&since={token}" if token else ""))
        assert reply.status == 200, reply.body
        page = reply.json
        assert page.keys() == {"records", "next", "as_of"}
        assert len(page["records"]) <= limit
        assert (page["next"] is None) == (page["records"] == [])
        if page["next"] is None:
            return records, token
        assert page["next"] != token
        records, token = records + page["records"], page["next"]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "platform"
    write(folder / "results/b.jsonl", *(json.dumps({"n": n}) for n in range(5)))
    return folder


def numbers(records):
    return [record["n"] for record in records]


def test_all_four_collections_in_order_of_path_then_line(run, folder):
    write(folder / "results/a/deep/x.json", '[ {"n": -3 } ,', '{"n":-2}, {"n": -1, "名": "有,]"}', "]")
    write(folder / "results/c.json", '{"n": 5}')
    write(folder / "results/empty.json", "[]")
    write(folder / "results/.hidden.jsonl", '{"n": 99}')
    write(folder / "results/table.csv", "n")
    write(folder / "elsewhere/x.jsonl", '{"n": 98}')
    write(folder / "plans/p.json", '{"kind": "plan"}')
    write(folder / "item_lists/i.json", '{"kind": "item_list"}')
    write(folder / "cases/t.jsonl", '{"kind": "case"}', '{"kind": "tombstone"}')
    client = run(folder).client
    assert numbers(pull(client)[0]) == [-3, -2, -1, 0, 1, 2, 3, 4, 5]
    assert pull(client, "plans")[0] == [{"kind": "plan"}]
    assert pull(client, "item-lists")[0] == [{"kind": "item_list"}]
    assert pull(client, "cases")[0] == [{"kind": "case"}, {"kind": "tombstone"}]


def test_records_come_as_they_are(run, tmp_path):
    line = '{"id": 12345678901234567890123, "x": 1.50, "x": "\\u4e2d",  "y":[ ]}'
    write(tmp_path / "plans/p.jsonl", "\ufeff" + line, "  " + line + " \r", "7")
    write(tmp_path / "plans/q.json", "\ufeff[" + line, "," + line + "]")
    body = run(tmp_path).client.get("/v1/plans").body
    assert body.count(line.encode()) == 4
    assert len(json.loads(body)["records"]) == 5


def test_what_is_not_json_is_skipped_counted_and_named_once(run, folder, caplog):
    write(folder / "results/a.jsonl", '{"n": 10}', "{oops", "", '{"n": NaN}', '{"n": 11}')
    write(folder / "results/z.json", "[{}")
    (folder / "results/y.jsonl").write_bytes(b'{"n": "\xff"}\n')
    client = run(folder).client
    assert numbers(pull(client)[0]) == [10, 11, 0, 1, 2, 3, 4]
    assert client.get("/_sandbox/state").json["platform"]["results"] == {"records": 7, "skipped": 4}
    write(folder / "results/a.jsonl", '{"n": 10}', "{oops", '{"n": 11}')
    pull(client)
    assert sum("results/a.jsonl" in message for message in caplog.messages) == 1


def test_a_token_gets_what_was_appended_since(run, folder):
    client = run(folder).client
    token = pull(client)[1]
    assert pull(client, since=token) == ([], token)
    with (folder / "results/b.jsonl").open("a") as file:
        file.write('{"n": 5}\n')
    write(folder / "results/a.jsonl", '{"n": -1}')  # before b.jsonl by name, after it in time
    records, later = pull(client, since=token)
    assert sorted(numbers(records)) == [-1, 5]
    assert pull(client, since=later) == ([], later)
    assert len(pull(client)[0]) == 7


def test_a_half_written_line_comes_when_it_is_whole(run, folder):
    client = run(folder).client
    token = pull(client)[1]
    with (folder / "results/b.jsonl").open("a") as file:
        file.write('{"n": ')
        file.flush()
        assert pull(client, since=token)[0] == []
        file.write("5}\n")
    assert numbers(pull(client, since=token)[0]) == [5]


def test_a_changed_record_comes_again_and_its_old_form_no_more(run, folder):
    client = run(folder).client
    first_two = client.get("/v1/results?limit=2").json["next"]
    token = pull(client)[1]
    write(folder / "results/b.jsonl", *(f'{{"n": {n}}}' for n in (0, 1, 2, 33, 4)))
    assert numbers(pull(client, since=token)[0]) == [33]
    assert numbers(pull(client, since=first_two)[0]) == [2, 4, 33]
    back = pull(client, since=token)[1]
    write(folder / "results/b.jsonl", *(f'{{"n": {n}}}' for n in range(5)))
    assert numbers(pull(client, since=back)[0]) == [3]


def test_a_change_of_the_same_size_is_seen(run, folder):
    client = run(folder).client
    token = pull(client)[1]
    path = folder / "results/b.jsonl"
    stat = path.stat()
    path.write_bytes(path.read_bytes().replace(b"4", b"9"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000))
    assert numbers(pull(client, since=token)[0]) == [9]


def test_a_text_is_never_served_torn(run, folder):
    """A file rewritten without any sign (same time, size and inode) is noticed when it is read."""
    client = run(folder).client
    pull(client)
    path = folder / "results/b.jsonl"
    stat = path.stat()
    path.write_bytes(path.read_bytes().replace(b'{"n": 4}', b"[ 123, 4").replace(b"0", b"7"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert numbers(pull(client)[0]) == [1, 2, 3, 7]


def test_a_record_that_stands_twice_is_served_twice(run, folder):
    write(folder / "results/b.jsonl", '{"n": 1}', '{"n": 1}')
    client = run(folder).client
    records, token = pull(client)
    assert numbers(records) == [1, 1]
    write(folder / "results/b.jsonl", '{"n": 1}', '{"n": 1}', '{"n": 1}')
    assert numbers(pull(client, since=token)[0]) == [1]


@pytest.mark.parametrize("kept", [True, False])
def test_a_token_means_the_same_after_a_restart(run, folder, tmp_path, kept):
    state = tmp_path / "far.db" if kept else None
    first = run(folder, state)
    middle = first.client.get("/v1/results?limit=2").json["next"]
    end = pull(first.client)[1]
    first.sandbox.stop()
    client = run(folder, state).client
    assert numbers(pull(client, since=middle)[0]) == [2, 3, 4]
    assert pull(client, since=end) == ([], end)


def test_what_came_while_the_sandbox_was_down_comes_after_an_old_token(run, folder, tmp_path):
    state = tmp_path / "far.db"
    first = run(folder, state)
    token = pull(first.client)[1]
    first.sandbox.stop()
    write(folder / "results/a.jsonl", '{"n": -1}')
    write(folder / "results/b.jsonl", *(f'{{"n": {n}}}' for n in (0, 1, 22, 3, 4)))
    second = run(folder, state)
    records, later = pull(second.client, since=token)
    assert numbers(records) == [-1, 22]
    second.sandbox.stop()
    (folder / "results/a.jsonl").unlink()
    client = run(folder, state).client
    assert pull(client, since=later) == ([], later)
    assert numbers(pull(client)[0]) == [0, 1, 3, 4, 22]


def test_a_token_of_another_past_reads_from_the_beginning(run, folder):
    client = run(folder).client
    assert len(pull(client, since="3-00000000000000aa")[0]) == 5
    assert client.get("/v1/results?since=garbage").status == 400
    assert client.get("/v1/results?limit=0").status == 400


def test_etag(run, folder):
    client = run(folder).client
    first = client.get("/v1/results")
    again = client.get("/v1/results", If_None_Match=first.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert client.get("/v1/results", If_None_Match='"other", ' + first.headers["etag"]).status == 304
    assert client.get("/v1/results?limit=1", If_None_Match=first.headers["etag"]).status == 200
    write(folder / "results/c.jsonl", '{"n": 6}')
    assert client.get("/v1/results", If_None_Match=first.headers["etag"]).status == 200


def test_as_of_is_now_in_china_or_the_instant_told(run, folder):
    at = datetime.fromisoformat(run(folder).client.get("/v1/plans").json["as_of"])
    assert at.utcoffset() == timedelta(hours=8)
    assert abs(at.timestamp() - datetime.now().timestamp()) < 60
    fixed = "2021-12-01T09:00:00+08:00"
    assert run(folder, as_of=fixed).client.get("/v1/plans").json["as_of"] == fixed


def test_faults_of_a_page(run, folder):
    client = run(folder, faults=["platform:duplicates=1"]).client
    page = client.get("/v1/results").json
    assert len(page["records"]) == 6
    assert sorted({record["n"] for record in page["records"]}) == [0, 1, 2, 3, 4]
    client = run(folder, faults=["platform:partial=1"]).client
    assert numbers(pull(client, limit=4)[0]) == [0, 1, 2, 3, 4]


def test_no_folder_serves_nothing(run):
    assert run().client.get("/v1/cases").json["records"] == []


def test_a_file_name_that_is_not_utf8_stops_nothing(run, folder):
    with open(os.fsencode(folder / "results") + b"/\xff.jsonl", "wb") as file:  # noqa: PTH123
        file.write(b"{}\n")
    assert len(pull(run(folder).client)[0]) == 5
