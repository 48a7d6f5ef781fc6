"""The officers' search: every part of a name, every state, always as far as the ledger."""

import contextlib
import json
import random
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from publisher import uscc
from publisher.desk import index
from publisher.desk.search import Hit, search
from publisher.errors import LedgerError, SettingsError
from publisher.ledger import Ledger


@pytest.fixture
def find(ledger, tmp_path):
    """The ids found, in order of their names; each call is a search of its own."""
    return lambda query, **more: sorted(hit.id for hit in search(ledger, tmp_path / "var", query, **more).hits)


@pytest.fixture
def progress(ledger, tmp_path):
    """What one more search has to index."""

    def run(query="甲"):
        told = []
        search(ledger, tmp_path / "var", query, on_progress=lambda done, total: told.append((done, total)))
        return told

    return run


def named(make_result, number, name, **changes):
    return make_result(number, subject__name=name, **changes)


def test_a_hit_says_all_the_ledger_knows_and_where_it_is_shown(ledger, tmp_path, filled, make_result, make_code):
    filled.add(named(make_result, 1, "金陵质汽配件测试有限公司"))
    found = search(ledger, tmp_path / "var", "质汽")
    code = make_code(1)
    url = f"/subjects/{code[2:8]}/{code}.html#R-1"
    assert found == (1, [Hit("result", "R-1", "金陵质汽配件测试有限公司", code, "published", url)])


@pytest.mark.parametrize(
    "query",
    [
        "质汽",
        "质",
        "金陵 质汽Abc配",
        "司",
        "ＡＢＣ配件",
        "abc 质汽",
        "（金陵）质",
        "(金陵)质汽",
        "陵 质",
        '"陵） 质"',
        "（金陵）質汽",
        "“质汽”",
    ],
)
def test_a_name_is_found_by_any_part_of_it_as_people_type_it(filled, find, make_result, query):
    filled.add(named(make_result, 1, "（金陵）质汽Abc配件有限公司"))
    filled.add(named(make_result, 2, "玄武汽配修理部"))
    assert find(query) == ["R-1"]


def test_parts_in_another_order_or_of_two_names_are_not_found(filled, find, make_result):
    filled.add(named(make_result, 1, "甲乙丙"))
    filled.receive(named(make_result, 1, "丁戊己", version=2))
    assert find("乙甲") == []
    assert find("丙丁") == []
    assert find("丁戊己") == ["R-1"]  # a name it had in another version
    assert find("乙丙 戊") == ["R-1"]


def test_every_part_of_many_names_is_found_exactly(filled, find, make_result):
    drawn = random.Random(7)
    names = {f"R-{n}": "".join(drawn.choices("甲乙丙A1", k=drawn.randint(1, 9))) for n in range(1, 41)}
    for number, name in enumerate(names.values(), 1):
        filled.add(named(make_result, number, name, subject__uscc=None))
    for _ in range(60):
        name = drawn.choice([*names.values()])
        start = drawn.randrange(len(name))
        part = name[start : start + drawn.randint(1, 6)]
        assert find(f"name:{part}", limit=100) == sorted(i for i, name in names.items() if part in name), part


def test_a_code_is_found_by_its_beginning_however_typed(filled, find, make_result, make_code):
    filled.add(make_result(1))
    filled.add(make_result(2, subject__uscc=None, subject__reg_no="320102000012345"))
    code = make_code(1)
    typed = f" {code[:4].lower()} {code[4:8]} {code[8:11].lower()}"
    for query in (typed, code, code[:4], f"uscc:{code[:3].lower()}", "91??0102*", f"uscc:*{code[-4:]}"):
        assert find(query) == ["R-1"], query
    assert find(code[4:]) == find(code[-6:]) == find(f"{code[2:4]} {code[4:9]}") == ["R-1"]  # or by any part of it
    assert find(f"uscc:{code[4:]}") == []
    assert find("32010200") == ["R-2"]
    assert find("reg_no:320102000012345") == ["R-2"]


def test_an_id_is_found_whole(filled, find, make_result):
    filled.add(make_result(1))
    filled.add(make_result(10))
    assert find("r-1") == ["R-1"]
    assert find("id:R-1*") == ["R-1", "R-10"]


def test_what_is_not_shown_is_found_marked_and_without_an_address(ledger, tmp_path, filled, make_result):
    states = ["pending", "withheld", "published", "shielded", "withdrawn"]
    for number, state in enumerate(states, 1):
        filled.add(named(make_result, number, f"质汽{number}"), state)
    filled.receive(named(make_result, 6, "质汽6"))  # not judged yet
    hits = sorted(search(ledger, tmp_path / "var", "质汽").hits, key=lambda hit: hit.id)
    assert [hit.state for hit in hits] == [*states, "pending"]
    assert [hit.id for hit in hits if hit.url] == ["R-3"]


