"""Which texts a Chinese number plate can carry: the format table as data, and the questions that follow from it.

The formats are those of GA 36 (civil plates; black ones of foreign owners are of its edition of 1992 and still drive)
and of the armed forces' own rules. A text outside the table is reported as such and never bent into a known format.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from controller.records import Colour
from wire.plates import normalise

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
DIGITS = "0123456789"
SERIAL_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
OFFICE_LETTERS = SERIAL_LETTERS + "O"
SUFFIXES = "警学挂港澳使领"
SERIAL = DIGITS + SERIAL_LETTERS
NEW_ENERGY_LETTERS = "ABCDEFGHJK"
ARMED_POLICE_LAST = DIGITS + "TDSHBXJ"

ALPHABET = PROVINCES + DIGITS + OFFICE_LETTERS + SUFFIXES
"""Every character that any plate carries, in the order of the recogniser's classes (class 0 is blank)."""

MAX_CHARACTERS = 8


class PlateKind(StrEnum):
    """What a plate is issued for, as far as its format tells."""

    BLUE = "blue"
    YELLOW = "yellow"
    YELLOW_TWO_ROW = "yellow_two_row"
    NEW_ENERGY_SMALL = "new_energy_small"
    NEW_ENERGY_LARGE = "new_energy_large"
    POLICE = "police"
    COACH = "coach"
    TRAILER = "trailer"
    BLACK = "black"
    HONG_KONG_MACAU = "hong_kong_macau"
    EMBASSY = "embassy"
    CONSULATE = "consulate"
    ARMED_POLICE = "armed_police"
    ARMED_POLICE_TWO_ROW = "armed_police_two_row"
    MILITARY = "military"
    MILITARY_TWO_ROW = "military_two_row"


@dataclass(frozen=True)
class PlateFormat:
    """One row of the format table: sizes in mm, `places` holds the allowed characters of each place from left to right.

    Two-row plates carry the first `upper_characters` places in the upper row; one-row plates have 0 there.
    """

    kind: PlateKind
    colour: Colour
    rows: int
    width_mm: int
    height_mm: int
    places: tuple[str, ...]
    upper_characters: int = 0

    def fits(self, text: str) -> bool:
        """Whether a normalised text has this format."""
        return len(text) == len(self.places) and self.starts(text)

    def starts(self, prefix: str) -> bool:
        """Whether a normalised text could be the beginning of this format."""
        return len(prefix) <= len(self.places) and all(
            character in place for character, place in zip(prefix, self.places, strict=False)
        )


_ORDINARY = (PROVINCES, OFFICE_LETTERS, *[SERIAL] * 5)
_SUFFIXED = (PROVINCES, OFFICE_LETTERS, *[SERIAL] * 4)
_ARMED_POLICE = ("W", "J", PROVINCES, *[DIGITS] * 4, ARMED_POLICE_LAST)
_MILITARY = (SERIAL_LETTERS, SERIAL_LETTERS, *[DIGITS] * 5)

FORMATS: tuple[PlateFormat, ...] = (
    PlateFormat(PlateKind.BLUE, Colour.BLUE, 1, 440, 140, _ORDINARY),
    PlateFormat(PlateKind.YELLOW, Colour.YELLOW, 1, 440, 140, _ORDINARY),
    PlateFormat(PlateKind.YELLOW_TWO_ROW, Colour.YELLOW, 2, 440, 220, _ORDINARY, 2),
    PlateFormat(
        PlateKind.NEW_ENERGY_SMALL,
        Colour.GREEN,
        1,
        480,
        140,
        (PROVINCES, OFFICE_LETTERS, NEW_ENERGY_LETTERS, SERIAL, *[DIGITS] * 4),
    ),
    PlateFormat(
        PlateKind.NEW_ENERGY_LARGE,
        Colour.GREEN,
        1,
        480,
        140,
        (PROVINCES, OFFICE_LETTERS, *[DIGITS] * 5, NEW_ENERGY_LETTERS),
    ),
    PlateFormat(PlateKind.POLICE, Colour.WHITE, 1, 440, 140, (*_SUFFIXED, "警")),
    PlateFormat(PlateKind.COACH, Colour.YELLOW, 1, 440, 140, (*_SUFFIXED, "学")),
    PlateFormat(PlateKind.TRAILER, Colour.YELLOW, 2, 440, 220, (*_SUFFIXED, "挂"), 2),
    PlateFormat(PlateKind.BLACK, Colour.BLACK, 1, 440, 140, _ORDINARY),
    PlateFormat(PlateKind.HONG_KONG_MACAU, Colour.BLACK, 1, 440, 140, ("粤", "Z", *[SERIAL] * 4, "港澳")),
    PlateFormat(PlateKind.EMBASSY, Colour.BLACK, 1, 440, 140, (*[DIGITS] * 6, "使")),
    PlateFormat(PlateKind.EMBASSY, Colour.BLACK, 1, 440, 140, ("使", *[DIGITS] * 6)),
    PlateFormat(PlateKind.CONSULATE, Colour.BLACK, 1, 440, 140, (PROVINCES, OFFICE_LETTERS, *[DIGITS] * 4, "领")),
    PlateFormat(PlateKind.ARMED_POLICE, Colour.WHITE, 1, 440, 140, _ARMED_POLICE),
    PlateFormat(PlateKind.ARMED_POLICE_TWO_ROW, Colour.WHITE, 2, 440, 220, _ARMED_POLICE, 3),
    PlateFormat(PlateKind.MILITARY, Colour.WHITE, 1, 440, 140, _MILITARY),
    PlateFormat(PlateKind.MILITARY_TWO_ROW, Colour.WHITE, 2, 440, 220, _MILITARY, 2),
)


TYPED_ONLY: tuple[tuple[str, ...], ...] = (
    ("民", "航", SERIAL_LETTERS, *[DIGITS] * 4),
    (PROVINCES, "X", *[SERIAL] * 4, "应", "急"),
    (PROVINCES, *[DIGITS] * 2, *[SERIAL] * 5),
)
"""Civil aviation, emergency rescue, agricultural vehicles: the reader has not learnt them and takes none of them for
certain, but they drive, and a person can type them."""


@lru_cache(maxsize=32)
def formats_of(text: str) -> tuple[PlateFormat, ...]:
    """All formats that a text fits, in table order; empty for a text that is not a plate."""
    plate = normalise(text)
    return tuple(plate_format for plate_format in FORMATS if plate_format.fits(plate))


def is_valid(text: str) -> bool:
    """Whether a text fits at least one format."""
    return bool(formats_of(text))


def can_be_typed(text: str) -> bool:
    """Whether a text is a plate's, of a kind that is read or of one that is only typed."""
    plate = normalise(text)
    typed = (places for places in TYPED_ONLY if len(places) == len(plate))
    return is_valid(plate) or any(all(c in p for c, p in zip(plate, places, strict=True)) for places in typed)


def kind_of(text: str, colour: str | None = None, rows: int | None = None) -> PlateKind | None:
    """The kind whose format, colour and rows agree with what was seen, the first in table order.

    `colour` and `rows` narrow the choice where they are given. None means that no format agrees: the plate is of an
    unknown format, or its colour contradicts its text.
    """
    for plate_format in formats_of(text):
        if (colour is None or colour == plate_format.colour) and (rows is None or rows == plate_format.rows):
            return plate_format.kind
    return None


def format_of_kind(kind: PlateKind) -> PlateFormat:
    """The first format of a kind in table order."""
    return next(plate_format for plate_format in FORMATS if plate_format.kind == kind)
