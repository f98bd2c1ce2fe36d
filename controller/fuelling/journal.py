"""What a dispenser must not forget: its totaliser, its next sequence and the fuelling in progress."""

from __future__ import annotations

import json
import logging
import random
import sqlite3
from dataclasses import dataclass, replace
from fractions import Fraction

from controller.clock import FIRST_SANE_YEAR
from controller.fuelling.totaliser import Totaliser
from controller.outbound.courier import FUELLING, fuelling_key
from controller.outbound.outbox import Outbox, OutboxError
from controller.outbound.statefile import StateFile
from controller.ports import Clock
from wire.codec import WireError, decode, encode
from wire.flags import LaneFlag
from wire.fuellings import Fuelling

log = logging.getLogger(__name__)


SCHEMA = (
    """CREATE TABLE IF NOT EXISTS dispenser (
        name TEXT PRIMARY KEY,
        next_sequence INTEGER NOT NULL,
        pulses_per_l TEXT NOT NULL,
        base_ml INTEGER NOT NULL,
        pulses INTEGER NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS open_fuelling (
        dispenser TEXT PRIMARY KEY,
        fuelling TEXT NOT NULL CHECK (json_valid(fuelling)),
        pulses INTEGER NOT NULL
    )""",
)


@dataclass(frozen=True, slots=True)
class DispenserState:
    """Where a dispenser stands between fuellings."""

    next_sequence: int
    totaliser: Totaliser


class FuellingJournal:
    """The memory of one dispenser in a state file, beside the outbox that its fuellings go to.

    `interrupted` is the fuelling that a crash or power cut ended, already in the outbox, or None.
    A sequence is used up only by the transaction that puts its fuelling into the outbox: none is used twice and none is
    missing. A new file begins at the seconds since 1970, beyond anything that a lost file can have used.
    Methods raise StateError and may then be repeated.
    """

    def __init__(
        self, state: StateFile, outbox: Outbox, clock: Clock, rng: random.Random, dispenser: str, pulses_per_l: Fraction
    ) -> None:
        self.dispenser = dispenser
        self._state = state
        self._outbox = outbox
        state.ensure(SCHEMA)
        first = first_sequence(clock, rng)
        with state.transaction() as connection:
            rescued = state.rescued("dispenser", "open_fuelling")
            connection.execute(
                "INSERT OR IGNORE INTO dispenser VALUES (?, ?, ?, 0, 0)", (dispenser, first, str(pulses_per_l))
            )
            self.interrupted = self._close_interrupted(connection)
            if rescued:
                self._skip_to(connection, first)
            self._rescale(connection, pulses_per_l)

    def load(self) -> DispenserState:
        """The state between fuellings, as the last close left it."""
        return self._read(self._state.rows("SELECT * FROM dispenser WHERE name = ?", (self.dispenser,))[0])

    def save(self, fuelling: Fuelling, totaliser: Totaliser) -> None:
        """Keep the fuelling in progress as it would be if it ended now."""
        with self._state.transaction() as connection:
            if self._is_closed(connection, fuelling):
                return
            connection.execute(
                "INSERT OR REPLACE INTO open_fuelling VALUES (?, ?, ?)",
                (self.dispenser, json.dumps(encode(fuelling), ensure_ascii=False), totaliser.pulses),
            )

    def close(self, fuelling: Fuelling, totaliser: Totaliser) -> None:
        """End the fuelling: into the outbox, and out of here, in one."""
        with self._state.transaction() as connection:
            self._close(connection, fuelling, totaliser.pulses)

    def drop(self, totaliser: Totaliser) -> None:
        """Forget a fuelling of less than a millilitre; its sequence is used by the next."""
        with self._state.transaction() as connection:
            self._forget(connection, totaliser.pulses)

    def _close(self, connection: sqlite3.Connection, fuelling: Fuelling, pulses: int) -> None:
        self._outbox.put(FUELLING, fuelling_key(fuelling), encode(fuelling))
        self._forget(connection, pulses)
        self._skip_to(connection, fuelling.sequence + 1)

    def _is_closed(self, connection: sqlite3.Connection, fuelling: Fuelling) -> bool:
        """A write that was repeated late must not bring an ended fuelling back."""
        row = connection.execute("SELECT next_sequence FROM dispenser WHERE name = ?", (self.dispenser,)).fetchone()
        return bool(fuelling.sequence < row["next_sequence"])

    def _forget(self, connection: sqlite3.Connection, pulses: int) -> None:
        connection.execute("DELETE FROM open_fuelling WHERE dispenser = ?", (self.dispenser,))
        connection.execute("UPDATE dispenser SET pulses = max(pulses, ?) WHERE name = ?", (pulses, self.dispenser))

    def _skip_to(self, connection: sqlite3.Connection, sequence: int) -> None:
        connection.execute(
            "UPDATE dispenser SET next_sequence = max(next_sequence, ?) WHERE name = ?", (sequence, self.dispenser)
        )

    def _close_interrupted(self, connection: sqlite3.Connection) -> Fuelling | None:
        row = connection.execute("SELECT * FROM open_fuelling WHERE dispenser = ?", (self.dispenser,)).fetchone()
        if row is None:
            return None
        try:
            stored = decode(Fuelling, json.loads(row["fuelling"]))
            fuelling = replace(stored, flags=(*stored.flags, LaneFlag.POWER_CUT))
            if fuelling.volume_ml > 0 and not self._is_closed(connection, fuelling):
                self._close(connection, fuelling, row["pulses"])
                log.warning("%s: fuelling %d was cut at %d ml", self.dispenser, fuelling.sequence, fuelling.volume_ml)
                return fuelling
        except (WireError, OutboxError) as error:
            log.error("%s: the fuelling that was in progress cannot be reported: %s", self.dispenser, error)
        self._forget(connection, row["pulses"])
        return None

    def _rescale(self, connection: sqlite3.Connection, pulses_per_l: Fraction) -> None:
        row = connection.execute("SELECT * FROM dispenser WHERE name = ?", (self.dispenser,)).fetchone()
        before = self._read(row).totaliser
        if before.pulses_per_l != pulses_per_l:
            after = before.rescaled(pulses_per_l)
            connection.execute(
                "UPDATE dispenser SET pulses_per_l = ?, base_ml = ?, pulses = 0 WHERE name = ?",
                (str(after.pulses_per_l), after.base_ml, self.dispenser),
            )
            log.warning("%s: %s pulses a litre, %s before", self.dispenser, pulses_per_l, before.pulses_per_l)

    def _read(self, row: sqlite3.Row) -> DispenserState:
        totaliser = Totaliser(Fraction(row["pulses_per_l"]), row["base_ml"], row["pulses"])
        return DispenserState(row["next_sequence"], totaliser)


def first_sequence(clock: Clock, rng: random.Random) -> int:
    """Where a new or damaged file begins, so that no sequence of a lost one comes again.

    A dispenser never ends more than one fuelling a second, so the seconds since 1970 are beyond all it has used. Under
    a clock that is not set, a random number out of 2**40 far above those.
    """
    now = clock.now()
    if now.year < FIRST_SANE_YEAR:
        return 2**41 + rng.getrandbits(40)
    return int(now.timestamp())
