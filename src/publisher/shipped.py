"""Where the files are that come with the program beside its code: the theme, texts to begin with, recipes.

An installed wheel carries them inside the package, laid out as in the repository, where they stand at the top.
"""

from pathlib import Path

_IN_WHEEL = Path(__file__).parent / "_starter"
ROOT = _IN_WHEEL if _IN_WHEEL.is_dir() else Path(__file__).parents[2]

THEME = ROOT / "theme"
PAGES = ROOT / "content" / "pages"
CI = ROOT / "examples" / "ci"
SYSTEMD = ROOT / "examples" / "systemd"
