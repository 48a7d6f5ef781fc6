"""The demonstration source: Jiangsu's plans of 2021 and 2026 with their results and cases."""

from random import Random

from . import items, plans
from .cases import cases_of
from .output import Tree
from .places import County, jiangsu
from .problems import bad_lines
from .results import DEMO_DAY, Record, Results, Work, work_of
from .subjects import Subjects


def write(tree: Tree, seed: int) -> None:
    """Write plans, item lists, results, cases and counts."""
    rng = Random(f"{seed}:jiangsu")
    counties = jiangsu()
    tree.json("plans/2021-annual.json", plans.plan_2021())
    annual = plans.plans_2026()
    for plan in annual:
        tree.json(f"plans/2026-annual-r{plan['revision']}.json", plan)
    others = plans.other_plans()
    tree.json("plans/2026-other.json", others)
    for item_list in items.item_lists():
        tree.json(f"item_lists/JS-LH-r{item_list['revision']}.json", item_list)

    subjects = Subjects(rng, counties)
    results = Results(rng, subjects, items.names())
    works = [*_works_2021(), *_works_2026(annual, others)]
    records = [
        record for work in works for record in results.of_task(work, 0.06 if work.plan_id[6:10] == "2021" else 0.4)
    ]
    records += results.long_name([works[0], works[3], works[11], works[20], works[23], works[30], works[38]])
    records += results.renamed(works[0], works[20])
    ahead, taken = works[38], set[str]()  # finalized in December: their days run into 2027
    for day in range(7, 12):
        subject, county = subjects.draw("food", 0, taken)
        records.append(results.result(ahead, subject, county, ended_on=f"2026-12-{day:02d}"))

    cities = {county.code: county.code[:4] + "00" for county in counties}
    shards: dict[str, list[Record]] = {}
    for record in records:
        subject_of = record["subject"]
        assert isinstance(subject_of, dict)
        year = str(record["result_id"])[1:5]
        shards.setdefault(f"{year}-{cities[subject_of['region_code']]}", []).append(record)
    for name, shard in sorted(shards.items()):
        tree.jsonl(f"results/{name}.jsonl", sorted(shard, key=lambda record: str(record["result_id"])))

    cases, corrections = cases_of(Random(f"{seed}:cases"), records)
    for name, some in cases.items():
        tree.jsonl(f"cases/{name}.jsonl", some)
    tree.jsonl("results/corrections.jsonl", corrections)
    tree.text("results/problems.jsonl", "".join(line + "\n" for line in bad_lines(records)))
    tree.csv("counts.csv", _counts(Random(f"{seed}:counts"), counties))


def _works_2021() -> list[Work]:
    plan = plans.plan_2021()
    windows = {4: ("2021-07-12", "2021-11-26"), 7: ("2021-04-15", "2021-06-30"), 8: ("2021-07-12", "2021-11-19")}
    return [
        work_of(plan, number, trade, count, windows.get(number, ("2021-04-15", "2021-10-29")))
        for number, (trade, _, count) in enumerate(plans.WORK_2021, 1)
    ]


def _works_2026(annual: list[Record], others: list[Record]) -> list[Work]:
    windows = {16: ("2026-03-02", "2026-08-28"), 21: ("2026-05-11", DEMO_DAY), 22: ("2026-05-11", DEMO_DAY)}
    works = [
        work_of(annual[1], number, trade, count, windows.get(number, ("2026-01-19", DEMO_DAY)))
        for number, (trade, _, count) in enumerate(plans.WORK_2026, 1)
    ]
    temporary, withheld, _, single = others
    works.append(work_of(temporary, 1, "lodging", 40, ("2026-07-06", "2026-09-18")))
    works.append(work_of(withheld, 1, "equipment", 6, ("2026-06-01", "2026-09-18")))
    works.append(work_of(single, 1, "food", 45, ("2026-09-01", "2026-10-30")))
    return works


def _counts(rng: Random, counties: list[County]) -> list[list[str]]:
    rows = [["authority", "period", "all_inspections", "library_subjects"]]
    for county in counties:
        library = rng.randint(6000, 60000)
        for period in ("2021", "2026"):
            rows.append([county.office("市监"), period, str(rng.randint(300, 1500)), str(library)])
        if county.code.endswith("02"):
            for month in range(1, 11):
                rows.append([county.office("市监"), f"2026-{month:02d}", str(rng.randint(20, 150)), str(library)])
    return rows
