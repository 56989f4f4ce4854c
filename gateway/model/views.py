"""What is read back from the store, ready to be shown: rows as values.

A row here is complete: whoever shows it needs no second look-up. Numbers are whole; masking is the shower's duty where
the audience asks for it. Times are unix seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane, MessageState

Row = TypeVar("Row")
MOST_COUNTED: Final = 1000
"""Where counting ends of what nobody should let grow that far."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """One page of a listing, newest first. ``next_before_id`` is the next page's cursor, None at the end."""

    rows: Sequence[Row]
    next_before_id: int | None


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """The last permit of one segment of an MT, and what became of it; ``fate`` and ``grounds`` as their words.

    ``detail`` says why it ended so: what the carrier said with its refusal, or our own words. ``receipt_state``,
    ``receipt_error`` (the carrier's word and the network's code) and ``receipt_at`` are those of the receipt that
    counts, None before one came.
    """

    segment: int
    carrier: str
    bind: str
    grounds: str
    minted_at: float
    fate: str
    status: int
    carrier_id: str
    detail: str
    receipt_state: str | None
    receipt_error: str | None
    receipt_at: float | None
    attempts: int


@dataclass(frozen=True, slots=True)
class MessageRow:
    """An MO or MT as interfaces show it. ``claim`` and ``lane`` are None for an MO; ``outcome`` is None for an MT.

    ``status``: the command_status of the last refusal by a carrier, None without one.
    ``segments``: the submit_sm that an MT takes, the parts that an MO came in. ``partial``: an MO that may not be
    whole, because parts never came, or it came cut short or behind a broken header; always false for an MT.
    """

    id: int
    direction: str
    line: str
    number: str
    text: str
    state: MessageState
    created_at: float
    updated_at: float
    lane: Lane | None
    claim: str | None
    reason: str | None
    expires_at: float | None
    in_reply_to: int | None
    list_name: str | None
    ref: str | None
    carrier: str | None
    status: int | None
    segments: int
    partial: bool
    outcome: str | None
    keyword: str | None
    matched_by: str | None
    because: str | None
    permits: tuple[SegmentRow, ...] = ()


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """One consent event with its place in the chain."""

    id: int
    node: str
    incarnation: int
    seq: int
    kind: str
    line: str
    number: str
    list_name: str | None
    before: ConsentStatus
    after: ConsentStatus
    method: str
    actor: str
    rule: str
    rule_version: str
    text: str
    raw: bytes
    disclosure: str
    mo_id: int | None
    note: str
    occurred_at: float
    recorded_at: float
    hash: str


@dataclass(frozen=True, slots=True)
class ListRow:
    """Membership of one list."""

    name: str
    status: ConsentStatus
    since: float
    suspended: bool


@dataclass(frozen=True, slots=True)
class ConsentRow:
    """The consent of one number on one line, with or without a stored row."""

    line: str
    number: str
    status: ConsentStatus
    held: bool
    since: float | None
    source: str | None
    opt_outs: int
    lists: tuple[ListRow, ...] = ()


@dataclass(frozen=True, slots=True)
class BrakeRow:
    """What is paused. ``kind`` is "line", "carrier" or "lane"; a restored store is "store", which no resume lifts."""

    kind: str
    name: str
    paused_at: float
    actor: str
    note: str


@dataclass(frozen=True, slots=True)
class ChainRow:
    """An evidence chain that may have gone on after a backup: it has it up to ``seq``. ``covered`` once the log of what
    came then is merged."""

    node: str
    incarnation: int
    seq: int
    covered: bool


@dataclass(frozen=True, slots=True)
class RestoredRow:
    """A store that was restored, and sends nothing yet. ``why`` is how that shows: "backup", "copy" or "older".

    ``taken_at`` is when its backup was taken, None where it does not say. ``last_message`` is the id of its last one.
    """

    why: str
    taken_at: float | None
    noticed_at: float
    chains: tuple[ChainRow, ...]
    last_message: int


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A PDU that could not become a message. ``line`` and ``subscriber`` are empty where nobody could read them.

    ``times`` is how often the same PDU came, from ``received_at`` to ``last_at`` (unix seconds).
    """

    id: int
    carrier: str
    bind: str
    received_at: float
    status: int
    reason: str
    raw: bytes
    line: str = ""
    subscriber: str = ""
    times: int = 1
    last_at: float = 0.0


@dataclass(frozen=True, slots=True)
class BindRow:
    """A bind as readiness and status pages show it. ``state`` is "up", "binding" or "down".

    It is "elsewhere" for one that another node holds; ``detail`` names it.
    ``next_try_at``: when one that waits is tried again (unix seconds), None where none is to be waited for.
    """

    name: str
    carrier: str
    mode: str
    state: str
    since: float
    detail: str
    window: int
    outstanding: int
    next_try_at: float | None = None


@dataclass(frozen=True, slots=True)
class NodeView:
    """A node of a store that several share, and the binds that it holds (``acme/0``)."""

    name: str
    alive: bool
    binds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueueRow:
    """How much waits in one lane; ``oldest_at`` is when its oldest message was accepted, None where none waits."""

    lane: Lane
    queued: int
    oldest_at: float | None


@dataclass(frozen=True, slots=True)
class Readiness:
    """What ``/readyz`` and the status tell. ``store_ok`` is whether the store took a write just now.

    ``uncertain`` messages and ``quarantined`` PDUs wait for a person; each is counted up to ``MOST_COUNTED``.
    """

    store_ok: bool
    detail: str
    binds: tuple[BindRow, ...]
    queue: tuple[QueueRow, ...] = ()
    node: str = ""
    uncertain: int = 0
    quarantined: int = 0
    nodes: tuple[NodeView, ...] = ()


def held_elsewhere(binds: Sequence[BindRow], node: str, nodes: Sequence[NodeView]) -> tuple[BindRow, ...]:
    """Return the rows of a node's binds, saying of those that another living node holds that it does."""
    holders = {bind: other.name for other in nodes if other.alive and other.name != node for bind in other.binds}

    def shown(row: BindRow) -> BindRow:
        carrier, _, number = row.name.rpartition("/")
        holder = holders.get(f"{carrier}/{number.partition('.')[0]}")
        return row if holder is None else replace(row, state="elsewhere", detail=f"held by node {holder}")

    return tuple(shown(row) for row in binds)
