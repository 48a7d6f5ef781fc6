"""Reading a published site from outside: a folder, or an address over HTTP. Nothing here knows the ledger."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, Self
from urllib.parse import urlsplit
from xml.etree import ElementTree

from publisher import paths
from publisher.errors import SettingsError, SiteError
from publisher.transport import Transport

_LOC = "{http://www.sitemaps.org/schemas/sitemap/0.9}loc"
_RECORDS = ("/subjects/", "/plans/", "/items/")  # where the pages of records are


class Missing(LookupError):
    """A file that a published site should have is not there."""


class Published(Protocol):
    """A published site."""

    def read(self, address: str) -> bytes:
        """Return a file by its address; raise :class:`Missing` when it is not there."""

    def pages(self) -> Iterator[str]:
        """Yield the addresses of all pages that may show a record."""


class Folder:
    """A site in a folder."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise SettingsError(f"{folder} is no folder")
        self._folder = folder

    def read(self, address: str) -> bytes:
        """Return a file by its address; raise :class:`Missing` when it is not there."""
        try:
            return (self._folder / paths.file_of(address)).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise Missing(f"{address} is not there") from None
        except OSError as error:
            raise SiteError(f"{address} cannot be read: {error.strerror}") from error

    def pages(self) -> Iterator[str]:
        """Yield the addresses of all pages that may show a record."""
        for below in _RECORDS:
            for file in sorted((self._folder / below.strip("/")).rglob("*.html")):
                yield paths.address_of(file.relative_to(self._folder).as_posix())


class Web:
    """A site over HTTP."""

    def __init__(self, base_url: str) -> None:
        self._transport = Transport(base_url, None, unavailable=SiteError, refused=SiteError)
        self._root = urlsplit(base_url).path.rstrip("/")

    def __enter__(self) -> Self:
        self._transport.__enter__()
        return self

    def __exit__(self, *told: object) -> None:
        self._transport.__exit__(None, None, None)

    def read(self, address: str) -> bytes:
        """Return a file by its address; raise :class:`Missing` when it is not there."""
        answer = self._transport.get(address)
        if answer.status in (404, 410):
            raise Missing(f"{address} is not there")
        if answer.status != 200:
            raise SiteError(f"{answer.where} answered {answer.status}")
        return answer.body

    def pages(self) -> Iterator[str]:
        """Yield the addresses of all pages that may show a record, as the sitemap lists them."""
        for sitemap in self._listed(paths.SITEMAP):
            for address in self._listed(sitemap):
                if address.startswith(_RECORDS):
                    yield address

    def _listed(self, address: str) -> Iterator[str]:
        try:
            tree = ElementTree.fromstring(self.read(address))  # noqa: S314  expat bounds what entities grow to
        except (ElementTree.ParseError, Missing) as error:
            raise SiteError(f"{address} is no sitemap: {error}") from error
        for one in tree.iter(_LOC):
            yield urlsplit(one.text or "").path.removeprefix(self._root)


def cached(read: Callable[[str], bytes]) -> Callable[[str], bytes]:
    """Return a reader that keeps the last few answers: neighbours in a tree share their tiles."""
    from functools import lru_cache

    return lru_cache(64)(read)
