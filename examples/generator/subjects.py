"""The pool of invented subjects, and the few whose names test a reader."""

from collections.abc import Sequence
from random import Random

from . import names
from .codes import Codes
from .places import County

Record = dict[str, object]

LONG_NAME = (
    "江苏瑶屿汀蘅洲（长三角）现代农业与海洋食品精深加工及冷链物流供应链一体化综合服务"
    "技术研究开发推广中心股份有限公司南京江宁经济技术开发区分公司"
)
# Every trade a special subject is drawn in, its kind, its name
SPECIALS: tuple[tuple[str, str, str], ...] = (
    ("finance", "enterprise", "<script>alert(1)</script>有限公司"),
    ("foreign", "enterprise", "沅岚&砚禾\"A+\"'B'（江苏）贸易有限公司"),
    ("foreign", "enterprise", "KLQ-Wtx 瑶嶂（江苏）有限公司"),
    ("training", "enterprise", "南京㙓湄舟教育培训有限公司"),
    ("food", "enterprise", "无锡𬭎穗溪食品有限公司"),
    ("lodging", "sole_trader", "栖霞区𫟹苓旅社（个体工商户）"),
    ("food", "sole_trader", "佟砚舟（个体工商户）"),
)


class Subjects:
    """Subjects of one source: new ones by trade, and those already drawn, to be drawn again."""

    def __init__(self, rng: Random, counties: Sequence[County]) -> None:
        self._rng = rng
        self._codes = Codes(rng)
        self._names: set[str] = set()
        self.counties = counties
        self.drawn: dict[str, list[tuple[Record, County]]] = {}
        self._specials: dict[str, list[Record]] = {}
        for trade, kind, name in SPECIALS:
            self._specials.setdefault(trade, []).append(self.make(kind, name, self._rng.choice(counties)))

    def make(self, kind: str, name: str, county: County) -> Record:
        """Return a subject with a valid code of its kind; things and persons have none."""
        code = self._codes.uscc(kind, county.code) if kind not in ("person", "non_market") else None
        return {"kind": kind, "name": name, "uscc": code, "region_code": county.code}

    def draw(self, trade: str, again: float, taken: set[str]) -> tuple[Record, County]:
        """Draw a subject of a trade, with chance ``again`` one drawn before; ``taken`` names are left out."""
        rng, pool = self._rng, self.drawn.setdefault(trade, [])
        if self._specials.get(trade) and pool:
            subject = self._specials[trade].pop()
            county = next(c for c in self.counties if c.code == subject["region_code"])
        elif pool and rng.random() < again:
            subject, county = rng.choice(pool)
        else:
            county = rng.choice(self.counties)
            subject = self._new(trade, county)
        if str(subject["name"]) in taken:
            return self.draw(trade, again / 2, taken)
        taken.add(str(subject["name"]))
        if all(subject is not known for known, _ in pool):
            pool.append((subject, county))
        return subject, county

    def _new(self, trade: str, county: County) -> Record:
        rng = self._rng
        kind, shape = rng.choice(names.TRADES[trade])
        while True:
            name = names.firm(rng, shape, county, in_full=kind != "enterprise" or "{d}" in shape)
            if name not in self._names:
                break
        self._names.add(name)
        subject = self.make(kind, name, county)
        without = rng.random()
        if kind == "sole_trader" and without < 0.06:  # an old licence: number only, or not even that
            subject["uscc"] = None
            if without < 0.045:
                subject["reg_no"] = self._codes.reg_no(county.code)
        return subject

    def person(self) -> tuple[Record, County]:
        """Return a natural person without a licence (by default not to be published)."""
        county = self._rng.choice(self.counties)
        return self.make("person", names.person(self._rng), county), county

    def thing(self) -> tuple[Record, County]:
        """Return a product or project: an object of inspection that is no market subject."""
        county = self._rng.choice(self.counties)
        shape = self._rng.choice(("{p}{b}路雨污分流改造（工程项目）", "{b}牌儿童书写桌（流通领域产品）"))
        return self.make("non_market", names.firm(self._rng, shape, county, in_full=True), county), county
