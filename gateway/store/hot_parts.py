"""The hot statements on what came in and is no whole text yet: parts, receipts ahead of their response, quarantine.

Parts stay for a while after they were joined (``mo_id`` is set), so that a carrier's redelivery of one of them is
recognised and does not begin a text of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from gateway.model.address import Msisdn
from gateway.model.messages import Concat, MessageState, Mo, Receipt, Unreadable
from gateway.store.tx import Tx

MOST_SPELLINGS: Final = 32
"""Under so many spellings of its id a receipt waits at most; there are about a dozen of each of two ids."""

MOST_PARKED: Final = 100_000
"""Rows of receipts that wait, over all carriers: for some 8,000 receipts. The oldest have waited longest in vain."""

_HEADER: Final = 16
_WHERE: Final = "carrier = ? and line_id = ? and subscriber = ? and reference = ? and total = ?"


@dataclass(frozen=True, slots=True)
class PartKey:
    """What joins parts: they may come over different binds and after a restart, but from one carrier."""

    carrier: str
    line_id: int
    subscriber: Msisdn
    reference: int
    total: int


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part as it waits, or as it was joined into ``mo_id``."""

    number: int
    data_coding: int
    alphabet: str
    raw: bytes
    fingerprint: bytes
    session: str
    received_at: float
    mo_id: int | None


@dataclass(frozen=True, slots=True)
class PermitMatch:
    """A permit that a receipt may speak of: the id that the carrier answered, and to whom it went."""

    id: int
    message_id: int
    receipt_state: int | None
    carrier_id: str
    subscriber: Msisdn


@dataclass(frozen=True, slots=True)
class Parked:
    """A receipt that waits, under one spelling of its id: the ``place``-th likeliest, counted from 0."""

    receipt_id: int
    place: int
    addresses: tuple[Msisdn, ...]
    state: MessageState
    error: str
    received_at: float


def part_key(line_id: int, mo: Mo, concat: Concat) -> PartKey:
    """Return the key under which a part waits."""
    return PartKey(mo.carrier, line_id, mo.subscriber, concat.reference, concat.total)


def parts_of(tx: Tx, key: PartKey) -> list[StoredPart]:
    """Return what came of one long text so far, in order of arrival."""
    return [
        StoredPart(row[0], row[1], row[2], bytes(row[3]), bytes(row[4]), *row[5:])
        for row in tx.rows(
            "select number, data_coding, alphabet, raw, fingerprint, session, received_at, mo_id from part"
            f" where {_WHERE} order by id",
            _values(key),
        )
    ]


def add_part(tx: Tx, key: PartKey, mo: Mo, concat: Concat) -> None:
    """Store a part. The caller has made sure that its number is free."""
    tx.execute(
        "insert into part (id, carrier, line_id, subscriber, reference, total, number, data_coding, alphabet, raw,"
        " text, fingerprint, session, received_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            tx.allocate("part"),
            *_values(key),
            concat.number,
            mo.data_coding,
            mo.alphabet,
            mo.raw,
            mo.text,
            mo.fingerprint,
            mo.session,
            mo.received_at,
        ),
    )


def mark_joined(tx: Tx, key: PartKey, mo_id: int) -> None:
    """Say into which MO the parts went that still waited."""
    tx.execute(f"update part set mo_id = ? where {_WHERE} and mo_id is null", (mo_id, *_values(key)))


def forget_parts(tx: Tx, key: PartKey) -> None:
    """Delete the parts of one text: their reference is used again."""
    tx.execute(f"delete from part where {_WHERE}", _values(key))


def overdue_parts(tx: Tx, before: float, limit: int = 100) -> list[PartKey]:
    """Return texts that are still incomplete and whose latest part came before that time (unix seconds)."""
    return [
        PartKey(*row)
        for row in tx.rows(
            "select carrier, line_id, subscriber, reference, total from part where mo_id is null"
            " group by carrier, line_id, subscriber, reference, total having max(received_at) < ? limit ?",
            (before, limit),
        )
    ]


def drop_joined_parts(tx: Tx, before: float) -> int:
    """Delete parts that were joined and came before that time; return how many."""
    return tx.execute("delete from part where mo_id is not null and received_at < ?", (before,))


