"""Keeps OpenCV and FFmpeg from writing to stderr on their own: what they would say comes as our errors, once."""

from __future__ import annotations

import functools
import os

import cv2

FFMPEG_QUIET = "-8"
"""AV_LOG_QUIET of libavutil/log.h."""


@functools.cache
def silence_decoders() -> None:
    """Before the first capture. OPENCV_FFMPEG_LOGLEVEL and OPENCV_LOG_LEVEL in the environment overrule it."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", FFMPEG_QUIET)
    if "OPENCV_LOG_LEVEL" not in os.environ:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
