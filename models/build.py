"""Puts the shipped reader together: weights, manifest, engine by name."""

from __future__ import annotations

from typing import Any

from controller.errors import ReaderError
from models.detector import Detector, DetectorSettings
from models.engines import Network, load_network
from models.manifest import WEIGHTS_FOLDER, load_section
from models.reader import OnDeviceReader
from models.recogniser import Recogniser


def build_reader(engine: str = "opencv", threads: int = 1) -> OnDeviceReader:
    """The reader with the shipped weights on an engine of models.engines.ENGINES.

    threads: processor threads of the engine; with "opencv" they bind all of OpenCV in this process. Raises ReaderError
    for an unknown or missing engine and for weights that are missing or altered.
    """
    detector = build_detector(engine, threads)
    section = load_section("recogniser")
    recogniser = Recogniser(_network(section, engine, threads), section)
    return OnDeviceReader(detector, recogniser, f"{engine}, weights {section['sha256'][:8]}")


def build_detector(engine: str = "opencv", threads: int = 1) -> Detector:
    """The detector alone; arguments and errors as for build_reader."""
    section = load_section("detector")
    try:
        settings = DetectorSettings.from_manifest(section)
        finder, refiner = section["finder"], section["refiner"]
    except (KeyError, TypeError, ValueError) as error:
        raise ReaderError(f"The manifest's section of the detector is incomplete ({error!r}).") from error
    return Detector(_network(finder, engine, threads), _network(refiner, engine, threads), settings)


def _network(section: dict[str, Any], engine: str, threads: int) -> Network:
    try:
        weights, sha256 = WEIGHTS_FOLDER / section["file"], section["sha256"]
    except KeyError as error:
        raise ReaderError(f"The manifest names no {error} for a network.") from error
    return load_network(engine, weights, sha256, threads)
