"""How long authorisations go on by the seconds that pass, whatever is made of the wall clock meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping

from controller.ports import Clock


class Lives:
    """Authorisation -> until which monotonic second it lives. Thread-safe."""

    def __init__(self, clock: Clock, lives_s: Mapping[str, float]) -> None:
        """lives_s: of those that were open when the station stopped, how long they live from now on."""
        self._clock = clock
        now_s = clock.monotonic_s()
        self._until_s = {authorisation: now_s + life_s for authorisation, life_s in lives_s.items()}

    def count(self, authorisation: str, life_s: float) -> None:
        """It lives so long from now on."""
        now_s = self._clock.monotonic_s()
        left = {name: until_s for name, until_s in self._until_s.items() if until_s > now_s}
        left[authorisation] = now_s + life_s
        self._until_s = left  # as a whole: other threads go through it meanwhile

    def living(self) -> str:
        """Their names as a JSON list, for SQLite's json_each."""
        now_s = self._clock.monotonic_s()
        return json.dumps([name for name, until_s in self._until_s.items() if until_s > now_s])
