"""Fixtures of the identity tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.service.identity.kit import ServiceRig


@pytest.fixture
def rig(tmp_path: Path) -> ServiceRig:
    return ServiceRig(tmp_path)


@pytest.fixture
def client(rig: ServiceRig) -> Iterator[TestClient]:
    with TestClient(rig.app, client=("127.0.0.1", 4711), follow_redirects=False) as opened:
        yield opened
