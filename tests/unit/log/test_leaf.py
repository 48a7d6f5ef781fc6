"""Entries and commitments: what they are made of, and that nothing follows from them."""

import hashlib
from datetime import date
from types import SimpleNamespace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from publisher.log.leaf import BadLeaf, Leaf, canonical, commit, fields_of, parse

SEED = bytes(range(16))
FIELDS = {"authority": "南京市玄武区市场监督管理局", "ended_on": "2021-06-02", "findings": [{"seq": 1, "note": None}],
          "result_id": "R1", "subject": {"name": "甲", "uscc": None}, "version": 1}  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdef_", max_size=4), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_what_is_hashed_is_canonical_json(value):
    assert canonical(value) == rfc8785.dumps(value)


def test_a_commitment_is_what_the_documentation_says():
    salts = hashlib.sha512(SEED + b"\x00").digest() + hashlib.sha512(SEED + b"\x01").digest()
    digests = b""
    for place, (name, value) in enumerate(sorted(FIELDS.items())):
        member = rfc8785.dumps({name: value})[1:-1]
        digests += hashlib.sha256(salts[place * 16 : place * 16 + 16] + member).digest()
    assert commit(FIELDS, SEED) == hashlib.sha256(digests).digest()


def test_a_commitment_depends_on_every_field_and_on_the_seed():
    changed = [{**FIELDS, name: "other"} for name in FIELDS]
    assert len({commit(one, SEED) for one in [FIELDS, *changed]} | {commit(FIELDS, bytes(16))}) == len(FIELDS) + 2


@pytest.mark.parametrize(
    ("leaf", "entry"),
    [
        (Leaf("ADD", bytes(32)), b'{"commit":"%b","op":"ADD"}' % (b"A" * 43)),
        (Leaf("MOD", bytes(32), 7), b'{"commit":"%b","leaf":7,"op":"MOD"}' % (b"A" * 43)),
        (Leaf("STOP", None, 7, "withdraw.period", date(2026, 3, 1)),
         b'{"leaf":7,"on":"2026-03-01","op":"STOP","rule":"withdraw.period"}'),
    ],
)  # fmt: skip
def test_entries_come_back_as_they_were(leaf, entry):
    assert leaf.entry() == entry == rfc8785.dumps(__import__("json").loads(entry))
    assert parse(entry) == leaf


@pytest.mark.parametrize(
    "entry",
    [b"", b"[]", b"{}", b'{"op":"ADD"}', b'{"commit":"AA","op":"ADD"}', b'{"op":"ADD","commit":"%b"}' % (b"A" * 43),
     b'{"commit":"%b","leaf":true,"op":"MOD"}' % (b"A" * 43), b'{"commit":"%b","leaf":7,"op":"ADD"}' % (b"A" * 43),
     b'{"leaf":7,"on":"2026-3-1","op":"STOP","rule":"x"}', b'{"leaf":7,"name":"x","on":"2026-03-01","op":"STOP"}'],
)  # fmt: skip
def test_what_is_no_entry_is_told(entry):
    with pytest.raises(BadLeaf):
        parse(entry)


def test_fields_are_all_that_is_shown_and_nulls_say_nothing():
    row = SimpleNamespace(marks="late,reply", due_on=date(2021, 7, 1), published_on="2021-06-20", ends_on=None)
    assert fields_of({"a": 1, "remark": None}, {"reply": "x"}, row) == {
        "a": 1, "beside": {"reply": "x"}, "marks": ["late", "reply"], "due_on": "2021-07-01",
        "published_on": "2021-06-20",
    }  # fmt: skip
