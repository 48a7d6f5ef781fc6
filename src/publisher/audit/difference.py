"""What the audit finds: one way in which the built site is not what the ledger says."""

from typing import Literal, NamedTuple


class Difference(NamedTuple):
    """One difference between the site and the ledger.

    ``missing``: something shown in the ledger is not on the site. ``leak``: the site holds what may not be shown.
    ``stray``: a file that the ledger does not know, or a file it knows that is not there. ``differs``: something is
    there and says something else. ``where`` is an address; ``what`` a record and a field, never the words themselves
    nor a name; ``rule`` the rule of the verdict in force, where a record is concerned.
    """

    kind: Literal["missing", "leak", "stray", "differs"]
    where: str
    what: str
    rule: str | None = None
