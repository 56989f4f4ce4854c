"""Where the database is: the URL, completed by what every connection of ours asks for.

Owns the reading of ``postgresql://`` URLs (libpq's, with any number of hosts:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING). A password stands in no URL, because URLs
are printed: it comes from the option, or from where libpq looks by itself (``PGPASSWORD``, ``~/.pgpass``).
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from gateway.store.errors import StoreMisconfigured
from gateway.store.options import StoreOptions

_SECRET: Final = ("password", "sslpassword")
_EXAMPLE: Final = '"postgresql://user@host/database", or "postgresql://user@host,other-host/database"'


def parameters(options: StoreOptions) -> dict[str, Any]:
    """Return libpq's parameters for ``options``. Raises StoreMisconfigured, which never shows a URL with a password."""
    try:
        given = conninfo_to_dict(options.url)
    except psycopg.ProgrammingError as error:
        raise StoreMisconfigured(f"[store] url: {str(error).strip()}; write {_EXAMPLE}") from None
    for name in _SECRET:
        if name in given:
            raise StoreMisconfigured(
                f"[store] url has a {name} in it, and URLs are printed; write [store] password or password_file "
                "instead, or leave it to PGPASSWORD or ~/.pgpass"
            )
    if not given.get("dbname"):
        raise StoreMisconfigured(f"[store] url names no database; write {_EXAMPLE}")
    alive_ms = int(options.server_timeout_s * 1000)
    defaults: dict[str, Any] = {
        # A server that only follows another one is passed over: it can take nothing, and may not know the latest.
        "target_session_attrs": "read-write",
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": alive_ms,
        "client_encoding": "UTF8",
    }
    secret = options.password.get_secret_value()
    return defaults | given | ({"password": secret} if secret else {})
