"""How the central control is run, as one frozen record, bounds checked."""

from __future__ import annotations

from dataclasses import dataclass

from wire.money import MAX_FEN


@dataclass(frozen=True, slots=True, kw_only=True)
class StationSettings:
    """Raises ValueError for a value out of range.

    cap_fen: everything that was allowed offline and is not yet with the server, together, never exceeds this.
    deadline_s: the server's time for a question. It has to fit into the lane unit's own (`deadline_s` of [service],
        3 s), with room for the station's disk.
    task_s: the server's time for what no vehicle waits for: prices, keys, the offline list, grants.
    message_s: the server's time for one message of the outbox.
    fuelling_wait_s: a lane unit waits this long for the server's receipt, then it gets the station's provisional one.
    """

    cap_fen: int = 500_000
    deadline_s: float = 1.5
    task_s: float = 5.0
    message_s: float = 8.0
    fuelling_wait_s: float = 4.0
    probe_every_s: float = 1.0
    keys_every_s: float = 5.0
    list_every_s: float = 30.0
    prices_every_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 <= self.cap_fen <= MAX_FEN:
            raise ValueError("the cap must be between 0 and ten billion yuan")
        if not 0.1 <= self.deadline_s <= 30:
            raise ValueError("the deadline must be between 0.1 and 30 s")
        if not all(0.1 <= s <= 60 for s in (self.task_s, self.message_s)):
            raise ValueError("the time for a task or a message must be between 0.1 and 60 s")
