"""The one writer: everything that changes the store passes here, batch by batch.

Owns the queue of jobs and the delivery of their results. ``put`` never blocks and never fails: it is called where PDUs
are read. While one batch is being committed, the next one gathers by itself, so batches grow with the load and a lone
job waits for nobody; there is no timer. Results are delivered in commit order, all of a batch in one go in the Trio
thread, before any other task runs: whoever is told of a commit sees the state of the whole batch.

``ThreadWriter`` is the real one: SQLite blocks for the length of an fsync, so it has a thread of its own.
``InlineWriter`` does the same inside the Trio thread, for tests whose clock jumps and cannot wait for threads. Neither
knows what a job does, and neither retries one after it was told that it failed.
"""

from __future__ import annotations

import queue
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import trio

from gateway.base import Clock
from gateway.store.errors import StoreUnavailable
from gateway.store.jobs import Batch, Committer, Failure, Job, Prepared
from gateway.store.tx import Tx

T = TypeVar("T")


def _ignore_commit(seconds: float, jobs: int) -> None:
    """Nobody counts."""


def _nothing() -> None:
    """Nothing has gathered."""


def _ignore_failure(kind: str) -> None:
    """Nobody counts."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom to tell for the metrics, in the Trio thread, after the fact. Neither may block or raise.

    ``committed`` gets the seconds that the commit took and the number of jobs in it; ``failed`` the kind of failure
    (a ``Verdict``'s word) of a transaction that was taken back.
    """

    committed: Callable[[float, int], None] = _ignore_commit
    failed: Callable[[str], None] = _ignore_failure


class Writer(ABC):
    """What the flows see of the store's writing side. All methods are for the Trio thread."""

    def __init__(self, committer: Committer, clock: Clock, *, max_batch: int, hooks: Hooks | None = None) -> None:
        self._committer = committer
        self._clock = clock
        self._max_batch = max_batch
        self._hooks = hooks or Hooks()
        self._waiting = 0
        self._turned_at = clock.monotonic()
        self.closed = False
        """Whether it was told to stop."""
        self.near = False
        """Whether quick jobs run in the Trio thread."""
        self._before: Callable[[], None] = _nothing
        self._after: Callable[[], None] = _nothing

    @property
    def waiting(self) -> int:
        """How many jobs were put and have not been told their end."""
        return self._waiting

    @property
    def last_turn(self) -> float:
        """When the writer last ended a transaction, well or badly, or had nothing to do (monotonic seconds).

        A watchdog compares it with now: a store that answers errors is alive, one that is stuck inside a call is not.
        """
        return max(self._turned_at, self._committer.attempted_at) if self._waiting else self._clock.monotonic()

    def call_before(self, fill: Callable[[], None]) -> None:
        """Have ``fill`` called before a batch, to ``put`` what has gathered. ``wake`` says that something has."""
        self._before = fill

    def call_after(self, follow: Callable[[], None]) -> None:
        """Have ``follow`` called when all jobs of a batch were told their end, in the same callback."""
        self._after = follow

    def wake(self) -> None:
        """Look for work once the batch under way has ended, or at once; what comes in one instant goes together."""
        if self.closed:
            self._before()
        else:
            self._wake()

    def put(self, job: Job[Any]) -> None:
        """Queue ``job`` for the next batch. Once the writer was told to stop, the job fails with StoreUnavailable."""
        if self.closed:
            job.failed(StoreUnavailable("the store is closed: the gateway is stopping"))
            return
        if not self._waiting:
            self._turned_at = self._clock.monotonic()
        self._waiting += 1
        self._enqueue(job)

    async def run(self, fn: Callable[[Tx], T], name: str, then: Callable[[T], None] | None = None) -> T:
        """Run ``fn`` as a job and return its result once it is durable; raises as ``Job`` says.

        ``then`` is called with the result in the callback of the commit: for what must follow in the order of commits.
        When the waiting task is cancelled, the job still runs, and its result goes to ``then`` alone.
        """
        ended = trio.Event()
        results: list[T] = []
        errors: list[Exception] = []

        def done(value: T) -> None:
            if then is not None:
                then(value)
            results.append(value)
            ended.set()

        def failed(error: Exception) -> None:
            errors.append(error)
            ended.set()

        self.put(Job(fn, done, failed, name))
        await ended.wait()
        if errors:
            raise errors[0]
        return results[0]

    @abstractmethod
    async def serve(self) -> None:
        """Run batches until ``stop`` was called and all that had been put is told its end. Raises only our own bugs."""

    def stop(self) -> None:
        """Take no more jobs; ``serve`` returns when those that wait are done."""
        if not self.closed:
            self.closed = True
            self._wake()

    @abstractmethod
    def _enqueue(self, job: Job[Any]) -> None: ...

    @abstractmethod
    def _wake(self) -> None: ...

    def _deliver(self, batch: Batch) -> None:
        """Tell everybody, in commit order. A callback that raises is a bug, but costs nobody else the answer."""
        bugs: list[Exception] = []
        for tell in (*[completion.deliver for completion in batch.completions], self._after):
            try:
                tell()
            except Exception as error:  # noqa: BLE001 - collected, and raised once everybody was told
                bugs.append(error)
        self._waiting -= len(batch.completions)
        self._turned_at = self._clock.monotonic()
        for commit in batch.commits:
            self._hooks.committed(commit.seconds, commit.jobs)
        for kind in batch.failures:
            self._hooks.failed(kind)
        if bugs:
            raise ExceptionGroup("jobs could not be told their end", bugs)


