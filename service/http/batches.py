"""What comes while a batch is at work makes the next batch: many small messages share one thread and transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from starlette.concurrency import run_in_threadpool

from service.errors import Unavailable

MOST = 200


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


Item = TypeVar("Item")
Result = TypeVar("Result")


class Batches(Generic[Item, Result]):
    """work: the results of all items of a batch, made in a thread; one batch at a time. For one event loop.

    work does nothing where it raises. A batch that fails is done again item by item, so that an item fails alone,
    unless it failed because the database is away.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._turn: asyncio.Task[None] | None = None

    async def put(self, item: Item) -> Result:
        """The item's result, when its batch is done. Raises what work raises about it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((item, done))
        if self._turn is None or self._turn.done():
            self._turn = loop.create_task(self._run())
        return await done

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            outcomes = await run_in_threadpool(self._outcomes, [item for item, _ in batch])
            for (_, done), outcome in zip(batch, outcomes, strict=True):
                if done.done():
                    continue
                if isinstance(outcome, _Failed):
                    done.set_exception(outcome.error)
                else:
                    done.set_result(outcome)

    def _outcomes(self, items: Sequence[Item]) -> list[Result | _Failed]:
        """What became of each item; raises nothing."""
        try:
            return list(self._work(items))
        except Unavailable as error:
            return [_Failed(error)] * len(items)
        except Exception as error:
            if len(items) == 1:
                return [_Failed(error)]
        return [outcome for item in items for outcome in self._outcomes([item])]
