"""What the program is made of: the licence of every locked package, and known vulnerabilities (``make supply``).

``licences`` fails on any that is unknown or cannot be combined with AGPL-3.0-or-later. ``vulnerabilities`` asks the
advisory service through pip-audit; where that cannot be reached, it says so and fails: nothing was found out then.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ("requirements.lock", "requirements-dev.lock")

# SPDX ids of licences whose code may be part of a work under AGPL-3.0-or-later.
COMPATIBLE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0"),
    *("PSF-2.0", "Python-2.0", "Unlicense", "Zlib", "LicenseRef-Public-Domain", "AGPL-3.0-or-later"),
    *("GPL-2.0-or-later", "GPL-3.0-or-later", "LGPL-2.1-or-later", "LGPL-3.0-or-later"),
}
# How packages without an SPDX expression say it: in classifiers, or in words.
SAID = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",  # or with two clauses: both are compatible
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Public Domain": "LicenseRef-Public-Domain",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Apache 2.0": "Apache-2.0",
    "Apache-2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD-2-Clause": "BSD-2-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "MIT": "MIT",
    "MPL-2.0": "MPL-2.0",
}
# What a package says in a way that no list can read; looked up in its own licence file.
LOOKED_UP = {
    "axe-playwright-python": "MIT",
    "docutils": "LicenseRef-Public-Domain AND BSD-2-Clause AND PSF-2.0 AND GPL-3.0-or-later",
    "text-unidecode": "GPL-2.0-or-later",  # or the Artistic License, as one likes
}
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.+?))?(?: \\)?$", re.MULTILINE)


class Licence(NamedTuple):
    """What a package is under: an SPDX expression, or what it said that is none; ``is_fine`` for this program."""

    package: str
    version: str
    said: str
    is_fine: bool


def locked(lock: str) -> Iterator[tuple[str, str]]:
    """Yield name and version of each package of a lock file that this platform has."""
    for name, version, marker in _LOCKED.findall((ROOT / lock).read_text("utf-8")):
        if not marker or Marker(marker).evaluate():
            yield name, version


def is_compatible(expression: str) -> bool:
    """Tell whether an SPDX expression leaves a way to combine the package with AGPL-3.0-or-later."""
    words = re.findall(r"\(|\)|[^\s()]+", expression)

    def either() -> bool:
        found = both()
        while words and words[0] == "OR":
            words.pop(0)
            found = both() or found
        return found

    def both() -> bool:
        found = one()
        while words and words[0] == "AND":
            words.pop(0)
            found = one() and found
        return found

    def one() -> bool:
        word = words.pop(0) if words else ""
        if word == "(":
            found = either()
            return bool(words) and words.pop(0) == ")" and found
        return word in COMPATIBLE

    return either() and not words


def licence(package: str) -> Licence:
    """Return the licence of an installed package, by its own metadata."""
    told = metadata.metadata(package)
    classifiers = [one.split(" :: ")[-1] for one in told.get_all("Classifier") or () if one.startswith("License ::")]
    words = (told.get("License") or "").strip()
    if package in LOOKED_UP:
        said = LOOKED_UP[package]
    elif told.get("License-Expression"):
        said = told["License-Expression"]
    elif classifiers and classifiers != ["OSI Approved"]:
        said = " AND ".join(SAID.get(one, f"“{one}”") for one in classifiers)
    else:
        said = SAID.get(words, f"“{words.splitlines()[0][:60] if words else 'nothing'}”")
    return Licence(package, told["Version"], said, is_compatible(said))


def licences(lock: str) -> list[Licence]:
    """Return the licences of what a lock file names, by name; a package that is not installed is not fine."""
    found = []
    for name, version in locked(lock):
        try:
            found.append(licence(name))
        except metadata.PackageNotFoundError:
            found.append(Licence(name, version, "“not installed”", is_fine=False))
    return sorted(found)


def vulnerabilities(lock: str) -> int:
    """Ask the advisory service about what a lock file names; return 0 when it knew all of it and of nothing wrong."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(ROOT / lock), "--disable-pip", "--no-deps"]
    ended = subprocess.run([*command, "--progress-spinner=off", "--format=json"], capture_output=True, text=True)
    try:
        asked = json.loads(ended.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (ended.stderr.strip().splitlines() or ["no word"])[-1]
        print(f"{lock}: NOT CHECKED for vulnerabilities: the advisory service cannot be reached ({last[:200]})")
        return 1
    unknown = [one["name"] for one in asked if "skip_reason" in one]
    found = [(one["name"], one["version"], flaw) for one in asked for flaw in one.get("vulns", ())]
    for name, version, flaw in found:
        print(f"VULNERABLE {name} {version}  {flaw['id']}  fixed in {', '.join(flaw['fix_versions']) or 'no version'}")
    if unknown:
        print(f"{lock}: NOT CHECKED for vulnerabilities: the advisory service knows nothing of {', '.join(unknown)}")
    print(f"{lock}: {len(asked) - len(unknown)} packages checked, {len(found)} known vulnerabilities")
    return int(bool(unknown or found or not asked))


def main() -> int:
    """Print both lists; return 1 when anything is wrong or was not found out."""
    status = 0
    for lock in LOCKS:
        found = licences(lock)
        bad = [one for one in found if not one.is_fine]
        for one in found if lock == LOCKS[0] else bad:  # what the tests need is not handed on
            print(f"{'' if one.is_fine else 'NOT FINE '}{one.package} {one.version}  {one.said}")
        print(f"{lock}: {len(found)} packages, {len(bad)} with a licence that is unknown or does not fit")
        status |= bool(bad)
    for lock in LOCKS:
        status |= vulnerabilities(lock)
    return status


if __name__ == "__main__":
    sys.exit(main())
