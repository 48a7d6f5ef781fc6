"""What there is to take away, as the tree has it: the one list behind the page, the data package and the catalogue."""

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from sqlalchemy import select

from publisher import paths
from publisher.ledger import shown
from publisher.ledger.schema import page
from publisher.site.data.files import FORMATS
from publisher.site.install import File
from publisher.site.views import Site

SCOPES = {  # in the order in which people look for them
    "data_all": "全部数据",
    "data_year": "检查结果（按检查完成的年份）",
    "data_month": "检查结果（按检查完成的月份）",
    "plan": "抽查计划",
    "item_list": "抽查事项清单",
}
SCHEMAS = {"CSV": "csv", "CSV（适合 Excel）": "excel-csv", "XLSX": "xlsx", "JSON Lines": "jsonl"}  # by format
_WHOLE = {
    paths.DATABASE: ("全部公示内容（数据库）", "SQLite"),
    paths.DATABASE_METADATA: ("数据库说明（供 Datasette 使用）", "JSON"),
    paths.DELTA_INDEX: ("变更目录：每次公示新增、更正、停止了什么", "JSON"),
    paths.DATA_PACKAGE: ("数据包说明：全部文件、字段、行数和校验值", "JSON"),
    paths.DATA_CATALOG: ("数据目录（DCAT）", "JSON-LD"),
    **{paths.data_schema(name): (f"检查结果的字段（{kind}）", "JSON") for kind, name in SCHEMAS.items()},
}


class Download(NamedTuple):
    """A file to take away: its part of the site, its words, and its facts."""

    scope: str
    key: str
    address: str
    title: str
    format: str
    rows: int | None
    bytes: int
    digest: str
    as_of: date | None


def downloads(site: Site) -> Iterator[Download]:
    """Yield every installed file to take away but those of single publications, in the order of ``SCOPES``."""
    titles = {one.row.record_id: one.body["title"] for one in shown.all_of(site.connection, "item_list")}
    query = select(page).where(page.c.path.startswith(paths.DATA), page.c.scope.in_(SCOPES), page.c.digest != "")
    place = list(SCOPES).index
    rows = site.connection.execute(query.order_by(page.c.path)).all()
    for row in sorted(rows, key=lambda row: (place(row.scope), _place(row.scope, row.key, row.path))):
        if row.scope == "data_all":
            title, kind = _WHOLE[row.path]
        else:
            title, kind = _title(site, row.scope, row.key, titles), _format(row.path)
        yield Download(row.scope, row.key, row.path, title, kind, row.rows, row.bytes, row.digest, row.as_of)


def _place(scope: str, key: str, address: str) -> int:
    """Return what puts the newest month or year first, and whole files in the order of their words."""
    if scope == "data_all":
        return list(_WHOLE).index(address)
    return -int(key.partition("/")[0].replace("-", "")) if scope in ("data_month", "data_year") else 0


def _format(address: str) -> str:
    return next(words for suffix, words in sorted(FORMATS.items(), key=_longest) if address.endswith(f".{suffix}"))


def _longest(one: tuple[str, str]) -> int:
    return -len(one[0])


def about_all(made: list[File]) -> Iterator[Download]:
    """Yield the files that describe all others, which are not installed yet when the page is made."""
    for file in made:
        title, kind = _WHOLE[file.address]
        yield Download("data_all", "", file.address, title, kind, file.rows, file.size, file.digest, file.as_of)


def _title(site: Site, scope: str, key: str, lists: dict[str, str]) -> str:
    match scope:
        case "data_month":
            year, month = key.partition("/")[0].split("-")
            return f"{year} 年 {int(month)} 月"
        case "data_year":
            return f"{key} 年"
        case "plan":
            return site.plans[key].title
        case _:
            return lists[key]
