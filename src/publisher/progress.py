"""How far a stage is, told to whoever watches."""

from collections.abc import Callable

OnProgress = Callable[[int, int], None]  # how many are done, of how many
OnStage = Callable[[str, int, int], None]  # and of what
