"""Signs what the lane unit says (RFC 9421 with Ed25519, RFC 9530).

A request is signed anew for every attempt: time and nonce are the signature's, not the message's.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from controller.ports import Clock
from wire.devices import SIGNATURE_TAG, SIGNED_PARTS

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from controller.outbound.key_pair import KeyPair

LABEL = "greenlane"


class Unsigned(Protocol):
    """The parts of a prepared request (requests.PreparedRequest) that signing reads and adds headers to."""

    @property
    def method(self) -> str | None: ...

    @property
    def url(self) -> str | None: ...

    @property
    def body(self) -> bytes | str | None: ...

    @property
    def headers(self) -> MutableMapping[str, str]: ...


class Signer:
    """Adds Content-Digest, Signature-Input and Signature to a prepared request, in place."""

    def __init__(self, key: KeyPair, clock: Clock) -> None:
        from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms

        self.key_id = key.key_id
        self._clock = clock
        resolver = MappingKeyResolver(public_keys={}, private_keys={key.key_id: key.private})
        self._signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=resolver)

    def __call__(self, request: Unsigned) -> None:
        """Sign for this moment with a fresh nonce; signing again replaces the signature before."""
        body = request.body.encode() if isinstance(request.body, str) else request.body
        request.headers.pop("Content-Digest", None)
        parts = (*SIGNED_PARTS, "content-type") if body else SIGNED_PARTS
        self._signer.sign(
            request,
            key_id=self.key_id,
            created=self._now(),
            nonce=secrets.token_urlsafe(18),
            label=LABEL,
            tag=SIGNATURE_TAG,
            covered_component_ids=parts,
            body=body or None,
        )

    def _now(self) -> datetime:
        return self._clock.now()
