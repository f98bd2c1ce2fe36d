"""The second version of WeChat's messages: flat XML whose fields are signed together by HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from xml.sax.saxutils import escape

from service.errors import ServiceError

LONGEST = 65_536


class MalformedXml(ServiceError):
    """A body that is not such a message, or whose signature does not fit."""


def signature(fields: Mapping[str, str], key: str) -> str:
    """Over all fields that are not empty but the signature, by name, with the merchant's key at the end."""
    parts = [f"{name}={fields[name]}" for name in sorted(fields) if fields[name] and name != "sign"]
    text = "&".join([*parts, f"key={key}"])
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().upper()


def sealed(fields: Mapping[str, str], key: str) -> bytes:
    """The message with its signature."""
    return written({**fields, "sign": signature(fields, key)})


def written(fields: Mapping[str, str]) -> bytes:
    """The message as it stands."""
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())
    return f"<xml>{inner}</xml>".encode()


def opened(body: bytes, key: str) -> dict[str, str]:
    """The fields of a message whose signature fits. Raises MalformedXml."""
    fields = parsed(body)
    if not hmac.compare_digest(fields.get("sign", "").encode(), signature(fields, key).encode()):
        raise MalformedXml("its signature does not fit")
    return fields


def parsed(body: bytes) -> dict[str, str]:
    """The fields; nothing is fetched, expanded or nested. Raises MalformedXml."""
    if len(body) > LONGEST:
        raise MalformedXml("a message has at most 64 KiB")
    try:
        text = body.decode()  # here, because in another encoding a declaration would not be seen
        if "\0" in text or "<!" in text.replace("<![CDATA[", ""):
            raise MalformedXml("a message is flat XML without declarations")
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise MalformedXml(f"not XML: {error}") from None
    if root.tag != "xml" or any(len(child) for child in root) or len(root) > 100:
        raise MalformedXml("expected flat fields within <xml>")
    return {child.tag: child.text or "" for child in root}
