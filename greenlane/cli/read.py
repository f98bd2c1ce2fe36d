"""`greenlane read`: the plates in pictures, as a table for people or one JSON line per picture for programs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.errors import ReaderError
from controller.records import PlateRead, Reading
from greenlane.cli.outputs import OutputError, check_folder, fresh_file
from greenlane.language import tr
from wire.errors import GreenlaneError
from wire.files import read_regular

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

Read = Callable[["Picture"], Reading]

SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
LARGEST_PX = 65_535
"""A JPEG is not larger; pictures up to there keep their size."""
LARGEST_BYTES = 1 << 28
"""No camera makes a larger picture."""
MANY = 8
"""From this many pictures on a progress bar is worth its line."""


class BadPicture(GreenlaneError):
    """str() says what is wrong with the file."""


@dataclass(frozen=True)
class PictureOutcome:
    """What became of one picture: a reading, or the error that stands in its place."""

    path: Path
    width: int = 0
    height: int = 0
    reading: Reading | None = None
    error: str | None = None
    annotated: Path | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from models.engines import DEFAULT_ENGINE, READER_ENGINES

    parser.add_argument("paths", nargs="+", type=named, metavar="PATH", help="pictures, or folders that are walked")
    parser.add_argument("--crop", action="store_true", help="each picture is one plate, edge to edge")
    parser.add_argument("--engine", default=DEFAULT_ENGINE, metavar="NAME", help=f"one of: {', '.join(READER_ENGINES)}")
    parser.add_argument(
        "--easyocr-models", type=Path, metavar="DIR", help="with --engine easyocr: read with EasyOCR's own models there"
    )
    parser.add_argument("--threads", type=int, default=1, help="processor threads (default 1)")
    parser.add_argument("--json", action="store_true", help="one JSON line per picture")
    parser.add_argument("--annotate", type=Path, metavar="DIR", help="write the pictures with boxes and texts there")


def named(text: str) -> Path:
    """A path that is one: nothing would stand for the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("an empty name: give a picture or a folder")
    return Path(text)


def run(args: argparse.Namespace) -> int:
    """0 when every picture could be read, else 1; a bad picture never stops the others."""
    from models.build import build_reader

    if args.annotate:
        check_folder("--annotate", args.annotate)
    reader = build_reader(args.engine, args.threads, args.easyocr_models)
    return read_all(args, reader.read_crop if args.crop else reader.read)


def read_all(args: argparse.Namespace, read: Read) -> int:
    """Everything but building the reader; status as for run()."""
    failed = False
    for path in _progress(list(walk(args.paths, args.annotate))):
        outcome = read_file(path, read)
        failed |= outcome.error is not None
        if args.annotate and outcome.reading is not None:
            outcome = replace(outcome, annotated=annotate(outcome, args.annotate))
        show(outcome, args.json)
    return int(failed)


def walk(paths: Iterable[Path], results: Path | None = None) -> Iterator[Path]:
    """Files as given; of folders every picture by its suffix, in order of name, but not those of a folder of results
    that lies inside. A folder without pictures comes itself, so that it is told."""
    left_out = results.resolve() if results else None
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
        if left_out is not None and left_out != path.resolve():
            found = [picture for picture in found if left_out not in picture.resolve().parents]
        yield from found or [path]


def read_file(path: Path, read: Read) -> PictureOutcome:
    """Decode one file and read it; what is wrong with it becomes the outcome's error."""
    try:
        picture = decode(path)
    except BadPicture as error:
        return PictureOutcome(path, error=str(error))
    height, width = picture.shape[:2]
    try:
        return PictureOutcome(path, width, height, read(picture))
    except ReaderError as error:
        return PictureOutcome(path, error=str(error))


def decode(path: Path) -> Picture:
    """A picture as BGR uint8 (height, width, 3). Raises BadPicture for whatever is not a whole picture."""
    import cv2
    import numpy as np

    try:
        if path.is_dir():
            os.listdir(path)  # a folder that may not be looked into is not an empty one
            raise BadPicture("no pictures in this folder")
        data = read_regular(path, LARGEST_BYTES)
    except OSError as error:
        raise BadPicture(f"cannot be opened: {error.strerror or error}") from error
    if not data:
        raise BadPicture("the file is empty")
    if truncated(data):
        raise BadPicture("the JPEG is cut off: its end marker is missing")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadPicture(f"not a picture: {error.err}") from error
    if picture is None:
        raise BadPicture("not a picture that OpenCV can decode")
    return np.asarray(picture, np.uint8)


