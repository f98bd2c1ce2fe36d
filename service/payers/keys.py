"""Phones' keys: bound by a one-time code, judged by their signatures, taken back. No private key is ever here."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime, timedelta
from typing import TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import Connection, select, update

from service.errors import AdminError
from service.identity.signed.devices import code_digest
from service.payers import wallets
from service.store.clock import to_us
from service.store.payer_tables import mandate_plates, mandates, pairing_codes, persons, phone_keys
from wire.codec import WireError, decode_text
from wire.devices import SIGNATURE_AGE_S
from wire.payers import KeyAlgorithm, Signed, phone_key_id

Text = TypeVar("Text")
WRONG_CODE = "this code is wrong, used or expired; ask for a new one"


class NotSigned(AdminError):
    """A phone's message that is not taken: another's key, a revoked one, a stale or altered text."""


def pair(
    connection: Connection,
    code: str,
    algorithm: KeyAlgorithm,
    public_key: str,
    now: datetime,
    consent: str | None = None,
) -> str:
    """Bind a phone's key to the person whose code this is, and return the person's id.

    The code is burnt, and the keys before this one end, unless the code was made for another phone. consent: the
    version of the words that the person agreed to. Raises AdminError, and then nothing was written.
    """
    raw = raw_key(algorithm, public_key)
    now_us, key = to_us(now), phone_key_id(algorithm, raw)
    row = connection.execute(
        select(pairing_codes).where(pairing_codes.c.digest == code_digest(code)).with_for_update()
    ).first()
    if row is None or row.used_us is not None or row.expires_us <= now_us:
        raise AdminError(WRONG_CODE)
    if connection.execute(select(phone_keys.c.id).where(phone_keys.c.id == key)).first() is not None:
        raise AdminError("this key has been used before; make a new one")
    connection.execute(update(pairing_codes).where(pairing_codes.c.digest == row.digest).values(used_us=now_us))
    wallet = connection.execute(select(persons.c.wallet).where(persons.c.id == row.person)).scalar_one()
    wallets.lock(connection, wallet)
    if not row.adds:
        revoke_keys(connection, row.person, now_us)
    values = {"id": key, "person": row.person, "algorithm": algorithm.value, "public_key": public_key}
    connection.execute(phone_keys.insert().values(added_us=now_us, consent=consent, **values))
    return str(row.person)


def judged(connection: Connection, words: bytes, signed: Signed, record: type[Text]) -> tuple[str, Text]:
    """Whose message it is (the person's id) and what it says. Raises NotSigned."""
    row = connection.execute(select(phone_keys).where(phone_keys.c.id == signed.key_id)).first()
    if row is None or row.revoked_us is not None:
        raise NotSigned("this phone is not paired any more; ask for a new code")
    if not verifies(KeyAlgorithm(row.algorithm), row.public_key, words + signed.text.encode(), signed.signature):
        raise NotSigned("the signature does not fit the message")
    try:
        return row.person, decode_text(record, signed.text)
    except WireError as error:
        raise NotSigned(f"the signed text is not understood: {error}") from None


def require_fresh(at: datetime, now: datetime) -> None:
    """Raises NotSigned for a message signed too long ago, or in the future."""
    if abs(at - now) > timedelta(seconds=SIGNATURE_AGE_S):
        raise NotSigned(f"signed at {at.isoformat()}: more than {SIGNATURE_AGE_S} s away; is the phone's clock right?")


def verifies(algorithm: KeyAlgorithm, public_key: str, message: bytes, signature: str) -> bool:
    """Whether a signature in base64 fits. public_key: base64 as in raw_key."""
    try:
        raw, proof = base64.b64decode(public_key, validate=True), base64.b64decode(signature, validate=True)
        if base64.b64encode(proof).decode() != signature:  # bits behind the end, that mean nothing
            return False
        if algorithm is KeyAlgorithm.ED25519:
            Ed25519PublicKey.from_public_bytes(raw).verify(proof, message)
            return True
        if len(proof) != 64:
            return False
        der = encode_dss_signature(int.from_bytes(proof[:32], "big"), int.from_bytes(proof[32:], "big"))
        EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw).verify(der, message, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        return False
    return True


def raw_key(algorithm: KeyAlgorithm, public_key: str) -> bytes:
    """The bytes of a public key in base64: 32 of Ed25519, 65 of an uncompressed point of P-256. Raises AdminError."""
    try:
        raw = base64.b64decode(public_key, validate=True)
        if algorithm is KeyAlgorithm.ED25519:
            Ed25519PublicKey.from_public_bytes(raw)
        elif len(raw) != 65:
            raise ValueError
        else:
            EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw)
    except (ValueError, binascii.Error):
        raise AdminError(f"public_key: not a key of {algorithm.value} in base64") from None
    return raw


def revoke_keys(connection: Connection, person: str, now_us: int) -> int:
    """Take every key of a person back, and end what they signed; a green already given keeps its hold."""
    living = phone_keys.c.person == person, phone_keys.c.revoked_us.is_(None)
    taken = connection.execute(update(phone_keys).where(*living).values(revoked_us=now_us))
    own = select(mandates.c.id).where(mandates.c.person == person)
    plates = mandate_plates.c.mandate.in_(own), mandate_plates.c.ended_us.is_(None)
    connection.execute(update(mandate_plates).where(*plates).values(ended_us=now_us))
    signed = mandates.c.person == person, mandates.c.ended_us.is_(None)
    connection.execute(update(mandates).where(*signed).values(ended_us=now_us))
    return int(taken.rowcount)
