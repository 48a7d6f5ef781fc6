"""What an inspection may find, in the words of the nine kinds, and how often."""

from random import Random

NONE = "未发现问题"
UNPUBLISHED = "未按规定公示应当公示的信息"
UNREACHABLE = "通过登记的住所（经营场所）无法联系"
REFUSAL = "不配合检查情节严重"
NOT_ACTIVE = "未发现开展本次抽查涉及的经营活动"
CORRECTION = "发现问题，依法责令立即改正或者限期改正"
LATER = "发现问题，待后续调查处理"
PASSED = "合格"
FAILED = "不合格"
OTHER = "其他情况"
EVERY = (NONE, UNPUBLISHED, UNREACHABLE, REFUSAL, NOT_ACTIVE, CORRECTION, LATER, PASSED, FAILED, OTHER)
NEGATIVE = (UNPUBLISHED, UNREACHABLE, REFUSAL, CORRECTION, LATER, FAILED, OTHER)

# Labels of the 2019 kinds, still written in 2021
OLD = {CORRECTION: "发现问题已责令改正", LATER: "发现问题待后续处理", UNPUBLISHED: "未按规定公示年报"}
CONCEALED = "公示信息隐瞒真实情况弄虚作假"
OLD_LABELS = (*OLD.values(), CONCEALED)
MEASURED = {"C03", "E01", "E02", "E03", "J03"}  # items whose outcome is a test: passed or failed
DISCLOSED = {"A07", "A08"}

_SHARES = (
    (NONE, 780),
    (NOT_ACTIVE, 25),
    (UNREACHABLE, 40),
    (UNPUBLISHED, 40),
    (CORRECTION, 65),
    (LATER, 22),
    (FAILED, 14),
    (REFUSAL, 6),
    (OTHER, 8),
)
NOTES = {
    UNPUBLISHED: ("未公示上一年度年度报告。", "股东出资信息变更后未在20个工作日内公示。"),
    UNREACHABLE: ("两次现场走访，登记住所无人办公。", "向登记住所寄送的专用信函被退回。"),
    REFUSAL: ("拒绝检查人员进入经营场所，经说明后仍不配合。",),
    CORRECTION: (
        "制度台账记录不全，责令限期改正。",
        "场所内疏散标识缺失两处，责令立即改正。",
        "收费项目未在醒目位置公示，责令限期改正。",
        "未将营业执照置于醒目位置，当场改正。",
        "责令限期改正；现场联系人电话19900000137。",
        "已提交整改材料至 demo.contact@example.com，限期15日。",
    ),
    LATER: ("涉嫌违规，已移交执法机构核查。", "样品与标签不一致，待进一步调查。"),
    FAILED: ("抽样检测一项指标不符合标准要求。", "计量器具示值误差超出允许范围。"),
    OTHER: ("企业正在办理注销登记，检查时已停业。", "经营场所整体装修，暂未营业，联系电话025-00000012。"),
}


def draw(rng: Random) -> str:
    """Draw what one inspection finds as a whole."""
    kinds, weights = zip(*_SHARES, strict=True)
    return str(rng.choices(kinds, weights)[0])


def of_item(rng: Random, overall: str, code: str) -> str:
    """Return the outcome of one item within an inspection whose outcome is ``overall``."""
    if overall in (UNREACHABLE, NOT_ACTIVE, REFUSAL):
        return overall
    clean = PASSED if code in MEASURED and rng.random() < 0.75 else NONE
    if overall == NONE:
        return clean
    if overall == UNPUBLISHED:
        return UNPUBLISHED if code in DISCLOSED else clean
    if overall == FAILED:
        return FAILED if code in MEASURED else clean
    return overall
