"""Odometer rows: what a line of a file says, and whether readings can belong to one vehicle."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from service.mileage.csv_lines import Bad, Numbered, instant_us, records, scaled

M_PER_KM = 1_000
ML_PER_L = 1_000
HIGHEST_KM = 9_999_999
LARGEST_FILL_L = 5_000
HIGHEST_TOTAL_L = 2_105_540_607
"""The highest that J1939's total fuel used can say: SPN 250, 0.5 l a bit up to 0xFAFFFFFF."""
FASTEST_M_PER_S = 150 / 3.6
"""No vehicle averages more between two readings: legal 120 km/h and a margin."""
READING_ERROR_M = 1_000
"""A reading may be off by a kilometre: the display shows whole ones, and a driver rounds."""


_OTHER_UNITS = (
    ("metres instead of kilometres", 1_000.0),
    ("kilometres after metres", 0.001),
    ("miles instead of kilometres", 0.621371),
    ("kilometres after miles", 1.609344),
)
_SAME_RATIO = 0.01


@dataclass(frozen=True, slots=True)
class OdometerReading:
    """One odometer row. volume_ml: fuel taken then; is_full: to the top; total_fuel_ml: the engine's own count."""

    at_us: int
    odometer_m: int
    volume_ml: int | None = None
    is_full: bool = False
    total_fuel_ml: int | None = None

    @property
    def is_refuelling(self) -> bool:
        return self.volume_ml is not None or self.is_full


def read_csv(lines: Iterable[str]) -> Iterator[Numbered[OdometerReading] | Bad]:
    """The rows of a file with at, odometer_km, litres, full, total_fuel_l. Raises AdminError for another head."""
    for found in records(lines, {"at", "odometer_km"}, {"litres", "full", "total_fuel_l"}):
        if isinstance(found, Bad):
            yield found
            continue
        try:
            yield Numbered(found.line, _reading(found.row))
        except ValueError as error:
            yield Bad(found.line, str(error))


def _reading(row: Mapping[str, str]) -> OdometerReading:
    litres, total = row.get("litres", ""), row.get("total_fuel_l", "")
    volume_ml = scaled("litres", litres, ML_PER_L, 0, LARGEST_FILL_L) if litres else None
    if volume_ml == 0:
        volume_ml = None
    return OdometerReading(
        instant_us(row["at"]),
        scaled("odometer_km", row["odometer_km"], M_PER_KM, 0, HIGHEST_KM),
        volume_ml,
        _yes(row.get("full", "")),
        scaled("total_fuel_l", total, ML_PER_L, 0, HIGHEST_TOTAL_L) if total else None,
    )


def _yes(text: str) -> bool:
    words = {"": False, "no": False, "yes": True}
    if text.lower() not in words:
        raise ValueError(f"full: {text!r}: write yes, no or nothing")
    return words[text.lower()]


def fault_between(before: OdometerReading, after: OdometerReading) -> str | None:
    """Why two readings of one vehicle, one after the other, cannot both be right; None where they can."""
    driven_m = after.odometer_m - before.odometer_m
    longest_m = (after.at_us - before.at_us) / 1_000_000 * FASTEST_M_PER_S + 2 * READING_ERROR_M
    if -2 * READING_ERROR_M <= driven_m <= longest_m:
        return None
    shown = f"{before.odometer_m / M_PER_KM:.1f} km, then {after.odometer_m / M_PER_KM:.1f} km"
    for name, ratio in _OTHER_UNITS:
        if before.odometer_m > 0 and abs(after.odometer_m / (before.odometer_m * ratio) - 1) < _SAME_RATIO:
            return f"{shown}: {name}?"
    return f"{shown}: it ran backwards" if driven_m < 0 else f"{shown}: no car drives so far in the time between"
