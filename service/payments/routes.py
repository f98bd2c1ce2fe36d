"""The one route that providers call: a notification is judged by its signature and answered the same however often."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from service.books.books import Books
from service.errors import AdminError
from service.payments.port import Forged, PaymentProvider
from service.payments.settling import Settling
from service.payments.signed_xml import LONGEST, written

router = APIRouter(prefix="/payments", include_in_schema=False)


def mount(app: FastAPI, books: Books, providers: Mapping[str, PaymentProvider]) -> None:
    """Adds the route; providers: those that are set up."""
    app.state.payment_providers = providers
    app.state.settling = Settling(books)
    app.include_router(router)


@router.post("/{provider}/notify")
async def notify(request: Request, provider: str) -> Response:
    """A forged one is refused and leaves nothing; the books' fault answers 503, so that it comes again."""
    known: PaymentProvider | None = request.app.state.payment_providers.get(provider)
    if known is None:
        return _answer(404, "FAIL", "no such provider")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST:
            return _answer(413, "FAIL", "too long")
    settling: Settling = request.app.state.settling
    try:
        notice = known.heard(body)
        await run_in_threadpool(settling.notified, notice, provider)
    except (Forged, AdminError):
        return _answer(400, "FAIL", "not taken")
    return _answer(200, "SUCCESS", "OK")


def _answer(status: int, code: str, words: str) -> Response:
    body = written({"return_code": code, "return_msg": words})
    return Response(body, status, media_type="text/xml")
