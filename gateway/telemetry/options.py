"""The ``[log]`` section of the configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LogOptions(BaseModel):
    """How much is logged, and for whom."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe events that are logged."
    )
    format: Literal["auto", "human", "json"] = Field(
        default="auto",
        description="Lines for people or JSON for machines; auto: for people where stderr is a terminal.",
    )
