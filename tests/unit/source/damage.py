"""Damage for fuzz tests: bytes of honest files, turned, cut, doubled and mixed with what breaks readers."""

from collections.abc import Sequence

from hypothesis import strategies as st

TOKENS = (
    b'"',
    b"'",
    b"{",
    b"}",
    b"[",
    b"]",
    b"[" * 600,
    b'{"a":' * 600,
    b"\0",
    b"\xff",
    b"\xfe\xff",
    b"\xef\xbb\xbf",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\u202e",
    b"\n",
    b"\r",
    b"\r\n\r\n",
    b",",
    b":",
    b"=",
    b"1e999",
    b"-1",
    b"1E+17",
    b"NaN",
    b"Infinity",
    b"null",
    b"true",
    b"9" * 30,
    b"9" * 5000,
    b'"""',
    b"'''",
    b"[[",
    b"]]",
    b"#",
    b"2021-02-30",
    b"44000",
    b"0001-01-01",
    b"9999-12-31T23:59:59Z",
    b"../",
    b"=cmd|' /C calc'!A0",
    "\u202e".encode(),
    "\u200b".encode(),
    "南".encode("gb18030"),
    "南".encode(),
    "𠮷".encode(),
    b"x" * 70_000,
)

Change = tuple[str, int, bytes]
CHANGES: st.SearchStrategy[list[Change]] = st.lists(
    st.tuples(
        st.sampled_from(("turn", "put", "over", "cut", "end", "double", "move")),
        st.integers(0, 1 << 20),
        st.binary(max_size=6) | st.sampled_from(TOKENS),
    ),
    max_size=6,
)


def damaged(seeds: Sequence[bytes]) -> st.SearchStrategy[bytes]:
    """Draw the bytes of one of ``seeds``, damaged at a few places, or any bytes at all."""
    return st.builds(damage, st.sampled_from(seeds), CHANGES) | st.binary(max_size=100)


def damage(data: bytes, changes: Sequence[Change]) -> bytes:
    """Return ``data`` with ``changes`` done one after another; a place counts from its beginning, around its end."""
    for kind, number, token in changes:
        place = number % (len(data) + 1)
        length = 1 + number % 17
        head, rest = data[:place], data[place:]
        match kind:
            case "turn":
                data = head + bytes(one ^ (1 << number % 8) for one in rest[:1]) + rest[1:]
            case "put":
                data = head + token + rest
            case "over":
                data = head + token + rest[len(token) :]
            case "cut":
                data = head + rest[length:]
            case "end":
                data = head
            case "double":
                data = head + rest[:length] * 2 + rest[length:]
            case _:
                data = rest + head
    return data
