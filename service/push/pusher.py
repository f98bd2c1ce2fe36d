"""Sends the messages that wake phones, in threads of its own: what a push service does delays no posting."""

from __future__ import annotations

import http.client
import logging
import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from service.errors import ServiceError
from service.push.encryption import encrypt
from service.push.subscriptions import Due, Subscriptions
from service.push.vapid import VapidKey, from_base64url

LOOK = b"look"
"""All that a message says."""
EVERY_S = 2.0
"""A phone whose page is open has looked by the next round, and is not woken."""
ANSWER_S = 5.0
MOST_AT_ONCE = 8
KEPT_FOR_S = 12 * 3600
"""How long a push service keeps the message for a phone that is off; the inbox keeps all for ever."""
GONE = (404, 410)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PushPace:
    """Seconds between rounds, and for a push service to answer."""

    every_s: float = EVERY_S
    answer_s: float = ANSWER_S


class Pusher:
    """start() and close() once each; close waits for no push service. Safe with several workers on one database."""

    def __init__(
        self, subscriptions: Subscriptions, key: VapidKey, now: Callable[[], datetime], pace: PushPace | None = None
    ) -> None:
        self._subscriptions = subscriptions
        self._key = key
        self._now = now
        self.pace = pace or PushPace()
        self._contact = os.environ.get("GREENLANE_PUSH_CONTACT", "mailto:nobody@greenlane.invalid")
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self._senders: ThreadPoolExecutor | None = None
        self._sending: set[str] = set()
        self._failing = False

    def start(self) -> None:
        self._ends.clear()
        self._senders = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="push-sender")
        self._thread = threading.Thread(target=self._run, name="push", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Idempotent."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join(timeout=self.pace.answer_s)
            self._thread = None
        if self._senders is not None:
            self._senders.shutdown(wait=False, cancel_futures=True)
            self._senders = None

    def _run(self) -> None:
        late: dict[str, int] = {}
        while not self._ends.wait(self.pace.every_s):
            try:
                due = self._subscriptions.behind()
                self._hand_out(one for one in due if late.get(one.key, one.number + 1) <= one.number)
                late = {one.key: min(one.number, late.get(one.key, one.number)) for one in due}
                self._failing = False
            except ServiceError as error:
                if not self._failing:
                    log.warning("push waits: %s", error)
                self._failing = True

    def _hand_out(self, due: Iterable[Due]) -> None:
        for one in due:
            senders = self._senders
            if senders is None or one.key in self._sending or len(self._sending) >= 4 * MOST_AT_ONCE:
                continue
            if self._subscriptions.claim(one):
                self._sending.add(one.key)
                senders.submit(self._send, one)

    def _send(self, due: Due) -> None:
        try:
            status = self._post(due)
            if status in GONE:
                self._subscriptions.drop(due.key)
            elif 200 <= status < 300:
                self._subscriptions.notified(due)
            else:
                self._subscriptions.failed(due)
        except ServiceError as error:
            log.warning("push: %s", error)
        finally:
            self._sending.discard(due.key)

    def _post(self, due: Due) -> int:
        """The status of the answer; 0 where there was none. No redirect is followed, no answer is read."""
        found = urlsplit(due.endpoint)
        connect = http.client.HTTPSConnection if found.scheme == "https" else http.client.HTTPConnection
        connection = connect(found.netloc, timeout=self.pace.answer_s)
        try:
            body = encrypt(LOOK, from_base64url(due.p256dh), from_base64url(due.auth))
            target = found.path + (f"?{found.query}" if found.query else "")
            connection.request("POST", target or "/", body, self._headers(due))
            return int(connection.getresponse().status)
        except (OSError, http.client.HTTPException, ValueError):
            return 0
        finally:
            connection.close()

    def _headers(self, due: Due) -> dict[str, str]:
        return {
            "Authorization": self._key.authorisation(due.endpoint, self._contact, self._now()),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(KEPT_FOR_S),
            "Topic": "look",
            "Urgency": "high",
        }
