"""Results of Jiangsu: who was inspected, what was found, when it was recorded and finalized."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from . import days, names, outcomes
from .places import OFFICES, County
from .subjects import LONG_NAME, Subjects

Record = dict[str, object]
DEMO_DAY = "2026-11-20"
_CITIES = "南京 无锡 徐州 常州 苏州 南通 连云港 淮安 盐城 扬州 镇江 泰州 宿迁"
_SHORT = dict(zip(_CITIES.split(), "宁锡徐常苏通连淮盐扬镇泰宿", strict=True))


@dataclass(frozen=True)
class Work:
    """A task as it is carried out: its plan and id, what is checked on whom, how often, between which days."""

    plan_id: str
    task_id: str
    departments: Sequence[str]
    methods: str
    trade: str
    items: Sequence[str]
    count: int
    first: str
    last: str


def work_of(plan: Record, number: int, trade: str, count: int, window: tuple[str, str]) -> Work:
    """Return the work of the ``number``-th task (from 1) of a plan."""
    tasks = plan["tasks"]
    assert isinstance(tasks, list)
    task = tasks[number - 1]
    ids = (str(plan["plan_id"]), str(task["task_id"]))
    return Work(*ids, task["departments"], task["methods"], trade, task["item_codes"], count, *window)


class Results:
    """Makes results; numbers them by year of the plan from 1."""

    def __init__(self, rng: Random, subjects: Subjects, item_names: dict[str, str]) -> None:
        self._rng = rng
        self._subjects = subjects
        self._item_names = item_names
        self._numbers: dict[str, int] = {}

    def of_task(self, work: Work, again: float) -> Iterator[Record]:
        """Yield a task's results on subjects drawn with chance ``again`` from those of earlier tasks."""
        taken: set[str] = set()
        for _ in range(work.count):
            chance = self._rng.random()
            if work.trade == "labour" and chance < 0.04:
                subject, county = self._subjects.person()
            elif work.trade in ("sewage", "product") and chance < 0.06:
                subject, county = self._subjects.thing()
            else:
                subject, county = self._subjects.draw(work.trade, again, taken)
            yield self.result(work, subject, county)

    def long_name(self, works: Sequence[Work]) -> Iterator[Record]:
        """Yield results on one firm with a very long name, one for each of ``works``."""
        county = next(county for county in self._subjects.counties if county.name == "江宁区")
        subject = self._subjects.make("enterprise", LONG_NAME, county)
        for work in works:
            yield self.result(work, subject, county)

    def renamed(self, before: Work, after: Work) -> Iterator[Record]:
        """Yield two results on one firm that changed its name between them."""
        county = self._subjects.counties[0]
        subject = self._subjects.make("enterprise", "南京沅禾汀教育培训有限公司", county)
        yield self.result(before, subject, county, outcomes.NONE)
        yield self.result(after, {**subject, "name": "南京沅禾汀素质教育有限公司"}, county, outcomes.CORRECTION)

    def result(
        self, work: Work, subject: Record, county: County, overall: str | None = None, ended_on: str | None = None
    ) -> Record:
        """Return one result of a task on a subject."""
        rng = self._rng
        overall = overall or outcomes.draw(rng)
        overall = _possible(overall, work.items)
        ended_on = ended_on or days.between(rng, work.first, work.last)
        year = work.plan_id[6:10]
        self._numbers[year] = number = self._numbers.get(year, 0) + 1
        lead = work.departments[0] if work.departments[0] in OFFICES else "市监"
        department = "市监" if "市监" in work.departments and rng.random() < 0.7 else lead
        record: Record = {
            "kind": "result",
            "result_id": f"R{year}-{number:06d}",
            "version": 1,
            "plan_id": work.plan_id,
            "task_id": work.task_id,
            "subject": subject,
            "authority": county.office(department),
            "departments": work.departments,
            "inspection_type": "定向" if work.task_id[-2:] in ("02", "06", "07") else "不定向",
            "methods": work.methods,
            "ended_on": ended_on,
            **_instants(rng, ended_on),
            "findings": self._findings(work, overall, year),
            **_follow_up(rng, overall, county, ended_on),
            "inspectors": [names.person(rng), names.person(rng)],
        }
        if rng.random() < 0.004:
            record["openness"] = "withheld"
            article = rng.choice(("第十四条", "第十五条"))
            record["openness_basis"] = f"《中华人民共和国政府信息公开条例》{article}"
        else:
            record["openness"] = "public"
        return record

    def _findings(self, work: Work, overall: str, year: str) -> list[Record]:
        rng = self._rng
        codes = sorted(rng.sample(work.items, rng.randint(1, min(4, len(work.items)))))
        needed = {outcomes.UNPUBLISHED: outcomes.DISCLOSED, outcomes.FAILED: outcomes.MEASURED}.get(overall)
        if needed and not needed & set(codes):
            codes = sorted([*codes[1:], next(code for code in work.items if code in needed)])
        findings: list[Record] = []
        clean_after_first = overall in (outcomes.CORRECTION, outcomes.LATER, outcomes.OTHER)
        for seq, code in enumerate(codes, 1):
            base = outcomes.NONE if clean_after_first and seq > 1 and rng.random() < 0.7 else overall
            outcome = outcomes.of_item(rng, base, code)
            finding: Record = {"seq": seq, "item_code": code, "item_name": self._item_names[code]}
            finding["outcome"] = _old_label(rng, outcome, code) if year == "2021" else outcome
            if outcome == outcomes.NONE and rng.random() < 0.05:
                finding["outcome_code"] = "1"
            if outcome == outcomes.OTHER or (outcome in outcomes.NOTES and rng.random() < 0.5):
                finding["note"] = rng.choice(outcomes.NOTES[outcome])
            findings.append(finding)
        return findings


