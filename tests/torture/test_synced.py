"""The kernel's own word: between what a text wrote to the log and its ack, the log was synced. Seen with strace."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.kit.daemon import BACK, ON_THE_LIST, STOPPED, WELCOME
from tests.kit.raw_smsc import DELIVER, RESP
from tests.torture.carrier import Text, text
from tests.torture.conversation import ANNE, BEN, CARA, Send, World
from tests.torture.judge import judge
from tests.torture.lives import Launcher
from tests.torture.play import Run, play

CALLS = "pwrite64,fdatasync,fsync,sendto"
SENT = "a message that somebody waits to be told of"
_LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
_RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
_CALL = re.compile(r"(\w+)\(\d+<((?:\\x[0-9a-f]{2})*)>(?:, \"((?:\\x[0-9a-f]{2})*)\")?.*= (-?\d+)")


@dataclass(frozen=True)
class Call:
    """A system call: on what, with which octets, and at which lines of the trace it began and had succeeded."""

    name: str
    file: str
    octets: bytes
    begun: int
    ended: int


def _calls(trace: str) -> Iterator[Call]:
    """Read a trace of several threads, whose calls may interrupt each other."""
    open_: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(trace.splitlines()):
        match = _LINE.fullmatch(line)
        if match is None:
            continue
        thread, rest, begun = match["thread"], match["rest"], number
        if rest.endswith("<unfinished ...>"):
            open_[thread] = (number, rest.removesuffix("<unfinished ...>"))
            continue
        if (resumed := _RESUMED.match(rest)) is not None:
            begun, first = open_.pop(thread)
            rest = first + resumed[2]
        call = _CALL.match(rest)
        if call is not None and int(call[4]) >= 0:
            yield Call(call[1], _octets(call[2]).decode(), _octets(call[3] or ""), begun, number)


def _octets(spelt: str) -> bytes:
    return bytes.fromhex(spelt.replace("\\x", ""))


def _ack(sequence: int) -> bytes:
    """Return the head of the ack of a deliver_sm, behind its length."""
    return b"".join(number.to_bytes(4, "big") for number in (DELIVER | RESP, 0, sequence))


def _unsynced(run: Run, trace: Path) -> list[str]:
    """Return what was promised before it was synced."""
    calls = list(_calls(trace.read_text()))
    syncs = [call for call in calls if call.name in ("fdatasync", "fsync") and call.file.endswith("-wal")]
    promises = [(item.text, _ack(item.sequences[-1])) for item in run.world.carrier.texts if item.kind == "text"]
    promises.append((SENT, b"HTTP/1.1 202"))
    wrong = []
    for said, answer in promises:
        wrote = [
            call
            for call in calls
            if call.name == "pwrite64" and call.file.endswith("-wal") and said.encode() in call.octets
        ]
        told = [call for call in calls if call.name == "sendto" and answer in call.octets]
        assert wrote, f"the trace does not show {said!r} in the log"
        assert len(told) == 1, f"the trace does not show how {said!r} was answered"
        if not any(wrote[0].ended < sync.begun and sync.ended < told[0].begun for sync in syncs):
            wrong.append(said)
    return wrong


async def _converse(texts: list[Text], world: World) -> None:
    await world.text(texts[0])
    await world.got(ANNE, WELCOME, ON_THE_LIST)
    await world.text(*texts[1:4])
    await world.got(CARA, WELCOME, ON_THE_LIST)
    await world.send(Send(BEN, SENT, "sent"))
    await world.text(texts[4])
    await world.got(ANNE, STOPPED)
    await world.text(texts[5])
    await world.got(ANNE, BACK)
    await world.quiet()


@pytest.mark.checklist("I1")
@pytest.mark.parametrize("synchronous", ["", "OFF"])
async def test_each_ack_comes_after_the_sync_of_its_commit(
    synchronous: str, launcher: Launcher, tmp_path: Path
) -> None:
    """And with synchronous=OFF it does not, which this must see."""
    said = (ANNE, "JOIN one"), (BEN, "chatter two"), (CARA, "JOIN three"), (BEN, "HELP four")
    texts = [text(who, what) for who, what in (*said, (ANNE, "STOP five"), (ANNE, "START"))]
    trace = tmp_path / "trace"
    tracer = ("strace", "-D", "-f", "-qq", "-y", "-xx", "-s", "5000", "-e", f"trace={CALLS}", "-o", str(trace))
    run = await play(
        launcher, tmp_path / "run", script=partial(_converse, texts), tracer=tracer, synchronous=synchronous
    )
    judge(run)
    if synchronous:
        assert set(_unsynced(run, trace)) == {item.text for item in texts} | {SENT}
    else:
        assert _unsynced(run, trace) == []
