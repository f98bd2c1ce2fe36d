"""The tables of devices and people. Of every secret only a hash is kept, and of devices only public keys.

Codes, sessions and browsers are long random values, so a plain SHA-256 of them is enough; passwords are argon2id.
Who did what stands with all other deeds in operator_events (service/store/schema.py).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Float, ForeignKey, Index, String, Table, Text

import service.store.vehicle_tables  # noqa: F401 - people refer to fleets
from service.store.schema import metadata

devices = Table(
    "devices",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("station", String(40), ForeignKey("stations.id"), nullable=False),
    Column("lane", String(40)),
    Column("enrolled_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
    CheckConstraint("kind in ('lane', 'panel', 'station')", name="kind"),
    CheckConstraint("(kind = 'station') = (lane is null)", name="only_stations_have_no_lane"),
    Index(None, "station", "kind"),
)

device_keys = Table(
    "device_keys",
    metadata,
    Column("key_id", String(43), primary_key=True),
    Column("device", String(40), ForeignKey("devices.id"), nullable=False),
    Column("public_key", String(44), nullable=False),
    Column("state", String(8), nullable=False),
    Column("added_us", BigInteger, nullable=False),
    CheckConstraint("state in ('waiting', 'active', 'retired')", name="state"),
    Index(None, "device"),
)
"""A rotated key waits until it has spoken once; only then the one before it is retired."""

enrolment_codes = Table(
    "enrolment_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("station", String(40), ForeignKey("stations.id"), nullable=False),
    Column("lane", String(40)),
    Column("replaces", Boolean, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("used_by_key", String(43)),
)

nonces = Table(
    "nonces",
    metadata,
    Column("key_id", String(43), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("forget_us", BigInteger, nullable=False),
    Index(None, "forget_us"),
)
"""Signatures already seen, kept until their time of creation alone refuses them."""

people = Table(
    "people",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("password_hash", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("station", String(40), ForeignKey("stations.id")),
    Column("created_us", BigInteger, nullable=False),
    Column("disabled_us", BigInteger),
    Column("fleet", String(40), ForeignKey("fleets.name")),
    Column("lane", String(40)),
    CheckConstraint("role in ('panel', 'attendant', 'cashier', 'operator', 'administrator', 'fleet')", name="role"),
    CheckConstraint("(role = 'fleet') = (fleet is not null)", name="fleet_role_has_fleet"),
)
"""station: the only one this person sees; null for all. fleet: whose vehicles a person of a fleet sees, no others.

lane: of the station's panels the only one that a panel's account may use; null for an account of before, which may all.
"""

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person", String(40), ForeignKey("people.name"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("source", String(64), nullable=False),
    Index(None, "person"),
)

device_sessions = Table(
    "device_sessions",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("key_id", String(43), ForeignKey("device_keys.key_id"), nullable=False),
    Column("csrf", String(64), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("source", String(64), nullable=False),
    Index(None, "key_id"),
)
"""A panel's browser that has shown its key; over with that key, from the next request on."""

known_browsers = Table(
    "known_browsers",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("person", String(40), ForeignKey("people.name"), nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Index(None, "person"),
)
"""Browsers from which a person has logged in; what strangers do to the account does not slow them."""

throttles = Table(
    "throttles",
    metadata,
    Column("bucket", String(160), primary_key=True),
    Column("tokens", Float(53), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Index(None, "at_us"),
)
"""How many attempts are left in each bucket, as of at_us."""
