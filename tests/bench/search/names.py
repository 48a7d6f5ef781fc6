"""Invented subjects for the search bench: names in real shapes from a word list of our own, codes with true digits.

Seeded, so that the same size always gives the same subjects. Place + trade name + line of business + legal form, the
place sometimes in brackets behind the trade name, sole traders by street and owner's surname, a few with Latin letters,
full-width brackets, former names, no code at all, or characters beyond the basic plane (㙓, 𬭎).
"""

import random
from collections.abc import Iterator
from datetime import date
from functools import cache

from publisher import regions, uscc
from publisher.site.search.entry import Entry

LAST_DAY = date(2025, 12, 31)
TRADE = (
    "华瑞鑫泰恒丰盛达兴隆宏伟嘉诚信德博雅康宁安平福禄寿喜金银玉珠宝龙凤麒麟飞鹏程远航海天江河湖山川林森木水火土石云雨雷电风雪霜露春夏秋冬"
    "东南西北中正大光明新时代创世纪元亨利贞祥和顺达通衢广阔博爱众志成城万里长征千秋业百年好合双喜临门九鼎一言八方来客四海升平三阳开泰五谷登"
    "启航领先卓越优质品尚美佳馨逸雅致远方舟梦想蓝图绿野红日紫气青松白鹤黑马橙心朗月星辰曜晖旭晨曦熙煜炎焱鑫淼垚犇骉众磊晶品蕊芯睿智慧聪颖捷"
    "迅速锐锋利剑盾坚固若汤池帆舶舰艇驰骋骏骥骅骝驹驿驾驭迈跃腾翔翼羽翠竹梅兰菊荷莲桂柏杨柳桃李杏枫榕樟楠梓桐槐栋梁柱基础础磐岩岳峰岭峻峡"
    "浦洋洲港湾渡桥津泉溪涧潭渊源流润泽沛汇涛浪潮澜沧瀚浩渺茫沐浴清澈澄净洁怡悦欣欢乐趣妙奇异彩虹霓裳衣锦绣绸缎绫罗纱丝棉麻布帛织纺编绘"
    "书画琴棋诗词歌赋文墨砚纸笔香茗茶酒醇酿酱醋盐糖蜜果蔬粮米麦粟豆稻禾苗田园圃农牧渔猎工商贾易贸交融资财富贵荣耀辉煌灿烂炫丽璀璨瑰珍琪琳"
    "琅玮玖玥珂珑珞琼瑶瑾璇璞璟环佩钰钧铭锐铂铠铄锦镇镒鑫铎钢铁铜铝锌钛镁硅碳氢氧氮佑佐佰仟亿兆倍俊杰英豪雄霸王皇冠帝尊爵侯相臣士贤圣仙道"
    "德义礼仁孝忠勇勤俭廉恭谦让善真诚朴实敏达观宏图展鸿儒硕彦哲思维学科技研究探索求知识见闻广易捷联合纵横贯穿越超凡脱俗奥林匹克莱恩斯坦丁"
)  # fmt: skip
RARE = "㙓𬭎䶮堃喆甡燊翀昇玹彧旻昶晟珺琤媛嫣姝妤婕孖宬峣嵘巍彬恺惇"
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
BUSINESS = [
    "科技",
    "信息技术",
    "电子科技",
    "机械",
    "机械设备",
    "精密机械",
    "汽车销售",
    "汽车零部件",
    "汽车服务",
    "食品",
    "餐饮管理",
    "餐饮服务",
    "商贸",
    "贸易",
    "国际贸易",
    "进出口",
    "物流",
    "供应链管理",
    "建筑工程",
    "建设工程",
    "建筑装饰",
    "装饰工程",
    "房地产开发",
    "物业管理",
    "物业服务",
    "纺织",
    "服装",
    "服饰",
    "针织",
    "印染",
    "化工",
    "新材料",
    "材料科技",
    "塑料制品",
    "包装材料",
    "包装",
    "印刷",
    "五金",
    "五金制品",
    "金属制品",
    "钢结构",
    "钢铁",
    "模具",
    "电气",
    "电气设备",
    "电力工程",
    "新能源",
    "光伏科技",
    "环保科技",
    "环境工程",
    "水处理",
    "医疗器械",
    "医药",
    "大药房",
    "生物科技",
    "生物医药",
    "农业科技",
    "农业发展",
    "生态农业",
    "水产养殖",
    "畜牧",
    "种业",
    "粮油",
    "茶业",
    "酒业",
    "旅游",
    "旅行社",
    "酒店管理",
    "宾馆",
    "文化传媒",
    "文化传播",
    "广告",
    "广告传媒",
    "教育科技",
    "教育咨询",
    "培训",
    "人力资源",
    "劳务",
    "企业管理",
    "企业管理咨询",
    "投资管理",
    "投资",
    "融资租赁",
    "资产管理",
    "网络科技",
    "软件",
    "智能科技",
    "智能装备",
    "自动化设备",
    "半导体",
    "通信",
    "家具",
    "家居",
    "木业",
    "陶瓷",
    "玻璃",
    "橡塑",
    "橡胶",
    "轴承",
    "阀门",
    "泵业",
    "船舶",
    "船务",
    "航运",
    "园林绿化",
    "市政工程",
    "消防工程",
    "安防科技",
    "检测技术",
    "保洁服务",
    "家政服务",
    "健康管理",
    "美容",
    "体育文化",
    "珠宝",
    "眼镜",
]
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
SHOPS = [
    "面馆",
    "小吃店",
    "便利店",
    "超市",
    "理发店",
    "水果店",
    "五金店",
    "服装店",
    "烟酒店",
    "早餐店",
    "火锅店",
    "修理部",
    "药店",
    "花店",
    "母婴用品店",
    "土菜馆",
    "建材店",
]
STREETS = [
    "玉山",
    "新区",
    "开发区",
    "城南",
    "城北",
    "城东",
    "城西",
    "中山",
    "人民",
    "解放",
    "建设",
    "文化",
    "和平",
    "胜利",
    "长江",
    "黄河",
    "太湖",
    "运河",
    "古城",
    "新城",
]
DEPARTMENTS = [
    "市场监督管理局",
    "应急管理局",
    "生态环境局",
    "农业农村局",
    "文化广电和旅游局",
    "卫生健康委员会",
    "住房和城乡建设局",
    "交通运输局",
]
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
