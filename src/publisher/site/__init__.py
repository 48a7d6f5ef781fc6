"""Stage 4, BUILD: ledger to static site, rendering only what changed."""

from publisher.site.build import Built, build
from publisher.site.job import Job, OutcomeWords, RuleValue

__all__ = ["Built", "Job", "OutcomeWords", "RuleValue", "build"]
