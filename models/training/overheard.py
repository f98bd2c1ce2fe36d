"""The strips that the networks that doubt are given while the reader reads, for the ranges of their features."""

from __future__ import annotations

from pathlib import Path

from models.build import build_detector, build_recogniser
from models.engines import FloatArray, Network, load_network
from models.manifest import load_section, named_weights
from models.reader import OnDeviceReader
from models.second_opinion import SecondOpinion
from models.whole import Wholeness

ENGINE = "onnxruntime"
"""It takes inputs as they are, so what is overheard is what the network was trained on."""

NETWORKS = ("second", "whole")


class Overheard:
    """A network that keeps what it is asked, in single strips (1, C, H, W), and answers as ever."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.inputs: list[FloatArray] = []

    def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
        self.inputs += [input[at : at + 1].copy() for at in range(len(input))]
        return self._network.run(input)


def overheard_reader(weights: Path) -> tuple[OnDeviceReader, dict[str, Overheard]]:
    """A reader, and its two networks that doubt, by their names.

    weights: a folder of weights with its manifest; what finds and reads is the shipped one. Raises ReaderError.
    """
    sections = {name: load_section(name, weights / "manifest.json") for name in NETWORKS}
    networks = {
        name: Overheard(load_network(ENGINE, *named_weights(section, weights))) for name, section in sections.items()
    }
    judge = Wholeness(networks["whole"], sections["whole"])
    second = SecondOpinion(networks["second"], sections["second"], judge)
    return OnDeviceReader(build_detector(ENGINE), build_recogniser(ENGINE), "overheard", second), networks
