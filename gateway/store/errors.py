"""What can go wrong with the store, in the words of the person who must mend it.

Two families. Those of the start (wrong address, no store there, somebody else's file, a newer store) end the command.
Those of a batch (``StoreUnavailable``, ``OutcomeUnknown``) are transient: an MO is answered with the temporary error,
HTTP with 503 (507 where the disk is full), and the next batch tries the store anew. A job's own exception is neither:
it is handed to that job as it was raised.
"""

# ruff: noqa: N818 - named after what the operator sees, like every error of this gateway

from __future__ import annotations

from gateway.base import GatewayError


class StoreError(GatewayError):
    """Anything that the store says to a person."""


class StoreMisconfigured(StoreError):
    """The store cannot be opened as configured: unknown scheme, missing directory, unsafe durability, foreign file."""

    exit_code = 78  # EX_CONFIG


class StoreMissing(StoreError):
    """There is no store where the configuration says, and whoever asks would not begin one."""

    exit_code = 66  # EX_NOINPUT


class StoreTooNew(StoreError):
    """The store was written by a newer version of the gateway."""

    exit_code = 78  # EX_CONFIG


class StoreInUse(StoreError):
    """Another process owns the store."""

    exit_code = 75  # EX_TEMPFAIL
    transient = True


class StoreUnavailable(StoreError):
    """The store did not take the batch, and nothing of it is stored: disk full, I/O error, locked, gone, closed."""

    exit_code = 74  # EX_IOERR
    transient = True


class OutcomeUnknown(StoreError):
    """The commit failed in a way that leaves open whether the batch is stored. Whoever asks again must expect both."""

    exit_code = 74  # EX_IOERR
    transient = True
    doubtful = True
