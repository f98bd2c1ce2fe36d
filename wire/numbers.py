"""A whole number on a command line, bounded before anything is done with it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable


def whole(low: int, high: int) -> Callable[[str], int]:
    """For argparse: a whole number within bounds that every store can hold."""

    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,19}", text, re.ASCII) or not low <= int(text) <= high:
            raise argparse.ArgumentTypeError(f"{text!r}: write a whole number from {low} to {high}")
        return int(text)

    return read
