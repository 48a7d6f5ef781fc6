"""Home addresses in free text: only what leads to the door is found, from the house number on.

The text is folded (see ``redact``); what was hidden before ends in 〕 and what is exempt is NUL, and neither is part of
an address. Business addresses stay: 大厦, 广场, 产业园 … (Penalty publication practice hides 家庭住址 only.)
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]

_HOUSE = r"(?:\d{1,5}[A-Za-z]?|[A-Za-z]\d{0,4}|[一二三四五六七八九十百零〇]{1,5}|[甲乙丙丁东西南北])"
_DOOR = re.compile(
    rf"(?<![0-9A-Za-z])(?:{_HOUSE}\s?(?:号楼|号院|号|弄|栋|幢|座|单元|层|楼|室)[\s,-]{{0,2}})+"
    r"(?:(?:\d{1,5}|[一二三四五六七八九零〇]{3,4})(?:室|房|号)?(?!\s*[\d%年月日个家户人次件批万元.]))?"
)
_DASHED_DOOR = re.compile(
    r"(?:(?<=小区)|(?<=社区)|(?<=[园苑村寓墅]))\d{1,3}[A-Za-z]?(?:-\d{1,3})?-\d{3,4}[A-Za-z]?"
    r"(?:室|房|号)?(?!-|\s*[\d%年月日个家户人次件批万元])"
)
_DOORWAY = re.compile(r"室|单元|栋|幢|号楼|座")
_HOME_ROAD = re.compile(r"(?:路|街|巷|弄|里|大道|村|庄|小区|社区|花园|家园|苑|公寓|新城|墅)[^〕\0。;\n]{0,25}$")
_HOME_LABEL = re.compile(r"(?:住址|家住|现住|居住地|居住在|户籍地?|家庭地址)[^〕\0。;\n]{0,40}$")
_BUSINESS = re.compile(
    r"(?:大厦|广场|写字楼|商务楼|中心|产业园|工业园|科技园|创业园|商城|商场|市场|学校|医院|政府|委会|办事处)\s?$"
)


def dashed_doors(text: str) -> Iterator[Span]:
    """Where a flat is written as numbers with dashes after the name of a place to live: 阳光小区3-2-501."""
    for match in _DASHED_DOOR.finditer(text):
        yield match.span()


def doors(text: str) -> Iterator[Span]:
    """Where a house, staircase, floor or flat is named that leads to a home, not to a business."""
    for match in _DOOR.finditer(text):
        before = text[max(0, match.start() - 50) : match.start()]
        if _is_home(match[0], before):
            yield match.start(), match.start() + len(match[0].rstrip(" \t\r\n,-"))


def _is_home(door: str, before: str) -> bool:
    if _HOME_LABEL.search(before):
        return True
    if "单元" in door and re.search(r"单元[\s,-]{0,2}[\d一二三四五六七八九零〇]", door):
        return True
    return bool(_DOORWAY.search(door) and _HOME_ROAD.search(before)) and not _BUSINESS.search(before)
