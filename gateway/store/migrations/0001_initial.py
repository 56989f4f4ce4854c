"""The first schema: every table of the first release, as it was on that day.

A frozen copy, on purpose independent of ``gateway.store.tables``: a migration must do next year what it does today.
"""

# ruff: noqa: D101, D106 - a frozen copy; the models that live are documented in gateway.store.tables

from __future__ import annotations

from typing import Any

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BlobField,
    CompositeKey,
    Database,
    DoubleField,
    IntegerField,
    Model,
    TextField,
)


def _int(default: int) -> IntegerField:
    return IntegerField(default=default, constraints=[SQL(f"DEFAULT {default}")])


def _text(default: str = "") -> TextField:
    return TextField(default=default, constraints=[SQL(f"DEFAULT '{default}'")])


def _account() -> IntegerField:
    return _int(1)


class Table(Model):
    class Meta:
        legacy_table_names = False


class Account(Table):
    id = BigAutoField()
    name = TextField()

    class Meta:
        table_name = "account"


class Line(Table):
    id = BigAutoField()
    account_id = _account()
    address = TextField(unique=True)
    name = _text()
    region = _text()
    origin = TextField()
    options = _text("{}")
    config_hash = _text()
    created_at = DoubleField()
    removed_at = DoubleField(null=True)

    class Meta:
        table_name = "line"


class Keyword(Table):
    id = BigAutoField()
    account_id = _account()
    line_id = IntegerField()
    word = TextField()
    aliases = _text("[]")
    action = TextField()
    options = _text("{}")
    origin = TextField()
    created_at = DoubleField()
    removed_at = DoubleField(null=True)

    class Meta:
        table_name = "keyword"
        indexes = ((("line_id", "word"), True),)


class OptinList(Table):
    id = BigAutoField()
    account_id = _account()
    line_id = IntegerField()
    name = TextField()
    created_at = DoubleField()

    class Meta:
        table_name = "optin_list"
        indexes = ((("line_id", "name"), True),)


class Consent(Table):
    line_id = IntegerField()
    subscriber = TextField()
    account_id = _account()
    status = _int(0)
    since = DoubleField(null=True)
    source = TextField(null=True)
    opt_outs = _int(0)
    held_since = DoubleField(null=True)
    held_mo = BigIntegerField(null=True)
    clarified = _int(0)
    how_to_return = _int(0)
    account_out = _int(0)
    keywords = _text("{}")
    replies = _text("[]")
    latest_mo = BigIntegerField(null=True)
    latest_carrier = TextField(null=True)
    latest_session = TextField(null=True)
    latest_fingerprint = BlobField(null=True)
    latest_at = DoubleField(null=True)
    last_carrier = TextField(null=True)

    class Meta:
        table_name = "consent"
        primary_key = CompositeKey("line_id", "subscriber")
        without_rowid = True
        indexes = (SQL("CREATE INDEX consent_held ON consent (held_since) WHERE held_since IS NOT NULL"),)


class Member(Table):
    line_id = IntegerField()
    list_name = TextField()
    subscriber = TextField()
    account_id = _account()
    status = _int(0)
    since = DoubleField()
    source = TextField(null=True)
    suspended = _int(0)

    class Meta:
        table_name = "member"
        primary_key = CompositeKey("line_id", "subscriber", "list_name")
        without_rowid = True
        indexes = ((("line_id", "list_name", "subscriber"), False),)


class AccountOptOut(Table):
    account_id = IntegerField()
    subscriber = TextField()
    since = DoubleField()
    source = _text()
    mo_id = BigIntegerField(null=True)
    opt_outs = _int(0)

    class Meta:
        table_name = "account_opt_out"
        primary_key = CompositeKey("account_id", "subscriber")
        without_rowid = True


class Message(Table):
    id = BigAutoField()
    account_id = _account()
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
    opt_outs = _int(0)
    segments = _int(1)
    attempts = _int(0)
    resends = _int(0)
    session = TextField(null=True)
    carrier = TextField(null=True)
    reason = TextField(null=True)
    status = IntegerField(null=True)
    actor = TextField(null=True)
    octets = BlobField(null=True, column_name="raw")
    data_coding = IntegerField(null=True)
    outcome = TextField(null=True)
    keyword = TextField(null=True)
    matched_by = TextField(null=True)
    because = TextField(null=True)
    config_hash = TextField(null=True)
    partial = _int(0)

    class Meta:
        table_name = "message"
        indexes = (
            SQL("CREATE INDEX message_pair ON message (line_id, subscriber, id)"),
            SQL("CREATE INDEX message_queued ON message (lane, line_id, id, subscriber) WHERE state = 0"),
            SQL("CREATE INDEX message_open ON message (state, id) WHERE state = 1 OR state = 10"),
            SQL("CREATE INDEX message_expiry ON message (expires_at) WHERE state = 0 AND expires_at IS NOT NULL"),
            SQL("CREATE INDEX message_ref ON message (ref) WHERE ref IS NOT NULL"),
        )


