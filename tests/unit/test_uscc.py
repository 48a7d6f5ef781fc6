from datetime import date
from string import ascii_uppercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import uscc

REGISTRATION_NUMBERS = ["440301103097413", "100000000041378", "330100400013364", "440301103448669"]

bodies = st.text(uscc.ALPHABET, min_size=17, max_size=17)
codes = bodies.map(lambda body: body + uscc.check_character(body))
places = st.integers(0, 17)


# --- unified social credit codes (GB 32100-2015)


def test_alphabet_leaves_out_five_letters():
    assert digits + "".join(letter for letter in ascii_uppercase if letter not in "IOZSV") == uscc.ALPHABET
    assert len(uscc.ALPHABET) == 31


@given(codes)
def test_check_character_is_the_weighted_sum_of_the_standard(code):
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28, 1)
    assert (
        sum(uscc.ALPHABET.index(character) * weight for character, weight in zip(code, weights, strict=True)) % 31 == 0
    )
    assert uscc.is_valid(code)


@given(codes, places, st.sampled_from(uscc.ALPHABET))
def test_one_changed_character_breaks_a_code(code, place, other):
    changed = code[:place] + other + code[place + 1 :]
    assert uscc.is_valid(changed) == (changed == code)


@given(codes, st.integers(0, 16))
def test_two_neighbours_changed_about_break_a_code(code, place):
    changed = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert uscc.is_valid(changed) == (changed == code)


@pytest.mark.parametrize("first_two", ["91", "92", "93", "11", "12", "51", "52", "53", "N1", "A1", "Y1"])
def test_letters_in_the_first_places_are_as_good_as_digits(first_two):
    body = first_two + "320102MA1A2B3C6"
    assert uscc.is_valid(body + uscc.check_character(body))


@pytest.mark.parametrize(
    "code",
    [
        "",
        "91320102MA1A2B3C6",
        "91320102MA1A2B3C644",
        "91320102MA1A2B3C6i",
        "91320102MA1A2B3C6O",
        "９１３２０１０２ＭＡ１Ａ２Ｂ３Ｃ６４",
        "9132010二MA1A2B3C64",
    ],
)
def test_other_lengths_and_characters_are_not_of_the_shape(code):
    assert not uscc.is_shaped(code)
    assert not uscc.is_valid(code)


def test_a_code_may_have_the_shape_and_a_wrong_check_character():
    assert uscc.is_valid("91320102MA1A2B3C64")
    assert uscc.is_shaped("91320102MA1A2B3C65")
    assert not uscc.is_valid("91320102MA1A2B3C65")


@pytest.mark.parametrize("letter", "IOZSVa ０")
def test_check_character_refuses_what_is_no_code_character(letter):
    with pytest.raises(KeyError):
        uscc.check_character(letter + "1" * 16)


@given(st.text(max_size=20))
def test_no_text_raises(text):
    uscc.fold(text)
    uscc.is_valid(text)
    uscc.is_valid_registration_number(text)
    uscc.is_identity_number(text)
    uscc.is_old_identity_number(text)


# --- folding


@pytest.mark.parametrize(
    "typed",
    [
        "91320102ma1a2b3c64",
        " 91320102MA1A2B3C64\n",
        "91320102 MA1A2B3C 64",
        "９１３２０１０２ＭＡ１Ａ２Ｂ３Ｃ６４",
        "91320102\u3000MA1A2B3C64\u00a0",
        "\t９１３２０１０２ｍａ１ａ２ｂ３ｃ６４",
    ],
)
def test_codes_fold_to_how_the_registers_write_them(typed):
    assert uscc.fold(typed) == "91320102MA1A2B3C64"


@given(st.text(st.characters(max_codepoint=0xFFEF, exclude_categories=("Cs",)), max_size=20))
def test_folding_ascii_and_codes_twice_changes_nothing(text):
    once = uscc.fold(text.encode("ascii", "ignore").decode())
    assert uscc.fold(once) == once
    assert not any(character.isspace() or character.islower() for character in once)


