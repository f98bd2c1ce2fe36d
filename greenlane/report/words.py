"""What each reason means to people, in English and Chinese."""

from __future__ import annotations

from wire.reasons import Reason

REASONS: dict[Reason, tuple[str, str]] = {
    Reason.OK: ("The card covers the preset amount.", "余额充足，可以加油"),
    Reason.BELOW_PRESET: ("The card's available balance is below the preset amount.", "可用余额低于预设金额"),
    Reason.UNKNOWN_PLATE: ("No card is bound to this plate.", "该车牌未绑定油卡"),
    Reason.INVALID_PLATE: ("The text is no plate.", "车牌格式无效"),
    Reason.CARD_BLOCKED: ("The card is blocked.", "油卡已冻结"),
    Reason.PLATE_BLOCKED: ("The plate is blocked.", "车牌已停用"),
    Reason.NO_PAYER: ("Nobody pays for this plate at this hour.", "该时段无付款人"),
    Reason.GAP: ("The plate's owner has closed this hour.", "该时段不可加油"),
    Reason.MANDATE_MISSING: ("The phone of this hour has not signed a mandate for this plate.", "付款人尚未签约代扣"),
    Reason.MANDATE_PAUSED: ("The payer of this hour has paused their mandate.", "付款人已暂停代扣"),
    Reason.PAYER_OVERDUE: ("The payer of this hour has a bill that is overdue.", "付款人有待支付账单"),
    Reason.CLOCK_UNSURE: ("The unit's clock is not sure enough to say whose hour it is.", "设备时间不准"),
    Reason.UNPAID_CHARGE: ("An earlier charge is still unpaid.", "有未付账单"),
    Reason.STALE_QUESTION: ("The question was too old, or came from a wrong clock.", "请求过期或时钟错误"),
    Reason.NOT_CERTAIN: ("The read was not certain enough for the service.", "识别可信度不足"),
    Reason.VISIT_OVER: ("The visit was already over.", "本次到访已结束"),
    Reason.EXPIRED: ("The authorisation expired.", "授权已过期"),
    Reason.OFFLINE_ALLOWED: ("Allowed from the signed list while the line is down.", "离线名单授权"),
    Reason.OFFLINE_CAP: ("The line is down and the offline cap is used up.", "离线额度已用完"),
    Reason.OPEN_ELSEWHERE: ("The plate holds an authorisation at another lane.", "该车牌已在其他加油位获授权"),
    Reason.TYPED_DIFFERS: ("The plate typed is not the one that the camera saw.", "手动输入与摄像头所见不符"),
    Reason.ATTENDANT_NEEDED: ("Nothing was read: an attendant has to confirm the typed plate.", "等待加油员确认"),
    Reason.PIN_NEEDED: ("Nothing was read: the typed plate needs its card's PIN.", "需要密码"),
    Reason.PIN_WRONG: ("The PIN typed with the plate was wrong, or its time was over.", "密码错误"),
    Reason.TYPED_REFUSED: ("Nothing was read, and this plate may not be typed.", "该车牌不可手动输入"),
    Reason.UNSURE: (
        "A plate is there, but no reading was certain. Type it at the panel.",
        "车牌识别不确定，请在面板输入车牌",
    ),
    Reason.NO_PLATE: (
        "A vehicle stands there and no plate can be seen. Type it at the panel.",
        "未发现车牌，请在面板输入车牌",
    ),
    Reason.READ_TIMEOUT: ("The plate could not be read in time. Type it at the panel.", "识别超时，请在面板输入车牌"),
    Reason.SERVICE_SILENT: ("The balance service did not answer in time.", "服务器无应答"),
    Reason.SERVICE_FAULT: ("The balance service answered with an error.", "服务器故障"),
    Reason.SERVICE_REJECTED: ("The balance service rejected the question.", "服务器拒绝了请求"),
    Reason.CAMERA_LOST: ("The camera gave no picture.", "摄像头中断"),
    Reason.CAMERA_STALE: ("The camera's pictures were too old or did not change.", "画面停滞"),
    Reason.PLATE_CHANGED: ("Another plate came into view.", "车牌已更换"),
    Reason.NOZZLE_LIFTED: (
        "The nozzle was off its seat before this vehicle came. Hang it up.",
        "油枪在本车到达前未归位，请挂好油枪",
    ),
    Reason.LIMIT_REACHED: ("What flowed is worth the authorised limit.", "已加到授权限额"),
    Reason.INTERNAL: ("Something nobody planned happened; red is the answer to it.", "内部错误，保持红灯"),
}


def meaning(reason: Reason) -> tuple[str, str]:
    """English and Chinese; a reason without words of its own shows its code."""
    return REASONS.get(reason, (str(reason), str(reason)))
