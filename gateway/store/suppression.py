"""The suppression log's form: which consent events it keeps, how one is written, how a file is read and believed.

Owns the format and the reading; ``suppression_log`` owns the file that a daemon writes. Must never touch the store: it
is what is left when the store is gone.

One JSON object a line. ``sum`` is a digest of everything before it in its line, and ``prev`` is the ``sum`` of the line
before, so that a line that was cut off or altered is seen, and so is one that was taken out. A line that was cut off by
a crash is in the middle of the file later on: whoever opens the file ends it with a line break and goes on from the
last whole line, and the chain of ``prev`` shows that nothing whole is missing there. Nothing of a cut line was ever
promised to anybody: its transaction did not commit.

What narrows a consent is kept, and what widens one that was narrow: a first opt-in is not, since losing it sends
nothing to anybody. ``head`` is the end of the writer's evidence chain when its transaction began; it shows from which
point on a log has everything.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.model.address import Msisdn
from gateway.model.consent import ConsentStatus, Evidence, EvidenceKind, Method

VERSION: Final = 1
BEGIN: Final = "begin"
"""A line that changes nothing: from here on, this node writes everything here."""
ACCOUNT: Final = "account_opt_out"
"""STOP ALL: every line of the account, those that are added later included."""

_WIDER: Final = frozenset({EvidenceKind.OPT_IN, EvidenceKind.LIST_JOIN})
_ALWAYS: Final = frozenset({EvidenceKind.OPT_OUT, EvidenceKind.LIST_LEAVE, EvidenceKind.RELEASE})
KINDS: Final = frozenset({BEGIN, ACCOUNT, EvidenceKind.HOLD.value, *(kind.value for kind in _WIDER | _ALWAYS)})

NOBODY: Final = Msisdn("")
_SUM: Final = ',"sum":"'
_SUM_LENGTH: Final = 32
_END: Final = '"}'


@dataclass(frozen=True, slots=True)
class Place:
    """A place in an evidence chain: which row this is."""

    node: str
    incarnation: int
    seq: int

    def __str__(self) -> str:
        """Return it as the evidence of a merged record names it."""
        return f"{self.node}/{self.incarnation}/{self.seq}"


@dataclass(frozen=True, slots=True)
class Noted:
    """A consent event on its way into the log. ``hash`` is its evidence's, None where it has none of its own."""

    kind: str
    at: float
    line_id: int | None
    subscriber: Msisdn
    list_name: str | None
    method: str
    seq: int
    hash: bytes | None


@dataclass(slots=True)
class Notes:
    """What one transaction shall have in the log, in order. ``head`` is the chain's end when it began."""

    head: int | None = None
    events: list[Noted] = field(default_factory=list)

    def evidence(self, head: int, items: Sequence[Evidence], rows: Sequence[Sequence[object]], now: float) -> None:
        """Note what narrows or lifts; ``head`` is the chain's end before it. Each row ends with its hash."""
        if self.head is None:
            self.head = head
        for seq, (item, row) in enumerate(zip(items, rows, strict=True), head + 1):
            own = row[-1]
            if is_kept(item) and isinstance(own, bytes):
                # What a merge writes counts from when it happened first, not from the merge.
                at = item.occurred_at if item.method is Method.SUPPRESSION_LOG else now
                self.events.append(
                    Noted(
                        item.kind.value, at, item.line_id, item.subscriber, item.list_name, item.method.value, seq, own
                    )
                )

    def account(self, subscriber: Msisdn, method: str, now: float) -> None:
        """Note an opt-out of the whole account."""
        self.events.append(Noted(ACCOUNT, now, None, subscriber, None, method, 0, None))

    def forget(self, mark: int) -> None:
        """Take back what was noted since there were ``mark`` events."""
        del self.events[mark:]


def is_kept(item: Evidence) -> bool:
    """Say whether an event narrows a consent, or widens one that was narrow."""
    if item.kind in _WIDER:
        return item.before is ConsentStatus.OPTED_OUT
    if item.kind is EvidenceKind.HOLD:
        return item.before is not ConsentStatus.OPTED_OUT
    return item.kind in _ALWAYS


@dataclass(frozen=True, slots=True)
class Record:
    """One line of a log. ``at`` is when it happened (unix seconds); ``place`` its evidence (``seq`` 0: none).

    ``head`` is the end of the chain before its transaction. ``line`` is an address: ids differ from store to store.
    """

    kind: str
    at: float
    place: Place
    head: int
    line: str = ""
    subscriber: Msisdn = NOBODY
    list_name: str | None = None
    method: str = ""
    hash: str = ""
    prev: str = ""
    sum: str = ""


class BadRecord(ValueError):  # noqa: N818 - it is a record, and it is bad
    """A line that is not a whole record; says why."""


def write(record: Record, prev: str) -> tuple[str, str]:
    """Return the record as a line (with its line break) behind one whose sum is ``prev``, and its own sum."""
    fields = {
        "v": VERSION,
        "kind": record.kind,
        "at": record.at,
        "line": record.line,
        "subscriber": record.subscriber,
        "list": record.list_name,
        "method": record.method,
        "node": record.place.node,
        "incarnation": record.place.incarnation,
        "seq": record.place.seq,
        "hash": record.hash,
        "head": record.head,
        "prev": prev,
    }
    body = json.dumps(fields, separators=(",", ":"))[:-1]
    own = _digest(body)
    return f"{body}{_SUM}{own}{_END}\n", own


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()[:_SUM_LENGTH]


def read(line: str) -> Record:
    """Read a line, without its line break; raise BadRecord where it is not whole."""
    body, found, rest = line.rpartition(_SUM)
    if not found or rest[_SUM_LENGTH:] != _END or _digest(body) != rest[:_SUM_LENGTH]:
        raise BadRecord("it is not whole, or not as it was written")
    try:
        fields = json.loads(body + "}")
        return _record(fields, rest[:_SUM_LENGTH])
    except (ValueError, KeyError, TypeError) as error:
        raise BadRecord(f"it is written in a form that this version does not know ({error!r})") from error


def _record(fields: dict[str, Any], own: str) -> Record:
    if fields["v"] != VERSION or fields["kind"] not in KINDS:
        raise BadRecord(f"its version is {fields['v']!r} and its kind {fields['kind']!r}")
    return Record(
        kind=fields["kind"],
        at=float(fields["at"]),
        place=Place(str(fields["node"]), int(fields["incarnation"]), int(fields["seq"])),
        head=int(fields["head"]),
        line=str(fields["line"]),
        subscriber=Msisdn(fields["subscriber"]),
        list_name=None if fields["list"] is None else str(fields["list"]),
        method=str(fields["method"]),
        hash=str(fields["hash"]),
        prev=str(fields["prev"]),
        sum=own,
    )
