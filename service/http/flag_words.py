"""The flags of lane units, stations and books, in Chinese and English: what is odd about a fuelling."""

from __future__ import annotations

from service.http.format_table import Words
from wire.flags import BooksFlag, LaneFlag, StationFlag

FLAGS: dict[str, Words] = {
    LaneFlag.POWER_CUT: ("加油时断电", "power cut"),
    LaneFlag.CLOCK_UNSET: ("设备时间没有设置", "the unit's clock was not set"),
    LaneFlag.CLOCK_JUMPED: ("设备时间跳变", "the unit's clock jumped"),
    LaneFlag.NO_AUTHORISATION: ("没有授权", "no authorisation"),
    LaneFlag.LATE_AUTHORISATION: ("加油中才得到授权", "authorised while fuel flowed"),
    LaneFlag.IMPOSSIBLE_FLOW: ("流速不可能", "impossible flow"),
    LaneFlag.NOZZLE_HUNG: ("挂枪时出油", "fuel with the nozzle hung up"),
    LaneFlag.COUNTER_RESET: ("脉冲计数重新开始", "the pulse counter began anew"),
    LaneFlag.STRAY_PULSES: ("没有提枪的脉冲", "pulses without a lift"),
    LaneFlag.PULSER_BOUNCE: ("脉冲抖动", "pulses too close"),
    LaneFlag.PRICE_FROM_SETTINGS: ("单价取自终端设置", "price from the unit's settings"),
    StationFlag.PROVISIONAL: ("暂由中控应答", "answered by the station for now"),
    BooksFlag.CLOCK_AHEAD: ("设备时间超前", "the unit's clock is ahead"),
    BooksFlag.PRICE_DIFFERS: ("单价与油站不符", "not the station's price"),
    BooksFlag.ABOVE_TANK: ("超油箱容量", "more than the tank"),
    BooksFlag.PULSES_DIFFER: ("与终端脉冲不符", "the unit's pulses differ"),
    BooksFlag.OUT_OF_ORDER: ("顺序颠倒", "out of order"),
    BooksFlag.SEQUENCE_GAP: ("序号缺失", "numbers missing"),
    BooksFlag.TOTALISER_BACK: ("累计数倒退", "the totaliser went back"),
    BooksFlag.TOTALISER_GAP: ("泵码跳变", "the totaliser jumped"),
    BooksFlag.SUM_OF_TWO: ("像是两笔合计", "looks like two sales added"),
    BooksFlag.SAME_AGAIN: ("像是重复上报", "looks like the same sale again"),
    BooksFlag.TWO_SWAPPED: ("像是两笔互换", "looks like two sales exchanged"),
    BooksFlag.UNKNOWN_AUTHORISATION: ("授权不存在", "authorisation unknown"),
    BooksFlag.OTHER_STATION: ("授权属于其他油站", "authorised at another station"),
    BooksFlag.OTHER_LANE: ("授权属于其他加油位", "authorised at another lane"),
    BooksFlag.UNCOVERED: ("没有授权", "not authorised"),
    BooksFlag.LATE: ("授权超时后加油", "after the authorisation ran out"),
    BooksFlag.AFTER_RELEASE: ("撤销授权后加油", "after the authorisation was given back"),
    BooksFlag.EXPIRED_AUTHORISATION: ("授权超时", "the authorisation ran out"),
    BooksFlag.CAPPED: ("超出未授权扣款上限", "beyond the cap without authorisation"),
    BooksFlag.OFFLINE: ("脱机交易", "offline"),
    BooksFlag.ANSWERED_TOO_LATE: ("应答太迟", "answered too late"),
    BooksFlag.CARD_UNKNOWN: ("油卡不存在", "card unknown"),
    BooksFlag.PAYER_UNKNOWN: ("付款人不存在", "payer unknown"),
    BooksFlag.MANDATE_UNKNOWN: ("没有此代扣签约", "no such mandate"),
    BooksFlag.MANDATE_ENDED: ("代扣签约已终止", "mandate had ended"),
    BooksFlag.CARD_BLOCKED: ("油卡已停用", "card blocked meanwhile"),
    BooksFlag.PLATE_REBOUND: ("已改绑", "plate bound to another card"),
    BooksFlag.PLATE_BLOCKED: ("车牌已停用", "plate blocked meanwhile"),
    BooksFlag.OVER_CAP: ("超出现行离线额度", "beyond today's cap"),
    BooksFlag.LIST_UNKNOWN: ("名单版本不明", "list unknown"),
    BooksFlag.LIST_EXPIRED: ("名单已过期", "list had expired"),
    BooksFlag.SECOND_FUELLING: ("同一授权再次加油", "second fuelling"),
    BooksFlag.OTHER_PLATE: ("车牌不符", "other plate"),
    BooksFlag.OVERRUN: ("超出限额", "beyond the limit"),
    BooksFlag.OFFLINE_DEBT: ("余额不足，已记欠费", "balance too low: owed"),
}


def flag_words(flag: str) -> Words:
    """A flag of a later version as it is."""
    return FLAGS.get(flag, (flag, flag))
