"""A route that is documented like any other but reads its request and makes its response itself.

The framework's own reading of parameters and its stacks for clean-up cost more than the rest of a short message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class PlainRoute(APIRoute):
    """Its endpoint is a coroutine: it takes the request, then the path's parameters by name, and returns a Response.

    What it raises is answered by the application's own handlers, as everywhere.
    """

    def __init__(self, *words: Any, **options: Any) -> None:
        super().__init__(*words, **options)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.endpoint(Request(scope, receive, send), **scope["path_params"])
        await response(scope, receive, send)


Endpoint = Callable[..., Awaitable[Response]]


def plain_post(app: FastAPI, path: str, **documented: Any) -> Callable[[Endpoint], Endpoint]:
    """As app.post, with a PlainRoute."""

    def add(endpoint: Endpoint) -> Endpoint:
        app.router.add_api_route(path, endpoint, methods=["POST"], route_class_override=PlainRoute, **documented)
        return endpoint

    return add
