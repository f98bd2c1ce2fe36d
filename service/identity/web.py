"""Renders the service's pages: templates with both languages, and the context that every page needs."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from service.http.format_table import look_of
from service.identity import browser
from service.identity.people import ROLE_WORDS, Role
from service.identity.sessions import Session
from service.identity.tabs import tab_of

PAGES = Path(__file__).resolve().parents[1] / "pages"
LANGUAGE_COOKIE = "greenlane-language"
LANGUAGE_LIFE_S = 365 * 86_400


class Language(enum.StrEnum):
    """The value is what the html element's lang attribute says."""

    CHINESE = "zh-CN"
    ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the menu, shown to people of at least this role. app.state.menu holds those of the application."""

    path: str
    chinese: str
    english: str
    needed: Role
    sight: tuple[str, str] = ("", "")
    """What is to be seen and done there, in Chinese and English, for the first page."""


MENU: tuple[Entry, ...] = (
    Entry("/", "首页", "Home", Role.PANEL),
    Entry(
        "/station",
        "油站",
        "Station",
        Role.ATTENDANT,
        ("加油位现况，进站记录和抓拍图", "Lanes now, visits with their pictures"),
    ),
    Entry("/fleet", "车队", "Fleet", Role.FLEET, ("车辆、里程、加油地点", "Vehicles, mileage, refuelling places")),
    Entry(
        "/fleet/exceptions",
        "异常",
        "Exceptions",
        Role.FLEET,
        ("对不上的加油记录和依据", "Refuellings that do not fit, with evidence"),
    ),
    Entry(
        "/fleet/hours",
        "时段与账单",
        "Hours and bills",
        Role.FLEET,
        ("司机申请的时段，无人支付的账单", "Hours that drivers propose, bills that nobody paid"),
    ),
    Entry("/docs", "接口文档", "API", Role.OPERATOR, ("终端怎样与本系统通信", "How a terminal talks to this service")),
)

_templates = Environment(
    loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


_templates.globals["look_of"] = look_of
_templates.globals["tab_of"] = tab_of


def language_of(request: Request) -> Language:
    """What ?lang= asks for, else what was chosen before, else the browser's; Chinese when it is neither."""
    wishes = (request.query_params.get("lang", ""), request.cookies.get(LANGUAGE_COOKIE, ""))
    for wish in (*wishes, *request.headers.get("accept-language", "").split(",")):
        if wish.strip().lower().startswith("zh"):
            return Language.CHINESE
        if wish.strip().lower().startswith("en"):
            return Language.ENGLISH
    return Language.CHINESE


def page(
    request: Request, template: str, *, session: Session | None = None, status: int = 200, **values: object
) -> Response:
    """Render service/pages/TEMPLATE. Templates write t("中文", "English"), and forms send {{ csrf }} as csrf."""
    language = language_of(request)
    context = {
        "t": _chooser(language),
        "language": language,
        "session": session,
        "role_words": ROLE_WORDS,
        "csrf": session.csrf if session is not None else "",
        "path": request.url.path,
        "home": "/",
        "before": _before(request),
        "other_language": _link(request, Language.ENGLISH if language is Language.CHINESE else Language.CHINESE),
        "menu": [
            entry
            for entry in request.app.state.menu
            if session is not None and session.person.role.covers(entry.needed)
        ],
        **values,
    }
    return _keeping_language(request, HTMLResponse(_templates.get_template(template).render(context), status))


def lead_on(request: Request, target: str) -> Response:
    """To another page, which speaks the language that this one was asked for."""
    return _keeping_language(request, RedirectResponse(target, 303))


def _keeping_language(request: Request, response: Response) -> Response:
    if "lang" in request.query_params:
        browser.set_plain_cookie(request, response, LANGUAGE_COOKIE, language_of(request).value, LANGUAGE_LIFE_S)
    return response


def part(language: Language, template: str, **values: object) -> str:
    """A part of a page, to be shown to anybody who reads that language."""
    return _templates.get_template(template).render(t=_chooser(language), language=language, **values)


def _link(request: Request, language: Language) -> str:
    """This page in the other language; after a form the page on which it stood: a form has none of its own."""
    url = request.url
    if request.method not in ("GET", "HEAD"):
        came_from = _page_before(request) or urlsplit("/")
        url = url.replace(path=came_from.path or "/", query=came_from.query)
    url = url.include_query_params(lang=language.value)
    return f"{url.path}?{url.query}"


def _page_before(request: Request) -> SplitResult | None:
    """The page of this service that Referer names; None where it names none, or nothing that is an address."""
    try:
        before = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return None
    return before if before.netloc == request.url.netloc and not before.path.startswith("//") else None


def _before(request: Request) -> str:
    """A link to the page that led here; empty where none did, or this one itself."""
    before = _page_before(request)
    if before is None or (before.path, before.query) == (request.url.path, request.url.query):
        return ""
    return before.path + (f"?{before.query}" if before.query else "")


def _chooser(language: Language) -> Callable[[str, str], str]:
    def choose(chinese: str, english: str) -> str:
        return chinese if language is Language.CHINESE else english

    return choose
