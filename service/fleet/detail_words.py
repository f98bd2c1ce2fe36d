"""What the mileage's findings say of a refuelling, in Chinese; they are kept in English, with the evidence."""

from __future__ import annotations

import re

_PATTERNS = tuple(
    (re.compile(pattern), chinese)
    for pattern, chinese in (
        (r"card (\S+) for (\S+) and (\S+): (.+)", "油卡 {0} 用于 {1} 和 {2}：{3}"),
        (r"(.+) in a vehicle that takes (.+)", "应加 {1} 的车辆加了 {0}"),
        (r"(\S+) [lL] into a tank of (\S+) [lL]", "{1} 升的油箱加了 {0} 升"),
        (r"(\S+) [lL] in two fills (\S+) min apart", "相隔 {1} 分钟两次共加 {0} 升"),
        (r"(\S+) [lL] after (\S+) km, which explain (\S+) [lL] at most", "行驶 {1} km 后加 {0} 升，按里程最多 {2} 升"),
        (
            r"(\S+) [lL] from the pumps, (\S+) [lL] by the engine between two full fills; (\S+) [lL] apart would fit",
            "两次加满之间加油机 {0} 升，发动机 {1} 升；相差 {2} 升以内为正常",
        ),
        (r"(\S+) [lL] used in all", "累计耗油 {0} 升"),
        (r"(.+) and (.+), (\S+) km apart, within (\S+) min", "{3} 分钟内在 {0} 和 {1}，相距 {2} km"),
        (r"within (\S+) min", "相隔 {0} 分钟"),
        (r"fuel at (.+) \((.+)\)", "在 {0} 加油（{1}）"),
        (r"(\S+) [lL] at (.+) \((.+)\)", "在 {1} 加油 {0} 升（{2}）"),
        (r"at (.+) \((.+)\)", "在 {0}（{1}）"),
        (r"(\S+) km, (\S+) [lL]", "{0} km，{1} 升"),
        (r"(\S+) m from (.+); (\d+) within (\S+) m", "距 {1} {0} m；{3} m 内有 {2} 个位置"),
        (r"(\S+) km from (.+)", "距 {1} {0} km"),
        (r"(\S+) km at (.+)", "在 {1} 时 {0} km"),
        (r"the vehicle was (\S+) km away (\S+) min from it: .*", "相隔 {1} 分钟时车辆在 {0} km 之外，不可能这么快"),
        (r"(\d+) positions within 10 min, none of them at rest", "10 分钟内有 {0} 个位置，都不是停车"),
        (r"the vehicle did not stand within 10 min of it", "前后 10 分钟内车辆没有停过"),
        (
            r"the vehicle did not stand within 10 min of it; it only passed (.+)",
            "前后 10 分钟内车辆没有停过，只经过 {0}",
        ),
        (
            r"(\d+) positions of the same minutes lie elsewhere: two trackers, or two vehicles\?",
            "同一时间有 {0} 个位置在别处：是两个定位器，还是两辆车？",
        ),
        (
            r"between the stand and the row nobody knows where it was for (\S+) min: it may have gone on",
            "停车与记录之间有 {0} 分钟不知去向，可能开到了别处",
        ),
        (r"no station is known", "没有已知油站"),
        (
            r"it stood at (.+), or in the other datum at (.+): is the datum right\?",
            "停在 {0}；按另一坐标系则在 {1}：坐标系是否写对？",
        ),
        (
            r"no known station within (\S+) m of where it stood; in the other datum .*",
            "停车处 {0} m 内没有已知油站；按另一坐标系则在一处油站：坐标系是否写对？",
        ),
        (r"stood (\S+) s, (\d+) positions, mean within (\S+) m", "停车 {0} 秒，{1} 个位置，平均误差 {2} m"),
        (r"the vehicle stood at (\d+) places within 10 min of it", "前后 10 分钟内车辆停过 {0} 处"),
        (r"no known station within (\S+) m of where it stood.*", "停车处 {0} m 内没有已知油站"),
        (r"(.+) and (.+) are (\S+) m apart: either may be it", "{0} 和 {1} 相距 {2} m，都有可能"),
        (r"it stood between (.+) and (.+): either may be it", "停在 {0} 和 {1} 之间，都有可能"),
        (r"it stood (\S+) m beside (.+)", "停在距 {1} {0} m 处"),
        (r"it stood about (\S+) m from (.+), but .*", "停在距 {1} 约 {0} m 处，位置不够精确"),
        (r"(.+), (\S+) m from the mean of the stand, no other near", "{0}，距停车处 {1} m，附近没有其他油站"),
        (r"(.+) alone fits (\S+) km from (.+) and (\S+) km to (.+)", "只有 {0} 符合：距 {2} {1} km，到 {4} {3} km"),
        (r"(.+) alone fits (\S+) km from (.+)", "只有 {0} 符合：距 {2} {1} km"),
        (r"no positions near in time, and (.+)", "附近时间没有位置；{0}"),
        (r"the odometer cannot be right: (.+)", "里程表读数不对：{0}"),
        (r"no odometer reading", "也没有里程表读数"),
        (r"no known place before it", "此前没有已知地点"),
        (r"(.+) fits, but with errands (.+) would too", "{0} 符合，但若中途办事绕路，{1} 也可能"),
        (r"by its distance it was at (.+?), but (the vehicle was .+)", "按里程应在 {0}，但{1}"),
        (r"(\S+) km, then (\S+) km: it ran backwards", "先 {0} km，后 {1} km：里程倒退"),
        (
            r"(\S+) km, then (\S+) km: no car drives so far in the time between",
            "先 {0} km，后 {1} km：这段时间开不了这么远",
        ),
        (r"(\S+) km, then (\S+) km: metres instead of kilometres\?", "先 {0} km，后 {1} km：公里写成了米？"),
        (r"(\S+) km, then (\S+) km: kilometres after metres\?", "先 {0} km，后 {1} km：由米改成了公里？"),
        (r"(\S+) km, then (\S+) km: miles instead of kilometres\?", "先 {0} km，后 {1} km：公里写成了英里？"),
        (r"(\S+) km, then (\S+) km: kilometres after miles\?", "先 {0} km，后 {1} km：由英里改成了公里？"),
        (r"no known station fits (\S+) km from (.+)", "距 {1} {0} km 处没有已知油站"),
        (r"(\d+) known stations fit: (.+) (\S+) km from (.+)", "距 {3} {2} km 处有 {0} 个已知油站：{1}"),
    )
)


def in_chinese(detail: str) -> str:
    """The finding in Chinese; as it is where nobody has worded it."""
    for pattern, chinese in _PATTERNS:
        found = pattern.fullmatch(detail)
        if found is not None:
            parts = [in_chinese(part or "") if " " in (part or "") else part for part in found.groups()]
            return chinese.format(*parts)
    return detail