def test_fields_narrow_the_search(filled, find, make_result, make_plan, make_item_list):
    filled.add(named(make_result, 1, "质汽甲"), "withdrawn", cause="repair")
    filled.add(named(make_result, 2, "质汽乙"), marks="late,reply", outcomes="no_problem,not_inspected")
    filled.add(named(make_result, 3, "质汽丙", ended_on="2022-03-01", task_id="T-9", subject__region_code="320505"))
    filled.add(make_plan(title="质汽行业抽查计划"))
    filled.add(make_item_list(title="质汽检查事项清单"))
    assert find("state:withdrawn 质汽") == ["R-1"]
    assert find("State：withdrawn 质汽") == ["R-1"]
    assert find("质汽 NOT state:withdrawn kind:result") == ["R-2", "R-3"]
    assert find("质汽 (kind:plan OR kind:item_list)") == ["JS-TEST", "P2021-1"]
    assert find("cause:repair") == ["R-1"]
    assert find("mark:reply") == ["R-2"]
    assert find("outcome:not_inspected") == ["R-2"]
    assert find("outcome:未发现问题 质汽乙") == ["R-2"]
    assert find("kind:result year:[2022 TO 2023]") == ["R-3"]
    assert find("year:2021 kind:plan") == ["P2021-1"]
    assert find("task:T-9") == ["R-3"]
    assert find("plan:P2021-1 质汽丙") == ["R-3"]
    assert find("region:320100 质汽") == find("region:南京市") == ["R-1", "R-2"]
    assert find("authority:玄武区 质汽甲") == ["R-1"]
    assert find("item:公示信息 kind:result name:甲") == ["R-1"]
    assert find("item:教育、培训广告") == ["JS-TEST"]
    assert find("item:校外培训") == ["P2021-1"]
    assert len(find("*")) == 5


def test_plans_and_lists_point_to_their_pages(ledger, tmp_path, filled, make_plan, make_item_list):
    filled.add(make_plan())
    filled.add(make_item_list())
    filled.add(make_item_list("JS-2"), "withheld")
    hits = search(ledger, tmp_path / "var", "测试省").hits
    assert {(hit.kind, hit.id, hit.uscc, hit.url) for hit in hits} == {
        ("plan", "P2021-1", None, "/plans/2021/P2021-1/"),
        ("item_list", "JS-TEST", None, "/items/JS-TEST/"),
        ("item_list", "JS-2", None, None),
    }


def test_pages_follow_each_other_and_the_total_is_exact(ledger, tmp_path, filled, make_result):
    for number in range(1, 8):
        filled.add(make_result(number))
    pages = [search(ledger, tmp_path / "var", "测试", limit=3, page=page) for page in (1, 2, 3, 4)]
    assert [page.total for page in pages] == [7] * 4
    assert [len(page.hits) for page in pages] == [3, 3, 1, 0]
    assert len({hit.id for page in pages for hit in page.hits}) == 7


def test_the_whole_name_comes_first(ledger, tmp_path, filled, make_result):
    filled.add(named(make_result, 1, "江苏金陵质汽配件（集团）测试有限公司第二分公司"))
    filled.add(named(make_result, 2, "质汽"))
    assert [hit.id for hit in search(ledger, tmp_path / "var", "质汽").hits] == ["R-2", "R-1"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "names nothing"),
        (" “” ", "names nothing"),
        ("stat:withdrawn", "did you mean state"),
        ("nowhere:甲", "there is no field nowhere"),
        ("state:witdrawn 甲", "state is one of pending"),
        ("kind:firm", "kind is one of plan"),
        ("甲 state:", "state: is followed by nothing"),
    ],
)
def test_a_query_that_cannot_be_answered_says_why(ledger, tmp_path, query, words):
    with pytest.raises(SettingsError, match=words):
        search(ledger, tmp_path / "var", query)
    assert not (tmp_path / "var").exists()  # nothing is indexed for it


ODD = (
    "((", "))甲", '"甲', "甲^", "甲^x", "NOT", "AND", "甲 AND", "OR 甲", "[甲 TO", "[TO]", "'", "甲:乙", "\\", "**",
    "?", "*:*", "NOT 甲", "甲 NOT", "year:[2020 TO]", "name:[甲 TO 乙]", "uscc:[1 TO 9]", "any:", "\x00", "name:*",
    "id:*", "-甲", "甲~2", "甲*乙", "(甲)", "甲(乙", "9132 NOT 0102",
)  # fmt: skip


@pytest.mark.parametrize("query", ODD)
def test_no_query_breaks_the_search(ledger, tmp_path, filled, make_result, query):
    filled.add(make_result(1))
    with contextlib.suppress(SettingsError):
        found = search(ledger, tmp_path / "var", query)
        assert found.total == len(found.hits) <= 1


def test_only_what_changed_is_indexed_again(filled, find, progress, make_result):
    for number in range(1, 11):
        filled.add(make_result(number))
    assert progress() == [(0, 10), (10, 10)]
    assert progress() == []
    filled.add(named(make_result, 11, "质汽甲"))
    filled.decide(make_result(1), "withdrawn", cause="repair")
    filled.receive(named(make_result, 2, "改名以后", version=2))
    assert progress() == [(0, 3), (3, 3)]
    assert find("质汽") == ["R-11"]
    assert find("state:withdrawn") == find("cause:repair") == ["R-1"]
    assert find("id:R-1 state:published") == []
    assert find("改名以后") == find("玄武第2测试") == ["R-2"]
    assert len(find("*", limit=100)) == 11


