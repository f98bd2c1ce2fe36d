"""What a station answers by itself while the line is down: by the signed list, within its caps, by its own grants."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from service.books.messages import Answer, Done, Refused
from service.books.settings import BookSettings
from service.errors import Unavailable
from service.payer_rules.periods import Hours
from service.store.clock import US_PER_S, from_us, to_us
from station import offline_rules
from station.offline_list import HeldLists, ListInForce
from station.parts import StationParts
from wire.codec import decode
from wire.offline import OFFLINE_PREFIX, OfflineEntry, OfflineGrant, OfflineHours
from wire.questions import Decision, Question
from wire.reasons import ErrorCode, Reason, Verdict


class OfflineAnswers:
    """changed() is called after each grant that is given or given back.

    rules: the books' rules of holds.
    """

    def __init__(self, parts: StationParts, lists: HeldLists, rules: BookSettings) -> None:
        self._uplink = parts.uplink
        self._store = parts.store
        self._open_here = parts.store.open_here
        self._clock = parts.clock
        self._cap_fen = parts.settings.cap_fen
        self._lists = lists
        self._rules = rules
        self.changed: Callable[[], None] = lambda: None

    @property
    def listed(self) -> str:
        """ "good", or why the list that is held does not count."""
        return self._lists.held.why_not or "good"

    def answer(self, question: Question) -> Answer:
        """By the list. What it does not speak of stays unanswered, so that the server can answer the same visit."""
        self._uplink.require_trust()
        held = self._lists.held
        if held.why_not is not None:
            raise Unavailable(f"the line is down; {held.why_not}")
        with self._store.together():
            known = self._store.answers.find(question.visit)
            if known is not None:
                return again(question, known)
            decision = self._decide(question, held)
            self._store.answers.keep(question, decision)
            self._open_here.given(question, decision)
        self.changed()
        return decision

    def _decide(self, question: Question, held: ListInForce) -> Decision:
        reason = offline_rules.objection(question, to_us(self._clock.now()), self._rules)
        if reason is not None:
            return _refused(question, reason)
        hours = held.hours(question.plate)
        entry = held.entry(question.plate) or offline_rules.payer_of(question, hours, held.phones.zone)
        if entry is None:
            whom = "a payer for this plate's hour" if hours else "this plate"
            raise Unavailable(f"the line is down, and the offline list does not name {whom}")
        if isinstance(entry, Reason):
            return _refused(question, entry)
        typed = offline_rules.typed_refusal(question, entry)
        if typed is not None:
            return _refused(question, typed)
        lane = self._open_here.elsewhere(question)
        if lane is not None:
            return open_elsewhere(question, lane)
        outcome = offline_rules.decide(
            entry, self._store.grants.outstanding(offline_rules.account_of(entry), held.under), self._cap_fen
        )
        if isinstance(outcome, Reason):
            return _refused(question, outcome)
        assert held.listed is not None
        return self._grant(question, entry, outcome.limit_fen, held.listed.version)

    def _grant(self, question: Question, entry: OfflineEntry | OfflineHours, limit_fen: int, version: int) -> Decision:
        now = self._clock.now()
        expires_at = now + timedelta(seconds=self._rules.hold_life_s)
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

    def renew(self, authorisation: str) -> Answer:
        """As long as its plate is still on the list that counts now."""
        with self._store.together():
            return self._renewed(authorisation)

    def _renewed(self, authorisation: str) -> Answer:
        row = self._store.grants.find(authorisation)
        if row is None:
            return _unknown(authorisation)
        grant = decode(OfflineGrant, json.loads(row["body"]))
        over = row["state"] != "open" or self._store.grants.is_used(authorisation)
        if over or not self._lists.held.names(grant) or self._uplink.state.barred:
            return _refused(grant, Reason.VISIT_OVER if over else Reason.EXPIRED)
        now_us = to_us(self._clock.now())
        until_us = offline_rules.renewed_until_us(now_us, row["granted_us"], row["expires_us"], self._rules)
        if until_us is None:
            return _refused(grant, Reason.EXPIRED)
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

    def release(self, authorisation: str) -> Answer:
        """Give a grant back that was not used."""
        if self._store.grants.find(authorisation) is None:
            return _unknown(authorisation)
        self._store.grants.release(authorisation)
        self.changed()
        return Done()


def again(question: Question, known: tuple[Question, Decision]) -> Answer:
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


def _refused(asked: Question | OfflineGrant, reason: Reason) -> Decision:
    return Decision(visit=asked.visit, plate=asked.plate, decision=Verdict.REFUSE, reason=reason)


def open_elsewhere(question: Question, lane: str) -> Decision:
    return replace(_refused(question, Reason.OPEN_ELSEWHERE), open_lane=lane)


def _unknown(name: str) -> Refused:
    return Refused(ErrorCode.UNKNOWN_AUTHORISATION, f"no authorisation {name}")
