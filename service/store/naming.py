"""What plates and names have to look like before anything is set up under them."""

from __future__ import annotations

from service.errors import AdminError
from wire.plates import is_plate, normalise
from wire.spelling.names import spelling_fault

_LONGEST_NAME = 40
LONGEST_PRODUCT = 20
"""As of a fuelling (wire.fuellings)."""


def require_plate(text: str) -> str:
    """The plate as it is kept. Raises AdminError for a text that is not a plate."""
    plate = normalise(text)
    if not is_plate(plate):
        raise AdminError(
            f"{text!r} is not a plate: write it as on the vehicle, such as 粤B12345 (motorcycles too), 粤BD12345,"
            " 粤B1234学, 沪A3V25Z临, 皖10A7226, 民航F0939, 京X1234应急, 粤Z1234港, WJ粤12345"
        )
    return plate


def require_name(name: str, noun: str, longest: int = _LONGEST_NAME) -> None:
    """Raises AdminError for a text that names nothing well, or that looks like another name."""
    if not 1 <= len(name) <= longest or not name.isprintable() or name != name.strip():
        raise AdminError(f"a {noun}'s name has 1 to {longest} printable characters and no blanks at its ends")
    require_plain_form(name)


def require_plain_form(name: str) -> None:
    """Raises AdminError for a name that a keyboard writes otherwise: C１, in full width, would not be C1."""
    if fault := spelling_fault(name):
        raise AdminError(fault)
