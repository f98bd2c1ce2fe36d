"""The root of every error of greenlane: whoever catches it has caught what any part says about itself."""

from __future__ import annotations


class GreenlaneError(Exception):
    """Base of all; str() is one sentence that says what is wrong and what to do."""
