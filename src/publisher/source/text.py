"""Characters: which encodings are read, and which characters never belong into a record."""

import codecs
import re
from pathlib import Path
from typing import NamedTuple

# C0 (but tab, LF and CRLF), DEL and C1, zero width, direction marks and overrides, lone surrogates: a reader
# cannot see them, and a name that holds one is not the name it seems to be.
HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]|\r(?!\n)"
)


class Fault(NamedTuple):
    """Why something was not accepted: a code, a sentence without any of its values, and the field."""

    code: str
    message: str
    field: str | None = None


def table_encoding(path: Path) -> str | Fault:
    """Return ``utf-8-sig`` or ``gb18030`` for a CSV file, or a ``Fault`` when it is neither.

    A file that is UTF-8 for a while and then breaks is damaged UTF-8, not GB 18030: read as that, it would become
    other, valid characters.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        first = file.read(1 << 16)
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in first:
            return Fault("unknown_encoding", "The file is not UTF-8 or GB 18030 text; save it as UTF-8.")
        piece, wide = first, first.startswith(codecs.BOM_UTF8)
        while True:
            try:
                wide = max(decoder.decode(piece, final=not piece), default="") >= "\u0800" or wide
            except UnicodeDecodeError as failure:
                before = failure.object[: failure.start].decode("utf-8", "ignore")
                if wide or max(before, default="") >= "\u0800":
                    return Fault("broken_encoding", "The file begins as UTF-8 and then holds bytes that are not.")
                break
            if not piece:
                return "utf-8-sig"
            piece = file.read(1 << 20)
    return _if_gb18030(path)


def _if_gb18030(path: Path) -> str | Fault:
    decoder = codecs.getincrementaldecoder("gb18030")()
    with path.open("rb") as file:
        try:
            while piece := file.read(1 << 20):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return Fault("unknown_encoding", "The file is not UTF-8 or GB 18030 text; save it as UTF-8.")
    return "gb18030"
