"""The page of a phone: shells without anybody's data, which the phone fills with what its own key may ask for."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.identity.web import page
from service.phone.words import CONSENT, STATES, TONES

router = APIRouter(prefix="/phone", include_in_schema=False)


@router.get("")
async def charges(request: Request) -> Response:
    """Pairing where the phone has no key yet, else its charges."""
    return _shell(request, "phone_charges.html")


@router.get("/charges/{charge}")
async def charge(request: Request, charge: str) -> Response:
    """One charge, with what can be said about it."""
    return _shell(request, "phone_charge.html")


@router.get("/charges/{charge}/receipt")
async def receipt(request: Request, charge: str) -> Response:
    """One charge as it is printed."""
    return _shell(request, "phone_receipt.html")


@router.get("/mandate")
async def mandate(request: Request) -> Response:
    """What may be taken without asking: seen, signed, paused, ended."""
    return _shell(request, "phone_mandate.html")


@router.get("/hours")
async def hours(request: Request) -> Response:
    """Hours: held, proposed, and decided about by a plate's owner."""
    return _shell(request, "phone_hours.html")


def _shell(request: Request, template: str) -> Response:
    return page(request, template, states=STATES, tones=TONES, consent=CONSENT)
