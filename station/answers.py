"""The station's clerk: asks the server, and answers by itself what can be answered while the line is down.

Every answer is on disk before it is given, so that a visit gets the same one through a cut line and a restart.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from controller.errors import ClientError, Rejected, ServiceFailed
from controller.outbound.statefile import StateError
from controller.ports import Clock
from service.books.books import Books
from service.books.messages import Answer, Ask, Done, Message, Refused, Reject, Release, Renew, Report
from service.errors import ServiceError, Unavailable
from service.payer_rules.periods import Hours
from service.store.clock import US_PER_S, from_us, to_us
from station import offline_rules as rules
from station.fuelling_forwarder import FuellingForwarder
from station.offline_list import HeldLists, ListInForce
from station.open_here import OpenHere
from station.settings import StationSettings
from station.store.state_store import StateStore
from station.uplink import Uplink
from station.upstream import MOST_QUESTIONS, Upstream
from wire.codec import decode, encode
from wire.fuellings import Price
from wire.offline import OFFLINE_PREFIX, OfflineEntry, OfflineGrant, OfflineHours
from wire.questions import Decision, Question
from wire.reasons import ErrorCode, Reason, Verdict

PRICES = "prices"
CHECK_EVERY_S = 1.0
"""A health check tries the disk at most this often, whoever asks."""

Result = TypeVar("Result")


class Control:
    """service.http.answering.Clerk of a station.

    books: the station's own database, for reports that can't even be read.
    """

    def __init__(
        self,
        upstream: Upstream,
        uplink: Uplink,
        store: StateStore,
        open_here: OpenHere,
        lists: HeldLists,
        forwarder: FuellingForwarder,
        books: Books,
        clock: Clock,
        settings: StationSettings,
    ) -> None:
        self._upstream = upstream
        self._uplink = uplink
        self._store = store
        self._open_here = open_here
        self._lists = lists
        self._forwarder = forwarder
        self._books = books
        self._clock = clock
        self._settings = settings
        self._workers = ThreadPoolExecutor(MOST_QUESTIONS, thread_name_prefix="control")
        self._next_check_s = 0.0
        self.changed: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Nothing of its own; the station's workers are started beside it."""

    def close(self) -> None:
        """Idempotent."""
        self._workers.shutdown(wait=True, cancel_futures=True)

    async def carry_out(self, message: Message) -> Answer:
        try:
            working = self._workers.submit(self.answer, message)
        except RuntimeError as error:
            raise Unavailable("the station is stopping") from error
        return await asyncio.wrap_future(working)

    def answer(self, message: Message) -> Answer:
        """As carry_out, in the caller's thread. Raises Unavailable with nothing half done.

        Raises ServiceError where the server is there and failed: what is not allowed there is not allowed here.
        """
        try:
            return self._answer(message)
        except StateError as error:
            raise Unavailable(str(error)) from error
        except ServiceFailed as error:
            raise ServiceError(str(error)) from error

    def prices(self, station: str) -> list[Price] | None:
        """The server's, else the last ones it told."""
        if station != self._upstream.station:
            return None
        try:
            if self._uplink.state.up:
                self.fetch_prices(self._settings.deadline_s)
            kept = self._store.facts.get(PRICES)
        except ClientError:
            kept = self._store.facts.get(PRICES)
        except StateError as error:
            raise Unavailable(str(error)) from error
        if kept is None:
            raise Unavailable("the line is down, and no prices are known yet")
        return [decode(Price, price) for price in json.loads(kept)]

    def fetch_prices(self, deadline_s: float) -> None:
        """Ask for the prices and keep them. Raises ClientError."""
        found = self._uplink.ask(self._upstream.balance.prices, deadline_s)
        text = json.dumps([encode(price) for price in found], ensure_ascii=False)
        if text != self._store.facts.get(PRICES):
            self._store.facts.keep(PRICES, text)

    def lane_of(self, authorisation: str) -> tuple[str, str] | None:
        """Station and lane that an authorisation was given to; None for one that is not known here."""
        try:
            return self._store.answers.lane_of(authorisation)
        except StateError as error:
            raise Unavailable(str(error)) from error

    def health(self) -> dict[str, Any]:
        """The station can answer as long as its own disk works; the line is told, and fails nothing."""
        try:
            if self._clock.monotonic_s() >= self._next_check_s:
                self._store.facts.keep("healthy_us", str(to_us(self._clock.now())))
                self._next_check_s = self._clock.monotonic_s() + CHECK_EVERY_S
            listed = self._lists.held.why_not or "good"
        except StateError as error:
            raise Unavailable(str(error)) from error
        self._books.database.check()
        state = self._uplink.state
        return {"line": "up" if state.up else "down", "line_since": state.since.isoformat(), "offline_list": listed}

    def _answer(self, message: Message) -> Answer:
        match message:
            case Ask(question):
                return self._ask(question)
            case Renew(authorisation):
                return self._renew(authorisation)
            case Release(authorisation):
                return self._release(authorisation)
            case Report(fuelling):
                answer = self._forwarder.take(fuelling)
                self._open_here.over(fuelling.authorisation)
                self.changed()
                return answer
            case Reject():
                return self._books.carry_out_one(message)
        raise ServiceError(f"a station does not carry out {type(message).__name__}")

    def _ask(self, question: Question) -> Answer:
        known = self._store.answers.find(question.visit)
        if known is not None:
            return _again(question, self._if_open(known))
        if self._uplink.state.up:
            lane = self._open_here.elsewhere(question, OFFLINE_PREFIX)
            if lane is not None:
                return _again(question, self._store.answers.keep(question, _elsewhere(question, lane)))
            asked_us = to_us(self._clock.now())
            try:
                decision = self._uplink.ask(
                    lambda s: self._upstream.balance.ask(question, s), self._settings.deadline_s
                )
            except Rejected as error:
                return self._refusal(error)
            except ServiceFailed:
                raise
            except ClientError:
                return self._offline(question)
            with self._store.together():
                kept = self._store.answers.keep(question, decision, asked_us)
                self._open_here.given(*kept)
            return _again(question, kept)
        return self._offline(question)

    def _if_open(self, known: tuple[Question, Decision]) -> tuple[Question, Decision]:
        """An answer given again: one whose authorisation is over has no life left."""
        question, decision = known
        over = decision.authorisation is not None and not self._open_here.holds(decision.authorisation)
        return (question, replace(decision, expires_in_s=0.0)) if over and decision.expires_in_s else known

    def _offline(self, question: Question) -> Answer:
        """By the list. What it does not speak of stays unanswered, so that the server can answer the same visit."""
        self._require_trust()
        held = self._lists.held
        if held.why_not is not None:
            raise Unavailable(f"the line is down; {held.why_not}")
        with self._store.together():
            known = self._store.answers.find(question.visit)
            if known is not None:
                return _again(question, known)
            decision = self._decide(question, held)
            self._store.answers.keep(question, decision)
            self._open_here.given(question, decision)
        self.changed()
        return decision

    def _decide(self, question: Question, held: ListInForce) -> Decision:
        reason = rules.objection(question, to_us(self._clock.now()), self._books.settings)
        if reason is not None:
            return _refused(question, reason)
        entry = held.entry(question.plate) or rules.payer_of(question, held.hours(question.plate), held.phones.zone)
        if entry is None:
            whom = "a payer for this plate's hour" if held.hours(question.plate) else "this plate"
            raise Unavailable(f"the line is down, and the offline list does not name {whom}")
        if isinstance(entry, Reason):
            return _refused(question, entry)
        typed = rules.typed_refusal(question, entry)
        if typed is not None:
            return _refused(question, typed)
        lane = self._open_here.elsewhere(question)
        if lane is not None:
            return _elsewhere(question, lane)
        outcome = rules.decide(
            entry, self._store.grants.outstanding(rules.account_of(entry), held.under), self._settings.cap_fen
        )
        if isinstance(outcome, Reason):
            return _refused(question, outcome)
        assert held.listed is not None
        return self._grant(question, entry, outcome.limit_fen, held.listed.version)

    def _grant(self, question: Question, entry: OfflineEntry | OfflineHours, limit_fen: int, version: int) -> Decision:
        now = self._clock.now()
        expires_at = now + timedelta(seconds=self._books.settings.hold_life_s)
        grant = OfflineGrant(
            authorisation=OFFLINE_PREFIX + secrets.token_hex(12),
            visit=question.visit,
            station=question.station,
            lane=question.lane,
            plate=question.plate,
            typed=question.typed,
            limit_fen=limit_fen,
            list_version=version,
            granted_at=now,
            **_payer(entry, question),
        )
        self._store.grants.add(grant, expires_at)
        return Decision(
            visit=question.visit,
            plate=question.plate,
            decision=Verdict.ALLOW,
            reason=Reason.OFFLINE_ALLOWED,
            authorisation=grant.authorisation,
            limit_fen=limit_fen,
            expires_at=expires_at,
            expires_in_s=(expires_at - now).total_seconds(),
        )

    def _renew(self, authorisation: str) -> Answer:
        answer = self._renewed(authorisation)
        if isinstance(answer, Decision) and answer.expires_at is not None:
            self._open_here.prolonged(authorisation, answer.expires_at)
        elif isinstance(answer, Decision) and answer.reason in (Reason.EXPIRED, Reason.VISIT_OVER):
            self._open_here.over(authorisation)
        return answer

    def _renewed(self, authorisation: str) -> Answer:
        if authorisation.startswith(OFFLINE_PREFIX):
            with self._store.together():
                return self._renew_offline(authorisation)
        self._require_uplink()
        try:
            return self._uplink.ask(lambda s: self._upstream.balance.renew(authorisation, s), self._settings.deadline_s)
        except Rejected as error:
            return self._refusal(error)
        except ServiceFailed:
            raise
        except ClientError as error:
            raise Unavailable(f"the line is down: {error}") from error

    def _renew_offline(self, authorisation: str) -> Answer:
        """As long as its plate is still on the list that counts now."""
        row = self._store.grants.find(authorisation)
        if row is None:
            return _unknown(authorisation)
        grant = decode(OfflineGrant, json.loads(row["body"]))
        over = row["state"] != "open" or self._store.grants.is_used(authorisation)
        if over or not self._lists.held.names(grant) or self._uplink.state.barred:
            return _over(grant, Reason.VISIT_OVER if over else Reason.EXPIRED)
        now_us = to_us(self._clock.now())
        until_us = rules.renewed_until_us(now_us, row["granted_us"], row["expires_us"], self._books.settings)
        if until_us is None:
            return _over(grant, Reason.EXPIRED)
        self._store.grants.prolong(authorisation, until_us)
        return Decision(
            visit=grant.visit,
            plate=grant.plate,
            decision=Verdict.ALLOW,
            reason=Reason.OFFLINE_ALLOWED,
            authorisation=authorisation,
            limit_fen=grant.limit_fen,
            expires_at=from_us(until_us),
            expires_in_s=max(0, until_us - now_us) / US_PER_S,
        )

    def _release(self, authorisation: str) -> Answer:
        self._open_here.over(authorisation)
        if authorisation.startswith(OFFLINE_PREFIX):
            if self._store.grants.find(authorisation) is None:
                return _unknown(authorisation)
            self._store.grants.release(authorisation)
            self.changed()
            return Done()
        if self._uplink.state.up:
            try:
                self._uplink.ask(lambda s: self._upstream.balance.release(authorisation, s), self._settings.deadline_s)
            except Rejected as error:
                return self._refusal(error)
            except ClientError:
                pass
            else:
                return Done()
        self._forwarder.release_later(authorisation)
        return Done()

    def _refusal(self, error: Rejected) -> Refused:
        """What the server refuses for good goes to the lane unit as it is, but for what speaks of this station."""
        if error.reason == ErrorCode.UNAUTHENTICATED:
            raise Unavailable(f"the server does not take this station's word: {error.detail}")
        return Refused(ErrorCode(error.reason), error.detail)

    def _require_trust(self) -> None:
        """A station whose word the server does not take must not spend its money either."""
        state = self._uplink.state
        if state.barred:
            raise Unavailable(f"the server does not take this station's word: {state.trouble}")

    def _require_uplink(self) -> None:
        """The server's own authorisations are the server's to prolong: the lane's green ends with the expiry it has."""
        self._require_trust()
        if not self._uplink.state.up:
            raise Unavailable("the line is down; only the server can prolong its own authorisations")


