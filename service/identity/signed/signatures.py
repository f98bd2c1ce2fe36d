"""Judges the signature of one request by RFC 9421 and RFC 9530, without knowing where keys are kept.

What makes a signature good here: exactly one with the tag "greenlane", over method, authority, path and query, and over
content type and digest where there is a body; `created` within 300 s of this machine's clock; a nonce; a key that is
known. Whether the nonce is new and whom the key speaks for is judged by the caller.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    HTTPSignatureComponentResolver,
    HTTPSignatureKeyResolver,
    VerifyResult,
    algorithms,
)

from service.errors import ServiceError
from service.http.problems import clean
from wire.devices import SIGNATURE_AGE_S, SIGNATURE_TAG, SIGNED_PARTS

SHORTEST_NONCE = 16
LONGEST_NONCE = 64
LONGEST_FIELD = 1024
"""Characters of Signature-Input or Signature; an honest one has about 250."""

ACCEPT_SIGNATURE = (
    'greenlane=("@method" "@authority" "@path" "@query" "content-type" "content-digest")'
    f';created;keyid;nonce;alg="ed25519";tag="{SIGNATURE_TAG}"'
)
"""What a refused client is told to send (RFC 9421, 5.1)."""


class Flaw(enum.StrEnum):
    """Why a request is not taken as what it claims to be; also the label of the metric that counts them."""

    UNSIGNED = "unsigned"
    MALFORMED = "malformed"
    TAMPERED = "tampered"
    STALE = "stale"
    FUTURE = "future"
    REPLAYED = "replayed"
    UNKNOWN_KEY = "unknown_key"
    REVOKED = "revoked"
    WRONG_HOST = "wrong_host"
    OVERSIZED = "oversized"
    FORBIDDEN = "forbidden"
    FOREIGN = "foreign"


class SignatureRefused(ServiceError):
    """The request is not taken; str() tells a terminal maker what to mend and no secret."""

    def __init__(self, flaw: Flaw, detail: str) -> None:
        super().__init__(clean(detail))
        self.flaw = flaw


@dataclass(frozen=True, slots=True)
class RequestView:
    """A request as it arrived. `target` is the undecoded path with its query; header names in any case, in order."""

    method: str
    host: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def path(self) -> str:
        return self.target.partition("?")[0] or "/"

    @property
    def query(self) -> str:
        return self.target.partition("?")[2]


@dataclass(frozen=True, slots=True)
class ProvenSignature:
    """A signature that holds: this key said exactly this at that time."""

    key_id: str
    nonce: str
    created_at: datetime


class _Fields:
    """Header lines in order, as the verifier wants them; read only."""

    def __init__(self, lines: Sequence[tuple[str, str]]) -> None:
        self._lines = lines

    def items(self) -> Iterable[tuple[str, str]]:
        return self._lines

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for name, _ in self._lines))

    def __contains__(self, name: str) -> bool:
        return any(field.lower() == name.lower() for field, _ in self._lines)


@dataclass(frozen=True)
class _Message:
    """What the library is given. Its url is a constant: nothing that was sent is glued together and parsed again."""

    request: RequestView
    method: str
    headers: _Fields
    url: str = "http://unused/"


class _Components(HTTPSignatureComponentResolver):
    """The signed components out of the request's own parts, each as it came."""

    derived_component_resolvers: ClassVar[dict[str, Callable[..., str]]] = {
        "@method": lambda own: own.message.request.method,
        "@authority": lambda own: own.message.request.host.removesuffix(":80"),
        "@path": lambda own: own.message.request.path,
        "@query": lambda own: f"?{own.message.request.query}",
    }


KeyFinder = Callable[[str], bytes]
"""Raw public key of a key id; raises SignatureRefused for one that is unknown or revoked, and Unavailable."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """How a kind of signer signs: algorithm of RFC 9421, its raw public key made usable, and what the unsigned do."""

    algorithm: type[Any]
    load: Callable[[bytes], object]
    unsigned_words: str


DEVICE_SCHEME = Scheme(
    algorithms.ED25519, Ed25519PublicKey.from_public_bytes, "enrol the device with `greenlane enrol`"
)
PHONE_SCHEME = Scheme(
    algorithms.ECDSA_P256_SHA256,
    lambda raw: EllipticCurvePublicKey.from_encoded_point(SECP256R1(), raw),
    "pair the phone on the page /phone",
)
"""What a browser's WebCrypto can sign with a key that it never gives away."""


