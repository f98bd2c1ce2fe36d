"""Shared by all tests: bounded, repeatable random input and the place of the real pictures."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
"""Containers often set it; then each of the many processes of the tests would compile every module anew."""

settings.register_profile("quick", deadline=None, derandomize=True, max_examples=30)
settings.register_profile("greenlane", deadline=None, derandomize=True, max_examples=100)
settings.register_profile("thorough", deadline=None, derandomize=True, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`sample(N)`: of a test's many cases each N-th, from the first on, is in the default run, the others are slow."""
    met: Counter[tuple[str, bool]] = Counter()
    for item in items:
        mark = item.get_closest_marker("sample")
        if mark is not None:
            among = item.nodeid.partition("[")[0], item.get_closest_marker("database") is not None
            if met[among] % mark.args[0]:
                item.add_marker(pytest.mark.slow)
            met[among] += 1


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests live as long as the process: the garbage collector leaves them out, from the first on."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real pictures (data/, clips/); tests that want it skip where it is absent."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    place = Path(os.environ.get("GREENLANE_DATA", beside))
    if not (place / "data" / "crops.csv").exists():
        pytest.skip(f"no real pictures: set GREENLANE_DATA to a folder with data/ and clips/ (looked in {place.name}/)")
    return place


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Commands set up the process's logging; the next test finds it untouched."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.disable(logging.NOTSET)
