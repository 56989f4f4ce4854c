"""What is shown of the PDUs that went over a bind: the question, one PDU, one page.

Values only. Whoever fills a row has hidden by then what its reader may not see; nobody after that has to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Which PDUs. ``carrier`` is a carrier's or a bind's name, None: all.

    With ``cursor`` (``TracePage.next``) those after it, oldest first; else the latest ``last`` that are kept, None: all
    that are kept, from the oldest. ``limit`` is the most on a page. ``unmask``: whole numbers and texts.
    """

    carrier: str | None = None
    cursor: str | None = None
    last: int | None = None
    limit: int = 100
    unmask: bool = False


@dataclass(frozen=True, slots=True)
class TlvRow:
    """One TLV: its name as SMPP 3.4 spells it (``0x1400`` where it has none), and its value: number, text or hex."""

    tag: int
    name: str
    value: int | str


@dataclass(frozen=True, slots=True)
class PartRow:
    """Which part of a long text a PDU holds: part ``number`` (from 1) of ``total``, and what ties them together."""

    number: int
    total: int
    reference: int


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One PDU, or octets that are none.

    ``at`` in unix seconds; ``incoming``: from the carrier. ``command``, ``status`` (its number), ``status_name`` and
    ``sequence`` are the header's, None where there is no header. ``fields`` are those of the body under the names of
    SMPP 3.4, in their order; ``text`` is what short_message or message_payload says, None without one or where it is
    hidden (``hidden``). ``part``: of a text in parts, by its header or its SAR TLVs, which is told even then. ``fault``
    says what is wrong with it. ``octets`` are its octets, with the same things hidden.
    """

    at: float
    bind: str
    session: str
    incoming: bool
    command: str | None
    status: int | None
    status_name: str | None
    sequence: int | None
    fields: Mapping[str, int | str]
    tlvs: Sequence[TlvRow]
    text: str | None
    hidden: bool
    fault: str | None
    octets: bytes
    part: PartRow | None = None


@dataclass(frozen=True, slots=True)
class TracePage:
    """A page, oldest first. ``next`` is the cursor for what comes after it; ``more``: some is there already.

    ``missed`` counts, by bind, the PDUs after the query's cursor that had to make room before they were read; ``off``
    names the binds of which nothing is kept.
    """

    rows: Sequence[TraceRow]
    next: str
    more: bool
    missed: Mapping[str, int]
    off: Sequence[str]
