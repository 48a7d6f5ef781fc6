"""Codes of invented subjects, with true check digits (GB 32100-2015, GB 11714-1997, GS15-2006)."""

from random import Random

from publisher import uscc

PREFIXES = {
    "enterprise": ("91",),
    "sole_trader": ("92",),
    "cooperative": ("93",),
    "organisation": ("12", "52"),
}


class Codes:
    """Gives out codes, each once."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._given: set[str] = set()

    def uscc(self, kind: str, region_code: str) -> str:
        """Return an unused unified social credit code of ``kind`` issued in ``region_code``."""
        while True:
            prefix = self._rng.choice(PREFIXES[kind])
            lead = "MA" if kind != "organisation" else self._rng.choice(("MJ", "46", "50"))
            organisation = lead + "".join(self._rng.choice(uscc.ALPHABET) for _ in range(6))
            first17 = prefix + region_code + organisation + uscc.organisation_check_character(organisation)
            code = first17 + uscc.check_character(first17)
            if code not in self._given:
                self._given.add(code)
                return code

    def reg_no(self, region_code: str) -> str:
        """Return an unused 15-digit registration number of ``region_code``."""
        while True:
            first14 = region_code + "".join(self._rng.choice("0123456789") for _ in range(8))
            number = next(
                first14 + digit for digit in "0123456789" if uscc.is_valid_registration_number(first14 + digit)
            )
            if number not in self._given:
                self._given.add(number)
                return number
