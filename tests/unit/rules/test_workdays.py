import copy
import pickle
from datetime import date, timedelta
from importlib.resources import files

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.errors import CalendarGap, RuleError
from publisher.rules.workdays import WEEKEND, Due, Notice, Workdays

SHIPPED = {
    int(file.name.removesuffix(".toml")): file.read_text(encoding="utf-8")
    for file in (files("publisher") / "rules" / "calendar").iterdir()
    if file.name.endswith(".toml")
}
WORKDAYS = Workdays.parse(SHIPPED.values())
# up to the last year the notices are known for when this was written: later files must not break a test
TO_2026 = Workdays.parse(text for year, text in SHIPPED.items() if year <= 2026)

covered = st.dates(date(2015, 1, 1), date(2026, 12, 31))
known_or_not = st.dates(date(2015, 1, 1), date(2032, 12, 31))
counts = st.integers(1, 400)


def year(number=2024, off="", work="", rest=""):
    return (
        f"year = {number}\n"
        f'off = [{{ from = {number}-01-01, to = {number}-01-01, name = "元旦" }}, {off}]\n'
        f"work = [{work}]\n{rest}\n"
        f'[[notice]]\nnumber = "国办发明电〔{number - 1}〕1号"\nissued_on = {number - 1}-11-01\nnote = "安排"\n'
    )


# --- the shipped calendars


@pytest.mark.parametrize("number", range(2015, 2027))
def test_every_day_agrees_with_an_independent_calendar(number):
    days = (date(number, 1, 1) + timedelta(n) for n in range(366))
    wrong = [day for day in days if day.year == number and WORKDAYS.is_workday(day) != chinese_calendar.is_workday(day)]
    assert wrong == []


def test_shipped_calendars_run_from_2015_and_are_named_by_their_year():
    assert WORKDAYS.first_on == date(2015, 1, 1)
    assert WORKDAYS.covered_until == date(max(SHIPPED), 12, 31) >= date(2026, 12, 31)
    assert all(Workdays.parse([text]).first_on.year == number for number, text in SHIPPED.items())


def test_2026_has_248_working_days():
    assert TO_2026.count_between(date(2025, 12, 31), date(2026, 12, 31)) == 248


def test_every_year_names_its_notice_issued_before_it():
    for number in SHIPPED:
        of_year = [notice for notice in WORKDAYS.notices if notice.year == number]
        assert of_year[0].issued_on.year == number - 1
        assert f"〔{number - 1}〕" in of_year[0].number


@pytest.mark.parametrize(
    ("day", "notice"),
    [
        (date(2015, 9, 6), "国发明电〔2015〕1号"),
        (date(2019, 5, 5), "国办发明电〔2019〕3号"),
        (date(2018, 12, 29), "国办发明电〔2018〕15号"),
    ],
)
def test_a_later_notice_opened_this_weekend(day, notice):
    assert WORKDAYS.is_workday(day)
    assert day.weekday() > 4
    assert notice in [each.number for each in WORKDAYS.notices if each.year == day.year]


def test_spring_festival_2020_was_lengthened_over_a_worked_saturday():
    assert [WORKDAYS.why_off(date(2020, 1, 31) + timedelta(n)) for n in range(4)] == ["春节"] * 3 + [None]
    notices = {each.number: each.issued_on for each in WORKDAYS.notices if each.year == 2020}
    assert notices["国办发明电〔2020〕1号"] == date(2020, 1, 26)


# --- due


@pytest.mark.parametrize(
    ("ended_on", "ten", "twenty"),
    [
        ("2026-02-13", "2026-03-05", "2026-03-19"),
        ("2026-02-14", "2026-03-06", "2026-03-20"),
        ("2026-04-30", "2026-05-18", "2026-06-01"),
        ("2026-09-18", "2026-10-09", "2026-10-22"),
        ("2026-09-30", "2026-10-20", "2026-11-03"),
        ("2026-10-09", "2026-10-22", "2026-11-05"),  # a day earlier than Monday–Friday: Sat 10-10 is worked
        ("2025-09-30", "2025-10-21", "2025-11-04"),
        ("2021-11-30", "2021-12-14", "2021-12-28"),
    ],
)
def test_ten_and_twenty_working_days(ended_on, ten, twenty):
    start = date.fromisoformat(ended_on)
    assert TO_2026.due(start, 10) == Due(date.fromisoformat(ten), False)
    assert TO_2026.due(start, 20) == Due(date.fromisoformat(twenty), False)


@pytest.mark.parametrize(("count", "last_covered"), [(10, date(2026, 12, 17)), (20, date(2026, 12, 3))])
def test_a_due_day_past_the_last_notice_is_provisional(count, last_covered):
    assert TO_2026.due(last_covered, count) == Due(date(2026, 12, 31), False)
    assert TO_2026.due(last_covered + timedelta(1), count) == Due(date(2027, 1, 1), True)


