"""What a person's own phone may know of them: name, money, plates."""

from __future__ import annotations

from sqlalchemy import select

from service.payers import wallets
from service.store.database import Database, telling_faults
from service.store.payer_tables import payer_bindings, persons, phone_keys, plate_payers
from wire.phone import PhonePerson


def person(database: Database, number: str, key_id: str | None = None) -> PhonePerson:
    """The person of this number; key_id: of the phone that asks.

    plates: on which they hold hours or which are theirs.
    """
    bound = select(payer_bindings.c.plate).where(payer_bindings.c.person == number, payer_bindings.c.ended_us.is_(None))
    owned = select(plate_payers.c.plate).where(plate_payers.c.owner == number)
    with telling_faults(), database.reading() as connection:
        row = connection.execute(select(persons).where(persons.c.id == number)).one()
        consent = connection.execute(select(phone_keys.c.consent).where(phone_keys.c.id == key_id)).scalar()
        accounts = wallets.read(connection, row.wallet, row.owed)
        plates = {plate for query in (bound, owned) for (plate,) in connection.execute(query)}
    wallet = accounts[row.wallet]
    return PhonePerson(
        person=row.id,
        name=row.name,
        balance_fen=wallet.balance_fen,
        held_fen=wallet.debits_pending_fen,
        owed_fen=-accounts[row.owed].balance_fen,
        plates=tuple(sorted(plates)),
        consent=consent,
    )
