"""Tables of lines and of what subscribers allow them: the domain's half of the schema.

See ``gateway.store.tables`` for the house rules; nothing but columns belongs here.
"""

# ruff: noqa: D106 - the nested Meta is peewee's own vocabulary; there is nothing to say about each one of them

from __future__ import annotations

from peewee import SQL, BigAutoField, BigIntegerField, BlobField, CompositeKey, DoubleField, IntegerField, TextField

from gateway.store.columns import Table, account, integer, string


class Account(Table):
    """Whose lines these are."""

    id = BigAutoField()
    name = TextField()

    class Meta:
        table_name = "account"


class Line(Table):
    """One of our own addresses. Never deleted: what it did is evidence."""

    id = BigAutoField()
    account_id = account()
    address = TextField(unique=True)
    name = string()
    region = string()
    origin = TextField()
    options = string("{}")
    config_hash = string()
    created_at = DoubleField()
    removed_at = DoubleField(null=True)

    class Meta:
        table_name = "line"


class Keyword(Table):
    """A word that a line reacts to."""

    id = BigAutoField()
    account_id = account()
    line_id = IntegerField()
    word = TextField()
    aliases = string("[]")
    action = TextField()
    options = string("{}")
    origin = TextField()
    created_at = DoubleField()
    removed_at = DoubleField(null=True)

    class Meta:
        table_name = "keyword"
        indexes = ((("line_id", "word"), True),)


class OptinList(Table):
    """A list that subscribers join by keyword, on one line."""

    id = BigAutoField()
    account_id = account()
    line_id = IntegerField()
    name = TextField()
    created_at = DoubleField()

    class Meta:
        table_name = "optin_list"
        indexes = ((("line_id", "name"), True),)


class Consent(Table):
    """What is stored of one (line, subscriber): ``gateway.model.consent.Standing``."""

    line_id = IntegerField()
    subscriber = TextField()
    account_id = account()
    status = integer(0)
    since = DoubleField(null=True)
    source = TextField(null=True)
    opt_outs = integer(0)
    held_since = DoubleField(null=True)
    held_mo = BigIntegerField(null=True)
    clarified = integer(0)
    how_to_return = integer(0)
    account_out = integer(0)
    keywords = string("{}")
    replies = string("[]")
    latest_mo = BigIntegerField(null=True)
    latest_carrier = TextField(null=True)
    latest_session = TextField(null=True)
    latest_fingerprint = BlobField(null=True)
    latest_at = DoubleField(null=True)
    last_carrier = TextField(null=True)
    last_message = BigIntegerField(null=True)
    last_evidence = BigIntegerField(null=True)

    class Meta:
        table_name = "consent"
        primary_key = CompositeKey("line_id", "subscriber")
        without_rowid = True
        indexes = (SQL("CREATE INDEX consent_held ON consent (held_since) WHERE held_since IS NOT NULL"),)


class Member(Table):
    """The status of one subscriber on one list of a line."""

    line_id = IntegerField()
    list_name = TextField()
    subscriber = TextField()
    account_id = account()
    status = integer(0)
    since = DoubleField()
    source = TextField(null=True)
    suspended = integer(0)

    class Meta:
        table_name = "member"
        primary_key = CompositeKey("line_id", "subscriber", "list_name")
        without_rowid = True


class AccountOptOut(Table):
    """A STOP ALL: kept by account, so that it covers lines that are added later."""

    account_id = IntegerField()
    subscriber = TextField()
    since = DoubleField()
    source = string()
    mo_id = BigIntegerField(null=True)
    opt_outs = integer(0)

    class Meta:
        table_name = "account_opt_out"
        primary_key = CompositeKey("account_id", "subscriber")
        without_rowid = True


class Evidence(Table):
    """Consent events in a hash chain per node and incarnation; triggers make it append-only."""

    id = BigAutoField()
    account_id = account()
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
    actor = string()
    mo_id = BigIntegerField(null=True)
    rule = string()
    rule_version = string()
    config_hash = string()
    disclosure = string()
    text = string()
    octets = BlobField(column_name="raw")
    ip = string()
    user_agent = string()
    note = string()
    occurred_at = DoubleField()
    recorded_at = DoubleField()
    salt = BlobField()
    digest = BlobField()
    prev_hash = BlobField()
    hash = BlobField()
    erased_at = DoubleField(null=True)
    previous = BigIntegerField(null=True)

    class Meta:
        table_name = "evidence"
        indexes = (
            (("node", "incarnation", "seq"), True),
            SQL("CREATE INDEX evidence_pair ON evidence (line_id, subscriber, id) WHERE previous IS NULL"),
        )
