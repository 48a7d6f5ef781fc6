"""Stage 3, RECORD: what was received, decided, shown, sent and answered; append-only history beside current state."""

from publisher.ledger.lock import only_run
from publisher.ledger.store import Ledger

__all__ = ["Ledger", "only_run"]
