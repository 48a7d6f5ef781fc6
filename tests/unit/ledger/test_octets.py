"""Texts are read as bytes where a database gives them, and as they are elsewhere."""

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql

from publisher.ledger import Ledger
from publisher.ledger.octets import octets, octets_of
from publisher.ledger.schema import meta


def test_sqlite_gives_a_text_as_its_bytes():
    with Ledger("sqlite://") as ledger, ledger.transaction() as connection:
        connection.execute(insert(meta).values(key="k", value="甲\x00<乙>"))
        asked = select(octets(meta.c.value)).where(meta.c.key == "k")
        assert connection.execute(asked).scalar() == "甲\x00<乙>".encode()
        plain = f"SELECT {octets_of(connection, 'value')} FROM meta WHERE key = 'k'"
        assert connection.exec_driver_sql(plain).scalar() == "甲\x00<乙>".encode()


def test_another_database_gives_the_text():
    asked = select(octets(meta.c.value)).compile(dialect=postgresql.dialect())
    assert str(asked).startswith("SELECT meta.value ")
