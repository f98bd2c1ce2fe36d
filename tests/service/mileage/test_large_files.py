"""A file of positions as large as a year brings: it is read in a stream, so that its size costs time but no memory."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.service.world import PLATE

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
COMMAND = """
from greenlane.cli import main
status = main()
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
raise SystemExit(status)
"""
ROW = "{},{:.7f},114.0579000,gcj02\n"


def peak_kb(url: str, path: Path, rows: int) -> int:
    """The most memory that the import of so many positions takes, in a process of its own."""
    with path.open("w", encoding="utf-8") as file:
        file.write("at,lat,lon,datum\n")
        for number in range(rows):
            file.write(ROW.format((BEGIN + timedelta(seconds=5 * number)).isoformat(), 22.5 + number * 1e-7))
    words = ("admin", "--database", url, "track", "import", PLATE, str(path))
    done = subprocess.run([sys.executable, "-c", COMMAND, *words], capture_output=True, text=True, check=True)
    assert f"{PLATE}: {rows} rows" in done.stdout
    return int(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_ten_times_the_positions_take_no_more_memory(sqlite_url: str, tmp_path: Path) -> None:
    small = peak_kb(sqlite_url, tmp_path / "small.csv", 15_000)
    large = peak_kb(sqlite_url, tmp_path / "large.csv", 150_000)
    print(small, large)
    assert large < small + 8_000, "its objects alone would take 60 MB"
