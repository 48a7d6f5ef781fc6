"""A tree of files on the disk: each appears whole or not at all, and none is ever written in place.

Two trees may share a file by a hard link: a file that changes is another file under the same name. The old one goes
before the new one comes, since nobody reads a tree that is built; to rename one over the other makes ext4 and others
write the new one to the disk at once, one after another, where :meth:`Trees.settle` has all of them written together.
"""

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from publisher.errors import SiteError
from publisher.site import precompress

_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.ENOSYS, errno.EACCES)


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

    def put(
        self, name: str, content: bytes | Path, siblings: Sequence[str] | None = None, *, is_new: bool = False
    ) -> None:
        """Put a file in place of the one there was: its bytes, or a finished file on the same disk.

        ``siblings``: the kinds that lie finished beside the finished file; None where they are still to be made.
        ``is_new``: there was none, most likely, so that none is looked for before.

        Raises :class:`SiteError` when the folder cannot be written.
        """
        with self._changing(name, "written"):
            self._make_room(name)
            partial = self._partial(content)
            if self.kinds and precompress.is_worth(name):
                if siblings is None:
                    siblings = precompress.compress(content, partial, self.kinds)
                for kind in self.kinds:
                    self._unlink(f"{name}.{kind}")
                    if kind in siblings:
                        os.rename(f"{partial}.{kind}", f"{self._root}{name}.{kind}")
            if not is_new:
                self._unlink(name)
            os.rename(partial, self._root + name)

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

    def _partial(self, content: bytes | Path) -> str:
        if isinstance(content, Path):
            return str(content)
        partial = f"{self._staging}/page"
        with open(partial, "wb", buffering=0) as out:
            out.write(content)
        return partial

    def _make_room(self, name: str) -> None:
        if not self._made:
            os.makedirs(self._staging, exist_ok=True)
            os.makedirs(self._root, exist_ok=True)
            self._made.add("")
        folder = name.rpartition("/")[0]
        if folder not in self._made:
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
