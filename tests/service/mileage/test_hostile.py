"""Tracks that want a wrong place named, brought in and asked for as an operator types it: none may be wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.service.mileage.conftest import Admin
from tests.service.mileage.hostile import KINDS, Track, make


def found(admin: Admin, tmp_path: Path, track: Track) -> dict[str, Any]:
    """The one refuelling of a track, all of it brought in as files; stations bear the track's number."""
    plate = f"粤H{track.number:05d}"
    for name, (lat, lon) in track.stations.items():
        admin("place", "add", f"{name} {track.number}", f"--at={lat:.7f},{lon:.7f}")
    for command, text in (("odometer", track.odometer), ("track", track.positions)):
        path = tmp_path / f"{command}.csv"
        path.write_text(text, encoding="utf-8")
        admin(command, "import", plate, path)
    (one,) = admin("places", plate, "--json")
    return dict(one)


def check(admin: Admin, tmp_path: Path, tracks: Iterable[Track]) -> Counter[str]:
    """Counts what was placed; fails at once where a place is wrong, or is named without evidence."""
    count: Counter[str] = Counter()
    for track in tracks:
        one = found(admin, tmp_path, track)
        right = None if track.truth is None else f"{track.truth} {track.number}"
        assert one["station"] in (None, right), (track.kind, track.number, one)
        assert (one["status"], one["reason"] is None) in (("placed", True), ("undetermined", False)), one
        said = {evidence["kind"] for evidence in one["evidence"]}
        assert said >= {"odometer", "position"}
        assert ("station" in said) == (one["station"] is not None)
        count["can be placed"] += track.can_be_placed
        count["placed of these"] += track.can_be_placed and one["station"] is not None
    return count


def test_one_of_each_kind(admin: Admin, tmp_path: Path) -> None:
    count = check(admin, tmp_path, map(make, range(len(KINDS))))
    assert count["placed of these"] >= 5, count


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_three_hundred_of_all_kinds(admin: Admin, tmp_path: Path) -> None:
    count = check(admin, tmp_path, (make(number, seed=91) for number in range(306)))
    print(dict(count))
    assert count["placed of these"] >= 0.95 * count["can be placed"], count
