from datetime import date

import pytest

from publisher.errors import CalendarGap, RuleConflict, RuleError
from publisher.model import fold_label
from publisher.rules import load_profile, load_workdays, profile_names
from publisher.rules.periods import Period
from publisher.rules.terms import RULE_IDS

SHIPPED = (
    *("changjiang-2023", "guangdong-codes", "guyang-2021", "jiangsu-2021", "national", "national-2024"),
    "zhejiang-codes",
)
HEAD = 'title = "试"\nextends = "national"\n[[version]]\neffective_on = 2026-05-01\n'
GROUNDS = 'document = "试行办法"\ncertainty = "assumed"\n'


@pytest.fixture
def overlay(tmp_path):
    def write(body, head=HEAD + GROUNDS, name="own.toml"):
        (tmp_path / name).write_text(head + body, "utf-8")
        return load_profile(name, tmp_path)

    return write


def test_the_shipped_profiles_are_these_and_load():
    assert profile_names() == SHIPPED
    prints = {load_profile(name).fingerprint for name in SHIPPED}
    assert len(prints) == len(SHIPPED)
    assert load_profile("national").fingerprint == load_profile("national").fingerprint


@pytest.mark.parametrize("name", SHIPPED)
def test_every_value_of_a_shipped_profile_has_a_basis(name):
    profile = load_profile(name)
    values = [*profile.values()]
    assert all(each.basis and each.certainty in ("confirmed", "secondary", "assumed") for each in values)
    assert {each.key for each in values} >= {f"rule.{rule}" for rule in RULE_IDS}
    assert any(each.certainty == "assumed" for each in values), "what was not found is told"
    assert {each.effective_on for each in values} <= {*profile.versions}


def test_the_national_rules_change_on_these_days():
    profile = load_profile("national")
    assert profile.versions == (date(2014, 10, 1), date(2021, 9, 1), date(2025, 12, 25), date(2026, 4, 1))
    before, order_107, order_36 = (
        profile.on(date.fromisoformat(day)) for day in ("2025-12-24", "2025-12-25", "2026-04-01")
    )
    assert not before.repair_available
    assert before.bands["moderate"].maximum is None
    assert before.repair_within == Period(15, "working_days")
    assert order_107.repair_within == Period(7, "working_days")
    assert order_107.bands["minor"] == (None, Period(3, "months"), False, True)
    assert order_107.bands["moderate"] == (Period(3, "months"), Period(1, "years"), True, True)
    assert order_107.bands["serious"] == (Period(1, "years"), Period(3, "years"), True, True)
    assert (order_107.clock, order_36.clock) == ("published_on", "decided_on")
    assert order_36.bands == order_107.bands
    assert profile.latest is order_36
    with pytest.raises(CalendarGap, match="begins on 2014-10-01"):
        profile.on(date(2014, 9, 30))


def test_the_nine_kinds_of_result():
    outcomes = load_profile("national").latest.outcomes
    assert {name for name, each in outcomes.items() if not each.negative} == {"no_problem", "no_business", "passed"}
    assert {name for name, each in outcomes.items() if each.repairable} == {
        *("not_disclosed", "unreachable", "ordered_to_correct", "pending_follow_up", "failed", "other")
    }
    assert outcomes["uncooperative"].severity == "serious"
    assert outcomes["uncooperative"].tone == "serious"


@pytest.mark.parametrize(
    ("label", "outcome"),
    [
        ("未发现问题", "no_problem"),
        ("发现问题、待后续调查处理。", "pending_follow_up"),
        (" 发现问题，依法责令立即改正 或者限期改正", "ordered_to_correct"),
        ("通过登记的住所(经营场所)无法联系", "unreachable"),
        ("未按规定公示年报", "not_disclosed"),
        ("发现问题经责令已改正", "ordered_to_correct"),
        ("合格", "passed"),
        ("不合格", "failed"),
        ("其它情况", "other"),
        *((unknown, None) for unknown in ("公示信息隐瞒真实情况弄虚作假", "注销", "被吊销", "迁出", "1", "8", "")),
    ],
)
def test_labels_map_where_the_meaning_is_the_same(label, outcome):
    profile = load_profile("national")
    assert profile.outcome_of(label) == outcome
    if outcome:
        assert profile.intake().labels[fold_label(label)] == outcome


