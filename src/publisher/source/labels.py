"""One table of column headings: English field names (taken from the model) and Chinese labels → fields.

The labels are those of the public forms: the annex of the Jiangsu 2021 plan, the item lists of Chongqing,
Zhejiang and Fenyang, the plan forms of Zhejiang and Chongqing, and the result pages of the national publicity
system. Labels are compared folded (``fold_label``).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel

from publisher.model import Case, Finding, Item, ItemList, Plan, Result, Subject, Task, fold_label

IGNORED = ""  # a heading we know that says nothing about a record
CODE_OR_NUMBER = "subject.uscc/reg_no"  # one column for either, as the national system shows it


class Table(NamedTuple):
    """What the rows of a table in one folder are: the record's kind, its fields by heading, empty rows of it."""

    kind: str
    fields: Mapping[str, str]  # folded heading -> field, with ``subject.`` and ``findings.`` before nested ones
    empty: Mapping[str, Any]  # what a row says without saying it: null, an empty list, an active task


def _empty_of(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        if not info.is_required():
            continue
        if type(None) in get_args(info.annotation):
            said[prefix + (info.alias or name)] = None
        elif name in LISTS:
            said[prefix + name] = []
    return said


def _names(model: type[BaseModel], prefix: str = "") -> dict[str, str]:
    names = [info.alias or name for name, info in model.model_fields.items()]
    return {prefix + name: prefix + name for name in names}


def _by_heading(english: Mapping[str, str], chinese: Mapping[str, str]) -> dict[str, str]:
    labels = {label: field for field, spelled in chinese.items() for label in spelled.split()}
    return {fold_label(heading): field for heading, field in (labels | dict(english)).items()}


LISTS = frozenset({"departments", "inspectors", "item_codes"})

_TASK = {
    "seq": "序号",
    "task_id": "任务编号 抽查任务编号",
    "name": "任务名称 抽查任务名称 名称",
    "field": "抽查领域 领域",
    "lead_department": "牵头部门 发起部门 牵头单位 责任单位（牵头处室）",
    "departments": "联合检查部门 配合部门 参与部门 检查部门 联合部门 抽查部门",
    "subjects": "检查对象 抽查对象 对象范围 检查对象范围 抽查对象范围",
    "methods": "检查方式 抽查方式 方式",
    "ratio": "抽取比例 抽查比例 比例",
    "quantity": "抽取数量 抽查数量 抽取对象数 数量",
    "frequency": "检查频次 抽查频次 频次",
    "levels": "检查层级 抽查层级 层级",
    "inspection_type": "抽查类型 类型",
    "starts_on": "开始日期 起始日期 检查日期自",
    "ends_on": "结束日期 截止日期 检查日期至",
    "drawn": "已抽取数 已抽取数量 抽查市场主体数量",
    "status": "任务状态 状态",
    "item_codes": "事项编码 抽查事项编码 抽查事项编号",
}
_ITEM = {
    "seq": "序号",
    "item_code": "事项编码 事项编号 抽查事项编码 抽查事项编号 编号",
    "category": "抽查类别 抽查项目 抽查领域",
    "name": "抽查事项 抽查事项名称 事项名称 检查事项",
    "class": "事项类别 事项分类",
    "subjects": "检查对象 抽查对象 对象",
    "methods": "检查方式 抽查方式 方式",
    "authority": "检查主体 抽查主体 主体 检查机关",
    "basis": "检查依据 抽查依据 执法依据 法律依据 依据",
    "ratio": "抽查比例 抽取比例 比例",
    "frequency": "抽查频次 检查频次 频次",
}
_RESULT = {
    IGNORED: "序号",
    "result_id": "结果编号 检查结果编号 抽查结果编号",
    "version": "版本 版本号",
    "plan_id": "计划编号 抽查计划编号",
    "task_id": "任务编号 抽查任务编号",
    "subject.kind": "检查对象类型 对象类型 主体类型",
    "subject.name": "检查对象名称 检查对象 主体名称 市场主体名称 企业名称 名称",
    "subject.uscc": "统一社会信用代码 社会信用代码",
    "subject.reg_no": "注册号",
    CODE_OR_NUMBER: "统一社会信用代码/注册号",
    "subject.region_code": "行政区划代码 区划代码 所属区划 登记地区划",
    "authority": "检查机关 抽查机关 检查实施机关 实施机关",
    "departments": "检查部门 参与部门 联合检查部门 配合部门",
    "inspection_type": "抽查类型 类型",
    "methods": "检查方式 抽查方式",
    "ended_on": "检查结束日期 检查完成日期 抽查完成日期 检查日期 完成日期 日期",
    "recorded_at": "录入时间",
    "finalized_at": "审定时间",
    "findings.seq": "事项序号",
    "findings.item_code": "事项编码 事项编号 抽查事项编码 抽查事项编号",
    "findings.item_name": "检查事项 抽查事项 检查事项名称 抽查事项名称 事项名称",
    "findings.outcome": "检查结果 抽查结果 结果 结果类别",
    "findings.outcome_code": "结果代码 检查结果代码",
    "findings.note": "情况说明 说明",
    "severity": "严重程度",
    "measure": "处理措施 措施",
    "disposition": "后续处置 处置情况 处理结果",
    "penalty_no": "处罚决定书文号 决定书文号",
    "inspectors": "检查人员 执法人员",
    "remark": "备注",
    "openness": "公开属性 是否公开",
    "openness_basis": "不予公示依据 不公开依据",
}
_CASE = {
    IGNORED: "序号",
    "case_id": "办件编号 申请编号 编号",
    "case_type": "办件类型 类型",
    "result_id": "结果编号 检查结果编号 抽查结果编号",
    "plan_id": "计划编号 抽查计划编号",
    "list_id": "清单编号",
    "filed_on": "申请日期 提出日期",
    "accepted_on": "受理日期",
    "decided_on": "决定日期",
    "decision": "决定 决定结果",
    "decided_by": "决定机关",
    "corrected_on": "改正日期",
    "commitment": "信用承诺",
    "basis": "依据",
    "reason": "理由 事由",
    "lifted_on": "解除日期",
}
_COUNTS = {
    "authority": "检查机关 抽查机关 机关",
    "period": "期间 统计期间",
    "all_inspections": "涉企行政检查户次 全部检查户次",
    "library_subjects": "检查对象库数量 名录库数量",
}

_RESULT_FIELDS = {name: field for name, field in _names(Result).items() if name not in ("subject", "findings")}
_FINDING_FIELDS = _names(Finding, "findings.")

TABLES: Mapping[str, Table] = {
    "plans": Table("plan", _by_heading(_names(Task), _TASK), {"status": "active", **_empty_of(Task)}),
    "item_lists": Table("item_list", _by_heading({"seq": "seq", **_names(Item)}, _ITEM), _empty_of(Item)),
    "results": Table(
        "result",
        _by_heading(
            _RESULT_FIELDS
            | _names(Subject, "subject.")
            | _FINDING_FIELDS
            | {field.removeprefix("findings."): field for field in _FINDING_FIELDS},
            _RESULT,
        ),
        _empty_of(Result) | _empty_of(Subject, "subject.") | _empty_of(Finding, "findings."),
    ),
    "cases": Table("case", _by_heading(_names(Case), _CASE), {}),
}
COUNTS = Table("counts", _by_heading({name: name for name in _COUNTS}, _COUNTS), dict.fromkeys(_COUNTS))

# What the TOML head of a plan or list says by leaving a key out: TOML has no null.
HEADS: Mapping[str, Mapping[str, Any]] = {"plan": _empty_of(Plan), "item_list": _empty_of(ItemList)}

# Chinese words for values that the model names in English, as tables say them.
VALUES: Mapping[str, Mapping[str, str]] = {
    "subject.kind": {
        "企业": "enterprise",
        "个体工商户": "sole_trader",
        "农民专业合作社": "cooperative",
        "其他组织": "organisation",
        "非市场主体": "non_market",
        "自然人": "person",
    },
    "severity": {"轻微": "minor", "一般": "moderate", "严重": "serious"},
    "openness": {"公示": "public", "公开": "public", "不予公示": "withheld", "不予公开": "withheld"},
    "status": {"有效": "active", "取消": "cancelled", "完成": "finished"},
    "decision": {"准予": "granted", "不予": "refused"},
    "case_type": {
        "不予公示": "withhold",
        "异议": "objection",
        "查实有误": "error",
        "信用修复申请": "repair",
        "信用修复": "repair",
        "撤销信用修复": "repair_revoked",
        "处罚信息停止公示": "penalty_stopped",
        "移出经营异常名录": "abnormal_list_removed",
        "移出严重违法失信名单": "serious_list_removed",
        "破产重整": "reorganisation",
        "陈述说明": "reply",
    },
}
