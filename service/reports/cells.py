"""Cells of files for spreadsheets."""

from __future__ import annotations

import re

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""How a formula may begin: Chinese and Japanese spreadsheets take the full-width signs for it, too."""


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula; numbers stay numbers."""
    is_number = re.fullmatch(r"[+-]?\d+(\.\d+)?", cell) is not None
    return f"'{cell}" if cell.startswith(_FORMULA) and not is_number else cell
