from datetime import date
from time import perf_counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from publisher import uscc
from publisher.rules.redact import MARKS, Redaction, may_be_personal, redact, redact_names

WIDE = str.maketrans(
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ@.-",
    "０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ＠．－",
)
IDENTITY = "320102199001011232"
IDENTITY_X = "32010219900101007X"
OLD_IDENTITY = "320102900101123"
CARD = "6222021234567890128"
CODE = "91320102MA1A2B3C64"
TASK = "320000202104010001"


def luhn(body):
    """Return ``body`` with its check digit, reckoned from the definition in ISO/IEC 7812-1, Annex B."""
    total = 0
    for place, digit in enumerate(reversed(body), start=1):
        doubled = int(digit) * (2 if place % 2 else 1)
        total += doubled // 10 + doubled % 10
    return f"{body}{-total % 10}"


def identity(region, born_on, serial):
    body = f"{region}{born_on:%Y%m%d}{serial:03}"
    return next(body + last for last in "0123456789X" if uscc.is_identity_number(body + last))


def kinds(text, exempt=()):
    return [redaction.kind for redaction in redact(text, exempt)[1]]


def test_the_vectors_of_this_file_are_what_they_claim():
    assert uscc.is_identity_number(IDENTITY)
    assert uscc.is_identity_number(IDENTITY_X)
    assert uscc.is_old_identity_number(OLD_IDENTITY)
    assert luhn(CARD[:-1]) == CARD
    assert uscc.is_valid(CODE)
    assert uscc.is_identity_number(TASK)  # by chance: which is why it must be told apart


# --- identity numbers


@pytest.mark.parametrize(
    "written",
    [
        IDENTITY,
        IDENTITY_X,
        IDENTITY_X.lower(),
        IDENTITY.translate(WIDE),
        IDENTITY_X.translate(WIDE),
        f"{IDENTITY[:6]} {IDENTITY[6:14]} {IDENTITY[14:]}",
        f"{IDENTITY[:6]}-{IDENTITY[6:14]}-{IDENTITY[14:]}",
        f"{IDENTITY[:10]}\n{IDENTITY[10:]}",
        f"{IDENTITY[:10]}\u200b{IDENTITY[10:]}",
        f"{IDENTITY_X[:17]} X",
        OLD_IDENTITY,
        OLD_IDENTITY.translate(WIDE),
    ],
)
def test_identity_numbers_are_hidden(written):
    for before, after in [("身份证", "。"), ("ID", "号"), ("", ""), ("（", "）"), ("第3次，", "，共2人")]:
        shown, found = redact(f"{before}{written}{after}")
        assert shown == f"{before}〔已隐去身份证号〕{after}"
        assert found == (Redaction("identity", len(before), len(before) + len(written)),)


@pytest.mark.parametrize(
    "text",
    [
        TASK,
        f"任务{TASK}下",
        IDENTITY[:-1] + "3",  # wrong check digit
        "320102199013011232",  # no such month
        "440301103097413",  # registration number with a true check digit
        "100000000041378",
        "3201029001011230000",  # too long
    ],
)
def test_other_long_numbers_stay(text):
    assert redact(text) == (text, ())


def test_a_number_of_a_hong_kong_resident_is_hidden_though_led_by_a_region_as_a_whole():
    assert kinds(identity("810000", date(1990, 1, 1), 1)) == ["identity"]


# --- telephones


@pytest.mark.parametrize(
    "written",
    [
        "13812345678",
        "138 1234 5678",
        "138-1234-5678",
        "138—1234—5678",
        "138.1234.5678",
        "1381234\n5678",
        "1 3 8 1 2 3 4 5 6 7 8",
        "+8613812345678",
        "+86 138 1234 5678",
        "86-13812345678",
        "008613812345678",
        "013812345678",
        "１３８１２３４５６７８",
        "１３８－１２３４－５６７８",
        "٠١٣٨١٢٣٤٥٦٧٨",
        "19912345678",
        "025-86261234",
        "025 8626 1234",
        "02586261234",
        "(025)86261234",
        "（025）86261234",
        "0512-65123456",
        "0510-8765432",
        "010-12345678".replace("-1", "-6"),
        "+86-25-86261234",
    ],
)
def test_telephones_are_hidden(written):
    for before, after in [("联系", "。"), ("Tel:", "（张）"), ("", "")]:
        assert redact(f"{before}{written}{after}")[0] == f"{before}〔已隐去电话〕{after}"


