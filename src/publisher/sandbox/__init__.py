"""A far end to run against: ``publisher sandbox`` plays the inspection platform and the endpoints, over real
HTTP on the loopback address, with faults on demand."""

from publisher.sandbox.batch import Limits
from publisher.sandbox.server import Sandbox, serve

__all__ = ["Limits", "Sandbox", "serve"]
