"""The only file of the rules that reads: shipped profiles and calendars, and an operator's own profile by path."""

from importlib import resources
from pathlib import Path

from publisher.errors import RuleError
from publisher.rules.profile import Layer, Profile, read_layer
from publisher.rules.workdays import Workdays

_HERE = resources.files("publisher.rules")


def profile_names() -> tuple[str, ...]:
    """The profiles that come with the publisher."""
    names = (each.name for each in _HERE.joinpath("profiles").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def load_workdays() -> Workdays:
    """The working-day calendar of the shipped yearly notices."""
    return Workdays.parse(_calendars())


def load_profile(name: str, relative_to: Path = Path()) -> Profile:
    """The shipped profile of that name, or the one in the file of that path, with all it extends.

    A path counts from ``relative_to`` (the folder of the settings); in ``extends`` it counts from the file that
    says it. Raises :class:`RuleError` for a file that is missing, broken, or extends itself.
    """
    layers: list[Layer] = []
    seen: list[str] = []
    following: str | None = name
    while following is not None:
        text, here, relative_to = _read(following, relative_to)
        if here in seen:
            raise RuleError(f"profile {following} extends itself: {' → '.join([*seen, here])}")
        seen.append(here)
        layers.append(read_layer(text, following))
        following = layers[-1].extends
    return Profile.of(layers[::-1], _calendars())


def _read(name: str, relative_to: Path) -> tuple[str, str, Path]:
    """A profile's text, what tells it from others, and the folder from which its own paths count."""
    if name in profile_names():
        return _HERE.joinpath("profiles").joinpath(f"{name}.toml").read_text("utf-8"), name, relative_to
    path = (relative_to / name).resolve()
    try:
        return path.read_text("utf-8"), str(path), path.parent
    except (OSError, UnicodeDecodeError) as error:
        shipped = ", ".join(profile_names())
        raise RuleError(
            f"profile {name} is neither shipped ({shipped}) nor a file that can be read: {error}"
        ) from error


def _calendars() -> list[str]:
    folder = _HERE.joinpath("calendar")
    return [
        each.read_text("utf-8") for each in sorted(folder.iterdir(), key=lambda one: one.name) if each.name[0] != "_"
    ]
