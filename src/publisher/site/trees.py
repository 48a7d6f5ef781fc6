"""Two folders beside the address that is served, and the link that says which of them it shows.

``output`` is a link to ``.output.a`` or ``.output.b``. A reader follows it anew for every file, and it changes by one
rename: the site is the one release or the other, at any moment. docs/adr/0009-two-trees.md says why.
"""

import ctypes
import os
import shutil
from contextlib import suppress
from pathlib import Path

from publisher.errors import SiteError

NAMES = ("a", "b")


class Trees:
    """Where the two trees of a site are, and which of them is served."""

    def __init__(self, output: Path) -> None:
        """``output``: the address; a link of the operator's own is followed to the folder that it names."""
        while output.is_symlink() and output.readlink().name not in _links(output):
            output = output.parent / output.readlink()
        self.output = output
        self._aside = output.parent / f".{output.name}.old"

    def path(self, name: str) -> Path:
        """Return the folder of a tree."""
        return self.output.parent / f".{self.output.name}.{name}"

    @property
    def live(self) -> str | None:
        """The tree that is served; None when the link is not there."""
        return _links(self.output).get(self.output.readlink().name) if self.output.is_symlink() else None

    @property
    def has_own_folder(self) -> bool:
        """Tell whether a real folder that holds something stands where the link should be."""
        return not self.output.is_symlink() and self.output.is_dir() and any(self.output.iterdir())

    def show(self, name: str) -> None:
        """Serve a tree from now on. A real folder in the link's place is put aside.

        Raises :class:`SiteError` when the link cannot be set.
        """
        beside = self.output.parent / f".{self.output.name}.new"
        try:
            beside.unlink(missing_ok=True)
            beside.symlink_to(self.path(name).name)
            if not self.output.is_symlink() and self.output.is_dir():
                self._put_aside(self.output)
            beside.replace(self.output)
            handle = os.open(self.output.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise SiteError(
                f"{self.output} could not be made a link to the new site: {error.strerror}. It must not be a mount "
                "point itself, and its folder must be writable"
            ) from error

    def take(self, name: str) -> None:
        """Have the real folder in the link's place be a tree, and serve it. Raises :class:`SiteError`."""
        self.empty(name)
        try:
            self.output.rename(self.path(name))
        except OSError as error:
            raise SiteError(
                f"{self.output} could not be renamed: {error.strerror}; it must be no mount point"
            ) from error
        self.show(name)

    def empty(self, name: str) -> None:
        """Put the folder of a tree aside, whatever it holds: deleting it now would make writing the new one slow."""
        with suppress(FileNotFoundError):
            self._put_aside(self.path(name))

    def clear(self) -> None:
        """Delete what was put aside."""
        if self._aside.exists():
            shutil.rmtree(self._aside, ignore_errors=True)

    def settle(self, name: str) -> None:
        """Have the disk hold what was written into a tree, so that no power cut leaves an empty page of it."""
        handle = os.open(self.path(name), os.O_RDONLY | os.O_DIRECTORY)
        try:
            _sync_file_system(handle)
        finally:
            os.close(handle)

    def _put_aside(self, folder: Path) -> None:
        if any(folder.iterdir()):
            self._aside.mkdir(exist_ok=True)
            number = sum(1 for _ in self._aside.iterdir())
            folder.rename(self._aside / str(number))
        else:
            folder.rmdir()


def other(name: str) -> str:
    """Return the other tree."""
    return NAMES[1 - NAMES.index(name)]


def _links(output: Path) -> dict[str, str]:
    return {f".{output.name}.{name}": name for name in NAMES}


def _sync_file_system(handle: int) -> None:
    syncfs = getattr(ctypes.CDLL(None), "syncfs", None)
    if syncfs is None or syncfs(handle):
        os.sync()
