"""The figures of `greenlane bench lane`: what a frame and a visit cost, what an idle lane costs, how large it is."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from controller import settings as settings_file
from controller.ports import PlateReader
from controller.records import Region
from greenlane.bench.visits import VisitCost, measure_visits
from greenlane.simulation.cast import bundled
from hardware.cameras.recorded import check_clip
from models.build import build_reader
from models.change import ThumbnailChangeMeter
from wire.errors import GreenlaneError

FPS = 15
FRAME_PX = (1280, 720)
IDLE_S = 20.0
SETTLE_S = 4.0
EVERY_FRAME = 5
"""The stages are measured on every fifth frame that shows a plate."""

ENGINES: dict[str, str] = {"opencv": "cv2", "onnxruntime": "onnxruntime"}
"""Engine -> the module that has to be installed for it."""


class BenchError(GreenlaneError):
    """Something cannot be measured here."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to measure; no engine named means all that are installed. clip: a recording instead of the bundled one."""

    engines: tuple[str, ...]
    frames: int
    threads: int
    quick: bool
    clip: Path | None = None


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage of one engine: milliseconds of wall time per frame; cpu_ms only for the whole read."""

    engine: str
    stage: str
    median_ms: float
    p95_ms: float
    cpu_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Process:
    """The lane as a process of its own: share of one processor and resident megabytes."""

    what: str
    seconds: float
    cpu_share: float
    resident_mb: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """All figures with the conditions they were taken under."""

    conditions: dict[str, Any]
    stages: tuple[StageTime, ...]
    processes: tuple[Process, ...]
    visits: tuple[VisitCost, ...] = ()

    def facts(self) -> dict[str, Any]:
        """As one JSON document."""
        return {
            "conditions": self.conditions,
            "stages": [asdict(stage) for stage in self.stages],
            "processes": [asdict(process) for process in self.processes],
            "visits": [asdict(cost) for cost in self.visits],
            "ratios": self.ratios(),
        }

    def ratios(self) -> dict[str, float]:
        """Reads per second of one processor, and engines against each other."""
        totals = {s.engine: s.median_ms for s in self.stages if s.stage == "read"}
        found = {f"{engine}: reads per second": round(1000 / ms, 1) for engine, ms in totals.items() if ms > 0}
        first = next(iter(totals), None)
        for engine, ms in totals.items():
            if first is not None and engine != first and ms > 0:
                found[f"{first} / {engine}"] = round(totals[first] / ms, 2)
        look = next((s.median_ms for s in self.stages if s.stage == "trigger"), 0.0)
        if first is not None and look > 0:
            found["read / trigger"] = round(totals[first] / look, 1)
        return found

    def lines(self) -> list[str]:
        """As tables for people."""
        shown = [f"{name}: {value}" for name, value in self.conditions.items()]
        shown += ["", f"{'engine':<12} {'stage':<12} {'median ms':>10} {'p95 ms':>8} {'CPU ms':>8}"]
        for stage in self.stages:
            cpu = "" if stage.cpu_ms is None else f"{stage.cpu_ms:8.2f}"
            shown.append(
                f"{stage.engine:<12} {stage.stage:<12} {stage.median_ms:>10.2f} {stage.p95_ms:>8.2f} {cpu}".rstrip()
            )
        shown += ["", *(f"{name}: {value:g}" for name, value in self.ratios().items())]
        shown += [cost.line() for cost in self.visits]
        for process in self.processes:
            shown.append(
                f"{process.what}: {process.cpu_share:.1%} of one processor over {process.seconds:.0f} s, "
                f"{process.resident_mb:.0f} MB resident, at most {process.peak_mb:.0f} MB"
            )
        return shown


def measure(wanted: Wanted) -> LaneFigures:
    """All figures; takes half a minute without visits and running lane, three with them. Raises GreenlaneError."""
    installed = [name for name, module in ENGINES.items() if importlib.util.find_spec(module)]
    engines = wanted.engines or tuple(installed)
    pictures = _pictures(wanted.frames) if wanted.clip is None else _recorded(wanted.clip, wanted.frames, engines[0])
    steps = len(engines) + (0 if wanted.quick else 2 + len(engines))
    stages, visits, processes = list(_trigger(pictures)), [], []
    with tqdm(total=steps, file=sys.stderr, disable=not sys.stderr.isatty(), leave=False) as bar:
        for engine in engines:
            bar.set_description(engine)
            stages += _read_stages(engine, wanted.threads, pictures)
            bar.update()
        for engine in () if wanted.quick else engines:
            bar.set_description(f"visits, {engine}")
            visits.append(measure_visits(engine, wanted.threads, wanted.clip))
            bar.update()
        for what, measured in () if wanted.quick else _PROCESSES.items():
            bar.set_description(what)
            processes.append(measured(what))
            bar.update()
    source = "the bundled clip" if wanted.clip is None else wanted.clip.name
    found = conditions(wanted.threads, len(pictures), source)
    return LaneFigures(found, tuple(stages), tuple(processes), tuple(visits))


def conditions(threads: int, frames: int, source: str = "the bundled clip") -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "processor": _processor(),
        "processors": os.cpu_count() or 0,
        "load before": round(os.getloadavg()[0], 2),
        "OpenCV": cv2.__version__,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
        "threads": threads,
        "frames": f"{frames} of 1280x720 from {source}",
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    named = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith(("model name", "Model"))]
    return named[0] if named else platform.machine()


def _clip_frames(clip: Path) -> Iterator[Any]:
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    try:
        while True:
            ok, image = capture.read()
            if not ok:
                return
            yield image
    finally:
        capture.release()


def _pictures(count: int) -> list[Any]:
    """Frames of the bundled clip, spread over the times when a vehicle stands."""
    stands = [(v["stands_s"], v["leaves_s"]) for v in bundled().visits]
    found = []
    for number, image in enumerate(_clip_frames(bundled().clip)):
        if number % EVERY_FRAME == 0 and any(a <= number / FPS < b for a, b in stands):
            found.append(image)
    if not found:
        raise BenchError("the bundled clip gives no frames: is OpenCV built with FFmpeg?")
    return _spread(found, count)


def _recorded(clip: Path, count: int, engine: str) -> list[Any]:
    """Frames of any clip, brought to 1280x720, in which the engine sees a plate."""
    check_clip(clip)
    reader = build_reader(engine)
    found = []
    for number, image in enumerate(_clip_frames(clip)):
        if number % EVERY_FRAME == 0:
            picture = cv2.resize(image, FRAME_PX, interpolation=cv2.INTER_AREA)
            if reader.read(picture).plates:
                found.append(picture)
    if not found:
        raise BenchError(f"{clip}: no frame with a plate; it has to be a video that OpenCV can decode")
    return _spread(found, count)


def _spread(pictures: list[Any], count: int) -> list[Any]:
    """At most so many, from beginning to end."""
    step = max(1, len(pictures) // count)
    return pictures[::step][:count]


def _trigger(pictures: list[Any]) -> Iterator[StageTime]:
    meter = ThumbnailChangeMeter()
    times = [_timed(partial(meter.measure, picture, Region())) for picture in pictures]
    yield _stage("any", "trigger", times)


def _read_stages(engine: str, threads: int, pictures: list[Any]) -> Iterator[StageTime]:
    began = time.perf_counter()
    reader = build_reader(engine, threads)
    first = reader.read(pictures[0])
    start_ms = 1000 * (time.perf_counter() - began)
    del first
    parts: dict[str, list[float]] = {}
    cpu_before = time.process_time()
    times = [_timed(partial(_read, reader, picture, parts)) for picture in pictures]
    cpu_ms = 1000 * (time.process_time() - cpu_before) / len(pictures)
    for part, values in parts.items():
        yield _stage(engine, part, values)
    yield _stage(engine, "read", times, cpu_ms)
    yield _stage(engine, "load, first", [start_ms])


def _read(reader: PlateReader, picture: Any, parts: dict[str, list[float]]) -> None:
    for part, ms in reader.read(picture).ms.items():
        parts.setdefault(part, []).append(ms)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def _stage(engine: str, stage: str, times_ms: list[float], cpu_ms: float | None = None) -> StageTime:
    p95 = quantiles(times_ms, n=20)[-1] if len(times_ms) > 1 else times_ms[0]
    return StageTime(
        engine, stage, round(median(times_ms), 3), round(p95, 3), None if cpu_ms is None else round(cpu_ms, 3)
    )


def _idle(what: str) -> Process:
    """The lane unit before an empty lane with a sensor's noise, 15 frames a second."""
    with tempfile.TemporaryDirectory(prefix="greenlane-") as folder:
        clip = Path(folder) / "empty.mp4"
        _write_empty(clip, SETTLE_S + IDLE_S + 2)
        return _lane(what, Path(folder), clip, SETTLE_S, IDLE_S)


