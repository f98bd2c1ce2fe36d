"""What a lane unit writes beside the steps of a visit, in Chinese; units write English, whoever reads it."""

from __future__ import annotations

import re

DOUBTS = {
    "edge": "靠画面边缘",
    "covered": "有遮挡",
    "spacing": "字距不对",
    "colour": "颜色不符",
    "unknown_kind": "种类不明",
    "vetoed": "复核不一致",
    "hidden": "部分看不见",
    "unsure": "看不清",
}

_PATTERNS = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        (r"a vehicle came", "车辆到达"),
        (r"no plate", "没有看到车牌"),
        (r"weakest character ([\d.]+), [a-z_ ]+, doubted: (.+)", "最弱字符 {0}，存疑：{1}"),
        (r"weakest character ([\d.]+).*", "最弱字符 {0}"),
        (r"1 read, (.+)", "只有 1 次识别，{0}"),
        (r"(\d+) reads agree, (?!\d+ reads agree$)(.+)", "{0} 次识别一致，{1}"),
        (r"(\d+) reads agree.*", "{0} 次识别一致"),
        (r"no plate was seen", "没有看到车牌"),
        (r"plates were seen, none large and clear enough to be believed", "看到过车牌，但都不够大、不够清楚"),
        (r"the plate is doubted: (.+)", "车牌存疑：{0}"),
        (r"the text has no plate's format", "文字不符合车牌格式"),
        (r"only (\d+) of (\d+) reads agree", "{1} 次识别中只有 {0} 次一致"),
        (r"another text has (\S+) of its evidence", "另一种读法的依据达到它的 {0}"),
        (r"only (\S+) of the evidence agrees", "只有 {0} 的依据一致"),
        (r"the province character is (\S+) sure", "省份简称的把握为 {0}"),
        (r"character (\d+) is (\S+) sure", "第 {0} 位字符的把握为 {1}"),
        (r"the vehicle does not stand yet", "车辆尚未停稳"),
        (r"typed", "手动输入"),
        (r"read", "识别"),
        (r"nozzle lifted", "提枪"),
        (r"nozzle hung up, nothing flowed", "挂枪，没有出油"),
        (r"nozzle hung up, (\S+) [lL], (\S+) yuan", "挂枪，{0} 升，{1} 元"),
        (
            r"the plate read is not the plate typed, which the station has confirmed",
            "识别与输入不同，油站已确认输入的车牌",
        ),
        (r"the plate read is not the plate typed", "识别的车牌与输入的不同"),
        (r"a typed plate was ignored: .*", "手动输入未被采用：没有车辆等待输入"),
        (r"an authorisation was not moved: .*", "授权没有转移：没有未使用的授权"),
        (r"an authorisation was not revoked: .*", "授权没有撤销：没有未使用的授权"),
        (r"a confirmation was ignored: no such .*", "确认未被采用：没有这块车牌在等待确认"),
        (r"a confirmation was ignored: .*", "确认未被采用：这块车牌不需要确认"),
        (r"an answer came too late and was given back", "应答太迟，已撤销授权"),
        (r"an authorisation was not renewed: .*", "授权没有续期"),
        (r"an authorisation was ended by the service: .*", "后台终止了授权"),
        (r"the nozzle was lifted without green", "没有绿灯就提枪"),
        (r"the authorisation expired", "授权超时"),
        (r"the nozzle is off its seat: .*", "油枪未归位：挂枪之前不询问"),
        (r"the camera was moved: .*", "摄像头被移动：请重新做摄像头调试"),
        (r"a renewal failed and is tried again: .*", "续期失败，将重试"),
        (r"a renewal waits: .*", "续期在等待"),
        (r"the wall clock jumped by (\S+) s", "设备时间跳变 {0} 秒"),
        (r"the wall clock is not set", "设备时间没有设置"),
    )
)


def in_chinese(words: str) -> str:
    """The step's words in Chinese; nothing where nobody has worded them: stage and reason stand beside."""
    for pattern, chinese in _PATTERNS:
        found = pattern.fullmatch(words)
        if found is not None:
            return chinese.format(*map(_part, found.groups()))
    return ""


def _part(part: str) -> str:
    """What was filled in: doubts by their names, a sentence of its own, else as it is."""
    if all(doubt in DOUBTS for doubt in part.split(", ")):
        return "、".join(DOUBTS[doubt] for doubt in part.split(", "))
    return in_chinese(part) or part
