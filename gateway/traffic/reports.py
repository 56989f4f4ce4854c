"""What traffic tells the outside: counts and log lines, after the fact, with bounded labels and masked numbers.

The flows call these methods in the Trio thread once a commit or an answer is certain. Nothing here decides anything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import structlog

from gateway.base import Clock, GatewayError, mask
from gateway.carriers.statuses import UNSENDABLE
from gateway.model.messages import Lane, MessageState, Mo, Mt, Receipt, Unreadable
from gateway.model.permit import Fate, Outcome
from gateway.model.refusal import Reason, Refusal
from gateway.smpp.constants import Status, describe
from gateway.store.hot_messages import Move
from gateway.telemetry.metrics import Metrics
from gateway.traffic.intake import Intake, Taken
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.upstream import Learned

_log = structlog.get_logger(__name__)

FEW: Final = 8
"""Of what goes to quarantine for one reason, so many are logged; the others count, and are logged at each doubling."""
MOST_REASONS: Final = 1000
"""Reasons, by carrier, that are counted apart: some have what a carrier sent in them. All further ones are one."""

_WHERE: Final = {"undecidable": "decide", "poison": "intake"}
_AMISS: Final = frozenset({MessageState.FAILED, MessageState.PARTIAL, MessageState.UNCERTAIN})


class Reports:
    """Counts and says what the flows did."""

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._put_aside: Counter[tuple[str, str]] = Counter()

    def taken_in(self, intake: Intake, book: RuleBook) -> None:
        """A batch was committed."""
        for taken in intake.taken:
            arrival = taken.arrival
            match arrival:
                case Mo():
                    known = arrival.line in book.by_address
                    line = arrival.line if known else "unknown"
                    self._metrics.mo(line, taken.outcome).inc()
                    if taken.outcome == "duplicate":
                        self._metrics.duplicates.inc()
                    self._metrics.replies_held_back.inc(taken.held_back)
                    log = _log.info if known else _log.warning
                    log(
                        "text received" if known else "text received for an address that is no line",
                        line=arrival.line if known else mask(arrival.line),  # it may be somebody's number
                        subscriber=mask(arrival.subscriber),
                        carrier=arrival.carrier,
                        outcome=taken.outcome,
                        id=taken.mo_id,
                    )
                case Receipt():
                    self._metrics.receipts(arrival.carrier, taken.outcome.removeprefix("receipt_")).inc()
                case Unreadable():
                    self._aside(arrival, taken)
        self._metrics.refusals(Reason.OPTED_OUT.value).inc(intake.refused)

    def _aside(self, arrival: Unreadable, taken: Taken) -> None:
        """Count what was put aside; say so the first few times, then at each doubling of their number."""
        key = (arrival.carrier, arrival.reason)
        if key not in self._put_aside and len(self._put_aside) >= MOST_REASONS:
            key = ("", "")
        self._put_aside[key] += 1
        times = self._put_aside[key]
        loud = times <= FEW or times.bit_count() == 1
        if taken.error is not None:
            self._metrics.internal_errors(_WHERE[taken.outcome]).inc()
            if loud:
                _log.error("an arrival is poison to us: our bug", bind=arrival.bind, exc_info=taken.error, times=times)
        if taken.status is not None:
            self._metrics.quarantine.inc()
            if loud:
                facts = {"bind": arrival.bind, "reason": arrival.reason, "status": taken.status, "times": times}
                _log.warning("pdu quarantined", **facts)

    def not_taken_in(self, reason: str, count: int, error: str = "") -> None:
        """Arrivals were answered with a temporary error."""
        self._metrics.mo_rejected(reason).inc(count)
        _log.error("arrivals answered with a temporary error", reason=reason, count=count, error=error)

    def acked(self, seconds: float) -> None:
        """An answer was taken by the kernel, so long after the arrival."""
        self._metrics.ack_seconds.observe(seconds)

    def refused(self, refused: Sequence[tuple[Mt, Refusal]]) -> None:
        """The gate refused queued messages."""
        for mt, refusal in refused:
            if refusal.reason is Reason.EXPIRED:
                self._metrics.expired.inc()
            else:
                self._metrics.refusals(refusal.reason.value).inc()
            reason = refusal.reason.value
            _log.info("message refused", id=mt.id, subscriber=mask(mt.subscriber), reason=reason, lane=mt.lane.word)

    def failed(self, failed: Sequence[tuple[Mt, Exception]]) -> None:
        """Messages could not be judged or cut into segments, which is our bug."""
        for mt, error in failed:
            self._metrics.internal_errors("gate").inc()
            _log.error("message failed: our bug", id=mt.id, exc_info=error)

    def refused_request(self, reason: str) -> None:
        """A request to send was refused."""
        self._metrics.refusals(reason).inc()

    def send_cut_short(self, error: Exception, count: int) -> None:
        """A step of a batch failed, and the ``count`` messages that had no answer were refused as not available."""
        self._metrics.refusals(Reason.UNAVAILABLE.value).inc(count)
        if isinstance(error, GatewayError) and error.transient:
            _log.warning("batch cut short: unavailable", count=count, error=str(error))
        else:
            self._metrics.internal_errors("send").inc()
            _log.error("batch cut short: our bug", count=count, exc_info=error)

    def handed_over(self, messages: Iterable[Mt]) -> None:
        """Permits of these messages were handed to their binds."""
        now = self._clock.wall()
        for mt in messages:
            if mt.in_reply_to is not None and mt.lane <= Lane.REPLY and not mt.attempts:
                self._metrics.reply_seconds.observe(max(0.0, now - mt.created_at))

    def settled(self, outcomes: Sequence[Outcome], messages: Mapping[int, Mt], moves: Mapping[int, Move]) -> None:
        """Outcomes were recorded."""
        for outcome in outcomes:
            mt = messages.get(outcome.permit.message_id)
            lane = mt.lane.word if mt else "unknown"
            self._metrics.submit(outcome.permit.carrier, lane, outcome.fate.name.lower()).inc()
            if outcome.fate in (Fate.ACCEPTED, Fate.REJECTED):
                self._metrics.submit_status(outcome.permit.carrier, _status_name(outcome.status))
            elif outcome.fate is Fate.UNCERTAIN:
                self._metrics.uncertain.inc()
            elif outcome.fate is Fate.REVOKED:
                self._metrics.permits_revoked.inc()
        for id_, step in moves.items():
            if step.state is not MessageState.QUEUED:
                mt = messages[id_]
                about = {"id": id_, "subscriber": mask(mt.subscriber), "lane": mt.lane.word}
                if step.state in _AMISS:
                    _log.warning("message " + step.state.word, **about, reason=step.reason, **_met(id_, outcomes))
                else:
                    _log.info("message " + step.state.word, **about)

    def learned(self, learned: Learned) -> None:
        """A carrier's refusals told of opt-outs, which are in force now."""
        self._metrics.refusals(Reason.OPTED_OUT.value).inc(learned.refused)
        for outcome in learned.told:
            permit = outcome.permit
            _log.info(
                "opt-out learned from a carrier",
                line=permit.line,
                subscriber=mask(permit.subscriber),
                carrier=permit.carrier,
                status=describe(outcome.status),
            )


def _met(id_: int, outcomes: Sequence[Outcome]) -> dict[str, str]:
    """Return where the last permit of a message that was not accepted met its end, and with which status."""
    for outcome in reversed(outcomes):
        if outcome.permit.message_id == id_ and outcome.fate is not Fate.ACCEPTED:
            where = {"carrier": outcome.permit.carrier, "bind": outcome.permit.bind}
            unsendable = outcome.status == UNSENDABLE
            if outcome.fate is Fate.REJECTED:
                where["status"] = "no PDU can hold it" if unsendable else describe(outcome.status)
            return where
    return {}


def _status_name(status: int) -> str:
    try:
        return Status(status).name
    except ValueError:
        return "other"
