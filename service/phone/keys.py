"""Judges which person's phone has signed a request, by the keys that are paired now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select

from service.errors import AdminError
from service.identity.signed.devices import Throttled
from service.identity.signed.gate import PhoneCaller
from service.identity.signed.rules import parsed_body
from service.identity.signed.signatures import (
    PHONE_SCHEME,
    Flaw,
    ProvenSignature,
    RequestView,
    SignatureRefused,
    verify,
)
from service.payers.keys import raw_key
from service.phone.pairing import check_consent
from service.store.database import Database, telling_faults
from service.store.payer_tables import phone_keys
from wire.codec import WireError, decode
from wire.payers import KeyAlgorithm, phone_key_id
from wire.phone import PhonePairing


class PhoneKeys:
    """Looks every key up anew, so that one taken back is refused at the next request."""

    def __init__(self, database: Database, now: Callable[[], datetime], wait_s: Callable[[str], float]) -> None:
        """wait_s: how long an address waits for its next pairing."""
        self._database = database
        self._now = now
        self._wait_s = wait_s

    def judge(self, request: RequestView, *, is_pairing: bool, source: str) -> tuple[ProvenSignature, PhoneCaller]:
        """All but whether the nonce is new. Raises SignatureRefused, and Throttled for a stranger from `source`."""
        if is_pairing:
            return self._judge_pairing(request, source)
        found: list[Any] = []

        def find_key(wanted: str) -> bytes:
            found.append(self._living(wanted))
            return raw_key(KeyAlgorithm.P256, found[-1].public_key)

        claim = verify(request, find_key, self._now(), PHONE_SCHEME)
        return claim, PhoneCaller(found[-1].person, claim.key_id)

    def _judge_pairing(self, request: RequestView, source: str) -> tuple[ProvenSignature, PhoneCaller]:
        """The signature proves that the phone holds the key; the code is judged by the route.

        Strangers make as many keys as they like: what the throttle turns away, or is not a pairing, leaves no nonce.
        """
        wait_s = self._wait_s(source)
        if wait_s:
            raise Throttled(wait_s)
        try:
            asked = decode(PhonePairing, parsed_body(request.body))
            check_consent(asked)
            raw = raw_key(KeyAlgorithm.P256, asked.public_key)
        except (AdminError, WireError) as error:
            raise SignatureRefused(Flaw.MALFORMED, str(error)) from None
        own = phone_key_id(KeyAlgorithm.P256, raw)

        def find_key(wanted: str) -> bytes:
            if wanted != own:
                raise SignatureRefused(Flaw.UNKNOWN_KEY, "keyid: expected the thumbprint of the public_key in the body")
            return raw

        return verify(request, find_key, self._now(), PHONE_SCHEME), PhoneCaller(None, own)

    def _living(self, key_id: str) -> Any:
        query = select(phone_keys).where(phone_keys.c.id == key_id)
        with telling_faults(), self._database.reading() as connection:
            row = connection.execute(query).first()
        if row is None or row.algorithm != KeyAlgorithm.P256:
            raise SignatureRefused(Flaw.UNKNOWN_KEY, "keyid: no phone is paired with this key")
        if row.revoked_us is not None:
            raise SignatureRefused(Flaw.REVOKED, "keyid: this phone is not paired any more; ask for a new code")
        return row
