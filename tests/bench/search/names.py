"""Invented subjects for the search bench: names in real shapes from a word list of our own, codes with true digits.

Seeded, so that the same size always gives the same subjects. Place + trade name + line of business + legal form, the
place sometimes in brackets behind the trade name, sole traders by street and owner's surname, a few with Latin letters,
full-width brackets, former names, no code at all, or characters beyond the basic plane (㙓, 𬭎).
"""

import random
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

from publisher import regions, uscc
from publisher.site.search.entry import Entry

LAST_DAY = date(2025, 12, 31)
_WORDS = {
    section.partition("]")[0]: section.partition("]")[2].strip()
    for section in (Path(__file__).parent / "words.txt").read_text("utf-8").split("[")[1:]
}
TRADE, RARE, SURNAMES = ("".join(_WORDS[name].split()) for name in ("trade", "rare", "surnames"))
BUSINESS, SHOPS, STREETS, DEPARTMENTS = (
    _WORDS[name].split() for name in ("business", "shops", "streets", "departments")
)
FORMS = (
    "有限公司",
    "股份有限公司",
    "有限责任公司",
    "集团有限公司",
    "厂",
    "经营部",
    "中心（有限合伙）",
    "合作社",
    "商行",
    "分公司",
)
FORM_WEIGHTS = (62, 4, 4, 2, 6, 7, 2, 3, 5, 5)
OUTCOMES = (
    "none_found",
    "not_cooperating",
    "closed",
    "found",
    "unregistered",
    "qualified",
    "unqualified",
    "other",
    "absent",
)
OUTCOME_WEIGHTS = (70, 1, 2, 12, 3, 5, 2, 3, 2)
ALPHABET = uscc.ALPHABET


@cache
def places() -> list[tuple[str, str, float]]:
    """Return region codes with their names as names of firms carry them, and how many firms they have in comparison."""
    table = regions._names()
    counties = sorted(code for code in table if code.startswith("32") and not code.endswith("00"))[:110]
    random_ = random.Random(1)
    return [(code, table[code], random_.paretovariate(1.2)) for code in counties]


def subjects(count: int, *, seed: int = 4) -> Iterator[Entry]:
    """Yield ``count`` invented subjects, numbered from 1."""
    random_ = random.Random(seed)
    weights = [weight for *_, weight in places()]
    every = random_.choices(places(), weights, k=count)
    first_day = date(2020, 1, 1).toordinal()
    days = LAST_DAY.toordinal() - first_day
    for number, (region, place, _) in enumerate(every, 1):
        name = _name(random_, region, place)
        former = (_name(random_, region, place),) if random_.random() < 0.02 else ()
        has_code = random_.random() < 0.985
        code = _code(random_, region) if has_code else None
        reg_no = f"{region}6{random_.randrange(10**8):08}" if not has_code or random_.random() < 0.01 else None
        results = min(12, 1 + int(random_.expovariate(0.9)))
        pairs: dict[tuple[int, str], None] = {}
        latest = 0
        for _ in range(results):
            on = date.fromordinal(first_day + int(days * random_.random() ** 0.7))
            latest = max(latest, on.toordinal())
            pairs[(on.year, random_.choices(OUTCOMES, OUTCOME_WEIGHTS)[0])] = None
        authorities = {_bureau(place, random_) for _ in range(min(results, 2))}
        path = f"/subjects/{code[2:8]}/{code}.html" if code else f"/subjects/x/{random_.getrandbits(128):032x}.html"
        yield Entry(number, name, former, code, reg_no, path, region, results, latest, tuple(sorted(pairs)),
                    tuple(sorted(authorities)))  # fmt: skip


def _bureau(place: str, random_: random.Random) -> str:
    return place + random_.choices(DEPARTMENTS, (60, 8, 8, 5, 5, 5, 5, 4))[0]


def _trade(random_: random.Random) -> str:
    length = random_.choices((2, 3, 4), (70, 22, 8))[0]
    word = "".join(random_.choice(TRADE) if random_.random() < 0.5 else TRADE[int(len(TRADE) * random_.random() ** 2)]
                   for _ in range(length))  # fmt: skip
    if random_.random() < 0.004:
        word = random_.choice(RARE) + word[1:]
    if random_.random() < 0.006:
        word = random_.choice(("ABB", "A1", "EMS", "CoCo", "K11", "3D", "LED", "Ｂ＆Ｑ")) + word[:2]
    return word


def _name(random_: random.Random, region: str, place: str) -> str:
    short = place.rstrip("市区县") if len(place) > 2 else place
    if random_.random() < 0.17:
        street = random_.choice(STREETS)
        owner = random_.choice(SURNAMES) + random_.choice(TRADE)
        return f"{place}{street}{random_.choice(('镇', '街道', ''))}{owner}{random_.choice(SHOPS)}"
    form = random_.choices(FORMS, FORM_WEIGHTS)[0]
    business = (
        random_.choice(BUSINESS) if random_.random() < 0.3 else BUSINESS[int(len(BUSINESS) * random_.random() ** 2)]
    )
    trade = _trade(random_)
    style = random_.random()
    if style < 0.08:
        return f"{trade}（{short}）{business}{form}"
    where = "江苏" if style < 0.14 else place if style < 0.4 else short
    return f"{where}{trade}{business}{form}"


def _code(random_: random.Random, region: str) -> str:
    body = "".join(random_.choices(ALPHABET, k=8))
    organisation = body + uscc.organisation_check_character(body)
    first = random_.choices(("91", "92", "93"), (82, 15, 3))[0]
    if organisation[-1] not in ALPHABET:
        organisation = organisation[:-1] + "X"
    stem = first + region + organisation
    return stem + uscc.check_character(stem)
