"""Each engine gets the weights that the manifest means for it, and all weights together stay small."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from controller.errors import ReaderError
from models import build
from models.engines import FloatArray, opencv_engine, variants_for
from models.manifest import WEIGHTS_FOLDER, load_section
from tests.models.clip import frames


def test_a_variant_is_for_its_engine_alone() -> None:
    finder, refiner = load_section("detector")["finder"], load_section("detector")["refiner"]
    for network, name in ((finder, "finder"), (refiner, "refiner")):
        assert build.variant_of(network, ())["file"] == f"{name}.onnx"
        assert build.variant_of(network, ("integers",))["file"] == f"{name}.int8.onnx"
    assert "variants" not in load_section("recogniser")
    for name in ("second", "whole"):
        section = load_section(name)
        assert build.variant_of(section, ("integers",))["file"] == f"{name}.onnx"
        assert build.variant_of(section, variants_for("opencv"))["file"] == f"{name}.onnx"
        assert build.variant_of(section, ("integers", "doubting_integers"))["file"] == f"{name}.int8.onnx"


def test_opencv_takes_integers_only_where_they_are_quicker() -> None:
    names = variants_for("opencv")
    assert names == (("integers",) if opencv_engine.INTEGERS else ())
    if opencv_engine.GENERATION < 5:
        assert not opencv_engine.INTEGERS


def test_networks_of_small_integers_find_the_same_plates(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(opencv_engine, "VARIANTS", ())
    floats, integers = build.build_detector("opencv"), build.build_detector("onnxruntime")
    compared = 0
    for picture in frames(41):
        plain = floats.detect(picture)
        small = integers.detect(picture) if plain else []
        for one, other in zip(plain, small, strict=bool(plain)):
            height = one.corners[3][1] - one.corners[0][1]
            np.testing.assert_allclose(one.corners, other.corners, atol=0.12 * height)
        compared += bool(plain)
        if compared == 5:
            break
    assert compared == 5


def test_all_weights_together_are_at_most_four_and_a_half_megabytes() -> None:
    detector = load_section("detector")
    sections = [
        detector["finder"],
        detector["refiner"],
        *(load_section(name) for name in ("recogniser", "second", "whole")),
    ]
    named = [*sections, *(variant for section in sections for variant in section.get("variants", {}).values())]
    files = sorted(WEIGHTS_FOLDER.glob("*.onnx"))
    assert {file.name for file in files} == {section["file"] for section in named}
    assert sum(file.stat().st_size for file in files) <= 4_500_000


SENSELESS = (0, -1, float("nan"), 10**400, float("inf"), True, "a", [], None)

USED = (
    ("recogniser", "input"),
    ("recogniser", "output"),
    ("second", "input"),
    ("second", "output"),
    ("whole", "input"),
    ("whole", "output"),
    ("detector", "settings"),
)
"""Parts of the manifest whose every value the reader goes by."""

UNUSED = ("name",)
"""What input and output are called there is for people."""


def values() -> Iterator[tuple[str, str, str]]:
    for section, part in USED:
        for key in load_section(section)[part]:
            if key not in UNUSED:
                yield section, part, key


@pytest.mark.parametrize(("section", "part", "key"), [*values()])
def test_a_manifest_with_a_senseless_value_is_refused(
    monkeypatch: pytest.MonkeyPatch, section: str, part: str, key: str
) -> None:
    """Or it is what it was: nothing between, where a reader would read something else."""
    build_it = {"detector": build.build_detector, "recogniser": build.build_recogniser}.get(section, build.build_second)
    monkeypatch.setattr(build, "load_network", lambda *_: Silent())
    true = load_section(section)[part][key]
    allowed = (0,) if (section, key) == ("detector", "settled") else ()
    for value in SENSELESS:
        changed = load_section(section)
        changed[part][key] = value
        monkeypatch.setattr(build, "load_section", lambda name, c=changed: c if name == section else load_section(name))
        if (value == true and not isinstance(value, bool)) or (value in allowed and not isinstance(value, bool)):
            build_it()
            continue
        with pytest.raises(ReaderError, match=key) as refused:
            build_it()
        assert len(str(refused.value).splitlines()) == 1
        assert len(str(refused.value)) < 250
    del changed[part][key]
    with pytest.raises(ReaderError, match=key):
        build_it()


@pytest.mark.parametrize(("section", "part"), USED)
@pytest.mark.parametrize("value", [0, "a", [], None, {}])
def test_a_manifest_that_lacks_a_part_is_refused(
    monkeypatch: pytest.MonkeyPatch, section: str, part: str, value: object
) -> None:
    build_it = {"detector": build.build_detector, "recogniser": build.build_recogniser}.get(section, build.build_second)
    monkeypatch.setattr(build, "load_network", lambda *_: Silent())
    changed = load_section(section) | {part: value}
    monkeypatch.setattr(build, "load_section", lambda name: changed if name == section else load_section(name))
    with pytest.raises(ReaderError, match=r"The manifest's \w+ of the .* is"):
        build_it()


class Silent:
    """A network that nobody asks."""

    def run(self, input: FloatArray) -> tuple[FloatArray, ...]:
        raise AssertionError("a reader that is only built asks nothing")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("colours", ["black", "white", "green", "yellow", "blue"]),
        ("closeup_px", [128]),
        ("scale", 0.02),
        ("side_px", 320.5),
        ("side_px", 100_000),
        ("accept", 1),
        ("most", 1 << 20),
    ],
)
def test_a_detector_with_a_setting_of_other_networks_is_refused(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: object
) -> None:
    section = load_section("detector")
    section["settings"][setting] = value
    monkeypatch.setattr(build, "load_section", lambda name: section)
    with pytest.raises(ReaderError, match=f"The manifest's {setting} of the detector is"):
        build.build_detector()


@pytest.mark.parametrize("network", ["finder", "refiner"])
@pytest.mark.parametrize(
    "value", [None, [], 3, {}, {"variants": None}, {"variants": 1}, {"variants": {"integers": None}}]
)
def test_a_manifest_without_one_of_the_detectors_networks_is_refused(
    monkeypatch: pytest.MonkeyPatch, network: str, value: object
) -> None:
    monkeypatch.setattr(build, "variants_for", lambda engine: ("integers",))
    section = load_section("detector") | {network: value}
    monkeypatch.setattr(build, "load_section", lambda name: section)
    with pytest.raises(ReaderError, match=r"both are texts|variants of a network"):
        build.build_detector()


def test_a_recogniser_with_its_characters_in_another_order_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would read 粤A64288 for 粤A84266, and be sure of it."""
    section = load_section("recogniser")
    section["alphabet"] = section["alphabet"].translate(str.maketrans("68", "86"))
    monkeypatch.setattr(build, "load_section", lambda name: section)
    with pytest.raises(ReaderError, match="for other characters"):
        build.build_recogniser()


@pytest.mark.parametrize(("key", "value"), [("sha256", 5), ("sha256", None), ("file", None), ("file", 7)])
def test_a_manifest_that_does_not_name_its_weights_is_refused(
    monkeypatch: pytest.MonkeyPatch, key: str, value: object
) -> None:
    section = load_section("recogniser")
    section[key] = value
    monkeypatch.setattr(build, "load_section", lambda name: section)
    with pytest.raises(ReaderError):
        build.build_recogniser()