class Permit(Table):
    id = BigAutoField()
    account_id = _account()
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
    fate = _int(0)
    status = _int(0)
    carrier_id = _text()
    detail = _text()
    settled_at = DoubleField(null=True)
    receipt_state = IntegerField(null=True)
    receipt_at = DoubleField(null=True)
    receipt_error = TextField(null=True)

    class Meta:
        table_name = "permit"
        indexes = (
            SQL("CREATE INDEX permit_message ON permit (message_id, segment)"),
            SQL("CREATE INDEX permit_live_pair ON permit (line_id, subscriber) WHERE fate = 0"),
            SQL("CREATE INDEX permit_live_node ON permit (node) WHERE fate = 0"),
            SQL("CREATE INDEX permit_carrier_id ON permit (carrier, carrier_id) WHERE carrier_id <> ''"),
        )


class ParkedReceipt(Table):
    id = BigAutoField()
    carrier = TextField()
    carrier_id = TextField()
    state = IntegerField()
    error = _text()
    receipt_id = BigIntegerField()
    place = IntegerField()
    addresses = TextField()
    received_at = DoubleField()

    class Meta:
        table_name = "parked_receipt"
        indexes = ((("carrier", "carrier_id"), False),)


class Part(Table):
    id = BigAutoField()
    carrier = TextField()
    line_id = IntegerField()
    subscriber = TextField()
    reference = IntegerField()
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

    class Meta:
        table_name = "part"
        indexes = ((("carrier", "line_id", "subscriber", "reference", "total", "number"), True),)


class Quarantine(Table):
    id = BigAutoField()
    carrier = TextField()
    bind_name = TextField(column_name="bind")
    session = TextField()
    received_at = DoubleField()
    status = IntegerField()
    reason = TextField()
    octets = BlobField(column_name="raw")

    class Meta:
        table_name = "quarantine"


class Evidence(Table):
    id = BigAutoField()
    account_id = _account()
    node = TextField()
    incarnation = BigIntegerField()
    seq = BigIntegerField()
    kind = TextField()
    line_id = IntegerField()
    subscriber = TextField()
    list_name = TextField(null=True)
    status_before = IntegerField()
    status_after = IntegerField()
    method = TextField()
    actor = _text()
    mo_id = BigIntegerField(null=True)
    rule = _text()
    rule_version = _text()
    config_hash = _text()
    disclosure = _text()
    text = _text()
    octets = BlobField(column_name="raw")
    ip = _text()
    user_agent = _text()
    note = _text()
    occurred_at = DoubleField()
    recorded_at = DoubleField()
    salt = BlobField()
    digest = BlobField()
    prev_hash = BlobField()
    hash = BlobField()
    erased_at = DoubleField(null=True)

    class Meta:
        table_name = "evidence"
        indexes = ((("node", "incarnation", "seq"), True), (("line_id", "subscriber", "id"), False))


class Audit(Table):
    id = BigAutoField()
    at = DoubleField()
    actor = TextField()
    role = TextField()
    verb = TextField()
    object = TextField()
    detail = _text("{}")

    class Meta:
        table_name = "audit"


class Brake(Table):
    kind = TextField()
    name = TextField()
    paused_at = DoubleField()
    actor = TextField()
    note = _text()

    class Meta:
        table_name = "brake"
        primary_key = CompositeKey("kind", "name")
        without_rowid = True


class Idempotency(Table):
    token = TextField()
    key = TextField()
    fingerprint = BlobField()
    status = IntegerField()
    body = TextField()
    created_at = DoubleField()

    class Meta:
        table_name = "idempotency"
        primary_key = CompositeKey("token", "key")
        without_rowid = True
        indexes = ((("created_at",), False),)


class Node(Table):
    name = TextField(primary_key=True)
    incarnation = BigIntegerField()
    life = IntegerField()
    started_at = DoubleField()
    boot_id = _text()

    class Meta:
        table_name = "node"


class Meta(Table):
    key = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "meta"


def up(migrator: Any, db: Database) -> None:
    """Make the tables and the one account."""
    tables = Table.__subclasses__()
    with db.bind_ctx(tables):
        db.create_tables(tables, safe=False)
        Account.insert(id=1, name="default").execute()
