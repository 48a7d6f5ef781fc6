"""Pages made by several processes are those that one makes, in the order asked for; what a worker says goes wrong is
told, and none outlives the build."""

from datetime import date

import pytest

from publisher import briefing
from publisher.errors import RenderFailed
from publisher.ledger import Ledger
from publisher.portal import Watcher, opened
from publisher.site import owing, units
from publisher.site.crew import Crew
from publisher.site.install import Tree
from publisher.site.maker import Maker

DAY = date(2021, 6, 20)


@pytest.fixture
def job(portal_dir, make_plan, make_item_list, make_result):
    """A build of a ledger that was judged and never built."""
    portal_dir.give(make_plan(), make_item_list(), *(make_result(number) for number in range(1, 12)))
    portal_dir.take(DAY.isoformat())
    with opened(portal_dir.settings, DAY, Watcher()) as portal:
        return briefing.job(portal.settings, portal.profile, portal.day)


def content(file):
    return file.content if isinstance(file.content, bytes) else file.content.read_bytes()


def test_two_processes_make_what_one_makes_in_the_same_order(job):
    with Ledger(job.ledger_url) as ledger:
        with ledger.reading() as connection:
            owed = [part for part in owing.everything(connection) if part[0] in units.APART]
        maker = Maker(job, ledger)
        with Crew(maker, ledger, Tree(job.output), 2) as crew:
            for scope in units.APART:
                keys = sorted(key for other, key in owed if other == scope)
                chunks = [keys[start : start + 3] for start in range(0, len(keys), 3)]
                told = list(crew.made(scope, chunks))
                assert [key for made in told for _, key in made] == keys
                for chunk, made in zip(chunks, told, strict=True):
                    [alone] = maker.made(scope, chunk, len(chunk))
                    for part, files in made.items():
                        assert [(one.address, content(one), one.rows, one.as_of) for one in files] == [
                            (one.address, content(one), one.rows, one.as_of) for one in alone[part]
                        ]
                        assert [one.known for one in files] == [(one.digest, one.size) for one in alone[part]]


def test_what_a_worker_cannot_render_is_told(job):
    with (
        Ledger(job.ledger_url) as ledger,
        Crew(Maker(job, ledger), ledger, Tree(job.output), 1) as crew,
        pytest.raises(RenderFailed, match="nonsense"),
    ):
        list(crew.made("nonsense", [["1"]]))


def test_a_worker_that_is_killed_ends_the_build_and_none_is_left(job):
    with Ledger(job.ledger_url) as ledger, Crew(Maker(job, ledger), ledger, Tree(job.output), 2) as crew:
        crew.workers[0].process.kill()
        with pytest.raises(RenderFailed, match="ended"):
            list(crew.made("subject", [["1"], ["2"]]))
    assert not any(worker.process.is_alive() for worker in crew.workers)
