"""Runs another plate or text reader in its own environment: a JSON line in for each picture, a JSON line out.

Started as a script by the Python of that environment, where greenlane is not installed: it needs the reader, OpenCV and
NumPy. Arguments: the reader's name, its folder of models or "".
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Texts = list[str]
Read = Callable[[Any, bool], Texts]


class ReaderMissing(Exception):
    """str() says what is missing."""


def open_rapidocr(folder: str) -> tuple[str, Read]:
    """PP-OCRv4 as the package brings it along; a crop goes to the recogniser alone."""
    module = importlib.import_module("rapidocr_onnxruntime")
    engine = module.RapidOCR(intra_op_num_threads=1, inter_op_num_threads=1)

    def read(picture: Any, is_crop: bool) -> Texts:
        found, _ = engine(picture, use_det=False, use_cls=False) if is_crop else engine(picture)
        return [line[-2] for line in found or ()]

    return importlib.metadata.version("rapidocr-onnxruntime"), read


EASYOCR_MODELS = ("craft_mlt_25k.pth", "zh_sim_g2.pth")


def open_easyocr(folder: str) -> tuple[str, Read]:
    """EasyOCR with its own detector and recogniser from the folder; a crop goes to the recogniser alone."""
    module = importlib.import_module("easyocr")
    missing = [name for name in EASYOCR_MODELS if not (Path(folder) / name).is_file()]
    if not folder or missing:
        place = folder or "no folder given (--easyocr-models DIR)"
        raise ReaderMissing(f"models missing in {place}: {', '.join(missing)}; nothing is downloaded")
    importlib.import_module("torch").set_num_threads(1)
    engine = module.Reader(
        ["ch_sim", "en"], gpu=False, model_storage_directory=folder, download_enabled=False, verbose=False
    )
    cv2 = importlib.import_module("cv2")

    def read(picture: Any, is_crop: bool) -> Texts:
        if is_crop:
            return [line[1] for line in engine.recognize(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), workers=0)]
        return [line[1] for line in engine.readtext(picture, workers=0)]

    return str(module.__version__), read


BORDER_PX = 12
"""agentclpr cuts ten pixels around a plate and fails where the picture ends before."""


def open_agentclpr(folder: str) -> tuple[str, Read]:
    """agentclpr's detector of plates with its recogniser; a crop goes to the recogniser as the package pads a find."""
    module = importlib.import_module("agentclpr")
    cv2, np = importlib.import_module("cv2"), importlib.import_module("numpy")
    if hasattr(os, "sched_setaffinity"):  # it leaves the number of threads to ONNX Runtime, which asks for processors
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    engine = module.CLPSystem(providers="CPU")

    def read(picture: Any, is_crop: bool) -> Texts:
        if not is_crop:
            wider = cv2.copyMakeBorder(picture, *(BORDER_PX,) * 4, cv2.BORDER_REPLICATE)
            return [found[1][0] for found in engine(wider)]
        height, width = picture.shape[:2]
        large = cv2.resize(picture, (256, max(1, 256 * height // width)))
        board = np.pad(large, ((100, 100), (100, 100), (0, 0)), mode="constant", constant_values=255)
        return ["".join(line[1][0] for line in engine.ocr(board))]

    return importlib.metadata.version("agentclpr"), read


READERS = {"rapidocr": open_rapidocr, "easyocr": open_easyocr, "agentclpr": open_agentclpr}


def decoded(path: str) -> Any:
    """BGR uint8 (height, width, 3)."""
    cv2, np = importlib.import_module("cv2"), importlib.import_module("numpy")
    return cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)


def shown(picture: Any, width: int) -> Any:
    """The picture made so many pixels wide; as it is for 0."""
    if not width:
        return picture
    cv2 = importlib.import_module("cv2")
    height = round(picture.shape[0] * width / picture.shape[1])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def answer(read: Read, request: dict[str, Any]) -> dict[str, Any]:
    """The texts of one picture in reading order, and the milliseconds of reading it without decoding the file."""
    picture = shown(decoded(request["path"]), request["width"])
    wall, cpu = time.perf_counter(), time.process_time()
    texts = read(picture, request["crop"])
    return {
        "texts": texts,
        "cpu_ms": 1000 * (time.process_time() - cpu),
        "wall_ms": 1000 * (time.perf_counter() - wall),
    }


def main(name: str, folder: str) -> int:
    # what a reader prints must not mix with the answers
    answers, sys.stdout = sys.stdout, sys.stderr

    def say(line: dict[str, Any]) -> None:
        print(json.dumps(line, ensure_ascii=True), file=answers, flush=True)

    try:
        version, read = READERS[name](folder)
        importlib.import_module("cv2").setNumThreads(1)
    except (ImportError, RuntimeError, OSError, ReaderMissing) as error:
        say({"unavailable": str(error)})
        return 1
    say({"version": version})
    for line in sys.stdin:
        say(answer(read, json.loads(line)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
