"""Fixtures of the identity tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.service.identity.kit import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@pytest.fixture
def client(house: House) -> Iterator[TestClient]:
    with TestClient(house.app, client=("127.0.0.1", 4711), follow_redirects=False) as opened:
        yield opened
