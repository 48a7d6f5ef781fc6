"""Signed notes: the published examples of the specification and of Go's sumdb/note, and what is no note."""

import base64

import pytest
from nacl.signing import SigningKey

from publisher.log.bundle import Checkpoint, bundle, entries_of, read_checkpoint
from publisher.log.note import BadNote, Signer, open_note, parse_vkey, signer_of

# golang.org/x/mod/sumdb/note, example_test.go
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_PRIVATE = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
LINE = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
NOTE = f"{TEXT}\n{LINE}\n".encode()
# c2sp.org/signed-note, section Example
C2SP_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()


def neumann() -> Signer:
    seed = base64.b64decode(NEUMANN_PRIVATE)[1:]
    return signer_of("PeterNeumann", SigningKey(seed))


def test_the_example_of_go_is_signed_and_opened():
    assert neumann().sign(TEXT) == NOTE
    assert neumann().verifier.vkey == NEUMANN
    assert open_note(NOTE, parse_vkey(NEUMANN)) == TEXT


def test_the_example_of_the_specification_opens():
    assert open_note(C2SP_NOTE, parse_vkey(C2SP_KEY)) == "This is an example message.\n"


def test_no_part_of_a_verifier_key_is_one():
    for start in range(len(NEUMANN)):
        for end in range(start + 1, len(NEUMANN) + 1):
            if (start, end) != (0, len(NEUMANN)):
                with pytest.raises(BadNote):
                    parse_vkey(NEUMANN[start:end])
    for place in range(len(NEUMANN)):
        with pytest.raises(BadNote):
            parse_vkey(NEUMANN[:place] + chr(ord(NEUMANN[place]) + 1) + NEUMANN[place + 1 :])


def test_signatures_of_others_are_passed_over_and_a_bad_one_of_ours_is_not():
    other = signer_of("EnochRoot", SigningKey(bytes(32)))
    both = NOTE + f"— {other.signature(TEXT.encode())}\n".encode()
    assert open_note(both, parse_vkey(NEUMANN)) == open_note(both, other.verifier) == TEXT
    with pytest.raises(BadNote, match="did not sign"):
        open_note(NOTE, other.verifier)
    with pytest.raises(BadNote, match="does not fit"):
        open_note(NOTE.replace(b"think", b"thank"), parse_vkey(NEUMANN))


@pytest.mark.parametrize(
    "note",
    [
        b"", b"\n", TEXT.encode(), NOTE[:-1], NOTE[:-10] + b"\n", NOTE + b"x", NOTE.replace(b"\n\n", b"\n"),
        NOTE.replace("—".encode(), b"-"), NOTE.replace(b"you", b"\xff"), NOTE.replace(b"you", b"\ty"),
        NOTE + LINE.encode() * 2 + b"\n", f"{TEXT}\n".encode() + f"{LINE}\n".encode() * 101,
    ],
)  # fmt: skip
def test_what_is_no_note_is_told(note):
    with pytest.raises(BadNote):
        open_note(note, parse_vkey(NEUMANN))


def test_a_checkpoint_comes_back_as_it_was(signer):
    one = Checkpoint(signer.verifier.name, 20852163, bytes(range(32)))
    assert read_checkpoint(one.note(signer), signer.verifier) == one


@pytest.mark.parametrize(
    "text",
    ["a/log\n5\n", "a/log\n05\nAAAA\n", "a/log\n5\nAAAA\n", f"b/log\n5\n{'A' * 43}=\n", f"a/log\n-1\n{'A' * 43}=\n",
     f"a/log\n5\n{'A' * 43}=\n\nmore\n", f"a/subjects/x.html\n{'A' * 43}=\n"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_told(text):
    signer = signer_of("a/log", SigningKey(bytes(32)))
    with pytest.raises(BadNote):
        read_checkpoint(signer.sign(text), signer.verifier)


def test_a_bundle_comes_back_as_it_was_and_half_of_one_is_told():
    entries = [b"", b"a", b"x" * 65535]
    assert list(entries_of(bundle(entries))) == entries
    for cut in (1, 3, 4, 70):
        with pytest.raises(ValueError, match="within"):
            list(entries_of(bundle(entries)[:-cut] + b"" if cut > 4 else bundle([b"abc"])[:-cut]))
