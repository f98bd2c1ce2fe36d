"""What people read about lanes, in plain Chinese and English."""

from __future__ import annotations

from wire.live import LampState, OrderResult, Stage
from wire.reasons import Reason

Words = tuple[str, str]
"""Chinese, English."""

REASONS: dict[Reason, Words] = {
    Reason.OK: ("可以加油", "You may refuel"),
    Reason.BELOW_PRESET: ("余额不足，请充值", "The balance is too low: please top up"),
    Reason.UNKNOWN_PLATE: ("该车牌未登记", "This plate is not registered"),
    Reason.INVALID_PLATE: ("车牌格式不正确", "This is no possible plate"),
    Reason.CARD_BLOCKED: ("油卡已冻结", "The fuel card is blocked"),
    Reason.PLATE_BLOCKED: ("该车牌已停用", "This plate is blocked"),
    Reason.NO_PAYER: ("当前时段没有付款人", "Nobody pays for this plate at this hour"),
    Reason.GAP: ("该时段不可加油", "This plate does not refuel at this hour"),
    Reason.MANDATE_MISSING: ("付款人尚未签约代扣", "The payer's phone has not signed for this plate"),
    Reason.MANDATE_PAUSED: ("付款人已暂停代扣", "The payer has paused paying"),
    Reason.PAYER_OVERDUE: ("有待支付账单", "An earlier bill of the payer waits to be paid"),
    Reason.CLOCK_UNSURE: ("设备时间不准，请到柜台付款", "The lane's clock is not sure: please pay at the counter"),
    Reason.UNPAID_CHARGE: ("有未支付的加油账单", "An earlier fuelling is not paid yet"),
    Reason.STALE_QUESTION: ("询问已过期，正在重试", "The question was too old: trying again"),
    Reason.NOT_CERTAIN: ("车牌不确定，请在面板输入车牌", "The plate is not certain: please type it here"),
    Reason.VISIT_OVER: ("请驶入加油位", "Drive up to the pump"),
    Reason.EXPIRED: ("授权已到期，正在重新询问", "The authorisation ran out: asking again"),
    Reason.OFFLINE_ALLOWED: ("线路中断，按离线额度放行", "The line is down: allowed within the offline limit"),
    Reason.OFFLINE_CAP: ("线路中断，离线额度已用完", "The line is down and the offline limit is used up"),
    Reason.OPEN_ELSEWHERE: (
        "该车牌已在其他加油位获授权，请找工作人员",
        "This plate is being served at another lane: please call the staff",
    ),
    Reason.TYPED_DIFFERS: (
        "与摄像头所见不符，请联系加油员",
        "The camera saw another plate: please call the attendant",
    ),
    Reason.ATTENDANT_NEEDED: ("请等待加油员确认车牌", "The attendant confirms the plate: please wait"),
    Reason.PIN_NEEDED: ("请在此输入车牌和密码", "Please type your plate with its PIN"),
    Reason.PIN_WRONG: ("密码错误，请重新输入", "The PIN is wrong: please type it again"),
    Reason.TYPED_REFUSED: ("该车牌不可手动输入，请联系加油员", "This plate cannot be typed: please call the attendant"),
    Reason.UNSURE: ("车牌看不清，请在面板输入车牌", "The plate cannot be read: please type it here"),
    Reason.NO_PLATE: ("没有看到车牌，请在面板输入车牌", "No plate is seen: please type it here"),
    Reason.READ_TIMEOUT: ("识别超时，请在面板输入车牌", "Reading took too long: please type your plate"),
    Reason.SERVICE_SILENT: ("结算系统没有应答，请稍候", "The balance service does not answer: please wait"),
    Reason.SERVICE_FAULT: ("结算系统出错，请稍候", "The balance service has a fault: please wait"),
    Reason.SERVICE_REJECTED: ("结算系统拒绝了询问，请找工作人员", "The question was rejected: please call the staff"),
    Reason.CAMERA_LOST: ("摄像头没有画面，请找工作人员", "The camera gives no picture: please call the staff"),
    Reason.CAMERA_STALE: ("摄像头画面停滞，请找工作人员", "The camera's picture stands still: please call the staff"),
    Reason.PLATE_CHANGED: ("车辆已更换", "Another vehicle came"),
    Reason.NOZZLE_LIFTED: ("油枪未归位，请先挂好油枪", "The nozzle is off its seat: please hang it up first"),
    Reason.LIMIT_REACHED: ("已加到授权限额，请挂好油枪", "The limit is reached: please hang the nozzle up"),
    Reason.INTERNAL: ("设备故障，请找工作人员", "The lane has a fault: please call the staff"),
}

