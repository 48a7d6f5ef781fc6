"""A tree of files on the disk, which nobody reads while it is built.

Two trees may share a file by a hard link, so that no file is ever written over: one that changes is another file under
the same name. The old one goes before the new one comes; to rename one over the other makes ext4 and others write the
new one to the disk at once, one after another, where :meth:`Trees.settle` has all of them written together.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from publisher.errors import SiteError
from publisher.site import precompress

MOST_KNOWN = 10_000  # folders remembered to be there
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS, errno.EACCES)


def write(name: str, content: bytes, *, is_new: bool) -> None:
    """Write a file; one that must be new raises FileExistsError when it is not."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | (os.O_EXCL if is_new else os.O_TRUNC), 0o666)
    try:
        written = os.write(handle, content)
        while written < len(content):
            written += os.write(handle, memoryview(content)[written:])
    finally:
        os.close(handle)


def staging(root: Path) -> Path:
    """Return the folder beside a tree where its files are made. One run at a time: what a killed one left is reused."""
    return root.parent / f".{root.name.removeprefix('.')}.staging"


class Folder:
    """One tree. Files are named by their paths in it (:func:`publisher.paths.file_of`); ``kinds``: their siblings."""

    def __init__(self, root: Path, kinds: Sequence[str] = ()) -> None:
        self.root, self.kinds = root, tuple(kinds)
        self._root = f"{root}/"
        self._staging = str(staging(root))
        self._made: set[str] = set()

    def put(self, name: str, content: bytes | Path, *, is_new: bool = False) -> None:
        """Put a file, and its siblings, in place of the one there was: its bytes, or a finished file on the same disk.

        ``is_new``: there was none, most likely, so that none is looked for before. Raises :class:`SiteError` when the
        folder cannot be written.
        """
        target = self._root + name
        with self._changing(name, "written"):
            self._make_room(name)
            if self.kinds and precompress.is_worth(name):
                for kind in self.kinds:
                    self._unlink(f"{name}.{kind}")
                precompress.compress(content, target, self.kinds)
            if not is_new:
                self._unlink(name)
            if isinstance(content, Path):
                os.rename(content, target)
            else:
                self._write(name, content)

    def link(self, other: "Folder", name: str) -> bool:
        """Have the same file as another tree; return False when it has none there.

        Raises :class:`SiteError` when the folder cannot be written.
        """
        with self._changing(name, "written"):
            self._make_room(name)
            if not self._link(other, name):
                return False
            for kind in self.kinds if precompress.is_worth(name) else ():
                if not self._link(other, f"{name}.{kind}"):
                    self._unlink(f"{name}.{kind}")
            return True

    def remove(self, name: str) -> None:
        """Remove a file, and the folders that held nothing else.

        Raises :class:`SiteError` when the folder cannot be written.
        """
        with self._changing(name, "removed"):
            self._unlink(name)
            for kind in self.kinds if precompress.is_worth(name) else ():
                self._unlink(f"{name}.{kind}")
        folder = name.rpartition("/")[0]
        with suppress(OSError):  # a folder that still holds something stays
            while folder:
                os.rmdir(self._root + folder)
                self._made.discard(folder)
                folder = folder.rpartition("/")[0]

    def has(self, name: str) -> bool:
        """Tell whether there is such a file."""
        return os.path.isfile(self._root + name)

    def clear_staging(self) -> None:
        """Remove the folder where files are made."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def _write(self, name: str, content: bytes) -> None:
        """Write a file that is not there: one that is goes first, since the other tree may share it."""
        try:
            write(self._root + name, content, is_new=True)
        except FileExistsError:
            self._unlink(name)
            write(self._root + name, content, is_new=True)

    def _make_room(self, name: str) -> None:
        folder = name.rpartition("/")[0]
        if folder in self._made:
            return
        if len(self._made) == MOST_KNOWN:
            self._made.clear()
        try:
            os.mkdir(self._root + folder)
        except FileExistsError:
            pass
        except FileNotFoundError:
            os.makedirs(self._root + folder, exist_ok=True)
        self._made.add(folder)

    def _link(self, other: "Folder", name: str) -> bool:
        source, target = other._root + name, self._root + name
        try:
            os.link(source, target)
        except FileNotFoundError:
            return False
        except FileExistsError:
            self._unlink(name)
            return self._link(other, name)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            self._copy(source, target)
        return True

    def _copy(self, source: str, target: str) -> None:
        os.makedirs(self._staging, exist_ok=True)
        partial = f"{self._staging}/copy"
        shutil.copyfile(source, partial)
        os.replace(partial, target)

    def _unlink(self, name: str) -> None:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(self._root + name)

    @contextmanager
    def _changing(self, name: str, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            why = f"{error.strerror}; the run can be repeated"
            raise SiteError(f"{self._root}{name} could not be {what}: {why}") from error
