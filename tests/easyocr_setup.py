"""Makes easyocr importable where torch and torchvision were built apart from each other."""

from __future__ import annotations

import sys
from typing import Any

LIBRARIES: list[Any] = []
"""torch forgets a library's definitions with the object."""


def import_easyocr() -> Any:
    """The module easyocr.

    torchvision's compiled operators may not load beside another build of torch, and it then fails at import for want
    of two declarations. EasyOCR needs neither for recognising, so they are declared without being there.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
        _declare()
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
    import easyocr

    return easyocr


def _declare() -> None:
    from torch.library import Library

    library = Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    LIBRARIES.append(library)
