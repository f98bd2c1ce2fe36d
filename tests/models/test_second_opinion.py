"""A read counts as certain only where the second recogniser sees the same text, and every character of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from controller.errors import ReaderError
from controller.records import CharacterRead, Colour, Corners, PlateRead
from greenlane.cli import main
from models import build
from models.build import build_detector, build_reader, build_recogniser, build_second
from models.detector import Detector
from models.doubts import Doubt
from models.engines import FloatArray
from models.grammar import ALPHABET, PlateKind
from models.manifest import WEIGHTS_FOLDER, load_section, update_section
from models.reader import OnDeviceReader
from models.recogniser import Recogniser
from models.second_opinion import (
    CLASSES,
    HIDDEN,
    SecondOpinion,
    coloured_strip,
    completed,
    greyed,
    left_doubts,
    objections,
    veiled,
)
from models.training.drawing.plates import draw_plate

Picture = NDArray[np.uint8]

TEXT = "粤A12345"
PROVINCES = "皖苏赣鄂陕冀"
LEFT, TOP, WIDTH = 240, 200, 150


def scene(text: str, seed: int = 6, kind: PlateKind = PlateKind.BLUE) -> tuple[Picture, int]:
    """A vehicle's plain front with one drawn plate 150 px wide, and the plate's height."""
    plate = draw_plate(np.random.default_rng(seed), kind, text).image
    height = round(WIDTH * plate.shape[0] / plate.shape[1])
    ground = cv2.resize(np.random.default_rng(1).normal(95, 10, (45, 80)).astype(np.float32), (640, 360))
    picture = np.repeat(ground[..., None], 3, axis=2).clip(0, 255).astype(np.uint8)
    picture[TOP : TOP + height, LEFT : LEFT + WIDTH] = cv2.resize(plate, (WIDTH, height), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.7), np.uint8), height


def behind_a_pole(picture: Picture, height: int, left: float, right: float, tone: int) -> Picture:
    """A pole in front of the plate's shares left to right."""
    hidden = picture.copy()
    x0, x1 = round(LEFT + left * WIDTH), round(LEFT + right * WIDTH)
    hidden[TOP - 3 * height : TOP + 4 * height, x0:x1] = tone
    return np.asarray(cv2.GaussianBlur(hidden, (0, 0), 0.7), np.uint8)


class Objecting:
    """Says the same against every read, and keeps what it was asked about."""

    def __init__(self, *found: Doubt) -> None:
        self.found, self.asked = set(found), list[str]()

    def doubts(self, image: Picture, plates: Sequence[PlateRead]) -> list[set[str]]:
        self.asked += [plate.text for plate in plates]
        return [{*plate.doubts, *self.found} for plate in plates]


@cache
def reader() -> OnDeviceReader:
    return build_reader()


@cache
def networks() -> tuple[Detector, Recogniser]:
    return build_detector(), build_recogniser()


def read_with(second: Objecting | None, picture: Picture) -> PlateRead:
    return OnDeviceReader(*networks(), "", second).read(picture).plates[0]


def saying(text: str, sure: float = 0.99, **others: float) -> FloatArray:
    """Probabilities of a text; `others` as place_character=probability, HIDDEN as 隐."""
    shares = np.full((8, CLASSES), (1 - sure) / (CLASSES - 1), np.float32)
    for place in range(8):
        shares[place, 1 + ALPHABET.index(text[place]) if place < len(text) else 0] = sure
    for key, probability in others.items():
        place, character = int(key[1]), key[2]
        shares[place] *= 1 - probability
        shares[place, HIDDEN if character == "隐" else 1 + ALPHABET.index(character)] += probability
    return shares


def maybe_covered(shares: FloatArray, hidden: float) -> FloatArray:
    """The same of a plate that is partly hidden with this probability."""
    return veiled(shares[None], np.asarray([hidden], np.float32))[0]


def test_the_same_text_meets_no_objection() -> None:
    assert objections(saying(TEXT), TEXT) == set()
    assert objections(saying(TEXT, sure=0.78), TEXT) == set()


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (saying("皖A12345"), {Doubt.VETOED}),
        (saying("粤A12346"), {Doubt.VETOED}),
        (saying("粤A123456"[:8]), {Doubt.VETOED}),
        (saying("粤A1234"), {Doubt.VETOED}),
        (saying(TEXT, p3B=0.27), {Doubt.VETOED}),
        (saying(TEXT, sure=0.72), {Doubt.VETOED}),
        (saying(TEXT, p3隐=0.27), {Doubt.HIDDEN}),
        (saying(TEXT, p3B=0.15, p4隐=0.6), {Doubt.HIDDEN}),
        (saying(TEXT, p0隐=0.97), {Doubt.HIDDEN}),
        (saying(TEXT, p6隐=0.97), {Doubt.HIDDEN}),
        (saying(TEXT, p0皖=0.97, p6隐=0.97), {Doubt.VETOED, Doubt.HIDDEN}),
    ],
)
def test_another_text_or_an_unseen_character_does(shares: FloatArray, expected: set[Doubt]) -> None:
    assert objections(shares, TEXT) == expected


