"""Who speaks on a route for phones, and the one answer for what is not theirs."""

from __future__ import annotations

from fastapi import Request

from service.errors import ServiceError
from service.identity.signed.gate import PhoneCaller
from service.identity.signed.signatures import Flaw, SignatureRefused


class NotYours(ServiceError):
    """There is no such thing, or it is another person's: the two look the same."""


class ChangedMeanwhile(ServiceError):
    """What was asked for can't be done as things stand now; str() says why."""


def caller(request: Request) -> PhoneCaller:
    """The phone whose signature the gate has accepted, paired or about to be. Raises SignatureRefused."""
    phone: PhoneCaller | None = getattr(request.state, "phone", None)
    if phone is None:
        raise SignatureRefused(Flaw.UNSIGNED, "only a phone's signed request is heard here")
    return phone


def person(request: Request) -> str:
    """The person whose phone speaks. Raises SignatureRefused."""
    found = caller(request).person
    if found is None:
        raise SignatureRefused(Flaw.UNKNOWN_KEY, "keyid: no phone is paired with this key")
    return found
