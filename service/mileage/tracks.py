"""Positions of a vehicle as files bring them: CSV with a datum in each row, or GPX."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.parsers import expat

from service.errors import AdminError
from service.mileage.csv_lines import Bad, Numbered, instant_us, records, scaled
from service.mileage.datum import E7, Datum, Spot, to_wgs84
from service.mileage.readings import HIGHEST_KM, M_PER_KM
from wire.errors import GreenlaneError

_BLOCK = 1 << 16
_LONGEST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Position:
    """Where a vehicle was, as it came. Coordinates in 1e-7 degree of the datum."""

    at_us: int
    lat_e7: int
    lon_e7: int
    datum: Datum
    odometer_m: int | None = None

    @property
    def spot(self) -> Spot:
        return to_wgs84(self.lat_e7 / E7, self.lon_e7 / E7, self.datum)


def read_csv(lines: Iterable[str]) -> Iterator[Numbered[Position] | Bad]:
    """The rows of a file with at, lat, lon, datum, odometer_km. Raises AdminError for another head."""
    for found in records(lines, {"at", "lat", "lon", "datum"}, {"odometer_km"}):
        if isinstance(found, Bad):
            yield found
            continue
        try:
            yield Numbered(found.line, _position(found.row))
        except ValueError as error:
            yield Bad(found.line, str(error))


def coordinates_e7(lat: str, lon: str) -> tuple[int, int]:
    """Both in 1e-7 degree. Raises ValueError for what is nowhere, and for 0,0, which receivers say without a fix."""
    pair = scaled("lat", lat, E7, -90, 90), scaled("lon", lon, E7, -180, 180)
    if pair == (0, 0):
        raise ValueError("lat, lon: 0,0 is what a receiver sends when it does not know where it is")
    return pair


def datum_of(text: str) -> Datum:
    """Raises ValueError for any but the two that are known."""
    try:
        return Datum(text.lower())
    except ValueError:
        raise ValueError(f"datum: {text!r}: write wgs84 or gcj02") from None


def _position(row: Mapping[str, str]) -> Position:
    odometer = row.get("odometer_km", "")
    return Position(
        instant_us(row["at"]),
        *coordinates_e7(row["lat"], row["lon"]),
        datum_of(row["datum"]),
        scaled("odometer_km", odometer, M_PER_KM, 0, HIGHEST_KM) if odometer else None,
    )


def read_gpx(file: BinaryIO) -> Iterator[Numbered[Position] | Bad]:
    """The track points (trkpt) of a GPX file, which are WGS-84 by its standard.

    A document type is refused: nothing is ever expanded or fetched. What stands before a fault is kept.
    Raises AdminError for a file without any.
    """
    reader = _GpxReader()
    while block := file.read(_BLOCK):
        try:
            reader.parser.Parse(block, False)
        except (expat.ExpatError, _Refused, LookupError) as error:
            yield from reader.take()
            yield Bad(reader.parser.CurrentLineNumber, f"not GPX from here on: {error}")
            return
        yield from reader.take()
    try:
        reader.parser.Parse(b"", True)
    except expat.ExpatError as error:
        yield Bad(reader.parser.CurrentLineNumber, f"the file is cut off: {error}")
        return
    if not reader.points:
        raise AdminError("no track points (trkpt) in it: routes and way points have no times, and KML is not GPX")


class _Refused(GreenlaneError):
    pass


@dataclass
class _GpxReader:
    """Gathers the points of one file while expat walks through it. depth: of elements within the point."""

    parser: expat.XMLParserType = field(default_factory=expat.ParserCreate)
    found: list[Numbered[Position] | Bad] = field(default_factory=list)
    point: dict[str, str] | None = None
    line: int = 0
    points: int = 0
    depth: int = 0
    is_time: bool = False

    def __post_init__(self) -> None:
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def take(self) -> list[Numbered[Position] | Bad]:
        found, self.found = self.found, []
        return found

    def _refuse(self, *_: object) -> None:
        raise _Refused("a document type is not taken")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(":")[2]
        if tag == "trkpt":
            self.points += 1
            self.line = self.parser.CurrentLineNumber
            self.point, self.depth = {"lat": attributes.get("lat", ""), "lon": attributes.get("lon", ""), "at": ""}, 0
        elif self.point is not None:
            self.depth += 1
            self.is_time = tag == "time" and self.depth == 1

    def _text(self, text: str) -> None:
        if self.is_time and self.point is not None and len(self.point["at"]) < _LONGEST_TEXT:
            self.point["at"] += text.strip()

    def _end(self, name: str) -> None:
        self.is_time = False
        if name.rpartition(":")[2] != "trkpt" or self.point is None:
            self.depth -= 1
            return
        point, self.point = self.point, None
        try:
            place = coordinates_e7(point["lat"], point["lon"])
            if not point["at"]:
                raise ValueError("the point has no time")
            self.found.append(Numbered(self.line, Position(instant_us(point["at"]), *place, Datum.WGS84)))
        except ValueError as error:
            self.found.append(Bad(self.line, str(error)))
