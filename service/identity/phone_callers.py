"""Who speaks when a phone has signed a request, and who judges that; the gate knows no more of phones than this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from service.identity.signatures import Claim, RequestView


@dataclass(frozen=True, slots=True)
class PhoneCaller:
    """The person whose phone speaks, by the books' own number, and the key that has signed.

    person: None for a phone that is about to be paired.
    """

    person: str | None
    key_id: str


class PhoneJudge(Protocol):
    """Knows the phones' keys."""

    def judge(self, request: RequestView, *, is_pairing: bool, source: str) -> tuple[Claim, PhoneCaller]:
        """All but whether the nonce is new. Raises SignatureRefused, and Throttled for a stranger from `source`."""
