"""``docs/operator.md`` holds what it says: every command parses, both languages agree, every status is there."""

import re
import shlex
from pathlib import Path

import click
import pytest

from publisher import errors
from publisher.cli import main
from publisher.cli.command import STRICT_STATUS

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDES = ("operator.md", "operator.zh-CN.md")
RECIPES = DOCS.parent / "examples"


def text(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def lines_to_type(words: str) -> list[str]:
    """The lines of the shell blocks, in order."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", words, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def calls(lines: list[str]) -> list[list[str]]:
    """The arguments of every call of the command in these lines."""
    words = [shlex.split(line) for line in lines]
    return [one[at + 1 :] for one in words if (at := place_of_the_command(one)) is not None]


def place_of_the_command(words: list[str]) -> int | None:
    """Where a line names the command, which is not where it names the user."""
    if words[0] == "publisher":
        return 0
    return next((at for at, word in enumerate(words) if word.endswith("/bin/publisher")), None)


def parse(arguments: list[str]) -> None:
    """Have the command's own parser read the arguments, without doing anything."""
    group: click.Command = main
    context = group.make_context("publisher", list(arguments), resilient_parsing=False)
    while isinstance(group, click.Group):
        _, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None
        context = command.make_context(command.name, rest, parent=context)
        group = command


@pytest.mark.parametrize("name", GUIDES)
def test_every_command_parses(name):
    found = calls(lines_to_type(text(name)))
    assert len(found) > 25
    for arguments in found:
        try:
            parse(arguments)
        except click.ClickException as error:
            pytest.fail(f"{name}: publisher {shlex.join(arguments)}: {error.format_message()}")


@pytest.mark.parametrize("name", GUIDES)
def test_every_command_in_a_sentence_is_one(name):
    """A sentence may leave out the arguments."""
    found = calls(re.findall(r"`(publisher\s[^`]+)`", text(name)))
    assert len(found) > 15
    for arguments in found:
        try:
            parse(arguments)
        except click.MissingParameter:
            pass
        except click.ClickException as error:
            pytest.fail(f"{name}: publisher {shlex.join(arguments)}: {error.format_message()}")


def test_a_command_that_is_not_there_would_be_found():
    for wrong in (["no-such-verb"], ["run", "--no-such-option"], ["hold"], ["rules", "compare"]):
        with pytest.raises(click.ClickException):
            parse(wrong)


def test_both_languages_have_the_same_to_type():
    assert lines_to_type(text(GUIDES[0])) == lines_to_type(text(GUIDES[1]))
    headings = [re.findall(r"^(#+) ", text(name), re.MULTILINE) for name in GUIDES]
    assert headings[0] == headings[1]
    settings = [re.sub(r"#.*", "", re.findall(r"^```nginx\n(.*?)^```$", text(name), re.M | re.S)[0]) for name in GUIDES]
    assert settings[0] == settings[1]
    tables = [[line.count("|") for line in text(name).splitlines() if line.startswith("|")] for name in GUIDES]
    assert tables[0] == tables[1]


@pytest.mark.parametrize("name", GUIDES)
def test_every_status_has_its_row(name):
    statuses = {int(one) for one in re.findall(r"^\| (\d+) \|", text(name), re.MULTILINE)}
    ours = {one.exit_status for one in vars(errors).values() if isinstance(one, type)}
    assert statuses == ours | {0, STRICT_STATUS, 130}


@pytest.mark.parametrize("name", GUIDES)
def test_what_it_names_is_there(name):
    words = text(name)
    for file in set(re.findall(r"(?:^|[`\s])((?:ci|systemd)/[\w@.-]+)", words)):
        assert (RECIPES / file).exists(), file
    for file in re.findall(r"\]\((?!https?:|#)([^)#]+)", words):
        assert (DOCS / file).exists(), file
