"""How well a frame shows the visit's own vehicle: by its plate, once a question has named it."""

from __future__ import annotations

from controller.records import PlateRead, Reading


def own_reads(reading: Reading, plate: str | None) -> tuple[PlateRead, ...]:
    """The reads that speak for a picture of the visit. plate: what was asked about; None while nothing was.

    The next vehicle may drive in before the visit is over, or a neighbour be read better: their plates say nothing.
    """
    return reading.plates if plate is None else tuple(read for read in reading.plates if read.text == plate)