def _possible(overall: str, items: Sequence[str]) -> str:
    """Return an outcome that items of this kind can have."""
    if overall == outcomes.UNPUBLISHED and not outcomes.DISCLOSED & set(items):
        return outcomes.CORRECTION
    if overall == outcomes.FAILED and not outcomes.MEASURED & set(items):
        return outcomes.CORRECTION
    return overall


def _old_label(rng: Random, outcome: str, code: str) -> str:
    if outcome == outcomes.UNPUBLISHED and code == "A08":
        return outcomes.CONCEALED if rng.random() < 0.15 else outcome
    return outcomes.OLD[outcome] if outcome in outcomes.OLD and rng.random() < 0.35 else outcome


def _instants(rng: Random, ended_on: str) -> Record:
    """Return when a result was recorded and finalized: in time, late (about 4 %) or not at all (about 2 %)."""
    chance = rng.random()
    if chance < 0.02:
        return {"recorded_at": days.at(rng, days.working(days.plus(ended_on, rng.randint(1, 8)))), "finalized_at": None}
    if chance < 0.06:
        finalized = days.working(days.plus(ended_on, rng.randint(30, 90)))
        recorded = days.working(days.plus(ended_on, rng.randint(20, 29)))
    else:
        recorded = days.working(days.plus(ended_on, rng.randint(1, 6)))
        finalized = days.working(days.plus(recorded, rng.randint(1, 3)))
    return {"recorded_at": days.at(rng, recorded), "finalized_at": days.at(rng, finalized)}


def _follow_up(rng: Random, overall: str, county: County, ended_on: str) -> Record:
    """Return what followed a problem: measure, disposition, decision number, and seldom a stated severity."""
    if overall not in outcomes.NEGATIVE:
        return {}
    record: Record = {}
    chance = rng.random()
    if overall == outcomes.CORRECTION:
        record["measure"] = rng.choice(("责令立即改正", "责令限期改正"))
        if chance < 0.6:
            record["disposition"] = "已改正"
    elif overall in (outcomes.LATER, outcomes.FAILED, outcomes.REFUSAL):
        record["disposition"] = rng.choice(("已立案", "移交线索", "后续监管"))
        if chance < 0.5:
            short = _SHORT[county.city.removesuffix("市")]
            record["disposition"] = "已作出行政处罚"
            record["penalty_no"] = f"{short}市监演罚〔{ended_on[:4]}〕{rng.randint(1, 999):03d}号"
    elif overall == outcomes.UNREACHABLE and chance < 0.5:
        record["disposition"] = "已列入经营异常名录"
    if rng.random() < 0.08:
        record["severity"] = rng.choice(("minor", "minor", "moderate", "serious"))
    return record
