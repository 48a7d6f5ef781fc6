"""Where a site to be checked is, and what was seen of it before."""

import re
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

from publisher import paths
from publisher.errors import SettingsError, SiteError
from publisher.log.reading import Folder, Missing, Published, Web
from publisher.log.verify import Seen, remembered, to_remember

_PAGE = re.compile(r"(.*?)(/(?:subjects|plans|items)/.+)")


class Place(NamedTuple):
    """A site, the name it is remembered by, and the address of the one page that is asked for, if any."""

    site: Published
    name: str
    page: str | None


def place(where: str, stack: ExitStack) -> Place:
    """Return the site at a URL or in a folder, or around one page's URL or file; ``stack`` closes it.

    Raises :class:`SettingsError` when there is none.
    """
    if "://" in where:
        parts = urlsplit(where)
        found = _PAGE.fullmatch(parts.path)
        root, page = (found[1], found[2]) if found else (parts.path.rstrip("/"), None)
        site = stack.enter_context(Web(f"{parts.scheme}://{parts.netloc}{root}"))
        return Place(site, f"{parts.netloc}{root}", page)
    path = Path(where).resolve()
    if path.is_file():
        for folder in path.parents:
            if (folder / paths.file_of(paths.LOG_CHECKPOINT)).exists():
                return Place(Folder(folder), str(folder), paths.address_of(path.relative_to(folder).as_posix()))
        raise SettingsError(f"{where} lies in no site with a publication log")
    return Place(Folder(path), str(path), None)


def own_vkey(site: Published) -> str:
    """Return the key that a site names itself: as good as the site, until the office confirms it.

    Raises :class:`SiteError` when it names none.
    """
    try:
        return site.read(paths.LOG_VKEY).decode(errors="replace").strip()
    except Missing:
        raise SiteError(f"there is no publication log: {paths.LOG_VKEY} is missing") from None


class Memory:
    """What was seen of a site's log at the last check: its key, its size and its root, in a file of its own."""

    def __init__(self, folder: Path, name: str) -> None:
        self._file = folder / (re.sub(r"[^\w.-]+", "_", name).strip("_") + ".json")
        self.seen: Seen | None = None
        if self._file.exists():
            try:
                self.seen = remembered(orjson.loads(self._file.read_bytes()))
            except (OSError, ValueError) as error:
                raise SettingsError(f"{self._file} cannot be read: {error}") from error

    @property
    def vkey(self) -> str | None:
        """The key that signed at the last check."""
        return self.seen.vkey if self.seen else None

    def keep(self, seen: Seen) -> None:
        """Remember a log as it is now."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            partial = self._file.with_suffix(".new")
            partial.write_bytes(orjson.dumps(to_remember(seen), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            partial.replace(self._file)
        except OSError as error:
            raise SettingsError(f"{self._file} cannot be written: {error.strerror}") from error
