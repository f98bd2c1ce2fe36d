"""Where slow work is done away from the lane's thread: jobs in, results out, bounded, and a dead worker is noticed."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

Result = TypeVar("Result")
Job = Callable[[], Result]


class Worker(Protocol[Result]):
    """Takes jobs and hands their results back when asked, in the order of the jobs."""

    @property
    def free(self) -> bool:
        """Whether a job would be taken now."""

    def submit(self, job: Job[Result]) -> bool:
        """Take a job; False when it is full."""

    def results(self) -> list[Result]:
        """What is done since the last call. Raises what a job raised."""

    def close(self) -> None: ...


class InlineWorker(Generic[Result]):
    """Does each job at once, in the caller's thread: for recorded video and tests on a clock moved by hand."""

    def __init__(self) -> None:
        self._done: deque[Result] = deque()

    @property
    def free(self) -> bool:
        return True

    def submit(self, job: Job[Result]) -> bool:
        self._done.append(job())
        return True

    def results(self) -> list[Result]:
        done = list(self._done)
        self._done.clear()
        return done

    def close(self) -> None:
        self._done.clear()


class ThreadWorker(Generic[Result]):
    """One worker thread with room for `bound` jobs, the one under way included; notify is called after each."""

    def __init__(self, name: str, bound: int, notify: Callable[[], None]) -> None:
        self._bound = bound
        self._notify = notify
        self._jobs: queue.SimpleQueue[Job[Result] | None] = queue.SimpleQueue()
        self._done: deque[Result] = deque()
        self._lock = threading.Lock()
        self._open_jobs = 0
        self._death: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def free(self) -> bool:
        with self._lock:
            return self._open_jobs < self._bound

    def submit(self, job: Job[Result]) -> bool:
        with self._lock:
            if self._open_jobs >= self._bound:
                return False
            self._open_jobs += 1
        self._jobs.put(job)
        return True

    def results(self) -> list[Result]:
        with self._lock:
            if self._death is not None:
                raise self._death
            done = list(self._done)
            self._done.clear()
            return done

    def close(self) -> None:
        """Ask the worker to end after the jobs it has; it is not waited for long: its calls have deadlines."""
        self._jobs.put(None)
        self._thread.join(0.5)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                result = job()
            except BaseException as error:
                with self._lock:
                    self._death = error
                self._notify()
                return
            with self._lock:
                self._done.append(result)
                self._open_jobs -= 1
            self._notify()
