"""What people read about lanes, in plain Chinese and English."""

from __future__ import annotations

from service.http.flag_words import FLAGS
from service.offline import visits
from wire.live import ENTRANCE, LampState, OrderResult, Stage
from wire.reasons import Reason

Words = tuple[str, str]
"""Chinese, English."""

CALL = ("请联系加油员", "call the staff")
COUNTER = ("请到收银台付款", "pay at the counter")
ASK = ("请到收银台咨询", "ask at the counter")
TYPE_IT = ("请在此输入车牌号", "type it here")
WAIT = ("请稍候", "please wait")
NOTHING_TO_DO: Words = ("", "")

REASON_AND_REMEDY: dict[Reason, tuple[Words, Words]] = {
    Reason.OK: (("可以加油", "You may refuel"), NOTHING_TO_DO),
    Reason.BELOW_PRESET: (("余额不足", "Balance too low"), ("请到收银台充值", "top up at the counter")),
    Reason.UNKNOWN_PLATE: (("车牌未绑定油卡", "No card for this plate"), ASK),
    Reason.INVALID_PLATE: (("车牌格式不正确", "Not a possible plate"), ("请重新输入", "type it again")),
    Reason.CARD_BLOCKED: (("油卡已停用", "The card is blocked"), ASK),
    Reason.PLATE_BLOCKED: (("车牌已停用", "The plate is blocked"), ASK),
    Reason.NO_PAYER: (("本时段没有付款人", "Nobody pays now"), COUNTER),
    Reason.GAP: (("本时段不可加油", "Closed at this hour"), ASK),
    Reason.MANDATE_MISSING: (("付款人尚未签约代扣", "Payer has not signed"), COUNTER),
    Reason.MANDATE_PAUSED: (("付款人已暂停代扣", "The payer has paused"), COUNTER),
    Reason.PAYER_OVERDUE: (("有待支付账单", "A bill waits to be paid"), ("请先用手机支付", "pay it by phone")),
    Reason.CLOCK_UNSURE: (("设备时间不准", "The clock is not sure"), COUNTER),
    Reason.UNPAID_CHARGE: (("上次加油待支付", "Last fuelling not paid"), ("请先支付", "pay it first")),
    Reason.STALE_QUESTION: (("查询超时", "The question was too old"), WAIT),
    Reason.NOT_CERTAIN: (("车牌识别把握不足", "Plate not sure enough"), TYPE_IT),
    Reason.VISIT_OVER: (("加油已结束", "Fuelling is over"), ("请驶离加油位", "please drive on")),
    Reason.EXPIRED: (("授权超时", "Authorisation ran out"), WAIT),
    Reason.OFFLINE_ALLOWED: (("按离线额度放行", "Allowed while offline"), NOTHING_TO_DO),
    Reason.OFFLINE_CAP: (("离线额度已用完", "Offline limit used up"), COUNTER),
    Reason.OPEN_ELSEWHERE: (("已在其他加油位授权", "Served at another lane"), CALL),
    Reason.TYPED_DIFFERS: (("与摄像头所见不符", "The camera saw another"), CALL),
    Reason.ATTENDANT_NEEDED: (("等待加油员确认车牌", "The attendant confirms"), WAIT),
    Reason.PIN_NEEDED: (("需要密码", "A PIN is needed"), ("请在此输入密码", "type it here")),
    Reason.PIN_WRONG: (("密码错误", "The PIN is wrong"), ("请重新输入", "type it again")),
    Reason.TYPED_REFUSED: (("该车牌不可手动输入", "Plate may not be typed"), CALL),
    Reason.UNSURE: (("车牌看不清", "The plate is not clear"), TYPE_IT),
    Reason.UNKNOWN_KIND: (("不认识的车牌种类", "Plate kind not known"), COUNTER),
    Reason.NO_PLATE: (("没有看到车牌", "No plate is seen"), TYPE_IT),
    Reason.READ_TIMEOUT: (("识别超时", "Reading took too long"), TYPE_IT),
    Reason.SERVICE_SILENT: (("后台没有应答", "The server is silent"), COUNTER),
    Reason.SERVICE_FAULT: (("后台故障或网络中断", "The server has a fault"), COUNTER),
    Reason.SERVICE_REJECTED: (("后台拒绝了查询", "The server refused"), CALL),
    Reason.CAMERA_LOST: (("摄像头没有画面", "No camera picture"), CALL),
    Reason.CAMERA_STALE: (("摄像头画面停滞", "Camera picture is frozen"), CALL),
    Reason.PLATE_CHANGED: (("车辆已更换", "Another vehicle came"), WAIT),
    Reason.NOZZLE_LIFTED: (("油枪未归位", "The nozzle is off"), ("请先挂枪", "hang it up first")),
    Reason.LIMIT_REACHED: (("已加到限额", "The limit is reached"), ("请挂枪", "hang the nozzle up")),
    Reason.INTERNAL: (("设备故障", "The lane has a fault"), CALL),
}
"""Each reason's one wording everywhere: the fact, and what a driver does about it. A panel gives each a line."""

