"""Puts the shipped reader together: weights, manifest, engine by name."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from reprlib import repr as short
from typing import Any

from controller.errors import ReaderError
from models.detector import Detector, DetectorSettings
from models.engines import DEFAULT_ENGINE, EASYOCR, READER_ENGINES, Network, checked_weights, load_network, variants_for
from models.manifest import WEIGHTS_FOLDER, load_section, named_weights
from models.reader import OnDeviceReader
from models.recogniser import Recogniser, checked_alphabet
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
    alphabet = checked_alphabet(section)
    try:
        from models.engines import easyocr_engine
    except (ImportError, RuntimeError) as error:  # torchvision's mismatch with torch is a RuntimeError
        raise ReaderError(
            f"The engine {EASYOCR!r} is not installed here ({error}):"
            f" {sys.prefix}/bin/pip install 'greenlane[easyocr]'."
        ) from error
    if models is not None:
        own = easyocr_engine.open_own(models, alphabet, threads)
        return OnDeviceReader(detector, own, f"{EASYOCR}, its own models in {models}", second)
    model = checked_weights(*named_weights(section, WEIGHTS_FOLDER))
    shipped = easyocr_engine.open_shipped(model, section, threads)
    return OnDeviceReader(detector, shipped, f"{EASYOCR}, {_shipped()}", second)


def _shipped() -> str:
    """Which networks read and doubt."""
    return f"weights {short_name('recogniser')}, {short_name('second')} and {short_name('whole')}"


def short_name(section: str) -> str:
    """The first digits of a network's checksum."""
    return named_weights(load_section(section), WEIGHTS_FOLDER)[1][:8]


def build_recogniser(engine: str = DEFAULT_ENGINE, threads: int = 1) -> Recogniser:
    """The recogniser alone; arguments and errors as for build_reader."""
    section = load_section("recogniser")
    return Recogniser(_network(section, engine, threads), section)


def build_second(engine: str = DEFAULT_ENGINE, threads: int = 1) -> SecondOpinion:
    """The second recogniser with its judge of wholeness; arguments and errors as for build_reader."""
    section, whole = load_section("second"), load_section("whole")
    judge = Wholeness(_network(whole, engine, threads), whole)
    return SecondOpinion(_network(section, engine, threads), section, judge)


def build_detector(
    engine: str = DEFAULT_ENGINE, threads: int = 1, side_px: int | None = None, last_look: bool = True
) -> Detector:
    """The detector alone; arguments and errors as for build_reader. side_px: one size of the finder's picture.
    last_look: False leaves out the one at a smaller size, which is taken where nothing was found."""
    section = load_section("detector")
    settings = DetectorSettings.from_manifest(section)
    if side_px is not None:
        settings = replace(settings, side_px=side_px, largest_side_px=side_px)
    if side_px is not None or not last_look:
        settings = replace(settings, smaller_side_px=settings.side_px)
    finder, refiner = (_network(section.get(name), engine, threads) for name in ("finder", "refiner"))
    return Detector(finder, refiner, settings)


def _network(section: object, engine: str, threads: int) -> Network:
    weights, sha256 = named_weights(variant_of(section, variants_for(engine)), WEIGHTS_FOLDER)
    return load_network(engine, weights, sha256, threads)


def variant_of(section: object, names: Sequence[str]) -> Mapping[str, Any]:
    """The network's variant by the first of these names that the manifest has, else the network itself. Raises
    ReaderError where it says something else of them."""
    network: Mapping[str, Any] = section if isinstance(section, Mapping) else {}
    variants = network.get("variants", {})
    if not isinstance(variants, Mapping):
        raise ReaderError(f"The manifest's variants of a network are {short(variants)}, not sections by their names.")
    chosen = next((variants[name] for name in names if name in variants), network)
    return chosen if isinstance(chosen, Mapping) else {}
