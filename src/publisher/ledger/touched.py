"""Which parts of the site speak of a record, gathered over a chunk of verdicts: most of them are the same for many."""

from itertools import islice

from publisher import paths
from publisher.ledger.drafts import Draft, Facets
from publisher.ledger.listings import Places
from publisher.ledger.subjects import Subjects


class Touched:
    """The parts of the site to render again, once each."""

    def __init__(self, subjects: Subjects) -> None:
        self._subjects = subjects
        self._parts: set[tuple[str, str]] = set()
        self._tasks: set[tuple[str | None, str | None]] = set()
        self._months: set[tuple[int | None, int | None]] = set()
        self._month_parts: set[tuple[int | None, int | None, int]] = set()  # year, month, part of its files
        self._feeds: set[tuple[str | None, str | None, str | None]] = set()
        self._shown: set[int] = set()  # subjects
        self._seats: set[tuple[int, int]] = set()  # list, page of it

    def add(self, one: Draft, subject_no: int | None, had: Places, has: Places, *, acts: bool) -> None:
        """Add what speaks of a record: of its subject and the lists that it has its places in, and of those it had.

        A result that is not shown, before or now, still counts in the progress of its task and plan.
        """
        if one.kind == "plan":
            years = (one.facets.year, one.sorted_by.year)
            self._parts |= {("plan", one.record_id), ("data_all", "")}
            self._parts |= {("plans_year", str(year)) for year in years if year is not None}
            if acts:
                self._parts.add(("results_of_plan", one.record_id))
        elif one.kind == "item_list":
            self._parts |= {("item_list", one.record_id), ("data_all", "")}
            if acts:
                self._parts.add(("results_of_list", one.record_id))
        else:
            listed = one.now.state == "published" or one.before.state == "published"
            self._add_result(one.facets, subject_no, listed)
            if one.sorted_by != one.facets or one.subject_no != subject_no:
                self._add_result(one.sorted_by, one.subject_no, listed)
            if listed:
                for sorted_by, places in ((one.sorted_by, had), (one.facets, has)):
                    for slot in islice(places.values(), 1):
                        self._month_parts.add((sorted_by.year, sorted_by.month, slot // paths.DATA_PART + 1))
                for number, slot in {*had.items(), *has.items()}:
                    self._seats.add((number, slot // paths.LIST_PAGE + 1))
                    if slot % paths.LIST_PAGE == 0:  # the page before leads on to the one that this place begins
                        self._seats.add((number, slot // paths.LIST_PAGE))
        self._parts.add(("portal", ""))

    def _add_result(self, sorted_by: Facets, subject_no: int | None, listed: bool) -> None:
        if sorted_by.plan_id is None:
            return
        self._tasks.add((sorted_by.plan_id, sorted_by.task_id))
        if listed and subject_no is not None:
            self._months.add((sorted_by.year, sorted_by.month))
            self._feeds.add((sorted_by.plan_id, sorted_by.authority, sorted_by.outcomes))
            self._shown.add(subject_no)

    def turn(self, subject_no: int) -> None:
        """Add what names every subject that is shown, whatever is shown of it."""
        self._parts.add(("sitemap_part", str(subject_no // paths.SITEMAP_PART)))

    def parts(self) -> set[tuple[str, str]]:
        """Return every part (scope, key)."""
        parts = self._parts
        for plan_id, task_id in self._tasks:
            parts |= {("plan", str(plan_id)), ("task", f"{plan_id}/{task_id}")}
        for year, month in self._months:
            parts |= {("data_all", ""), ("month", f"{year}-{month:02}"), ("data_year", str(year))}
        parts |= {("data_month", f"{year}-{month:02}/{part}") for year, month, part in self._month_parts}
        for plan_id, authority, outcomes in self._feeds:
            parts |= {("feed", f"plan/{plan_id}"), ("feed", f"authority/{paths.name_key(authority or '')}")}
            parts |= {("feed", f"outcome/{outcome}") for outcome in (outcomes or "").split(",") if outcome}
        for number in self._shown:
            parts |= {("subject", str(number)), ("search_subject", str(number))}
            region_code, place = self._subjects.place_of(number)
            if place is not None:
                parts.add(("region", region_code))
                pages = {place // paths.LIST_PAGE + 1, -(-place // paths.LIST_PAGE)}
                parts |= {("region_page", f"{region_code}/{page}") for page in pages if page > 1}
        for number, page in self._seats:
            parts.add(("list_page", f"{number}/{page}") if page > 1 else ("list", str(number)))
            parts.add(("list", str(number)))
        return parts
