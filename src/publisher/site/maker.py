"""Making the files of parts of the site, in whatever process: what the ledger says, through the theme's templates."""

from collections.abc import Iterator, Mapping, Sequence

from publisher.ledger import Ledger
from publisher.site import units
from publisher.site.engine import environment
from publisher.site.install import Made
from publisher.site.job import Job
from publisher.site.renderer import Renderer
from publisher.site.views import Page, Site

OF_LISTS = ("list_page", "list", "month", "task")  # scopes whose parts share lines


class Maker:
    """Reads what is shown and renders it; ``documents`` gives the address of a plan's hand-written document."""

    def __init__(self, job: Job, ledger: Ledger) -> None:
        self.documents: Mapping[str, str] = {}
        quick = environment(job.theme, job.compiled, is_quick=True)
        self.renderer = Renderer(job, quick, environment(job.theme, job.compiled))
        self._ledger = ledger
        with ledger.reading() as connection:
            self.site = Site(job, connection, self.renderer.draw)

    def made(self, scope: str, keys: Sequence[str], together: int) -> Iterator[Made]:
        """Yield the files of parts of one scope, of so many parts at a time, as the ledger has them then.

        Between them nothing is read: while anybody reads, what the builder writes cannot leave the write-ahead log.
        Raises :class:`SiteError` (:class:`RenderFailed` for a template).
        """
        if scope not in OF_LISTS:
            self.site.lines.forget()
        for start in range(0, len(keys), together):
            with self._ledger.reading() as connection:
                self.site.connection = connection
                found = units.render(self.site, scope, keys[start : start + together], self.documents)
                pages = [one for some in found.values() for one in some if isinstance(one, Page)]
                files = iter(self.renderer.files(pages))
                made = {
                    (scope, key): [next(files) if isinstance(one, Page) else one for one in some]
                    for key, some in found.items()
                }
            yield made