def test_codes_mean_what_the_profile_says():
    zhejiang, guangdong = load_profile("zhejiang-codes"), load_profile("guangdong-codes")
    assert (zhejiang.outcome_of("6"), guangdong.outcome_of("6")) == ("unreachable", "uncooperative")
    assert zhejiang.outcome_of("b") == "not_disclosed"
    assert guangdong.outcome_of("2,3") == "not_disclosed"
    assert guangdong.outcome_of("1,3") is None, "two meanings in one finding"
    assert zhejiang.outcome_of("未发现问题", "6") is None, "a label against its code"
    assert zhejiang.outcome_of("不明", "6") == "unreachable"
    assert zhejiang.outcome_of("未发现问题", "C") == "no_problem"


def test_an_overlay_wins_from_its_day_key_by_key(overlay):
    profile = overlay(
        "[version.deadline]\n"
        'publish.result = { value = "5 working days", basis = "办法第三条", certainty = "confirmed" }'
    )
    assert profile.title == "试"
    assert date(2026, 5, 1) in profile.versions
    assert profile.on(date(2026, 4, 30)).publish_within["result"] == Period(20, "working_days")
    rules = profile.on(date(2026, 5, 1))
    assert rules.publish_within == {
        "result": Period(5, "working_days"),
        "plan": Period(20, "working_days"),
        "item_list": Period(20, "working_days"),
    }
    assert rules.values["deadline.publish.result"].basis == "办法第三条"


def test_a_later_base_version_does_not_undo_an_overlay():
    for name, within in (("guyang-2021", 10), ("jiangsu-2021", 20)):
        assert load_profile(name).latest.publish_within["result"] == Period(within, "working_days")
    assert load_profile("jiangsu-2021").latest.record_within == Period(10, "working_days")


def test_a_version_may_lapse():
    profile = load_profile("national-2024")
    inside, after = profile.on(date(2025, 12, 24)), profile.on(date(2025, 12, 25))
    assert inside.repair_available
    assert inside.bands["minor"].on_application
    assert not after.bands["minor"].on_application


def test_a_profile_may_extend_a_path(tmp_path):
    (tmp_path / "deep").mkdir()
    middle = HEAD + GROUNDS + '[version.plan]\njoint_departments = { value = 4, basis = "b", certainty = "assumed" }\n'
    (tmp_path / "deep" / "middle.toml").write_text(middle, "utf-8")
    outer = 'title = "外"\nextends = "deep/middle.toml"\n[[version]]\neffective_on = 2026-06-01\n' + GROUNDS
    (tmp_path / "outer.toml").write_text(outer, "utf-8")
    profile = load_profile("outer.toml", tmp_path)
    assert profile.latest.joint_departments == 4
    assert [each.title for each in profile.layers] == ["国家规则", "试", "外"]