# --- organisation codes (GB 11714-1997)


@given(st.text(digits + ascii_uppercase, min_size=8, max_size=8))
def test_organisation_check_character_makes_the_sum_divisible_by_11(first8):
    last = uscc.organisation_check_character(first8)
    total = sum(int(c, 36) * weight for c, weight in zip(first8, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    assert last in "0123456789X"
    assert (total + (10 if last == "X" else int(last))) % 11 == 0


def test_organisation_check_character_of_a_remainder_of_one_is_x_and_of_none_is_0():
    assert uscc.organisation_check_character("00000000") == "0"
    assert uscc.organisation_check_character("00000006") == "X"  # 12 leaves 1
    assert uscc.organisation_check_character("MA1A2B3C") == "6"


# --- registration numbers (GS15-2006, ISO 7064 MOD 11,10)


@pytest.mark.parametrize("number", REGISTRATION_NUMBERS)
def test_known_registration_numbers(number):
    assert uscc.is_valid_registration_number(number)


@pytest.mark.parametrize(
    "number",
    ["110000450066482", "", "44030110309741", "4403011030974130", "44030110309741X", "４４０３０１１０３０９７４１３"],
)
def test_other_numbers_are_not_registration_numbers(number):
    assert not uscc.is_valid_registration_number(number)


@given(st.text(digits, min_size=14, max_size=14))
def test_exactly_one_last_digit_is_right(first14):
    assert sum(uscc.is_valid_registration_number(first14 + last) for last in digits) == 1


@given(st.sampled_from(REGISTRATION_NUMBERS), st.integers(0, 14), st.sampled_from(digits))
def test_one_changed_digit_breaks_a_registration_number(number, place, other):
    changed = number[:place] + other + number[place + 1 :]
    assert uscc.is_valid_registration_number(changed) == (changed == number)


# --- identity numbers (GB 11643-1999)

identity_bodies = st.tuples(
    st.text(digits, min_size=6, max_size=6),
    st.dates(date(1900, 1, 1), date(2099, 12, 31)).map(lambda day: f"{day:%Y%m%d}"),
    st.text(digits, min_size=3, max_size=3),
).map("".join)


@given(identity_bodies)
def test_exactly_one_last_character_makes_an_identity_number(body):
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    remainder = sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True)) % 11
    right = [last for last in "0123456789X" if uscc.is_identity_number(body + last)]
    assert right == ["10X98765432"[remainder]]


def test_a_small_x_ends_an_identity_number_too():
    assert uscc.is_identity_number("32010219900101007X")
    assert uscc.is_identity_number("32010219900101007x")


@pytest.mark.parametrize("born", ["19900230", "19901301", "19900100", "18991231", "19000229", "00000000"])
def test_a_day_that_never_was_is_no_birth_date(born):
    body = f"320102{born}001"
    assert not any(uscc.is_identity_number(body + last) for last in "0123456789X")


def test_a_leap_day_is_a_birth_date():
    body = "32010220000229001"
    assert any(uscc.is_identity_number(body + last) for last in "0123456789X")


def test_fifteen_digit_identity_numbers_need_a_birth_date_and_no_registration_check_digit():
    assert uscc.is_old_identity_number("320102900101123")
    assert not uscc.is_old_identity_number("320102901301123")
    assert not uscc.is_old_identity_number("32010290010112X")
    assert not uscc.is_old_identity_number("3201029001011230")
    as_registered = next(
        number for last in digits if uscc.is_valid_registration_number(number := "32010290010112" + last)
    )
    assert not uscc.is_old_identity_number(as_registered)


def test_a_task_number_may_pass_as_an_identity_number():
    # six digits of region, a day, four digits: whoever redacts must know task numbers first
    assert uscc.is_identity_number("320000202104010001")
    assert not uscc.is_valid("320000202104010001")
