"""Which texts a Chinese number plate can carry: the format table as data, and the questions that follow from it.

The formats are those of GA 36 (civil plates; black ones of foreign owners and yellow test plates are of its earlier
editions and still drive), of NY 345.1 (tractors), of the notice of 2018 on emergency rescue, of the armed forces' own
rules of 2004 and 2012, and of airports. A text outside the table is reported as such and never bent into a known
format.
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

RESCUE_LETTERS = "XS"
"""Fire brigades, forest fire brigades."""
LATER = "民航应急军试临"
"""Characters of kinds that were learnt later: at the end, so that older weights keep their classes."""

ALPHABET = PROVINCES + DIGITS + OFFICE_LETTERS + SUFFIXES + LATER
"""Every character that any plate carries, in the order of the recogniser's classes (class 0 is blank)."""

MAX_CHARACTERS = 9


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
    CIVIL_AVIATION = "civil_aviation"
    EMERGENCY = "emergency"
    OLD_MILITARY = "old_military"
    OLD_ARMED_POLICE = "old_armed_police"
    AGRICULTURAL = "agricultural"
    TEST = "test"
    TEMPORARY = "temporary"
    LIGHT_MOTORCYCLE = "light_motorcycle"


FROM_DRAWINGS = frozenset(
    {
        PlateKind.CIVIL_AVIATION,
        PlateKind.EMERGENCY,
        PlateKind.OLD_MILITARY,
        PlateKind.OLD_ARMED_POLICE,
        PlateKind.AGRICULTURAL,
        PlateKind.TEST,
        PlateKind.TEMPORARY,
        PlateKind.LIGHT_MOTORCYCLE,
    }
)
"""Kinds that are learnt from drawn plates alone: of each there is one real picture at hand at most, which is kept to
look at what comes out. The shipped recognisers were trained before LIGHT_MOTORCYCLE was among them."""


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

    @property
    def light_on_dark(self) -> bool:
        """Whether the characters are lighter than the ground, in grey and near infrared pictures too."""
        white_on_green = self.kind in (PlateKind.CIVIL_AVIATION, PlateKind.AGRICULTURAL)
        return self.colour in (Colour.BLUE, Colour.BLACK) or white_on_green

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
_CIVIL_AVIATION = ("民", "航", SERIAL_LETTERS, *[DIGITS] * 4)
_TEMPORARY = (PROVINCES, OFFICE_LETTERS, *[SERIAL] * 5, "临")

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
    PlateFormat(PlateKind.CIVIL_AVIATION, Colour.GREEN, 1, 440, 140, _CIVIL_AVIATION),
    PlateFormat(PlateKind.CIVIL_AVIATION, Colour.BLUE, 1, 440, 140, _CIVIL_AVIATION),
    PlateFormat(PlateKind.EMERGENCY, Colour.WHITE, 1, 480, 140, (PROVINCES, RESCUE_LETTERS, *[SERIAL] * 4, "应", "急")),
    PlateFormat(PlateKind.OLD_MILITARY, Colour.WHITE, 1, 440, 140, ("军", SERIAL_LETTERS, *[DIGITS] * 5)),
    PlateFormat(PlateKind.OLD_ARMED_POLICE, Colour.WHITE, 1, 440, 140, ("W", "J", *[DIGITS] * 7)),
    PlateFormat(PlateKind.AGRICULTURAL, Colour.GREEN, 2, 300, 165, (PROVINCES, *[DIGITS] * 2, *[SERIAL] * 5), 3),
    PlateFormat(PlateKind.TEST, Colour.YELLOW, 1, 440, 140, (*_SUFFIXED, "试")),
    PlateFormat(PlateKind.TEMPORARY, Colour.WHITE, 1, 220, 140, _TEMPORARY),
    PlateFormat(PlateKind.TEMPORARY, Colour.YELLOW, 1, 220, 140, _TEMPORARY),
    PlateFormat(PlateKind.TEMPORARY, Colour.WHITE, 1, 220, 140, (*_SUFFIXED, "试临")),
    PlateFormat(PlateKind.LIGHT_MOTORCYCLE, Colour.BLUE, 2, 220, 140, _ORDINARY, 2),
)


@lru_cache(maxsize=32)
def formats_of(text: str) -> tuple[PlateFormat, ...]:
    """All formats that a text fits, in table order; empty for a text that is not a plate."""
    plate = normalise(text)
    return tuple(plate_format for plate_format in FORMATS if plate_format.fits(plate))


def is_valid(text: str) -> bool:
    """Whether a text fits at least one format."""
    return bool(formats_of(text))


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
