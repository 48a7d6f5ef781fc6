"""Reading what an endpoint answers about a batch: receipts in any order, perhaps not for every record."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from publisher.errors import EndpointRefused

_STATUSES = {"accepted", "duplicate", "rejected"}
_LONGEST_TEXT = 1000


class Receipt(NamedTuple):
    """What an endpoint said of one record: ``status`` is accepted, duplicate or rejected."""

    record_id: str
    version: int
    status: str
    receipt_no: str | None = None
    code: str | None = None
    message: str | None = None


def read_receipts(
    answers: Iterable[Any], versions: Mapping[str, int], where: str, settled: Collection[str] = ()
) -> list[Receipt]:
    """Return the receipts in ``answers`` for the records sent (``versions`` by id), one a record.

    One said twice counts once. ``settled``: ids whose receipts came before; they are passed over. Raises
    :class:`EndpointRefused` for what is no receipt, one for a record or version that was not sent, or two that
    contradict each other.
    """
    found: dict[str, Receipt] = {}
    for answer in answers:
        if not isinstance(answer, Mapping) or not isinstance(record_id := answer.get("record_id"), str):
            raise EndpointRefused(f"{where}: was answered with something that is no receipt")
        if record_id in settled:
            continue
        if record_id not in versions:
            raise EndpointRefused(f"{where}: was answered with a receipt for {record_id[:64]!r}, not sent in it")
        sent, version, status = versions[record_id], answer.get("version"), answer.get("status")
        if type(version) is not int or version != sent:
            raise EndpointRefused(
                f"{where}: the receipt for {record_id} is about version {str(version)[:64]}; version {sent} was sent"
            )
        if not isinstance(status, str) or status not in _STATUSES:
            raise EndpointRefused(f"{where}: the receipt for {record_id} has no status we know: {str(status)[:64]!r}")
        texts = [_text(answer.get(name), name, record_id, where) for name in ("receipt_no", "code", "message")]
        receipt = Receipt(record_id, sent, status, *texts)
        if found.setdefault(record_id, receipt) != receipt:
            raise EndpointRefused(f"{where}: two receipts for {record_id} contradict each other")
    return list(found.values())


def _text(value: object, name: str, record_id: str, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else value[:_LONGEST_TEXT]
    raise EndpointRefused(f"{where}: in the receipt for {record_id}, {name} is no text")
