"""Forbidden texts in one piece of memory come back as they were given."""

from hypothesis import given
from hypothesis import strategies as some

from publisher.audit.forbidden import Forbidden, Packed

FORBIDDEN = some.builds(
    Forbidden, some.text(), some.text(), some.none() | some.text(), whole=some.booleans(), secret=some.booleans(),
    always=some.booleans(), sentence=some.booleans(), is_ref=some.booleans(), words=some.booleans(),
)  # fmt: skip


@given(some.lists(FORBIDDEN))
def test_what_is_packed_comes_back_in_order(given_texts):
    packed = Packed()
    for one in given_texts:
        packed.add(one)
    assert len(packed) == len(given_texts)
    assert list(packed) == given_texts
    assert [packed[number] for number in range(len(packed))] == given_texts
