"""The figures of `greenlane bench peers`: other readers and greenlane on the same held-out pictures in the same run."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

from tqdm import tqdm

from greenlane.bench import lane as bench_lane
from greenlane.bench import peers_worker
from greenlane.bench.lane import BenchError
from hardware.pictures import open_picture
from models.build import build_reader
from models.grammar import formats_of
from models.manifest import load_section
from models.training.data.holdout import is_held_out
from models.training.data.realdata import data_folder
from models.training.data.scenes import UNLABELLED
from wire.plates import normalise

SCENE = "scene"

OURS = {"greenlane opencv": "opencv", "greenlane onnxruntime": "onnxruntime"}

YARDSTICK_READER, YARDSTICK_SHARE = "rapidocr", 0.46
"""What the fastest public reader takes for a whole frame of a toll gate, as a share of what this one's recogniser takes
for one crop; measured once, in one run on one thread, because that reader is not to be had from a package index."""

NO_ENVIRONMENT = """no environment of other readers at {place}. Make one, once, in any folder:
  python3 -m venv .venv-peers
  .venv-peers/bin/python -m pip install rapidocr-onnxruntime agentclpr
and run this command there, or pass --peers-python PATH. For EasyOCR install easyocr into it as well, put its models
({models}) into a folder and pass --easyocr-models DIR."""

NO_PICTURES = "no labelled pictures: set GREENLANE_DATA to a folder with data/crops.csv and data/scenes.json"


@dataclass(frozen=True, slots=True)
class PeerSample:
    """One held-out picture. kind: "scene", or a crop's source; text: the (main) plate; all_texts: all labels.

    complete: False where the picture is known to show plates that no label names: no text on it counts as wrong.
    width: in how many pixels it is shown; 0 for as it is.
    """

    path: Path
    kind: str
    text: str
    all_texts: tuple[str, ...]
    complete: bool = True
    width: int = 0

    @property
    def is_crop(self) -> bool:
        return self.kind != SCENE


@dataclass(frozen=True, slots=True)
class PeerAnswer:
    """What one reader made of one sample; milliseconds without decoding the file."""

    texts: tuple[str, ...]
    cpu_ms: float
    wall_ms: float


Ask = Callable[[PeerSample], PeerAnswer]


@dataclass(frozen=True, slots=True)
class PeerRow:
    """One reader on one kind of pictures. exact, wrong: pictures; wrong ones show a valid plate that is not there."""

    kind: str
    reader: str
    pictures: int
    exact: int
    wrong: int
    cpu_ms_median: float
    cpu_ms_mean: float

    def facts(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "reader": self.reader,
            "pictures": self.pictures,
            "exact": self.exact,
            "exact_share": round(self.exact / self.pictures, 4),
            "wrong_plate": self.wrong,
            "cpu_ms_median": round(self.cpu_ms_median, 2),
            "cpu_ms_mean": round(self.cpu_ms_mean, 2),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows with the conditions, and the readers that could not be measured, with the reason."""

    conditions: dict[str, Any]
    rows: tuple[PeerRow, ...]
    absent: dict[str, str]

    def facts(self) -> dict[str, Any]:
        """As one JSON document."""
        return {
            "conditions": self.conditions,
            "rows": [row.facts() for row in self.rows],
            "ratios": self.ratios(),
            "yardstick": self.yardstick(),
            "not_measured": self.absent,
        }

    def ratios(self) -> list[dict[str, Any]]:
        """Each other reader's median CPU time as a multiple of each of greenlane's engines, per kind of pictures."""
        return [
            {
                "kind": other.kind,
                "reader": other.reader,
                "against": own.reader,
                "cpu_times": round(other.cpu_ms_median / own.cpu_ms_median, 2),
                "exact_points": round(100 * (own.exact / own.pictures - other.exact / other.pictures), 1),
            }
            for own in self.rows
            if own.reader in OURS
            for other in self.rows
            if other.reader not in OURS and other.kind == own.kind and own.cpu_ms_median > 0
        ]

    def yardstick(self) -> dict[str, float]:
        """Median CPU time of a whole scene by each of greenlane's engines, in frames of the fastest public reader."""
        crops = [r.cpu_ms_median for r in self.rows if r.reader.startswith(YARDSTICK_READER) and r.kind != SCENE]
        own = [row for row in self.rows if row.reader in OURS and row.kind == SCENE]
        if not crops or not mean(crops):
            return {}
        return {row.reader: round(row.cpu_ms_median / (YARDSTICK_SHARE * mean(crops)), 2) for row in own}

    def lines(self) -> list[str]:
        """As tables for people."""
        shown = [f"{name}: {value}" for name, value in self.conditions.items()]
        shown += ["", f"{'pictures':<14} {'reader':<28} {'exact':>14} {'wrong plate':>12} {'CPU ms':>8} {'mean':>8}"]
        for row in self.rows:
            exact = f"{row.exact} ({row.exact / row.pictures:.1%})"
            shown.append(
                f"{row.pictures:>4} {row.kind:<9} {row.reader:<28} {exact:>14} {row.wrong:>12} "
                f"{row.cpu_ms_median:>8.1f} {row.cpu_ms_mean:>8.1f}"
            )
        shown.append("")
        for ratio in self.ratios():
            more = "more" if ratio["exact_points"] >= 0 else "fewer"
            shown.append(
                f"{ratio['kind']}: {ratio['reader']} takes {ratio['cpu_times']:g} times the CPU time of "
                f"{ratio['against']}, which reads {abs(ratio['exact_points']):g} % {more} of them exactly"
            )
        shown += [
            f"{name} takes {times:g} times the CPU time of the fastest public reader's frame for a scene"
            for name, times in self.yardstick().items()
        ]
        return shown + [f"{name}: not measured, {reason}" for name, reason in self.absent.items()]


