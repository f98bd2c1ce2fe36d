"""Whether training computes with 16 bits: only where the processor has instructions for it."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

HALF_PRECISION = torch.backends.cpu.get_cpu_capability() == "AVX512"
"""A processor without them takes ten times as long with 16 bits as with 32."""


def autocast() -> contextlib.AbstractContextManager[Any]:
    """Where networks compute with 16 bits, if the processor does."""
    return torch.autocast("cpu", torch.bfloat16) if HALF_PRECISION else contextlib.nullcontext()
