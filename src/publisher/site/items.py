"""Pages of item lists: every list, and each with its items and their legal bases."""

from publisher import paths
from publisher.ledger import shown
from publisher.ledger.many import iso
from publisher.site.data.files import list_files
from publisher.site.install import File
from publisher.site.log import proof_of
from publisher.site.views import Page, Site, newest, place


def index_page(site: Site) -> Page:
    """Return the page that names every published item list."""
    lists = list(shown.all_of(site.connection, "item_list"))
    context = {
        "view": site.head("抽查事项清单", paths.ITEMS, "items", as_of=newest(lists)),
        "lists": [
            {
                "title": one.body["title"],
                "href": site.href(paths.item_list(one.row.record_id)),
                "edition": one.body["edition"],
                "revision": one.body["revision"],
                "authority": one.body["authority"],
                "region": place(one.body["region_code"]),
                "item_count": len(one.body["items"]),
                "finalized_on": one.beside["finalized_on"],
            }
            for one in lists
        ],
    }
    return Page(paths.ITEMS, "items.html", context)


def list_pages(site: Site, list_id: str) -> list[Page | File]:
    """Return an item list's page and downloads; nothing when it is not shown."""
    one = shown.one_of(site.connection, "item_list", list_id)
    if one is None:
        return []
    body, address = one.body, paths.item_list(list_id)
    csv, excel, json = (paths.data_items(list_id, suffix) for suffix in ("csv", "excel.csv", "json"))
    plain = ("list_id", "title", "edition", "revision", "authority", "approved_by", "approved_on")
    columns = ("item_code", "category", "name", "class", "subjects", "methods", "authority", "basis", "ratio",
               "frequency")  # fmt: skip
    context = {
        "view": site.head(
            body["title"],
            address,
            "items",
            crumbs=[("抽查事项清单", paths.ITEMS)],
            as_of=one.row.since,
            alternate=[(csv, "text/csv", "事项表（CSV）"), (json, "application/json", "清单（JSON）")],
        ),
        "item_list": {key: body[key] for key in plain}
        | {
            "region": place(body["region_code"]),
            "finalized_on": one.beside["finalized_on"],
            "published_on": iso(one.row.published_on),
            "downloads": [
                {"title": "事项表（CSV）", "href": site.href(csv)},
                {"title": "事项表（CSV，适合 Excel）", "href": site.href(excel)},
                {"title": "清单全文（JSON）", "href": site.href(json)},
            ],
        },
        "items": [
            {key: item[key] for key in columns if key not in ("item_code", "class")}
            | {"code": item["item_code"], "anchor": item["item_code"], "class_label": item["class"]}
            for item in body["items"]
        ],
    }
    return [
        Page(address, "item_list.html", context, proof_of(site.connection, one)),
        *list_files(site, one),
    ]
