"""What a user may say about the store: the ``[store]`` table of the configuration.

Owns the keys, their defaults and their sentences. Holds no connection and opens nothing. Durability is deliberately no
option: an ack means that the text is on disk.
"""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

LEAST_MESSAGE_DAYS: Final = 30


class StoreOptions(BaseModel):
    """The ``[store]`` table. A change of it needs a restart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(
        default="sqlite:gateway.db",
        pattern=r"^[a-z][a-z0-9+]*:.+",
        description='Where the store is: "sqlite:" and a file name, relative to state_dir; or '
        '"postgresql://user@host/database", with several hosts as "host,other-host".',
    )
    password: SecretStr = Field(
        default=SecretStr(""),
        description="Password of the PostgreSQL user; empty to leave it to PGPASSWORD or ~/.pgpass. SQLite has none.",
    )
    server_timeout_s: float = Field(
        default=5.0,
        ge=1,
        le=60,
        description="Seconds that a PostgreSQL server may take for one step of a transaction; then its connection is "
        "given up, and another server of the URL is looked for.",
    )
    lease_s: float = Field(
        default=5.0,
        ge=3,
        le=300,
        description="Seconds for which a node may hold its binds without reaching a PostgreSQL database that several "
        "nodes share. Another node takes them over a second later, or has to wait so long for a failover.",
    )
    busy_timeout_s: float = Field(
        default=5.0,
        gt=0,
        le=10,
        description="Seconds that a transaction waits for a lock that another program holds on the database.",
    )
    readers: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Number of connections that answer questions beside the writer.",
    )
    max_batch: int = Field(
        default=2000,
        ge=1,
        le=100_000,
        description="Number of jobs that one transaction takes at most.",
    )
    cache_mb: int = Field(
        default=32,
        ge=1,
        le=4096,
        description="Megabytes of database pages that the writer keeps in memory.",
    )
    quarantine_mb: int = Field(
        default=256,
        ge=1,
        le=1_000_000,
        description="Megabytes of PDUs that the quarantine holds at most; beyond that the oldest go.",
    )
    quarantine_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="Days that a PDU which could not be read is kept in quarantine, from when the same came last.",
    )
    text_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="Days after which the text of a message, in or out, is blanked, from when its state last changed, "
        "if it is finished; evidence keeps its own. 0 keeps it as long as the message.",
    )
    message_days: int = Field(
        default=1830,
        ge=0,
        le=36_500,
        description="Days after which a finished message is deleted with its permits, from when its state last "
        "changed: 30 at least, or 0 to keep it for ever. Evidence is never deleted.",
    )
    suppression_log: str = Field(
        default="",
        description="File, relative to state_dir, that has each opt-out, and each return from one, before it is "
        "committed: from it, a restored backup learns what it lacks. Keep it on another disk. Empty: none is kept.",
    )

    @field_validator("message_days")
    @classmethod
    def _long_enough(cls, value: int) -> int:
        if 0 < value < LEAST_MESSAGE_DAYS:
            raise ValueError(
                f"must be 0 or at least {LEAST_MESSAGE_DAYS}: receipts, holds and questions about a message come later "
                "than that; text_days blanks its text earlier"
            )
        return value