REASONS: dict[Reason, Words] = {reason: fact for reason, (fact, _) in REASON_AND_REMEDY.items()}

LAMPS: dict[LampState, Words] = {
    LampState.OFF: ("熄灭", "Off"),
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
    ENTRANCE: ("入口摄像头", "entry camera"),
}

STAGES: dict[Stage, Words] = {
    Stage.SEEN: ("车辆到达", "Vehicle seen"),
    Stage.READ: ("识别一帧", "Frame read"),
    Stage.VOTED: ("综合判断", "Vote"),
    Stage.ASKED: ("询问", "Question"),
    Stage.ANSWERED: ("应答", "Answer"),
    Stage.LAMP: ("指示灯", "Lamp"),
    Stage.FUELLING: ("加油", "Fuelling"),
    Stage.CHARGED: ("扣款", "Charged"),
    Stage.NOTE: ("备注", "Note"),
    Stage.GONE: ("车辆离开", "Vehicle left"),
}

CONFLICTS: dict[str, Words] = {flag: FLAGS[flag] for flag in visits.CONFLICTS}
"""What a fuelling that was allowed offline met once the line was back."""

RESULTS: dict[OrderResult, Words] = {
    OrderResult.TAKEN: ("已收到", "Taken"),
    OrderResult.NOBODY: ("没有等待输入车牌的车辆", "No vehicle waits for a typed plate"),
    OrderResult.FAILED: ("未能执行", "It could not be done"),
}

TYPE_HERE: Words = ("请在此输入", "Type your plate")
LOST: Words = ("网络中断", "No connection")
SILENT: Words = ("设备离线", "The lane does not answer")
NO_PINS_NOW: Words = ("暂不能核对密码，请联系加油员", "The PIN can't be checked now: ask the staff")
PIN_LATER: Words = ("密码错误次数过多", "Too many wrong PINs")
SENT: Words = ("已发送", "Sent")
ALREADY_GREEN: Words = ("已可加油，无需输入", "Already green")
NO_VEHICLE: Words = ("没有车辆等待输入", "No vehicle waits for it")
NOT_TAKEN: Words = ("未收到应答，请再输入", "No answer: type it again")


def yuan(fen: int) -> str:
    """An amount as people read it."""
    return f"¥{fen // 100}.{fen % 100:02d}" if fen >= 0 else f"-{yuan(-fen)}"


def number(amount: int, unit: int) -> str:
    """A figure as a dispenser shows it, in hundredths: 7900 fen of 100 are 79.00, 10000 ml of 1000 are 10.00."""
    hundredths = amount * 100 // unit
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}.{abs(hundredths) % 100:02d}"


def litres(ml: int) -> str:
    """A volume as people read it, in hundredths of a litre."""
    return f"{ml / 1000:.2f} L"


def meaning(reason: Reason) -> Words:
    """A reason's words as a sentence of a report; one without words of its own shows its code."""
    chinese, english = REASONS.get(reason, (str(reason), str(reason)))
    return chinese, f"{english}."
