"""Mappings are files: what they may say, and what they refuse."""

import hashlib

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import SettingsError
from publisher.exchange import load_mapping
from publisher.exchange.mapping import Unsendable
from publisher.exchange.wire import canonical


def loaded(tmp_path, text):
    file = tmp_path / "own.toml"
    file.write_text(text, "utf-8")
    return load_mapping(str(file))


def test_every_kind_of_entry(tmp_path, result):
    mapping = loaded(
        tmp_path,
        """
        [tables.outcomes]
        "未发现问题" = "1"
        [result]
        id = "result_id"
        source = { const = "江苏" }
        day = { from = "ended_on", date = "%Y%m%d" }
        moment = { from = "ended_on", date = "epoch_ms" }
        who = "subject.name"
        parts = "departments"
        none = "penalty_no"
        [result.list]
        each = "findings"
        fields = { n = "seq", code = { from = "outcome", table = "outcomes" } }
        """,
    )
    assert mapping.payload("result", result("R-1"), None) == {
        "id": "R-1",
        "source": "江苏",
        "day": "20210602",
        "moment": 1622563200000,
        "who": "玄武云桥测试有限公司",
        "parts": ["教育", "市监"],
        "none": None,
        "list": [{"n": 1, "code": "1"}],
    }
    odd = result("R-1")
    odd["findings"][0]["outcome"] = "不合格"
    assert mapping.payload("result", odd, None) == Unsendable(
        "no_wire_code", "code: the mapping's table has no code for '不合格'"
    )
    assert isinstance(mapping.payload("plan", {}, None), Unsendable)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no kind"),
        ('other = "plain"', "unknown key other"),
        ('result = "raw"', 'result is "plain"'),
        ('[result]\nx = "subject.phone"', "no public field subject.phone"),
        ('[result]\nx = "inspectors"', "no public field inspectors"),
        ('[result]\nx = "findings.outcome"', "findings is a list"),
        ('[result]\nx = "plan.secret"', "no public field plan.secret"),
        ("[result]\nx = 5", "write a path"),
        ('[result]\nx = { from = "plan_id", const = 1 }', "one of from, const"),
        ('[result]\nx = { each = "findings" }', "each with fields"),
        ('[result]\nx = { each = "subject", fields = { y = "name" } }', "no list"),
        ('[result]\nx = { from = "plan_id", table = "t" }', "no [tables.t]"),
        ("[result]\nx = { const = 1.5 }", "const is"),
        ("result = ", "not valid TOML"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(tmp_path, text, words):
    with pytest.raises(SettingsError) as refused:
        loaded(tmp_path, text)
    assert words in str(refused.value)


def test_an_unknown_mapping_names_those_there_are():
    with pytest.raises(SettingsError, match="gsxt, plain"):
        load_mapping("gxst")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_mapping("/nowhere/at-all.toml")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])), _VALUES))
def test_the_canonical_form_is_that_of_rfc_8785(payload):
    assert canonical(payload) == rfc8785.dumps(payload)
    assert len(hashlib.sha256(canonical(payload)).hexdigest()) == 64
