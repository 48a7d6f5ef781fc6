"""A certificate of withdrawal as a page to print."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

KINDS = {"result": "抽查检查结果", "plan": "抽查计划", "item_list": "抽查事项清单"}
ANSWERS = {
    "accepted": "已停止公示",
    "duplicate": "已停止公示（先前已经收到）",
    "never_held": "没有公示过",
    "waiting": "已通知，尚未答复",
}

_PAGE = """<!doctype html>
<html lang="zh-Hans">
<head>
<meta charset="utf-8">
<meta name="robots" content="noindex">
<title>停止公示证明</title>
<style>
body {{ max-width: 44rem; margin: 2rem auto; padding: 0 1rem; font: 16px/1.7 serif; color: #111; }}
h1 {{ text-align: center; font-size: 1.6rem; }}
h2 {{ font-size: 1.1rem; margin-top: 1.6rem; }}
table {{ width: 100%; border-collapse: collapse; }}
th, td {{ border: 1px solid #999; padding: .3rem .5rem; text-align: left; vertical-align: top; }}
td {{ overflow-wrap: anywhere; }}
th {{ width: 8rem; font-weight: normal; background: #f4f4f4; }}
thead th {{ width: auto; }}
code {{ font-size: .75rem; overflow-wrap: anywhere; }}
@media print {{ body {{ margin: 0; max-width: none; }} tr {{ break-inside: avoid; }} }}
</style>
</head>
<body>
<h1>停止公示证明</h1>
<table>{facts}</table>
<h2>本站清除的文件</h2>
<p>下列文件曾载有这条记录。已删除的不再提供；已更改的不再含有这条记录。清除同时在正在提供的版本和上一版本中进行。</p>
<table><thead><tr><th>文件</th><th>清除前的 SHA-256</th><th>清除后</th></tr></thead><tbody>{files}</tbody></table>
<h2>接收系统</h2>
<table><thead><tr><th>系统</th><th>答复</th><th>回执编号</th><th>时间</th></tr></thead><tbody>{endpoints}</tbody></table>
<h2>核对</h2>
<p>停止公示后，任何转载、留存本记录的单位应当同时停止公示和使用。
本证明由下列密钥签名，同名的 .json 文件载有签名的原文，可据以核对。</p>
<p>密钥：<code>{key}</code></p>
<p>签名：<code>{signature}</code></p>
</body>
</html>
"""


def page_of(told: Mapping[str, Any]) -> str:
    """Return the page of a signed certificate, for the firm: plain HTML that needs nothing else."""
    one = told["statement"]
    subject = one["subject"] or {}
    facts = [
        ("公示网站", f"{one['portal']['name']} {one['portal']['address']}"),
        ("公示对象", subject.get("name")),
        ("统一社会信用代码", subject.get("uscc")),
        ("记录", f"{KINDS[one['record']['kind']]} {one['record']['id']}"),
        ("公示编号", one["record"]["ref"]),
        ("停止公示日期", one["stopped_on"]),
        ("理由", one["rule"]["sentence"] or one["rule"]["id"]),
        ("依据", one["rule"]["article"]),
    ]
    return _PAGE.format(
        facts="".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts if value),
        files=_rows((file["path"], file["before"], file["after"] or "已删除") for file in one["files"]),
        endpoints=_rows(
            (to["name"], ANSWERS[to["status"]], to["receipt_no"] or "", to["at"] or "") for to in one["endpoints"]
        ),
        key=escape(told["key"]),
        signature=escape(told["signature"]),
    )


def _rows(rows: Iterable[tuple[str, ...]]) -> str:
    return "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
