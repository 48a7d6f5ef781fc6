"""Shares of the audit in processes: what they find and end with arrives, and none fails unseen."""

import os
import signal

import pytest

from publisher.audit import shares
from publisher.errors import LedgerError, SiteError
from publisher.ledger import Ledger


@pytest.fixture
def each(tmp_path):
    """Has a step done by three forks; returns what came, and what they ended with."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    Ledger(url).close()

    def done(work, *given):
        came, told = [], shares.in_forks(url, 3)(work, *given)
        while True:
            try:
                came.append(next(told))
            except StopIteration as ended:
                return came, ended.value

    return done


def test_what_shares_find_and_end_with_arrives(each):
    def work(share, more):
        share.step(10)
        yield f"{share.number} of {share.of}"
        return share.number + more

    came, ended = each(work, 5)
    assert sorted(map(str, came)) == ["0 of 3", "1 of 3", "10", "10", "10", "2 of 3"]
    assert ended == [5, 6, 7]


def test_a_share_that_is_killed_ends_the_audit(each):
    def work(share):
        if share.number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        yield from ()

    with pytest.raises(SiteError, match="before its work was done"):
        each(work)


def test_what_a_share_raises_of_ours_is_raised(each):
    def work(share):
        yield "found"
        if share.number == 2:
            raise LedgerError("the disk is full")

    with pytest.raises(LedgerError, match="the disk is full"):
        each(work)
