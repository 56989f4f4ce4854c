"""From what the carrier counted and what the gateway's metrics say, to the figures of a benchmark.

Owns their names and units. Pure: it measures nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_COMMITS: Final = "gateway_store_commit_seconds"
_JOBS: Final = "gateway_store_batch_jobs"
_CPU: Final = "process_cpu_seconds_total"
_OF_BROADCAST: Final = ("per_s", "seconds", "received", "missing", "twice", "after_stop", "stop_ms")


def results(
    told: Mapping[str, Any], before: Mapping[str, float], after: Mapping[str, float], memory: tuple[float, float]
) -> dict[str, Any]:
    """Return the figures of a run.

    ``told`` is what the carrier counted, ``before`` and ``after`` the gateway's metrics around it, ``memory`` its
    resident set at the end and at its largest (MB).
    """
    change = {name: value - before.get(name, 0.0) for name, value in after.items()}
    commits = int(change.get(f"{_COMMITS}_count", 0))
    jobs = change.get(f"{_JOBS}_sum", 0.0)
    messages = told["acked"] + told["submits"]
    worked = change.get(_CPU, 0.0)
    # A text and its answer are one unit of work for whoever counts texts; a broadcast is counted by its messages.
    units = told["submits"] if told["broadcast"] else told["acked"]
    return {
        "mo": {
            name: told[name]
            for name in (
                *("per_s", "acked_per_s", "submits_per_s", "seconds", "sent", "acked", "answered", "submits"),
                *("lost", "twice", "unacked", "refused", "brought_again", "again", "throttled", "strays"),
                *("ack_ms", "reply_ms", "moods"),
            )
        },
        "mt": {name: told["broadcast"][name] for name in _OF_BROADCAST} if told["broadcast"] else None,
        "gateway": {
            "cpu_s": round(worked, 3),
            "cpu_s_per_10k": round(worked / units * 10_000, 3) if units else 0.0,
            "core_share": round(worked / told["seconds"], 3) if told["seconds"] else 0.0,
            "commits": commits,
            "messages_per_commit": round(messages / commits, 1) if commits else 0.0,
            "jobs_per_commit": round(jobs / commits, 1) if commits else 0.0,
            "most_jobs_per_commit": _highest(change),
            "commit_ms": round(change.get(f"{_COMMITS}_sum", 0.0) / commits * 1e3, 3) if commits else 0.0,
            "rss_mb": memory[0],
            "rss_max_mb": memory[1],
        },
        "carrier": {"cpu_s": told["cpu_s"]},
    }


def is_whole(found: Mapping[str, Any]) -> bool:
    """Say whether nothing was lost, answered twice, or sent after the ack of a STOP."""
    mo, mt = found["mo"], found["mt"]
    faults = mo["lost"] + mo["twice"] + mo["unacked"] + mo["strays"]
    if mt is not None:
        faults += mt["twice"] + mt["after_stop"] + (0 if found["plan"]["rate"] else mt["missing"])
    return not faults


def _highest(change: Mapping[str, float]) -> int | None:
    """Return the upper edge of the highest bucket that got something; None if only the endless one holds all."""
    total = change.get(f"{_JOBS}_count", 0.0)
    edges = sorted(
        (float(name.partition("/")[2]), count) for name, count in change.items() if name.startswith(f"{_JOBS}_bucket/")
    )
    found = next((edge for edge, count in edges if count >= total), None)
    return int(found) if found is not None and found != float("inf") else None
