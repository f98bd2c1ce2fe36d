"""What a merchant is known by, read once from a file; the key stands in a file of its own."""

from __future__ import annotations

import ipaddress
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from service.errors import ServiceError
from service.payments.post import Certificate
from wire.files import LONGEST_PEM, open_regular, read_regular
from wire.spelling.address import is_address

BASE_URL = "https://api.mch.weixin.qq.com"
_NEEDED = ("app_id", "merchant", "key_file", "notify_url")
_ALLOWED = frozenset({*_NEEDED, "base_url", "own_address", "deadline_s", "certificate_file", "certificate_key_file"})


class PaymentSettingsError(ServiceError):
    """The settings of payment cannot be used, and why."""


@dataclass(frozen=True, slots=True)
class WechatSettings:
    """deadline_s: for one whole call. certificate: of the merchant, without which WeChat refunds nothing."""

    app_id: str
    merchant: str
    key: str = field(repr=False)
    notify_url: str
    base_url: str = BASE_URL
    own_address: str = "127.0.0.1"
    deadline_s: float = 8.0
    certificate: Certificate | None = field(default=None, repr=False)


def read_settings(path: Path) -> WechatSettings:
    """The table [wechatpay] of a file. Raises PaymentSettingsError; the key is in no message."""
    try:
        document = tomllib.loads(read_regular(path, LONGEST_PEM).decode())
    except (OSError, ValueError, RecursionError) as error:
        raise PaymentSettingsError(f"{path}: {error}") from None
    table = document.get("wechatpay")
    if not isinstance(table, dict) or set(document) != {"wechatpay"}:
        raise PaymentSettingsError(f"{path}: expected one table [wechatpay]")
    strange = sorted(set(table) - _ALLOWED)
    missing = [name for name in _NEEDED if name not in table]
    if strange or missing:
        words = f"unknown {', '.join(strange)}" if strange else f"{', '.join(missing)} missing"
        raise PaymentSettingsError(f"{path}: [wechatpay]: {words}")
    deadline_s = table.pop("deadline_s", 8.0)
    if not all(isinstance(value, str) and value for value in table.values()):
        raise PaymentSettingsError(f"{path}: [wechatpay]: every value but deadline_s is a text in quotes")
    if isinstance(deadline_s, bool) or not isinstance(deadline_s, int | float) or not 0.1 <= deadline_s <= 60:
        raise PaymentSettingsError(f"{path}: deadline_s: expected a number of seconds from 0.1 to 60")
    for name in ("base_url", "notify_url"):
        _require_url(path, name, table.get(name, BASE_URL))
    _require_ip(path, table.get("own_address", "127.0.0.1"))
    chain, chain_key = table.get("certificate_file"), table.get("certificate_key_file")
    if (chain is None) != (chain_key is None):
        raise PaymentSettingsError(f"{path}: certificate_file and certificate_key_file go together")
    if chain_key is not None:
        secret(path.parent / chain_key)
    certificate = None if chain is None else _certificate(path.parent / chain, path.parent / str(chain_key))
    own = {name: table[name] for name in ("base_url", "own_address") if name in table}
    key = secret(path.parent / table["key_file"])
    return WechatSettings(
        table["app_id"],
        table["merchant"],
        key,
        table["notify_url"],
        **own,
        deadline_s=float(deadline_s),
        certificate=certificate,
    )


def _certificate(chain: Path, key: Path) -> Certificate:
    for file in (chain, key):
        try:
            open_regular(file).close()
        except OSError as error:
            raise PaymentSettingsError(f"{file}: {error.strerror}") from None
    return Certificate(str(chain), str(key))


def secret(path: Path) -> str:
    """The content of a file that nobody but its owner may read. Raises PaymentSettingsError."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise PaymentSettingsError(f"{path}: others may read it (mode {mode:04o}); run `chmod 600 {path}`")
        text = read_regular(path, LONGEST_PEM).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise PaymentSettingsError(f"{path}: {error}") from None
    if not text:
        raise PaymentSettingsError(f"{path}: it is empty")
    return text


def _require_url(path: Path, name: str, url: str) -> None:
    """https, or plain http to this machine itself."""
    parts = urlsplit(url) if is_address(url) else None
    if parts is None or (parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1")):
        raise PaymentSettingsError(f"{path}: {name}: write https://HOST[:PORT][/PATH]")


def _require_ip(path: Path, text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise PaymentSettingsError(f"{path}: own_address: write this machine's address, such as 203.0.113.7") from None
