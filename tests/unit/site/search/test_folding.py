"""Folding and sounds."""

from collections import defaultdict
from random import Random

import pytest

from publisher.folding import fold, simplified
from publisher.site.search.gather import Lists
from publisher.site.search.pinyin import INITIALS, _lists, keys, readings


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("華瑞（蘇州）電機", "华瑞(苏州)电机"),
        ("ＡＢＢ　有限 公司", "ABB有限公司"),
        ("［甲］【乙】《丙》", "(甲)(乙)(丙)"),
        ("“甲”·乙", "甲乙"),
        ("㙓𬭎", "㙓𬭎"),
        ("著名乾隆", "著名乾隆"),
        ("a\u200bb\tc", "ABC"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded


def test_what_is_folded_to_is_not_folded_again() -> None:
    table = simplified()
    assert len(table) > 2000
    assert [target for target in table.values() if target in table] == []
    assert [source for source in table if _in_gb2312(source)] == []


def _in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def test_sounds_of_a_name() -> None:
    found = keys("昆山华瑞")
    assert {"kun shan", "shan hua", "hua rui", "kshr"} <= found
    assert {key for key in found if " " not in key} == {"kshr"}
    both = keys("长春重工")
    assert {"zhang chun", "chang chun", "chun zhong", "chun chong", "zczg", "cczg", "zccg"} <= both
    assert {len(key) for key in both if " " not in key} == {INITIALS}
    assert keys("甲A乙") == set()


@pytest.mark.parametrize("together", [1, 7, 20_000])
def test_sounds_of_many_names_are_those_of_each(together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("publisher.site.search.gather.TOGETHER", together)
    chance, known = Random(5), [*readings()]
    signs = [*chance.sample(known, 40), *"长重A(1"]  # of several sounds, and of none
    texts = [(number // 2, "".join(chance.choices(signs, k=chance.randrange(9)))) for number in range(400)]
    wanted: defaultdict[str, list[int]] = defaultdict(list)
    for doc, text in texts:
        for key in keys(text):
            if wanted[key][-1:] != [doc]:
                wanted[key].append(doc)
    pairs = Lists()
    pairs.add_rows(texts, 2)
    assert {key: [*docs] for key, docs in _lists(texts, pairs).items()} == wanted