@pytest.mark.parametrize("label", ["电话：", "联系电话 ", "传真:", "Tel. ", "手机号码是"])
def test_a_local_number_is_hidden_after_a_label(label):
    assert redact(f"{label}84567890，")[0] == f"{label}〔已隐去电话〕，"
    assert redact(f"{label}8456-7890，")[0] == f"{label}〔已隐去电话〕，"


@pytest.mark.parametrize(
    "text",
    [
        "400-123-4567",
        "4001234567",
        "电话：400-123-4567",
        "800-820-8820",
        "拨打12315、12345",
        "12812345678",
        "138123456789",
        "1381234567",
        "84567890",
        "2021-06-02至2021-06-08",
        "共抽查1000户，其中不合格13户，占1.3%",
        "13 25 40 12 30 8",
        "苏市监〔2021〕15号",
        "注册资本13800000元",
        "37.5 38.2 36.9 40.1",
        "32000020210001",  # a plan's number
        "GB 32100-2015、GB/T 17710-1999",
        "①2021②2022",
    ],
)
def test_service_numbers_and_other_figures_stay(text):
    assert redact(text) == (text, ())


def test_a_label_is_not_taken_from_what_was_hidden():
    shown = redact("13812345678 84567890")[0]
    assert shown == "〔已隐去电话〕 84567890"
    assert redact(shown) == (shown, ())


# --- bank cards


@pytest.mark.parametrize(
    "written",
    [
        CARD,
        f"{CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:16]} {CARD[16:]}",
        f"{CARD[:4]}-{CARD[4:8]}-{CARD[8:12]}-{CARD[12:16]}-{CARD[16:]}",
        CARD.translate(WIDE),
        f"{CARD[:12]}\n{CARD[12:]}",
        luhn("622202123456789"),
        luhn("6217001234567890"),
        luhn("439225123456789"),
        luhn("43674212345678901"),
    ],
)
def test_bank_cards_are_hidden(written):
    assert redact(f"账号{written}，")[0] == "账号〔已隐去银行卡号〕，"


@pytest.mark.parametrize("text", [CARD[:-1] + "9", CARD + "0", "1200 3400 5600 7800"])
def test_numbers_that_are_no_bank_cards_stay(text):
    assert redact(text) == (text, ())


def test_task_numbers_of_the_served_provinces_are_never_bank_cards():
    for region in ("320000", "320102", "150200", "360202"):
        number = luhn(f"{region}20210401000")
        assert kinds(number) != ["bank_card"]


# --- e-mail and plates


@pytest.mark.parametrize(
    "written",
    [
        "zhang.san@example.com",
        "a@b.cn",
        "13812345678@qq.com",
        "Z_S+1@mail.example.gov.cn",
        "ａｂ＠ｑｑ．ｃｏｍ",
        "ab @ qq.com",
    ],
)
def test_email_addresses_are_hidden(written):
    assert redact(f"邮箱{written}，请")[0] == "邮箱〔已隐去邮箱〕，请"


@pytest.mark.parametrize("text", ["@", "单价@3", "a@b", "@全体成员"])
def test_other_at_signs_stay(text):
    assert redact(text) == (text, ())


@pytest.mark.parametrize(
    "written",
    [
        "苏A12345",
        "苏A·B1234",
        "苏A 8K888",
        "苏a12345",
        "苏AD12345",
        "苏A12345F",
        "苏A1234警",
        "沪B1234学",
        "苏E1234挂",
        "粤Z1234港",
        "苏Ａ１２３４５",
    ],
)
def test_plates_are_hidden(written):
    assert redact(f"车辆{written}停放")[0] == "车辆〔已隐去车牌号〕停放"


