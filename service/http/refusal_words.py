"""What the books refuse, in Chinese: codes, kinds of messages, and the sentences that say why; they say English."""

from __future__ import annotations

import re

from service.http.format_table import Words
from wire.reasons import ErrorCode

CODES: dict[str, Words] = {
    ErrorCode.MALFORMED: ("内容不合格式", "not understood"),
    ErrorCode.KEY_REUSED: ("同一编号内容不同", "its number was used for something else"),
    ErrorCode.OTHER_LANES_DISPENSER: ("加油机属于其他加油位", "the dispenser belongs to another lane"),
    ErrorCode.CONFLICT: ("与账目矛盾", "contradicts the books"),
    ErrorCode.UNKNOWN_AUTHORISATION: ("授权不存在", "authorisation unknown"),
    ErrorCode.UNKNOWN_DISPENSER: ("加油机不存在", "dispenser unknown"),
    ErrorCode.UNKNOWN_STATION: ("油站不存在", "station unknown"),
    ErrorCode.IMPOSSIBLE_FUELLING: ("加油记录自相矛盾", "the fuelling contradicts itself"),
    ErrorCode.UNAUTHENTICATED: ("签名不被接受", "signature not accepted"),
    ErrorCode.FORBIDDEN: ("没有权限", "not allowed"),
    ErrorCode.NOT_FOUND: ("不存在", "not found"),
    ErrorCode.UNAVAILABLE: ("后台暂时不可用", "the server was away"),
    ErrorCode.TOO_LARGE: ("内容太大", "too large"),
    ErrorCode.THROTTLED: ("过于频繁", "too many at once"),
    ErrorCode.INTERNAL: ("后台故障", "the server has a fault"),
}
"""Why a message was refused for good."""

KINDS: dict[str, Words] = {
    "fuelling": ("加油记录", "fuelling"),
    "release": ("撤销预授权", "release of a hold"),
}
"""What waits in an outbox or a queue."""


def code_words(code: str) -> Words:
    """The words of a code, with the code itself, which commands and their help name; a later version's as it is."""
    chinese, english = CODES.get(code, ("", ""))
    return (f"{chinese}（{code}）", f"{english} ({code})") if english else (code, code)


def kind_words(kind: str) -> Words:
    """Of an outbox; a central control has one of fuellings for each dispenser. A later version's kind as it is."""
    return KINDS.get(kind.partition(":")[0], (kind, kind))


def in_chinese(words: str) -> str:
    """What the books say, in Chinese; as it is where nobody has put it into Chinese yet."""
    for pattern, chinese in _CHINESE:
        found = re.match(pattern, words)
        if found is not None:
            return chinese.format(*found.groups())
    return words


_CHINESE = (
    (r"dispenser (.+) belongs to lane (.+), not to (.+)", "加油机 {0} 属于加油位 {1}，不是 {2}"),
    (r"dispenser (.+), sequence (\d+) was reported .*, by lane (.+)", "加油机 {0} 第 {1} 笔已由加油位 {2} 上报"),
    (r"ended_at is before started_at", "挂枪时间早于提枪时间"),
    (r"totaliser_after_ml is below", "挂枪泵码低于提枪泵码"),
    (r"volume_ml is (\d+), the totaliser moved by (-?\d+) ml", "升数为 {0} ml，累计数走了 {1} ml"),
    (r"amount_fen is (\d+), volume and unit price (?:make|give) (\d+)", "金额为 {0} 分，按升数和单价应为 {1} 分"),
    (r"no card (.+?)(?:;|,|$)", "没有加油卡 {0}"),
    (r"(.+) is the plate of a vehicle with card (.+): name", "{0} 是加油卡 {1} 的车牌号，请给新卡另取名称"),
    (r"card (.+) exists already", "加油卡 {0} 已存在"),
    (r"card (.+) has (.+) yuan free, not (.+)", "加油卡 {0} 可用余额 ¥{1}，不足 ¥{2}"),
    (r"card (.+) holds at most (.+) yuan; (.+) more can (?:come|be added)", "加油卡 {0} 最多存 ¥{1}，还可充值 ¥{2}"),
    (r"plate (.+) is now bound to card (.+);", "车牌 {0} 已绑定加油卡 {1}，请先解绑"),
    (r"plate (.+) is not bound", "车牌 {0} 没有绑定"),
    (
        r"(.+) is not a plate",
        "车牌号 {0} 不对，请按车牌填写，如 粤B12345、沪A3V25Z临、皖10A7226、民航F0939、京X1234应急",
    ),
    (r"a product's name has 1 to (\S+)", "油品名须为 1 到 {0} 个字符，前后没有空格"),
    (r"a dispenser's name has 1 to (\S+)", "加油机名须为 1 到 {0} 个字符，前后没有空格"),
    (r"a .+'s name has 1 to (\d+)", "卡号须为 1 到 {0} 个字符，前后没有空格"),
    (
        r"(.+) has letters, digits or dashes .*: write (.+)",
        "{0} 中的字母、数字或连字符是全角、其他写法或其他文字的，请写成 {1}",
    ),
    (r"characters of the name cannot be seen: write (.+)", "名称中有看不见的字符，请写成 {0}"),
    (r"(.+) mixes letters of several alphabets", "{0} 混用了几种字母，请只用一种书写"),
    (r"a price must be", "单价须在 0.01 到 10000 元之间"),
    (r"an amount must be|a cap must be", "金额太大"),
    (r"no fuelling (.+)", "没有加油记录 {0}"),
    (r"fuelling (.+) was charged or written off already", "加油记录 {0} 已补扣或核销"),
    (r"fuelling (.+) is not in suspense", "加油记录 {0} 已有人付款"),
    (r"charge (\S+): an amount above 0 and up to (\S+)", "账单 {0} 最多可退 ¥{1}"),
    (r"charge (\S+) was charged last and is not paid", "账单 {0} 最后扣款且未支付：须整张免除，或先支付"),
    (r"charge (\S+) is disputed: it cannot be given back", "账单 {0} 有争议，请先结案"),
    (r"charge (\S+) is (\S+), not disputed", "账单 {0} 的争议已结案"),
    (r"charge (\S+) is (\S+): it cannot be given back", "账单 {0} 还没有结果，请等支付完成后再退款"),
    (r"charge (\S+) is (\S+): it cannot be refunded", "账单 {0} 没有支付，不能退款"),
    (r"charge (\S+) is with (\S+): wait", "账单 {0} 正在由支付渠道处理，请稍后再试"),
    (r"no charge (\S+)", "没有账单 {0}"),
    (r"charge (\S+) is paid", "账单 {0} 已支付"),
    (r"charge (\S+) is (\S+)", "账单 {0} 现在不能收款（{1}）"),
    (r"key .+ was used before", "这张表单已用于另一笔，请重新打开页面再填"),
)
"""Patterns of what service/admin/, service/books/decisions/cash.py and service/payers/charging.py refuse."""
