"""Reading what an endpoint answers about a batch: receipts in any order, perhaps not for every record."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from publisher.errors import EndpointRefused
from publisher.ledger.holdings import Receipt
from publisher.ledger.outbox import Batch

_STATUSES = {"accepted", "duplicate", "rejected"}
_LONGEST_TEXT = 1000


def read_receipts(answers: Iterable[Any], batch: Batch, where: str, settled: Collection[str] = ()) -> list[Receipt]:
    """Return the receipts in ``answers`` for the records of ``batch``, one a record; one said twice counts once.

    ``settled``: ids whose receipts came before; they are passed over. Raises :class:`EndpointRefused` for what is no
    receipt, one for a record or version that was not sent, or two that contradict each other.
    """
    items = {item.record_id: item for item in batch.items}
    found: dict[str, Receipt] = {}
    for answer in answers:
        if not isinstance(answer, Mapping) or not isinstance(record_id := answer.get("record_id"), str):
            raise EndpointRefused(f"{where}: batch {batch.batch_id} was answered with something that is no receipt")
        if record_id in settled:
            continue
        if record_id not in items:
            raise EndpointRefused(
                f"{where}: batch {batch.batch_id} was answered with a receipt for {record_id[:64]!r}, not sent in it"
            )
        item = items[record_id]
        version, status = answer.get("version"), answer.get("status")
        if type(version) is not int or version != item.version:
            raise EndpointRefused(
                f"{where}: the receipt for {record_id} is about version {version!r}; version {item.version} was sent"
            )
        if not isinstance(status, str) or status not in _STATUSES:
            raise EndpointRefused(f"{where}: the receipt for {record_id} has no status we know: {str(status)[:64]!r}")
        texts = [_text(answer.get(name), name, record_id, where) for name in ("receipt_no", "code", "message")]
        receipt = Receipt(item, status, *texts)
        if found.setdefault(record_id, receipt) != receipt:
            raise EndpointRefused(f"{where}: two receipts for {record_id} contradict each other")
    return list(found.values())


def _text(value: object, name: str, record_id: str, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else value[:_LONGEST_TEXT]
    raise EndpointRefused(f"{where}: in the receipt for {record_id}, {name} is no text")
