"""Jobs and batches: what group commit does, without a thread.

Owns the rules by which many jobs share one transaction, and what happens when one of them, the store, or the commit
fails. Must never call a job's ``done`` or ``failed``: results go back to the writer, which delivers them after the
commit, in its own way. Blocks; knows nothing of Trio.

The rules:

* All jobs run in one transaction and one commit makes them all durable.
* A job's error: the transaction is rolled back; the jobs before it run again together; then that one begins a
  transaction of its own with the jobs behind it. If it fails there, with nothing before it, it alone has failed. The
  others keep their order, no job runs more often than its neighbours' errors make necessary, and a batch of nothing but
  failing jobs costs no commit at all.
* A store's error: everything not yet committed fails, once, and the connection is closed; the next batch opens a new
  one. Nothing is tried on the old one, since after a failed write its view of the file proves nothing.
* Somebody else in the way (a lock, a serialization failure): the same jobs run again, a few times.
* A commit that may or may not have happened: the jobs in it fail with ``OutcomeUnknown`` and the connection is closed.
* Where a suppression log is kept, it has a transaction's opt-outs before the commit. A log that does not take them is a
  store's error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import structlog

from gateway.base import Clock
from gateway.base.value import value
from gateway.store.engines import Engine, Handle, Verdict
from gateway.store.errors import OutcomeUnknown, StoreError, StoreUnavailable
from gateway.store.restored import is_same
from gateway.store.suppression import Notes
from gateway.store.suppression_log import SuppressionLog
from gateway.store.tx import Reader, Tx, WriterMemory

T = TypeVar("T")
RETRIES: Final = 3
"""How often the same jobs run in all when others are in the way; each try has already waited for the busy timeout."""

_log: Final = structlog.get_logger(__name__)


@value
class Job(Generic[T]):
    """Something to be done in a transaction, and whom to tell.

    ``run`` is a pure function of the transaction: it may run several times, of which only the last is committed, so it
    changes nothing but rows and returns what else shall happen. ``done`` gets its result after the commit, ``failed``
    the exception: the job's own, StoreUnavailable (nothing stored) or OutcomeUnknown. Exactly one of the two is called,
    once, in the Trio thread; neither may block or raise. ``name`` is for logs. ``is_quick``: it takes milliseconds at
    most, whatever it finds, so that the Trio thread may run it where the engine's statements are near.
    """

    run: Callable[[Tx], T]
    done: Callable[[T], None]
    failed: Callable[[Exception], None]
    name: str
    is_quick: bool = False


@value
class Completion:
    """How one job ended: ``error`` is None if it is committed."""

    job: Job[Any]
    result: Any
    error: Exception | None

    def deliver(self) -> None:
        """Tell whoever put the job."""
        if self.error is None:
            self.job.done(self.result)
        else:
            self.job.failed(self.error)


@value
class Commit:
    """A commit that happened: how long it took (``seconds``, the jobs' own work excluded) and how many jobs it held."""

    seconds: float
    jobs: int


@dataclass(slots=True)
class Batch:
    """What became of a batch: completions in commit order, commits made, failures by ``Verdict`` word."""

    completions: list[Completion] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@value
class Identity:
    """Who writes: the node's name, the incarnation of its evidence chain, its starts, counted; the store's epoch."""

    node: str
    incarnation: int
    life: int
    epoch: int = 0


@value
class _Committed:
    """A transaction that did commit."""

    completions: list[Completion]
    commit: Commit


@value
class Failure:
    """A transaction that did not commit. ``index`` is the job that raised, None if it was no job."""

    verdict: Verdict
    error: Exception
    index: int | None


@dataclass(slots=True)
class Prepared:
    """A transaction whose jobs have run, and which is not committed yet."""

    handle: Handle
    tx: Tx
    completions: list[Completion]


class Committer:
    """Runs batches on one writing connection, which it opens when needed and drops when it cannot be trusted.

    For one thread at a time, but for ``attempted_at``, which anybody may read: when the last transaction ended, well or
    badly (monotonic seconds). ``identity`` must be set (by registering the node) before the first batch.
    """

    def __init__(
        self, engine: Engine, clock: Clock, memory: WriterMemory | None = None, log: SuppressionLog | None = None
    ) -> None:
        self.identity = Identity(node="", incarnation=0, life=0)
        self._engine = engine
        self._clock = clock
        self._memory = memory or WriterMemory()
        self._log = log
        self._handle: Handle | None = None
        self._opened = False
        self.attempted_at = clock.monotonic()

    def handle(self) -> Handle:
        """Return the writing connection, opened and checked for durability. Raises StoreError or a driver's error."""
        if self._handle is None:
            handle = self._engine.open_writer()
            try:
                self._engine.check_durability(handle)
                if self._opened:
                    self._recognise(handle)
            except BaseException:
                self._engine.close(handle)
                raise
            self._handle, self._opened = handle, True
        return self._handle

    def _recognise(self, handle: Handle) -> None:
        """Refuse a store that was put in the place of ours while we run: it may lack what we promised."""
        self._engine.begin(handle)
        try:
            same = is_same(Reader(handle.connection, handle.database), self.identity.epoch)
        finally:
            self._engine.rollback(handle)
        if not same:
            raise StoreUnavailable("another store lies where this one was: it was restored; restart the gateway")

    def has_chores(self) -> bool:
        """Say whether the engine wants something done before the next transaction, once results were handed on."""
        return self._handle is not None and self._engine.has_chores(self._handle)

    def do_chores(self) -> None:
        """Let the engine do it."""
        if self._handle is not None:
            self._engine.do_chores(self._handle)

    def close(self) -> None:
        """Close the connection, if there is one; the next batch would open it again."""
        handle, self._handle = self._handle, None
        if handle is not None:
            self._engine.close(handle)

    def prepare(self, jobs: Sequence[Job[Any]]) -> Prepared | Failure | None:
        """Run ``jobs`` without waiting for anybody; ``run`` must follow at once, on them, with what came of it.

        Returns None where that cannot be done here, and nothing has happened.
        """
        if self._handle is None:
            return None
        work = self._work(jobs, waits=False)
        is_locked = isinstance(work, Failure) and work.verdict is Verdict.RETRY and work.index is None
        return None if is_locked else work  # that somebody has the lock for a moment is no failure

    def run(self, jobs: Sequence[Job[Any]], first: Prepared | Failure | None = None) -> Batch:
        """Run and commit ``jobs``, in order, by the rules above. Never raises for what a job or the store does.

        ``first`` is what ``prepare`` made of them.
        """
        batch = Batch()
        rest = list(jobs)
        together = len(rest)
        tries = 0
        while rest:
            group = rest[:together]
            outcome = self._commit(self._work(group) if first is None else first)
            first = None
            self.attempted_at = self._clock.monotonic()
            if isinstance(outcome, _Committed):
                batch.completions += outcome.completions
                batch.commits.append(outcome.commit)
                rest = rest[len(group) :]
                together, tries = len(rest), 0
                continue
            self._memory.forget()
            batch.failures.append(outcome.verdict.value)
            if outcome.verdict is Verdict.JOB and outcome.index is not None:
                tries = 0
                if outcome.index:
                    together = outcome.index
                else:
                    _log.error("job failed", job=group[0].name, error=repr(outcome.error))
                    batch.completions.append(Completion(group[0], None, outcome.error))
                    rest = rest[1:]
                    together = len(rest)
                continue
            tries += 1
            if outcome.verdict is not Verdict.RETRY or tries >= RETRIES:
                batch.completions += self._give_up(group, rest[len(group) :], outcome)
                break
        return batch

    def _work(self, group: Sequence[Job[Any]], *, waits: bool = True) -> Prepared | Failure:
        """Run ``group`` in one transaction; return it as it is before its commit, or why it was taken back."""
        index: int | None = None
        try:
            handle = self.handle()
            self._engine.begin(handle, waits=waits)
            tx = self._tx(handle)
            completions: list[Completion] = []
            for index, job in enumerate(group):  # noqa: B007 - read by the handler below
                completions.append(Completion(job, job.run(tx), None))
            tx.flush()
        except Exception as error:  # noqa: BLE001 - every kind has its fate in the rules above
            return self._failed(error, index)
        return Prepared(handle, tx, completions)

    def _commit(self, work: Prepared | Failure) -> _Committed | Failure:
        """Make a transaction durable; return once it is, or once it is taken back."""
        if isinstance(work, Failure):
            return work
        started = self._clock.monotonic()
        try:
            if self._log is not None:
                self._log.keep(work.tx)
        except Exception as error:  # noqa: BLE001 - the log's own, or the store's that was asked for it; no job's
            return self._failed(error, None)
        try:
            self._engine.commit(work.handle)
        except Exception as error:  # noqa: BLE001 - classified by the engine
            return self._after_rollback(Failure(self._engine.classify(error, committing=True), error, None))
        return _Committed(work.completions, Commit(self._clock.monotonic() - started, len(work.completions)))

    def _failed(self, error: Exception, index: int | None) -> Failure:
        verdict = self._engine.classify(error, committing=False)
        if index is None and verdict is Verdict.JOB:
            verdict = Verdict.STORE  # no job ran: whatever it is, it is not a job's fault
        return self._after_rollback(Failure(verdict, error, index))

    def _after_rollback(self, failure: Failure) -> Failure:
        """Take the transaction back; if even that fails, the store is at fault."""
        if failure.verdict in (Verdict.STORE, Verdict.UNKNOWN) or self._handle is None:
            return failure
        try:
            self._engine.rollback(self._handle)
        except Exception as error:  # noqa: BLE001 - whatever it is, the handle is not to be trusted
            return Failure(Verdict.STORE, error, None)
        return failure

    def _give_up(self, group: Sequence[Job[Any]], behind: Sequence[Job[Any]], failure: Failure) -> list[Completion]:
        """Fail all jobs of the batch that are not committed, and let go of the connection."""
        _log.error("transaction failed", kind=failure.verdict.value, jobs=len(group), error=repr(failure.error))
        self.drop()
        lost: StoreError = StoreUnavailable(f"the store did not take this: {failure.error}; nothing of it is stored")
        lost.__cause__ = failure.error
        fate = lost
        if failure.verdict is Verdict.UNKNOWN:
            fate = OutcomeUnknown(f"the commit failed: {failure.error}; whether it is stored is not known")
            fate.__cause__ = failure.error
        lost.full = fate.full = self._engine.is_full(failure.error)
        return [Completion(job, None, fate) for job in group] + [Completion(job, None, lost) for job in behind]

    def drop(self) -> None:
        """Close the connection as ``close`` does, but where it is broken anyhow: what closing meets is logged."""
        try:
            self.close()
        except Exception as error:  # noqa: BLE001 - it is being dropped because it is broken; there is nothing to save
            _log.warning("store connection not closed cleanly", error=repr(error))

    def _tx(self, handle: Handle) -> Tx:
        return Tx(
            handle.connection,
            handle.database,
            handle.dialect,
            self._memory,
            node=self.identity.node,
            incarnation=self.identity.incarnation,
            life=self.identity.life,
            now=self._clock.wall(),
            boot=self._clock.boot(),
            is_ours=lambda error: self._engine.classify(error, committing=False) is Verdict.JOB,
            notes=None if self._log is None else Notes(),
        )
