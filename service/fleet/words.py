"""The words of the fleet's pages in both languages, and a fill as a row for other programs."""

from __future__ import annotations

from service.fleet.detail_words import in_chinese
from service.fleet.views import Witnesses
from service.mileage.exceptions import Misfit
from service.mileage.places import Status, Witness
from service.station.words import Words, litres

STATUSES: dict[Status, Words] = {
    Status.VERIFIED: ("已核实", "verified"),
    Status.RECORDED: ("本站记录", "recorded"),
    Status.CONTRADICTED: ("与定位矛盾", "contradicted"),
    Status.PLACED: ("按轨迹判定", "placed"),
    Status.MILEAGE: ("按里程判定", "by mileage"),
    Status.UNDETERMINED: ("未确定", "undetermined"),
}
TONES = {Status.VERIFIED: "good", Status.RECORDED: "good", Status.PLACED: "good", Status.CONTRADICTED: "bad"}
MISFITS: dict[Misfit, Words] = {
    Misfit.MORE_THAN_TANK: ("超油箱容量", "more than the tank"),
    Misfit.WRONG_PRODUCT: ("油品不符", "wrong product"),
    Misfit.TOO_CLOSE: ("短时间重复加油", "two fills too close"),
    Misfit.CARD_ON_TWO_VEHICLES: ("一卡用于两车", "one card on two vehicles"),
    Misfit.FUEL_WITHOUT_DISTANCE: ("油量与里程不符", "fuel without distance"),
    Misfit.ODOMETER_ROLLED_BACK: ("里程回退", "odometer rolled back"),
    Misfit.ODOMETER_JUMPED: ("里程跳变", "odometer jumped"),
    Misfit.TWO_PLACES: ("同一车牌出现在两地", "two places at once"),
    Misfit.POSITIONS_ELSEWHERE: ("车辆定位在别处", "the vehicle was elsewhere"),
    Misfit.PUMP_AND_ENGINE: ("加油量与发动机油耗不符", "pump and engine contradict"),
}
WITNESSES: dict[Witness, Words] = {
    Witness.DISPENSER: ("加油机", "dispenser"),
    Witness.POSITION: ("定位", "position"),
    Witness.ODOMETER: ("里程表", "odometer"),
    Witness.STATION: ("油站", "station"),
    Witness.ENGINE: ("发动机", "engine"),
}
FILL_COLUMNS = (
    "at",
    "status",
    "station",
    "user",
    "litres",
    "tank_litres",
    "driven_km",
    "needed_litres",
    "fuelling",
    "evidence",
    "engine_litres",
)


def fill_row(fill: Witnesses) -> dict[str, object]:
    """One fill by FILL_COLUMNS; null for what nobody knows."""
    located, finding = fill.located, fill.located.finding
    evidence = "; ".join(f"{one.kind.value}: {one.detail}" for one in finding.evidence)
    values = (
        located.at.isoformat(),
        finding.status.value,
        finding.station,
        located.user,
        _thousandth(fill.given_ml),
        _thousandth(fill.tank_ml),
        _thousandth(fill.driven_m),
        _thousandth(fill.needed_ml),
        located.fuelling,
        evidence,
        _thousandth(fill.used_ml),
    )
    return dict(zip(FILL_COLUMNS, values, strict=True))


def _thousandth(value: int | None) -> float | None:
    return None if value is None else value / 1000


FOR_TEMPLATES = {
    "statuses": STATUSES,
    "tones": TONES,
    "misfits": MISFITS,
    "witnesses": WITNESSES,
    "detail_words": in_chinese,
    "litres": litres,
}
