"""Files of subjects that lie in their places before the ledger's list of files (``page``) names them.

In a first build whoever makes one writes it where it belongs. Its address follows from the subject, so it is enough to
note how far down the list of what is owed anybody was asked. The builder enters a file once, whole. What a killed build
left is entered by the next one, before anything else, as not known to be whole: it is written again, or removed.
"""

from publisher import paths
from publisher.ledger import Ledger, shown_subjects
from publisher.ledger.many import MOST_ASKED
from publisher.ledger.owed import owed_keys
from publisher.ledger.store import get_meta, set_meta
from publisher.site.install import note

SCOPE = "subject"
_ASKED = "laid"  # where the ledger notes the last key asked for; "" where there is none


def ask(ledger: Ledger, last: str) -> None:
    """Note that the files of every subject that is owed, up to the key ``last``, may lie in their places."""
    with ledger.transaction() as connection:
        set_meta(connection, _ASKED, last)


def done(ledger: Ledger) -> None:
    """Note that everything that lies in its place is in the list."""
    ask(ledger, "")


def enter(ledger: Ledger) -> None:
    """Enter in the list of files what may lie in its place and is not in it, and note that there is no more of it."""
    with ledger.transaction() as connection:
        last, after = get_meta(connection, _ASKED), ""
        if not last:
            return
        while keys := owed_keys(connection, SCOPE, after, MOST_ASKED, last):
            found = shown_subjects.addresses(connection, keys)
            note(connection, [(one, (SCOPE, key)) for key, path in found.items() for one in _files(path)])
            after = keys[-1]
        set_meta(connection, _ASKED, "")


def _files(path: str) -> tuple[str, str]:
    """Return where the files of the subject with this page may be."""
    return path, paths.calendar(path)