def quarantine(tx: Tx, items: Sequence[Unreadable]) -> None:
    """Keep PDUs that cannot become messages, and those that we fail on, whole.

    The same octets from the same carrier, answered the same, are counted in the row that is there.
    """
    first = tx.allocate("quarantine", len(items))
    tx.executemany(
        "insert into quarantine (id, carrier, bind, session, received_at, status, reason, raw, line, subscriber,"
        " fingerprint, times, last_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)"
        " on conflict (carrier, fingerprint) do update set times = times + 1, last_at = excluded.last_at",
        [
            (
                id_,
                item.carrier,
                item.bind,
                item.session,
                item.received_at,
                item.status,
                item.reason,
                item.raw,
                item.line,
                item.subscriber,
                _sameness(item),
                item.received_at,
            )
            for id_, item in enumerate(items, first)
        ],
    )


def drop_quarantined(tx: Tx, before: float, limit: int) -> int:
    """Delete PDUs that came last before that time (unix seconds), ``limit`` at most, the oldest first."""
    return tx.execute(
        "delete from quarantine where id in (select id from quarantine where last_at < ? order by last_at limit ?)",
        (before, limit),
    )


def permits_by_carrier_id(tx: Tx, carrier: str, ids: Collection[str]) -> list[PermitMatch]:
    """Return the permits that the carrier answered with one of these message ids, the newest first."""
    marks = ", ".join("?" * len(ids))
    return [
        PermitMatch(*row)
        for row in tx.rows(
            "select id, message_id, receipt_state, carrier_id, subscriber from permit"
            f" where carrier = ? and carrier_id <> '' and carrier_id in ({marks}) order by id desc",
            (carrier, *ids),
        )
    ]


def record_receipt(tx: Tx, permit_id: int, state: MessageState, error: str, at: float) -> None:
    """Write a receipt to its permit."""
    tx.execute(
        "update permit set receipt_state = ?, receipt_error = ?, receipt_at = ? where id = ?",
        (int(state), error, at, permit_id),
    )


def park_receipt(tx: Tx, receipt: Receipt, state: MessageState) -> None:
    """Keep a receipt whose id nobody knows yet: it may have overtaken the response that names it.

    It has a row for each spelling of its id; their own ids follow one another, and the first is the ``receipt_id``.
    At most ``MOST_PARKED`` rows are kept, the latest: a carrier may send receipts for what somebody else sent.
    """
    spellings = receipt.carrier_ids[:MOST_SPELLINGS]
    first = tx.allocate("parked_receipt", len(spellings))
    tx.executemany(
        "insert into parked_receipt (id, receipt_id, place, addresses, carrier, carrier_id, state, error, received_at)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                first + place,
                first,
                place,
                " ".join(receipt.addresses),
                receipt.carrier,
                carrier_id,
                int(state),
                receipt.error,
                receipt.received_at,
            )
            for place, carrier_id in enumerate(spellings)
        ],
    )
    tx.execute("delete from parked_receipt where id < ?", (first + len(spellings) - MOST_PARKED,))


def parked_receipts(tx: Tx, carrier: str, carrier_id: str) -> list[Parked]:
    """Return the receipts that wait for this message id, oldest first."""
    return [
        Parked(row[0], row[1], tuple(map(Msisdn, row[2].split())), MessageState(row[3]), *row[4:])
        for row in tx.rows(
            "select receipt_id, place, addresses, state, error, received_at from parked_receipt"
            " where carrier = ? and carrier_id = ? order by id",
            (carrier, carrier_id),
        )
    ]


def take_parked(tx: Tx, receipt_ids: Collection[int]) -> None:
    """Delete these receipts, under all of their spellings."""
    tx.executemany(
        "delete from parked_receipt where id >= ? and id < ? and receipt_id = ?",
        [(receipt_id, receipt_id + MOST_SPELLINGS, receipt_id) for receipt_id in receipt_ids],
    )


def drop_parked(tx: Tx, before: float) -> int:
    """Delete receipts that waited in vain since before that time; return how many."""
    return tx.execute("delete from parked_receipt where received_at < ?", (before,))


def _sameness(item: Unreadable) -> bytes:
    """Return what two PDUs have in common that are the same to whoever reads the quarantine.

    A PDU that is sent again has another sequence_number in its header (SMPP 3.4 section 3.2), so that is left out.
    """
    raw = item.raw
    if len(raw) >= _HEADER and int.from_bytes(raw[:4]) == len(raw):
        raw = raw[: _HEADER - 4] + raw[_HEADER:]
    about = f"{item.status} {item.line} {item.subscriber} ".encode()
    return blake2b(about + raw, digest_size=16).digest()


def _values(key: PartKey) -> tuple[str, int, str, int, int]:
    return (key.carrier, key.line_id, key.subscriber, key.reference, key.total)
