"""The command ``publisher``: one subcommand per verb. Only here is anything caught, printed and made an exit status."""

from typing import Any

import click

from publisher import __version__
from publisher.cli import (
    endpoints,
    far_end,
    init,
    inquiries,
    ledger,
    log,
    officer,
    releases,
    report,
    rules,
    site,
    stages,
)
from publisher.cli.command import add_options

COMMANDS = (
    (init.init,),
    (stages.run, stages.pull, stages.judge, stages.build, stages.push, stages.preview),
    (inquiries.check, inquiries.explain, inquiries.status, inquiries.search),
    (officer.hold,),
    (ledger.backup, ledger.restore),
    (endpoints.reconcile, endpoints.receipts),
    (log.verify, log.certificate),
    (site.audit, site.serve),
    (releases.rollback, releases.deploy_list),
    (rules.rules_group, report.report_group),
    (far_end.sandbox,),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="publisher")
@add_options
def main(**_: Any) -> None:
    """Publish inspection plans, item lists and results, and stop publishing them when the law says so."""


for _same_matter in COMMANDS:
    for _one in _same_matter:
        main.add_command(_one)
