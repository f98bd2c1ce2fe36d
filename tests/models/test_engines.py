"""Every engine keeps the same promises: answers, errors, checked weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from controller.errors import ReaderError
from models.engines import ENGINES, Network, load_network
from models.manifest import WEIGHTS_FOLDER, load_section

FINDER = load_section("detector")["finder"]
REFINER = load_section("detector")["refiner"]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if name == "onnxruntime":
        pytest.importorskip("onnxruntime")
    if name == "easyocr":
        pytest.skip("takes other weights")
    return name


def shipped(engine: str, section: dict[str, str]) -> Network:
    return load_network(engine, WEIGHTS_FOLDER / section["file"], section["sha256"])


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, (1, 3, height, width)).astype(np.float32)


def test_answers_in_float32_for_any_size_the_model_allows(engine: str) -> None:
    network = shipped(engine, FINDER)
    for height, width in ((224, 384), (288, 384), (384, 224), (224, 384)):
        (answer,) = network.run(picture(height, width))
        assert answer.dtype == np.float32
        assert answer.shape == (1, 16, height // 8, width // 8)


def test_the_same_input_gives_the_same_answer_and_old_answers_stay(engine: str) -> None:
    network = shipped(engine, REFINER)
    (first,) = network.run(picture(64, 128))
    kept = first.copy()
    network.run(-picture(64, 128))
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_allclose(network.run(picture(64, 128))[0], kept, atol=1e-6)


def test_engines_agree() -> None:
    pytest.importorskip("onnxruntime")
    for section, size in ((FINDER, (224, 384)), (REFINER, (64, 128))):
        (opencv,) = shipped("opencv", section).run(picture(*size))
        (onnx,) = shipped("onnxruntime", section).run(picture(*size))
        np.testing.assert_allclose(opencv, onnx, atol=2e-4)


def test_a_shape_the_network_cannot_take_is_a_reader_error(engine: str) -> None:
    with pytest.raises(ReaderError, match="cannot run"):
        shipped(engine, REFINER).run(np.zeros((1, 3, 64, 256), np.float32))


def test_altered_weights_are_refused_by_name(engine: str, tmp_path: Path) -> None:
    altered = tmp_path / "altered.onnx"
    data = bytearray((WEIGHTS_FOLDER / REFINER["file"]).read_bytes())
    data[len(data) // 2] ^= 1
    altered.write_bytes(data)
    with pytest.raises(ReaderError, match=r"altered\.onnx.*not the ones in the manifest"):
        load_network(engine, altered, REFINER["sha256"])


def test_missing_weights_are_refused_by_name(engine: str, tmp_path: Path) -> None:
    with pytest.raises(ReaderError, match=r"absent\.onnx"):
        load_network(engine, tmp_path / "absent.onnx", REFINER["sha256"])


def test_a_file_that_is_no_network_is_a_reader_error(engine: str, tmp_path: Path) -> None:
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"no network " * 40)
    with pytest.raises(ReaderError, match="cannot load"):
        load_network(engine, junk, hashlib.sha256(junk.read_bytes()).hexdigest())


def test_weights_lie_at_any_path(engine: str, tmp_path: Path) -> None:
    folder = tmp_path / "车牌 weights"
    folder.mkdir()
    copy = folder / "网络.onnx"
    copy.write_bytes((WEIGHTS_FOLDER / REFINER["file"]).read_bytes())
    assert load_network(engine, copy, REFINER["sha256"]).run(picture(64, 128))[0].shape == (1, 16)


def test_a_wrong_name_lists_the_choices() -> None:
    with pytest.raises(ReaderError, match=r"'tensorrt'.*opencv.*onnxruntime"):
        load_network("tensorrt", WEIGHTS_FOLDER / REFINER["file"], REFINER["sha256"])


@pytest.mark.parametrize("engine", ["opencv", "onnxruntime"])
@pytest.mark.parametrize("threads", [-1, 0, 17, 999_999])
def test_no_thread_is_too_few_and_thousands_are_too_many(engine: str, threads: int) -> None:
    with pytest.raises(ReaderError, match=f"takes 1 to 16 threads, not {threads}"):
        load_network(engine, WEIGHTS_FOLDER / REFINER["file"], REFINER["sha256"], threads)
