"""What is taken for the address of a service, and what is told to be none before anything is sent there."""

from __future__ import annotations

import pytest

from controller.errors import SettingsError
from controller.outbound.http import HttpBalanceService
from wire.spelling.address import is_address, listening_at


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
     "http://h?", "http://h#", "http://a..b", "http://*", "http://<h>", f"http://{'h' * 5_000}", "http://h\\x", "http://-h",
     "http://999.1.1.1", "http://[fe80::1%<]", "http://a b", "http://h/?q", "http://h/#f", "http://u@h", "http://h\n", "http://h\u202e"],
)  # fmt: skip
def test_what_is_none(url: str) -> None:
    assert not is_address(url)
    with pytest.raises(SettingsError, match="service url"):
        HttpBalanceService(url, "S1")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("books.example:0", ("books.example", 0)),
        ("[::1]:65535", ("::1", 65_535)),
        ("::1:8080", ("::1", 8080)),
        ("[fe80::1%eth0.1]:80", ("fe80::1%eth0.1", 80)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
    ],
)
def test_where_to_listen(text: str, address: tuple[str, int]) -> None:
    assert listening_at(text) == address


@pytest.mark.parametrize(
    "text",
    ["", "foo", ":80", "h:", "h:x", "h:65536", "h:８０", "a b:80", "u@h:80", "[h]:80", "[::1:80", "http://h:80",
     "[::1%\n]:80", "[::1%\x1b]:80", "a..b:80", "999.1.1.1:80", "1.2.3:80", ".h:80", "-h:80"],
)  # fmt: skip
def test_where_nobody_can_listen(text: str) -> None:
    with pytest.raises(ValueError, match="write "):
        listening_at(text)
