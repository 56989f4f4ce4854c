"""The store as the daemon and the commands hold it: opened, owned, migrated, with its writer and its readers.

Owns the order of opening (lock, suppression log, connection, durability, schema, node) and of closing (the writer
finishes what waits, then the witness, connections, the log, the lock). Everything that changes rows goes through
``writer``; everything that only asks goes through ``read``, on other connections that cannot write and therefore never
make the writer wait. Must never hand a connection out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog
import trio

from gateway.base import Clock
from gateway.store.engines import Engine, Handle, Verdict, find_engine
from gateway.store.errors import StoreError, StoreUnavailable
from gateway.store.jobs import Committer, Identity, Job
from gateway.store.move import refuse_half
from gateway.store.nodes import boot_id, identity_of, register
from gateway.store.options import StoreOptions
from gateway.store.outside import Outside
from gateway.store.schema import migrate
from gateway.store.side import Side, side_of
from gateway.store.tx import Reader, Tx
from gateway.store.writer import Hooks, InlineWriter, ThreadWriter, Writer

T = TypeVar("T")
QUESTION_S: Final = 30.0
"""How long one question may take; what asks for more is given up, so that the log of what is written stays bounded."""
_log: Final = structlog.get_logger(__name__)


class Store:
    """An open store. Made by ``open_store`` only.

    ``identity`` names this node, the incarnation of its evidence chain and its life; ``migrated`` are the migrations
    that this start applied.
    """

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        identity: Identity,
        migrated: list[str],
        readers: int,
        outside: Outside,
        *,
        threads: bool,
    ) -> None:
        self.writer = writer
        self.identity = identity
        self.migrated = migrated
        self._engine = engine
        self._outside = outside
        self._threads = threads
        self._limit = trio.CapacityLimiter(readers)
        self._idle: list[Handle] = []
        self.side: Side | None = side_of(engine) if threads else None

    async def read(self, fn: Callable[[Reader], T]) -> T:
        """Run ``fn`` in a read transaction of its own and return what it returns; it sees all that is committed.

        ``fn`` runs in a worker thread, at most ``readers`` at a time. Raises StoreUnavailable if the store cannot be
        read, and whatever ``fn`` raises. A cancelled reader is waited for: queries are bounded.
        """
        if not self._threads:
            await trio.lowlevel.checkpoint()
            return self._read(fn)
        return await trio.to_thread.run_sync(self._read, fn, limiter=self._limit)

    async def attest(self) -> None:
        """Write down outside of the store how far it has come. Raises StoreUnavailable if it cannot be read."""
        await self.read(self._outside.attest)

    def reopen_log(self) -> None:
        """Have the suppression log opened anew: it may have been rotated."""
        if self._outside.log is not None:
            self._outside.log.reopen()

    def _read(self, fn: Callable[[Reader], T]) -> T:
        handle: Handle | None = None
        try:
            handle = self._begun()
            if handle is None:
                handle = self._engine.open_reader(QUESTION_S)
                self._engine.begin(handle)
            result = fn(Reader(handle.connection, handle.database))
            self._engine.rollback(handle)
        except Exception as error:
            if handle is not None:
                self._drop(handle)
            if self._engine.classify(error, committing=False) is Verdict.JOB:
                raise
            raise StoreUnavailable(f"the store cannot be read: {error}") from error
        self._idle.append(handle)
        return result

    def _drop(self, handle: Handle) -> None:
        try:
            self._engine.close(handle)
        except Exception as error:  # noqa: BLE001 - it is being dropped because it is broken; there is nothing to save
            _log.warning("store connection not closed cleanly", error=repr(error))

    def _begun(self) -> Handle | None:
        """Return a connection that lay idle, with a transaction begun; None if there is none, or it was lost there."""
        handle = self._take()
        if handle is None:
            return None
        try:
            self._engine.begin(handle)
        except Exception as error:
            self._drop(handle)
            if self._engine.classify(error, committing=False) is not Verdict.STORE:
                raise
            return None
        return handle

    def _take(self) -> Handle | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def close_readers(self) -> None:
        """Attest once more, and close the connections that only read; no read may be under way."""
        try:
            self._read(self._outside.attest)
        except Exception as error:  # noqa: BLE001 - a store that cannot be read must not keep us from stopping
            _log.warning("how far the store has come is not written down", error=str(error))
        while self._idle:
            self._engine.close(self._idle.pop())
        if self.side is not None:
            self.side.close()


@asynccontextmanager
async def open_store(
    options: StoreOptions,
    state_dir: Path,
    node: str,
    clock: Clock,
    *,
    hooks: Hooks | None = None,
    threads: bool = True,
    engine: Engine | None = None,
    starts: bool = True,
) -> AsyncIterator[Store]:
    """Open the store, own it while the block runs, and close it: what was put by then is committed and told.

    ``node`` is this daemon's name in permits and evidence. Without ``threads`` everything happens in the Trio thread
    (for tests whose clock jumps). ``engine`` replaces the one that the URL names. Without ``starts`` the life goes
    on: for work beside no daemon that neither mints permits nor binds. Raises StoreInUse, StoreTooNew or
    StoreMisconfigured, and StoreUnavailable where the database itself refuses.
    """
    engine = engine or find_engine(options, state_dir)
    ownership = engine.own(node)
    outside: Outside | None = None
    try:
        outside = Outside(engine, options, state_dir)
        committer = Committer(engine, clock, log=outside.log)
        prepared = partial(_prepare, engine, committer, f"{options.url} in {state_dir}", node, starts, outside)
        identity, migrated = await (trio.to_thread.run_sync(prepared) if threads else _inline(prepared))
        writer: Writer = InlineWriter(committer, clock, max_batch=options.max_batch, hooks=hooks)
        if threads:
            writer = ThreadWriter(committer, clock, max_batch=options.max_batch, hooks=hooks, near=engine.is_near)
        store = Store(engine, writer, identity, migrated, options.readers, outside, threads=threads)
        _log.info("store opened", url=options.url, node=node, life=identity.life, migrated=migrated)
        raised: Exception | None = None
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(writer.serve)
                try:
                    yield store
                except Exception as error:  # noqa: BLE001 - raised below, as it is rather than in a group
                    raised = error
                finally:
                    writer.stop()
        finally:
            store.close_readers()
        if raised is not None:
            raise raised
    finally:
        if outside is not None:
            outside.close()
        ownership.release()


async def _inline(fn: Callable[[], T]) -> T:
    await trio.lowlevel.checkpoint()
    return fn()


def _prepare(
    engine: Engine, committer: Committer, where: str, node: str, starts: bool, outside: Outside
) -> tuple[Identity, list[str]]:
    """Open the writing connection, bring the schema up to date, and (with ``starts``) begin this node's next life."""
    try:
        migrated = migrate(committer.handle(), where)
        refuse_half(Reader(committer.handle().connection, committer.handle().database))
        signs = outside.signs(engine.identity(committer.handle()))
    except StoreError:
        committer.drop()
        raise
    except Exception as error:
        committer.drop()
        raise StoreUnavailable(f"{where} cannot be opened: {error}") from error
    here = boot_id()
    become = register if starts else identity_of
    identity = _done(committer, lambda tx: become(tx, node, here, signs))
    committer.identity = identity
    _done(committer, lambda tx: outside.begin(tx, identity, starts=starts))
    return identity, migrated


def _done(committer: Committer, run: Callable[[Tx], T]) -> T:
    """Run one job now; close the connection and raise where it fails."""
    results: list[T] = []
    failed: list[Exception] = []
    job: Job[Any] = Job(run, results.append, failed.append, "register")
    for completion in committer.run([job]).completions:
        completion.deliver()
    if failed:
        committer.drop()
        raise failed[0]
    return results[0]
