"""Stage 4, BUILD: ledger to static site, rendering only what changed."""

from publisher.site.build import Built, Check, build, roll_back
from publisher.site.job import Job, OutcomeWords, RuleValue
from publisher.site.release import Releases, latest

__all__ = ["Built", "Check", "Job", "OutcomeWords", "Releases", "RuleValue", "build", "latest", "roll_back"]