def _running(what: str) -> Process:
    """The lane unit on the bundled clip in real time: five vehicles a minute."""
    with tempfile.TemporaryDirectory(prefix="greenlane-") as folder:
        own = bundled()
        return _lane(what, Path(folder), own.clip, 1.0, max(v["leaves_s"] for v in own.visits) - 2.0)


_PROCESSES: dict[str, Callable[[str], Process]] = {"idle lane": _idle, "lane at work": _running}


def _write_empty(clip: Path, seconds: float) -> None:
    empty = next(_clip_frames(bundled().clip)).astype(np.int16)
    height, width = empty.shape[:2]
    rng = np.random.default_rng(1)
    noise = [rng.normal(0, 3, (height, width, 1)).astype(np.int16) for _ in range(8)]
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"mp4v"), FPS, (width, height))
    for number in range(round(seconds * FPS)):
        writer.write(np.clip(empty + noise[number % len(noise)], 0, 255).astype(np.uint8))
    writer.release()


def _lane(what: str, folder: Path, clip: Path, settle_s: float, seconds: float) -> Process:
    """Run `greenlane run` on a clip in real time and watch its process."""
    config = folder / "lane.toml"
    config.write_text(settings_file.example(), encoding="utf-8")
    changes = {
        ("camera", "kind"): "file",
        ("camera", "source"): str(clip),
        ("lamp", "pins"): "mock",
        ("trace", "state_dir"): str(folder / "state"),
    }
    settings_file.update_file(config, changes)
    command = [sys.executable, "-c", "from greenlane.cli import main; raise SystemExit(main())", "run"]
    with (folder / "log").open("wb") as log:
        lane = subprocess.Popen([*command, "--config", str(config)], stdout=log, stderr=log)
        try:
            time.sleep(settle_s)
            before_s, began = _cpu_s(lane.pid), time.perf_counter()
            time.sleep(seconds)
            share = (_cpu_s(lane.pid) - before_s) / (time.perf_counter() - began)
            resident_mb, peak_mb = _memory_mb(lane.pid)
        except OSError as error:
            tail = (folder / "log").read_text(encoding="utf-8", errors="replace")[-400:]
            raise BenchError(f"the lane ended early: {tail.strip() or error}") from error
        finally:
            lane.terminate()
            lane.wait(20)
    return Process(what, seconds, round(share, 4), round(resident_mb, 1), round(peak_mb, 1))


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_mb(pid: int) -> tuple[float, float]:
    """Resident now, and the most there was."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    values = {line.partition(":")[0]: line.split()[1] for line in status.splitlines() if line.startswith("Vm")}
    return int(values["VmRSS"]) / 1024, int(values["VmHWM"]) / 1024
