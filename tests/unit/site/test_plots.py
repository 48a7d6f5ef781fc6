"""Plots: what they count, where the bars lie, and that their colours can be told from the ground."""

import re
from pathlib import Path

import html5lib
import pytest

from publisher.site.bars import Bar, Part, drawn

ROOT = Path(__file__).resolve().parents[3]
NEGATIVE = "发现问题已责令改正"
DAY = "2021-07-20"
SVG = "{http://www.w3.org/2000/svg}"
HTML = "{http://www.w3.org/1999/xhtml}"


def share(text):
    assert text.endswith("%")
    return float(text[:-1])


@pytest.fixture
def page(portal_dir, make_plan, make_task, make_result):
    """The page of figures of a portal with results in two months and two cities, and three plans."""
    results = [
        *(make_result(number) for number in range(1, 4)),
        make_result(4, outcome=NEGATIVE),
        make_result(5, ended_on="2021-05-20", subject__region_code="320508"),
        make_result(6, ended_on="2021-05-20", subject__region_code="340100", finalized_at="2021-07-19T09:00:00+08:00"),
        make_result(7, finalized_at=None),
    ]
    plans = [
        make_plan(tasks=[make_task(quantity="10户", ratio=None)]),
        make_plan("P2021-2", title="没有写明数量的计划", tasks=[make_task("T2", quantity="全覆盖", ratio=None)]),
    ]
    portal_dir.give(*plans, *results)
    portal_dir.run(DAY)
    return html5lib.HTMLParser(strict=False).parse(portal_dir.page("indicators/index.html"))


def figure(page, name):
    """The drawing and the table of one plot."""
    for one in page.iter(f"{HTML}figure"):
        svg = next(svg for svg in one.iter(f"{SVG}svg") if svg.get("role") == "img")
        if svg.get("aria-labelledby", "").startswith(f"{name}-title"):
            rows = [
                ["".join(cell.itertext()) for cell in row if cell.tag in (f"{HTML}th", f"{HTML}td")]
                for row in one.iter(f"{HTML}tr")
            ]
            return svg, rows
    raise AssertionError(f"no plot {name}")


def bars(svg):
    return [(rect.get("class"), share(rect.get("width")), rect[0].text) for rect in svg.iter(f"{SVG}rect") if len(rect)]


def texts(svg):
    return ["".join(one.itertext()) for one in svg.iter(f"{SVG}text")]


def test_results_are_counted_by_month_and_gravest_outcome(page):
    svg, rows = figure(page, "plot-months")
    assert rows == [
        ["月份", "合计", "未发现问题", "发现问题，依法责令立即改正或者限期改正"],
        ["2021-05", "2", "2", "0"],
        ["2021-06", "4", "3", "1"],
    ]
    assert texts(svg) == ["2021-05", "2", "2021-06", "4"]
    assert [(tone, words) for tone, _, words in bars(svg)] == [
        ("plot-clear", "未发现问题 2"),
        ("plot-clear", "未发现问题 3"),
        ("plot-attention", "发现问题，依法责令立即改正或者限期改正 1"),
    ]
    may, june, problem = (width for _, width, _ in bars(svg))
    assert june == pytest.approx(may * 1.5, abs=0.02)
    assert problem == pytest.approx(may / 2, abs=0.02)


def test_punctuality_is_a_share_of_what_was_due(page):
    svg, rows = figure(page, "plot-on-time")
    assert rows == [
        ["月份", "应公示", "按时公示", "按时公示率"],
        ["2021-05", "2", "1", "50.0%"],  # the other came up too late
        ["2021-06", "5", "4", "80.0%"],  # one is due and still not final
    ]
    assert [words for _, _, words in bars(svg)] == ["按时 1，应公示 2", "按时 4，应公示 5"]
    track = next(rect for rect in svg.iter(f"{SVG}rect") if rect.get("class") == "plot-track")
    assert bars(svg)[1][1] == pytest.approx(0.8 * share(track.get("width")), abs=0.01)


def test_areas_are_the_cities_of_the_province_and_the_rest_together(page):
    _, rows = figure(page, "plot-cities")
    assert [row[:4] + row[4:5] for row in rows[1:]] == [
        ["南京", "4", "3", "1", "25.0%"],
        ["苏州", "1", "1", "0", "0.0%"],
        ["其他地区", "1", "1", "0", "0.0%"],
    ]


