"""The descriptions that machines read first: a data package (Data Package v2) and a catalogue (DCAT 3, JSON-LD)."""

import re
from collections import defaultdict
from datetime import date

import orjson

from publisher import paths
from publisher.ledger import deltas
from publisher.site.data import columns
from publisher.site.data.columns import Columns
from publisher.site.data.files import licence
from publisher.site.data.listing import SCHEMAS, SCOPES, Download, downloads
from publisher.site.install import File
from publisher.site.views import Context, Site

_PROFILE = "https://datapackage.org/profiles/2.0/datapackage.json"
_TABLES: dict[str, tuple[Columns, str]] = {
    "data_month": (columns.FINDING_OF_RESULT, "result"),
    "data_year": (columns.FINDING_OF_RESULT, "result"),
    "plan": (columns.TASK_OF_PLAN, "plan"),
    "item_list": (columns.ITEM_OF_LIST, "item_list"),
}
_OF_RESULTS = ("data_month", "data_year")
_INDENTED = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
_KEYS = {"plan": ("plan_id", "task_id"), "item_list": ("list_id", "item_code")}  # of the strict tables
_MEDIA = {
    "CSV": "text/csv",
    "CSV（适合 Excel）": "text/csv",
    "XLSX": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "JSON Lines": "application/jsonl",
    "JSON": "application/json",
    "SQLite": "application/vnd.sqlite3",
}
_CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "spdx": "http://spdx.org/rdf/terms#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}


def catalogue_files(site: Site) -> list[File]:
    """Return the data package and the catalogue of everything that is installed; nothing when nothing is."""
    found = list(downloads(site))
    as_of = deltas.latest_change(site.connection)
    if not found or as_of is None:
        return []
    package, catalog = _package(site, found, as_of), _catalog(site, found, as_of)
    schemas = {_shared(one): _schema(one) for one in found if one.scope in _OF_RESULTS and one.format != "JSON"}
    return [
        File(paths.DATA_PACKAGE, orjson.dumps(package, option=_INDENTED), len(package["resources"]), as_of),
        File(paths.DATA_CATALOG, orjson.dumps(catalog, option=_INDENTED), len(catalog["dcat:dataset"]), as_of),
        *(File(address, orjson.dumps(schema, option=_INDENTED)) for address, schema in sorted(schemas.items())),
    ]


def _package(site: Site, found: list[Download], as_of: date) -> Context:
    terms = licence(site)
    return {
        "$schema": _PROFILE,
        "name": "inspection-publicity",
        "id": site.job.base_url + paths.DATA_PACKAGE,
        "title": site.job.name,
        "description": "公示中的抽查计划、事项清单和检查结果。停止公示的内容会从这些文件里删除。",
        "homepage": site.job.base_url + paths.DATA,
        "created": f"{as_of}T00:00:00+08:00",
        "as_of": as_of,
        "sources": [{"title": site.job.name, "path": site.job.base_url}],
        "licenses": [{"title": terms["title"], "path": terms["href"]}],
        "resources": [_resource(one, name, terms) for name, one in _named(found).items()],
    }


def _named(found: list[Download]) -> dict[str, Download]:
    """Return the downloads by the names of their resources: lower case, without marks that a name may not have."""
    named: dict[str, Download] = {}
    for one in found:
        path = one.address.removeprefix(paths.DATA).lower().replace("/", "-")
        name = re.sub(r"[^a-z0-9._-]", lambda mark: f"u{ord(mark[0]):x}", path)
        named[name if name not in named else f"{name}-{len(named)}"] = one
    return named


def _resource(one: Download, name: str, terms: Context) -> Context:
    found = {
        "name": name,
        "path": one.address.removeprefix(paths.DATA),
        "title": one.title if one.scope == "data_all" else f"{SCOPES[one.scope]}：{one.title}",
        "mediatype": _MEDIA[one.format],
        "bytes": one.bytes,
        "hash": f"sha256:{one.digest}",
        "as_of": one.as_of,
        "licenses": [{"title": terms["title"], "path": terms["href"]}],
    }
    if one.rows is not None:
        found["rowCount"] = one.rows
    if one.scope in _TABLES and one.format != "JSON":
        found["rows"] = one.rows  # the name under which Frictionless checks it, of tables alone
        schema = _shared(one).removeprefix(paths.DATA) if one.scope in _OF_RESULTS else _schema(one)
        found |= {"type": "table", "encoding": "utf-8", "schema": schema}
    return found