def test_the_name_of_a_hit_is_that_of_the_version_in_force(ledger, tmp_path, filled, make_result):
    filled.add(named(make_result, 1, "旧名"))
    filled.receive(named(make_result, 1, "新名", version=2))
    assert [hit.name for hit in search(ledger, tmp_path / "var", "新名").hits] == ["旧名"]
    filled.decide(named(make_result, 1, "新名"), version=2)
    assert [hit.name for hit in search(ledger, tmp_path / "var", "旧名").hits] == ["新名"]


def test_many_changes_make_the_index_anew(filled, find, progress, make_result, tmp_path):
    filled.add(make_result(1))
    progress()
    before = {path.name for path in (tmp_path / "var/search").glob("index-*")}
    filled.add(make_result(2))
    filled.add(make_result(3))
    assert progress() == [(0, 3), (3, 3)]
    after = {path.name for path in (tmp_path / "var/search").glob("index-*")}
    assert len(before) == len(after) == 1
    assert before != after
    assert find("测试") == ["R-1", "R-2", "R-3"]


def _in_index(home, break_it):
    for file in next(home.glob("index-*")).iterdir():
        break_it(file)


DAMAGE = {
    "a file is gone": lambda home: _in_index(home, lambda file: file.suffix == ".seg" and file.unlink()),
    "files are empty": lambda home: _in_index(home, lambda file: file.write_bytes(b"")),
    "files are cut off": lambda home: _in_index(home, lambda file: file.write_bytes(file.read_bytes()[:60])),
    "files are rubbish": lambda home: _in_index(home, lambda file: file.write_bytes(random.Random(3).randbytes(4000))),
    "the folder is empty": lambda home: _in_index(home, lambda file: file.unlink()),
    "the note is gone": lambda home: (home / "standing.json").unlink(),
    "the note is cut off": lambda home: (home / "standing.json").write_text('{"folder": "in'),
    "the note is of another shape": lambda home: (home / "standing.json").write_text("[]"),
    "the note points elsewhere": lambda home: _rewrite(home, folder="../.."),
    "another version wrote it": lambda home: _rewrite(home, form="0.0.1/0"),
}


def _rewrite(home, **changes):
    note = home / "standing.json"
    note.write_text(json.dumps(json.loads(note.read_text()) | changes))


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_broken_index_is_made_anew(filled, find, progress, make_result, tmp_path, damage):
    for number in range(1, 4):
        filled.add(make_result(number))
    assert progress() == [(0, 3), (3, 3)]
    DAMAGE[damage](tmp_path / "var/search")
    assert progress() == [(0, 3), (3, 3)]
    assert find("测试") == ["R-1", "R-2", "R-3"]
    assert progress() == []


def test_an_index_that_fails_only_when_read_is_made_anew(filled, find, make_result, tmp_path):
    filled.add(make_result(1))
    assert find("测试") == ["R-1"]
    for file in (tmp_path / "var/search").glob("index-*/*.seg"):
        file.write_bytes(random.Random(3).randbytes(file.stat().st_size))
    assert find("测试") == ["R-1"]


def test_another_ledger_gets_an_index_of_its_own(filled, find, make_result, tmp_path):
    for number in range(1, 4):
        filled.add(make_result(number))
    assert find("测试") == ["R-1", "R-2", "R-3"]
    with Ledger(f"sqlite:///{tmp_path}/other.db") as other:
        replaced = type(filled)(other)
        for number in range(4, 9):
            replaced.add(make_result(number))
        assert {hit.id for hit in search(other, tmp_path / "var", "测试").hits} == {f"R-{n}" for n in range(4, 9)}
    assert find("测试") == ["R-1", "R-2", "R-3"]


def test_searches_at_once_do_not_disturb_each_other(filled, make_result, tmp_path):
    for number in range(1, 4):
        filled.add(make_result(number))

    def one(_):
        with Ledger(f"sqlite:///{tmp_path}/ledger.db") as ledger:
            return search(ledger, tmp_path / "var", "测试").total

    with ThreadPoolExecutor(4) as pool:
        assert [*pool.map(one, range(8))] == [3] * 8
    assert len([*(tmp_path / "var/search").glob("index-*")]) == 1


def test_the_index_is_for_its_owner_alone(filled, progress, make_result, tmp_path):
    filled.add(make_result(1), "withheld")
    progress()
    home = tmp_path / "var/search"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_place_that_cannot_be_written_is_a_ledger_error(ledger, tmp_path):
    (tmp_path / "var").write_text("not a folder")
    with pytest.raises(LedgerError, match="search index"):
        search(ledger, tmp_path / "var", "甲乙")


def test_an_empty_ledger_has_no_hits(ledger, tmp_path):
    assert search(ledger, tmp_path / "var", "甲乙") == (0, [])


def test_folding_drops_what_people_leave_out():
    assert index.fold(" ａｂ（甲）·“乙”\u200b ") == "AB(甲)乙"
    assert uscc.fold(" 91 32ａ") == "9132A"
