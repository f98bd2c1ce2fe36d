"""How the lane unit logs: one line per change on stderr, and never a whole plate."""

from __future__ import annotations

import logging
import sys


class LogFormatter(logging.Formatter):
    """One line per record; under the journal, which stamps time itself, with its <level> prefix instead of a time."""

    _PREFIX = ((logging.ERROR, "<3>"), (logging.WARNING, "<4>"), (logging.INFO, "<6>"))

    def __init__(self, journal: bool) -> None:
        super().__init__("%(name)s: %(message)s" if journal else "%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        self._journal = journal

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record).replace("\n", " | ")
        if not self._journal:
            return line
        return next((p for level, p in self._PREFIX if record.levelno >= level), "<7>") + line


def set_up(level: str = "INFO", journal: bool = False) -> None:
    """Send all logging of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogFormatter(journal))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
