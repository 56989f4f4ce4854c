"""The ``[gateway]`` table, and the configuration as a whole.

Owns nothing but the composition: each section's keys belong to the package that reads them. A ``Config`` is complete,
checked and frozen; whoever holds one never asks the environment or the file again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.carriers.options import CarrierOptions
from gateway.config.problems import Problem
from gateway.policy.options import LineOptions
from gateway.store.options import StoreOptions
from gateway.telemetry.options import LogOptions
from gateway.web.options import HttpOptions


class GatewayOptions(BaseModel):
    """The ``[gateway]`` table: what concerns this node as a whole."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    node: str = Field(
        default_factory=lambda: socket.gethostname().split(".")[0] or "gateway",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$",
        description="Name of this node in logs, metrics and leases: letters, digits, `_.-`.",
        json_schema_extra={"shown_default": "the host's name"},
    )
    state_dir: str = Field(
        default="",
        description="Folder for the store and the Unix socket, relative to this file. Empty: what systemd says "
        "(`StateDirectory=`), else `$XDG_STATE_HOME/gateway`.",
    )
    stop_scope: Literal["line", "account"] = Field(
        default="line", description="What plain STOP ends: the line that it was sent to, or every line of the account."
    )
    max_segments: int = Field(
        default=10, ge=1, le=255, description="Most segments that a text may take; a longer one is refused, never cut."
    )
    max_backlog: int = Field(
        default=1_000_000,
        ge=1,
        description="Most messages that may wait to be sent; more are refused until some have gone.",
    )


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration that holds together.

    ``path`` is the file, ``state_dir`` the absolute folder, ``config_hash`` the SHA-256 (hex) of all effective values
    but secrets. ``warnings`` are problems that do not keep the gateway from running.
    """

    path: Path
    state_dir: Path
    gateway: GatewayOptions
    log: LogOptions
    store: StoreOptions
    http: HttpOptions
    carriers: tuple[CarrierOptions, ...]
    lines: tuple[LineOptions, ...]
    config_hash: str
    warnings: tuple[Problem, ...] = ()

    @property
    def socket_path(self) -> Path:
        """Where a running daemon listens for the commands of this machine."""
        return socket_in(self.state_dir)


# The sections as the file spells them: key, model, and whether it is an array of tables. In the order of the page.
SECTIONS: tuple[tuple[str, type[BaseModel], bool], ...] = (
    ("gateway", GatewayOptions, False),
    ("log", LogOptions, False),
    ("store", StoreOptions, False),
    ("http", HttpOptions, False),
    ("carrier", CarrierOptions, True),
    ("line", LineOptions, True),
)


def socket_in(folder: Path) -> Path:
    """Return where a daemon of that state folder listens for the commands of this machine."""
    return folder / "gateway.sock"


def state_directory(chosen: str, file: Path, environ: Mapping[str, str] | None = None) -> Path:
    """Return the absolute state folder: as chosen, else as systemd says, else by the XDG convention."""
    env = os.environ if environ is None else environ
    if chosen:
        # Beside the file as it was named: the name may be a link into a package.
        return (file.absolute().parent / Path(chosen).expanduser()).resolve()
    given = env.get("STATE_DIRECTORY", "").split(":")[0]  # systemd lists several with colons
    if given:
        return Path(given).absolute()
    home = env.get("XDG_STATE_HOME", "") or str(Path(env.get("HOME", "") or "~").expanduser() / ".local" / "state")
    return (Path(home) / "gateway").absolute()