def measure(
    python: Path | None, easyocr_models: Path | None, limit: int | None, reads: int = 1, width: int = 0
) -> Comparison:
    """Ask every reader about every picture in turn, so that all of them see the same load. Raises GreenlaneError.

    limit: at most so many pictures of each kind. reads: of each picture, of which the quickest counts. width: of scenes
    in pixels, 0 for as they are.
    """
    environment = python or Path(".venv-peers/bin/python")
    if not environment.is_file():
        models = ", ".join(peers_worker.EASYOCR_MODELS)
        raise BenchError(NO_ENVIRONMENT.format(place=environment, models=models))
    chosen = [sample if sample.is_crop else replace(sample, width=width) for sample in samples(limit)]
    loads = [os.getloadavg()[0]]
    with ExitStack() as stack:
        asks = {name: own(engine) for name, engine in OURS.items() if engine == "opencv" or find_spec(engine)}
        absent = {}
        for name in peers_worker.READERS:
            try:
                version, ask = stack.enter_context(peer(environment, name, easyocr_models))
                asks[f"{name} {version}"] = ask
            except BenchError as error:
                absent[name] = str(error)
        answers = ask_all(chosen, asks, reads)
    loads.append(os.getloadavg()[0])
    conditions = _conditions(chosen, loads) | {"reads of each picture, the quickest counts": reads}
    conditions |= {"scenes": f"{width} px wide"} if width else {}
    return Comparison(conditions, tuple(_rows(chosen, answers)), absent)


def samples(limit: int | None) -> list[PeerSample]:
    """The held-out crops with checked labels and the held-out scenes. Raises BenchError where there are none."""
    folder = data_folder()
    if folder is None:
        raise BenchError(NO_PICTURES)
    with (folder / "crops.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [PeerSample(folder / row["file"], row["source"], row["plate"], (row["plate"],)) for row in rows]
    for scene in json.loads((folder / "scenes.json").read_text(encoding="utf-8")):
        main = next(plate["text"] for plate in scene["plates"] if plate.get("main"))
        path = folder / scene["file"]
        texts = tuple(plate["text"] for plate in scene["plates"])
        found.append(PeerSample(path, SCENE, main, texts, path.name not in UNLABELLED))
    held_out = [sample for sample in found if is_held_out(sample.text)]
    kinds = dict.fromkeys(sample.kind for sample in held_out)
    return [sample for kind in kinds for sample in [s for s in held_out if s.kind == kind][:limit]]


def own(engine: str) -> Ask:
    """greenlane on one engine and one thread, in this process."""
    reader = build_reader(engine, 1)

    def ask(sample: PeerSample) -> PeerAnswer:
        picture = peers_worker.shown(open_picture(sample.path), sample.width)
        wall, cpu = time.perf_counter(), time.process_time()
        reading = reader.read_crop(picture) if sample.is_crop else reader.read(picture)
        cpu_ms, wall_ms = 1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall)
        return PeerAnswer(tuple(plate.text for plate in reading.plates), cpu_ms, wall_ms)

    return ask


