"""Pictures to JPEG and back, with OpenCV."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from controller.errors import HardwareError


def encode_jpeg(image: Any, longest_px: int = 1280, quality: int = 85) -> bytes:
    """JPEG of a BGR uint8 image (height, width, 3), made smaller where its longer side is beyond longest_px.

    Raises HardwareError for something that is not a picture.
    """
    try:
        height, width = image.shape[:2]
        scale = longest_px / max(height, width)
        if scale < 1.0:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except (cv2.error, AttributeError, ValueError) as error:
        raise HardwareError(f"a picture cannot be written as JPEG: {error}") from error
    if not done:
        raise HardwareError("a picture cannot be written as JPEG")
    return bytes(data)


def decode_jpeg(data: bytes) -> Any:
    """BGR uint8 image (height, width, 3) of a JPEG. Raises HardwareError."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise HardwareError("a kept picture is damaged")
    return image