@pytest.mark.parametrize("text", ["苏A1234", "苏B20210001号", "江苏A07", "京ABCDE", "苏A级2021"])
def test_other_signs_after_a_province_stay(text):
    assert redact(text) == (text, ())


# --- home addresses


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("玄武区某某路12号3幢502室", "玄武区某某路〔已隐去住址〕"),
        ("住幸福小区3栋2单元501，已搬", "住幸福小区〔已隐去住址〕，已搬"),
        ("现住3单元502室。", "现住〔已隐去住址〕。"),
        ("二单元三〇一室", "〔已隐去住址〕"),
        ("某某街15弄甲单元5室", "某某街〔已隐去住址〕"),
        ("某某路１２号３幢５０２室", "某某路〔已隐去住址〕"),
        ("阳光花园5-2-301", "阳光花园〔已隐去住址〕"),
        ("阳光花园5-301室", "阳光花园〔已隐去住址〕"),
        ("家庭住址：南京市玄武区某某路12号", "家庭住址：南京市玄武区某某路〔已隐去住址〕"),
        ("某某新村12号楼2021年建", "某某新村〔已隐去住址〕2021年建"),
        ("某某路12号3幢，共2人", "某某路〔已隐去住址〕，共2人"),
        ("某某苑3幢 15户", "某某苑〔已隐去住址〕 15户"),
    ],
)
def test_the_door_of_a_home_is_hidden(text, shown):
    assert redact(text)[0] == shown
    assert set(kinds(text)) == {"address"}


@pytest.mark.parametrize(
    "text",
    [
        "某某路12号",
        "某某路12号某某大厦502室",
        "在502室检查",
        "检查实验室2个、教室3间",
        "区政府3号楼会议室",
        "幼儿园3-5岁",
        "社区1-2次",
        "消防3个单元",
        "2021年第3号公告",
    ],
)
def test_places_of_business_and_rooms_stay(text):
    assert redact(text) == (text, ())


# --- exempt


def test_valid_codes_stay_wherever_they_stand():
    for text in (CODE, f"信用代码{CODE}。", CODE.lower(), CODE.translate(WIDE), f"{CODE}、440301103097413"):
        assert redact(text) == (text, ())


def test_an_identity_number_that_passes_as_a_code_stays_hidden_unless_named():
    both = next(
        number
        for serial in range(1000)
        for region in ("320102", "320104", "320105")
        if uscc.is_valid(number := identity(region, date(1990, 1, 1), serial))
    )
    assert kinds(both) == ["identity"]
    assert redact(both, [both]) == (both, ())


def test_exempt_strings_stay_as_whole_words_only():
    number = "13812345678"
    assert redact(f"编号{number}", [number]) == (f"编号{number}", ())
    assert redact(f"编号T-{number}-1。", [f"T-{number}-1"])[1] == ()
    assert redact(f"编号{number.translate(WIDE)}", [number])[1] == ()
    assert kinds(f"{number}，{number}9", [f"{number}9"]) == ["phone"]
    assert kinds(f"编号{number}", ["1381234", "", "8"]) == ["phone"]
    assert kinds(f"编号{number}") == ["phone"]


def test_a_task_number_that_looks_like_a_persons_stays_when_named():
    task = identity("320102", date(2021, 4, 1), 1)
    assert kinds(task) == ["identity"]
    assert redact(f"任务{task}", [task]) == (f"任务{task}", ())


# --- the whole


def test_several_findings_in_order_of_place():
    text = f"张某，{IDENTITY}，电话13812345678/13987654321，卡{CARD}，a@b.cn，苏A12345，某某路1号2幢303室"
    shown, found = redact(text)
    assert shown == (
        f"张某，{MARKS['identity']}，电话{MARKS['phone']}/{MARKS['phone']}，卡{MARKS['bank_card']}，"
        f"{MARKS['email']}，{MARKS['plate']}，某某路{MARKS['address']}"
    )
    assert [redaction.kind for redaction in found] == [
        "identity", "phone", "phone", "bank_card", "email", "plate", "address",
    ]  # fmt: skip
    assert [text[start:end] for _, start, end in found][3] == CARD


