"""`greenlane read`: the plates in pictures, as a table for people or one JSON line per picture for programs."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.errors import ReaderError
from controller.records import PlateRead, Reading
from greenlane.cli.options import add_engine, escaped, whole
from greenlane.cli.outputs import fresh_file
from greenlane.language import tr
from wire.outputs import OutputError, check_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

Read = Callable[["Picture"], Reading]

LARGEST_PX = 65_535
"""A JPEG is not larger; pictures up to there keep their size."""
MANY = 8
"""From this many pictures on a progress bar is worth its line."""


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
    from models.engines import MOST_THREADS

    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="pictures, or folders that are walked")
    parser.add_argument("--crop", action="store_true", help="each picture is one plate, edge to edge")
    add_engine(parser)
    parser.add_argument(
        "--easyocr-models", type=Path, metavar="DIR", help="with --engine easyocr: read with EasyOCR's own models there"
    )
    parser.add_argument(
        "--threads", type=whole(1, MOST_THREADS), default=1, metavar="N", help="processor threads (default 1)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON line per picture")
    parser.add_argument("--annotate", type=Path, metavar="DIR", help="write the pictures with boxes and texts there")


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
    left_out = _real(results) if results else None
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        found = sorted(_inside(path))
        if left_out is not None and left_out != _real(path):
            found = [picture for picture in found if left_out not in _real(picture).parents]
        yield from found or [path]


def _real(path: Path) -> Path:
    """Without links; Path.resolve() breaks off at a link to itself."""
    return Path(os.path.realpath(path))


def _inside(folder: Path) -> Iterator[Path]:
    """Whatever is named as a picture, also what turns out to be none, as a link to nothing; folders that cannot be
    looked into. Nothing hidden. Links to folders are followed, each folder once."""
    from hardware.pictures import pictures_among

    closed: list[Path] = []
    seen: set[Path] = set()
    for place, folders, files in os.walk(folder, onerror=lambda e: closed.append(Path(e.filename)), followlinks=True):
        if (real := _real(Path(place))) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in pictures_among(files))
    yield from closed


def read_file(path: Path, read: Read) -> PictureOutcome:
    """Decode one file and read it; what is wrong with it becomes the outcome's error."""
    from hardware.pictures import BadPicture, open_picture

    try:
        picture = open_picture(path)
    except BadPicture as error:
        return PictureOutcome(path, error=str(error))
    height, width = picture.shape[:2]
    try:
        return PictureOutcome(path, width, height, read(picture))
    except ReaderError as error:
        return PictureOutcome(path, error=str(error))


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
    """A guess is never told as a text: docs/reader.md has the fields."""
    return {
        "text": plate.text if plate.readable else "",
        **({} if plate.readable else {"guess": plate.text}),
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
        print(_as_line(outcome), flush=True)
        return
    path = escaped(str(outcome.path))
    if outcome.reading is None:
        print(f"{path}: {tr(outcome.error or '')}", file=sys.stderr, flush=True)
        return
    total = sum(outcome.reading.ms.values())
    print(f"{path}  {outcome.width}x{outcome.height}  {tr(f'{total:.0f} ms')}")
    for line in _table(outcome.reading.plates):
        print(f"  {line}")
    if not outcome.reading.plates:
        print("  " + tr("no plate found"))
    if outcome.annotated:
        print("  " + tr(f"drawn into {escaped(str(outcome.annotated))}"))


def _table(plates: Sequence[PlateRead]) -> Iterator[str]:
    """A line for each plate; columns of a terminal, where a Chinese character takes two."""
    from controller.checks import columns, padded

    widest = max((columns(_text(plate)) for plate in plates), default=0)
    for plate in plates:
        x, y = (sum(c) / 4 for c in zip(*plate.corners, strict=True))
        sure = tr(f"{plate.confidence:7.1%} sure, weakest character {plate.weakest:6.1%}")
        where = tr(f"{plate.width_px:4.0f} px wide at {x:.0f},{y:.0f}")
        yield f"{padded(_text(plate), max(widest, 11))} {sure}  {padded(tr(plate.kind), 18)} {where}{_doubted(plate)}"


def _as_line(outcome: PictureOutcome) -> str:
    """Its JSON in one line; a name may hold any bytes."""
    return json.dumps(record(outcome), ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def _text(plate: PlateRead) -> str:
    return plate.text if plate.readable else tr("(hardly readable)" if plate.text else "(unreadable)")


def _doubted(plate: PlateRead) -> str:
    return tr(f", not certain: {', '.join(plate.doubts)}") if plate.doubts else ""


def annotate(outcome: PictureOutcome, folder: Path) -> Path:
    """Write the picture with its plates outlined and their texts beside them, beside whatever is there already."""
    from hardware.jpeg import encode_jpeg
    from hardware.pictures import open_picture
    from models.annotate import annotated

    assert outcome.reading is not None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn = encode_jpeg(annotated(open_picture(outcome.path), outcome.reading.plates), LARGEST_PX, quality=90)
        return fresh_file(folder, outcome.path.stem, ".jpg", drawn)
    except OSError as error:
        raise OutputError(f"--annotate {folder}: cannot be written: {error.strerror}") from error


def _progress(paths: list[Path]) -> Iterable[Path]:
    if len(paths) < MANY or not sys.stderr.isatty():
        return paths
    from tqdm import tqdm

    bar: Iterable[Path] = tqdm(paths, unit="picture", file=sys.stderr)
    return bar
