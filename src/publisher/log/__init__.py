"""The publication log: what the portal published and stopped, append-only, signed, and empty of names.

Static files in the site (C2SP tlog-tiles). Each entry commits to one version of a record by salted hashes; the salts
stand beside the record while it is shown and are destroyed when it is stopped. ``docs/log.md`` says it for readers.
"""

from publisher.log.key import Key, load_key, origin_of
from publisher.log.note import Signer

__all__ = ["Key", "Signer", "load_key", "origin_of"]