def test_adjacent_values_are_both_hidden():
    assert redact(f"{IDENTITY} 13812345678")[0] == "〔已隐去身份证号〕 〔已隐去电话〕"
    assert redact(f"{IDENTITY_X}{CARD}")[0] == "〔已隐去身份证号〕〔已隐去银行卡号〕"
    assert redact("13812345678\n13987654321")[0] == "〔已隐去电话〕\n〔已隐去电话〕"
    assert redact("502室13812345678")[0] == "502室〔已隐去电话〕"


def digits(count):
    return st.text("0123456789", min_size=count, max_size=count)


identities = st.builds(
    identity,
    st.sampled_from(["320102", "110101", "441900", "650102", "830000"]),
    st.dates(date(1930, 1, 1), date(2020, 12, 31)),
    st.integers(0, 999),
)
cards = st.integers(13, 16).flatmap(digits).map(lambda body: luhn(f"62{body}"))
mobiles = st.tuples(st.sampled_from("3456789"), digits(9)).map(lambda parts: "1" + "".join(parts))
landlines = st.tuples(st.sampled_from(["025-8", "0512-6", "(025)8", "010 6"]), digits(7)).map("".join)
emails = st.from_regex(r"[a-z][a-z0-9._]{0,8}@[a-z0-9]{1,8}\.(com|cn|gov\.cn)", fullmatch=True)
plates = digits(5).map(lambda number: f"苏A{number}")
doors = st.tuples(st.integers(1, 99), st.integers(1, 9), st.integers(101, 999)).map(
    lambda door: f"{door[0]}幢{door[1]}单元{door[2]}室"
)
personal = st.one_of(identities, cards, mobiles, landlines, emails, plates, doors)
written = st.tuples(personal, st.booleans()).map(lambda pair: pair[0].translate(WIDE) if pair[1] else pair[0])
# what may stand next to it: no digit, and for letters a blank or sign between
around = st.text(st.characters(exclude_categories=("Cs", "Nd", "No", "Nl")), max_size=12).map(
    lambda text: f"，{text}，"
)


@given(st.lists(written, min_size=1, max_size=4), st.lists(around, min_size=5, max_size=5))
def test_no_planted_value_comes_through(values, between):
    text = between[0] + "".join(value + gap for value, gap in zip(values, between[1:], strict=False))
    shown, found = redact(text)
    assert all(value not in shown for value in values)
    assert found
    assert all(not any(value in repr(redaction) for value in values) for redaction in found)


@given(st.lists(mobiles | cards | identities, min_size=2, max_size=4), st.sampled_from([" ", "\n", "-", "  ", "、"]))
def test_numbers_side_by_side_are_all_hidden(values, gap):
    shown, _ = redact(gap.join(values))
    assert all(value not in shown for value in values)


fragments = st.lists(
    written
    | st.sampled_from(
        ["电话", "住址：", "某某路", "小区", "室", "3幢", "单元", " ", "\n", "-", "(", ")", "+86", CODE, TASK, "2021"]
    )
    | st.text("0123456789", min_size=1, max_size=8)
    | st.text(max_size=4),
    max_size=10,
).map("".join)


@given(fragments)
@example("13812345678 84567890")
@example("某某路12号3幢502室，及4幢301室")
def test_redacting_twice_changes_nothing(text):
    shown, _ = redact(text)
    assert redact(shown) == (shown, ())


@given(fragments)
def test_redactions_say_exactly_what_was_replaced(text):
    shown, found = redact(text)
    rebuilt, place = "", 0
    for kind, start, end in found:
        assert place <= start < end <= len(text)
        rebuilt += text[place:start] + MARKS[kind]
        place = end
    assert rebuilt + text[place:] == shown


