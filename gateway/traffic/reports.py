"""What traffic tells the outside: counts and log lines, after the fact, with bounded labels and masked numbers.

The flows call these methods in the Trio thread once a commit or an answer is certain. Nothing here decides anything.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

import structlog

from gateway.base import Clock, GatewayError, mask
from gateway.carriers.statuses import UNSENDABLE
from gateway.model.messages import Lane, MessageState, Mo, Mt, Receipt, Unreadable
from gateway.model.permit import Fate, Outcome
from gateway.model.refusal import Reason, Refusal
from gateway.smpp.constants import Status, describe
from gateway.telemetry.logs import tells_debug
from gateway.telemetry.metrics import Metrics
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.settle import Settled
from gateway.traffic.taken import Intake, Taken
from gateway.traffic.upstream import Learned

_log = structlog.get_logger(__name__)

FEW: Final = 8
"""Of what goes to quarantine for one reason, so many are logged; the others count, and are logged at each doubling."""
MOST_REASONS: Final = 1000
"""Reasons, by carrier, that are counted apart: some have what a carrier sent in them. All further ones are one."""

# A name costs a tenth of what asking the enumeration costs, for every message.
_REPLY: Final = Lane.REPLY
_ACCEPTED: Final = Fate.ACCEPTED
_OPTED_OUT: Final = Reason.OPTED_OUT.value

_WHERE: Final = {"undecidable": "decide", "poison": "intake"}
_FATES: Final = {fate: fate.name.lower() for fate in Fate}
_AMISS: Final = frozenset({MessageState.FAILED, MessageState.PARTIAL, MessageState.UNCERTAIN})


class Reports:
    """Counts and says what the flows did.

    Single texts are told of at level debug alone; where that is off, not even the line is made up.
    """

    def __init__(self, metrics: Metrics, clock: Clock) -> None:
        self._metrics = metrics
        self._clock = clock
        self._put_aside: Counter[tuple[str, str]] = Counter()
        self._later: deque[Callable[[], None]] = deque()

    def later(self, tell: Callable[[], None]) -> None:
        """Have ``tell`` called by ``catch_up``: what leaves for a carrier does not wait for what is told of it."""
        self._later.append(tell)

    def catch_up(self) -> None:
        """Tell what was left for later."""
        while self._later:
            self._later.popleft()()

    def taken_in(self, intake: Intake, book: RuleBook) -> None:
        """A batch was committed. Counted by what is alike, and written down text by text only where that is asked."""
        texts = [(taken.arrival.line, taken.outcome) for taken in intake.taken if isinstance(taken.arrival, Mo)]
        others = len(texts) < len(intake.taken)
        strange = False
        for (address, outcome), count in Counter(texts).items():
            known = address in book.by_address
            strange = strange or not known
            self._metrics.mo(address if known else "unknown", outcome).inc(count)
            if outcome == "duplicate":
                self._metrics.duplicates.inc(count)
        if others or strange or tells_debug():
            self._one_by_one(intake, book)
        if held_back := sum([taken.held_back for taken in intake.taken]):
            self._metrics.replies_held_back.inc(held_back)
        if intake.refused:
            self._metrics.refusals(_OPTED_OUT).inc(intake.refused)

    def _one_by_one(self, intake: Intake, book: RuleBook) -> None:
        """Write down what is asked for or strange, and count what is no text."""
        each = tells_debug()
        for taken in intake.taken:
            arrival = taken.arrival
            if isinstance(arrival, Mo):
                if arrival.line not in book.by_address:
                    # The address may be somebody's number.
                    _log.warning("text received for an address that is no line", **_about(taken, arrival, mask))
                elif each:
                    _log.debug("text received", **_about(taken, arrival, str))
            elif isinstance(arrival, Receipt):
                self._metrics.receipts(arrival.carrier, taken.outcome.removeprefix("receipt_")).inc()
            else:
                self._aside(arrival, taken)

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

    def acked(self, seconds: Sequence[float]) -> None:
        """Answers were taken by the kernel, so long after their arrivals."""
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
        """A step of a batch failed, and the ``count`` messages that had no answer were refused for it."""
        self._metrics.refusals(cut_short_by(error).value).inc(count)
        if isinstance(error, GatewayError) and error.transient:
            _log.warning("batch cut short", reason=cut_short_by(error).value, count=count, error=str(error))
        else:
            self._metrics.internal_errors("send").inc()
            _log.error("batch cut short: our bug", count=count, exc_info=error)

    def handed_over(self, messages: Iterable[Mt]) -> None:
        """Permits of these messages were handed to their binds."""
        now = self._clock.wall()
        seconds = [
            now - mt.created_at
            for mt in messages
            if mt.in_reply_to is not None and mt.lane <= _REPLY and not mt.attempts
        ]
        if seconds and min(seconds) < 0:  # the clock was put back
            seconds = [max(0.0, each) for each in seconds]
        self._metrics.reply_seconds.observe(seconds)

    def settled(self, outcomes: Sequence[Outcome], settled: Settled, lanes: Sequence[Lane | None]) -> None:
        """Outcomes were recorded. ``lanes`` are those of their messages; None for one that is not under way."""
        if None in lanes:
            lanes = [lane or _lane_of(outcome, settled) for outcome, lane in zip(outcomes, lanes, strict=True)]
        alike = Counter([(o.permit.carrier, lane, o.fate, o.status) for o, lane in zip(outcomes, lanes, strict=True)])
        for (carrier, lane, fate, status), count in alike.items():
            self._metrics.submit(carrier, lane.word if lane else "unknown", _FATES[fate]).inc(count)
            if fate is _ACCEPTED or fate is Fate.REJECTED:
                self._metrics.submit_status(carrier, _status_name(status), count)
            elif fate is Fate.UNCERTAIN:
                self._metrics.uncertain.inc(count)
            elif fate is Fate.REVOKED:
                self._metrics.permits_revoked.inc(count)
        if tells_debug():
            for outcome in settled.sent:
                _log.debug("message sent", id=outcome.permit.message_id, subscriber=mask(outcome.permit.subscriber))
        for id_, step in settled.moves.items():
            if step.state is not MessageState.QUEUED:
                mt = settled.messages[id_]
                about = {"id": id_, "subscriber": mask(mt.subscriber), "lane": mt.lane.word}
                if step.state in _AMISS:
                    _log.warning("message " + step.state.word, **about, reason=step.reason, **_met(id_, outcomes))
                else:
                    _log.debug("message " + step.state.word, **about)

    def learned(self, learned: Learned) -> None:
        """A carrier's refusals told of opt-outs, which are in force now."""
        self._metrics.refusals(_OPTED_OUT).inc(learned.refused)
        for outcome in learned.told:
            permit = outcome.permit
            _log.info(
                "opt-out learned from a carrier",
                line=permit.line,
                subscriber=mask(permit.subscriber),
                carrier=permit.carrier,
                status=describe(outcome.status),
            )


def _about(taken: Taken, mo: Mo, spell: Callable[[str], str]) -> dict[str, object]:
    """Return what a log line says of a text."""
    return {
        "line": spell(mo.line),
        "subscriber": mask(mo.subscriber),
        "carrier": mo.carrier,
        "outcome": taken.outcome,
        "id": taken.mo_id,
    }


def cut_short_by(error: Exception) -> Reason:
    """Return why the rest of a batch is refused when a step of it failed."""
    return Reason.STORAGE_FULL if isinstance(error, GatewayError) and error.full else Reason.UNAVAILABLE


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


def _lane_of(outcome: Outcome, settled: Settled) -> Lane | None:
    """Return the lane of a message that is not under way, if it was read."""
    mt = settled.messages.get(outcome.permit.message_id)
    return mt.lane if mt else None


@lru_cache(maxsize=256)
def _status_name(status: int) -> str:
    try:
        return Status(status).name
    except ValueError:
        return "other"
