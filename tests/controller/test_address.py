"""What is taken for the address of a service, and what is told to be none before anything is sent there."""

from __future__ import annotations

import pytest

from controller.address import is_address
from controller.errors import SettingsError
from controller.outbound.http import HttpBalanceService


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080", "https://books.example", "https://books.example/", "http://[::1]:80/x", "http://例子.cn"],
)
def test_addresses(url: str) -> None:
    assert is_address(url)
    HttpBalanceService(url, "S1").close()


@pytest.mark.parametrize(
    "url",
    ["", "books", "ftp://h", "http://", "http://h:0", "http://h:99999", "http://h:x", "http://[::1", "http://[x]",
     "http://a b", "http://h/?q", "http://h/#f", "http://u@h", "http://h\n", "http://h\u202e"],
)  # fmt: skip
def test_what_is_none(url: str) -> None:
    assert not is_address(url)
    with pytest.raises(SettingsError, match="service url"):
        HttpBalanceService(url, "S1")