@given(st.text(st.characters(exclude_categories=("Cs", "Nd"), exclude_characters="@＠﹫室幢栋元号")))
def test_text_without_digits_at_signs_and_rooms_stays(text):
    assert redact(text) == (text, ())


def test_long_texts_are_read_at_once():
    start = perf_counter()
    for piece in ("1", "1 ", "13812345678 ", "a.", "a@", "3幢", "一", "苏A1", "(", "路1号", "1-"):
        redact((piece * 20_000)[:20_000])
    assert perf_counter() - start < 10


def test_a_clean_note_costs_next_to_nothing():
    note = "现场检查未发现问题，已告知当事人依法公示年度报告。"
    best = min(_seconds(note) for _ in range(5))
    assert best < 20e-6  # about one microsecond on the machine this was written on


def _seconds(note):
    start = perf_counter()
    for _ in range(1000):
        redact(note)
    return (perf_counter() - start) / 1000


# --- names


def test_given_names_are_hidden():
    shown, found = redact_names("检查人员张三、李小四到场，张三签字。", ["张三", "李小四"])
    assert shown == "检查人员〔已隐去姓名〕、〔已隐去姓名〕到场，〔已隐去姓名〕签字。"
    assert found == (Redaction("name", 4, 6), Redaction("name", 7, 10), Redaction("name", 13, 15))


@pytest.mark.parametrize("cell", ["张三、李小四", "张三 李小四", "张三（执法证号 320101）；李小四", "张 三,李小四"])
def test_a_cell_may_hold_several_names(cell):
    assert redact_names("张三与李小四", [cell])[0] == "〔已隐去姓名〕与〔已隐去姓名〕"


def test_blanks_inside_a_name_and_longer_names_first():
    assert redact_names("张　三和张三丰", ["张三", "张三丰"])[0] == "〔已隐去姓名〕和〔已隐去姓名〕"
    assert redact_names("Li Lei, Leila", ["Lei", "Li Lei"])[0] == "〔已隐去姓名〕, Leila"


def test_what_is_no_name_or_exempt_stays():
    assert redact_names("高某在场", ["高", "", "  ", "3201"]) == ("高某在场", ())
    text = "江宁张三餐饮店由张三经营"
    assert redact_names(text, ["张三"], ["江宁张三餐饮店"])[0] == "江宁张三餐饮店由〔已隐去姓名〕经营"
    assert redact_names("〔已隐去电话〕", ["隐去"]) == ("〔已隐去电话〕", ())


@given(st.text(), st.lists(st.text(max_size=8), max_size=3))
def test_hiding_names_twice_changes_nothing(text, names):
    shown, _ = redact_names(text, names)
    assert redact_names(shown, names) == (shown, ())


@pytest.mark.parametrize(
    "words", ["身份证110105491231002", "公民身份号码：110105194912310021", "身份证件号码为 11010519491231002x"]
)
def test_what_the_text_calls_an_identity_number_is_one_whatever_its_check_digit(words):
    text, (found,) = redact(f"持{words}，到场")
    assert text.endswith("〔已隐去身份证号〕，到场")
    assert found.kind == "identity"
    assert not any(character.isdigit() for character in text)


WORDS = [
    "张三",
    "张 三",
    "13800138000",
    "人民路12号3幢2单元501室",
    "测试有限公司",
    "ａ@ｂ.cn",
    "Li Lei",
    "李四丰",
    "一楼",
    "苏A12345",
]


@given(
    st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=4),
    st.lists(st.sampled_from(["张三", "Li Lei", "李"])),
)
def test_one_look_at_all_texts_misses_nothing(texts, names):
    if not may_be_personal("\n".join(texts), names):
        assert all(redact(text)[0] == text and redact_names(text, names)[0] == text for text in texts)


def test_plain_words_pass_at_one_look():
    assert not may_be_personal("测试有限公司\n现场检查\n责令改正", ["王某某"])
    assert may_be_personal("测试有限公司\n王府井", ["王某某"])
