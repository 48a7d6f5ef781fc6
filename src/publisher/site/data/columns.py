"""The columns of every table to take away: the words of its header, its data package and its database."""

from collections.abc import Mapping
from typing import Literal, NamedTuple


class Column(NamedTuple):
    """A column: its name, what it is called, its type (Table Schema), and whether it is a code, never a number."""

    name: str
    title: str
    type: Literal["string", "integer", "boolean", "date"] = "string"
    code: bool = False
    note: str = ""


Columns = tuple[Column, ...]

REF = Column("ref", "公示编号", code=True, note="随机编号；停止公示后不再使用")

RESULT: Columns = (
    REF,
    Column("result_id", "检查结果编号", code=True),
    Column("subject_name", "检查对象名称"),
    Column("subject_kind", "检查对象类型"),
    Column("uscc", "统一社会信用代码", code=True),
    Column("reg_no", "注册号", code=True),
    Column("region_code", "所在地区代码（GB/T 2260）", code=True),
    Column("subject_url", "检查对象页面"),
    Column("plan_id", "抽查计划编号", code=True),
    Column("task_id", "抽查任务编号", code=True),
    Column("authority", "检查机关"),
    Column("departments", "参加检查的部门"),
    Column("inspection_type", "抽查类型"),
    Column("methods", "检查方式"),
    Column("ended_on", "检查完成日期", "date"),
    Column("published_on", "首次公示日期", "date"),
    Column("due_on", "公示期限截止日", "date"),
    Column("ends_on", "停止公示日期（到期）", "date"),
    Column("late", "逾期公示", "boolean"),
    Column("marks", "标记", note="late 逾期公示、objection_pending 异议处理中、corrected 已更正、reply 有当事人陈述"),
    Column("severity", "情节", note="minor 轻微、moderate 一般、serious 严重"),
    Column("measure", "采取的措施"),
    Column("disposition", "后续处理"),
    Column("penalty_no", "处罚决定书文号", code=True),
    Column("remark", "备注"),
    Column("reply", "当事人陈述"),
    Column("objection_filed_on", "异议提出日期", "date"),
)
FINDING: Columns = (
    Column("seq", "序号", "integer"),
    Column("item_code", "抽查事项编码", code=True),
    Column("item_name", "抽查事项"),
    Column("outcome", "结果（原文）"),
    Column("outcome_id", "结果类别"),
    Column("note", "说明"),
)
FINDING_OF_RESULT: Columns = (*RESULT, *FINDING)

PLAN: Columns = (
    REF,
    Column("plan_id", "抽查计划编号", code=True),
    Column("revision", "版次", "integer"),
    Column("title", "计划名称"),
    Column("year", "年度", "integer"),
    Column("region_code", "地区代码（GB/T 2260）", code=True),
    Column("level", "层级"),
    Column("authority", "发布机关"),
    Column("scope", "范围"),
    Column("plan_type", "计划类型"),
    Column("document_no", "文号"),
    Column("approved_on", "批准日期", "date"),
    Column("filed_on", "备案日期", "date"),
    Column("complete_by", "完成期限", "date"),
    Column("declared_task_count", "任务数", "integer"),
    Column("published_on", "首次公示日期", "date"),
)
TASK: Columns = (
    Column("plan_id", "抽查计划编号", code=True),
    Column("task_id", "抽查任务编号", code=True),
    Column("seq", "序号", "integer"),
    Column("name", "任务名称"),
    Column("field", "抽查领域"),
    Column("lead_department", "牵头部门"),
    Column("departments", "联合检查部门"),
    Column("subjects", "检查对象"),
    Column("methods", "检查方式"),
    Column("ratio", "抽取比例"),
    Column("quantity", "抽取数量"),
    Column("frequency", "检查频次"),
    Column("levels", "检查层级"),
    Column("inspection_type", "抽查类型"),
    Column("starts_on", "开始日期", "date"),
    Column("ends_on", "结束日期", "date"),
    Column("drawn", "已抽取数量", "integer"),
    Column("status", "状态"),
    Column("item_codes", "抽查事项编码", code=True),
)
TASK_OF_PLAN: Columns = (REF, *TASK)

ITEM_LIST: Columns = (
    REF,
    Column("list_id", "清单编号", code=True),
    Column("edition", "版本"),
    Column("revision", "版次", "integer"),
    Column("title", "清单名称"),
    Column("region_code", "地区代码（GB/T 2260）", code=True),
    Column("authority", "制定机关"),
    Column("approved_by", "批准机关"),
    Column("approved_on", "批准日期", "date"),
    Column("published_on", "首次公示日期", "date"),
)
ITEM: Columns = (
    Column("list_id", "清单编号", code=True),
    Column("item_code", "抽查事项编码", code=True),
    Column("category", "抽查类别"),
    Column("name", "抽查事项"),
    Column("class", "事项类别"),
    Column("subjects", "检查对象"),
    Column("methods", "检查方式"),
    Column("authority", "检查主体"),
    Column("basis", "检查依据"),
    Column("ratio", "抽查比例"),
    Column("frequency", "检查频次"),
)
ITEM_OF_LIST: Columns = (REF, *ITEM)

SUBJECT: Columns = (
    Column("url", "检查对象页面"),
    Column("name", "名称"),
    Column("uscc", "统一社会信用代码", code=True),
    Column("reg_no", "注册号", code=True),
    Column("region_code", "所在地区代码（GB/T 2260）", code=True),
    Column("region", "所在地区"),
    Column("results", "公示中的结果数", "integer"),
    Column("latest_on", "最近一次检查完成日期", "date"),
)

# What a record has in JSON, with the types of Table Schema; nothing else of a public form is ever written.
Fields = Mapping[str, str]
_HEAD = {"ref": "string", "kind": "string"}
_VERDICT = {"published_on": "date", "due_on": "date", "ends_on": "date", "marks": "array"}
RECORD: Mapping[str, Fields] = {
    "result": _HEAD
    | {
        "result_id": "string",
        "version": "integer",
        "plan_id": "string",
        "task_id": "string",
        "subject": "object",
        "subject_url": "string",
    }
    | {"authority": "string", "departments": "array", "inspection_type": "string", "methods": "string"}
    | {"ended_on": "date", "findings": "array"}
    | dict.fromkeys(("severity", "measure", "disposition", "penalty_no", "remark"), "string")
    | _VERDICT
    | {"reply": "string", "objection_filed_on": "date"},
    "plan": _HEAD
    | {"plan_id": "string", "revision": "integer", "title": "string", "year": "integer", "region_code": "string"}
    | dict.fromkeys(("level", "authority", "scope", "plan_type", "document_no", "approved_by"), "string")
    | dict.fromkeys(("approved_on", "filed_on", "complete_by"), "date")
    | {"declared_task_count": "integer", "adjustment": "object", "tasks": "array"}
    | _VERDICT,
    "item_list": _HEAD
    | {"list_id": "string", "edition": "string", "revision": "integer", "title": "string", "region_code": "string"}
    | {"authority": "string", "approved_by": "string", "approved_on": "date", "items": "array"}
    | _VERDICT,
}