@pytest.mark.parametrize("left_over", "UFK")
def test_what_a_hidden_edge_leaves_of_a_commoner_character_has_to_be_seen_more_surely(left_over: str) -> None:
    text = f"粤A12{left_over}45"
    assert objections(saying(text, p4隐=0.15), text) == set()
    assert objections(maybe_covered(saying(text), 0.25), text) == {Doubt.HIDDEN}
    assert objections(maybe_covered(saying(text), 0.15), text) == set()
    assert objections(maybe_covered(saying(TEXT), 0.25), TEXT) == set()


def test_each_character_has_to_be_seen_as_far_as_the_plate_is_whole() -> None:
    """A judge that is half sure takes half of every probability; what the network itself saw is still told."""
    assert objections(maybe_covered(saying(TEXT), 0.55), TEXT) == set()
    assert objections(maybe_covered(saying(TEXT), 0.65), TEXT) == {Doubt.HIDDEN}
    assert objections(maybe_covered(saying(TEXT, p3B=0.27), 0.05), TEXT) == {Doubt.VETOED}
    assert objections(maybe_covered(saying(TEXT, p3B=0.15), 0.5), TEXT) == set()


def doubted(*doubts: str) -> PlateRead:
    characters = tuple(CharacterRead(character, 0.999) for character in TEXT)
    box: Corners = ((0.0, 0.0), (99.0, 0.0), (99.0, 31.0), (0.0, 31.0))
    return PlateRead(characters, box, Colour.BLUE, "blue", 1, 1.0, doubts)


def test_a_plate_that_it_sees_whole_with_every_character_is_neither_covered_nor_out_of_place() -> None:
    seen = saying(TEXT, sure=0.93)
    seen[:, HIDDEN] = 0.04
    assert left_doubts(seen, doubted("covered", "spacing", "unsure")) == {"unsure"}
    assert left_doubts(seen, doubted("covered", "colour")) == {"colour"}


@pytest.mark.parametrize(
    "shares",
    [
        saying(TEXT, p3B=0.27),
        saying(TEXT, p3隐=0.27),
        saying("粤A12346"),
        maybe_covered(saying(TEXT), 0.12),
    ],
    ids=["one character hardly", "one character may be hidden", "another text", "something may hide part of it"],
)
def test_a_plate_that_it_sees_less_well_stays_in_doubt(shares: FloatArray) -> None:
    assert left_doubts(shares, doubted("covered", "spacing")) >= {"covered", "spacing"}


@given(st.data())
def test_it_clears_nothing_but_what_the_picture_is_unlike_and_never_what_it_objects_to(data: st.DataObject) -> None:
    raw = np.array(data.draw(st.lists(st.floats(0, 1), min_size=8, max_size=8)), np.float32)
    shares = saying(TEXT)
    shares[:, HIDDEN] = raw
    before = set(data.draw(st.sets(st.sampled_from([str(doubt) for doubt in Doubt]))))
    after = left_doubts(shares, doubted(*sorted(before)))
    assert before - after <= {"covered", "spacing"}
    assert objections(shares, TEXT) <= after
    if before - after:
        assert after - before == set()


class Seeing(Objecting):
    """Sees every plate as it was read, and all of it."""

    def doubts(self, image: Picture, plates: Sequence[PlateRead]) -> list[set[str]]:
        super().doubts(image, plates)
        return [left_doubts(saying(TEXT), plate) for plate in plates]


def test_a_read_that_is_unlike_a_drawing_is_put_to_it_and_may_be_cleared() -> None:
    picture, height = scene(TEXT)
    unlike, seeing = behind_a_pole(picture, height, 0.39, 0.43, 30), Seeing()
    before = read_with(None, unlike)
    assert before.text == TEXT
    assert "covered" in before.doubts
    assert set(read_with(seeing, unlike).doubts) == set(before.doubts) - {"covered", "spacing"}
    assert seeing.asked == [TEXT]
    assert "hidden" in reader().read(unlike).plates[0].doubts, "the shipped one sees the pole"


def test_an_objection_keeps_a_read_from_being_certain_and_stands_among_its_doubts() -> None:
    picture, _ = scene(TEXT)
    assert read_with(None, picture).certain
    agreed = Objecting()
    assert (read_with(agreed, picture).certain, agreed.asked) == (True, [TEXT])
    vetoed = read_with(Objecting(Doubt.VETOED, Doubt.HIDDEN), picture)
    assert (vetoed.text, vetoed.certain, vetoed.doubts) == (TEXT, False, ("vetoed", "hidden"))


def test_it_is_not_asked_about_reads_that_are_doubted_anyway() -> None:
    """Cut by the picture's edge: the doubt is there, the second network's time is saved."""
    picture, _ = scene(TEXT)
    second = Objecting()
    assert "edge" in read_with(second, np.ascontiguousarray(picture[:, : LEFT + WIDTH - 6])).doubts
    assert second.asked == []


@pytest.mark.parametrize("seed", range(6))
def test_whole_plates_that_are_certain_stay_so(seed: int) -> None:
    text = f"{PROVINCES[seed]}B7{seed}K35"
    picture, _ = scene(text, seed)
    (plate,) = reader().read(picture).plates
    assert (plate.text, plate.doubts) == (text, read_with(None, picture).doubts)


