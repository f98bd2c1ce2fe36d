"""Which names are time zones, by whose hours a payer is chosen."""

from __future__ import annotations

import pytest

from wire.spelling.zones import is_zone


@pytest.mark.parametrize("name", ["Asia/Shanghai", "UTC", "Australia/Lord_Howe", "Etc/GMT+12"])
def test_zones(name: str) -> None:
    assert is_zone(name)


@pytest.mark.parametrize(
    "name", ["", "Mars", "Asia", "../UTC", "/usr/share/zoneinfo/UTC", "UTC\0", "zone.tab", "x" * 300]
)
def test_what_names_no_zone(name: str) -> None:
    assert not is_zone(name)


@pytest.mark.parametrize("name", ["localtime", "posixrules", "Factory", "right/Asia/Shanghai", "posix/Asia/Shanghai"])
def test_what_means_other_hours_on_another_machine(name: str) -> None:
    """The zones of right/ count leap seconds: their hours begin 27 seconds late."""
    assert not is_zone(name)
