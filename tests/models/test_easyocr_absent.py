"""Asking for the engine easyocr where it is not installed, and for its folder with another engine."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from controller.errors import ReaderError
from controller.settings_records import ReaderSettings
from greenlane.wiring import reader_of
from models.build import build_reader


@pytest.mark.skipif(importlib.util.find_spec("easyocr") is not None, reason="easyocr is installed here")
def test_the_error_says_what_to_install() -> None:
    with pytest.raises(ReaderError, match=r"'easyocr' is not installed.*/bin/pip install 'greenlane\[easyocr\]'"):
        build_reader("easyocr")


def test_a_folder_of_models_serves_easyocr_alone(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="is only for the engine 'easyocr', not for 'opencv'"):
        build_reader("opencv", easyocr_models=tmp_path)


def test_the_lanes_setting_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match="is only for the engine 'easyocr', not for 'onnxruntime'"):
        reader_of(ReaderSettings("onnxruntime", 1, str(tmp_path)))
    assert "weights" in reader_of(ReaderSettings()).name


def test_a_wrong_name_lists_easyocr_too() -> None:
    with pytest.raises(ReaderError, match=r"'abacus'; choose one of: opencv, onnxruntime, easyocr"):
        build_reader("abacus")
