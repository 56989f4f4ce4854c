"""The tables, as peewee models: the one description of what is stored.

Owns names, types, defaults and indexes; ``docs/store.md`` says what each column is for. Must never hold logic: the
models are bound to no database and carry no methods. Hot statements are plain SQL on these names (``hot_*.py``), cold
ones are built from these models (``queries.py``), and the migrations build exactly this (a test compares).

House rules: times are REAL unix seconds, enums are the integers of ``gateway.model``, JSON is text, octets are blobs,
truth is 0 or 1. Defaults stand in the schema, not only in Python, because hot statements name just the columns that
they fill. ``account_id`` is in every table that an account owns; there is one account (1) for now.
"""

# ruff: noqa: D106 - the nested Meta is peewee's own vocabulary; there is nothing to say about each one of them

from __future__ import annotations

from typing import Final

from peewee import BigAutoField, BlobField, CompositeKey, DoubleField, IntegerField, TextField

from gateway.store.columns import Table, string
from gateway.store.tables_consent import Account, AccountOptOut, Consent, Evidence, Keyword, Line, Member, OptinList
from gateway.store.tables_nodes import Lease, Node
from gateway.store.tables_traffic import Message, ParkedReceipt, Part, Permit, Quarantine


class Audit(Table):
    """Who asked for what: every command of a person or an application that changed something."""

    id = BigAutoField()
    at = DoubleField()
    actor = TextField()
    role = TextField()
    verb = TextField()
    object = TextField()
    detail = string("{}")

    class Meta:
        table_name = "audit"


class Brake(Table):
    """A paused line, carrier or lane."""

    kind = TextField()
    name = TextField()
    paused_at = DoubleField()
    actor = TextField()
    note = string()

    class Meta:
        table_name = "brake"
        primary_key = CompositeKey("kind", "name")
        without_rowid = True


class Idempotency(Table):
    """The first answer to a request that carried an Idempotency-Key."""

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


class Meta(Table):
    """Facts about the store itself, one a row."""

    key = TextField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "meta"


TABLES: Final[tuple[type[Table], ...]] = (
    Account,
    Line,
    Keyword,
    OptinList,
    Consent,
    Member,
    AccountOptOut,
    Evidence,
    Message,
    Permit,
    ParkedReceipt,
    Part,
    Quarantine,
    Audit,
    Brake,
    Idempotency,
    Node,
    Lease,
    Meta,
)
"""Every table, in the order in which they are made."""

__all__ = [
    "TABLES",
    "Account",
    "AccountOptOut",
    "Audit",
    "Brake",
    "Consent",
    "Evidence",
    "Idempotency",
    "Keyword",
    "Lease",
    "Line",
    "Member",
    "Message",
    "Meta",
    "Node",
    "OptinList",
    "ParkedReceipt",
    "Part",
    "Permit",
    "Quarantine",
    "Table",
]