def _shared(one: Download) -> str:
    """Return where the fields of a file of results are told: they are those of thousands of files."""
    return paths.data_schema(SCHEMAS[one.format])


def _schema(one: Download) -> Context:
    """Return the Table Schema of a table: typed in strict CSV and JSON Lines, texts only where Excel reads it."""
    table, kind = _TABLES[one.scope]
    if one.format == "JSON Lines":
        return {"fields": [{"name": name, "type": type_} for name, type_ in columns.RECORD[kind].items()]}
    if one.format != "CSV":
        is_book = one.format == "XLSX"
        texts = [{"name": column.title if is_book else column.name, "type": "string"} for column in table]
        return {"fields": texts, "missingValues": [""]}
    key = _KEYS.get(one.scope, ())
    fields = [
        {"name": column.name, "type": column.type, "title": column.title}
        | ({"description": column.note} if column.note else {})
        | ({"constraints": {"required": True}} if column.name in ("ref", *key) else {})
        for column in table
    ]
    return {"fields": fields, "missingValues": [""]} | ({"primaryKey": list(key)} if key else {})


def _catalog(site: Site, found: list[Download], as_of: date) -> Context:
    by_set: dict[tuple[str, str, str], list[Download]] = defaultdict(list)
    for one in found:
        year = one.key.partition("-")[0]
        is_result = one.scope in _OF_RESULTS
        title = f"{year} 年检查结果" if is_result else one.title if one.scope != "data_all" else SCOPES["data_all"]
        kind, key = ("results", year) if is_result else (one.scope, one.key)
        by_set[kind, key, title].append(one)
    publisher = {"@type": "foaf:Agent", "foaf:name": site.job.name, "foaf:homepage": {"@id": site.job.base_url}}
    about = {
        "dct:publisher": publisher,
        "dct:license": {"@id": licence(site)["href"]},
        "dct:language": "zh-Hans",
    }
    return {
        "@context": _CONTEXT,
        "@id": site.job.base_url + paths.DATA_CATALOG,
        "@type": "dcat:Catalog",
        "dct:title": {"@value": site.job.name, "@language": "zh-Hans"},
        "foaf:homepage": {"@id": site.job.base_url + paths.DATA},
        "dct:modified": _day(as_of),
        **about,
        "dcat:dataset": [
            {
                "@id": f"{site.job.base_url}{paths.DATA_CATALOG}#{'-'.join(filter(None, (kind, key)))}",
                "@type": "dcat:Dataset",
                "dct:title": {"@value": title, "@language": "zh-Hans"},
                "dct:modified": _day(max((one.as_of for one in group if one.as_of), default=as_of)),
                **about,
                "dcat:distribution": [_distribution(site, one) for one in group],
            }
            for (kind, key, title), group in sorted(by_set.items())
        ],
    }


def _distribution(site: Site, one: Download) -> Context:
    where = site.job.base_url + one.address
    return {
        "@id": where,
        "@type": "dcat:Distribution",
        "dct:title": {"@value": f"{one.title}（{one.format}）", "@language": "zh-Hans"},
        "dcat:downloadURL": {"@id": where},
        "dcat:mediaType": {"@id": f"https://www.iana.org/assignments/media-types/{_MEDIA[one.format]}"},
        "dcat:byteSize": {"@value": str(one.bytes), "@type": "xsd:nonNegativeInteger"},
        "dct:license": {"@id": licence(site)["href"]},
        "spdx:checksum": {
            "@type": "spdx:Checksum",
            "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_sha256"},
            "spdx:checksumValue": {"@value": one.digest, "@type": "xsd:hexBinary"},
        },
        **({"dct:modified": _day(one.as_of)} if one.as_of else {}),
    }


def _day(day: date) -> Context:
    return {"@value": day.isoformat(), "@type": "xsd:date"}
