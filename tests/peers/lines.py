"""What every peer written in Python has to say and to hear: one JSON object a line, events out and commands in.

A peer is a process around somebody else's SMPP library. Its first event is ``listening`` (a carrier) or ``ready`` (a
client) and names the library, its version, and in ``below`` each step that the library has no call for, with the
reason: the peer does those with octets of its own, under the library. Every command is answered by ``done``, with
``error`` where it could not be carried out.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

Command = dict[str, Any]
STDIN: Final = 0
UCS2: Final = 8
UDHI: Final = 0x40
ASKED: Final = {
    0x80000003: "query_sm_resp",
    0x80000007: "replace_sm_resp",
    0x80000008: "cancel_sm_resp",
    0x80000015: "enquire_link_resp",
    0x80000021: "submit_multi_resp",
    0x80000103: "data_sm_resp",
}
"""The answers that a client tells, whether its library knew the question or octets of its driver's asked it."""


def emit(event: str, **fields: Any) -> None:
    """Tell one event."""
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


class Lines:
    """Cuts what arrives into commands. ``ended`` once whoever drove us has gone."""

    def __init__(self) -> None:
        self.ended = False
        self._rest = b""

    def read(self) -> list[Command]:
        """Read what is there (it waits where nothing is), and return the whole commands."""
        chunk = os.read(STDIN, 65_536)
        self.ended = not chunk
        *whole, self._rest = (self._rest + chunk).split(b"\n")
        return [json.loads(line) for line in whole]


def named(command: Command, table: Mapping[str, Any]) -> str:
    """Return which command of ``table`` it is."""
    name = next((key for key in command if key in table), None)
    if name is None:
        raise ValueError(f"no such command: {command}")
    return name


async def obey(table: Mapping[str, Callable[[Any, Command], Awaitable[None]]]) -> None:
    """Carry out commands in an asyncio program, each in a task of its own, until whoever drove us has gone."""
    lines, over, under_way = Lines(), asyncio.Event(), set[asyncio.Task[None]]()

    def readable() -> None:
        for command in lines.read():
            task = asyncio.create_task(_carry_out(command, table))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        if lines.ended:
            over.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(STDIN, readable)
    await over.wait()
    loop.remove_reader(STDIN)


async def _carry_out(command: Command, table: Mapping[str, Callable[[Any, Command], Awaitable[None]]]) -> None:
    try:
        name = named(command, table)
        await table[name](command[name], command)
    except Exception as error:  # noqa: BLE001 - whatever a foreign library raises, its driver is told
        emit("done", id=command.get("id"), error=f"{type(error).__name__}: {error}")
    else:
        emit("done", id=command.get("id"))


def answered(command: int, status: int, body: bytes = b"") -> None:
    """Tell the answer to what was asked; nothing, if it answers something else."""
    if command in ASKED:
        emit(ASKED[command], status=status, message_id=body.split(b"\0")[0].decode("latin-1"))


def encode_text(text: str, data_coding: int, udh: str = "") -> bytes:
    """Return user data for a library that takes octets: UCS-2 under 8, else ASCII; ``udh`` is hexadecimal."""
    return bytes.fromhex(udh) + text.encode("utf-16-be" if data_coding == UCS2 else "ascii")


def read_text(octets: bytes, data_coding: int, esm_class: int) -> dict[str, Any]:
    """Return ``text`` and ``udh`` (each element in hexadecimal, here at most one) of user data as octets."""
    size = octets[0] + 1 if octets and esm_class & UDHI else 0
    text = octets[size:].decode("utf-16-be" if data_coding == UCS2 else "latin-1")
    return {"text": text, "udh": [octets[1:size].hex()] if size else []}
