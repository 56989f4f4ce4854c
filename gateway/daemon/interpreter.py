"""How the interpreter is set for a process that does little else than make and drop small objects.

Owns two knobs of CPython, one of the C library and one of Rust's. They are about time and memory alone: nothing else
depends on them, and no other module touches them.

The cyclic collector looks at everything that lives each time so many objects were made. Here nearly all of them die by
reference counts, and what lives (rules, models, pages) stays: so what there is after the start is put out of its sight,
and it looks more rarely. At full load that is a fourth of all time.

The thread that commits asks for the interpreter's lock when the disk has answered; by default the loop may keep it for
5 ms more. A tenth of that costs nothing that can be measured, and answers leave so much earlier.

What is made and dropped in pieces above 512 octets comes from the C library, which keeps what is free for the next one
that asks. Between pieces that live for minutes the free ones add up, a page here and there: a few megabytes in the
first hours. So each minute the pages that are wholly free go back to the system.

A library in Rust that finds no memory ends the process, and the next life goes on. With RUST_BACKTRACE set it would
first print where it was, find no memory for that, and wait for ever for a lock that it holds itself (std, alloc.rs).
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable
from typing import Final

import structlog
import trio

_log = structlog.get_logger(__name__)

YOUNG: Final = 20_000
"""Objects made, less those gone, until the collector looks at the young ones: what a few batches of texts leave."""
SWITCH_S: Final = 0.0005
TIDY_S: Final = 60.0


def settle_in() -> None:
    """Set the interpreter for a long run. To be called once everything is loaded."""
    os.environ.pop("RUST_BACKTRACE", None)
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 100)


async def stay_tidy() -> None:
    """Give the system back what is free, each minute, until cancelled.

    It takes some milliseconds, 20 after a great burst. A thread does it, but whoever asks the C library for memory then
    waits for it.
    """
    give_back = giver()
    while True:
        await trio.sleep(TIDY_S)
        try:
            await trio.to_thread.run_sync(give_back)
        except Exception as error:  # noqa: BLE001 - no thread to be had, perhaps: it must not end the daemon
            _log.warning("free memory not given back: it is tried again", error=repr(error))


def giver() -> Callable[[], object]:
    """Return what gives free memory back to the system (malloc_trim(3)); nothing, where the C library has no such."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return lambda: None
    return lambda: trim(0)