def grounded(text):
    return f'{text}, basis = "b", certainty = "assumed" }}\n'


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (
            "[version.deadline]\n" + grounded('publish.results = { value = "5 days"'),
            "nearest is deadline.publish.result",
        ),
        ("[version.outcome.failed]\n" + grounded("negativ = { value = true"), "nearest is outcome.failed.negative"),
        ("[version.outcome.faild]\n" + grounded("negative = { value = true"), "nearest outcome is failed"),
        ("[version.labels]\n" + grounded('faild = { value = ["坏"]'), "nearest outcome is failed"),
        ("[version.deadline]\n" + grounded('publish.result = { value = "5 weeks"'), "is not a period"),
        ("[version.deadline]\n" + grounded("count_start_day = { value = 1"), "is not a bool"),
        ("[version.deadline]\n" + grounded('publish.plan_by = { value = "13-01"'), "month and day"),
        ("[version.period]\n" + grounded('clock = { value = "birth"'), "none of published_on, decided_on"),
        ("[version.naming]\n" + grounded('kinds = { value = ["person"]'), "cannot be named"),
        ("[version.frequency]\n" + grounded("per_year = { value = 0"), "whole number from 1"),
        ("[version.outcome.failed]\n" + grounded('severity = { value = "none"'), "needs a severity"),
        ("[version.labels]\n" + grounded('failed = { value = "坏"'), "not a list of texts"),
        ("[version.plan]\njoint_departments = 3\n", "needs a basis"),
        ('[version.plan]\nbasis = "b"\njoint_departments = 3\n', "certainty is one of"),
        ('[version.plan]\njoint_departments = { value = 3, basis = "b", certainty = "sure" }\n', "certainty is one of"),
        ('[version.plan]\njoint_departments = { value = 3, bases = "b" }\n', "also bases"),
        ("[", "is not TOML"),
        ("[other]\n", "no key other"),
    ],
)
def test_a_broken_overlay_is_refused_with_what_is_wrong(overlay, body, told):
    with pytest.raises(RuleError, match=told) as failed:
        overlay(body)
    assert failed.value.exit_status == 4


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ("", "a profile has a title"),
        ('title = "试"\nextends = "national"\n', "a profile has a title"),
        ('title = "试"\n[[version]]\neffective_on = "2026-05-01"\n' + GROUNDS, "written as a date"),
        (HEAD, "needs a basis"),
        (HEAD + GROUNDS + "until_on = 2026-05-01\n", "before it begins"),
        ('title = "试"\n[[version]]\neffective_on = 2026-05-01\n' + GROUNDS, "these keys have no value"),
        (HEAD + GROUNDS + "[[version]]\neffective_on = 2026-05-01\n" + GROUNDS, "on the same day"),
    ],
)
def test_a_broken_head_is_refused(overlay, head, told):
    with pytest.raises(RuleError, match=told):
        overlay("", head)


def test_a_label_of_two_outcomes_is_a_conflict(overlay):
    with pytest.raises(RuleConflict, match="合格"):
        overlay("[version.labels]\n" + grounded('failed = { value = ["合格"]'))


def test_a_profile_that_is_not_there_or_extends_itself_is_refused(tmp_path):
    with pytest.raises(RuleError, match=r"neither shipped \(changjiang-2023"):
        load_profile("jiangsu-2020", tmp_path)
    (tmp_path / "a.toml").write_text(
        'title = "甲"\nextends = "a.toml"\n[[version]]\neffective_on = 2026-05-01\n' + GROUNDS, "utf-8"
    )
    with pytest.raises(RuleError, match="extends itself"):
        load_profile("a.toml", tmp_path)
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError, match="can be read"):
        load_profile("b.toml", tmp_path)


def test_the_calendar_ships_with_the_rules():
    assert load_workdays().covered_until == date(2026, 12, 31)


def test_values_are_told_as_the_files_write_them(overlay):
    profile = overlay(
        '[version.deadline]\npublish.result = { value = "7 working days", basis = "第三条", certainty = "confirmed" }\n'
    )
    values = [*profile.values()]
    first = values[0]
    assert first == (
        "effective_on",
        "2014-10-01",
        "企业信息公示暂行条例（国务院令第654号）",
        "confirmed",
        date(2014, 10, 1),
    )
    own = [each for each in values if each.effective_on == date(2026, 5, 1)]
    assert own == [
        ("effective_on", "2026-05-01", "试行办法", "assumed", date(2026, 5, 1)),
        ("deadline.publish.result", "7 working days", "第三条", "confirmed", date(2026, 5, 1)),
    ]


def test_the_rules_of_a_day_say_since_when_they_hold():
    profile = load_profile("national")
    assert [profile.on(day).effective_on for day in profile.versions] == [*profile.versions]


