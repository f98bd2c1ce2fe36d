"""Plates as the balance service keys them: one spelling per plate, and whether a text can be a plate at all.

The service does not judge formats as finely as the lane does: it only refuses texts that no format of GA 36 or of the
armed forces comes near, so that a slip of a keyboard never becomes a bound plate.
"""

from __future__ import annotations

import re

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_TRADITIONAL = str.maketrans("粵滬遼雲蘇贛魯寧瓊陝閩貴晉學領掛應軍試臨", "粤沪辽云苏赣鲁宁琼陕闽贵晋学领挂应军试临")
_FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
_SEPARATORS = str.maketrans("", "", " \u3000\xa0\t\r\n.·•・‧∙⋅●-_—–'`|/\\,")
_KEPT_FIRST = _KEPT_LAST = 2
_SERIAL = "[0-9A-HJ-NP-Z]"
_PLATE = re.compile(
    "|".join(
        (
            rf"[{_PROVINCES}][A-HJ-Z]{_SERIAL}{{4}}(?:{_SERIAL}|[警学挂港澳试临])",
            rf"[{_PROVINCES}][A-HJ-Z](?:[A-HJK]{_SERIAL}[0-9]{{4}}|[0-9]{{5}}[A-HJK])",
            rf"[{_PROVINCES}][A-HJ-Z][0-9]{{4}}领",
            r"[0-9]{6}使|使[0-9]{6}",
            rf"[{_PROVINCES}][A-HJ-Z]{_SERIAL}{{5}}临",
            rf"WJ[{_PROVINCES}][0-9]{{4}}[0-9TDSHBXJ]",
            r"WJ[0-9]{7}",
            r"军[A-HJ-NP-Z][0-9]{5}",
            r"[A-HJ-NP-Z]{2}[0-9]{5}",
            r"民航[A-HJ-NP-Z][0-9]{4}",
            rf"[{_PROVINCES}][XS]{_SERIAL}{{4}}应急",
            rf"[{_PROVINCES}][0-9]{{2}}{_SERIAL}{{5}}",
        )
    )
)


def normalise(text: str) -> str:
    """Half-width capitals without spaces, dots or dashes, traditional characters as plates write them (粵 is 粤).

    Look-alikes (O and 0) stay what they are.
    """
    return text.translate(_FULL_WIDTH).translate(_SEPARATORS).translate(_TRADITIONAL).upper()


def is_plate(text: str) -> bool:
    """Whether a normalised text has the form of a plate."""
    return _PLATE.fullmatch(text) is not None


def masked(plate: str | None) -> str:
    """A plate as logs may show it: 粤A12345 becomes 粤A***45; nothing becomes "-"."""
    if not plate:
        return "-"
    if len(plate) <= _KEPT_FIRST + _KEPT_LAST:
        return plate[0] + "*" * (len(plate) - 1)
    return plate[:_KEPT_FIRST] + "*" * (len(plate) - _KEPT_FIRST - _KEPT_LAST) + plate[-_KEPT_LAST:]