class ThreadWriter(Writer):
    """The writer with a thread of its own, for what blocks.

    With ``near`` statements (``Engine.is_near``), quick jobs run in the Trio thread, and only their commit goes to the
    other one. Two threads that both run Python only take turns at the interpreter's lock, hundreds of times in one
    transaction, and each turn costs more than the statement that it is for. A commit is one call, without the lock.
    """

    def __init__(
        self, committer: Committer, clock: Clock, *, max_batch: int, hooks: Hooks | None = None, near: bool = False
    ) -> None:
        super().__init__(committer, clock, max_batch=max_batch, hooks=hooks)
        self.near = near
        self._jobs: deque[Job[Any]] = deque()
        self._work: queue.SimpleQueue[tuple[list[Job[Any]], Prepared | Failure | None] | None] = queue.SimpleQueue()
        self._busy = False  # the thread has a batch
        self._wanted = False  # something came since the last one was made up
        self._bell = trio.Event()  # so it did, and the thread is free
        self._idle = trio.Event()  # the thread is free; only the end waits for that
        self._over = trio.Event()
        self._bug: Exception | None = None

    def _enqueue(self, job: Job[Any]) -> None:
        self._jobs.append(job)
        self._wake()

    def _wake(self) -> None:
        self._wanted = True
        if not self._busy:
            self._bell.set()

    async def serve(self) -> None:
        """Keep the thread busy; cancelled, do as ``stop`` does, and leave when the thread has ended."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._run_thread)
            try:
                while not (self.closed or self._over.is_set()):
                    await self._bell.wait()
                    self._hand_over()
                    self._bell = trio.Event()
            finally:
                self.stop()
                try:
                    with trio.CancelScope(shield=True):
                        await self._drain()
                finally:
                    self._work.put(None)
        if self._bug is not None:
            raise self._bug

    async def _drain(self) -> None:
        """Hand the thread what waits, batch by batch, until nothing does."""
        while not self._over.is_set() and (self._busy or self._hand_over()):
            self._idle = trio.Event()
            await self._idle.wait()

    def _hand_over(self) -> bool:
        """Hand the thread, which is free, the next batch; say whether there is one."""
        behind = bool(self._jobs)  # what gathered may wait for these: it is asked again after them
        self._before()
        self._wanted = False
        if not self._jobs:
            return False
        jobs = self._gather()
        self._wanted = behind or bool(self._jobs)
        first = self._committer.prepare(jobs) if self.near and jobs[0].is_quick else None
        self._busy = True
        self._work.put((jobs, first))
        return True

    def _gather(self) -> list[Job[Any]]:
        """Return what waits, in order, up to the size of a batch; near, as long as it is quick alike."""
        jobs = [self._jobs.popleft()]
        while self._jobs and len(jobs) < self._max_batch:
            if self.near and self._jobs[0].is_quick is not jobs[0].is_quick:
                break
            jobs.append(self._jobs.popleft())
        return jobs

    async def _run_thread(self) -> None:
        """A thread cannot be cancelled: this ends when the loop does, and Trio waits for it."""
        try:
            await trio.to_thread.run_sync(self._loop, trio.lowlevel.current_trio_token(), limiter=_own_thread())
        finally:
            self._over.set()
            self._idle.set()

    def _loop(self, token: trio.lowlevel.TrioToken) -> None:
        while (work := self._work.get()) is not None:
            batch = self._committer.run(*work)
            chores = self._committer.has_chores()
            token.run_sync_soon(self._deliver_or_stop, batch, not chores)
            if chores:  # rarely, and not before those who wait for this batch are told
                self._committer.do_chores()
                token.run_sync_soon(self._set_free)
        self._committer.close()

    def _set_free(self) -> None:
        """The thread may have the next batch."""
        self._busy = False
        if self._wanted or self.closed:  # what was told to stop may have been asked for more since
            self._bell.set()
        self._idle.set()

    def _deliver_or_stop(self, batch: Batch, is_free: bool) -> None:
        """Deliver in the Trio thread, where an exception would take down the whole loop: keep it for ``serve``.

        ``is_free``: the next batch may follow. Where it all runs in the thread, it does so first: what
        was just told is carried out meanwhile.
        """
        try:
            self._deliver(batch)
            if is_free and not self.near and self._hand_over():
                return
        except Exception as bug:  # noqa: BLE001 - raised by serve
            self._bug = bug
            self._over.set()
            self._wanted = True
        if is_free:
            self._set_free()


def _own_thread() -> trio.CapacityLimiter:
    """Return a limiter of its own, so that the writer never waits for a thread that a reader has."""
    return trio.CapacityLimiter(1)


class InlineWriter(Writer):
    """The writer without a thread, for clocks that jump: it blocks the loop for the length of a commit."""

    def __init__(self, committer: Committer, clock: Clock, *, max_batch: int, hooks: Hooks | None = None) -> None:
        super().__init__(committer, clock, max_batch=max_batch, hooks=hooks)
        self._jobs: deque[Job[Any]] = deque()
        self._bell = trio.Event()

    def _enqueue(self, job: Job[Any]) -> None:
        self._jobs.append(job)
        self._bell.set()

    def _wake(self) -> None:
        self._bell.set()

    async def serve(self) -> None:
        """Run what waits, whenever this task gets its turn; cancelled, run what still waits, and leave."""
        try:
            while not self.closed:
                await self._bell.wait()
                self._bell = trio.Event()
                self._drain()
        finally:
            self.stop()
            self._drain()
            self._committer.close()

    def _drain(self) -> None:
        self._before()
        while self._jobs:
            jobs = [self._jobs.popleft() for _ in range(min(len(self._jobs), self._max_batch))]
            self._deliver(self._committer.run(jobs))
            self._before()
