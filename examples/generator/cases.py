"""What happens to the results of 2026: every kind of case, pending or decided, before and after the demo day."""

from collections.abc import Callable, Sequence
from random import Random

from . import days, outcomes
from .results import DEMO_DAY

Record = dict[str, object]
_REPAIR = "《市场监督管理信用修复管理办法》（国家市场监督管理总局令第107号）"
_TRADE_SECRECY = "《中华人民共和国政府信息公开条例》第十五条"
_REPAIRABLE = {
    outcomes.UNPUBLISHED, outcomes.UNREACHABLE, outcomes.CORRECTION,
    outcomes.LATER, outcomes.FAILED, outcomes.OTHER,
}  # fmt: skip
_COMMITMENT = "已全面整改，承诺今后依法诚信经营，自愿接受社会监督。"
_REPLIES = (
    "本公司已于检查次日完成整改，并向检查机关提交整改报告。",
    "经营地址变更登记正在办理，联系不上系搬迁期间电话停用所致。",
    "年度报告因经办人员离职漏报，现已补报并公示。",
    "对检查结果无异议，已更换到期的计量器具。",
    "已补充台账。如需核实请联系19900000168或 reply@example.com。",
)


class _Picker:
    """Takes results of 2026 that suit a case, none twice."""

    def __init__(self, rng: Random, results: Sequence[Record]) -> None:
        self._rng = rng
        self._left = [r for r in results if str(r["result_id"]).startswith("R2026") and r["openness"] == "public"]
        rng.shuffle(self._left)

    def take(self, count: int, suits: Callable[[Record], bool]) -> list[Record]:
        taken = [record for record in self._left if suits(record)][:count]
        assert len(taken) == count, f"only {len(taken)} of {count}"
        self._left = [record for record in self._left if all(record is not other for other in taken)]
        return taken


def outcomes_of(result: Record) -> set[str]:
    """Return the outcomes of a result's findings."""
    findings = result["findings"]
    assert isinstance(findings, list)
    return {finding["outcome"] for finding in findings}


def _shown(result: Record, first: str, last: str) -> bool:
    return result["finalized_at"] is not None and first <= _day(result) <= last


def _day(result: Record) -> str:
    return str(result["finalized_at"])[:10]


def _negative(result: Record, last: str = "2026-11-06") -> bool:
    return _shown(result, "2026-01-01", last) and bool(outcomes_of(result) & set(outcomes.NEGATIVE))