def truncated(data: bytes) -> bool:
    """Whether this is a JPEG without an end-of-image marker; OpenCV decodes such a file in part and says nothing.

    Some cameras append bytes after the marker, so it may stand anywhere after the last scan began.
    """
    if not data.startswith(b"\xff\xd8"):
        return False
    scan = data.rfind(b"\xff\xda")
    return scan < 0 or data.find(b"\xff\xd9", scan) < 0


def record(outcome: PictureOutcome) -> dict[str, Any]:
    """The JSON object of one picture, as other programs rely on it."""
    if outcome.reading is None:
        return {"path": str(outcome.path), "error": outcome.error}
    return {
        "path": str(outcome.path),
        "width": outcome.width,
        "height": outcome.height,
        "plates": [_plate_record(plate) for plate in outcome.reading.plates],
        "ms": {stage: round(ms, 2) for stage, ms in outcome.reading.ms.items()},
        **({"annotated": str(outcome.annotated)} if outcome.annotated else {}),
    }


def _plate_record(plate: PlateRead) -> dict[str, Any]:
    return {
        "text": plate.text,
        "confidence": round(plate.confidence, 4),
        "weakest": round(plate.weakest, 4),
        "certain": plate.certain,
        "doubts": list(plate.doubts),
        "corners": [[round(x, 1), round(y, 1)] for x, y in plate.corners],
        "kind": plate.kind,
        "rows": plate.rows,
    }


def show(outcome: PictureOutcome, as_json: bool) -> None:
    """Print one picture's lines: JSON, or a small table with errors on stderr."""
    if as_json:
        line = json.dumps(record(outcome), ensure_ascii=False)
        print(line.encode("utf-8", "backslashreplace").decode(), flush=True)  # a name may hold any bytes
        return
    if outcome.reading is None:
        print(f"{outcome.path}: {tr(outcome.error or '')}", file=sys.stderr, flush=True)
        return
    total = sum(outcome.reading.ms.values())
    print(f"{outcome.path}  {outcome.width}x{outcome.height}  {tr(f'{total:.0f} ms')}")
    for plate in outcome.reading.plates:
        x, y = (sum(c) / 4 for c in zip(*plate.corners, strict=True))
        text = plate.text or tr("(unreadable)")
        sure = tr(f"{plate.confidence:7.1%} sure, weakest character {plate.weakest:6.1%}")
        where = tr(f"{plate.width_px:4.0f} px wide at {x:.0f},{y:.0f}")
        print(f"  {text:<10} {sure}  {tr(plate.kind):<18} {where}{_doubted(plate)}")
    if not outcome.reading.plates:
        print("  " + tr("no plate found"))
    if outcome.annotated:
        print("  " + tr(f"drawn into {outcome.annotated}"))


def _doubted(plate: PlateRead) -> str:
    return tr(f", not certain: {', '.join(map(tr, plate.doubts))}") if plate.doubts else ""


def annotate(outcome: PictureOutcome, folder: Path) -> Path:
    """Write the picture with its plates outlined and their texts beside them, beside whatever is there already."""
    from hardware.jpeg import encode_jpeg
    from models.annotate import annotated

    assert outcome.reading is not None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = encode_jpeg(annotated(decode(outcome.path), outcome.reading.plates), LARGEST_PX, quality=90)
        return fresh_file(folder, outcome.path.stem, ".jpg", drawn)
    except OSError as error:
        raise OutputError(f"--annotate {folder}: cannot be written: {error.strerror}") from error


def _progress(paths: list[Path]) -> Iterable[Path]:
    if len(paths) < MANY or not sys.stderr.isatty():
        return paths
    from tqdm import tqdm

    bar: Iterable[Path] = tqdm(paths, unit="picture", file=sys.stderr)
    return bar