@pytest.mark.sample(3)
@pytest.mark.parametrize("province", PROVINCES)
@pytest.mark.parametrize(("left", "right"), [(-0.03, 0.085), (0.07, 0.16), (-0.3, 0.1), (0.03, 0.13)])
def test_a_province_half_behind_a_pole_never_becomes_another_plate(province: str, left: float, right: float) -> None:
    text = f"{province}AE8F80"
    picture, height = scene(text)
    for tone in (30, 200):
        for plate in reader().read(behind_a_pole(picture, height, left, right, tone)).plates:
            assert plate.text == text or not plate.certain


def test_the_second_network_alone_knows_what_it_cannot_see() -> None:
    picture, height = scene("陕AE8F80")
    corners: Corners = (
        (float(LEFT), float(TOP)),
        (float(LEFT + WIDTH), float(TOP)),
        (float(LEFT + WIDTH), float(TOP + height)),
        (float(LEFT), float(TOP + height)),
    )
    whole, hidden = (
        build_second().shares([greyed(coloured_strip(shown, corners, 1))])[0]
        for shown in (picture, behind_a_pole(picture, height, -0.1, 0.14, 60))
    )
    assert whole[0].argmax() == 1 + ALPHABET.index("陕")
    assert hidden[0].argmax() == HIDDEN
    assert [int(place.argmax()) for place in hidden[1:7]] == [1 + ALPHABET.index(c) for c in "AE8F80"]


def test_engines_see_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """In floats; tests/models/test_integers.py has integers."""
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(build, "variants_for", lambda engine: ())
    strips = [np.random.default_rng(n).integers(0, 255, (48, 160)).astype(np.uint8) for n in range(3)]
    opencv, onnx = (build_second(engine).shares(strips) for engine in ("opencv", "onnxruntime"))
    np.testing.assert_allclose(opencv, onnx, atol=2e-4)
    np.testing.assert_allclose(build_second().shares(strips[1:2])[0], opencv[1], atol=2e-4)


def weights_with(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped weights in a folder where they can be spoilt."""
    shutil.copytree(WEIGHTS_FOLDER, folder)
    monkeypatch.setattr(build, "WEIGHTS_FOLDER", folder)
    return folder / str(load_section("second")["file"])


def test_a_spoilt_or_missing_second_network_is_one_clear_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "plate.png"
    cv2.imwrite(str(picture), scene(TEXT)[0])
    weights = weights_with(tmp_path / "weights", monkeypatch)
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert main(["read", str(picture)]) != 0
    said = capsys.readouterr().err
    assert "second.onnx" in said
    assert "not the ones in the manifest" in said
    weights.unlink()
    assert main(["read", str(picture)]) != 0
    assert "Cannot read the weights" in capsys.readouterr().err


def test_weights_for_other_strips_or_characters_are_refused(tmp_path: Path) -> None:
    section = load_section("second")
    network = build.load_network("opencv", WEIGHTS_FOLDER / section["file"], section["sha256"])
    with pytest.raises(ReaderError, match="for other characters"):
        SecondOpinion(network, section | {"alphabet": "京A"})
    with pytest.raises(ReaderError, match="height of the second recogniser's input is None"):
        SecondOpinion(network, {"alphabet": ALPHABET})
    path = tmp_path / "manifest.json"
    update_section("recogniser", {}, path)
    with pytest.raises(ReaderError, match="second"):
        load_section("second", path)


def test_read_json_tells_that_a_character_cannot_be_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever else stands against a read, the second network's word is among the doubts where it has one."""
    picture, _ = scene(TEXT)
    path = tmp_path / "plate.png"
    cv2.imencode(".png", picture)[1].tofile(path)
    monkeypatch.setattr(build, "build_second", lambda *_: Objecting(Doubt.HIDDEN))
    assert main(["read", "--json", str(path)]) == 0
    (plate,) = json.loads(capsys.readouterr().out)["plates"]
    assert (plate["text"], plate["certain"], plate["doubts"]) == (TEXT, False, ["hidden"])
    assert main(["read", str(path)]) == 0
    assert "not certain: hidden" in capsys.readouterr().out


def test_older_weights_with_fewer_places_and_characters_object_to_what_they_lack() -> None:
    older = np.zeros((1, 8, 2 + 73), np.float32)
    for place, character in enumerate("WJ16930"):
        older[0, place, 1 + ALPHABET.index(character)] = 0.9
    older[:, :, -1] = 0.1
    older[0, 7, 0] = 0.9
    (shares,) = completed(older)
    assert shares.shape == (9, CLASSES)
    np.testing.assert_allclose(shares.sum(1), 1.0, atol=1e-6)
    assert objections(shares, "WJ16930") == set()
    assert objections(shares, "WJ1693015") == {Doubt.VETOED}, "a ninth place that it does not have"
    assert objections(shares, "军J16930") == {Doubt.VETOED}, "a character that it does not have"
    assert shares[8].argmax() == 0
    assert shares[0, HIDDEN] == pytest.approx(0.1)
