"""To whom push messages may go: an address comes from a phone, and the service must not be sent anywhere it names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import urlsplit

from service.errors import AdminError
from wire.spelling.address import ascii_name, is_address

KNOWN = (
    "fcm.googleapis.com",
    "updates.push.services.mozilla.com",
    "web.push.apple.com",
    "notify.windows.com",
    "push.apple.com",
)
"""Those of Chromium, Firefox, Safari and Edge; a host below one of them is as good."""
SETTING = "GREENLANE_PUSH_HOSTS"


@dataclass(frozen=True, slots=True)
class PushHosts:
    """more: further hosts by https (push.example), or whole origins, such as http://127.0.0.1:PORT."""

    more: tuple[str, ...] = ()

    def require(self, endpoint: str) -> None:
        """Raises AdminError for another address than a push service's."""
        try:
            found = urlsplit(endpoint)
            port = found.port
        except ValueError:
            raise AdminError("endpoint: not an address") from None
        origin, host = _origin(endpoint), (found.hostname or "").lower()
        if origin in self.more:
            return
        is_known = any(host == one or host.endswith(f".{one}") for one in (*KNOWN, *self.more))
        if found.scheme != "https" or port not in (None, 443) or "@" in found.netloc or not is_known:
            raise AdminError(f"endpoint: {host or 'it'} is not a push service that this one may send to ({SETTING})")


def hosts_of_environment() -> PushHosts:
    """$GREENLANE_PUSH_HOSTS, divided by commas. Raises AdminError for what no address can match."""
    return PushHosts(tuple(_taken(one.strip()) for one in os.environ.get(SETTING, "").split(",") if one.strip()))


def _taken(text: str) -> str:
    if is_address(text) and urlsplit(text).path in ("", "/"):
        return _origin(text)
    name = ascii_name(text)
    if name is None:
        raise AdminError(
            f"{SETTING}: {text}: write a host, such as push.example, which stands for every host below it too, "
            "or an origin, such as https://push.example:8443"
        )
    return name.rstrip(".")


def _origin(url: str) -> str:
    """Scheme, host and port in small letters, without the port that the scheme has anyway."""
    parts = urlsplit(url)
    usual = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.lower().removesuffix(usual)}"
