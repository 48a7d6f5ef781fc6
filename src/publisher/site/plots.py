"""Plots as plain data: the bars, and the table that says the same (docs/adr/0007)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from publisher import paths, regions
from publisher.ledger import shown, tallies
from publisher.ledger.tallies import Key, Outcomes, Timeliness
from publisher.site.bars import Bar, Part, drawn
from publisher.site.views import Context, Site, plan_progress

MONTHS = 24  # the newest that have results; the lists hold the others
PLANS = 20
TONES = {
    "clear": "没有发现问题",
    "neutral": "没有结论或者没有开展经营",
    "attention": "发现问题",
    "serious": "严重问题",
}


def by_month(site: Site, months: int = MONTHS) -> Context | None:
    """Return the published results by the month of inspection, made up of their outcomes; None when there are none."""
    counted = _counted(site, tallies.outcomes_by(site.connection, "year", "month"))
    keys = sorted(counted)[-months:]
    if not keys:
        return None
    names = _occurring(site, [counted[key] for key in keys])
    whole = max(sum(counted[key].values()) for key in keys)
    bars = [
        Bar(_month(key), _outcome_parts(site, names, counted[key]), _number(sum(counted[key].values()))) for key in keys
    ]
    first = "" if len(keys) == len(counted) else f"只画最近 {months} 个有结果的月份，更早的见检查结果各月的列表。"
    return _plot(
        "plot-months",
        "各月检查结果",
        f"{_month(keys[0])} 至 {_month(keys[-1])} 完成的检查，现在公示着 "
        f"{_number(sum(sum(counted[key].values()) for key in keys))} 条结果；最多的一个月 {_number(whole)} 条。",
        f"一条结果有几种类别的，按其中最重的一种计。已经停止公示的不计入。{first}",
        drawn(bars, whole),
        _keys(site, names),
        ("月份", ["合计", *(site.job.words[name]["label"] for name in names)]),
        [
            (
                _month(key),
                site.href(paths.results_month(*key)),
                [sum(counted[key].values()), *(counted[key][name] for name in names)],
            )
            for key in keys
        ],
    )


def on_time(site: Site, months: int = MONTHS) -> Context | None:
    """Return the share of results first published in time, by the month of inspection; None when none was due."""
    found = tallies.timeliness_by(site.connection, "year", "month")
    keys = sorted(found)[-months:]
    if not keys:
        return None
    lowest = min(keys, key=lambda key: found[key].on_time / found[key].due)
    return _plot(
        "plot-on-time",
        "各月按时公示率",
        "按检查完成的月份，在规定期限内首次公示的结果占应公示结果的百分比；"
        f"最低的是 {_month(lowest)}，{_rate(found[lowest])}。",
        "算法与上面的“检查结果按时公示率”相同。方框的全长是 100%。",
        drawn(
            [
                Bar(
                    _month(key),
                    [Part(one.on_time / one.due, "plain", f"按时 {one.on_time}，应公示 {one.due}")],
                    _rate(one),
                )
                for key, one in ((key, found[key]) for key in keys)
            ],
            1,
            track=True,
        ),
        [],
        ("月份", ["应公示", "按时公示", "按时公示率"]),
        [(_month(key), None, [found[key].due, found[key].on_time, _rate(found[key])]) for key in keys],
    )


def by_city(site: Site) -> Context | None:
    """Return the newest year's published results by area: the cities of a province, the counties of a city.

    None when there are none. Areas outside the portal's own are counted together.
    """
    year = max((one.year for one in shown.month_sizes(site.connection) if one.results), default=None)
    if year is None:
        return None
    found = [
        one._replace(key=(_area(site, one.key[0]),))
        for one in tallies.outcomes_by(site.connection, "region_code", year=year)
    ]
    counted = _counted(site, found)
    negative: Counter[str] = Counter()
    for each in found:
        negative[each.key[0]] += each.negative
    timely: dict[str, Timeliness] = defaultdict(lambda: Timeliness(0, 0))
    for (code,), one in tallies.timeliness_by(site.connection, "region_code", year=year).items():
        area = _area(site, code)
        timely[area] = Timeliness(timely[area].due + one.due, timely[area].on_time + one.on_time)
    areas = sorted((key[0] for key in counted), key=lambda code: (code == "", code))
    names = _occurring(site, counted.values())
    totals = {area: sum(counted[(area,)].values()) for area in areas}
    return _plot(
        "plot-cities",
        f"{year} 年各地区的检查结果",
        f"检查对象所在的 {len(areas)} 个地区，现在公示着 {_number(sum(totals.values()))} 条 {year} 年的结果。",
        "各地抽取的对象和事项不同，条数和问题率不能直接当作好坏来比。一条结果有几种类别的，按其中最重的一种计。",
        drawn(
            [
                Bar(_area_name(area), _outcome_parts(site, names, counted[(area,)]), _number(totals[area]))
                for area in areas
            ],
            max(totals.values()),
        ),
        _keys(site, names),
        ("地区", ["合计", *(site.job.words[name]["label"] for name in names), "发现问题的比例", "按时公示率"]),
        [
            (
                _area_name(area),
                None,
                [
                    totals[area],
                    *(counted[(area,)][name] for name in names),
                    _rate(Timeliness(totals[area], negative[area])),
                    _rate(timely[area]),
                ],
            )
            for area in areas
        ],
    )


def by_plan(site: Site, plans: int = PLANS) -> Context | None:
    """Return how much of its promised number each plan has inspected, the newest plans first; None without plans."""
    published = sorted(shown.all_of(site.connection, "plan"), key=lambda one: (-one.body["year"], one.row.record_id))[
        :plans
    ]
    if not published:
        return None
    rows = [(one, plan_progress(one.body, tallies.progress(site.connection, one.row.record_id))) for one in published]
    measured = sum(done["target"] is not None for _, done in rows)
    return _plot(
        "plot-plans",
        "各抽查计划的完成情况",
        f"{len(rows)} 份计划中，{measured} 份写明了可以计算的数量；画出的是已检查户次占计划数量的百分比。",
        "方框的全长是 100%。文件没有写明总数的，只列已检查的户次，不画百分比。超过计划的按 100% 画。"
        + ("" if len(rows) < plans else f"只画最新的 {plans} 份计划。"),
        drawn([_plan_bar(one.body["title"], done) for one, done in rows], 1, track=True),
        [],
        ("抽查计划", ["计划数量", "已检查", "占计划", "已公示", "按时公示率"]),
        [
            (
                one.body["title"],
                site.href(paths.plan(one.body["year"], one.row.record_id)),
                [
                    done["planned"] or "文件未写明",
                    done["inspected"],
                    _or_dash(done["inspected_percent"]),
                    done["published"],
                    _or_dash(done["on_time_percent"]),
                ],
            )
            for one, done in rows
        ],
    )


def _plan_bar(title: str, done: Context) -> Bar:
    share = done["inspected_percent"]
    if share is None:
        return Bar(title, [], "无总数")
    return Bar(title, [Part(share / 100, "plain", f"已检查 {done['inspected']}，计划 {done['target']}")], f"{share}%")


Cell = int | str


def _plot(
    name: str,
    title: str,
    description: str,
    note: str,
    drawing: Context,
    keys: list[Context],
    head: tuple[str, list[str]],
    rows: Iterable[tuple[str, str | None, Sequence[Cell]]],
) -> Context:
    return {
        "id": name,
        "title": title,
        "description": description,
        "note": note,
        "keys": keys,
        "drawing": drawing,
        "head": {"first": head[0], "others": head[1]},
        "rows": [
            {"label": label, "href": href, "cells": [_number(one) if isinstance(one, int) else one for one in cells]}
            for label, href, cells in rows
        ],
    }


def _counted(site: Site, found: Iterable[Outcomes]) -> dict[Key, Counter[str]]:
    """Count each result once, under the gravest of its outcomes."""
    gravity = {name: place for place, name in enumerate(_by_tone(site))}
    counted: dict[Key, Counter[str]] = defaultdict(Counter)
    for one in found:
        counted[one.key][max(one.outcomes.split(","), key=gravity.__getitem__)] += one.results
    return dict(counted)


def _by_tone(site: Site) -> list[str]:
    """Return the outcomes of the profile in its order, the graver tones last."""
    tones = list(TONES)
    return sorted(site.job.words, key=lambda name: tones.index(site.job.words[name]["tone"]))


def _occurring(site: Site, counted: Iterable[Mapping[str, int]]) -> list[str]:
    met = {name for one in counted for name, number in one.items() if number}
    return [name for name in _by_tone(site) if name in met]


def _outcome_parts(site: Site, names: Sequence[str], counted: Mapping[str, int]) -> list[Part]:
    words = site.job.words
    return [
        Part(counted[name], words[name]["tone"], f"{words[name]['label']} {_number(counted[name])}") for name in names
    ]


def _keys(site: Site, names: Sequence[str]) -> list[Context]:
    met = dict.fromkeys(site.job.words[name]["tone"] for name in names)
    return [{"tone": tone, "label": TONES[tone]} for tone in met]


def _area(site: Site, code: str) -> str:
    """Return the area one step below the portal's own that a code lies in, or an empty text for one outside."""
    own = site.job.region_code
    if own.endswith("0000"):
        return regions.city(code) if code[:2] == own[:2] else ""
    return code if code[:4] == own[:4] else ""


def _area_name(code: str) -> str:
    name = (regions.name(code) or code) if code else "其他地区"
    return name.removesuffix("市") if len(name) > 2 else name


def _month(key: Key) -> str:
    return f"{key[0]}-{key[1]:02}"


def _number(value: int) -> str:
    return f"{value:,}"


def _rate(one: Timeliness) -> str:
    return f"{one.on_time / one.due:.1%}" if one.due else "—"


def _or_dash(percent: Any) -> str:
    return "—" if percent is None else f"{percent}%"
