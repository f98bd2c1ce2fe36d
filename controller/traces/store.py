"""The folder of traces: one folder per visit under its day, written whole or not at all, swept by age and size."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from controller.clock import FIRST_SANE_YEAR
from controller.ports import Clock
from controller.traces.records import TraceError, VisitTrace, from_json, to_json

FOLDER = "traces"
"""Within the state folder of a lane."""
TRACE_FILE = "trace.json"
PICTURES = "*.jpg"
EVEN_FOR_S = 3600.0
"""A record goes by its age once the wall clock has gone evenly for so long: a board's clock may be years ahead until it
hears the time, and what it recorded yesterday would be too old. Pictures, personal data, do not wait for that."""
MOST_UNEVEN_S = 60.0
FIRST_SANE_S = datetime(FIRST_SANE_YEAR, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class TraceLimits:
    """keep_hours: pictures (personal data: at most 72). keep_days: records. max_mb: both together.

    least_free_mb: nothing is written while the disk has less room: fuellings need it more.
    """

    keep_hours: float = 72.0
    keep_days: float = 90.0
    max_mb: int = 500
    least_free_mb: int = 64


class NoRoom(OSError):
    """The disk has too little room for traces."""


@dataclass(frozen=True, slots=True)
class _Entry:
    folder: Path
    seen_s: float
    record_bytes: int
    picture_bytes: int


class TraceStore:
    """Traces below `root`. Writing raises OSError; the caller decides that a lane goes on without."""

    def __init__(self, root: Path, clock: Clock, limits: TraceLimits | None = None) -> None:
        self.root = root
        self._clock = clock
        self._limits = limits or TraceLimits()
        self._written_bytes = 0
        self._swept_s: float | None = None
        self._ahead_s, self._even_since_s = self._ahead_now_s(), clock.monotonic_s()

    def write(self, trace: VisitTrace, pictures: dict[str, bytes]) -> None:
        """Write pictures (file name -> JPEG) and the record, in place of an earlier record of the same visit."""
        self._need_room()
        folder = self._folder(trace)
        folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        for name, jpeg in pictures.items():
            self._replace(folder / name, jpeg, durable=False)
        text = json.dumps(to_json(trace), ensure_ascii=False, separators=(",", ":"))
        target = folder / TRACE_FILE
        self._replace(target, text.encode(), durable=True)
        seen_s = trace.first_seen_at.timestamp()
        os.utime(target, (seen_s, seen_s))

    def load(self, visit: str) -> VisitTrace:
        """The trace of a visit: its id, a part of it that only one has, or "last". Raises TraceError."""
        return read_trace(self.find(visit))

    def find(self, visit: str) -> Path:
        """The folder of a visit, named as for load. Raises TraceError that lists what there is."""
        folders = [e.folder for e in sorted(self._entries(), key=lambda e: (e.seen_s, e.folder.name), reverse=True)]
        if not folders:
            raise TraceError(f"no visits are recorded under {self.root}")
        if not visit.strip():
            raise TraceError('an empty name: give the id of a visit, a part of it, or "last"')
        if visit == "last":
            return folders[0]
        exact = [f for f in folders if f.name == safe_name(visit)]
        found = exact or [f for f in folders if visit in f.name]
        if len(found) == 1:
            return found[0]
        shown = ", ".join(f.name for f in (found or folders)[:5])
        if found:
            raise TraceError(f"{visit}: several visits match: {shown}")
        raise TraceError(f"{visit}: no visit has that id; the latest are: {shown}")

    def recent(self, count: int) -> list[VisitTrace]:
        """The latest visits, newest first; unreadable ones are left out."""
        entries = sorted(self._entries(), key=lambda e: (e.seen_s, e.folder.name), reverse=True)
        found: list[VisitTrace] = []
        for entry in entries[:count]:
            with suppress(TraceError):
                found.append(read_trace(entry.folder))
        return found

    def sweep_if_due(self) -> None:
        """Sweep hourly, and whenever a twentieth of the room was written since."""
        now_s = self._clock.monotonic_s()
        much = self._written_bytes > self._limits.max_mb * 2**20 / 20
        if self._swept_s is None or now_s - self._swept_s >= 3600.0 or much:
            self._swept_s, self._written_bytes = now_s, 0
            self.sweep()

    def sweep(self) -> None:
        """Delete what is too old, then the oldest pictures and records until all fits."""
        now_s = self._clock.now().timestamp()
        limits, is_even = self._limits, self._is_clock_even()
        kept: list[_Entry] = []
        for found in sorted(self._entries(), key=lambda e: e.seen_s):
            entry = _dated(found, now_s)
            age_s = now_s - entry.seen_s
            if is_even and age_s > timedelta(days=limits.keep_days).total_seconds():
                _delete(entry.folder)
            elif age_s > timedelta(hours=limits.keep_hours).total_seconds():
                kept.append(_without_pictures(entry))
            else:
                kept.append(entry)
        self._fit(kept)
        self._tidy()

    def _is_clock_even(self) -> bool:
        """Whether the wall clock has not jumped for EVEN_FOR_S, as far as sweeps have seen."""
        ahead_s = self._ahead_now_s()
        if abs(ahead_s - self._ahead_s) > MOST_UNEVEN_S:
            self._ahead_s, self._even_since_s = ahead_s, self._clock.monotonic_s()
        return self._clock.monotonic_s() - self._even_since_s >= EVEN_FOR_S

    def _ahead_now_s(self) -> float:
        """Of the wall clock before the one that never jumps."""
        return self._clock.now().timestamp() - self._clock.monotonic_s()

    def _fit(self, kept: list[_Entry]) -> None:
        excess = sum(e.record_bytes + e.picture_bytes for e in kept) - self._limits.max_mb * 2**20
        for entry in kept:
            if excess > 0 and entry.picture_bytes:
                _without_pictures(entry)
                excess -= entry.picture_bytes
        for entry in kept:
            if excess > 0:
                _delete(entry.folder)
                excess -= entry.record_bytes

    def _tidy(self) -> None:
        for day in self._days():
            for left in day.glob("*/*.tmp"):
                left.unlink(missing_ok=True)
            with suppress(OSError):
                day.rmdir()

    def _entries(self) -> Iterator[_Entry]:
        for day in self._days():
            for folder in day.iterdir():
                with suppress(OSError):
                    record = (folder / TRACE_FILE).stat()
                    pictures = sum(p.stat().st_size for p in folder.glob(PICTURES))
                    yield _Entry(folder, record.st_mtime, record.st_size, pictures)

    def _days(self) -> list[Path]:
        return [d for d in self.root.glob("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]") if d.is_dir()]

    def _folder(self, trace: VisitTrace) -> Path:
        return self.root / f"{trace.first_seen_at:%Y-%m-%d}" / safe_name(trace.visit)

    def _need_room(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o750)
        free_mb = shutil.disk_usage(self.root).free / 2**20
        if free_mb < self._limits.least_free_mb:
            raise NoRoom(f"{self.root}: only {free_mb:.0f} MB free; traces leave {self._limits.least_free_mb} MB free")

    def _replace(self, target: Path, data: bytes, durable: bool) -> None:
        beside = target.with_name(target.name + ".tmp")
        try:
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            beside.replace(target)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        self._written_bytes += len(data)


def read_trace(folder: Path) -> VisitTrace:
    """The trace in a visit's folder. Raises TraceError."""
    try:
        data = json.loads((folder / TRACE_FILE).read_bytes())
        return from_json(VisitTrace, data)
    except (OSError, ValueError, RecursionError, TraceError) as error:
        raise TraceError(f"{folder.name}: its trace cannot be read: {error}") from error


def safe_name(visit: str) -> str:
    """A visit's id as a folder name."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", visit).lstrip(".")[:100] or "_"


def _dated(entry: _Entry, now_s: float) -> _Entry:
    """A record from before the clock was set: once it is set, it counts as a day old. How old it is nobody knows, and
    by its own date it would go at once, while visits since then stay the latest.
    """
    if entry.seen_s >= FIRST_SANE_S or now_s < FIRST_SANE_S:
        return entry
    seen_s = now_s - timedelta(days=1).total_seconds()
    with suppress(OSError):
        os.utime(entry.folder / TRACE_FILE, (seen_s, seen_s))
    return replace(entry, seen_s=seen_s)


def _delete(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _without_pictures(entry: _Entry) -> _Entry:
    for picture in entry.folder.glob(PICTURES):
        with suppress(OSError):
            picture.unlink()
    return _Entry(entry.folder, entry.seen_s, entry.record_bytes, 0)
