"""Standing mandates: what a phone's key has signed that may be taken from its holder without asking each time."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from service.payers.tables import mandate_plates, mandates


def end_all(connection: Connection, person: str, now_us: int) -> None:
    """End every mandate of a person; a green already given keeps its hold."""
    own = select(mandates.c.id).where(mandates.c.person == person)
    plates = mandate_plates.c.mandate.in_(own), mandate_plates.c.ended_us.is_(None)
    connection.execute(update(mandate_plates).where(*plates).values(ended_us=now_us))
    living = mandates.c.person == person, mandates.c.ended_us.is_(None)
    connection.execute(update(mandates).where(*living).values(ended_us=now_us))


def end_for_plate(connection: Connection, person: str, plate: str, now_us: int) -> None:
    """End a person's mandates for one plate."""
    own = select(mandates.c.id).where(mandates.c.person == person)
    plates = mandate_plates.c.mandate.in_(own), mandate_plates.c.plate == plate, mandate_plates.c.ended_us.is_(None)
    connection.execute(update(mandate_plates).where(*plates).values(ended_us=now_us))
