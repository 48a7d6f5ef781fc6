"""Seeds of the publication log: what is destroyed is in no byte of the ledger's files, what is kept opens entries."""

import random
from datetime import date

import pytest
from sqlalchemy import delete, insert, select

from publisher.errors import SettingsError
from publisher.ledger import Ledger
from publisher.ledger.migrations import STEPS, migrate
from publisher.ledger.schema import delta, log_live, log_seed, record, run, shown
from publisher.ledger.store import set_meta
from publisher.log import keeping

RECORDS = 6_000
DAY = date(2021, 7, 5)


def needed(table, **given):
    """A row with what a table asks for and nothing more."""
    made = {int: 0, str: "", bool: False, bytes: b"", date: DAY}
    asked = {
        one.name: made[one.type.python_type]
        for one in table.columns
        if not (one.nullable or one.default or one.server_default or (one.primary_key and one.name not in given))
    }
    return asked | given


def show(ledger, numbers, run_no):
    """Show records for the first time, or in another version."""
    with ledger.transaction() as connection:
        connection.execute(insert(run), [needed(run, run_no=run_no, as_of=DAY)])
        known = set(connection.execute(select(record.c.record_no)).scalars())
        bodies = [
            needed(shown, record_no=one, kind="result", body=f'{{"result_id":"R-{one}","run":{run_no}}}', beside="{}")
            for one in numbers
        ]
        new = [
            needed(record, record_no=one, kind="result", record_id=f"R-{one}", version=1, marks="", ref=f"ref-{one}")
            for one in numbers
            if one not in known
        ]
        if new:
            connection.execute(insert(record), new)
        connection.execute(delete(shown).where(shown.c.record_no.in_(numbers)))
        connection.execute(insert(shown), bodies)
        tell(connection, numbers, run_no, "ADD")


def stop(ledger, numbers, run_no):
    with ledger.transaction() as connection:
        connection.execute(insert(run), [needed(run, run_no=run_no, as_of=DAY)])
        connection.execute(delete(shown).where(shown.c.record_no.in_(numbers)))
        tell(connection, numbers, run_no, "STOP")


def tell(connection, numbers, run_no, op):
    lines = [
        needed(delta, record_no=one, run_no=run_no, line=line, ref=f"ref-{one}", op=op, rule="withdraw.period")
        | {"effective_on": DAY}
        for line, one in enumerate(numbers)
    ]
    connection.execute(insert(delta), lines)


def seeds(ledger):
    joined = select(log_live.c.record_no, log_seed.c.seed).join(log_seed, log_live.c.seed_no == log_seed.c.seed_no)
    with ledger.reading() as connection:
        return {row.record_no: bytes(row.seed) for row in connection.execute(joined)}


def found(folder, wanted):
    contents = [file.read_bytes() for file in folder.glob("ledger.db*")]
    return [one for one in wanted if any(one in content for content in contents)]


@pytest.fixture
def ledger(tmp_path):
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def test_no_destroyed_seed_stays_in_any_file_of_the_ledger(ledger, tmp_path):
    chance = random.Random(7)
    everything = range(1, RECORDS + 1)
    show(ledger, everything[: RECORDS // 2], 1)
    keeping.append(ledger)
    show(ledger, everything[RECORDS // 2 :], 2)
    keeping.append(ledger)
    standing, destroyed = set(everything), []
    known = seeds(ledger)
    assert len(known) == len(set(known.values())) == RECORDS
    for run_no in range(3, 11, 2):
        gone = chance.sample(sorted(standing), 500)
        stop(ledger, gone, run_no)
        standing -= set(gone)
        again = chance.sample(sorted(standing), 200)
        show(ledger, again, run_no + 1)
        assert keeping.append(ledger).ended == 700
        destroyed += [known[one] for one in (*gone, *again)]
        known = seeds(ledger)
        assert set(known) == standing
        assert found(tmp_path, destroyed) == []
    assert len(destroyed) == 2_800
    kept = chance.sample(sorted(known.values()), 200)
    assert found(tmp_path, kept) == kept  # so the search finds what is there


def test_a_ledger_of_the_schema_before_keeps_what_opens_its_entries(ledger):
    show(ledger, range(1, 11), 1)
    keeping.append(ledger)
    known = seeds(ledger)
    with ledger.transaction() as connection:
        connection.exec_driver_sql("ALTER TABLE log_live ADD COLUMN seed BLOB")
        connection.exec_driver_sql(
            "UPDATE log_live SET seed = (SELECT seed FROM log_seed WHERE log_seed.seed_no = log_live.seed_no)"
        )
        connection.exec_driver_sql("UPDATE log_live SET seed = zeroblob(16) WHERE record_no = 10")  # lost
        connection.exec_driver_sql("ALTER TABLE log_live DROP COLUMN seed_no")
        connection.exec_driver_sql("DROP TABLE log_seed")
        set_meta(connection, "schema", str(next(no for no, one in enumerate(STEPS) if one.__name__ == "_seeds")))
        migrate(connection)
    assert seeds(ledger) == {number: seed for number, seed in known.items() if number != 10}
    with ledger.transaction() as connection:
        set_meta(connection, "log_run", "0")
    assert keeping.append(ledger).entries == 1
    assert set(seeds(ledger)) == set(known)


def test_salts_that_can_be_guessed_are_refused_but_for_a_trial(monkeypatch):
    monkeypatch.setenv(keeping.TEST_SALTS, "fixed")
    with pytest.raises(SettingsError, match=keeping.TEST_SALTS):
        keeping.chance()
    assert keeping.chance(is_trial=True)("a") == keeping.chance(is_trial=True)("a")
    monkeypatch.delenv(keeping.TEST_SALTS)
    assert keeping.chance()("a") != keeping.chance()("a")
