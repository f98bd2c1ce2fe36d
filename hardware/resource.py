"""What a with statement closes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Resource(ABC):
    """Something that is held until close(), such as a part of the metal; leaving its with block closes it."""

    @abstractmethod
    def close(self) -> None:
        """Let go. Idempotent; may be called from any thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
