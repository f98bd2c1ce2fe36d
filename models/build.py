"""Puts the shipped reader together: weights, manifest, engine by name."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from controller.errors import ReaderError
from models.detector import Detector, DetectorSettings
from models.engines import DEFAULT_ENGINE, EASYOCR, READER_ENGINES, Network, checked_weights, load_network, variants_for
from models.manifest import WEIGHTS_FOLDER, load_section
from models.reader import OnDeviceReader
from models.recogniser import Recogniser
from models.second_opinion import SecondOpinion
from models.whole import Wholeness


def build_reader(engine: str = DEFAULT_ENGINE, threads: int = 1, easyocr_models: Path | None = None) -> OnDeviceReader:
    """The reader with the shipped weights on one of READER_ENGINES.

    threads: processor threads of the engine; with "opencv" they bind all of OpenCV in this process. easyocr_models: a
    folder with EasyOCR's own models, which then read instead of greenlane's recogniser. Raises ReaderError for an
    unknown or missing engine and for weights that are missing or altered.
    """
    if engine not in READER_ENGINES:
        raise ReaderError(f"There is no engine named {engine!r}; choose one of: {', '.join(READER_ENGINES)}.")
    if engine == EASYOCR:
        return _easyocr_reader(threads, easyocr_models)
    if easyocr_models is not None:
        raise ReaderError(f"A folder of EasyOCR's models is only for the engine {EASYOCR!r}, not for {engine!r}.")
    detector, recogniser = build_detector(engine, threads), build_recogniser(engine, threads)
    return OnDeviceReader(detector, recogniser, f"{engine}, {_shipped()}", build_second(engine, threads))


def _easyocr_reader(threads: int, models: Path | None) -> OnDeviceReader:
    """EasyOCR reads what the detector, on OpenCV, finds; so does the second recogniser."""
    detector, second = build_detector("opencv", threads), build_second("opencv", threads)
    section = load_section("recogniser")
    try:
        from models.engines import easyocr_engine
    except (ImportError, RuntimeError) as error:  # torchvision's mismatch with torch is a RuntimeError
        raise ReaderError(
            f"The engine {EASYOCR!r} is not installed here ({error}):"
            f" {sys.prefix}/bin/pip install 'greenlane[easyocr]'."
        ) from error
    if models is not None:
        own = easyocr_engine.open_own(models, section["alphabet"], threads)
        return OnDeviceReader(detector, own, f"{EASYOCR}, its own models in {models}", second)
    model = checked_weights(WEIGHTS_FOLDER / section["file"], section["sha256"])
    shipped = easyocr_engine.open_shipped(model, section, threads)
    return OnDeviceReader(detector, shipped, f"{EASYOCR}, {_shipped()}", second)


def _shipped() -> str:
    """Which networks read and doubt."""
    return f"weights {short_name('recogniser')}, {short_name('second')} and {short_name('whole')}"


def short_name(section: str) -> str:
    """The first digits of a network's checksum."""
    return str(load_section(section)["sha256"])[:8]


def build_recogniser(engine: str = DEFAULT_ENGINE, threads: int = 1) -> Recogniser:
    """The recogniser alone; arguments and errors as for build_reader."""
    section = load_section("recogniser")
    return Recogniser(_network(section, engine, threads), section)


def build_second(engine: str = DEFAULT_ENGINE, threads: int = 1) -> SecondOpinion:
    """The second recogniser with its judge of wholeness; arguments and errors as for build_reader."""
    section, whole = load_section("second"), load_section("whole")
    judge = Wholeness(_network(whole, engine, threads), whole)
    return SecondOpinion(_network(section, engine, threads), section, judge)


def build_detector(engine: str = DEFAULT_ENGINE, threads: int = 1, side_px: int | None = None) -> Detector:
    """The detector alone; arguments and errors as for build_reader. side_px: one size of the finder's picture."""
    section = load_section("detector")
    try:
        settings = DetectorSettings.from_manifest(section)
        finder, refiner = section["finder"], section["refiner"]
    except (KeyError, TypeError, ValueError) as error:
        raise ReaderError(f"The manifest's section of the detector is incomplete ({error!r}).") from error
    if side_px is not None:
        settings = replace(settings, side_px=side_px, largest_side_px=side_px)
    return Detector(_network(finder, engine, threads), _network(refiner, engine, threads), settings)


def _network(section: dict[str, Any], engine: str, threads: int) -> Network:
    chosen = variant_of(section, variants_for(engine))
    try:
        weights, sha256 = WEIGHTS_FOLDER / chosen["file"], chosen["sha256"]
    except (KeyError, TypeError) as error:
        raise ReaderError(f"The manifest names no {error} for a network.") from error
    return load_network(engine, weights, sha256, threads)


def variant_of(section: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The network's variant by the first of these names that the manifest has, else the network itself."""
    variants: dict[str, dict[str, Any]] = section.get("variants", {})
    return next((variants[name] for name in names if name in variants), section)
