"""Why a day is not balanced, in Chinese: the same list as service.reports.reconciliation has in English."""

from __future__ import annotations

from collections.abc import Iterator

from service.reports.reconciliation import Day
from wire.money import format_yuan


def troubles_in_chinese(day: Day) -> list[str]:
    """One sentence for each of day.troubles, in its order."""
    return list(_troubles(day))


def _troubles(day: Day) -> Iterator[str]:
    if day.difference_fen:
        yield f"加油记录的入账与上报相差 {format_yuan(day.difference_fen)} 元：请系统管理员运行 greenlane admin audit"
    for d in day.dispensers:
        if d.missing_sequences:
            yield (
                f"{d.dispenser}：第 {d.first_sequence} 到 {d.last_sequence} 号中有 {d.missing_sequences} 笔没有上报："
                "请维护人员在识别终端上查看待上传和待人工处理记录"
            )
        if d.unreported_ml:
            yield f"{d.dispenser}：累计数走了 {d.unreported_ml / 1000:.3f} L，没有对应的加油记录：请与油机泵码核对"
    if day.rejected:
        yield f"{day.rejected} 笔上报被拒：见“拒收与手输”，排除原因后在识别终端上重新上传"
