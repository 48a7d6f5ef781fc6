"""Invented names in real shapes: brands from lists of uncommon characters, so that none is a known firm's."""

from random import Random

from .places import County

_FIRST = "瑶沅泠霁骁珩翊淇湄涟绮蘅芷筠澍曦晟琅玥皓昀峥翎颢潼漪砚棠笙荻菡葳蕤霈霏霄飒骐骥璟璨瑄瑢琤泓浔濯濂淙渌湜溦"
_SECOND = "岚禾昕屿峤澜煊烁彧宸垚堃埕陌榕楠槿桉栎柘桁桢栩梓椿樨橙穗稷黍粟苓茗荃莳菀萱葵蓁蔚薇藜芃芊苒茉"
_THIRD = "舟帆溪畔汀洲屏垣庭轩榭阁苑圃陂原阡岫峦崖谷川岸浦湾港渚津源沚泽湖涧滩岑野桥隅邑坊里"
_RARE = ("㙓", "𬭎", "𫟹")
_SURNAMES = "佟郗祁褚鄢仝亓逄麴阚晁郏蔺虞茅"
_GIVEN = ("砚舟", "沅芷", "桁", "霁川", "栩原", "昀", "蘅", "骁屿", "湜", "苒溪", "穗", "翊岑", "彧", "棠", "樨")

# trade → (kind of subject, shape of the name); {p} place, {b} brand, {n} a person's name
TRADES: dict[str, tuple[tuple[str, str], ...]] = {
    "training": (
        ("enterprise", "{p}{b}教育培训有限公司"),
        ("enterprise", "{p}{b}文化艺术培训有限公司"),
        ("enterprise", "{p}{b}教育科技有限公司{d}分公司"),
        ("organisation", "{p}{b}外语培训中心"),
        ("sole_trader", "{p}{b}托管服务部（个体工商户）"),
    ),
    "finance": (
        ("enterprise", "{p}{b}财富管理有限公司"),
        ("enterprise", "{p}{b}理财咨询有限公司"),
        ("enterprise", "{p}{b}金融信息服务股份有限公司"),
        ("enterprise", "{p}{b}投资管理合伙企业（有限合伙）"),
        ("sole_trader", "{p}{b}理财咨询服务部"),
    ),
    "labour": (
        ("enterprise", "{p}{b}人力资源服务有限公司"),
        ("enterprise", "{p}{b}劳务派遣有限公司"),
        ("sole_trader", "{p}{b}职业介绍所（个体工商户）"),
    ),
    "foreign": (
        ("enterprise", "{b}精密电子（{c}）有限公司"),
        ("enterprise", "{b}（江苏）机械有限公司"),
        ("enterprise", "{l}{b}新材料（{c}）有限公司"),
        ("enterprise", "{p}{b}国际贸易有限公司"),
    ),
    "accounting": (
        ("enterprise", "{p}{b}会计师事务所（普通合伙）"),
        ("enterprise", "{p}{b}会计师事务所（特殊普通合伙）{d}分所"),
        ("enterprise", "{p}{b}会计咨询有限公司"),
    ),
    "vehicle": (("enterprise", "{p}{b}机动车检测有限公司"), ("enterprise", "{p}{b}汽车综合性能检测站有限公司")),
    "laboratory": (("enterprise", "{p}{b}环境检测有限公司"), ("enterprise", "{c}{b}环境监测技术股份有限公司")),
    "hospital": (("organisation", "{p}{b}医院"), ("enterprise", "{p}{b}医院有限公司")),
    "food": (
        ("enterprise", "{p}{b}食品有限公司"),
        ("enterprise", "{c}{b}水产食品股份有限公司"),
        ("cooperative", "{p}{b}农产品专业合作社"),
        ("sole_trader", "{p}{b}小吃店（个体工商户）"),
        ("sole_trader", "{p}{n}餐饮店"),
    ),
    "aquatic": (
        ("enterprise", "{p}{b}海洋世界旅游有限公司"),
        ("cooperative", "{p}{b}水产养殖专业合作社"),
        ("organisation", "{p}{b}水族科普馆"),
    ),
    "lodging": (
        ("enterprise", "{p}{b}酒店管理有限公司"),
        ("enterprise", "{p}{b}文化娱乐有限公司"),
        ("sole_trader", "{p}{b}旅社（个体工商户）"),
        ("sole_trader", "{p}{b}棋牌室"),
    ),
    "travel": (("enterprise", "{p}{b}旅行社有限公司"), ("enterprise", "{p}{b}国际旅行社有限公司{d}营业部")),
    "sewage": (("enterprise", "{p}{b}污水处理有限公司"), ("enterprise", "{p}{b}水务有限公司")),
    "coolant": (("enterprise", "{p}{b}制冷设备有限公司"), ("enterprise", "{p}{b}氟材料股份有限公司")),
    "lightning": (("enterprise", "{p}{b}仓储有限公司"), ("enterprise", "{p}{b}加油站有限公司")),
    "relics": (("organisation", "{p}{b}古建筑管理所"), ("organisation", "{p}{b}文物保护管理所")),
    "mine": (("enterprise", "{p}{b}矿业有限公司"), ("enterprise", "{p}{b}石料开采有限公司")),
    "chemical": (("enterprise", "{p}{b}化工有限公司"), ("enterprise", "{p}{b}精细化学品股份有限公司")),
    "pesticide": (("enterprise", "{p}{b}农化有限公司"),),
    "equipment": (("enterprise", "{p}{b}物业管理有限公司"), ("enterprise", "{p}{b}纺织印染有限公司")),
    "fuel": (("enterprise", "{p}{b}石油销售有限公司"), ("sole_trader", "{p}{b}加油点（个体工商户）")),
    "product": (("enterprise", "{p}{b}电线电缆有限公司"), ("enterprise", "{p}{b}家用电器制造股份有限公司")),
}


def brand(rng: Random) -> str:
    """Return an invented brand of three or four characters, sometimes with one outside the basic plane."""
    characters = [rng.choice(_FIRST), rng.choice(_SECOND), rng.choice(_THIRD)]
    if rng.random() < 0.2:
        characters.append(rng.choice(_FIRST))
    if rng.random() < 0.006:
        characters[1] = rng.choice(_RARE)
    return "".join(characters)


def person(rng: Random) -> str:
    """Return an invented person's name."""
    return rng.choice(_SURNAMES) + rng.choice(_GIVEN)


def firm(rng: Random, shape: str, county: County, in_full: bool) -> str:
    """Fill a shape of ``TRADES``; ``in_full`` names city and district, as sole traders and branches do."""
    city = county.city.removesuffix("市")
    place = county.full_name if in_full else rng.choice((city, city, county.full_name))
    letters = "".join(rng.choice("BDGKLMQRTWX") for _ in range(3))
    district = county.name.removesuffix("区") if county.name.endswith("区") else county.name
    return shape.format(p=place, b=brand(rng), c=city, l=letters, d=district, n=person(rng))
