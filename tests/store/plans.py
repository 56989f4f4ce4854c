"""How an engine would run a statement, as lines of its own words; and a store that is large enough for plans to matter.

SQLite plans by rules, so an empty store will do. PostgreSQL plans by statistics: its store is filled and analysed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from gateway.store.engines import Engine
from tests.kit import postgres
from tests.kit.stores import kind, migrated, migrated_template, stand_for

_FILL: Final = (
    # Two lines with 10,000 subscribers each; every tenth is waited for, on both routes and in the lanes 2 to 4.
    "insert into line (id, address, origin, created_at) select n, (85699 + n)::text, 'file', 0"
    " from generate_series(1, 2) as n",
    "insert into consent (line_id, subscriber, status, since, source)"
    " select 1 + n % 2, '+1212' || (5000000 + n / 2), 1, 0, 'text' from generate_series(1, 20000) as n",
    "insert into member (line_id, subscriber, list_name, status, since)"
    " select 1 + n % 2, '+1212' || (5000000 + n / 2), 'alerts', 1, 0 from generate_series(1, 20000) as n",
    "insert into account_opt_out (account_id, subscriber, since)"
    " select 1, '+1213' || (5000000 + n), 0 from generate_series(1, 5000) as n",
    "insert into message (id, line_id, subscriber, direction, state, lane, claim, text, created_at, updated_at, route,"
    " carrier, ref) select n, 1 + n / 10 % 2, '+1212' || (5000000 + n * 7 % 10000), (n % 3 > 0)::integer,"
    " case when n % 3 = 0 then 20 when n % 10 = 1 then 0 when n % 1000 = 2 then 10 else 2 end, 2 + n % 3, 1, 'hi', n,"
    " n,"
    " case when n % 4 < 2 then '' else 'acme' end, 'acme', case when n % 5 = 0 then 'ref ' || n end"
    " from generate_series(1, 30000) as n",
    "insert into permit (id, message_id, segment, line_id, subscriber, carrier, bind, node, life, grounds, opt_outs,"
    " minted_at, dies_at, fate, carrier_id) select 100000 + id, id, 1, line_id, subscriber, 'acme', 'acme/0', 'gw1', 1,"
    " 1, 0, 0, 0, case when id % 1000 = 5 then 0 else 1 end, 'id ' || id from message where state in (0, 2)",
    "insert into evidence (id, node, incarnation, seq, kind, line_id, subscriber, status_before, status_after, method,"
    " raw, occurred_at, recorded_at, salt, digest, prev_hash, hash) select n, 'gw1', 1, n, 'opt_in', 1 + n % 2,"
    " '+1212' || (5000000 + n / 2), 0, 1, 'text', '', 0, 0, '', '', '', '' from generate_series(1, 20000) as n",
    "insert into part (id, carrier, line_id, subscriber, reference, total, number, data_coding, alphabet, raw, text,"
    " fingerprint, session, received_at, mo_id) select n, 'acme', 1, '+1212' || (5000000 + n / 2), 1, 2, 1 + n % 2, 0,"
    " 'gsm', '', '', '', '', n, case when n % 10 > 0 then n end from generate_series(1, 10000) as n",
    "insert into parked_receipt (id, carrier, carrier_id, state, receipt_id, place, received_at, subscriber)"
    " select n, 'acme', 'id ' || n, 3, n, 0, n, '+1212' || (5000000 + n) from generate_series(1, 10000) as n",
    "insert into quarantine (id, carrier, bind, session, received_at, status, reason, raw, fingerprint, last_at, size)"
    " select n, 'acme', '', '', n, 8, '', decode(repeat(md5(n::text), 8), 'hex'), decode(md5(n::text), 'hex'), n, 640"
    " from generate_series(1, 10000) as n",
    "select setval('evidence_id_seq', 100000)",
    "vacuum analyze",
)


@cache
def _large() -> str:
    server = postgres.server()
    server.execute(f"create database large template {migrated_template()} owner {postgres.ROLE}")
    for statement in _FILL:
        server.execute(statement, database="large")
    return "large"


def large(directory: Path) -> Engine:
    """Return an engine on a store whose plans are those of a large one. Nobody may commit anything there."""
    return migrated(directory) if kind() == "sqlite" else stand_for(directory, _large())


def plan(rows: Callable[[str, Sequence[object]], list[Any]], sql: str, params: Sequence[object]) -> list[str]:
    """Return the plan of ``sql``; ``rows`` runs a query."""
    if kind() == "sqlite":
        return [row[-1] for row in rows(f"explain query plan {sql}", params)]
    return [row[0].strip() for row in rows(f"explain (costs off) {sql}", params)]
