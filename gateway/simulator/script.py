"""A conversation in a file: what subscribers text, and what they must get. See docs/simulator.md for the format.

Owns reading and checking that file, and nothing of playing it (``play``). Every mistake is reported at once, each with
its step's number and what would be right, before anything is listened on. A step's keys have one fixed order of
effect, so a file means the same however its keys are arranged.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from gateway.base import GatewayError
from gateway.simulator.carrier import DEFAULT_FROM, DEFAULT_LINE
from gateway.smpp.constants import Status

_SETTINGS: Final = ("from", "line", "exact", "status", "within_s", "data_coding")
"""Keys that say how, not what; a step of nothing else does nothing."""
_PLAIN: Final = {
    "a valid boolean": "true or false",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "a text in quotes",
    "a valid tuple": "a list",
    "a valid dictionary or instance of Step": "a table",
}


class ScriptError(GatewayError):
    """A script file that cannot be played; its text lists every mistake, one a line."""

    exit_code = 65  # EX_DATAERR


def _read_status(value: object) -> object:
    return read_status(value) if isinstance(value, str) else value


def read_status(value: str) -> int:
    """Return the command_status of that name. Raises ValueError, which says what would be right."""
    if value not in Status.__members__:
        near = difflib.get_close_matches(value.upper(), Status.__members__, 1, 0.3)
        name = near[0] if near else "ESME_ROK"
        raise ValueError(f"{value!r} is no status; a name such as {name}, or its number, would be right")
    return int(Status[value])


def _read_hex(value: object) -> object:
    return read_hex(value) if isinstance(value, str) else value


def read_hex(value: str) -> bytes:
    """Return octets written in hexadecimal. Raises ValueError, which says what would be right."""
    try:
        return bytes.fromhex(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no octets; hexadecimal digits such as 53 54 4F would be right") from error


StatusName = Annotated[int, BeforeValidator(_read_status), Field(ge=0, le=0xFFFFFFFF)]
Octets = Annotated[bytes, BeforeValidator(_read_hex), Field(max_length=254)]
Raw = Annotated[bytes, BeforeValidator(_read_hex), Field(min_length=1)]
Seconds = Annotated[float, Field(ge=0, le=3600)]
Address = Annotated[str, Field(pattern=r"^\+?[0-9A-Za-z]{1,20}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Step(_Table):
    """One step. What is set happens in the order of the fields below."""

    from_: Address | None = Field(None, alias="from", description="The subscriber's number; the script's, if not set.")
    line: Address | None = Field(None, description="The line that is texted; the script's, if not set.")
    within_s: Seconds | None = Field(None, description="Seconds to wait for anything that this step waits for.")
    receipt: str | None = Field(None, description='The stat of receipts from now on, "" for none.', max_length=20)
    answer: StatusName | None = Field(None, description="The status that answers submits to `from` from now on.")
    throttle_every: int | None = Field(None, description="Throttle every n-th submit from now on; 0 none.", ge=0)
    cut: bool = Field(False, description="Cut all connections.")
    binds: int | None = Field(None, description="Wait until so many binds are up.", ge=0)
    wait_s: Seconds | None = Field(None, description="Seconds to do nothing.")
    text: str | None = Field(None, description="Text this to the line.")
    hex: Octets | None = Field(None, description="Send these octets to the line as they are, in hexadecimal.")
    data_coding: int = Field(0, description="The data_coding of `hex`.", ge=0, le=255)
    raw: Raw | None = Field(None, description="Write these octets, sensible or not, to the latest connection.")
    again: bool = Field(False, description="Bring the latest text once more, the identical PDUs.")
    status: StatusName = Field(
        0, description="How the line must acknowledge what this step texts; with `raw`, if set, how it must answer."
    )
    expect: tuple[str, ...] = Field((), description="What must arrive at `from`, in this order: a piece of each text.")
    exact: bool = Field(False, description="The texts expected are whole texts, not pieces.")
    silence_s: Seconds | None = Field(None, description="Nothing may arrive at `from` for so many seconds.")

    @model_validator(mode="before")
    @classmethod
    def _one_or_many(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(expect := data.get("expect"), str | list):
            return {**data, "expect": (expect,) if isinstance(expect, str) else tuple(expect)}
        return data

    @model_validator(mode="after")
    def _does_one_thing(self) -> Step:
        said = [key for key, on in (("text", self.text), ("hex", self.hex), ("raw", self.raw)) if on is not None]
        said += ["again"] if self.again else []
        if len(said) > 1:
            raise ValueError(f"{' and '.join(said)} together; one of them would be right")
        aliases = {"from" if name == "from_" else name for name in self.model_fields_set}
        if not aliases - set(_SETTINGS):
            raise ValueError("nothing to do; text, expect, wait_s or another action would be right")
        return self


class Script(_Table):
    """A whole file."""

    from_: Address = Field(DEFAULT_FROM, alias="from", description="The subscriber's number of all steps without one.")
    line: Address = Field(DEFAULT_LINE, description="The line that is texted in all steps without one.")
    within_s: Seconds = Field(5.0, description="Seconds to wait for whatever a step waits for.")
    bind_within_s: Seconds = Field(60.0, description="Seconds to wait for a bind that can receive, before step 1.")
    step: tuple[Step, ...] = Field((), description="The steps, in order; at least one.")

    @model_validator(mode="before")
    @classmethod
    def _steps(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("step"), list):
            return {**data, "step": tuple(data["step"])}
        if isinstance(data, dict) and "step" in data:
            raise ValueError("step is no list; tables that are each headed [[step]] would be right")
        return data

    @model_validator(mode="after")
    def _has_steps(self) -> Script:
        if not self.step:
            raise ValueError("no steps; at least one [[step]] would be right")
        return self


def read_script(path: Path) -> Script:
    """Read a script file; raise ScriptError with all of its mistakes."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ScriptError(f"{path}: cannot be read: {reason}") from error
    except tomllib.TOMLDecodeError as error:
        raise ScriptError(f"{path}: not TOML: {error}") from error
    try:
        return Script.model_validate(data)
    except ValidationError as error:
        raise ScriptError("\n".join(f"{path}: {_sentence(one)}" for one in error.errors())) from error


def _sentence(error: ErrorDetails) -> str:
    """Say one mistake as: which step, which key, what is wrong, what would be right."""
    where = list(error["loc"])
    place = ""
    table: type[BaseModel] = Script
    if where[:1] == ["step"] and len(where) > 1 and isinstance(where[1], int):
        place, table, where = f"step {where[1] + 1}: ", Step, where[2:]
    key = ".".join(str(part) for part in where)
    if error["type"] == "extra_forbidden":
        known = [field.alias or name for name, field in table.model_fields.items()]
        near = difflib.get_close_matches(key, known, 1, 0.5)
        return f"{place}{key} is no key; {near[0] if near else 'one of ' + ', '.join(known)} would be right"
    what = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    what = _PLAIN.get(what, what)
    if error["type"] == "value_error":
        return f"{place}{key + ': ' if key else ''}{what}"
    if error["type"] == "string_pattern_mismatch":
        what = "a number such as +12125550101, or a short code"
    return f"{place}{key + ' is ' if key else ''}{error['input']!r}; {what} would be right"
