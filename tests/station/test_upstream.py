"""What the station's control makes of the server's answers."""

from __future__ import annotations

import pytest

from station.upstream import Upstream
from wire.codec import encode
from wire.devices import DeviceKey, DeviceKind

GOOD = DeviceKey(
    device="d-1", key_id="k" * 43, kind=DeviceKind.LANE, station="S1", lane="L1", public_key="A" * 44, revoked=False
)


def test_one_key_that_makes_no_sense_keeps_no_other_from_the_station(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that was enrolled under an odd name must not end revocations for the whole station."""
    good = encode(GOOD)
    upstream = Upstream("http://127.0.0.1:9", "S1", sign=None, ca_file=None)
    monkeypatch.setattr(upstream, "_call", lambda *_: [{**good, "lane": "L\n1"}, good, {"lane": 3}, None])
    assert upstream.devices(1.0) == (GOOD,)