class _Desk:
    """Opens cases with running numbers, sorted into files."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.files: dict[str, list[Record]] = {}
        self._number = 0

    def open(self, file: str, case_type: str, result: Record, filed_on: str, **more: object) -> None:
        self._number += 1
        record: Record = {"kind": "case", "case_id": f"C-2026-{self._number:04d}", "case_type": case_type}
        record |= {"result_id": result["result_id"], "filed_on": filed_on}
        if more.get("decision"):
            record["decided_by"] = result["authority"]
        self.files.setdefault(file, []).append(record | more)

    def decided(self, filed_on: str, least: int, most: int) -> str:
        """Return a working day some calendar days after the filing, on or before the demo day."""
        day = days.working(days.plus(filed_on, self.rng.randint(least, most)))
        return day if day <= DEMO_DAY else DEMO_DAY


def cases_of(rng: Random, results: Sequence[Record]) -> tuple[dict[str, list[Record]], list[Record]]:
    """Return the cases by file name, and the second versions that follow errors found."""
    desk, picker = _Desk(rng), _Picker(rng, results)
    _repairs(desk, picker)
    _linked(desk, picker)
    corrections = _errors(desk, picker)
    _objections(desk, picker)
    _withholds(desk, picker)
    _reorganisations(desk, picker)
    for result in picker.take(36, _negative):
        filed = days.working(days.plus(_day(result), rng.randint(3, 14)))
        desk.open("replies", "reply", result, min(filed, DEMO_DAY), reason=rng.choice(_REPLIES))
    desk.files["tombstones"] = [
        {"kind": "tombstone", "record_kind": "result", "record_id": result["result_id"], "reason": reason, "on": on}
        for result, reason, on in zip(
            picker.take(3, lambda record: _shown(record, "2026-03-01", "2026-09-30")),
            ("重复录入，平台撤回", "任务归属录入有误，平台撤回", "重复录入，平台撤回"),
            ("2026-10-12", "2026-11-09", "2026-12-02"),
            strict=True,
        )
    ]
    return desk.files, corrections


def _repairs(desk: _Desk, picker: _Picker) -> None:
    """Applications at three months or more after publication; three granted ones are revoked for false materials."""

    def suits(result: Record) -> bool:
        return _negative(result, "2026-07-20") and bool(outcomes_of(result) & _REPAIRABLE)

    for number, result in enumerate(picker.take(46, suits)):
        first = days.plus(_day(result), 93)
        filed = days.between(desk.rng, first, max("2026-10-30", days.plus(first, 10)))
        more: Record = {"corrected_on": days.working(days.plus(str(result["ended_on"]), 20))}
        more |= {"commitment": _COMMITMENT, "basis": _REPAIR, "reason": "已改正并履行相关义务，申请信用修复"}
        if number >= 38:  # still open on the demo day: filed in November, four of them accepted
            filed = days.between(desk.rng, max(first, "2026-11-12"), DEMO_DAY)
            if number < 42:
                more["accepted_on"] = min(days.working(days.plus(filed, 1)), DEMO_DAY)
            desk.open("repairs", "repair", result, filed, **more)
            continue
        more["accepted_on"] = days.working(days.plus(filed, 2))
        more["decided_on"] = desk.decided(filed, 7, 9)
        more["decision"] = "granted"
        if number in range(24, 32):
            more |= {"decision": "refused", "reason": "尚未提交整改完成的证明材料"}
        elif number >= 32:  # decided after the demo day
            late = days.between(desk.rng, max(first, "2026-11-16"), DEMO_DAY)
            filed, more["accepted_on"], more["decided_on"] = late, DEMO_DAY, "2026-12-01"
        desk.open("repairs", "repair", result, filed, **more)
        if number < 3:
            revoked = desk.decided(str(more["decided_on"]), 10, 20)
            false = {"reason": "信用修复申请材料系伪造", "basis": _REPAIR}
            desk.open("repairs", "repair_revoked", result, revoked, decided_on=revoked, decision="granted", **false)


def _linked(desk: _Desk, picker: _Picker) -> None:
    """Penalty or list entries made from the same finding that were stopped: the result stops the same day."""

    def penalised(result: Record) -> bool:
        return "penalty_no" in result and _negative(result, "2026-10-09")

    def unreachable(result: Record) -> bool:
        return outcomes.UNREACHABLE in outcomes_of(result) and _negative(result, "2026-10-09")

    def refusing(result: Record) -> bool:
        return bool(outcomes_of(result) & {outcomes.REFUSAL, outcomes.LATER}) and _negative(result, "2026-10-09")

    kinds: tuple[tuple[str, int, Callable[[Record], bool], str], ...] = (
        ("penalty_stopped", 5, penalised, "关联行政处罚信息已停止公示"),
        ("abnormal_list_removed", 7, unreachable, "已移出经营异常名录"),
        ("serious_list_removed", 3, refusing, "已移出严重违法失信名单"),
    )
    for case_type, count, suits, reason in kinds:
        for number, result in enumerate(picker.take(count, suits)):
            filed = days.working(days.plus(_day(result), desk.rng.randint(20, 60)))
            filed = "2026-12-03" if number == 0 else min(filed, DEMO_DAY)
            desk.open("linked", case_type, result, filed, decided_on=filed, decision="granted", reason=reason)


def _errors(desk: _Desk, picker: _Picker) -> list[Record]:
    """Errors found: nine followed by a second version (two of them after the demo day), five by none, two refused."""
    corrections: list[Record] = []
    for number, result in enumerate(picker.take(16, lambda result: _negative(result, "2026-10-16"))):
        filed = days.working(days.plus(_day(result), desk.rng.randint(5, 20)))
        decided = desk.decided(filed, 3, 10)
        if number in (7, 8):
            filed, decided = "2026-11-12", "2026-11-18"
        refused = number >= 14
        reason = "经复核，原检查结果记录无误" if refused else "经复核，检查结果录入有误"
        decision = "refused" if refused else "granted"
        desk.open("errors", "error", result, filed, decided_on=decided, decision=decision, reason=reason)
        if number < 9:
            again = "2026-11-24" if number in (7, 8) else days.working(days.plus(decided, desk.rng.randint(1, 4)))
            corrections.append(_corrected(desk.rng, result, again))
    return sorted(corrections, key=lambda record: str(record["result_id"]))


def _corrected(rng: Random, result: Record, finalized_on: str) -> Record:
    findings = result["findings"]
    assert isinstance(findings, list)
    right = [
        {**{key: value for key, value in finding.items() if key != "note"}, "outcome": outcomes.NONE}
        for finding in findings
    ]
    dropped = ("measure", "disposition", "penalty_no", "severity")
    kept = {key: value for key, value in result.items() if key not in dropped}
    instants = {"recorded_at": f"{finalized_on}T09:05:00+08:00", "finalized_at": f"{finalized_on}T10:30:00+08:00"}
    return {**kept, "version": 2, **instants, "findings": right, "remark": "经复核更正检查结果"}


def _objections(desk: _Desk, picker: _Picker) -> None:
    for number, result in enumerate(picker.take(24, lambda result: _negative(result, "2026-10-30"))):
        if number < 10:
            filed = days.between(desk.rng, max(_day(result), "2026-11-02"), DEMO_DAY)
            desk.open("objections", "objection", result, filed, reason="对检查结果有异议，请求复核")
            continue
        filed = days.working(days.plus(_day(result), desk.rng.randint(2, 12)))
        decided = desk.decided(filed, 5, 12)
        more: Record = {"decided_on": decided, "decision": "granted" if number < 15 else "refused"}
        desk.open("objections", "objection", result, filed, reason="认为检查对象混淆，请求复核", **more)
        if number < 15:  # an objection upheld is an error found
            found = {"decided_on": decided, "decision": "granted", "reason": "异议成立，检查结果录入有误"}
            desk.open("errors", "error", result, decided, **found)


def _withholds(desk: _Desk, picker: _Picker) -> None:
    for number, result in enumerate(picker.take(8, lambda result: _shown(result, "2026-02-01", "2026-10-30"))):
        filed = days.working(days.plus(_day(result), desk.rng.randint(1, 20)))
        decided = desk.decided(filed, 1, 6)
        if number >= 6:
            filed, decided = "2026-11-19", "2026-12-04"
        more = {"decided_on": decided, "decision": "granted", "basis": _TRADE_SECRECY, "reason": "涉及第三方商业秘密"}
        desk.open("withholds", "withhold", result, filed, **more)
    plan: Record = {"kind": "case", "case_id": "C-2026-9001", "case_type": "withhold", "plan_id": "32000020260005"}
    plan |= {"filed_on": "2026-11-30", "decided_on": "2026-12-04", "decision": "granted", "basis": _TRADE_SECRECY}
    desk.files["withholds"].append(plan | {"decided_by": "江苏省市场监督管理局", "reason": "计划内容需重新审查"})


def _reorganisations(desk: _Desk, picker: _Picker) -> None:
    lifted: Sequence[str | None] = ("2026-09-30", "2026-11-10", "2026-12-08", None, None, None)
    suits = picker.take(6, lambda result: _negative(result, "2026-06-30"))
    for result, lifted_on in zip(suits, lifted, strict=True):
        decided = days.working(days.plus(_day(result), 40))
        more: Record = {"decided_on": decided, "decision": "granted", "reason": "法院裁定批准重整计划"}
        if lifted_on:
            more["lifted_on"] = lifted_on
        desk.open("reorganisations", "reorganisation", result, days.plus(decided, -5), **more)
