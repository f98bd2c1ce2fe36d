"""What several commands say of a visit in the reader's language: reasons."""

from __future__ import annotations

from greenlane import language
from service.station.words import REASONS
from wire.reasons import Reason


def reason_words(reason: Reason) -> str:
    """A reason's fact in Chinese; for English readers its code, as documents and programs know it."""
    known = REASONS.get(reason)
    return str(reason) if known is None else language.one_of((known[0], str(reason)))
