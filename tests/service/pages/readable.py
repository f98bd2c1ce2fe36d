"""What a reader of a page sees, and what of it is in the wrong language."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape

import httpx
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

CHINESE = re.compile(r"[\u4e00-\u9fff]+")
ENGLISH = re.compile(r"(?<![\w_-])[A-Za-z][a-z']+(?:,? [a-z][a-z']+(?![\w_-]))+")
"""Two words and more behind each other; codes, which are written with dashes, are not among them."""
PLATE = re.compile(r"[\u4e00-\u9fff][A-Z][·\s]*[A-Z0-9]{4,6}[\u4e00-\u9fff]?")
HIDDEN = re.compile(r"<(script|style|code|pre|svg)\b.*?</\1>", re.DOTALL)
OTHER_LANGUAGE = re.compile(r'<a [^>]*hreflang="[^"]*"[^>]*>[^<]*</a>')
READ_OUT = re.compile(r'\b(?:alt|title|placeholder|aria-label)="([^"]*)"')
NOT_PAGES = (".json", ".csv", ".js", ".webmanifest", ".ico", "/events", "/picture", "/docs", "/healthz", "/metrics")
"""Endings of addresses that give no page for people, and of the description of the interface, which stays English."""


def texts(page: str) -> Iterator[str]:
    """Its texts one after the other, with those that are read out or shown on pointing."""
    body = OTHER_LANGUAGE.sub("", HIDDEN.sub("", page))
    yield from (unescape(text) for text in READ_OUT.findall(body))
    yield from (unescape(text).strip() for text in re.split(r"<[^>]*>", body) if text.strip())


def wrong(page: str, language: str, data: Iterable[str] = ()) -> list[str]:
    """English sentences of a Chinese page, Chinese of an English one. data: names that stay as they are."""
    found = []
    for text in texts(page):
        for name in data:
            text = text.replace(name, "")
        pattern = ENGLISH if language == "zh" else CHINESE
        found += pattern.findall(text if language == "zh" else PLATE.sub("", text))
    return found


def pages(app: FastAPI, names: Mapping[str, str]) -> list[str]:
    """The address of every page of an application. names: what stands for the parts of an address in braces."""
    found = []
    for context in iter_route_contexts(app.routes):
        path = str(context.path)
        if "GET" in (context.methods or ()) and not path.startswith("/v1") and not path.endswith(NOT_PAGES):
            found.append(path.format(**names))
    return found


def is_checked(answer: httpx.Response, path: str) -> bool:
    """A page in one language: panels show both, phones' pages hold both and their script shows one."""
    is_bilingual = path.startswith(("/panel", "/phone")) and answer.status_code == 200
    return "text/html" in answer.headers.get("content-type", "") and not is_bilingual


def look(client: httpx.Client, path: str, language: str) -> httpx.Response:
    """As a browser that reads this language asks."""
    return client.get(path, headers={"Accept": "text/html", "Accept-Language": language})
