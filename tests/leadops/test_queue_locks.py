from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import get_context

from leadops.lib.queue_locks import RecordLock, SturdyQueue


def forked(act: Callable[[], None]) -> int:
    """A child that acts, says so, and then hangs until it is killed."""
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, b"!")
        act()
        os.write(writing, b"!")
        signal.pause()
        os._exit(0)
    os.read(reading, 1)
    return child


def end(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_another_process_waits_for_the_lock() -> None:
    lock = RecordLock()
    with lock:
        assert child_gets(lock) is False
    assert child_gets(lock) is True


def test_the_lock_of_a_killed_process_is_free() -> None:
    lock = RecordLock()
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        lock.acquire()
        os.write(writing, b"!")
        signal.pause()
    os.read(reading, 1)
    assert lock.acquire(timeout=0.1) is False
    end(child)
    assert lock.acquire(timeout=5) is True


def test_a_queue_outlives_a_killed_reader() -> None:
    """With the library's own queue the last line hangs: the dead reader keeps the lock."""
    queue = SturdyQueue()
    for _ in range(3):
        end(forked(lambda: queue.get()))
    queue.put("task")
    assert queue.get(timeout=5) == "task"


def test_every_task_is_read_once() -> None:
    queue, results = SturdyQueue(), SturdyQueue()
    context = get_context("fork")
    readers = [context.Process(target=_copy, args=(queue, results)) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in [*range(200), *[-1] * 3]:
        queue.put(number)
    assert sorted(results.get(timeout=10) for _ in range(200)) == list(range(200))
    for reader in readers:
        reader.join(10)
        assert reader.exitcode == 0


def child_gets(lock: RecordLock) -> bool:
    if (child := os.fork()) == 0:
        os._exit(0 if lock.acquire(timeout=0.1) else 1)
    return os.waitpid(child, 0)[1] == 0


def _copy(queue: SturdyQueue, results: SturdyQueue) -> None:
    for number in iter(queue.get, -1):
        results.put(number)
