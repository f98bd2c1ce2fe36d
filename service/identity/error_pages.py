"""Answers a person's browser with a page, in the reader's language, where a program would get an error record."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Request, Response

from service.identity.web import language_of, page

HEADINGS: dict[int, tuple[str, str]] = {
    400: ("无法处理", "That did not work"),
    401: ("登录已过期", "The session is over"),
    403: ("没有权限", "Not allowed"),
    404: ("找不到", "Not found"),
    405: ("无法处理", "That did not work"),
    409: ("请重新操作", "Something has changed"),
    429: ("请稍候", "Please wait"),
    500: ("系统故障", "The service has a fault"),
    503: ("系统暂时不可用", "Away for a moment"),
}
"""Chinese, English."""

WORDS: dict[int, tuple[str, str]] = {
    400: ("请返回后重试。", "Please go back and try again."),
    401: ("请重新登录。", "Please log in again."),
    403: ("没有权限查看此内容。", "You may not see this."),
    404: ("没有这个页面，请检查网址。", "There is no such page: please check the address."),
    409: ("内容已变化，请刷新后再试。", "Please load the page again and look once more."),
    429: ("操作过于频繁，请稍候再试。", "Too many attempts: please try again later."),
    500: ("请稍候再试；如仍出现，请联系维护人员。", "Please try again; if it comes again, call the technician."),
    503: ("请稍候再试。", "Please try again in a moment."),
}


def is_for_person(request: Request) -> bool:
    """Whether a browser shows the answer, rather than a program or a page's script reading it."""
    return "text/html" in request.headers.get("accept", "")


def error_page(
    request: Request, status: int, english: str = "", chinese: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """What went wrong, as a sentence; in Chinese the general one where nobody has worded it."""
    is_english = language_of(request).value == "en"
    general = WORDS.get(status, WORDS[400])
    words = (english or general[1]) if is_english else (chinese or general[0])
    heading = HEADINGS.get(status, HEADINGS[400])[is_english]
    answer = page(request, "message.html", status=status, heading=heading, words=words, asks_to_log_in=status == 401)
    answer.headers.update(headers or {})
    return answer
