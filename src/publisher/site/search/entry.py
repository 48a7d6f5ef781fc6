"""What the search index holds of a subject: what is searched, what a result line shows, what filters ask."""

from typing import NamedTuple


class Entry(NamedTuple):
    """A subject as the index has it. ``latest`` is a day number (``date.toordinal``)."""

    subject_no: int
    name: str
    former_names: tuple[str, ...]
    uscc: str | None
    reg_no: str | None
    path: str
    region_code: str
    results: int
    latest: int
    pairs: tuple[tuple[int, str], ...]  # year and outcome of the same result, each pair once
    authorities: tuple[str, ...]
