"""The page of a phone: shells without anybody's data, which the phone fills with what its own key may ask for."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from service.identity.web import PAGES, page
from service.phone.words import CONSENT, STATES, TONES

MANIFEST = {
    "name": "greenlane",
    "short_name": "加油 Fuel",
    "lang": "zh-CN",
    "id": "/phone",
    "start_url": "/phone",
    "scope": "/phone",
    "display": "standalone",
    "background_color": "#f3f5f4",
    "theme_color": "#0b6b47",
    "icons": [{"src": "/static/icon.svg", "sizes": "any", "type": "image/svg+xml"}],
}

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


@router.get("/spending")
async def spending(request: Request) -> Response:
    """What the person has paid, by month and plate."""
    return _shell(request, "phone_spending.html")


@router.get("/data")
async def data(request: Request) -> Response:
    """What is kept about the person: taken along as a file, or erased."""
    return _shell(request, "phone_data.html")


@router.get("/manifest.webmanifest")
async def manifest() -> Response:
    """By which a phone installs the page like a program."""
    return JSONResponse(MANIFEST, media_type="application/manifest+json")


@router.get("/sw.js")
async def worker() -> Response:
    """Shows the page without a line; it speaks for /phone alone."""
    headers = {"Service-Worker-Allowed": "/phone"}
    return FileResponse(PAGES / "static" / "phone-sw.js", media_type="text/javascript", headers=headers)


def _shell(request: Request, template: str) -> Response:
    """The phone may ask its browser where it is, for the warning near a station; no other page may."""
    shell = page(request, template, states=STATES, tones=TONES, consent=CONSENT)
    shell.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(self), payment=()"
    return shell
