"""Tables of texts on their way: journal and outbox, permits, receipts, parts, quarantine.

See ``gateway.store.tables`` for the house rules; nothing but columns belongs here.
"""

# ruff: noqa: D106 - the nested Meta is peewee's own vocabulary; there is nothing to say about each one of them

from __future__ import annotations

from peewee import SQL, BigAutoField, BigIntegerField, BlobField, DoubleField, IntegerField, TextField

from gateway.store.columns import Table, account, integer, string


class Message(Table):
    """The journal of MOs (direction 0) and the outbox of MTs (direction 1)."""

    id = BigAutoField()
    account_id = account()
    line_id = IntegerField()
    subscriber = TextField()
    direction = IntegerField()
    state = IntegerField()
    lane = IntegerField(null=True)
    claim = IntegerField(null=True)
    text = TextField()
    created_at = DoubleField()
    updated_at = DoubleField()
    expires_at = DoubleField(null=True)
    in_reply_to = BigIntegerField(null=True)
    list_name = TextField(null=True)
    ref = TextField(null=True)
    opt_outs = integer(0)
    segments = integer(1)
    attempts = integer(0)
    resends = integer(0)
    session = TextField(null=True)
    carrier = TextField(null=True)
    reason = TextField(null=True)
    status = BigIntegerField(null=True)
    actor = TextField(null=True)
    octets = BlobField(null=True, column_name="raw")
    data_coding = IntegerField(null=True)
    outcome = TextField(null=True)
    keyword = TextField(null=True)
    matched_by = TextField(null=True)
    because = TextField(null=True)
    config_hash = TextField(null=True)
    partial = integer(0)
    route = string()
    previous = BigIntegerField(null=True)

    class Meta:
        table_name = "message"
        indexes = (
            SQL("CREATE INDEX message_pair ON message (line_id, subscriber, id) WHERE previous IS NULL"),
            SQL("CREATE INDEX message_queued ON message (lane, line_id, route, id, subscriber) WHERE state = 0"),
            SQL("CREATE INDEX message_waiting ON message (lane, line_id, route, subscriber, id) WHERE state = 0"),
            SQL("CREATE INDEX message_routed ON message (line_id, subscriber, route) WHERE state = 0"),
            SQL("CREATE INDEX message_uncertain ON message (state, id) WHERE state = 10"),
            SQL("CREATE INDEX message_expiry ON message (expires_at) WHERE state = 0 AND expires_at IS NOT NULL"),
            SQL("CREATE INDEX message_ref ON message (ref) WHERE ref IS NOT NULL"),
        )


class Permit(Table):
    """Leave to write one submit_sm once, the grounds for it, and what became of it."""

    id = BigAutoField()
    account_id = account()
    message_id = BigIntegerField()
    segment = IntegerField()
    line_id = IntegerField()
    subscriber = TextField()
    carrier = TextField()
    bind_name = TextField(column_name="bind")
    node = TextField()
    life = IntegerField()
    grounds = IntegerField()
    opt_outs = IntegerField()
    minted_at = DoubleField()
    dies_at = DoubleField()
    fate = integer(0)
    status = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    carrier_id = string()
    detail = string()
    settled_at = DoubleField(null=True)
    receipt_state = IntegerField(null=True)
    receipt_at = DoubleField(null=True)
    receipt_error = TextField(null=True)
    style = TextField(default="udh8", constraints=[SQL("DEFAULT 'udh8'")])
    data_coding = integer(0)

    class Meta:
        table_name = "permit"
        indexes = (
            SQL("CREATE INDEX permit_message ON permit (message_id, segment)"),
            SQL("CREATE INDEX permit_live_pair ON permit (line_id, subscriber) WHERE fate = 0"),
            SQL("CREATE INDEX permit_told ON permit (carrier, carrier_id, subscriber) WHERE carrier_id <> ''"),
        )


class ParkedReceipt(Table):
    """A delivery receipt that came before the response which names its message."""

    id = BigAutoField()
    carrier = TextField()
    carrier_id = TextField()
    state = IntegerField()
    error = string()
    receipt_id = BigIntegerField()
    place = IntegerField()
    received_at = DoubleField()
    subscriber = string()

    class Meta:
        table_name = "parked_receipt"
        indexes = (SQL("CREATE INDEX parked_told ON parked_receipt (carrier, carrier_id, subscriber, place)"),)


class Part(Table):
    """A part of a long MO. ``mo_id`` is set once it was joined; it then stays a while, to know a redelivery by."""

    id = BigAutoField()
    carrier = TextField()
    line_id = IntegerField()
    subscriber = TextField()
    reference = BigIntegerField()
    total = IntegerField()
    number = IntegerField()
    data_coding = IntegerField()
    alphabet = TextField()
    octets = BlobField(column_name="raw")
    text = TextField()
    fingerprint = BlobField()
    session = TextField()
    received_at = DoubleField()
    mo_id = BigIntegerField(null=True)
    flagged = integer(0)
    newest = integer(1)

    class Meta:
        table_name = "part"
        indexes = (
            (("carrier", "line_id", "subscriber", "reference", "total", "number"), True),
            SQL("CREATE INDEX part_due ON part (received_at, newest, mo_id) WHERE mo_id IS NULL AND newest = 1"),
            SQL(
                "CREATE INDEX part_pair ON part (carrier, line_id, subscriber, received_at)"
                " WHERE mo_id IS NULL AND newest = 1"
            ),
            SQL("CREATE INDEX part_joined ON part (received_at) WHERE mo_id IS NOT NULL"),
        )


class Quarantine(Table):
    """A PDU that could not become a message, kept whole before a final error answers it.

    ``line`` and ``subscriber`` are those of a text that could be read and that we failed on; else empty. The same PDU
    again is no row of its own: it counts in ``times``, and ``last_at`` is when it came last.
    """

    id = BigAutoField()
    carrier = TextField()
    bind_name = TextField(column_name="bind")
    session = TextField()
    received_at = DoubleField()
    status = BigIntegerField()
    reason = TextField()
    octets = BlobField(column_name="raw")
    line = string()
    subscriber = string()
    fingerprint = BlobField(null=True)
    times = integer(1)
    last_at = DoubleField(constraints=[SQL("DEFAULT 0")])
    size = integer(0)

    class Meta:
        table_name = "quarantine"
        indexes = (
            SQL("CREATE UNIQUE INDEX quarantine_same ON quarantine (carrier, fingerprint)"),
            SQL("CREATE INDEX quarantine_last ON quarantine (last_at, size)"),
        )
