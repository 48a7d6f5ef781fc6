"""A new portal in an empty folder: settings, texts to begin with, a place for records, recipes for the daily run.

It is drafted and checked first, so that a wrong name or address leaves nothing behind. The theme is not
copied unless asked for: the one that comes with the program is used, and gets better with it (docs/adr/0010).
"""

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import NamedTuple

from publisher import rules, settings, shipped
from publisher.errors import RuleError, SettingsError

NAME = "“双随机、一公开”公示（待定名称）"
BASE_URL = "https://gongshi.example.gov.cn"
REGION_CODE = "100000"  # nobody's: a person must set it
PROFILE = "national-2024"

SETTINGS = "publisher.toml"
RECORDS = ("plans", "item_lists", "results", "cases")
_LEFT_ALONE = {".git"}  # a folder that holds nothing else counts as empty
_TO_FILL = re.compile(r"待定名称|gongshi\.example|\"100000\"|class=\"to-fill\"")
_OWN_THEME = re.compile(r"^# (theme = )", re.MULTILINE)


class Wanted(NamedTuple):
    """What the new portal is called, where it will be served from, whose it is, and by which rules it publishes."""

    name: str = NAME
    base_url: str = BASE_URL
    region_code: str = REGION_CODE
    profile: str = PROFILE
    own_theme: bool = False


def start(folder: Path, wanted: Wanted) -> list[str]:
    """Make a portal in ``folder``, which may be absent; return the places a person must fill in, as ``file:line``.

    Raises :class:`SettingsError` for a folder that holds anything but ``.git``, for a value that the settings refuse,
    and for a folder that cannot be written. Nothing is left behind then.
    """
    try:
        made = not folder.exists()
        if not made and (not folder.is_dir() or {one.name for one in folder.iterdir()} - _LEFT_ALONE):
            raise SettingsError(f"{folder} is not an empty folder; name one that is empty or not there yet")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            return _draft_and_move(folder, wanted)
        except SettingsError:
            if made:
                folder.rmdir()
            raise
    except OSError as error:
        raise SettingsError(f"{error.filename or folder} could not be written: {error.strerror}") from error


def _draft_and_move(folder: Path, wanted: Wanted) -> list[str]:
    with TemporaryDirectory(prefix=".draft-", dir=folder) as inside:  # within: the folder may be a disk of its own
        draft = Path(inside)
        _write(draft, wanted)
        _check(draft, wanted)
        to_fill = _to_fill(draft)
        for one in sorted(draft.iterdir(), key=lambda part: part.name == SETTINGS):  # the settings last
            one.rename(folder / one.name)
    return to_fill


def _write(draft: Path, wanted: Wanted) -> None:
    templates = files("publisher.starter")
    words = {key: _quoted(value) for key, value in wanted._asdict().items() if isinstance(value, str)}
    text = Template((templates / SETTINGS).read_text("utf-8")).substitute(words)
    if wanted.own_theme:
        text = _OWN_THEME.sub(r"\1", text)
        shutil.copytree(shipped.THEME, draft / "theme")
    (draft / SETTINGS).write_text(text, "utf-8")
    (draft / ".gitignore").write_text((templates / "gitignore").read_text("utf-8"), "utf-8")
    for name in RECORDS:
        (draft / "records" / name).mkdir(parents=True)
    (draft / "var").mkdir(mode=0o700)  # the ledger and its keys
    (draft / "records" / "README.md").write_text((templates / "records.md").read_text("utf-8"), "utf-8")
    pages = draft / "content" / "pages"
    pages.mkdir(parents=True)
    for page in shipped.PAGES.glob("*.md"):  # what lies deeper is of one portal: the documents of its plans
        shutil.copyfile(page, pages / page.name)
    for recipe in (shipped.CI, shipped.SYSTEMD):
        shutil.copytree(recipe, draft / recipe.name, ignore=shutil.ignore_patterns("__pycache__"))


def _quoted(text: str) -> str:
    """Return a text as TOML writes it: as JSON does, but for DEL, which only TOML minds.

    Raises :class:`SettingsError` for bytes of the command line that are no text.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise SettingsError(f"{text!r} is not UTF-8; write it again in a terminal that is set to UTF-8") from None
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _check(draft: Path, wanted: Wanted) -> None:
    try:
        settings.load(draft / SETTINGS)
        rules.load_profile(wanted.profile)
    except SettingsError as error:
        raise SettingsError(str(error).replace(f"{draft / SETTINGS}: ", "")) from None
    except RuleError:
        raise SettingsError(
            f"profile {wanted.profile} is not shipped; these are: {', '.join(rules.profile_names())}. "
            "A profile of your own is named in publisher.toml later"
        ) from None


def _to_fill(draft: Path) -> list[str]:
    found = []
    for file in (draft / SETTINGS, *sorted((draft / "content" / "pages").glob("*.md"))):
        lines = enumerate(file.read_text("utf-8").splitlines(), 1)
        found += [f"{file.relative_to(draft)}:{number}" for number, line in lines if _TO_FILL.search(line)]
    return found
