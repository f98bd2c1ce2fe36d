"""A payment provider that lies: WeChat's messages over real HTTP on loopback, on a clock that its owner moves.

It is late, doubles, reorders and forges its notifications, falls silent before or after it has taken an order, accepts
and then fails, signs wrongly. What it has really taken stands in `orders`: that is the truth to compare with.
"""

from __future__ import annotations

import enum
import random
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from service.payments.post import Silent, post
from service.payments.signed_xml import opened, parsed, sealed

REPEATS_S = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
"""After how long a notification that was not answered well comes again."""
APP, MERCHANT, KEY = "wxgreenlane", "1900000109", "k" * 32
LONGEST_LATE_S = 10 * 3600


class Lie(enum.StrEnum):
    """What it does with an order."""

    HONEST = "honest"
    LATE = "late"
    DOUBLED = "doubled"
    FORGED = "forged"
    OTHER_AMOUNT = "other_amount"
    REORDERED = "reordered"
    SILENT_BEFORE = "silent_before"
    SILENT_AFTER = "silent_after"
    BAD_SIGNATURE = "bad_signature"
    ACCEPTS_THEN_FAILS = "accepts_then_fails"
    REFUSES = "refuses"
    NEVER_NOTIFIES = "never_notifies"


@dataclass(slots=True)
class Taken:
    """An order that it has taken, when it ends, and the notification that is next. refunds: fen by their number."""

    number: str
    amount_fen: int
    lie: Lie
    ends_at: datetime
    fails: bool
    notify_url: str
    notes: int = 0
    next_note_at: datetime | None = None
    refunds: dict[str, int] = field(default_factory=dict)

    def paid(self, now: datetime) -> bool:
        return not self.fails and now >= self.ends_at

    def state(self, now: datetime) -> str:
        if now < self.ends_at:
            return "ACCEPT"
        return "PAY_FAIL" if self.fails else "SUCCESS"


