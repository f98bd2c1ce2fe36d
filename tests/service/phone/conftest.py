"""The routes for phones, taken from the application, so that no test forgets one."""

from __future__ import annotations

import pytest
from fastapi.routing import iter_route_contexts

from tests.service.identity.kit import ServiceRig


@pytest.fixture
def phone_routes(rig: ServiceRig) -> list[tuple[str, str]]:
    """Method and path of all of them."""
    found = []
    for context in iter_route_contexts(rig.app.routes):
        if str(context.path).startswith("/v1/phone/"):
            found += [(method, str(context.path)) for method in sorted(context.methods or ()) if method != "HEAD"]
    return found
