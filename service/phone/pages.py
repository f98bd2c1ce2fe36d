"""The page of a phone: shells without anybody's data, which the phone fills with what its own key may ask for."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from service.identity.web import page
from service.phone.words import CONSENT

router = APIRouter(prefix="/phone", include_in_schema=False)


@router.get("")
async def charges(request: Request) -> Response:
    """Pairing where the phone has no key yet, else its charges."""
    return page(request, "phone_charges.html", consent=CONSENT)
