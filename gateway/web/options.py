"""The ``[http]`` table of the configuration: where we listen, and which tokens may do what.

Owns the shape of these settings and the checks that need nothing but the value itself. It never opens a socket and
never sees a token: only the SHA-256 digest of one is configured, so that a configuration that leaks lets nobody in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Final, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from gateway.model.requests import Role

RoleWord = Literal["viewer", "operator", "admin"]

_ADDRESS: Final = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:\[\]]+)):(?P<port>\d{1,5})")


class ListenAddress(NamedTuple):
    """A TCP address to listen on: a host name or IP address (IPv6 without brackets), and a port (0: any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return it as the configuration spells it: ``127.0.0.1:8080``, ``[::1]:8080``."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(text: str) -> ListenAddress:
    """Read ``host:port`` or ``[ipv6]:port``; ValueError says what would be right."""
    match = _ADDRESS.fullmatch(text.strip())
    if match is None or int(match["port"]) > 65535:
        raise ValueError(f'"{text}" is no address to listen on; write "127.0.0.1:8080" or "[::1]:8080"')
    return ListenAddress(match["six"] or match["host"], int(match["port"]))


def _listen(text: str) -> str:
    return str(parse_listen(text))


Listen = Annotated[str, AfterValidator(_listen)]


class TokenOptions(BaseModel):
    """One bearer token: who uses it and what it may do."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Who uses this token: the name under which its actions are audited (letters, digits, and . _ -).",
    )
    sha256: str = Field(description="SHA-256 of the token, 64 hexadecimal digits; `gateway token` makes both.")
    role: RoleWord = Field(
        default="viewer", description="What it may do: viewer reads, operator sends and brakes, admin does everything."
    )

    @field_validator("sha256")
    @classmethod
    def _digest(cls, value: str) -> str:
        if re.fullmatch(r"[0-9a-f]{64}", value.lower()) is None:
            # The value is not repeated: somebody may have pasted the token itself.
            raise ValueError("must be the token's SHA-256 digest, 64 hexadecimal digits; `gateway token` makes both")
        return value.lower()

    @property
    def as_role(self) -> Role:
        """The role as the value that the interfaces speak in."""
        return Role[self.role.upper()]


class HttpOptions(BaseModel):
    """The HTTP face. Changing it needs a restart."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: tuple[Listen, ...] = Field(
        default=("127.0.0.1:8080",),
        description="Addresses (host:port) for the API, /metrics, /healthz and /readyz; empty for none.",
    )
    public_listen: tuple[Listen, ...] = Field(
        default=(),
        description="Addresses (host:port) for the sign-up pages, once there are any; until then it must be empty.",
    )
    token: tuple[TokenOptions, ...] = Field(
        default=(), description="The bearer tokens; without one, only the local Unix socket may use the API."
    )

    @field_validator("public_listen")
    @classmethod
    def _no_pages_yet(cls, value: Sequence[Listen]) -> Sequence[Listen]:
        if value:
            raise ValueError("this version has no sign-up pages to serve there; leave it empty")
        return value

    @field_validator("token")
    @classmethod
    def _distinct(cls, value: Sequence[TokenOptions]) -> Sequence[TokenOptions]:
        names = [token.name for token in value]
        digests = [token.sha256 for token in value]
        for kind, seen in (("name", names), ("sha256", digests)):
            if len(set(seen)) != len(seen):
                raise ValueError(
                    f"two tokens have the same {kind}; give each its own, so that the audit log can tell them apart"
                )
        return value
