from calendar import monthrange
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import CalendarGap, RuleError
from publisher.rules.periods import Period, add_months, add_years
from publisher.rules.workdays import Due, Workdays

# two bare years: only the days below differ from Monday–Friday
WORKDAYS = Workdays.parse(
    f"""
year = {year}
off = [{{ from = {year}-10-01, to = {year}-10-07, name = "国庆节" }}]
work = []
[[notice]]
number = "国办发明电〔{year - 1}〕1号"
issued_on = {year - 1}-11-01
note = "安排"
"""
    for year in (2025, 2026)
)

days = st.dates(date(2000, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2025-11-30", 3, "2026-02-28"),
        ("2024-02-29", 12, "2025-02-28"),
        ("2025-01-31", 1, "2025-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2025-12-15", 1, "2026-01-15"),
        ("2025-02-28", 1, "2025-03-28"),  # the day number, not "the last day" again
        ("2025-08-31", 6, "2026-02-28"),
        ("2024-02-29", 48, "2028-02-29"),
        ("2025-12-31", 0, "2025-12-31"),
        ("2026-03-31", -1, "2026-02-28"),
    ],
)
def test_months_end_on_the_day_number_or_the_last_of_the_month(start, months, end):
    assert add_months(date.fromisoformat(start), months) == date.fromisoformat(end)


@pytest.mark.parametrize(
    ("start", "years", "end"),
    [("2024-02-29", 1, "2025-02-28"), ("2024-02-29", 4, "2028-02-29"), ("2025-06-30", 3, "2028-06-30")],
)
def test_years_end_on_the_same_date(start, years, end):
    assert add_years(date.fromisoformat(start), years) == date.fromisoformat(end)


def test_months_and_days_stop_at_the_last_day_there_is():
    assert add_months(date(9999, 12, 31), 1) == date.max
    assert add_years(date(9999, 6, 1), 3) == date.max
    assert Period(20, "days").after(date(9999, 12, 30), WORKDAYS) == Due(date.max, False)


@given(days, st.integers(0, 600))
def test_months_keep_the_day_number_unless_the_month_is_too_short(day, months):
    end = add_months(day, months)
    assert (end.year - day.year) * 12 + end.month - day.month == months
    assert end.day == min(day.day, monthrange(end.year, end.month)[1])


@given(days, st.integers(0, 600))
def test_months_never_go_back_when_start_or_length_grows(day, months):
    assert add_months(day, months) <= add_months(day + timedelta(1), months)
    assert add_months(day, months) < add_months(day, months + 1)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("3 months", Period(3, "months")),
        ("1 month", Period(1, "months")),
        ("1 year", Period(1, "years")),
        ("5 years", Period(5, "years")),
        ("5 working days", Period(5, "working_days")),
        ("1 working day", Period(1, "working_days")),
        ("20 days", Period(20, "days")),
    ],
)
def test_a_period_reads_as_profiles_write_it(text, period):
    assert Period.parse(text) == period


@pytest.mark.parametrize(
    "text",
    [
        *("", "months", "3", "0 days", "-1 days", "+1 days", "03 days", "1.5 years", "3 weeks", "1000 days"),
        *("3  months", " 3 months", "3 months\n", "3 Months", "３ months", "三个月", "5 workingdays"),
        *("3 months 2 days", "3 dayss"),
    ],
)
def test_a_text_that_is_no_period_is_refused(text):
    with pytest.raises(RuleError, match="is not a period"):
        Period.parse(text)


@pytest.mark.parametrize(
    ("text", "end", "counting_start"),
    [
        ("10 working days", "2025-10-21", "2025-10-20"),
        ("10 days", "2025-10-10", "2025-10-09"),
        ("1 month", "2025-10-30", "2025-10-30"),
        ("1 year", "2026-09-30", "2026-09-30"),
        ("1 day", "2025-10-01", "2025-09-30"),  # an end on a holiday stays
    ],
)
def test_the_end_of_a_period_from_30_september_2025(text, end, counting_start):
    start, period = date(2025, 9, 30), Period.parse(text)
    assert period.after(start, WORKDAYS) == Due(date.fromisoformat(end), False)
    assert period.after(start, WORKDAYS, count_start_day=True) == Due(date.fromisoformat(counting_start), False)


def test_only_working_days_need_the_calendar():
    late, early = date(2026, 12, 30), date(2020, 1, 1)
    assert Period(5, "working_days").after(late, WORKDAYS) == Due(date(2027, 1, 6), True)
    assert Period(3, "years").after(late, WORKDAYS) == Due(date(2029, 12, 30), False)
    assert Period(3, "months").after(early, WORKDAYS) == Due(date(2020, 4, 1), False)
    with pytest.raises(CalendarGap):
        Period(5, "working_days").after(early, WORKDAYS)


def test_months_are_counted_up_to_the_last_year_there_is():
    assert add_months(date(9999, 1, 31), 1) == date(9999, 2, 28)
    assert add_months(date(9999, 11, 30), 1) == date(9999, 12, 30)
    assert add_months(date(9999, 12, 1), 1) == date.max