def _again(question: Question, known: tuple[Question, Decision]) -> Answer:
    """The first answer to the same question; other content under its key is refused."""
    if replace(known[0], **_ATTEMPT) != replace(question, **_ATTEMPT):
        return Refused(ErrorCode.KEY_REUSED, f"visit {question.visit} was asked before with other content")
    return known[1]


_ATTEMPT: dict[str, Any] = {"clock_error_s": None, "frame_age_s": None}
"""What may differ between the attempts of one question."""


def _payer(entry: OfflineEntry | OfflineHours, question: Question) -> dict[str, Any]:
    """Who pays, as the grant freezes it."""
    if isinstance(entry, OfflineEntry):
        return {"card": entry.card}
    period = str(Hours(entry.start_min, entry.end_min))
    return {
        "payer": entry.payer,
        "mandate": entry.mandate,
        "period": period,
        "captured_at": question.captured_at,
    }


def _refused(question: Question, reason: Reason) -> Decision:
    return Decision(visit=question.visit, plate=question.plate, decision=Verdict.REFUSE, reason=reason)


def _elsewhere(question: Question, lane: str) -> Decision:
    return replace(_refused(question, Reason.OPEN_ELSEWHERE), open_lane=lane)


def _over(grant: OfflineGrant, reason: Reason) -> Decision:
    return Decision(visit=grant.visit, plate=grant.plate, decision=Verdict.REFUSE, reason=reason)


def _unknown(name: str) -> Refused:
    return Refused(ErrorCode.UNKNOWN_AUTHORISATION, f"no authorisation {name}")
