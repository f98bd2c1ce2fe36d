"""Every error of the balance service, in one tree under the root that all parts share.

ServiceError
  Unavailable          the database is away, locked, full or not migrated; trying again later may help
  UnknownZone          this machine does not know a station's time zone
  LedgerError          a posting that the ledger's rules forbid; a defect, never a business case
  AdminError            an operator's wish that cannot be granted; str() says why
A refused question or a refused message is a value (Decision, Refused), not an error.
"""

from __future__ import annotations

import re
import shlex

from wire.errors import GreenlaneError

_PLAIN = re.compile(r"[\w@%+=:,./-]+")


class ServiceError(GreenlaneError):
    """Base of all; str() is one sentence for people."""


class Unavailable(ServiceError):
    pass


class UnknownZone(ServiceError):
    pass


class LedgerError(ServiceError):
    pass


class AdminError(ServiceError):
    pass


def as_typed(name: str) -> str:
    """A name as a command that a message shows takes it: in quotes where a shell would take it apart."""
    return name if _PLAIN.fullmatch(name) else shlex.quote(name)
