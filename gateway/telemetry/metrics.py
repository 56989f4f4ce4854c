"""Every metric of the gateway, as the attributes of one object on its own registry.

Whoever counts is handed a ``Metrics``; nothing registers itself by being imported, so two gateways (or two tests) in
one process do not mix. Counting happens after the commit or the write that it tells of, never before. No label holds
a subscriber's number, a text or anything else without a bound. docs/metrics.md is made from what is declared here.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics, generate_latest

from gateway.telemetry.families import OTHER, Maker

# An MO is refused with a temporary error after 8 s without the store, so 10 s ends both scales.
LATENCY: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COMMIT: Final = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
BATCH: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


class Metrics:
    """All metrics. A family is called with its label values: ``metrics.submit("acme", "reply", "accepted").inc()``."""

    def __init__(self, version: str = "", node: str = "") -> None:
        # The *_created series double every scrape and no query of ours reads them.
        disable_created_metrics()
        self.registry = CollectorRegistry()
        self._maker = make = Maker(self.registry)

        self.build_info = make.gauges(
            "gateway_build_info", "Always 1; its labels say what is running.", "version", "node"
        )
        self.bind_up = make.gauges("gateway_bind_up", "1 while the bind is bound, else 0.", "carrier", "bind")
        self.bind_state_changes = make.counters(
            "gateway_bind_state_changes_total",
            "Changes of a bind's state, by the state reached.",
            "carrier",
            "bind",
            "state",
        )
        self.bind_refused = make.gauges(
            "gateway_bind_refused",
            "1 while the carrier's last answer to the bind was a refusal that waiting alone does not mend, else 0.",
            "carrier",
            "bind",
        )
        self.window_used = make.gauges("gateway_window_used", "submit_sm without an answer, now.", "bind")
        self.window_size = make.gauges("gateway_window_size", "Most submit_sm without an answer.", "bind")

        self.mo = make.tallies(
            "gateway_mo_total", "Texts received and committed, by what they meant.", "line", "outcome"
        )
        self.mo_rejected = make.counters(
            "gateway_mo_rejected_total",
            "Texts answered with a temporary error; the carrier sends them again. The reason: the store failed "
            "(store), took longer than 8 s (slow), or has too much before it already (backlog).",
            "reason",
        )
        self.receipts = make.counters(
            "gateway_receipts_total",
            "Delivery receipts, by what they led to: a message's final state (recorded), nothing since it had one "
            "(repeated) or since the receipt is not final (intermediate), or waiting for a response that names their "
            "id (parked): what is never named is dropped after an hour.",
            "carrier",
            "result",
        )
        self.duplicates = make.counter("gateway_duplicates_total", "Redelivered texts, acked without effect.")
        self.quarantine = make.counter("gateway_quarantine_total", "PDUs that could not be read and were put aside.")
        self.quarantine_dropped = make.counter(
            "gateway_quarantine_dropped_total", "PDUs that left the quarantine before their time, since it was full."
        )
        self.let_go = make.counters(
            "gateway_let_go_total",
            "What was kept as long as it shall be, and deleted: text (blanked), message, permit, part (of a joined "
            "text), receipt (nobody's), answer (under an Idempotency-Key), quarantine.",
            "kind",
        )
        self.ack_seconds = make.histogram(
            "gateway_ack_seconds", "Seconds from a deliver_sm's arrival to its response being written.", LATENCY
        )

        self.submit = make.tallies(
            "gateway_submit_total", "submit_sm by what became of them.", "carrier", "lane", "result"
        )
        self._submit_status = make.tallies(
            "gateway_submit_status_total", "submit_sm_resp by command_status.", "carrier", "status"
        )
        self.reply_seconds = make.histogram(
            "gateway_reply_seconds",
            "Seconds from a reply being queued to its submit_sm being handed to a bind.",
            LATENCY,
        )
        self.refusals = make.tallies("gateway_refusals_total", "Messages and changes refused, by reason.", "reason")
        self.uncertain = make.counter("gateway_uncertain_total", "submit_sm that were written and never answered.")
        self.expired = make.counter("gateway_expired_total", "Messages that grew too old before they could be sent.")
        self.replies_held_back = make.counter(
            "gateway_replies_held_back_total", "Automatic replies kept back by a line's reply limit."
        )
        self.permits_revoked = make.counter("gateway_permits_revoked_total", "Permits taken back by an opt-out.")
        self.queue_depth = make.gauges("gateway_queue_depth", "Messages waiting, by lane.", "lane")
        self.paused = make.gauges("gateway_paused", "1 for each paused line, carrier or lane.", "kind", "name")

        self.store_commit_seconds = make.histogram("gateway_store_commit_seconds", "Seconds a commit took.", COMMIT)
        self.store_batch_jobs = make.histogram("gateway_store_batch_jobs", "Jobs that one transaction held.", BATCH)
        self.store_failures = make.counters(
            "gateway_store_failures_total", "Transactions that did not commit, by kind of failure.", "kind"
        )

        self.leases_held = make.gauges("gateway_leases_held", "Binds that this node may hold, of several.", "carrier")
        self.nodes_alive = make.gauge("gateway_nodes_alive", "Nodes whose heartbeat holds, this one included.")
        self.takeovers = make.counter(
            "gateway_takeovers_total", "Binds that this node took over from one that was over, or not reached."
        )
        self.fence_seconds = make.histogram(
            "gateway_fence_seconds",
            "Seconds from an opt-out's commit until no other node could send on grounds of before.",
            LATENCY,
        )

        self.config_reloads = make.counters("gateway_config_reloads_total", "Attempts to reload, by result.", "result")
        self.config_last_reload_success = make.gauge(
            "gateway_config_last_reload_success_timestamp_seconds", "Unix time of the last good load."
        )
        self.log_lines_dropped = make.counter(
            "gateway_log_lines_dropped_total", "Log lines that could not be written to stderr."
        )
        self.internal_errors = make.counters(
            "gateway_internal_errors_total",
            "Errors of the gateway's own that it went on after, by where they showed; each is logged, and is a bug.",
            "where",
        )
        self.build_info(version, node).set(1)
        ProcessCollector(registry=self.registry)

    def submit_status(self, carrier: str, status: str, count: int = 1) -> None:
        """Count submit_sm_resp. Names of SMPP 3.4 5.1.3 (``ESME_ROK``) count as such, all others as ``other``."""
        known = status.startswith("ESME_") and status.isidentifier()
        self._submit_status(carrier, status if known else OTHER).inc(count)

    @property
    def declared(self) -> list[tuple[str, str, tuple[str, ...], str]]:
        """Every metric of ours as (name, kind, labels, help), in the order of this file."""
        return list(self._maker.declared)

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus's text format (version 0.0.4), for ``/metrics``."""
        return generate_latest(self.registry)
