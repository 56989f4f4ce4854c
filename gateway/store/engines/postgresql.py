"""The engine for ``postgresql:`` URLs, where its driver is installed; the work is ``gateway.store.postgresql``'s."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.store.engines import Engine
from gateway.store.errors import StoreMisconfigured
from gateway.store.options import StoreOptions


def engine(options: StoreOptions, state_dir: Path) -> Engine:
    """Return the engine; in ``state_dir`` it keeps the witness alone. Raises StoreMisconfigured without psycopg."""
    try:
        from gateway.store.postgresql.engine import PostgresqlEngine
    except ImportError as error:
        raise StoreMisconfigured(
            f'[store] url = "postgresql:…" needs the driver psycopg ({error}): install it with '
            "`pip install 'smpp-consent-gateway[postgres]'` where the gateway is installed"
        ) from error
    return PostgresqlEngine(options, state_dir)


ENGINE: Final = engine
