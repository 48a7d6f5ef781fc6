"""Compressed siblings of files that are read often: ``x.gz`` and ``x.br`` beside ``x``, for hosts that send them as
they are. Their bytes follow from those of ``x``: no clock is read.
"""

import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from publisher.errors import SettingsError

LEAST = 1024  # bytes; what is shorter fits into one packet as it is
PIECE = 1 << 20
_WORTH = (".html", ".json", ".jsonl", ".jsonld", ".js", ".css", ".xml", ".csv", ".svg", ".txt", ".ics", ".bin")


def check(kinds: Iterable[str]) -> None:
    """Raise :class:`SettingsError` when a kind (gz, br) cannot be made here."""
    if "br" in kinds:
        try:
            import brotli  # noqa: F401
        except ImportError as error:
            raise SettingsError("[site] precompress with br needs: pip install 'publisher[brotli]'") from error


def is_worth(name: str) -> bool:
    """Tell by its name whether a file may have siblings."""
    return name.endswith(_WORTH)


def compress(content: bytes | Path, beside: str, kinds: Iterable[str]) -> tuple[str, ...]:
    """Write the siblings of a file as ``beside`` with ``.gz`` and ``.br`` after it; return the kinds that pay."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    made = []
    for kind in kinds if size >= LEAST else ():
        target = Path(f"{beside}.{kind}")
        with target.open("wb") as out:
            out.writelines(_MAKERS[kind](_pieces(content)))
        if target.stat().st_size < size:
            made.append(kind)
        else:
            target.unlink()
    return tuple(made)


def _pieces(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as source:
        while piece := source.read(PIECE):
            yield piece


def _gz(pieces: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)  # 31: a gzip header, with no time in it (RFC 1952, MTIME 0)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def _br(pieces: Iterable[bytes]) -> Iterator[bytes]:
    import brotli

    packer: Any = brotli.Compressor(quality=5, lgwin=18)  # higher costs fifty times as much for a tenth fewer bytes
    for piece in pieces:
        yield packer.process(piece)
    yield packer.finish()


_MAKERS: dict[str, Callable[[Iterable[bytes]], Iterator[bytes]]] = {"gz": _gz, "br": _br}
