"""The station's clerk: asks the server, and answers by itself what can be answered while the line is down.

Every answer is on disk before it is given, so that a visit gets the same one through a cut line and a restart.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

from controller.errors import ClientError, Rejected, ServiceFailed
from controller.outbound.statefile import StateError
from service.books.books import Books
from service.books.messages import Answer, Ask, Done, Message, Refused, Reject, Release, Renew, Report
from service.errors import ServiceError, Unavailable
from service.store.clock import to_us
from station.fuelling_forwarder import FuellingForwarder
from station.offline_answers import OfflineAnswers, again, open_elsewhere
from station.parts import StationParts
from station.prices import StationPrices
from station.upstream import MOST_QUESTIONS
from wire.fuellings import Price
from wire.offline import OFFLINE_PREFIX
from wire.questions import Decision, Question
from wire.reasons import ErrorCode, Reason

CHECK_EVERY_S = 1.0
"""A health check tries the disk at most this often, whoever asks."""

log = logging.getLogger(__name__)

Result = TypeVar("Result")


class StationAnswers:
    """service.http.clerk.Clerk of a station.

    books: the station's own database, for reports that can't even be read.
    """

    def __init__(
        self,
        parts: StationParts,
        offline: OfflineAnswers,
        prices: StationPrices,
        forwarder: FuellingForwarder,
        books: Books,
    ) -> None:
        self._balance = parts.upstream.balance
        self._uplink = parts.uplink
        self._store = parts.store
        self._open_here = parts.store.open_here
        self._clock = parts.clock
        self._deadline_s = parts.settings.deadline_s
        self._offline = offline
        self._prices = prices
        self._forwarder = forwarder
        self._books = books
        self._workers = ThreadPoolExecutor(MOST_QUESTIONS, thread_name_prefix="control")
        self._next_check_s = 0.0
        self._is_away = False
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
            answer = self._answer(message)
        except StateError as error:
            self._note(error)
            raise Unavailable(str(error)) from error
        except ServiceFailed as error:
            raise ServiceError(str(error)) from error
        if self._is_away:
            with suppress(StateError):
                self._probe()
        return answer

    def prices(self, station: str) -> list[Price] | None:
        """The server's, else the last ones it told."""
        return self._prices.now(station, self._deadline_s)

    def lane_of(self, authorisation: str) -> tuple[str, str] | None:
        """Station and lane that an authorisation was given to; None for one that is not known here."""
        try:
            return self._store.answers.lane_of(authorisation)
        except StateError as error:
            raise Unavailable(str(error)) from error

    def health(self) -> dict[str, Any]:
        """The station can answer as long as its own disk works; the line is told, and fails nothing."""
        try:
            self._probe()
            listed = self._offline.listed
        except StateError as error:
            self._note(error)
            raise Unavailable(str(error)) from error
        self._books.database.check()
        state = self._uplink.state
        return {"line": "up" if state.up else "down", "line_since": state.since.isoformat(), "offline_list": listed}

    def _probe(self) -> None:
        """Raises StateError while nothing can be written to the disk."""
        if self._clock.monotonic_s() >= self._next_check_s:
            self._store.facts.keep("healthy_us", str(to_us(self._clock.now())))
            self._next_check_s = self._clock.monotonic_s() + CHECK_EVERY_S
            self._note(None)

    def _note(self, error: StateError | None) -> None:
        """Log that the disk went away, and that it came back; not each time in between."""
        if error is not None and not self._is_away:
            log.error("%s; messages that need it are answered 503", error)
        elif error is None and self._is_away:
            log.warning("the station's own files can be written again")
        self._is_away = error is not None

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
            return again(question, self._if_open(known))
        if self._uplink.state.up:
            lane = self._open_here.elsewhere(question, OFFLINE_PREFIX)
            if lane is not None:
                return again(question, self._store.answers.keep(question, open_elsewhere(question, lane)))
            asked_us = to_us(self._clock.now())
            try:
                decision = self._uplink.ask(lambda s: self._balance.ask(question, s), self._deadline_s)
            except Rejected as error:
                return self._refusal(error)
            except ServiceFailed:
                raise
            except ClientError:
                return self._offline.answer(question)
            with self._store.together():
                kept = self._store.answers.keep(question, decision, asked_us)
                self._open_here.given(*kept)
            return again(question, kept)
        return self._offline.answer(question)

    def _if_open(self, known: tuple[Question, Decision]) -> tuple[Question, Decision]:
        """An answer given again: one whose authorisation is over has no life left."""
        question, decision = known
        over = decision.authorisation is not None and not self._open_here.holds(decision.authorisation)
        return (question, replace(decision, expires_in_s=0.0)) if over and decision.expires_in_s else known

    def _renew(self, authorisation: str) -> Answer:
        answer = self._renewed(authorisation)
        if isinstance(answer, Decision) and answer.expires_at is not None:
            self._open_here.prolonged(authorisation, answer.expires_at)
        elif isinstance(answer, Decision) and answer.reason in (Reason.EXPIRED, Reason.VISIT_OVER):
            self._open_here.over(authorisation)
        return answer

    def _renewed(self, authorisation: str) -> Answer:
        if authorisation.startswith(OFFLINE_PREFIX):
            return self._offline.renew(authorisation)
        self._require_uplink()
        try:
            return self._uplink.ask(lambda s: self._balance.renew(authorisation, s), self._deadline_s)
        except Rejected as error:
            return self._refusal(error)
        except ServiceFailed:
            raise
        except ClientError as error:
            raise Unavailable(f"the line is down: {error}") from error

    def _release(self, authorisation: str) -> Answer:
        self._open_here.over(authorisation)
        if authorisation.startswith(OFFLINE_PREFIX):
            return self._offline.release(authorisation)
        if self._uplink.state.up:
            try:
                self._uplink.ask(lambda s: self._balance.release(authorisation, s), self._deadline_s)
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
            raise Unavailable(f"the server refuses this station: {error.detail}")
        return Refused(ErrorCode(error.reason), error.detail)

    def _require_uplink(self) -> None:
        """The server's own authorisations are the server's to prolong: the lane's green ends with the expiry it has."""
        self._uplink.require_trust()
        if not self._uplink.state.up:
            raise Unavailable("the line is down; only the server can extend its own authorisations")
