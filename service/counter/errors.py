"""What the counter tells a person who asked for something that can't be done, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from service.errors import AdminError, LedgerError, ServiceError
from service.http.refusal_words import in_chinese
from wire.money import format_yuan

Words = tuple[str, str]
"""Chinese, English."""


@dataclass
class CounterRefused(ServiceError):
    """Nothing was done. back: where the person came from, a path of this site."""

    chinese: str
    english: str
    back: str = ""

    def __str__(self) -> str:
        return self.english


@contextmanager
def telling_why() -> Iterator[None]:
    """What the books refuse, as a sentence for a person."""
    try:
        yield
    except (AdminError, LedgerError) as error:
        words = f"没有任何改动：{in_chinese(str(error))}"
        raise CounterRefused(words, f"Nothing was changed: {error}") from error


def too_little_free(card: str, free_fen: int, wanted_fen: int) -> CounterRefused:
    free, wanted = format_yuan(max(0, free_fen)), format_yuan(wanted_fen)
    return CounterRefused(
        f"加油卡 {card} 可用余额 ¥{free}，不足 ¥{wanted}。没有退款。",
        f"Card {card} has ¥{free} free, not ¥{wanted}. Nothing was paid out.",
    )


NO_SHIFT: Words = ("请先上班（开始班次），再收付款。", "Open your shift first; then take or pay money.")
FORM_USED: Words = (
    "这张表单已用于另一笔，请重新打开页面再填。",
    "This form was used for another payment; load the page again.",
)
BILL_PAID: Words = ("这张账单已支付。", "This bill is paid already.")
FORM_BROKEN: Words = ("表单不完整，请重新打开页面再填。", "The form is incomplete; load the page again.")
BAD_PRICE: Words = ("请输入每升单价（元），如 7.50。", "Type the price of a litre in yuan, such as 7.50.")
BAD_AMOUNT: Words = ("请输入金额，如 300 或 300.50。", "Type an amount, such as 300 or 300.50.")