def test_a_start_past_the_last_notice_counts_monday_to_friday_and_says_so():
    assert TO_2026.due(date(2027, 2, 6), 5) == Due(date(2027, 2, 12), True)
    assert TO_2026.is_provisional(date(2027, 1, 1))
    assert not TO_2026.is_provisional(date(2026, 12, 31))
    assert TO_2026.is_workday(date(2027, 1, 1))
    assert TO_2026.why_off(date(2027, 1, 2)) == WEEKEND
    assert TO_2026.count_between(date(2026, 12, 30), date(2027, 1, 4)) == 3


def test_a_provisional_due_day_is_settled_when_its_year_comes():
    start = date(2025, 12, 31)
    before = Workdays.parse(text for number, text in SHIPPED.items() if number <= 2025)
    assert before.due(start, 2) == Due(date(2026, 1, 2), True)
    assert TO_2026.due(start, 2) == Due(date(2026, 1, 5), False)


def test_the_start_day_counts_only_if_asked_and_only_if_worked():
    friday, saturday = date(2026, 3, 6), date(2026, 3, 7)
    assert TO_2026.due(friday, 1).on == date(2026, 3, 9)
    assert TO_2026.due(friday, 1, count_start_day=True).on == friday
    assert TO_2026.due(saturday, 1, count_start_day=True).on == date(2026, 3, 9)
    assert TO_2026.due(date(2015, 1, 1), 1, count_start_day=True).on == date(2015, 1, 4)


def test_nothing_runs_past_the_last_day_there_is():
    assert TO_2026.due(date(9999, 12, 30), 10) == Due(date.max, True)
    assert TO_2026.due(date.max, 1) == Due(date.max, True)


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_one_is_refused(count):
    with pytest.raises(RuleError, match=str(count)):
        TO_2026.due(date(2026, 1, 1), count)


def test_a_day_before_the_first_calendar_is_a_gap():
    early, later = date(2014, 12, 31), date(2015, 2, 1)
    for ask in (
        lambda: WORKDAYS.due(early, 10),
        lambda: WORKDAYS.due(early, 10, count_start_day=True),
        lambda: WORKDAYS.is_workday(early),
        lambda: WORKDAYS.why_off(early),
        lambda: WORKDAYS.count_between(early, later),
        lambda: WORKDAYS.skipped(early, later),
    ):
        with pytest.raises(CalendarGap, match="2014-12-31"):
            ask()


@given(known_or_not, counts, st.booleans())
def test_due_is_the_same_as_walking_day_by_day(start, count, count_start_day):
    day = start - timedelta(1) if count_start_day else start
    left = count
    while left:
        day += timedelta(1)
        left -= TO_2026.is_workday(day)
    assert TO_2026.due(start, count, count_start_day=count_start_day) == Due(day, day > date(2026, 12, 31))


@given(known_or_not, counts)
def test_due_grows_with_start_and_count(start, count):
    due = TO_2026.due(start, count)
    assert due.on > start
    assert TO_2026.due(start + timedelta(1), count).on >= due.on
    assert TO_2026.due(start, count + 1).on > due.on
    assert TO_2026.due(start, count, count_start_day=True).on <= due.on


@given(known_or_not, counts)
def test_count_between_undoes_due(start, count):
    due_on = TO_2026.due(start, count).on
    assert TO_2026.is_workday(due_on)
    assert TO_2026.count_between(start, due_on) == count
    assert TO_2026.count_between(due_on, start) == 0


@given(known_or_not, counts)
def test_every_day_of_a_period_is_counted_or_skipped_with_a_reason(start, count):
    due_on = TO_2026.due(start, count).on
    skipped = TO_2026.skipped(start, due_on)
    assert len(skipped) + count == (due_on - start).days
    assert all(start < day < due_on and why == TO_2026.why_off(day) for day, why in skipped)


@given(covered)
def test_a_day_off_has_a_reason_and_a_working_day_has_none(day):
    assert (WORKDAYS.why_off(day) is None) == WORKDAYS.is_workday(day)


def test_skipped_names_holidays_and_weekends():
    assert TO_2026.skipped(date(2026, 5, 3), date(2026, 5, 11)) == [
        (date(2026, 5, 4), "劳动节"),
        (date(2026, 5, 5), "劳动节"),
        (date(2026, 5, 10), WEEKEND),
    ]
    assert TO_2026.skipped(date(2026, 5, 5), date(2026, 5, 5)) == []


def test_a_calendar_is_itself_and_survives_pickle_and_copy():
    for twin in (pickle.loads(pickle.dumps(TO_2026)), copy.deepcopy(TO_2026)):
        assert twin.due(date(2026, 2, 13), 10) == TO_2026.due(date(2026, 2, 13), 10)
        assert twin.notices == TO_2026.notices
        assert len({twin, TO_2026, TO_2026}) == 2


# --- parse