class _Resolver(HTTPSignatureKeyResolver):
    """Asks for the key and remembers why there was none: the library takes every error for a bad signature."""

    def __init__(self, find_key: KeyFinder, scheme: Scheme) -> None:
        self._find_key = find_key
        self._scheme = scheme
        self.asked = False
        self.refusal: ServiceError | None = None

    def resolve_public_key(self, key_id: str) -> object | None:
        self.asked = True
        try:
            return self._scheme.load(self._find_key(key_id))
        except ServiceError as refusal:
            self.refusal = refusal
            return None


class _Verifier(HTTPMessageVerifier):
    """Leaves the times to this module, which is given the service's clock."""

    def validate_created_and_expires(self, sig_input: Any, max_age: timedelta | None = None) -> None:
        return


def verify(request: RequestView, find_key: KeyFinder, now: datetime, scheme: Scheme = DEVICE_SCHEME) -> ProvenSignature:
    """What the request proves. Raises SignatureRefused, and Unavailable where the keys cannot be read."""
    _check_size(request, scheme)
    result = _verified(request, _Resolver(find_key, scheme), scheme)
    claim = _claim(result.parameters)
    _check_times(claim.created_at, result.parameters, now)
    return claim


def _check_size(request: RequestView, scheme: Scheme) -> None:
    sizes = {"signature-input": 0, "signature": 0}
    for name, value in request.headers:
        if name.lower() in sizes:
            sizes[name.lower()] += len(value)
    if not any(sizes.values()):
        raise SignatureRefused(Flaw.UNSIGNED, f"the request carries no signature (RFC 9421); {scheme.unsigned_words}")
    if max(sizes.values()) > LONGEST_FIELD:
        raise SignatureRefused(Flaw.OVERSIZED, f"Signature, Signature-Input: at most {LONGEST_FIELD} characters each")


def _verified(request: RequestView, resolver: _Resolver, scheme: Scheme) -> VerifyResult:
    verifier = _Verifier(
        signature_algorithm=scheme.algorithm, key_resolver=resolver, component_resolver_class=_Components
    )
    parts = (*SIGNED_PARTS, "content-type", "content-digest") if request.body else SIGNED_PARTS
    message = _Message(request, request.method, _Fields(request.headers))
    try:
        results = verifier.verify(
            message, max_age=None, expect_tag=SIGNATURE_TAG, require_components=parts, body=request.body
        )
    except HTTPMessageSignaturesException as error:
        if resolver.refusal is not None:
            raise resolver.refusal from error
        flaw = Flaw.TAMPERED if resolver.asked else Flaw.MALFORMED
        raise SignatureRefused(flaw, str(error) or "the signature does not fit the request") from error
    if len(results) != 1:
        raise SignatureRefused(Flaw.MALFORMED, f'expected one signature with tag "{SIGNATURE_TAG}", not {len(results)}')
    return results[0]


def _claim(parameters: Mapping[str, int | str]) -> ProvenSignature:
    key_id, nonce = parameters["keyid"], parameters.get("nonce")
    if not isinstance(key_id, str):
        raise SignatureRefused(Flaw.MALFORMED, "keyid: expected a string")
    if not isinstance(nonce, str) or not SHORTEST_NONCE <= len(nonce) <= LONGEST_NONCE:
        raise SignatureRefused(Flaw.MALFORMED, f"nonce: expected {SHORTEST_NONCE} to {LONGEST_NONCE} characters")
    return ProvenSignature(key_id, nonce, _time("created", parameters.get("created")))


def _check_times(created_at: datetime, parameters: Mapping[str, int | str], now: datetime) -> None:
    age_s = (now - created_at).total_seconds()
    clocks = f"this service's clock says {now:%Y-%m-%dT%H:%M:%SZ}"
    if age_s > SIGNATURE_AGE_S:
        raise SignatureRefused(Flaw.STALE, f"signed {age_s:.0f} s ago, {SIGNATURE_AGE_S} s are allowed; {clocks}")
    if age_s < -SIGNATURE_AGE_S:
        raise SignatureRefused(Flaw.FUTURE, f"signed {-age_s:.0f} s in the future; {clocks}")
    if "expires" in parameters and _time("expires", parameters["expires"]) < now:
        raise SignatureRefused(Flaw.STALE, f"the signature's own expiry is over; {clocks}")


def _time(name: str, value: object) -> datetime:
    if not isinstance(value, int):
        raise SignatureRefused(Flaw.MALFORMED, f"{name}: expected seconds since 1970 as an integer")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        raise SignatureRefused(Flaw.MALFORMED, f"{name}: out of range") from None
