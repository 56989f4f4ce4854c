"""One batch of texts on its way through its transaction: what it reads, decides, and writes at the end.

Owns the standings as they were read and as they shall be, and the rows that follow from every text. All reads come
first and all writes last, each for the whole batch; between them stands ``gateway.policy``, which is pure. Must never
write a text's effects apart from the others', and never touch anything outside the store: the transaction may run
twice.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from functools import lru_cache
from typing import Final

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Evidence, EvidenceKind, Latest, Method, Standing
from gateway.model.effects import (
    ChangeStatus,
    Decision,
    RecordEvidence,
    Scope,
    TextOutcome,
)
from gateway.model.messages import Concat, MessageState, Mo, Mt, Unreadable
from gateway.model.refusal import Reason
from gateway.policy.compile import LineRules
from gateway.policy.decide import decide
from gateway.policy.transitions import after, opted_out, status_of
from gateway.sms.segments import count_segments
from gateway.store.evidence import add_evidence
from gateway.store.hot_consent import Key, save_account_opt_outs, save_standings, standings
from gateway.store.hot_messages import earlier_sessions, queued_routes, refuse_older
from gateway.store.hot_parts import quarantine
from gateway.store.hot_texts import Entry, add_replies, journal
from gateway.store.lines import ensure_line, line_ids
from gateway.store.pairs import Heads, linked
from gateway.store.tx import Tx
from gateway.traffic.acks import ack_key
from gateway.traffic.ahead import Ahead
from gateway.traffic.aside import aside, joined_parts
from gateway.traffic.contended import uncontended
from gateway.traffic.elsewhere import crossed
from gateway.traffic.joining import DUPLICATE, Whole, admit
from gateway.traffic.lifting import Lifted, lifted, since
from gateway.traffic.passage import Passage, pass_on, permits_by_message
from gateway.traffic.routes import follow, routes_of
from gateway.traffic.rulebook import RuleBook
from gateway.traffic.taken import REDELIVERY_WINDOW_S, Intake, Taken

_TOLD: Final = frozenset({EvidenceKind.OPT_IN, EvidenceKind.LIST_JOIN})
"""Consent is worth what was said when it was given: such evidence keeps our words."""

# A name costs a tenth of what asking the enumeration costs, for every text.
_BY_TEXT: Final = Method.TEXT
_LINE: Final = Scope.LINE
_QUEUED: Final = MessageState.QUEUED

_takes: Final = lru_cache(maxsize=256)(count_segments)
"""How many segments a reply takes: there are few, and they are sent again and again."""

_NO_LINE: Final = 0
"""No line has this id."""


class Work:
    """One batch on its way through: standings as read and as they shall be, and the rows to write at the end."""

    def __init__(self, tx: Tx, book: RuleBook, passage: Passage | None = None) -> None:
        self.tx = tx
        self.book = book
        self.passage = passage
        self.intake = Intake()
        self.lines: dict[str, int] = {}
        self.rules: dict[int, LineRules] = {}
        self.before: dict[Key, Standing] = {}
        self.now: dict[Key, Standing] = {}
        self.entries: list[Entry] = []
        self.replies: list[Mt] = []
        self.answered: set[Key] = set()
        self.evidence: list[Evidence] = []
        self.narrowed: dict[Key, int] = {}
        self.heads = Heads()
        self.written: list[tuple[int, Key]] = []  # messages, in the order of their ids
        # Of the arrival that is being taken: was the ack of the same text disturbed, when did it come first if it was
        # put off then, and which sessions are alive?
        self.disturbed = False
        self.first_came: float | None = None
        self.alive: Container[str] = frozenset()
        self.ahead: Ahead | None = None

    def load(self, mos: Sequence[Mo]) -> None:
        """Read the standing of everybody who texted, at once."""
        lines = {address: self.line_id(address) for address in dict.fromkeys([mo.line for mo in mos])}
        keys = {(lines[mo.line], mo.subscriber) for mo in mos}
        if self.tx.dialect.several and keys:
            shared = self.passage is not None and self.passage.fences is not None
            self.ahead = Ahead(self.tx, keys, shared=shared)
            self.before = standings(self.tx, keys, self.heads, self.ahead.ask)
            self.ahead.keep_order()
        else:
            self.before = standings(self.tx, keys, self.heads)
        self.now = dict(self.before)

    def line_id(self, address: str) -> int:
        """Return the line's id; an address that is no line of ours gets a row as an unknown one."""
        if (known := self.lines.get(address)) is not None:
            return known
        entry = self.book.by_address.get(address)
        self.lines[address] = entry.line_id if entry else ensure_line(self.tx, address)
        return self.lines[address]

    def rules_of(self, line_id: int, address: str) -> LineRules:
        """Return the rules of a line, or those of an unknown one, and keep them for the next text."""
        rules = self.rules[line_id] = self.book.rules(line_id, address)
        return rules

    def standing(self, key: Key) -> Standing:
        """Return the standing as it is after what the batch did so far."""
        if (known := self.now.get(key)) is not None:
            return known
        self.before[key] = self.now[key] = standings(self.tx, [key], self.heads)[key]
        return self.now[key]

    def says_stop(self, mo: Mo) -> bool:
        """Say whether a text that is flagged as a receipt is an opt-out; what else it may be goes to quarantine.

        Anything less clear could be a receipt in words that we do not know, and answering those would never end
        (docs/decisions/0011). A part says nothing by itself: its text is judged when it is whole, or overdue.
        """
        entry = self.book.by_address.get(mo.line)
        rules = entry.rules if entry else self.book.rules(_NO_LINE, mo.line)
        nobody = Standing(_NO_LINE, mo.subscriber)
        return decide(mo, nobody, rules, self.tx.now).outcome is TextOutcome.OPT_OUT

    def text(self, mo: Mo, disturbed: bool, *, flagged: bool = False) -> Taken:
        """Take one MO or part; ``flagged`` as a receipt."""
        line_id = self.lines.get(mo.line) or self.line_id(mo.line)
        self.disturbed = disturbed
        if mo.concat is not None:
            return self.part(line_id, mo, mo.concat, flagged=flagged)
        key = (line_id, mo.subscriber)
        standing = self.now.get(key) or self.standing(key)
        latest = standing.latest
        if latest is not None and latest.fingerprint == mo.fingerprint:
            disturbed = disturbed or crossed(self.tx, mo, latest, self.alive)
            if _is_duplicate(mo, latest, disturbed, self.alive, self.tx.now):
                return self.repeated(line_id, mo, latest)
        return self.decided(key, mo, standing)

    def part(self, line_id: int, mo: Mo, concat: Concat, *, flagged: bool) -> Taken:
        """Take one part; what its arrival ends, because it uses a reference again or a place, is decided first."""
        known = self.standing((line_id, mo.subscriber)).latest
        latest = known.mo_id if known else None
        admitted = admit(
            self.tx, line_id, mo, concat, latest=latest, disturbed=self.disturbed, alive=self.alive, flagged=flagged
        )
        ended = [self.whole(line_id, whole, overdue=True) for whole in admitted.superseded]
        if admitted.whole is not None:
            taken = self.whole(line_id, admitted.whole)
        elif admitted.reason == DUPLICATE:
            taken = self.repeated(line_id, mo, None)
        else:
            taken = Taken(mo, "part")
        for other in ended:
            taken.fenced += other.fenced
            taken.held_back += other.held_back
        return taken

    def repeated(self, line_id: int, mo: Mo, latest: Latest | None) -> Taken:
        """Take a redelivery. The first one's ack may still wait for the fence; this one promises the same."""
        key = (line_id, mo.subscriber)
        standing = self.standing(key)
        out = ConsentStatus.OPTED_OUT
        narrow = standing.hold is not None or status_of(standing) is out or out in standing.lists.values()
        return Taken(mo, "duplicate", mo_id=latest.mo_id if latest else None, fenced=(key,) if narrow else ())

    def whole(self, line_id: int, whole: Whole, *, overdue: bool = False) -> Taken:
        """Take a text that was put together from parts. An ``overdue`` one may be older than the latest."""
        if whole.flagged and not self.says_stop(whole.mo):
            return self._no_text(whole)
        standing = self.standing((line_id, whole.mo.subscriber))
        return self.decided((line_id, whole.mo.subscriber), whole.mo, standing, whole, overdue=overdue)

    def decided(
        self, key: Key, mo: Mo, standing: Standing, whole: Whole | None = None, *, overdue: bool = False
    ) -> Taken:
        """Decide a text, and perform what follows. ``whole`` is what it was put together from."""
        (line_id, who), tx = key, self.tx
        now = tx.now
        try:
            decision = decide(mo, standing, self.rules.get(line_id) or self.rules_of(line_id, mo.line), now)
        except Exception as error:  # noqa: BLE001 - a pure function: nothing is half-done, and the others must go on
            return self._undecidable(mo, whole, error)
        replies = decision.replies
        mo_id = tx.allocate("message", 1 + len(replies))
        latest: Latest | None = Latest(mo_id, mo.carrier, mo.session, mo.fingerprint, mo.received_at)
        if overdue and standing.latest and standing.latest.received_at > mo.received_at:
            latest = standing.latest
        try:
            result = after(standing, decision, mo_id, now, latest, mo.carrier)
        except Exception as error:  # noqa: BLE001 - as above
            return self._undecidable(mo, whole, error)
        if whole is not None:
            whole.claim(tx, mo_id)
        if decision.steps and (ending := lifted(standing, result)) and self._is_from_before(key, mo, ending):
            return self.repeated(line_id, mo, standing.latest)
        self.now[key] = result
        parts, opt_outs = 1 if whole is None else whole.parts, result.opt_outs
        self.entries.append(Entry(mo_id, line_id, mo, decision, opt_outs, parts))
        self.written.append((mo_id, key))
        if replies:
            self.answered.add(key)
            id_ = mo_id
            for reply in replies:
                id_ += 1
                text, lane, claim = reply.text, reply.lane, reply.claim
                takes = _takes(text)
                mt = Mt(  # as the queue would give it back
                    id_, line_id, who, text, lane, claim, _QUEUED, opt_outs, now, None, mo_id, None, takes, 0, 0, None
                )
                self.replies.append(mt)
                self.written.append((id_, key))
        fenced: tuple[Key, ...] = ()
        for change in decision.narrowing:
            fenced += self._narrow(key, mo, mo_id, change.scope, decision) if type(change) is ChangeStatus else (key,)
        for effect in decision.evidence:
            self.evidence.append(self._evidence(effect, key, mo, mo_id, decision))
        return Taken(mo, decision.outcome, 0, mo_id, fenced, decision.held_back, key)

    def _no_text(self, whole: Whole) -> Taken:
        """Put aside what came in parts flagged as a receipt, and is no opt-out."""
        mo = whole.mo
        kept = Unreadable(
            mo.carrier,
            mo.bind,
            mo.session,
            mo.sequence,
            0,
            f"parts of a delivery receipt that names no message, or no state; {joined_parts(mo)}",
            mo.raw,
            mo.received_at,
            line=mo.line,
            subscriber=mo.subscriber,
        )
        quarantine(self.tx, [kept])
        whole.discard(self.tx)
        return Taken(kept, "unreadable", 0)

    def _undecidable(self, mo: Mo, whole: Whole | None, error: Exception) -> Taken:
        if whole is not None:
            whole.claim(self.tx, self.tx.allocate("message"))
        kept = aside(mo, error)
        quarantine(self.tx, [kept])
        return Taken(kept, "undecidable", kept.status, error=error)

    def _is_from_before(self, key: Key, mo: Mo, ending: Sequence[Lifted]) -> bool:
        """Say whether a text that would lift an opt-out is a redelivery of one that came before it.

        The duplicate rule looks at the latest text alone, and that is the STOP. Bringing somebody back on words that
        they said before they left would be worse than making them say START once more (docs/decisions/0009).

        A text that was put off is in no journal: it is from before if it came first before what is ``ending`` began.
        """
        first = self.first_came
        if first is not None and any(first <= since(self.tx, self.before[key], what) for what in ending):
            return True
        same = [entry.mo for entry in self.entries if entry.line_id == key[0] and ack_key(entry.mo) == ack_key(mo)]
        sessions = [earlier.session for earlier in same]
        sessions += earlier_sessions(self.tx, key, mo, self.tx.now - REDELIVERY_WINDOW_S)
        disturbed = self.disturbed and first is None  # else it is known of which text the ack was disturbed
        return any(disturbed or session not in self.alive for session in sessions)

    def _narrow(self, key: Key, mo: Mo, mo_id: int, scope: Scope, decision: Decision) -> tuple[Key, ...]:
        """Note an opt-out, and with the account's scope perform it on every other line; return all pairs concerned."""
        self.narrowed[key] = self.now[key].opt_outs
        if scope is _LINE:
            return (key,)
        save_account_opt_outs(self.tx, [(mo.subscriber, Method.TEXT.value, mo_id)])
        here = {line_id for line_id, subscriber in self.now if subscriber == mo.subscriber}
        others = [(line, mo.subscriber) for line in sorted({*line_ids(self.tx, mo.subscriber), *here} - {key[0]})]
        for other in others:
            change = opted_out(self.standing(other), Method.TEXT, self.tx.now, Scope.ACCOUNT)
            self.now[other] = change.standing
            self.narrowed[other] = change.standing.opt_outs
            self.evidence.append(self._evidence(change.evidence, other, mo, mo_id, decision))
        return (key, *others)

    def _evidence(self, effect: RecordEvidence, key: Key, mo: Mo, mo_id: int, decision: Decision) -> Evidence:
        kind, (line_id, subscriber) = effect.kind, key
        told = decision.disclosure if kind in _TOLD else ""
        return Evidence(
            kind,
            line_id,
            subscriber,
            effect.before,
            effect.after,
            _BY_TEXT,
            mo.received_at,
            mo_id,
            effect.list_name,
            mo.raw,
            mo.text,
            decision.matched_by,
            decision.rule_version,
            self.book.config_hash,
            told,
            note=effect.note,
        )

    def flush(self) -> None:
        """Write everything that the batch led to."""
        # A source that is no number (or empty) is journalled; there is nobody whose consent could be kept.
        changed = [key for key, now in self.now.items() if now is not self.before[key] and now.subscriber]
        self.heads.keep(changed)
        previous = linked(self.heads.message, self.written)
        journal(self.tx, self.entries, self.book.config_hash, previous)
        add_evidence(self.tx, self.evidence, self.heads)
        save_standings(self.tx, [(self.before[key], self.now[key]) for key in changed], self.heads)
        waiting = self.with_a_queue({*self.narrowed, *self.answered})
        for key in self.narrowed.keys() & waiting:
            self.intake.refused += refuse_older(self.tx, *key, self.narrowed[key], Reason.OPTED_OUT.value)
        self.intake.places |= follow(self.tx, self.before, self.now, self.book)
        replies, routes = self.replies, routes_of(self.tx, self.answered, self.now, self.book)
        if (passage := self.passage) is not None:
            behind: Collection[Key] = waiting
            if passage.fences is not None:
                asked = self.ahead.owned if self.ahead else None
                passage, behind = uncontended(self.tx, passage, waiting, self.answered, asked)
            self.intake.minted = pass_on(self.tx, replies, routes, self.now, behind, passage, self.book)
        going = permits_by_message(self.intake.minted)
        add_replies(self.tx, replies, going, routes, previous)
        if len(going) < len(replies):
            self.intake.places |= {(mt.lane, mt.line_id) for mt in replies if mt.id not in going}

    def with_a_queue(self, keys: Iterable[Key]) -> set[Key]:
        """Return those of these pairs for whom messages wait."""
        keys = set(keys)
        found = keys & self.ahead.waiting() if self.ahead else set()
        by_line: dict[int, list[Msisdn]] = {}
        for line_id, subscriber in keys - (self.ahead.keys if self.ahead else frozenset()):
            by_line.setdefault(line_id, []).append(subscriber)
        return found | {
            (line_id, subscriber)
            for line_id, subscribers in by_line.items()
            for subscriber in queued_routes(self.tx, line_id, subscribers)
        }


def _is_duplicate(mo: Mo, latest: Latest | None, disturbed: bool, alive: Container[str], now: float) -> bool:
    """Apply the duplicate rule (documented in docs/architecture.md) to an MO and the latest one of its subscriber."""
    return (
        latest is not None
        and latest.fingerprint == mo.fingerprint
        and latest.carrier == mo.carrier
        and abs(now - latest.received_at) < REDELIVERY_WINDOW_S
        and (disturbed or latest.session not in alive)
    )
