"""A rig per test: server, cable, central control."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.conftest import migrated_file, sqlite_url
from tests.station.rig import StationRig

__all__ = ["migrated_file", "rig", "sqlite_url"]


@pytest.fixture
def rig(migrated_file: Path, tmp_path: Path) -> Iterator[StationRig]:
    with StationRig(prepared(migrated_file, tmp_path)).open() as made:
        yield made


def prepared(migrated: Path, folder: Path) -> Path:
    """The folder with the databases of server and station already at the newest schema, to save the time."""
    (folder / "station").mkdir(mode=0o700, exist_ok=True)
    for target in ("books.sqlite3", "station/pages.sqlite3"):
        shutil.copy(migrated, folder / target)
    return folder
