"""The metal's adapters against a real kernel: GPIO lines, a V4L2 camera and systemd in a Linux guest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.kernel.guest_machine import GuestRun, missing, run_guest

pytestmark = pytest.mark.kernel

CHECKS = sorted(
    name
    for file in Path(__file__).with_name("guest").glob("check_*.py")
    for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
)


@pytest.fixture(scope="session")
def guest(tmp_path_factory: pytest.TempPathFactory) -> GuestRun:
    if missing():
        pytest.skip(missing())
    return run_guest(tmp_path_factory.mktemp("guest"))


def test_the_guest_came_to_its_end(guest: GuestRun) -> None:
    assert "GUEST " in guest.said, guest.console[-4000:]


@pytest.mark.parametrize("check", CHECKS)
def test_in_the_guest(check: str, guest: GuestRun) -> None:
    outcomes = {name: outcome for name, outcome in guest.results.items() if name.partition("[")[0] == check}
    assert outcomes, f"{check} did not run\n{guest.said[-3000:]}"
    assert set(outcomes.values()) == {"PASSED"}, f"{outcomes}\n{guest.section(check)}"
