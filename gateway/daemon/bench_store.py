"""Where a benchmark has its store: a file of its own or, on a server, a database of its own.

Owns that no store which somebody uses is ever touched. On a server a database is made beside the one that the URL
names, and dropped in the end, so whoever the URL names must be allowed to make one.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from gateway.base import GatewayError
from gateway.store.engines import find_engine
from gateway.store.options import StoreOptions

FILE: Final = "sqlite:gateway.db"


class NoStoreError(GatewayError):
    """No store can be made there."""

    exit_code = 69  # EX_UNAVAILABLE


class WrongStoreError(GatewayError):
    """The URL names a store that a benchmark must not use."""

    exit_code = 64  # EX_USAGE


@contextmanager
def own_store(url: str, folder: Path) -> Iterator[str]:
    """Give the URL of a store of the benchmark's own, made where ``url`` says. Blocks.

    Raises WrongStoreError for a file, and NoStoreError where the server makes no database.
    """
    if url.startswith("sqlite:"):
        if url != FILE:
            raise WrongStoreError(f"{url}: a benchmark uses no file that is there; --state-dir says on which disk")
        yield url
        return
    run = _on_server(url, folder)
    name = f"gateway_bench_{secrets.token_hex(4)}"
    run(f'create database "{name}"')
    try:
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    finally:
        run(f'drop database if exists "{name}" with (force)')


def _on_server(url: str, folder: Path) -> Callable[[str], None]:
    engine = find_engine(StoreOptions(url=url), folder)

    def run(statement: str) -> None:
        try:
            handle = engine.open_writer()
            try:
                handle.connection.execute(statement)
            finally:
                engine.close(handle)
        except GatewayError:
            raise
        except Exception as error:
            raise NoStoreError(f"{statement!r} failed: {error}; name a server and a user that may do that") from error

    return run
