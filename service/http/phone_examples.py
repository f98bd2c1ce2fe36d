"""An example of each record that phones and the service say to each other, for the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from wire.codec import encode, encode_text
from wire.payers import ChargeState, PaymentText, PhoneWord, Signed
from wire.phone import (
    ChargeAnswer,
    ChargeMessage,
    Filed,
    GreenMessage,
    HeldHours,
    HoursProposal,
    HoursWanted,
    NotMeAnswer,
    OwnedPlate,
    PhoneGreens,
    PhoneHours,
    PhoneMandate,
    PhoneMandates,
    PhonePaired,
    PhonePairing,
    PhonePerson,
    PhonePush,
    PhoneSpending,
    PhoneSpots,
    PlateSpending,
    PlateWay,
    PushWanted,
    SpendingMonth,
    StationChoice,
    StationSpot,
)

_AT = datetime(2026, 5, 4, 8, 30, tzinfo=UTC)
_PLATE = "粤B67890"
_CHARGE = "c7f1e5a09b3d48d2"
KEY_ID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
_POINT = "BGsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU="
"""The base point of P-256, uncompressed: a public key that everybody knows."""
_MANDATE = PhoneMandate(
    id="m9a4c7f25830e1d0",
    plates=(_PLATE,),
    per_fill_fen=50_000,
    per_day_fen=100_000,
    tries_per_day=5,
    stations=("S1",),
    hours="8-20",
    offline_fen=0,
    signed_at=_AT,
    paused=False,
)
_WAYS = (
    PlateWay(plate=_PLATE, way="wallet", chosen=True),
    PlateWay(
        plate=_PLATE,
        way="wechatpay",
        chosen=False,
        why="the plate's holder has to authorise it in the provider's app",
        why_zh="车主尚未授权",
        per_fill_fen=200_000,
        per_day_fen=2_000_000,
        tries_per_day=20,
    ),
)
_HELD = HeldHours(plate=_PLATE, name="李", hours="8-20", from_at=_AT, until_at=None)
_PROPOSAL = HoursProposal(id="h4", plate=_PLATE, name="王", hours="20-24", made_at=_AT, state="waiting")
_MESSAGE = ChargeMessage(
    id=_CHARGE,
    state=ChargeState.SEEN,
    amount_fen=9_480,
    plate=_PLATE,
    station="S1",
    station_name="S1",
    zone="Asia/Shanghai",
    lane="L1",
    dispenser="S1-D1",
    started_at=_AT,
    ended_at=_AT + timedelta(seconds=48),
    product="92",
    volume_ml=12_000,
    unit_price_fen_per_l=790,
    fuelling_fen=9_480,
    totaliser_before_ml=88_120_000,
    totaliser_after_ml=88_132_000,
    created_at=_AT + timedelta(seconds=49),
    due_at=_AT + timedelta(hours=24),
    paid_at=None,
    refunded_fen=0,
    period="8-20",
    escalated=False,
    by_mandate=False,
    may=(PhoneWord.PAY, PhoneWord.DECLINE, PhoneWord.DISPUTE),
)
_PAYMENT = PaymentText(charge=_CHARGE, word=PhoneWord.PAY, amount_fen=9_480, at=_AT + timedelta(minutes=2))
_GREEN = GreenMessage(
    plate=_PLATE, station="S1", station_name="S1", zone="Asia/Shanghai", lane="L1", limit_fen=50_000, asked_at=_AT
)
_RECORDS = (
    PhonePairing(code="7K3M-9QXT-2HPD", public_key=_POINT, consent="2026-11-28"),
    PhonePaired(person="p17", name="李", key_id=KEY_ID),
    PhonePerson(
        person="p17", name="李", balance_fen=40_520, held_fen=0, owed_fen=0, plates=(_PLATE,), consent="2026-11-28"
    ),
    PhoneSpots(near_m=100, spots=(StationSpot(lat=22.5431, lon=114.0579, map_lat=22.5402, map_lon=114.063),)),
    PhoneSpending(
        months=(
            SpendingMonth(month="2026-05", plates=(PlateSpending(plate=_PLATE, amount_fen=9_480, volume_ml=12_000),)),
        ),
        svg='<svg xmlns="http://www.w3.org/2000/svg"></svg>',
    ),
    _MESSAGE,
    ChargeAnswer(id=_CHARGE, state=ChargeState.PAID),
    Signed(text=encode_text(_PAYMENT), key_id=KEY_ID, signature="A" * 86 + "=="),
    PhoneMandates(
        mandates=(_MANDATE,),
        plates=(_PLATE,),
        stations=(StationChoice(id="S1", name="S1"),),
        ways=_WAYS,
        zone="Asia/Shanghai",
    ),
    Filed(id=_MANDATE.id),
    PhoneHours(
        own=(_HELD,),
        proposals=(),
        owned=(OwnedPlate(plate=_PLATE, holders=(_HELD,), proposals=(_PROPOSAL,)),),
        zone="Asia/Shanghai",
    ),
    HoursWanted(plate=_PLATE, hours="8-20"),
    PhoneGreens(greens=(_GREEN,), blocked=()),
    NotMeAnswer(revoked=1, flowing=0),
    PushWanted(endpoint="https://push.example/w/7f3a", p256dh=_POINT, auth="AAAAAAAAAAAAAAAAAAAAAA=="),
    PhonePush(public_key=_POINT, on=True),
)
PHONE_EXAMPLES: dict[str, Any] = {type(record).__name__: encode(record) for record in _RECORDS}
