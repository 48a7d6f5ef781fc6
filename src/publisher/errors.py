"""Everything that can go wrong, and the exit status each error leaves behind.

A bad *record* is not an error: it becomes a :class:`publisher.model.Problem` and the run goes on. The
classes below are for what stops a stage. Each message says what happened, to what, and what to do next.
A new class is added only where a caller reacts differently.
"""


class PublisherError(Exception):
    """Any failure this program foresees; ``exit_status`` is what the command returns for it."""

    exit_status = 1


class SettingsError(PublisherError):
    """``publisher.toml``, the environment or the command line asks for something impossible."""

    exit_status = 2


class SourceError(PublisherError):
    """The inspection platform's records could not be pulled."""

    exit_status = 3


class SourceUnavailable(SourceError):
    """The source did not answer, or its folder is not there. Nothing was taken; the next run tries again."""


class SourceContractBroken(SourceError):
    """The source answered with something that is not the agreed shape; a person must look at it."""


class RuleError(PublisherError):
    """A profile or calendar cannot be used."""

    exit_status = 4


class CalendarGap(RuleError):
    """A working-day count would start before the first calendar the rules know."""


class RuleConflict(RuleError):
    """Two rules of a profile contradict each other."""


class LedgerError(PublisherError):
    """The ledger cannot be opened, read or written, or it is in use by another run."""

    exit_status = 5


class SiteError(PublisherError):
    """The site could not be built."""

    exit_status = 6


class RenderFailed(SiteError):
    """A page or template failed; the site stays as it was."""


class LeakFound(SiteError):
    """A built tree shows something that the ledger says may not be shown, or lacks what it should show."""


class EndpointError(PublisherError):
    """A credit publicity system could not be told."""

    exit_status = 7


class EndpointUnavailable(EndpointError):
    """The endpoint did not answer in time; what is owed stays owed."""


class OutcomeUnknown(EndpointUnavailable):
    """The request went out and no answer came back; ask what became of it before sending anything again."""


class EndpointRefused(EndpointError):
    """The endpoint refused us as a sender (401, 403) or broke its contract; sending again will not help."""