class LyingPayments:
    """A context manager; url while it is open. choose: the lie of the next order."""

    def __init__(self, now: Callable[[], datetime], choose: Callable[[], Lie] | None = None, seed: int = 1) -> None:
        self._now = now
        self._random = random.Random(seed)
        self._choose = choose or (lambda: self._random.choice(list(Lie)))
        self._lock = threading.Lock()
        self._silenced: set[str] = set()
        self._untold: dict[str, Taken] = {}
        self.orders: dict[str, Taken] = {}
        self.plates: dict[str, str] = {}
        """States of plates that are not NORMAL."""
        self.refuses_refunds = False
        self.contradictions: list[str] = []
        """Order numbers that came twice with different content."""

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def notify(self) -> int:
        """Send every notification that is due, forged ones among them; how many."""
        with self._lock:
            due = [t for t in self._untold.values() if t.next_note_at is not None and t.next_note_at <= self._now()]
        self._random.shuffle(due)
        for taken in due:
            self._note(taken)
        return len(due)

    def _note(self, taken: Taken) -> None:
        if taken.lie in (Lie.FORGED, Lie.OTHER_AMOUNT) and taken.notes == 0:
            self._forge(taken)
        is_taken = self._tell(taken) if self._now() >= taken.ends_at else False
        if is_taken and taken.lie is Lie.DOUBLED:
            self._tell(taken)
        step = min(taken.notes, len(REPEATS_S) - 1)
        is_over = is_taken or taken.notes >= len(REPEATS_S)
        taken.next_note_at = None if is_over else self._now() + timedelta(seconds=REPEATS_S[step])
        taken.notes += 1
        if is_over:
            del self._untold[taken.number]

    def _tell(self, taken: Taken) -> bool:
        """The truth about an order; whether it was answered well."""
        state = taken.state(self._now())
        fields = self._about(taken) | {"result_code": "FAIL" if taken.fails else "SUCCESS", "trade_state": state}
        return self._post(taken.notify_url, sealed(fields, KEY))

    def _forge(self, taken: Taken) -> None:
        """Says that it is paid, with another's key or about another amount."""
        amount_fen = taken.amount_fen + (1 if taken.lie is Lie.OTHER_AMOUNT else 0)
        fields = self._about(taken) | {
            "result_code": "SUCCESS",
            "trade_state": "SUCCESS",
            "total_fee": str(amount_fen),
        }
        key = KEY if taken.lie is Lie.OTHER_AMOUNT else "x" * 32
        if self._post(taken.notify_url, sealed(fields, key)):
            self.contradictions.append(f"{taken.number}: a forged notification was taken")

    def _post(self, url: str, body: bytes) -> bool:
        try:
            return parsed(post(url, body, 10.0, 65_536)).get("return_code") == "SUCCESS"
        except Silent:
            return False

    def _about(self, taken: Taken) -> dict[str, str]:
        return {
            "return_code": "SUCCESS",
            "appid": APP,
            "mch_id": MERCHANT,
            "nonce_str": secrets.token_hex(8),
            "out_trade_no": taken.number,
            "total_fee": str(taken.amount_fen),
            "transaction_id": f"42{taken.number}",
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        lying = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = lying.answer(self.path, opened(body, KEY))
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Nothing is said."""

        return Handler

    def answer(self, path: str, asked: dict[str, str]) -> bytes | None:
        """The answer to one request; None: the connection breaks."""
        ours = {"return_code": "SUCCESS", "appid": APP, "mch_id": MERCHANT, "nonce_str": secrets.token_hex(8)}
        match path:
            case "/vehicle/pay/querystate":
                state = self.plates.get(asked["plate_number"], "NORMAL")
                return sealed(ours | {"result_code": "SUCCESS", "user_state": state}, KEY)
            case "/vehicle/pay/payapply":
                return self._apply(ours, asked)
            case "/transit/queryorder":
                taken = self.orders.get(asked["out_trade_no"])
                if taken is None:
                    return sealed(ours | {"result_code": "FAIL", "err_code": "ORDERNOTEXIST"}, KEY)
                state_answer = {"result_code": "SUCCESS", "trade_state": taken.state(self._now())}
                return sealed(self._about(taken) | state_answer, KEY)
            case "/secapi/pay/refund":
                return self._refund(ours, asked)
        return None

    def _apply(self, ours: dict[str, str], asked: dict[str, str]) -> bytes | None:
        number, amount_fen = asked["out_trade_no"], int(asked["total_fee"])
        with self._lock:
            taken = self.orders.get(number)
            if taken is not None and taken.amount_fen != amount_fen:
                self.contradictions.append(f"{number}: {taken.amount_fen} fen, then {amount_fen} fen")
            if taken is None:
                lie = Lie.SILENT_BEFORE if number in self._silenced else self._choose()
                if lie is Lie.REFUSES:
                    return sealed(ours | {"result_code": "FAIL", "err_code": "PARAM_ERROR"}, KEY)
                if lie is Lie.SILENT_BEFORE and number not in self._silenced:
                    self._silenced.add(number)
                    return None
                taken = self.orders[number] = self._take(number, amount_fen, lie, asked["notify_url"])
        if taken.lie is Lie.REORDERED:
            self._tell(taken)
        if taken.lie is Lie.SILENT_AFTER:
            return None
        return sealed(ours | {"result_code": "SUCCESS"}, "x" * 32 if taken.lie is Lie.BAD_SIGNATURE else KEY)

    def _take(self, number: str, amount_fen: int, lie: Lie, notify_url: str) -> Taken:
        late_s = self._random.randint(60, LONGEST_LATE_S) if lie is Lie.LATE else 0 if lie is Lie.REORDERED else 3
        ends_at = self._now() + timedelta(seconds=late_s)
        taken = Taken(number, amount_fen, lie, ends_at, lie is Lie.ACCEPTS_THEN_FAILS, notify_url)
        if lie is not Lie.NEVER_NOTIFIES:
            taken.next_note_at = self._now() if lie in (Lie.FORGED, Lie.OTHER_AMOUNT) else ends_at
            self._untold[number] = taken
        return taken

    def _refund(self, ours: dict[str, str], asked: dict[str, str]) -> bytes | None:
        taken = self.orders.get(asked["out_trade_no"])
        amount_fen, number = int(asked["refund_fee"]), asked["out_refund_no"]
        if taken is None or not taken.paid(self._now()) or self.refuses_refunds:
            return sealed(ours | {"result_code": "FAIL", "err_code": "NOTENOUGH"}, KEY)
        with self._lock:
            is_new = number not in taken.refunds
            if is_new and sum(taken.refunds.values()) + amount_fen > taken.amount_fen:
                return sealed(ours | {"result_code": "FAIL", "err_code": "REFUND_FEE_MISMATCH"}, KEY)
            taken.refunds[number] = amount_fen
        if is_new and taken.lie is Lie.SILENT_AFTER:
            return None
        return sealed(ours | {"result_code": "SUCCESS"}, KEY)
