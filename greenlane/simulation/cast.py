"""What a simulation plays with: the bundled clip and its truth, the cards of the command line, and the motorists."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from controller.records import LampChange, LampColour
from controller.telling.observers import SilentObserver
from hardware.dispensers.simulated import Filling, SimulatedDispenser
from models.grammar import is_valid
from service.payer_rules.periods import Hours
from wire.errors import GreenlaneError
from wire.money import parse_yuan
from wire.plates import normalise
from wire.questions import Question
from wire.reasons import Reason

LIFT_AFTER_S = 0.8
"""A motorist takes the nozzle this long after green."""
REST_S = 0.4
WALLET_FEN = 50_000
"""What a phone's wallet holds where nothing is said."""
LITRES_PER_MIN = 40.0


class CastError(GreenlaneError):
    """A card that is not a card, or a bundled clip that is missing."""


@dataclass(frozen=True, slots=True)
class SimulatedCard:
    """A fuel card bound to one plate."""

    plate: str
    balance_fen: int


@dataclass(frozen=True, slots=True)
class Phone:
    """A person who pays for one plate by phone in these hours. says_yuan: the wallet was given, not the default."""

    plate: str
    hours: str
    name: str
    wallet_fen: int
    says_yuan: bool = True


@dataclass(frozen=True, slots=True)
class Typing:
    """A plate typed at the panel at_s seconds into the first clip, perhaps with a PIN. attended: somebody confirms."""

    at_s: float
    plate: str
    pin: str | None = None
    attended: bool = False


@dataclass(frozen=True, slots=True)
class Bundled:
    """The clip that ships with the product, its cards and phones, and how many litres each plate takes."""

    clip: Path
    cards: tuple[SimulatedCard, ...]
    phones: tuple[Phone, ...]
    litres: Mapping[str, float]
    preset_fen: int
    visits: tuple[Mapping[str, Any], ...]


def parse_card(text: str) -> SimulatedCard:
    """A card written as PLATE=YUAN. Raises CastError saying which half is wrong."""
    plate, equals, yuan = text.partition("=")
    if not equals:
        raise CastError(f"{text!r}: write PLATE=YUAN, for example 粤B12345=500")
    if not is_valid(plate):
        raise CastError(f"{plate!r} is not a plate: write it as on the vehicle, for example 粤B12345=500")
    return SimulatedCard(normalise(plate), parse_amount(yuan))


def parse_phone(text: str) -> Phone:
    """A phone written as PLATE@HOURS=NAME[:YUAN]. Raises CastError saying which part is wrong."""
    place, equals, whom = text.partition("=")
    plate, at, hours = place.partition("@")
    name, colon, yuan = whom.partition(":")
    if not (equals and at and name.strip()):
        raise CastError(f"{text!r}: write PLATE@HOURS=NAME or PLATE@HOURS=NAME:YUAN, for example 粤B12345@8-16=Chen")
    if not is_valid(plate):
        raise CastError(f"{plate!r} is not a plate: write it as on the vehicle, for example 粤B12345@8-16=Chen")
    try:
        period = Hours.parse(hours)
    except ValueError as error:
        raise CastError(str(error)) from None
    wallet_fen = parse_amount(yuan) if colon else WALLET_FEN
    return Phone(normalise(plate), str(period), name.strip(), wallet_fen, says_yuan=bool(colon))


def parse_typing(text: str) -> Typing:
    """What is typed, written as SECONDS=PLATE, SECONDS=PLATE#PIN or SECONDS=PLATE#ok. Raises CastError."""
    seconds, equals, typed = text.partition("=")
    plate, _, more = typed.partition("#")
    try:
        at_s = float(seconds)
    except ValueError:
        at_s = -1.0
    if not equals or not 0 <= at_s < 1e6:
        raise CastError(f"{text!r}: write SECONDS=PLATE, for example 12.5=粤B12345")
    if not is_valid(plate):
        raise CastError(f"{plate!r} is not a plate: write it as on the vehicle, for example 12.5=粤B12345")
    if more and more != "ok" and not is_pin(more):
        raise CastError(f"{text!r}: after # comes a PIN of six digits, or ok for an attendant who confirms")
    return Typing(at_s, normalise(plate), more if is_pin(more) else None, more == "ok")


def parse_pin(text: str) -> tuple[str, str]:
    """A plate and the PIN of its card, written as PLATE=PIN. Raises CastError."""
    plate, _, pin = text.partition("=")
    if not is_valid(plate) or not is_pin(pin):
        raise CastError(f"{text!r}: write PLATE=PIN with six digits, for example 粤B12345=493817")
    return normalise(plate), pin


def is_pin(text: str) -> bool:
    """Whether a text has the form of a PIN."""
    return len(text) == 6 and text.isascii() and text.isdigit()


def parse_amount(text: str) -> int:
    """Yuan as fen, not below 0. Raises CastError."""
    try:
        amount_fen = parse_yuan(text)
    except ValueError as error:
        raise CastError(str(error)) from None
    if amount_fen < 0:
        raise CastError(f"{text} yuan: a balance is not below 0")
    return amount_fen


def bundled() -> Bundled:
    """The bundled clip. Raises CastError when the installation lacks it."""
    folder = Path(str(importlib.resources.files("greenlane"))) / "demo"
    try:
        truth = json.loads((folder / "lane.json").read_text(encoding="utf-8"))
    except OSError as error:
        raise CastError(f"the bundled clip is missing ({error}); give a clip of your own") from error
    visits = truth["visits"]
    return Bundled(
        clip=folder / truth["clip"],
        cards=tuple(SimulatedCard(v["plate"], v["card_yuan"] * 100) for v in visits if v["card_yuan"] is not None),
        phones=tuple(parse_phone(f"{v['plate']}@{v['phone']}") for v in visits if v.get("phone") is not None),
        litres={v["plate"]: v["litres"] for v in visits},
        preset_fen=truth["preset_yuan"] * 100,
        visits=tuple(visits),
    )


class Motorist(SilentObserver):
    """Takes fuel whenever the lamp turns green: as much as its plate is known for, else the usual amount."""

    def __init__(self, dispenser: SimulatedDispenser, litres: Mapping[str, float], usual_l: float) -> None:
        self._dispenser = dispenser
        self._litres = litres
        self._usual_l = usual_l
        self._plate = ""
        self._served: set[str] = set()

    def asked(self, visit: str, question: Question, at_s: float) -> None:
        self._plate = question.plate

    def lamp_changed(self, visit: str | None, change: LampChange, reason: Reason) -> None:
        if change.colour is not LampColour.GREEN or visit is None or visit in self._served:
            return
        self._served.add(visit)
        litres = self._litres.get(self._plate, self._usual_l)
        if litres > 0:
            self._dispenser.add(Filling.of(litres, change.at_s + LIFT_AFTER_S, LITRES_PER_MIN, REST_S))
