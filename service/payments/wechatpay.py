"""WeChat's vehicle service: a plate's holder has authorised it once, and fuel is charged without a phone at the pump.

Its pages: merchant documentation v2, vehicle/pay/querystate and payapply, transit/queryorder, secapi/pay/refund. Its
entry notification is for car parks alone, so a plate's state is asked for instead.
"""

from __future__ import annotations

import json
import re
import secrets
from zoneinfo import ZoneInfo

from service.payer_rules.capabilities import WECHATPAY
from service.payments.port import Forged, Notice, PaymentOrder, PaymentOutcome, ProviderAnswer
from service.payments.post import Certificate, Silent, post
from service.payments.settings import WechatSettings
from service.payments.signed_xml import LONGEST, MalformedXml, opened, parsed, sealed

STATES = frozenset({"NORMAL", "PAUSED", "OVERDUE", "UNAUTHORIZED"})
_TRADE_STATES = {
    "SUCCESS": PaymentOutcome.PAID,
    "REFUND": PaymentOutcome.PAID,
    "ACCEPT": PaymentOutcome.ACCEPTED,
    "NOTPAY": PaymentOutcome.ACCEPTED,
    "USERPAYING": PaymentOutcome.ACCEPTED,
    "PAY_FAIL": PaymentOutcome.FAILED,
    "PAYERROR": PaymentOutcome.FAILED,
    "CLOSED": PaymentOutcome.FAILED,
    "REVOKED": PaymentOutcome.FAILED,
}
_MAYBE_TAKEN = frozenset({"SYSTEMERROR", "BIZERR_NEED_RETRY", "FREQUENCY_LIMITED", "ORDERPAID", "OUT_TRADE_NO_USED"})
"""Errors after which only a query tells what became of the order."""
_CHINA = ZoneInfo("Asia/Shanghai")


class Wechatpay:
    """One merchant. Answers whose signature does not fit are not answers."""

    name = WECHATPAY

    def __init__(self, settings: WechatSettings) -> None:
        self._settings = settings

    def plate_state(self, plate: str) -> str | None:
        asked = {"trade_scene": "GAS", "jump_scene": "H5", "plate_number": plate, "version": "2.0"}
        found = self._ask("/vehicle/pay/querystate", asked)
        state = None if found is None else found.get("user_state")
        return state if state in STATES else None

    def pay(self, order: PaymentOrder) -> ProviderAnswer:
        litres = f"{order.volume_ml / 1000:.2f}"
        scene = {
            "start_time": order.started_at.astimezone(_CHINA).strftime("%Y%m%d%H%M%S"),
            "plate_number": order.plate,
            "gas_station": order.station_name,
            "gas_label_name": order.product,
            "gas_amount": litres,
            "gas_gun_no": order.dispenser,
        }
        fields = {
            "body": f"加油 {order.product} {litres}升",
            "out_trade_no": order.number,
            "total_fee": str(order.amount_fen),
            "fee_type": "CNY",
            "spbill_create_ip": self._settings.own_address,
            "notify_url": self._settings.notify_url,
            "trade_type": "PAP",
            "trade_scene": "GAS",
            "version": "2.0",
            "scene_info": json.dumps({"scene_info": scene}, ensure_ascii=False),
        }
        found = self._ask("/vehicle/pay/payapply", fields)
        if found is None:
            return ProviderAnswer(PaymentOutcome.SILENT)
        if found["result_code"] == "SUCCESS":
            return ProviderAnswer(PaymentOutcome.ACCEPTED)
        code = found.get("err_code", "")
        return ProviderAnswer(PaymentOutcome.SILENT if code in _MAYBE_TAKEN else PaymentOutcome.FAILED, _reason(found))

    def query(self, order: str, amount_fen: int) -> ProviderAnswer:
        found = self._ask("/transit/queryorder", {"out_trade_no": order})
        if found is None:
            return ProviderAnswer(PaymentOutcome.SILENT)
        if found["result_code"] != "SUCCESS":
            is_missing = found.get("err_code") in ("ORDERNOTEXIST", "ORDER_NOT_EXIST")
            return ProviderAnswer(PaymentOutcome.MISSING if is_missing else PaymentOutcome.SILENT, _reason(found))
        return _said(found, order, amount_fen)

    def refund(self, order: str, number: str, amount_fen: int, total_fen: int) -> ProviderAnswer:
        fields = {
            "out_trade_no": order,
            "out_refund_no": number,
            "total_fee": str(total_fen),
            "refund_fee": str(amount_fen),
        }
        found = self._ask("/secapi/pay/refund", fields, self._settings.certificate)
        if found is None or (found["result_code"] != "SUCCESS" and found.get("err_code") in _MAYBE_TAKEN):
            return ProviderAnswer(PaymentOutcome.SILENT)
        return ProviderAnswer(
            PaymentOutcome.PAID if found["result_code"] == "SUCCESS" else PaymentOutcome.FAILED, _reason(found)
        )

    def heard(self, body: bytes) -> Notice:
        try:
            found = opened(body, self._settings.key)
        except MalformedXml as error:
            raise Forged(str(error)) from None
        if (found.get("appid"), found.get("mch_id")) != (self._settings.app_id, self._settings.merchant):
            raise Forged("it is meant for another merchant")
        order, amount = found.get("out_trade_no", ""), found.get("total_fee", "")
        if not order or not re.fullmatch(r"[0-9]{1,12}", amount):
            raise Forged("it names no order or no amount")
        is_paid = found.get("result_code") == "SUCCESS" and found.get("trade_state", "SUCCESS") == "SUCCESS"
        outcome = PaymentOutcome.PAID if is_paid else PaymentOutcome.SILENT
        return Notice(order, int(amount), ProviderAnswer(outcome, _reason(found), found.get("transaction_id")))

    def _ask(self, path: str, fields: dict[str, str], certificate: Certificate | None = None) -> dict[str, str] | None:
        """The fields of an answer that is signed; None where there was none."""
        ours = {
            "appid": self._settings.app_id,
            "mch_id": self._settings.merchant,
            "nonce_str": secrets.token_hex(16),
            "sign_type": "HMAC-SHA256",
            **fields,
        }
        body = sealed(ours, self._settings.key)
        try:
            answer = post(self._settings.base_url + path, body, self._settings.deadline_s, LONGEST, certificate)
            if parsed(answer).get("return_code") != "SUCCESS":
                return None
            found = opened(answer, self._settings.key)
        except (Silent, MalformedXml):
            return None
        is_ours = (found.get("appid"), found.get("mch_id")) == (self._settings.app_id, self._settings.merchant)
        return found if is_ours and "result_code" in found else None


def _said(found: dict[str, str], order: str, amount_fen: int) -> ProviderAnswer:
    """What an answer says of our order; one of another order or amount says nothing of it."""
    if found.get("out_trade_no") != order or found.get("total_fee", str(amount_fen)) != str(amount_fen):
        return ProviderAnswer(PaymentOutcome.SILENT, "it answered about another order")
    outcome = _TRADE_STATES.get(found.get("trade_state", ""), PaymentOutcome.SILENT)
    return ProviderAnswer(outcome, _reason(found), found.get("transaction_id"))


def _reason(found: dict[str, str]) -> str:
    words = (found.get("err_code", ""), found.get("err_code_des", ""), found.get("trade_state_desc", ""))
    return " ".join(word for word in words if word)[:200]