def test_a_plan_without_a_number_has_no_bar(page):
    svg, rows = figure(page, "plot-plans")
    assert rows[1][1:4] == ["10 户", "7", "70%"]
    assert rows[2][1:4] == ["文件未写明", "0", "—"]
    assert [words for _, _, words in bars(svg)] == ["已检查 7，计划 10"]
    assert [one for one in texts(svg) if one.endswith("%") or one == "无总数"] == ["70%", "无总数"]


def test_a_plot_says_what_it_is_and_its_table_links_on(page):
    for name in ("plot-months", "plot-on-time", "plot-cities", "plot-plans"):
        svg, _ = figure(page, name)
        ids = {one.get("id"): "".join(one.itertext()) for one in svg.iter() if one.get("id")}
        assert all(ids[one] for one in svg.get("aria-labelledby").split())
        assert svg.get("viewBox") is None  # words keep the reader's size
    links = {one.get("href") for one in page.iter(f"{HTML}a")}
    assert {"/results/2021/06/", "/plans/2021/P2021-1/"} <= links
    assert not any(one.get("style") for one in page.iter())
    ids = [one.get("id") for one in page.iter() if one.get("id")]
    assert len(ids) == len(set(ids))


def test_a_portal_without_results_has_no_plots(portal_dir, make_item_list):
    portal_dir.give(make_item_list())
    portal_dir.run(DAY)
    assert "<figure" not in portal_dir.page("indicators/index.html")


def test_parts_of_a_bar_follow_one_another_and_stay_inside():
    drawing = drawn(
        [
            Bar("甲", [Part(3, "clear", "a"), Part(0, "neutral", "b"), Part(1, "serious", "c")], "4"),
            Bar("乙", [Part(8, "clear", "d")], "8"),
        ],
        8,
    )
    first, second = (row["parts"] for row in drawing["rows"])
    assert [one["tone"] for one in first] == ["clear", "serious"]  # what is none is not drawn
    assert share(first[0]["x"]) + share(first[0]["width"]) == pytest.approx(share(first[1]["x"]))
    assert share(second[0]["x"]) + share(second[0]["width"]) == pytest.approx(78)
    assert drawing["beside"]


def test_long_labels_stand_above_their_bars_and_are_cut_at_last():
    words = "江苏省市场监管领域2021年度部门联合“双随机、一公开”监管计划"
    drawing = drawn([Bar(words, [], "—"), Bar(words * 3, [], "—")], 1, track=True)
    whole, cut = (row["label"] for row in drawing["rows"])
    assert "".join(line["words"] for line in whole) == words
    assert len(cut) == 3
    assert cut[-1]["words"].endswith("…")
    heights = [float(row["y"].removesuffix("em")) for row in drawing["rows"]]
    assert heights[1] > heights[0] + 3 * 1.5
    assert float(drawing["height"].removesuffix("em")) > heights[1] + 1.1


# --- colours


def schemes():
    """The tokens of each scheme, as the style sheet gives them."""
    css = re.sub(r"/\*.*?\*/", "", (ROOT / "theme/static/site.css").read_text("utf-8"), flags=re.DOTALL)
    blocks = re.findall(r"(:root[^{,]*)\{([^{}]*)\}", css)
    tokens = [(selector.strip(), dict(re.findall(r"--([a-z-]+):\s*(#[0-9a-f]{6})", body))) for selector, body in blocks]
    light = next(found for selector, found in tokens if selector == ":root" and "paper" in found)
    dark = next(found for selector, found in tokens if selector == ':root[data-theme="dark"]')
    large = next(found for selector, found in tokens if selector == ':root[data-reading="large"]' and "paper" in found)
    large_dark = next(
        found for selector, found in tokens if selector == ':root[data-reading="large"][data-theme="dark"]'
    )
    return {
        "light": light, "dark": light | dark, "large": light | large, "large and dark": light | dark | large_dark
    }  # fmt: skip


def luminance(colour):
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark", "large", "large and dark"])
def test_bars_can_be_told_from_the_ground_and_words_be_read(scheme):
    """WCAG 2.2, 1.4.11: 3 to 1 for what a drawing needs to be understood; 1.4.3 and 1.4.6 for its words."""
    tokens = schemes()[scheme]
    grounds = [tokens["paper"], tokens["sheet"]]
    for name in ("accent", "clear", "neutral", "attention", "serious"):
        assert min(contrast(tokens[name], ground) for ground in grounds) >= 3, name
    for name in ("neutral", "attention", "serious"):
        assert contrast(tokens[name], tokens[f"{name}-wash"]) >= 3, name
    for ground in grounds:
        assert contrast(tokens["line-strong"], ground) >= 3
        assert contrast(tokens["ink"], ground) >= (7 if "large" in scheme else 4.5)