def test_years_come_in_any_order_and_only_what_is_written_is_off():
    two = Workdays.parse([year(2025), year(2024, work="2024-01-06")])
    assert (two.first_on, two.covered_until) == (date(2024, 1, 1), date(2025, 12, 31))
    assert two.skipped(date(2024, 1, 1), date(2024, 1, 7)) == [(date(2024, 1, 7), WEEKEND)]
    assert two.notices[0] == Notice(2024, "国办发明电〔2023〕1号", date(2023, 11, 1), "安排", "settled")


def test_an_unchecked_notice_is_told_apart():
    text = year() + 'certainty = "assumed"\n'
    assert Workdays.parse([text]).notices[0].certainty == "assumed"


SPRING = '{ from = 2024-02-10, to = 2024-02-17, name = "春节" }'


@pytest.mark.parametrize(
    ("texts", "named"),
    [
        ([], "at least one"),
        ([year(2024), year(2024)], "2024 is given twice"),
        ([year(2023), year(2025)], "2024 is missing"),
        ([year(off='{ from = 2024-12-31, to = 2025-01-01, name = "元旦" }')], "2024: 2025-01-01"),
        ([year(off='{ from = 2023-12-31, to = 2024-01-02, name = "元旦" }')], "2024: 2023-12-31"),
        ([year(off='{ from = 2024-02-17, to = 2024-02-10, name = "春节" }')], "2024: 2024-02-10"),
        ([year(off=f"{SPRING}, {SPRING}")], "2024: 2024-02-10 is off twice"),
        ([year(off=SPRING, work="2024-02-11")], "2024: 2024-02-11 is both"),
        ([year(work="2024-02-05")], "2024: 2024-02-05 is a weekday"),
        ([year(work="2024-02-04, 2024-02-04")], "2024: 2024-02-04 is listed"),
        ([year(work="2023-02-04")], "2024: 2023-02-04"),
        ([year(work="2024-02-30")], "not TOML"),
        ([year(work='"2024-02-04"')], r"2024.*work\.0"),
        ([year(work="2024-02-04T00:00:00")], r"2024.*work\.0"),
        ([year(off="{ from = 2024-02-10, to = 2024-02-17 }")], r"2024.*off\.1\.name"),
        ([year(rest="works = []")], "2024.*works"),
        ([year().replace("[[notice]]", "[notice]")], "2024.*notice"),
        (["work = []"], "no year given.*year"),
    ],
)
def test_a_calendar_that_cannot_be_right_is_refused_by_year_and_day(texts, named):
    with pytest.raises(RuleError, match=named):
        Workdays.parse(texts)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ([], "no working-day calendar was given; at least one year file is needed"),
        ([year(2024, work="2023-12-30")], "calendar 2024: 2023-12-30 (worked) is of another year"),
        (
            [year(2024, off='{ from = 2024-12-31, to = 2025-01-01, name = "跨年" }')],
            "calendar 2024: 2025-01-01 (跨年) is of another year",
        ),
        (
            [year(2024, off='{ from = 2024-05-03, to = 2024-05-01, name = "劳动节" }')],
            "calendar 2024: 2024-05-01 ends 劳动节 before it begins on 2024-05-03",
        ),
        (
            [year(2024, off='{ from = 2024-01-01, to = 2024-01-02, name = "又一次" }')],
            "calendar 2024: 2024-01-01 is off twice (元旦, 又一次)",
        ),
        (
            [year(2024, work="2024-01-01")],
            "calendar 2024: 2024-01-01 is a weekday; only weekend days are listed as worked",
        ),
        (
            [year(2022, work="2022-01-01")],
            "calendar 2022: 2022-01-01 is both worked and off (元旦)",
        ),
        ([year(2024, work="2024-02-04, 2024-02-04")], "calendar 2024: 2024-02-04 is listed as worked twice"),
        ([year(2024), year(2026)], "calendar 2025 is missing, though 2026 is given"),
        ([year(2024), year(2024)], "calendar 2024 is given twice; keep one file for a year"),
    ],
)
def test_a_wrong_calendar_is_refused_in_these_words(texts, told):
    with pytest.raises(RuleError) as refused:
        Workdays.parse(texts)
    assert str(refused.value) == told


def test_a_calendar_of_another_shape_is_refused_by_year_and_every_key():
    with pytest.raises(RuleError) as refused:
        Workdays.parse(["year = 2024\nextra = 1\nwork = []\n"])
    told = str(refused.value)
    assert told.startswith("a calendar file (year = 2024) is not of the agreed shape: ")
    assert {part.split(":")[0] for part in told.split("shape: ")[1].split("; ")} == {"off", "notice", "extra"}
    with pytest.raises(RuleError, match=r"^a calendar file \(no year given\) is not"):
        Workdays.parse(["work = []"])
    with pytest.raises(RuleError, match=r"^a calendar file is not TOML: "):
        Workdays.parse(["work = ["])