@contextmanager
def peer(python: Path, name: str, models: Path | None) -> Iterator[tuple[str, Ask]]:
    """Another reader in a process of its own: its version and how to ask it. Raises BenchError where it cannot run."""
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    process = subprocess.Popen(
        # isolated, so that this folder's modules do not stand in for the environment's
        [str(python), "-I", str(Path(peers_worker.__file__)), name, str(models.resolve()) if models else ""],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **threads},
    )
    try:
        first = _line(process, name)
        if "unavailable" in first:
            raise BenchError(first["unavailable"])

        def ask(sample: PeerSample) -> PeerAnswer:
            assert process.stdin is not None
            request = {"path": str(sample.path), "crop": sample.is_crop, "width": sample.width}
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            reply = _line(process, name)
            return PeerAnswer(tuple(reply["texts"]), reply["cpu_ms"], reply["wall_ms"])

        yield first["version"], ask
    finally:
        process.kill()
        process.communicate()


def _line(process: subprocess.Popen[str], name: str) -> dict[str, Any]:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise BenchError(f"{name} ended without an answer, status {process.wait()}")
    reply: dict[str, Any] = json.loads(line)
    return reply


def ask_all(chosen: Sequence[PeerSample], asks: dict[str, Ask], reads: int) -> dict[str, list[PeerAnswer]]:
    """Each reader's quickest answer to each picture; the readers take turns, also from one read to the next."""
    for ask in asks.values():
        for kind in dict.fromkeys(sample.is_crop for sample in chosen):
            ask(next(sample for sample in chosen if sample.is_crop == kind))  # the first read of all is slower
    answers: dict[str, list[PeerAnswer]] = {name: [] for name in asks}
    tqdm.monitor_interval = 0  # its thread would count as CPU time of this process
    for sample in tqdm(chosen, unit="picture", file=sys.stderr, disable=not sys.stderr.isatty(), leave=False):
        rounds = [{name: ask(sample) for name, ask in asks.items()} for _ in range(reads)]
        for name in asks:
            answers[name].append(min((answered[name] for answered in rounds), key=lambda answer: answer.cpu_ms))
    return answers


def _rows(chosen: Sequence[PeerSample], answers: dict[str, list[PeerAnswer]]) -> Iterator[PeerRow]:
    for kind in dict.fromkeys(sample.kind for sample in chosen):
        for name, given in answers.items():
            pairs = [(s, a) for s, a in zip(chosen, given, strict=True) if s.kind == kind]
            times = [answer.cpu_ms for _, answer in pairs]
            exact, wrong = sum(is_exact(*pair) for pair in pairs), sum(is_wrong(*pair) for pair in pairs)
            yield PeerRow(kind, name, len(pairs), exact, wrong, median(times), mean(times))


def candidates(answer: PeerAnswer) -> set[str]:
    """The texts as plates are compared; two in a row also as one, because a text reader splits two-row plates."""
    texts = [normalise(text) for text in answer.texts]
    return {*texts, *(first + second for first, second in pairwise(texts))}


def is_exact(sample: PeerSample, answer: PeerAnswer) -> bool:
    """Whether the crop's text is the plate, or any text of the scene is its main plate."""
    if sample.is_crop:
        return "".join(map(normalise, answer.texts)) == sample.text
    return sample.text in candidates(answer)


def is_wrong(sample: PeerSample, answer: PeerAnswer) -> bool:
    """Whether some text has a plate's format and stands on no plate of the picture."""
    reply = candidates(answer) - set(sample.all_texts)
    return sample.complete and any(formats_of(text) for text in reply)


def _conditions(chosen: Sequence[PeerSample], loads: Sequence[float]) -> dict[str, Any]:
    found = bench_lane.conditions(1, len(chosen))
    del found["frames"], found["load before"]
    found["weights"] = _weights()
    found["load before, after"] = f"{loads[0]:.1f}, {loads[1]:.1f}"
    found["pictures"] = f"{len(chosen)} held out: crops with checked labels and whole scenes"
    return found


def _weights() -> str:
    detector = load_section("detector")
    others = (load_section(name) for name in ("recogniser", "second", "whole"))
    sections = (detector["finder"], detector["refiner"], *others)
    return ", ".join(f"{section['file']} {section['sha256'][:8]}" for section in sections)
