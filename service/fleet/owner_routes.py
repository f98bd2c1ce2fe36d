"""The page on which a fleet, as owner of plates, decides about hours and sees the charges that wait at a counter."""

from __future__ import annotations

import enum
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool

from service.books.books import Books
from service.errors import AdminError
from service.identity import access
from service.identity.people import Role
from service.identity.sessions import Session
from service.identity.web import page
from service.payer_rules.periods import Hours
from service.payers.fleet_owner import MOST_SHOWN, FleetOwner, clashes
from service.payers.proposals import NoProposal
from service.store.zones import HOME_ZONE
from wire.money import format_yuan
from wire.plates import normalise

router = APIRouter(include_in_schema=False)
Manager = Annotated[Session, Depends(access.operator(Role.FLEET))]


class OwnerAnswer(enum.StrEnum):
    """What a fleet may say to proposed hours."""

    CONFIRM = "confirm"
    REFUSE = "refuse"


def menu_counts(books: Books, session: Session) -> dict[str, int]:
    """How many proposals wait behind the entry of the page on which this fleet decides about them."""
    fleet = session.person.fleet
    return {} if fleet is None else {"/fleet/hours": FleetOwner(books, fleet, session.person.name).count_waiting()}


def waiting_of(request: Request, session: Session) -> dict[str, Any]:
    """The proposals that wait for the fleet and who holds hours now, as fleet_waiting.html shows them."""
    owner = _owner(request, session)
    waiting = owner.waiting()
    plates = {one.plate for one in waiting}
    held = owner.holders(plates)
    met = {one.id: clashes(one, held.get(one.plate, [])) for one in waiting}
    return {"waiting": waiting, "held": held, "clashes": met, "by_card": owner.by_card(plates), "local_time": _local}


@router.get("/fleet/hours")
async def show_hours(request: Request, session: Manager) -> Response:
    """Hours that wait for the fleet, who holds which, and charges that nobody paid."""
    owner = _owner(request, session)
    facts = await run_in_threadpool(waiting_of, request, session)
    charges = await run_in_threadpool(owner.open_charges)
    asked = normalise(request.query_params.get("plate", ""))
    holders = await run_in_threadpool(owner.holders, {asked} if asked else None)
    is_cut = not asked and sum(map(len, holders.values())) == MOST_SHOWN
    facts |= {"charges": charges, "holders": holders, "asked": asked, "is_cut": is_cut, "yuan": format_yuan}
    return page(request, "fleet_hours.html", session=session, **facts)


@router.post("/fleet/hours/take-back")
async def take_back(request: Request, session: Manager) -> Response:
    """A driver's hours end now, as for one who leaves or swaps."""
    owner, form = _owner(request, session), await access.fields(request)
    plate, name = form.get("plate", ""), form.get("name", "")
    try:
        await run_in_threadpool(owner.take_back, plate, name, Hours.parse(form.get("hours", "")))
    except (NoProposal, AdminError, ValueError):
        raise access.AccessRefused(404, "your fleet's vehicle has no such hours", "贵车队的车辆没有这个时段") from None
    return RedirectResponse("/fleet/hours", 303)


@router.post("/fleet/hours/{proposal}/{answer}")
async def decide(request: Request, proposal: str, answer: OwnerAnswer, session: Manager) -> Response:
    """Confirmed hours hold from now on."""
    owner = _owner(request, session)
    try:
        await run_in_threadpool(owner.decide, proposal, is_confirmed=answer is OwnerAnswer.CONFIRM)
    except NoProposal:
        raise access.AccessRefused(404, "your fleet has no such proposal", "贵车队没有这条时段申请") from None
    except AdminError as error:
        raise access.AccessRefused(409, str(error), "这条时段申请已经处理过") from None
    return RedirectResponse("/fleet/hours", 303)


def _local(at: datetime) -> str:
    return f"{at.astimezone(HOME_ZONE):%Y-%m-%d %H:%M}"


def _owner(request: Request, session: Session) -> FleetOwner:
    books: Books = request.app.state.books
    if session.person.fleet is None:
        raise access.AccessRefused(403, "this account has no fleet")
    return FleetOwner(books, session.person.fleet, session.person.name)
