"""A polite rate: no more batches a minute, or records a second, than an endpoint was promised."""

import time
from collections.abc import Callable


class Pace:
    """Waits before a batch so that neither rate is passed; None: that rate has no bound."""

    def __init__(
        self,
        records_per_second: float | None,
        batches_per_minute: float | None,
        sleep: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._of_record = 1 / records_per_second if records_per_second else 0.0
        self._of_batch = 60 / batches_per_minute if batches_per_minute else 0.0
        self._sleep, self._clock = sleep, clock
        self._free_at = clock()

    def wait(self, records: int) -> None:
        """Wait until a batch of so many records may go out."""
        now = self._clock()
        if (wait := self._free_at - now) > 0:
            self._sleep(wait)
        self._free_at = max(now, self._free_at) + max(records * self._of_record, self._of_batch)
