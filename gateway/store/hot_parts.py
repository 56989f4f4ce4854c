"""The hot statements on what came in and is no whole text yet: parts, receipts ahead of their response, quarantine.

None reads more rows because a carrier brings more: what it can pile up under one id, or as parts, has no end.

Parts stay for a while after they were joined (``mo_id`` is set), so that a carrier's redelivery of one of them is
recognised and does not begin a text of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from hashlib import blake2b
from typing import Final

from gateway.base.value import value
from gateway.model.address import Msisdn
from gateway.model.messages import Concat, MessageState, Mo, Receipt, Unreadable
from gateway.store.chunks import chunks
from gateway.store.tx import Source, Tx

MOST_SPELLINGS: Final = 32
"""Under so many spellings of its id a receipt waits at most; there are about a dozen of each of two ids."""

MOST_NAMED: Final = 2
"""So many addresses a receipt has at most: its source and its destination."""

MOST_ALIKE: Final = 200
"""Permits answered with one id that are all looked at; of more, those among as many of the latest permits are."""

FEW: Final = 20
"""Of the receipts that wait for one id and one subscriber, so many are read at most."""

ROW_OCTETS: Final = 512
"""What a row of the quarantine is counted as beside its PDU: columns, indexes, a reason of up to 200 characters."""

MOST_PARKED: Final = 100_000
"""Rows of receipts that wait, over all carriers: for some 8,000 receipts. The oldest have waited longest in vain."""

_HEADER: Final = 16
_WHERE: Final = "carrier = ? and line_id = ? and subscriber = ? and reference = ? and total = ?"


@value
class PartKey:
    """What joins parts: they may come over different binds and after a restart, but from one carrier."""

    carrier: str
    line_id: int
    subscriber: Msisdn
    reference: int
    total: int


@value
class StoredPart:
    """A part as it waits, or as it was joined into ``mo_id``. ``flagged`` as a receipt, which it does not read as."""

    number: int
    data_coding: int
    alphabet: str
    raw: bytes
    fingerprint: bytes
    session: str
    received_at: float
    mo_id: int | None
    flagged: bool = False


@value
class PermitMatch:
    """A permit that a receipt may speak of: the id that the carrier answered, and to whom it went."""

    id: int
    message_id: int
    receipt_state: int | None
    carrier_id: str
    subscriber: Msisdn


@value
class Parked:
    """A receipt that waits, under one spelling of its id: the ``place``-th likeliest, counted from 0.

    ``subscriber`` is empty where it can name none.
    """

    receipt_id: int
    place: int
    subscriber: str
    state: MessageState
    error: str
    received_at: float


def part_key(line_id: int, mo: Mo, concat: Concat) -> PartKey:
    """Return the key under which a part waits."""
    return PartKey(mo.carrier, line_id, mo.subscriber, concat.reference, concat.total)


def parts_of(tx: Tx, key: PartKey) -> list[StoredPart]:
    """Return what came of one long text so far, in order of arrival."""
    return [
        StoredPart(row[0], row[1], row[2], bytes(row[3]), bytes(row[4]), row[5], row[6], row[7], bool(row[8]))
        for row in tx.rows(
            "select number, data_coding, alphabet, raw, fingerprint, session, received_at, mo_id, flagged from part"
            f" where {_WHERE} order by id",
            _values(key),
        )
    ]


def add_part(tx: Tx, key: PartKey, mo: Mo, concat: Concat, *, flagged: bool = False) -> None:
    """Store a part, which is the newest of its text now. The caller has made sure that its number is free."""
    tx.execute(f"update part set newest = 0 where {_WHERE} and newest = 1", _values(key))
    tx.execute(
        "insert into part (id, carrier, line_id, subscriber, reference, total, number, data_coding, alphabet, raw,"
        " text, fingerprint, session, received_at, flagged) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            int(flagged),
        ),
    )


def mark_joined(tx: Tx, key: PartKey, mo_id: int) -> None:
    """Say into which MO the parts went that still waited."""
    tx.execute(f"update part set mo_id = ? where {_WHERE} and mo_id is null", (mo_id, *_values(key)))


def forget_parts(tx: Tx, key: PartKey) -> None:
    """Delete the parts of one text: their reference is used again."""
    tx.execute(f"delete from part where {_WHERE}", _values(key))


def overdue_parts(tx: Tx, before: float, limit: int = 100) -> list[PartKey]:
    """Return incomplete texts whose latest part came before that time (unix seconds), the oldest first."""
    return [
        PartKey(*row)
        for row in tx.rows(
            "select carrier, line_id, subscriber, reference, total from part"
            " where mo_id is null and newest = 1 and received_at < ? order by received_at limit ?",
            (before, limit),
        )
    ]


def crowded_out(tx: Tx, key: PartKey, most: int) -> PartKey | None:
    """Return the text of that carrier, line and subscriber which ``most`` others, later ones, leave no room to wait."""
    rows = tx.rows(
        "select reference, total from part where carrier = ? and line_id = ? and subscriber = ?"
        " and mo_id is null and newest = 1 order by received_at desc limit 1 offset ?",
        (key.carrier, key.line_id, key.subscriber, most),
    )
    return PartKey(key.carrier, key.line_id, key.subscriber, *rows[0]) if rows else None


def open_texts(source: Source) -> int:
    """Return how many texts are incomplete."""
    return int(source.rows("select count(*) from part where mo_id is null and newest = 1")[0][0])


def drop_joined_parts(tx: Tx, before: float, limit: int) -> int:
    """Delete parts that were joined and came before that time, ``limit`` at most; return how many."""
    return tx.execute(
        "delete from part where id in (select id from part where mo_id is not null and received_at < ?"
        " order by received_at limit ?)",
        (before, limit),
    )


def quarantine(tx: Tx, items: Sequence[Unreadable]) -> None:
    """Keep PDUs that cannot become messages, and those that we fail on, whole.

    The same octets from the same carrier, answered the same, are counted in the row that is there.
    """
    first = tx.allocate("quarantine", len(items))
    tx.executemany(
        "insert into quarantine (id, carrier, bind, session, received_at, status, reason, raw, line, subscriber,"
        " fingerprint, times, last_at, size) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?)"
        " on conflict (carrier, fingerprint) do update set times = quarantine.times + 1, last_at = excluded.last_at",
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
                len(item.raw) + ROW_OCTETS,
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


def newest_quarantined(source: Source) -> int:
    """Return the highest id in the quarantine; 0 where there is none."""
    return int(source.rows("select coalesce(max(id), 0) from quarantine")[0][0])


def quarantine_octets(source: Source) -> int:
    """Return how much the quarantine holds: the octets of its PDUs, and ``ROW_OCTETS`` for each."""
    return int(source.rows("select coalesce(sum(size), 0) from quarantine")[0][0])


def drop_oldest_quarantined(tx: Tx, octets: int, limit: int) -> tuple[int, int]:
    """Delete the PDUs that last came the longest ago, until ``octets`` are free, or ``limit`` of them are deleted.

    Return how many went, and their octets.
    """
    gone: list[tuple[int]] = []
    freed = 0
    for id_, size in tx.rows("select id, size from quarantine order by last_at limit ?", (limit,)):
        if freed >= octets:
            break
        gone.append((id_,))
        freed += size
    tx.executemany("delete from quarantine where id = ?", gone)
    return len(gone), freed


def permits_by_carrier_id(
    tx: Tx, carrier: str, ids: Collection[str], subscribers: Collection[str]
) -> list[PermitMatch]:
    """Return, of each of these message ids and subscribers, the newest permit that the carrier answered so.

    One row is read for each, however often a carrier gives an id.
    """
    pairs = [(carrier_id, subscriber) for carrier_id in ids for subscriber in subscribers]
    if not pairs:
        return []
    rows = tx.rows(
        f"with wanted (carrier_id, subscriber) as (values {', '.join(['(?, ?)'] * len(pairs))})"
        " select permit.id, message_id, receipt_state, permit.carrier_id, permit.subscriber from wanted join permit"
        " on permit.id = (select told.id from permit as told where told.carrier = ? and told.carrier_id <> ''"
        " and told.carrier_id = wanted.carrier_id and told.subscriber = wanted.subscriber"
        " order by told.id desc limit 1)",
        (*(value for pair in pairs for value in pair), carrier),
    )
    return [PermitMatch(*row) for row in rows]


def newest_by_carrier_id(tx: Tx, carrier: str, carrier_id: str) -> list[PermitMatch]:
    """Return the newest permit that the carrier answered with that message id, whoever it went to, if there is one.

    A carrier may answer everything with one id. Then it is looked for among the latest ``MOST_ALIKE`` permits alone.
    """
    ((found, newest),) = tx.rows(
        "select count(*), max(id) from (select id from permit where carrier = ? and carrier_id = ?"
        f" and carrier_id <> '' limit {MOST_ALIKE + 1}) as few",
        (carrier, carrier_id),
    )
    if found > MOST_ALIKE:
        ((newest,),) = tx.rows(
            f"select max(id) from (select id, carrier, carrier_id from permit order by id desc limit {MOST_ALIKE})"
            " as few where carrier = ? and carrier_id = ?",
            (carrier, carrier_id),
        )
    rows = tx.rows("select id, message_id, receipt_state, carrier_id, subscriber from permit where id = ?", (newest,))
    return [PermitMatch(*row) for row in rows]


def record_receipt(tx: Tx, permit_id: int, state: MessageState, error: str, at: float) -> None:
    """Write a receipt to its permit."""
    tx.execute(
        "update permit set receipt_state = ?, receipt_error = ?, receipt_at = ? where id = ?",
        (int(state), error, at, permit_id),
    )


def park_receipt(tx: Tx, receipt: Receipt, state: MessageState, subscribers: Sequence[str]) -> None:
    """Keep a receipt whose id nobody knows yet: it may have overtaken the response that names it.

    ``subscribers`` are those that it may name, ``MOST_NAMED`` at most; an empty list where it can name none. It has a
    row for each spelling of its id and each of them; their own ids follow one another, and the first is the
    ``receipt_id``.
    At most ``MOST_PARKED`` rows are kept, the latest: a carrier may send receipts for what somebody else sent.
    """
    rows = [
        (place, carrier_id, subscriber)
        for place, carrier_id in enumerate(receipt.carrier_ids[:MOST_SPELLINGS])
        for subscriber in subscribers[:MOST_NAMED] or ("",)
    ]
    first = tx.allocate("parked_receipt", len(rows))
    tx.executemany(
        "insert into parked_receipt (id, receipt_id, place, subscriber, carrier, carrier_id, state, error, received_at)"
        " values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                first + number,
                first,
                place,
                subscriber,
                receipt.carrier,
                carrier_id,
                int(state),
                receipt.error,
                receipt.received_at,
            )
            for number, (place, carrier_id, subscriber) in enumerate(rows)
        ],
    )
    tx.execute("delete from parked_receipt where id < ?", (first + len(rows) - MOST_PARKED,))


def with_parked(tx: Tx, carrier: str, carrier_ids: Collection[str]) -> set[str]:
    """Return those of these message ids for which a receipt waits."""
    if not tx.rows("select 1 from parked_receipt limit 1"):
        return set()
    return {
        row[0]
        for marks, chunk in chunks(carrier_ids)
        for row in tx.rows(
            f"select distinct carrier_id from parked_receipt where carrier = ? and carrier_id in ({marks})",
            (carrier, *chunk),
        )
    }


def parked_receipts(tx: Tx, carrier: str, carrier_id: str, subscriber: str) -> list[Parked]:
    """Return receipts that wait for this message id: ``FEW`` that name the subscriber, and ``FEW`` that name nobody.

    Of both, the likeliest spellings, and of these the oldest.
    """
    some = (
        "select * from (select receipt_id, place, subscriber, state, error, received_at from parked_receipt"
        f" where carrier = ? and carrier_id = ? and subscriber = ? order by place, id limit {FEW}) as few"
    )
    about = (carrier, carrier_id)
    rows = tx.rows(f"{some} union all {some}", (*about, subscriber, *about, ""))
    return [Parked(row[0], row[1], row[2], MessageState(row[3]), row[4], row[5]) for row in rows]


def take_parked(tx: Tx, receipt_ids: Collection[int]) -> None:
    """Delete these receipts, under all of their spellings."""
    tx.executemany(
        "delete from parked_receipt where id >= ? and id < ? and receipt_id = ?",
        [(receipt_id, receipt_id + MOST_SPELLINGS * MOST_NAMED, receipt_id) for receipt_id in receipt_ids],
    )


def drop_parked(tx: Tx, before: float, limit: int) -> int:
    """Delete receipts that waited in vain since before that time; of the ``limit`` with the lowest ids. How many?"""
    rows = tx.rows("select id, received_at from parked_receipt where id > 0 order by id limit ?", (limit,))
    old = [id_ for id_, received_at in rows if received_at < before]
    return sum(tx.execute(f"delete from parked_receipt where id in ({marks})", chunk) for marks, chunk in chunks(old))


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
