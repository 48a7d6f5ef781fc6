from decimal import Decimal
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.quantity import Quantity, parse


def quantity(minimum, maximum, unit=None, about=False):
    as_decimal = [None if bound is None else Decimal(str(bound)) for bound in (minimum, maximum)]
    return Quantity(*as_decimal, about, unit)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("354", quantity(354, 354)),
        ("约1000", quantity(1000, 1000, about=True)),
        ("不少于13", quantity(13, None)),
        ("4.8%", quantity("4.8", "4.8", "%")),
        ("15.38%", quantity("15.38", "15.38", "%")),
        ("0.2%", quantity("0.2", "0.2", "%")),
        ("100%", quantity(100, 100, "%")),
        ("１５％", quantity(15, 15, "%")),
        (">=1", quantity(1, None)),
        ("＞＝1", quantity(1, None)),
        ("≥1", quantity(1, None)),
        ("=1", quantity(1, 1)),
        ("≤3%", quantity(None, 3, "%")),
        ("不超过2次", quantity(None, 2, "次")),
        ("不低于5%", quantity(5, None, "%")),
        ("低于5%", quantity(None, 5, "%")),
        ("少于13户", quantity(None, 13, "户")),
        ("大于3户", quantity(3, None, "户")),
        ("1次/年", quantity(1, 1, "次/年")),
        ("1 次 / 年", quantity(1, 1, "次/年")),
        ("每年1次", quantity(1, 1, "次/年")),
        ("每季度至少1次", quantity(1, None, "次/季度")),
        ("1年内抽查不超过2次", quantity(None, 2, "次/年")),
        ("1次以上", quantity(1, None, "次")),
        ("10户以内", quantity(None, 10, "户")),
        ("20家左右", quantity(20, 20, "家", about=True)),
        ("3户(以实际工作抽查数为准。)", quantity(3, 3, "户", about=True)),
        ("A:3%", quantity(3, 3, "%")),
        ("A：3%、B：5%、C：10%", quantity(3, 10, "%")),
        ("1—2次", quantity(1, 2, "次")),
        ("1～2次", quantity(1, 2, "次")),
        ("5%-10%", quantity(5, 10, "%")),
        ("10%—5%", quantity(5, 10, "%")),
        ("10至20户", quantity(10, 20, "户")),
        ("1000余户", quantity(1000, None, "户", about=True)),
        ("1,200户", quantity(1200, 1200, "户")),
        ("1.2万户", quantity(12000, 12000, "户")),
        ("1-2万户", quantity(10000, 20000, "户")),
        ("354，其中企业300户", quantity(354, 354)),
        ("约65.", quantity(65, 65, about=True)),
        ("2021年抽取3户", quantity(3, 3, "户")),
        ("0", quantity(0, 0)),
    ],
)
def test_read(words, expected):
    assert parse(words) == expected


@pytest.mark.parametrize(
    "words",
    [None, "", " ", "全覆盖", "按需", "每年一次", "1/3", "2021年", "5—7月", "11月30日前", "第3号", "9" * 16, "%"],
)
def test_words_without_a_plain_number_have_no_quantity(words):
    assert parse(words) is None


@pytest.mark.parametrize(
    ("words", "target"), [("约1000", 1000), ("不少于13", 13), ("≤3%", 3), ("5%-10%", 5), ("1000余户", 1000)]
)
def test_target_is_the_least_promised_else_the_most(words, target):
    assert parse(words).target == target


@given(st.text() | st.text("0123456789.,%~-/约不少于≥≤年月次户余万 "))
def test_no_text_raises_and_every_quantity_has_a_target(words):
    read = parse(words)
    if read is not None:
        assert read.target in (read.minimum, read.maximum)
        assert None in read[:2] or read.minimum <= read.maximum


@given(st.integers(0, 10**12), st.sampled_from(["户", "%", "次/年", "批次", ""]))
def test_a_plain_number_keeps_value_and_unit(number, unit):
    assert parse(f"{number}{unit}") == quantity(number, number, unit or None)


def test_long_texts_are_read_at_once():
    start = perf_counter()
    for text in ("1" * 100_000, "1," * 50_000, "每年" * 50_000, "1-" * 50_000, "~" * 100_000):
        parse(text)
    assert perf_counter() - start < 3
