"""What plates and names have to look like before anything is set up under them."""

from __future__ import annotations

from service.errors import AdminError
from wire.plates import is_plate, normalise

_LONGEST_NAME = 40


def require_plate(text: str) -> str:
    """The plate as it is kept. Raises AdminError for a text that is not a plate."""
    plate = normalise(text)
    if not is_plate(plate):
        raise AdminError(
            f"{text!r} is not a plate: write it as on the vehicle, such as 粤B12345 (motorcycles too), 粤BD12345,"
            " 粤B1234学, 沪A3V25Z临, 皖10A7226, 民航F0939, 京X1234应急, 粤Z1234港, WJ粤12345"
        )
    return plate


def require_name(name: str, noun: str) -> None:
    """Raises AdminError for a text that names nothing well."""
    if not 1 <= len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise AdminError(f"a {noun}'s name has 1 to {_LONGEST_NAME} printable characters and no blanks at its ends")