def test_a_bad_check_digit_is_taken_or_not_as_the_latest_rules_say(overlay):
    assert load_profile("national").intake().set_aside_bad_check_digit
    own = overlay('[version.intake]\nbad_check_digit = { value = "accept", basis = "x", certainty = "assumed" }\n')
    assert not own.intake().set_aside_bad_check_digit


def test_a_plan_is_due_on_the_day_the_rules_of_that_day_name(overlay):
    own = overlay('[version.deadline]\npublish.plan_by = { value = "05-01", basis = "x", certainty = "assumed" }\n')
    assert [own.plan_due_by(year) for year in (2025, 2026, 2027)] == [None, date(2026, 5, 1), date(2027, 5, 1)]


def test_a_value_takes_what_it_does_not_say_itself_from_its_table(overlay):
    table = '[version.deadline]\nbasis = "第三条"\ncertainty = "secondary"\n'
    profile = overlay(table + 'publish.result = { value = "7 working days" }\nerror = "3 working days"\n')
    own = {each.key: each[2:4] for each in profile.values() if each.effective_on == date(2026, 5, 1)}
    assert own == {
        "effective_on": ("试行办法", "assumed"),
        "deadline.publish.result": ("第三条", "secondary"),
        "deadline.error": ("第三条", "secondary"),
    }


@pytest.mark.parametrize("basis", ['""', "5"])
def test_a_basis_is_words(overlay, basis):
    with pytest.raises(RuleError, match=r"deadline.error needs a basis: the document and article it rests on"):
        overlay(f'[version.deadline]\nerror = {{ value = "3 days", basis = {basis}, certainty = "assumed" }}\n')


def test_a_certainty_that_is_none_is_told_with_those_there_are(overlay):
    with pytest.raises(RuleError) as refused:
        overlay('[version.deadline]\nerror = { value = "3 days", basis = "x", certainty = "sure" }\n')
    assert str(refused.value).endswith(
        "deadline.error: its certainty is one of confirmed, secondary, assumed, not 'sure'"
    )


def test_a_plan_may_be_due_on_the_first_day_of_the_first_rules(overlay):
    head = 'title = "试"\nextends = "national"\n[[version]]\neffective_on = 2014-10-01\n'
    own = overlay(
        '[version.deadline]\npublish.plan_by = { value = "10-01", basis = "x", certainty = "assumed" }\n',
        head + GROUNDS,
    )
    assert [own.plan_due_by(year) for year in (2013, 2014)] == [None, date(2014, 10, 1)]


def test_the_end_of_a_version_is_a_date(overlay):
    with pytest.raises(RuleError, match="until_on\\), written as a date"):
        overlay("", HEAD + 'until_on = "2026-06-01"\n' + GROUNDS)


@pytest.mark.parametrize("head", ['title = 5\nextends = "national"\n', 'title = "试"\nextends = 5\n'])
def test_title_and_base_are_words(overlay, head):
    with pytest.raises(RuleError, match="a profile has a title, perhaps the profile it extends"):
        overlay("", head + "[[version]]\neffective_on = 2026-05-01\n" + GROUNDS)


def test_versions_are_tables(overlay):
    with pytest.raises(RuleError, match=r"and one .* or more"):
        overlay("", 'title = "试"\nextends = "national"\nversion = 5\n')


@pytest.mark.parametrize("lapses_first", [True, False])
def test_of_two_versions_of_one_day_the_one_that_lapses_wins_while_it_lasts(overlay, lapses_first):
    def version(until, days):
        value = f'error = {{ value = "{days} days", basis = "x", certainty = "assumed" }}'
        return f"[[version]]\neffective_on = 2026-05-01\n{until}{GROUNDS}[version.deadline]\n{value}\n"

    both = [version("until_on = 2026-06-01\n", 2), version("", 9)]
    own = overlay("".join(both if lapses_first else both[::-1]), 'title = "试"\nextends = "national"\n')
    assert own.on(date(2026, 5, 31)).error_within.number == 2
    assert own.on(date(2026, 6, 1)).error_within.number == 9
