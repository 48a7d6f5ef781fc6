"""Every public address and every file of the site, in one place. Addresses never change once given.

An address begins with ``/`` and is below the site's root; :func:`file_of` gives the file that answers for it.
"""

import hashlib
import hmac

from publisher.errors import RenderFailed

HOME = "/"
PLANS = "/plans/"
COMPARE = "/plans/compare/"
COMPARE_TABLE = "/plans/compare.csv"
ITEMS = "/items/"
RESULTS = "/results/"
SUBJECTS = "/subjects/"
SEARCH = "/search/"
SEARCH_MANIFEST = "/search/index.json"
DATA = "/data/"
DATA_PACKAGE = "/data/datapackage.json"
DATA_CATALOG = "/data/catalog.jsonld"
DATABASE = "/data/site.db"
DATABASE_METADATA = "/data/metadata.json"
DELTA_INDEX = "/data/delta/index.json"
FEEDS = "/feeds/"
FEED = "/feeds/portal.xml"
WITHDRAWN = "/withdrawn/"
INDICATORS = "/indicators/"
ABOUT = "/about/"
MISSING = "/404.html"
SITEMAP = "/sitemap.xml"
SITEMAP_PAGES = "/sitemap-pages.xml"
ROBOTS = "/robots.txt"
STATIC = "/static/"
LOG = "/log/"
LOG_CHECKPOINT = "/log/checkpoint"
LOG_VKEY = "/log/vkey"  # the key that signs it, for who checks it

LIST_PAGE = 50  # rows on a numbered page; a full page never moves
# A change writes the files again that it stands in, so these are small.
DATA_PART = 2_000  # places of a month's list in a file of its results
DELTA_PART = 2_000  # lines in a file of the change feed
SITEMAP_PART = 1_000  # subjects in a sitemap


def plans_year(year: int) -> str:
    return f"/plans/{year}/"


def plan(year: int, plan_id: str) -> str:
    return f"/plans/{year}/{plan_id}/"


def task(year: int, plan_id: str, task_id: str, number: int = 1) -> str:
    """Return the address of a numbered page of a task; later ones have a folder, since T-2 may be a task itself."""
    first = f"/plans/{year}/{plan_id}/{task_id}"
    return f"{first}.html" if number == 1 else f"{first}/{number}.html"


def item_list(list_id: str) -> str:
    return f"/items/{list_id}/"


def results_year(year: int) -> str:
    return f"/results/{year}/"


def results_list(year: int, facet: str, value: str, number: int = 1) -> str:
    """Return the address of a numbered page of a year's list of results; pages count from the oldest.

    ``value`` is two digits of a month, a region's code, an authority's :func:`name_key` or an outcome's id.
    """
    folder = f"/results/{year}/{value}/" if facet == "month" else f"/results/{year}/{facet}/{value}/"
    return folder if number == 1 else f"{folder}{number}.html"


def results_month(year: int, month: int, number: int = 1) -> str:
    return results_list(year, "month", f"{month:02}", number)


def name_key(name: str) -> str:
    """Return what stands for an authority in addresses: the first 16 hex digits of the SHA-256 of its name."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def subjects_region(region_code: str, number: int = 1) -> str:
    return f"/subjects/{region_code}/" if number == 1 else f"/subjects/{region_code}/page-{number}.html"


def subject(key: str, *, has_code: bool) -> str:
    """Return a subject's address: by its code, or by the keyed hash of one that has none."""
    return f"/subjects/{key[2:8]}/{key}.html" if has_code else f"/subjects/x/{key}.html"


def calendar(subject_address: str) -> str:
    """Return the address of the calendar beside a subject's page."""
    return subject_address.removesuffix(".html") + ".ics"


def feed(kind: str, value: str) -> str:
    """Return the address of the feed of a plan, an authority (its :func:`name_key`) or an outcome."""
    return f"/feeds/{kind}-{value}.xml"


def subject_hash(secret: bytes, kind: str, name: str, reg_no: str | None, region_code: str) -> str:
    """Return the key of a subject without a code: 32 hex digits nobody without ``secret`` can guess from the name."""
    words = "\x1f".join((kind, name, reg_no or "", region_code))
    return hmac.new(secret, words.encode(), hashlib.sha256).hexdigest()[:32]


def data_month(year: int, month: int, part: int, suffix: str) -> str:
    """Return the address of a part of a month's results; parts count from 1, as places in the month's list do."""
    return f"/data/results-{year}-{month:02}{'' if part == 1 else f'-{part}'}.{suffix}"


def data_schema(name: str) -> str:
    """Return the address of the fields that many files share."""
    return f"/data/schema-{name}.json"


def data_year(year: int, suffix: str) -> str:
    return f"/data/results-{year}.{suffix}"


def delta(run_no: int, part: int) -> str:
    """Return the address of a part of a publication's changes; parts count from 1."""
    return f"/data/delta/{run_no:06}.jsonl" if part == 1 else f"/data/delta/{run_no:06}-{part}.jsonl"


def data_plan(year: int, plan_id: str, suffix: str) -> str:
    return f"/data/plan-{year}-{plan_id}.{suffix}"


def data_items(list_id: str, suffix: str) -> str:
    return f"/data/items-{list_id}.{suffix}"


def search_unit(generation: str, unit: str, revision: int | None = None) -> str:
    """Return the address of a file of the search index's base; 256 lie in a folder."""
    kind, place = unit.split("/")
    folder = int(place.partition(".")[0]) >> 8
    return f"/search/{generation}/{kind}{folder}/{place}{f'-{revision}' if revision else ''}.bin"


def search_file(name: str, digest: str) -> str:
    """Return the address of a file beside the base, named by its content."""
    return f"/search/{name}-{digest[:10]}.bin"


def sitemap_part(number: int) -> str:
    return f"/sitemap-{number}.xml"


def log_tile(name: str, number: int, width: int) -> str:
    """Return the address of a tile of the publication log (c2sp.org/tlog-tiles): its level or ``entries``, its number
    and how many of its 256 places are filled."""
    digits = f"{number:03}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    whole = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"/log/tile/{name}/{whole}" if width == 256 else f"/log/tile/{name}/{whole}.p/{width}"


def file_of(address: str) -> str:
    """Return the file, relative to the site's folder, that answers for an address.

    Raises :class:`RenderFailed` for an address that would leave the folder, whatever made it.
    """
    if not address.startswith("/") or "\\" in address or "\x00" in address:
        raise RenderFailed(f"{address!r} is not an address of this site")
    relative = address[1:] + ("index.html" if address.endswith("/") else "")
    if any(not part or part.startswith(".") for part in relative.split("/")):
        raise RenderFailed(f"{address!r} would leave the site's folder")
    return relative


def address_of(file: str) -> str:
    """Return the address that a file below the site's folder answers for: ``plans/index.html`` is ``/plans/``."""
    return "/" + (file.removesuffix("index.html") if file == "index.html" or file.endswith("/index.html") else file)
