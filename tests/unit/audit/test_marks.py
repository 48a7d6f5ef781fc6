"""Marks find what was told of them and nothing else, and give each a place of its own."""

from hypothesis import given
from hypothesis import strategies as st

from publisher.audit.marks import Marks, mark

NUMBERS = st.integers(0, (1 << 56) - 1)


@given(st.lists(st.tuples(NUMBERS | st.integers(0, 5_000), NUMBERS)), st.lists(NUMBERS))
def test_what_was_told_is_found_the_last_of_two_and_at_a_place_of_its_own(
    told: list[tuple[int, int]], others: list[int]
) -> None:
    marks, known = Marks(told), dict(told)
    assert len(marks) == len(known)
    found = {number: marks.find(number) for number in known}
    assert {number: one and one[1] for number, one in found.items()} == known
    assert {one and one[0] for one in found.values()} == set(range(len(known)))
    assert [marks.find(one) for one in others if one not in known] == [None] * sum(one not in known for one in others)
    again = Marks(reversed(list(known.items())))
    assert {number: again.find(number) for number in known} == found


def test_a_mark_stands_for_values_in_their_order() -> None:
    assert mark("a", "b") != mark("b", "a")
    assert mark("a", 1) == mark("a", 1) < 1 << 56
