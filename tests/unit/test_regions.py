import csv
import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import regions

ROWS = list(
    csv.DictReader((files("publisher") / "regions.tsv").read_text(encoding="utf-8").splitlines(), delimiter="\t")
)
CODES = [row["code"] for row in ROWS]


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("110000", "北京市"),
        ("150000", "内蒙古自治区"),
        ("150222", "固阳县"),
        ("320000", "江苏省"),
        ("320100", "南京市"),
        ("320102", "玄武区"),
        ("320581", "常熟市"),
        ("321300", "宿迁市"),
        ("360202", "昌江区"),
        ("820000", "澳门特别行政区"),
    ],
)
def test_name(code, name):
    assert regions.name(code) == name


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("320102", ("江苏省", "南京市", "玄武区")),
        ("320100", ("江苏省", "南京市")),
        ("320000", ("江苏省",)),
        ("360202", ("江西省", "景德镇市", "昌江区")),
        ("150222", ("内蒙古自治区", "包头市", "固阳县")),
        ("320199", ("江苏省", "南京市")),  # a development zone's own code
        ("110108", ("北京市",)),
        ("990000", ()),
        ("", ()),
    ],
)
def test_path_names_what_is_known_from_the_province_down(code, names):
    assert regions.path(code) == names


def test_unknown_codes_have_no_name():
    assert [regions.name(code) for code in ("", "320199", "32010", "3201021", "abcdef")] == [None] * 5


def test_city_and_province():
    assert (regions.city("320102"), regions.province("320102")) == ("320100", "320000")
    assert (regions.city("320000"), regions.province("320000")) == ("320000", "320000")


@given(st.text())
def test_no_text_raises(code):
    regions.name(code)
    regions.path(code)
    regions.city(code)
    regions.province(code)


def test_table_is_whole():
    assert all(re.fullmatch(r"\d{6}", code) for code in CODES)
    assert all(re.fullmatch(r"[\u4e00-\u9fff]{2,}", row["name"]) for row in ROWS)
    assert all(re.fullmatch(r"(\d{4})?", row[column]) for row in ROWS for column in ("valid_from", "valid_to"))
    assert sorted(CODES) == CODES
    assert len({(row["code"], row["valid_to"]) for row in ROWS}) == len(ROWS)


def test_every_area_stands_under_a_named_city_and_province():
    assert all(regions.name(regions.city(code)) and regions.name(regions.province(code)) for code in CODES)


def test_counts_of_the_standard():
    assert sum(code.endswith("0000") for code in CODES) == 34
    jiangsu = [code for code in CODES if code.startswith("32") and not code.endswith("0000")]
    cities = [code for code in jiangsu if code.endswith("00")]
    assert cities == [f"32{number:02}00" for number in range(1, 14)]
    assert len(jiangsu) - len(cities) == 95
