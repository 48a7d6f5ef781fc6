"""Hiding personal data in free text, before a word of it goes to the site, the index, an endpoint or a log.

What is hidden, and why: Personal Information Protection Law, Articles 25 and 28; Government Information
Disclosure Regulations, Article 15; Interim Regulations on Enterprise Information Disclosure, Article 3. Each
finding is replaced by words that say what stood there.

The order: (1) what the text itself calls an identity number, exempt or not and whatever its check digit; (2) what
is exempt is set apart: the strings the caller names (task and plan numbers, the subject's own codes), valid unified
social credit codes, valid 15-digit registration numbers; then (3) e-mail addresses, (4) vehicle plates, (5) numbers:
identity numbers, bank cards, telephones, (6) home addresses.

Full-width signs, every script's digits, odd blanks and dashes are folded first, character for character, so
that positions hold. Not personal, and kept: 400 and 800 service numbers and short numbers such as 12315.
Numbers spelt in Chinese characters are not recognised, save in addresses.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from publisher import uscc
from publisher.rules import addresses

Kind = Literal["identity", "phone", "email", "bank_card", "plate", "address", "name"]

MARKS: dict[Kind, str] = {
    "identity": "〔已隐去身份证号〕",
    "phone": "〔已隐去电话〕",
    "email": "〔已隐去邮箱〕",
    "bank_card": "〔已隐去银行卡号〕",
    "plate": "〔已隐去车牌号〕",
    "address": "〔已隐去住址〕",
    "name": "〔已隐去姓名〕",
}


class Redaction(NamedTuple):
    """What was hidden: its kind and where it stood in the text given. Never the words themselves."""

    kind: Kind
    start: int
    end: int


def redact(text: str, exempt: Collection[str] = ()) -> tuple[str, tuple[Redaction, ...]]:
    """Return ``text`` with personal data replaced, and what was replaced, in order of place.

    ``exempt``: strings that stay wherever they stand as whole words. An identity number stays hidden even if
    it happens to be a valid code, unless ``exempt`` names it. Redacting the outcome again changes nothing.
    """
    if not _MAYBE_PERSONAL.search(text):
        return text, ()
    folded = _fold(text)
    found = [Redaction("identity", *match.span(1)) for match in _LABELLED_IDENTITY.finditer(folded)]
    rest = folded
    for _, start, end in found:
        rest = _blank(rest, start, end, _HIDDEN)
    rest = _without_exempt(rest, exempt)
    for search in (_emails, _plates, _numbers, _dashed_doors, _doors):
        for redaction in search(rest):
            found.append(redaction)
            rest = _blank(rest, redaction.start, redaction.end, _HIDDEN)
    return _replaced(text, found)


def may_be_personal(text: str, names: Collection[str]) -> bool:
    """Tell whether :func:`redact` or :func:`redact_names` can hide anything in ``text``; False is certain.

    So it is with texts joined by line breaks: a False for all of them together holds for each.
    """
    return _MAYBE_PERSONAL.search(text) is not None or _may_name(text, tuple(names))


def _may_name(text: str, names: tuple[str, ...]) -> bool:
    """Tell whether one of these persons may be named in ``text``, from the first characters of their names."""
    firsts = _first_characters(names)
    return firsts is not None and firsts.search(text) is not None


@lru_cache(maxsize=256)
def _first_characters(names: tuple[str, ...]) -> re.Pattern[str] | None:
    """Find what any of these names may begin with in text that is not folded.

    Folding keeps Chinese characters and gives them to no other; names in other scripts may begin with anything.
    """
    firsts = {name[0] for cell in names for name in _persons(cell)}
    if not firsts:
        return None
    is_chinese = all("\u4e00" <= first <= "\u9fff" for first in firsts)
    return re.compile(f"[{''.join(sorted(firsts))}]" if is_chinese else ".", re.DOTALL)


def redact_names(text: str, names: Collection[str], exempt: Collection[str] = ()) -> tuple[str, tuple[Redaction, ...]]:
    """Return ``text`` with the given persons' names replaced, and what was replaced, in order of place.

    For a record's inspectors, whose names are internal unless the profile says otherwise. A cell may hold
    several names (张三、李四) and remarks in brackets; blanks inside a name do not hide it. One character is
    no name. ``exempt``: strings that stay although they contain a name, such as the subject's own.
    """
    if not _may_name(text, tuple(names)):
        return text, ()
    pattern = _persons_pattern(tuple(names))
    rest = _fold(text)
    if pattern is None or not pattern.search(rest):
        return text, ()
    for mark in MARKS.values():
        rest = rest.replace(mark, _HIDDEN * len(mark))
    for kept in map(_fold, exempt):
        rest = rest.replace(kept, _EXEMPT * len(kept))
    return _replaced(text, [Redaction("name", *match.span()) for match in pattern.finditer(rest)])


@lru_cache(maxsize=256)  # a record's texts are looked at one after the other, for the same inspectors
def _persons_pattern(names: tuple[str, ...]) -> re.Pattern[str] | None:
    wanted = {name for cell in names for name in _persons(cell)}
    longest_first = sorted(wanted, key=lambda name: (-len(name), name))
    return re.compile("|".join(map(_name_pattern, longest_first)), re.IGNORECASE) if wanted else None


# --- folding, setting apart, replacing

_HIDDEN = "〕"  # stands for hidden words while the search goes on: as the end of a mark does in its outcome
_EXEMPT = "\0"
# one old identity number in ten would also pass as a registration number
_LABELLED_IDENTITY = re.compile(
    r"(?:身份证|公民身份)(?:号码?|件号码?)?[\s:为是]{0,3}(\d{17}[\dXx]|\d{15})(?![0-9A-Za-z])"
)
_MAYBE_PERSONAL = re.compile(r"[\d@＠﹫室幢栋]|单元|号楼")


class _Folding(dict[int, str]):
    """One character for one: digits, full-width signs, blanks and dashes to their plain forms."""

    def __missing__(self, code_point: int) -> str:
        character = chr(code_point)
        digit = unicodedata.decimal(character, None)
        plain = unicodedata.normalize("NFKC", character)
        if digit is not None:
            folded = str(digit)
        elif unicodedata.category(character) == "Pd" or plain == "−":
            folded = "-"
        elif unicodedata.category(character) in ("Zs", "Zl", "Zp", "Cf"):
            folded = " "  # invisible characters too: they must not split a number
        elif len(plain) == 1 and plain.isascii() and unicodedata.category(character) != "No":
            folded = plain
        else:
            folded = character
        self[code_point] = folded
        return folded


_FOLD = _Folding()


def _fold(text: str) -> str:
    return text if text.isascii() else text.translate(_FOLD)


def _blank(text: str, start: int, end: int, filler: str) -> str:
    return text[:start] + filler * (end - start) + text[end:]


_REGISTERED = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Za-z]{2}\d{6}[0-9A-Za-z]{10}|[1-9]\d{14})(?![0-9A-Za-z])")


def _without_exempt(text: str, exempt: Collection[str]) -> str:
    for kept in sorted(map(_fold, exempt), key=len, reverse=True):
        start = text.find(kept) if kept else -1
        while start >= 0:
            end = start + len(kept)
            if not (_joins(text, start) or _joins(text, end)):
                text = _blank(text, start, end, _EXEMPT)
            start = text.find(kept, end)
    return _REGISTERED.sub(lambda match: _EXEMPT * len(match[0]) if _is_registered(match[0]) else match[0], text)


def _joins(text: str, place: int) -> bool:
    """Tell whether a code would run on across ``place``."""
    return 0 < place < len(text) and all(
        character.isascii() and character.isalnum() for character in text[place - 1 : place + 1]
    )


def _is_registered(token: str) -> bool:
    code = token.upper()
    if len(code) == 15:
        return uscc.is_valid_registration_number(code)
    if not uscc.is_valid(code) or uscc.is_identity_number(code):
        return False
    # a bank card of 18 digits may pass one check; hardly both, led by the digit of a register in use
    inner = uscc.organisation_check_character(code[8:16]) == code[16]
    return not code.isdigit() or (inner and code[0] in "159")


def _replaced(text: str, found: list[Redaction]) -> tuple[str, tuple[Redaction, ...]]:
    found.sort(key=lambda redaction: redaction.start)
    pieces: list[str] = []
    place = 0
    for kind, start, end in found:
        pieces += text[place:start], MARKS[kind]
        place = end
    return "".join((*pieces, text[place:])), tuple(found)


# --- what is personal

_AT_DOMAIN = r"\s{0,2}@\s{0,2}[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
# what follows one address without a gap may be another: left over, it would become one
_EMAIL = re.compile(rf"(?<![\w.%+-])[\w.%+-]+{_AT_DOMAIN}(?:[\w.%+-]*{_AT_DOMAIN})*", re.ASCII)
_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]\s?[A-Za-z][\s·•・.-]{0,2}"
    r"(?=[A-Za-z]{0,5}\d)(?:[A-HJ-NP-Za-hj-np-z0-9]{5,6}|[A-HJ-NP-Za-hj-np-z0-9]{4}[警学挂港澳领试超])"
    r"(?![0-9A-Za-z])"
)


def _emails(text: str) -> Iterator[Redaction]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield Redaction("email", *match.span())


def _plates(text: str) -> Iterator[Redaction]:
    for match in _PLATE.finditer(text):
        yield Redaction("plate", *match.span())


# A run is digits in groups, as people break up long numbers; each window of its groups may be personal.
_RUN = re.compile(r"\d(?:[\s().·-]{0,3}\d)*", re.ASCII)
_GROUP = re.compile(r"\d+", re.ASCII)
_FINAL_X = re.compile(r"[\s-]?[Xx]")
_LONGEST = 19

_MOBILE = re.compile(r"(?:(?:00)?86|0)?1[3-9]\d{9}")
_MOBILE_GROUPS = {(11,), (3, 4, 4), (3, 8), (7, 4), (3, 3, 5), (4, 4, 3), (4, 3, 4), (5, 6), (1,) * 11}
_LANDLINE = re.compile(r"(?:0|86)(?:10|2\d|[3-9]\d\d)[2-9]\d{6,7}")
_LOCAL_NUMBER = re.compile(r"[2-9]\d{6,7}")
_PHONE_LABEL = re.compile(r"(?:电话号?码?|手机号?码?|座机|传真|联系方式|tel|phone)[\s:.是为]{0,3}$", re.IGNORECASE)


def _numbers(text: str) -> Iterator[Redaction]:
    for run in _RUN.finditer(text):
        if run.end() - run.start() < 7:
            continue
        groups = [match.span() for match in _GROUP.finditer(text, run.start(), run.end())]
        merged: Redaction | None = None  # windows may overlap: all that any of them covers is hidden
        for window in _windows(text, groups):
            if merged is None:
                merged = window
            elif window.start < merged.end:
                merged = merged._replace(end=max(merged.end, window.end))
            else:
                yield merged
                merged = window
        if merged is not None:
            yield merged


def _windows(text: str, groups: list[tuple[int, int]]) -> Iterator[Redaction]:
    for first, (start, _) in enumerate(groups):
        digits = ""
        widths: list[int] = []
        longest: Redaction | None = None
        for group_start, end in groups[first : first + _LONGEST]:
            digits += text[group_start:end]
            widths.append(end - group_start)
            if len(digits) > _LONGEST:
                break
            last = _FINAL_X.match(text, end) if len(digits) == 17 else None
            if last and uscc.is_identity_number(digits + "X"):
                longest = Redaction("identity", start, last.end())
            elif len(digits) >= 7 and (kind := _kind_of_number(digits, tuple(widths), text, start)):
                longest = Redaction(kind, start, end)
        if longest is not None:
            yield longest._replace(start=_with_its_sign(text, longest))


def _with_its_sign(text: str, number: Redaction) -> int:
    """Return where a number starts when its plus sign, or the bracket that it closes, is counted in."""
    start, signs = number.start, "+(" if ")" in text[number.start : number.end] else "+"
    while start > 0 and text[start - 1] in signs:
        start -= 1
    return start


def _kind_of_number(digits: str, widths: tuple[int, ...], text: str, start: int) -> Kind | None:
    match len(digits):
        case 18 if uscc.is_identity_number(digits) and not _is_of_a_province(digits):
            return "identity"
        case 15 if uscc.is_old_identity_number(digits) and not _is_of_a_province(digits) and len(widths) <= 3:
            return "identity"
        case 16 | 17 | 18 | 19 if _is_bank_card(digits, widths):
            return "bank_card"
    return "phone" if _is_phone(digits, widths, text, start) else None


def _is_of_a_province(digits: str) -> bool:
    """Tell a number led by a whole province's code, as task numbers are; a person's names a county.

    Hong Kong, Macao and Taiwan residents (81, 82, 83) have numbers led by such a code.
    """
    return digits[2:6] == "0000" and digits[:2] not in ("81", "82", "83")


def _is_bank_card(digits: str, widths: tuple[int, ...]) -> bool:
    # cards of 17 digits and more begin with 4-9; lower first digits are task numbers, led by an area code
    if digits[0] < ("2" if len(digits) == 16 else "4"):
        return False
    if not (len(widths) <= 2 or set(widths[:-1]) == {4} or set(widths) == {1}):
        return False
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0  # ISO/IEC 7812-1, Annex B


def _is_phone(digits: str, widths: tuple[int, ...], text: str, start: int) -> bool:
    if _MOBILE.fullmatch(digits):
        prefix = len(digits) - 11
        return _split_off(widths, prefix) in _MOBILE_GROUPS or set(widths) == {1}
    if _LANDLINE.fullmatch(digits):
        abroad = digits.startswith("86")
        return len(widths) <= 4 and (not abroad or text[start - 1 : start] == "+")
    if _LOCAL_NUMBER.fullmatch(digits):
        return len(widths) <= 2 and _PHONE_LABEL.search(text[max(0, start - 12) : start]) is not None
    return False


def _split_off(widths: tuple[int, ...], prefix: int) -> tuple[int, ...]:
    """Return the groups' widths without the first ``prefix`` digits, whether or not those stand apart."""
    if prefix == 0 or widths[0] == prefix:
        return widths[1:] if prefix else widths
    return (widths[0] - prefix, *widths[1:])


def _dashed_doors(text: str) -> Iterator[Redaction]:
    for span in addresses.dashed_doors(text):
        yield Redaction("address", *span)


def _doors(text: str) -> Iterator[Redaction]:
    for span in addresses.doors(text):
        yield Redaction("address", *span)


# --- names

_REMARK = re.compile(r"\([^)]*\)?")
_BETWEEN_NAMES = re.compile(r"[、,;/|\n]|(?<=[\u4e00-\u9fff]{2})\s+(?=[\u4e00-\u9fff]{2})")


def _persons(cell: str) -> Iterator[str]:
    for piece in _BETWEEN_NAMES.split(_REMARK.sub("", cell.translate(_FOLD))):
        name = " ".join(piece.split())
        compact = name if name.isascii() else name.replace(" ", "")
        if len(compact) > 1 and not any(character.isdigit() for character in compact):
            yield compact


def _name_pattern(name: str) -> str:
    if name.isascii():
        return rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])"
    return r"\s{0,2}".join(map(re.escape, name))