LAMPS: dict[LampState, Words] = {
    LampState.OFF: ("空闲", "Ready"),
    LampState.RED: ("红灯", "Red"),
    LampState.GREEN: ("绿灯", "Green"),
}

PHASES: dict[str, Words] = {
    "empty": ("空闲", "empty"),
    "reading": ("正在识别", "reading"),
    "asking": ("正在询问", "asking"),
    "green": ("可以加油", "may refuel"),
    "fuelling": ("正在加油", "fuelling"),
    "red": ("不可加油", "refused"),
    "fault": ("故障", "fault"),
}

STAGES: dict[Stage, Words] = {
    Stage.SEEN: ("车辆到达", "Vehicle seen"),
    Stage.READ: ("识别一帧", "Frame read"),
    Stage.VOTED: ("综合判断", "Vote"),
    Stage.ASKED: ("询问", "Question"),
    Stage.ANSWERED: ("应答", "Answer"),
    Stage.LAMP: ("信号灯", "Lamp"),
    Stage.FUELLING: ("加油", "Fuelling"),
    Stage.CHARGED: ("扣款", "Charged"),
    Stage.NOTE: ("备注", "Note"),
    Stage.GONE: ("车辆离开", "Vehicle left"),
}

CONFLICTS: dict[str, Words] = {
    "card_unknown": ("油卡不存在", "card unknown"),
    "card_blocked": ("油卡已冻结", "card blocked meanwhile"),
    "plate_rebound": ("车牌已换绑", "plate bound to another card"),
    "plate_blocked": ("车牌已停用", "plate blocked meanwhile"),
    "over_cap": ("超出现行离线额度", "beyond today's cap"),
    "list_unknown": ("名单版本不明", "list unknown"),
    "list_expired": ("名单已过期", "list had expired"),
    "second_fuelling": ("同一授权再次加油", "second fuelling"),
    "other_plate": ("车牌不符", "other plate"),
    "overrun": ("超出限额", "beyond the limit"),
    "offline_debt": ("余额不足，已记欠款", "balance too low: owed"),
}
"""What a fuelling that was allowed offline met once the line was back (service/offline/conflicts.py)."""

RESULTS: dict[OrderResult, Words] = {
    OrderResult.TAKEN: ("已收到", "Taken"),
    OrderResult.NOBODY: ("没有等待输入车牌的车辆", "No vehicle waits for a typed plate"),
    OrderResult.FAILED: ("未能执行", "It could not be done"),
}

WAITING: Words = ("正在发送到加油位", "On its way to the lane")
EXPIRED: Words = ("加油位没有应答，请重试", "The lane did not answer: please try again")
NO_PINS_HERE: Words = ("此处无法核对密码，请联系加油员", "The PIN cannot be checked here: please call the attendant")
PIN_LATER: Words = ("密码错误次数过多，请联系加油员", "Too many wrong PINs: please call the attendant")
FUELLED: Words = ("加油已结束，请驶离", "The fuelling is over: please drive on")
SILENT: Words = ("加油位没有应答，请找工作人员", "The lane does not answer: please call the staff")


def yuan(fen: int) -> str:
    """An amount as people read it."""
    return f"¥{fen // 100}.{fen % 100:02d}" if fen >= 0 else f"-{yuan(-fen)}"


def litres(ml: int) -> str:
    """A volume as people read it, in hundredths of a litre."""
    return f"{ml / 1000:.2f} L"
