"""Codes of registered subjects: folding them as people type them, and their check digits.

GB 32100-2015 (unified social credit code), GB 11714-1997 (organisation code inside it), GS15-2006 with
GB/T 17710-1999 (15-digit registration number), GB 11643-1999 (identity number, which must never be shown).
Own code, because the known library refuses letters in the first two places, which occur.
"""

import unicodedata
from datetime import date

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_VALUE = {character: value for value, character in enumerate(ALPHABET)}
_WEIGHTS = tuple(pow(3, place, 31) for place in range(17))
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_IDENTITY_WEIGHTS = tuple(pow(2, 17 - place, 11) for place in range(17))


def fold(text: str) -> str:
    """Return a code as the registers write it: full width folded to half (NFKC), no blanks, upper case."""
    if text.isascii() and text.isalnum():
        return text.upper()
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


def check_character(first17: str) -> str:
    """Return the 18th character of a unified social credit code (GB 32100-2015).

    Raises ``KeyError`` for a character outside the alphabet (I, O, Z, S, V and anything not a code character).
    """
    total = sum(_VALUE[character] * weight for character, weight in zip(first17, _WEIGHTS, strict=True))
    return ALPHABET[(31 - total % 31) % 31]


def is_shaped(code: str) -> bool:
    """Tell whether ``code`` has the length and the characters of a unified social credit code."""
    return len(code) == 18 and all(character in _VALUE for character in code)


def is_valid(code: str) -> bool:
    """Tell whether ``code`` (folded) is a unified social credit code with a true check character."""
    return is_shaped(code) and check_character(code[:17]) == code[17]


def organisation_check_character(first8: str) -> str:
    """Return the 9th character of an organisation code (GB 11714-1997), characters 9-16 of a uscc."""
    total = sum(int(character, 36) * weight for character, weight in zip(first8, _ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def is_valid_registration_number(number: str) -> bool:
    """Tell whether a 15-digit registration number ends in its check digit (ISO 7064 MOD 11,10)."""
    if len(number) != 15 or not (number.isascii() and number.isdigit()):
        return False
    remainder = 10
    for digit in number[:14]:
        remainder = (remainder + int(digit)) % 10 or 10
        remainder = remainder * 2 % 11
    return (remainder + int(number[14])) % 10 == 1


def is_identity_number(text: str) -> bool:
    """Tell whether ``text`` is an 18-character identity number: true check character, a real birth date."""
    if len(text) != 18 or not (text[:17].isascii() and text[:17].isdigit()):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text[:17], _IDENTITY_WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == text[17].upper() and _is_birth_date(text[6:14])


def is_old_identity_number(text: str) -> bool:
    """Tell whether ``text`` has the shape of a 15-digit identity number (in use until 1999)."""
    return (
        len(text) == 15
        and text.isascii()
        and text.isdigit()
        and _is_birth_date("19" + text[6:12])
        and not is_valid_registration_number(text)
    )


def _is_birth_date(digits: str) -> bool:
    try:
        born_on = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return False
    return born_on.year >= 1900
