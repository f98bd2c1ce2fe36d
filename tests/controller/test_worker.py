"""Desks: work done elsewhere, bounded, its death noticed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from controller.worker import InlineWorker, ThreadWorker, Worker

WAIT_S = 30.0


@pytest.fixture(params=["inline", "thread"])
def worker(request: pytest.FixtureRequest) -> Iterator[tuple[Worker[int], threading.Semaphore]]:
    done = threading.Semaphore(0)
    made: Worker[int] = ThreadWorker("test", 4, done.release) if request.param == "thread" else InlineWorker()
    if request.param == "inline":
        done = threading.Semaphore(1000)
    yield made, done
    made.close()


def test_results_come_in_order(worker: tuple[Worker[int], threading.Semaphore]) -> None:
    made, done = worker
    for n in range(3):
        assert made.free
        assert made.submit(lambda n=n: n * n)  # type: ignore[misc]
        assert done.acquire(timeout=WAIT_S)
    assert made.results() == [0, 1, 4]
    assert made.results() == []


def test_a_full_desk_says_so_and_takes_work_again_later() -> None:
    go, done = threading.Event(), threading.Semaphore(0)
    worker: ThreadWorker[int] = ThreadWorker("test", 2, done.release)

    def slow() -> int:
        go.wait(WAIT_S)
        return 7

    assert worker.submit(slow)
    assert worker.submit(lambda: 8)
    assert not worker.free
    assert not worker.submit(lambda: 9)
    go.set()
    assert done.acquire(timeout=WAIT_S)
    assert done.acquire(timeout=WAIT_S)
    assert worker.results() == [7, 8]
    assert worker.free
    worker.close()


def test_a_job_that_raises_is_told_to_the_owner_for_good() -> None:
    done = threading.Event()
    worker: ThreadWorker[int] = ThreadWorker("test", 1, done.set)
    worker.submit(_fails)
    assert done.wait(WAIT_S)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            worker.results()
    assert not worker.submit(lambda: 1)


def _fails() -> int:
    raise ZeroDivisionError


def test_closing_twice_is_harmless() -> None:
    makers: list[Callable[[], Worker[int]]] = [InlineWorker, lambda: ThreadWorker("test", 1, lambda: None)]
    for make in makers:
        worker = make()
        worker.close()
        worker.close()
