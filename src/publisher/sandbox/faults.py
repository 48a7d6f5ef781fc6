"""Faults a far end can have, switched on by name, each with a probability per request."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from random import Random

from publisher.errors import SettingsError

PLATFORM = "platform"
EVERYWHERE = "*"

PROBABILITIES: Mapping[str, str] = {
    "lost_before": "the connection closes before anything has happened",
    "lost_after": "the request takes effect, then the connection closes without an answer",
    "http_500": "500",
    "http_503": "503 with Retry-After in seconds",
    "http_429": "429 with Retry-After in seconds or as an HTTP date",
    "slow": "the answer waits for slow_seconds",
    "partial": "some records of a batch are left unprocessed, without a receipt; a page is shorter than asked",
    "shuffled": "the receipts come in another order",
    "duplicates": "a receipt comes twice; a page repeats a record",
    "wrong_digest": "the Content-Digest of the answer is not that of its body",
}
AMOUNTS: Mapping[str, float] = {
    "slow_seconds": 0.2,  # how long a slow answer waits
    "retry_after": 1,  # whole seconds named by 429 and 503
    "forget_keys": 0,  # the endpoint remembers the keys of this many batches; 0: of all
}


@dataclass(frozen=True)
class Draw:
    """What strikes one request. ``random`` settles the details (which receipts, which form of date)."""

    struck: frozenset[str]
    amounts: Mapping[str, float]
    random: Random

    def __contains__(self, name: str) -> bool:
        return name in self.struck


class Faults:
    """The faults switched on, by place: ``platform``, an endpoint's name, or ``*`` for all.

    A place's own value goes before that of ``*``. Each place draws from its own random numbers, as many for
    every request whatever is switched on: the same seed and requests give the same faults.
    """

    def __init__(self, specs: Iterable[str] = (), seed: int = 0) -> None:
        self._seed = seed
        self._lock = threading.Lock()
        self._values: dict[str, dict[str, float]] = {}
        self._randoms: dict[str, Random] = {}
        self._struck: Counter[str] = Counter()
        for spec in specs:
            self.set(spec)

    def set(self, spec: str) -> None:
        """Switches faults on or off: ``lost_after=0.1,http_503=0.05``, each perhaps with a place before it
        (``gsxt:partial=1``). The others stay. SettingsError for an unknown name or an impossible value."""
        wanted: dict[str, dict[str, float]] = {}
        for part in filter(None, (part.strip() for part in spec.split(","))):
            left, equals, value = part.partition("=")
            place, colon, name = left.rpartition(":")
            if not equals:
                raise SettingsError(f"fault {part!r} lacks a value: write name=probability")
            wanted.setdefault(place if colon else EVERYWHERE, {})[name] = _checked(name, value)
        with self._lock:
            for place, values in wanted.items():
                self._values.setdefault(place, {}).update(values)

    def replace(self, wanted: object) -> None:
        """Sets all faults anew from JSON: ``{"lost_after": 0.1, "gsxt": {"partial": 1}}``; ``{}`` ends them.

        SettingsError, and nothing changed, when a name or value is impossible.
        """
        if not isinstance(wanted, dict):
            raise SettingsError("faults must be one JSON object")
        values: dict[str, dict[str, float]] = {}
        for key, value in wanted.items():
            if isinstance(value, dict):
                values.setdefault(key, {}).update({name: _checked(name, v) for name, v in value.items()})
            else:
                values.setdefault(EVERYWHERE, {})[key] = _checked(key, value)
        with self._lock:
            self._values = values

    def clear(self) -> None:
        """Ends all faults."""
        self.replace({})

    def draw(self, place: str) -> Draw:
        """What strikes the next request at a place."""
        with self._lock:
            values = self._values.get(EVERYWHERE, {}) | self._values.get(place, {})
            random = self._randoms.setdefault(place, Random(f"{self._seed}:{place}"))
            struck = frozenset(name for name in PROBABILITIES if random.random() < values.get(name, 0))
            self._struck.update(f"{place}:{name}" for name in struck)
            amounts = {name: values.get(name, usual) for name, usual in AMOUNTS.items()}
            return Draw(struck, amounts, Random(random.getrandbits(64)))

    def summary(self) -> dict[str, object]:
        """What is switched on, by place, and how often each fault was drawn."""
        with self._lock:
            on = {place: dict(values) for place, values in sorted(self._values.items())}
            return {"on": on, "struck": dict(sorted(self._struck.items()))}


def _checked(name: str, value: object) -> float:
    if name not in PROBABILITIES and name not in AMOUNTS:
        raise SettingsError(f"there is no fault {name!r}; there are {', '.join([*PROBABILITIES, *AMOUNTS])}")
    try:
        number = float(value) if isinstance(value, str | int | float) else -1.0
    except ValueError:
        number = -1.0
    most = 1.0 if name in PROBABILITIES else 86_400.0
    if not 0 <= number <= most:
        raise SettingsError(f"fault {name} must be a number from 0 to {most:g}, not {value!r}")
    return number
