"""The keys of a ``[[carrier]]`` table: how we reach a carrier, as whom, how fast, and how patiently.

Owns the schema and its cross-checks, nothing else; the sentence of each key is what the documentation shows. A value
that a carrier may legally ask for is never refused because the specification is narrower (passwords longer than eight
octets exist), so limits here are those of the wire, not those of the book.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from gateway.carriers.quirks import fault as quirk_fault
from gateway.carriers.quirks import names as quirk_names
from gateway.carriers.statuses import UNSENDABLE
from gateway.carriers.tls import make_context

Seconds = Annotated[float, Field(gt=0, le=86_400)]


def _is_status(key: str) -> str:
    if re.fullmatch(r"0[xX][0-9A-Fa-f]{1,8}|[1-9][0-9]{0,9}", key) is None:
        raise ValueError("is no status; write it as 0x45 or as 69")
    if not 0 < int(key, 0) < UNSENDABLE:
        raise ValueError("is no status that can mean anything else; they go from 0x1 to 0xFFFFFFFE")
    return key


StatusKey = Annotated[str, AfterValidator(_is_status)]


TLS_FILES = ("tls_ca", "tls_cert", "tls_key")
"""The keys that name files."""


class Mode(StrEnum):
    """How a carrier is bound to. A pair is two sessions: one submits, the other receives."""

    TRANSCEIVER = "transceiver"
    PAIR = "transmitter+receiver"
    RECEIVER = "receiver"
    TRANSMITTER = "transmitter"


class CarrierOptions(BaseModel):
    """One ``[[carrier]]`` table. Frozen: a changed configuration makes a new carrier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$",
        description="Name of this carrier in logs, metrics and the lines' `carriers` keys: letters, digits, `_.-`.",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="Host name or address of the carrier's SMSC.")
    port: int = Field(default=2775, ge=1, le=65_535, description="TCP port of the carrier's SMSC.")
    tls: bool = Field(default=False, description="Whether to speak TLS; the carrier's certificate is always verified.")
    tls_ca: str = Field(
        default="",
        description="PEM file of who may have signed the carrier's certificate, as seen from this file; empty: the "
        "system's list.",
    )
    tls_cert: str = Field(default="", description="PEM file of our own certificate, where the carrier wants one.")
    tls_key: str = Field(default="", description="PEM file of its key; empty: the key is in `tls_cert`.")
    tls_server_name: str = Field(
        default="", description="Name that the carrier's certificate must bear; empty: that of `host`."
    )
    tls_minimum: Literal["1.2", "1.3"] = Field(default="1.2", description="Lowest version of TLS that we accept.")
    mode: Mode = Field(
        default=Mode.TRANSCEIVER,
        description="How to bind: `transceiver`, `transmitter+receiver` (two sessions), `receiver` or `transmitter`.",
    )
    binds: int = Field(default=1, ge=1, le=64, description="How many binds to keep (of pairs: how many pairs).")
    system_id: str = Field(
        default="", max_length=255, description="Name under which we bind, sent as it is written here."
    )
    password: SecretStr = Field(default=SecretStr(""), description="Password of the bind, sent as it is written here.")
    system_type: str = Field(
        default="", max_length=12, description="`system_type` of the bind; most carriers leave it empty."
    )
    address_range: str = Field(
        default="", max_length=40, description="`address_range` of the bind; some carriers want the short code here."
    )
    address_ton: int = Field(default=0, ge=0, le=255, description="`addr_ton` of the bind (SMPP 3.4 section 5.2.5).")
    address_npi: int = Field(default=0, ge=0, le=255, description="`addr_npi` of the bind (SMPP 3.4 section 5.2.6).")
    source_ton: int | None = Field(
        default=None, ge=0, le=255, description="`source_addr_ton` of what we submit; unset: what the quirk says."
    )
    source_npi: int | None = Field(
        default=None, ge=0, le=255, description="`source_addr_npi` of what we submit; unset: what the quirk says."
    )
    service_type: str = Field(default="", max_length=5, description="`service_type` of what we submit.")
    window: int = Field(
        default=100, ge=1, le=10_000, description="How many submit_sm may await their response at once, per bind."
    )
    max_per_second: float = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Most submit_sm a second to this carrier, over all binds and nodes; 0: no limit.",
    )
    weight: int = Field(
        default=1,
        ge=0,
        le=1_000,
        description="Share of a line's subscribers, against its other carriers; 0: only in place of others.",
    )
    prefixes: tuple[Annotated[str, Field(pattern=r"^\+[1-9][0-9]{0,14}$")], ...] = Field(
        default=(), description='Numbers that begin like this go over this carrier: `["+1787", "+1939"]`.'
    )
    failover_after_s: float = Field(
        default=30,
        ge=0,
        le=86_400,
        description="Seconds without a bind after which a line's other carriers send what was to go over this one.",
    )
    max_unacked: int = Field(
        default=1_000,
        ge=1,
        le=100_000,
        description="How many MOs of one bind may wait for the store; meanwhile nothing more is read from its carrier.",
    )
    enquire_link_s: Seconds = Field(default=30, description="Seconds of silence after which we ask with enquire_link.")
    response_timeout_s: Seconds = Field(
        default=10, description="Seconds after which a request of ours without a response counts as unanswered."
    )
    bind_timeout_s: Seconds = Field(default=10, description="Seconds that connecting, and then binding, may each take.")
    read_timeout_s: Seconds = Field(default=10, description="Seconds that a PDU may stall half-way before we close.")
    drain_s: float = Field(default=20, ge=0, le=3_600, description="Seconds that a bind may take to end in good order.")
    reconnect_gap_s: float = Field(
        default=1,
        ge=0.1,
        le=3_600,
        description="Least seconds between two connections of one bind; some carriers demand 30.",
    )
    reconnect_max_s: Seconds = Field(default=60, description="Most seconds between two attempts to reach the carrier.")
    refused_gap_s: Seconds = Field(
        default=30,
        description="Seconds to wait after the carrier first refused the bind (wrong password, already bound).",
    )
    refused_max_s: Seconds = Field(
        default=600, description="Most seconds between two attempts while the bind is refused."
    )
    max_pdu_octets: int = Field(
        default=70_000, ge=1_024, le=1_048_576, description="Longest PDU we read, in octets; 70000 holds any 64 KB TLV."
    )
    trace_octets: int = Field(
        default=262_144,
        ge=0,
        le=67_108_864,
        description="Octets of memory, per bind, for the latest PDUs, which `gateway trace` shows; 0: keep none.",
    )
    quirk: str = Field(default="standard", description="How this carrier differs from the book: the name of a quirk.")
    alphabet: Literal["gsm", "gsm-packed", "latin-1", "ascii", "utf-8", "ucs-2"] | None = Field(
        default=None,
        description="What data_coding 0 means on this carrier, in texts from it and to it; unset: what the quirk says.",
    )
    segments: Literal["udh8", "udh16", "sar", "payload"] | None = Field(
        default=None,
        description="How long texts go out: with a header of 8 or 16 bit reference, with `sar_*` TLVs, or uncut as "
        "message_payload; unset: what the quirk says.",
    )
    submit_with: Literal["submit_sm", "data_sm"] | None = Field(
        default=None, description="The command that carries what we submit; unset: what the quirk says."
    )
    validity: Literal["relative", "absolute", "none"] | None = Field(
        default=None,
        description="How the carrier is told when to stop trying, or not at all; unset: what the quirk says.",
    )
    truncate_login: bool | None = Field(
        default=None,
        description="Whether to cut `system_id` after 15 characters, `password` after 8; unset: what the quirk says.",
    )
    statuses: dict[StatusKey, Literal["throttle", "retry", "fail", "opted_out"]] = Field(
        default_factory=dict,
        description="What statuses of submit_sm_resp mean here, by number: `throttle` (again, slower), `retry` (a few "
        "times), `fail`, or `opted_out` (the carrier says that the subscriber has left); others: what the quirk says.",
    )

    @field_validator("system_id", "password", "system_type", "address_range", "service_type")
    @classmethod
    def _fits_the_wire(cls, value: str | SecretStr) -> str | SecretStr:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if "\0" in text or any(ord(character) > 0xFF for character in text):
            raise ValueError("must be Latin-1 without NUL: SMPP sends one octet a character")
        return value

    @field_validator("quirk")
    @classmethod
    def _known_quirk(cls, value: str) -> str:
        if broken := quirk_fault(value):
            raise ValueError(f"the quirk {value!r} cannot be used: {broken}")
        if value not in quirk_names():
            raise ValueError(f"no quirk is called {value!r}; there are: {', '.join(sorted(quirk_names()))}")
        return value

    @field_validator("statuses")
    @classmethod
    def _are_statuses(cls, value: dict[str, str]) -> dict[str, str]:
        seen: dict[int, str] = {}
        for key in value:
            before = seen.setdefault(int(key, 0), key)
            if before != key:
                raise ValueError(f'"{before}" and "{key}" are the same status; write it once')
        return value

    @model_validator(mode="after")
    def _tls_can_begin(self) -> Self:
        files = [name for name in ("tls_ca", "tls_cert", "tls_key", "tls_server_name") if getattr(self, name)]
        if not self.tls and files:
            raise ValueError(f"{files[0]} is set, but tls is false")
        if self.tls_key and not self.tls_cert:
            raise ValueError("tls_key is set, but tls_cert is not")
        if self.tls:
            make_context(self.tls_ca, self.tls_cert, self.tls_key, self.tls_minimum)
        return self

    @model_validator(mode="after")
    def _ladders_climb(self) -> Self:
        for first, last in (("reconnect_gap_s", "reconnect_max_s"), ("refused_gap_s", "refused_max_s")):
            if getattr(self, first) > getattr(self, last):
                raise ValueError(
                    f"{first} ({getattr(self, first):g}) must not be above {last} ({getattr(self, last):g})"
                )
        return self
