"""How things look on the tester's terminal: happenings as lines, texts without the power to command a terminal.

A text may hold any character, escape sequences included; what is shown is always printable. Subscribers' numbers are
shown whole: they are the tester's own.
"""

from __future__ import annotations

from gateway.simulator.happenings import (
    Answered,
    Arrived,
    BindDown,
    BindRefused,
    BindUp,
    Happening,
    Submitted,
    TlsFailed,
)
from gateway.smpp.constants import CommandId, describe


def printable(text: str) -> str:
    """Return ``text`` on one line: line breaks as " / ", other control characters as a blank."""
    lines = " / ".join(text.splitlines())
    return "".join(character if character.isprintable() else " " for character in lines)


def shown(happening: Happening) -> str | None:
    """Return the line that tells of a happening; None where it is not worth one (a submit that was taken)."""
    match happening:
        case Arrived(line, subscriber, text, _, segments):
            parts = f"  ({segments} segments)" if segments > 1 else ""
            return f"{line} to {subscriber}: {printable(text)}{parts}"
        case BindUp(bind, system_id, mode):
            return f"bind {bind} is up: {printable(system_id)}, {mode}"
        case BindDown(bind, reason):
            return f"bind {bind} is down: {reason}"
        case BindRefused(bind, system_id, status):
            return f"bind {bind} of {printable(system_id)} was refused: {describe(status)}"
        case TlsFailed(bind, reason):
            return f"connection {bind}: no TLS: {reason}"
        case Answered(bind, command_id, sequence, status):
            command = CommandId(command_id).name.lower()
            return f"bind {bind} answers {command} {sequence}: {describe(status)}"
        case Submitted() as submitted if submitted.status:
            return f"{submitted.line} to {submitted.subscriber}: answered {describe(submitted.status)}"
    return None
