"""A process that waits for changes as a service worker does, its own polling put off for an hour.

Called with a database URL and a topic: writes "listening", then one line per change with the counter's new value.
"""

from __future__ import annotations

import asyncio
import sys

from service.live.changes import Changes, Pace
from service.store.database import Database


class Page:
    """Keeps the topic followed."""

    def heard(self, number: int) -> None: ...

    def closed(self) -> None: ...


async def main(url: str, topic: str) -> None:
    changes = Changes(Database(url), Pace(3600.0, 3600.0))
    seen = await changes.number(topic)
    changes.join(topic, Page())
    while not changes.is_listening or changes.known(topic) is None:
        await asyncio.sleep(0.01)
    print("listening", flush=True)
    while True:
        now = await changes.wait(topic, seen, 60.0)
        if now != seen:
            print(now, flush=True)
        seen = now


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
