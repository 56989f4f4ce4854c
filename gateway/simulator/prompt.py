"""A prompt to text from: what is typed goes to the line, and what arrives is shown as it arrives.

``+12125550101> JOIN`` — the prompt is the number that texts. Owns what a typed line means (``read_entry``, pure) and
the loop that does it. Numbers are shown whole here, unlike anywhere else: they are made up by the tester, and this is
the tester's own phone. Leaving (/quit, end of input, Ctrl-C) ends it cleanly; nothing typed can end it otherwise.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TextIO

import trio

from gateway.base import GatewayError
from gateway.simulator.carrier import DEFAULT_FROM, DEFAULT_LINE, DEFAULT_PORT, SimulatedCarrier, port_of, verdict
from gateway.simulator.deliveries import Delivery
from gateway.simulator.happenings import Happening
from gateway.simulator.script import read_hex, read_status
from gateway.simulator.shown import shown
from gateway.simulator.terminal import Terminal
from gateway.smpp.constants import describe

_SWITCH: Final = re.compile(r"\s*(\+?[0-9]{3,20})>\s?(.*)", re.DOTALL)
_NUMBER: Final = re.compile(r"\+?[0-9A-Za-z]{1,20}")
_STATUS: Final = re.compile(r"0[xX][0-9A-Fa-f]{1,8}|0|[1-9][0-9]{0,9}")
_MOST: Final = 0xFFFFFFFF
_STAT: Final = re.compile(r"[0-9A-Za-z]{1,20}")
HELP: Final = """\
TEXT               text the line from the number in the prompt
+12125550199> TEXT text from another number, and go on from there
/from NUMBER       go on from another number
/line ADDRESS      text another line
/binds             show who is bound
/cut               cut all connections, as carriers do
/throttle N        throttle every N-th message to you; 0 ends it
/answer STATUS     answer messages to this number so from now on: ESME_RINVDSTADR, 0x45
/receipt STAT      send receipts that say so from now on: UNDELIV; none for none
/raw HEX           write these octets, sensible or not, to the latest connection
/quit              leave (also Ctrl-D, Ctrl-C)
//TEXT             text something that starts with a slash"""


@dataclass(frozen=True, slots=True)
class Text:
    """Text the line; from ``from_``, if it is set, and go on from there."""

    text: str
    from_: str | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was understood. ``value`` is its argument, checked."""

    name: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What was typed means nothing; ``reason`` says what would."""

    reason: str


Entry = Text | Command | Mistake


def _status(value: str) -> str:
    """Return a status, by its name or number, as a decimal number."""
    if _STATUS.fullmatch(value) and (number := int(value, 0)) <= _MOST:
        return str(number)
    return str(read_status(value.upper()))


def _stat(value: str) -> str:
    if not _STAT.fullmatch(value):
        raise ValueError(f"{value!r} is no state; one word such as UNDELIV, or none, would be right")
    return "" if value.lower() == "none" else value


def _octets(value: str) -> str:
    if not (octets := read_hex(value)):
        raise ValueError("hexadecimal digits such as 00 00 00 10 would be right")
    return octets.hex()


_CHECKED: Final = {"answer": _status, "receipt": _stat, "raw": _octets}
"""Commands whose argument is read by a function; ValueError says what is wrong with it."""


def read_entry(typed: str) -> Entry | None:
    """Say what a typed line means; None for a blank one."""
    if not typed.strip():
        return None
    if switch := _SWITCH.fullmatch(typed):
        return Text(switch[2], switch[1]) if switch[2].strip() else Command("from", switch[1])
    if not typed.startswith("/"):
        return Text(typed)
    if typed.startswith("//"):
        return Text(typed[1:])
    name, _, value = typed[1:].strip().partition(" ")
    name, value = name.lower(), value.strip()
    if name in ("help", "binds", "cut", "quit"):
        return Command(name) if not value else Mistake(f"/{name} takes nothing behind it")
    if name in ("from", "line"):
        return (
            Command(name, value)
            if _NUMBER.fullmatch(value)
            else Mistake(f"/{name} takes a number, such as +12125550199")
        )
    if name == "throttle":
        known = value.isascii() and value.isdigit()
        return Command(name, value) if known else Mistake("/throttle takes a whole number, 0 for none")
    if name in _CHECKED:
        try:
            return Command(name, _CHECKED[name](value))
        except ValueError as error:
            return Mistake(f"/{name}: {error}")
    return Mistake(f"there is no /{name}; /help shows what there is")


async def run_prompt(
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    system_id: str | None = None,
    password: str | None = None,
    tls: ssl.SSLContext | None = None,
    from_: str = DEFAULT_FROM,
    line: str = DEFAULT_LINE,
    stdin: int | None = None,
    stdout: TextIO | None = None,
    linger_s: float = 1.0,
    patience_s: float = 30.0,
) -> None:
    """Be a carrier on ``host``:``port`` with a prompt to text from, until the person leaves.

    ``system_id`` and ``password`` are what binds must show (None: anything); ``tls`` makes it speak TLS; ``stdin`` is a
    file descriptor. See ``talk`` for the rest. Raises ListenError if it cannot listen.
    """
    carrier = SimulatedCarrier(system_id=system_id, password=password, tls=tls)
    listeners = await carrier.listen(port, host)
    terminal = Terminal(stdin, stdout)
    who = f"system_id {system_id}" if system_id else "any system_id"
    how = " with TLS" if tls else ""
    terminal.show(f"listening on {host}:{port_of(listeners)}{how} for {who}; /help shows what can be typed")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(carrier.attend, listeners)
        await talk(carrier, from_=from_, line=line, terminal=terminal, linger_s=linger_s, patience_s=patience_s)
        await carrier.unbind()
        nursery.cancel_scope.cancel()


async def talk(
    carrier: SimulatedCarrier,
    *,
    from_: str = DEFAULT_FROM,
    line: str = DEFAULT_LINE,
    terminal: Terminal | None = None,
    linger_s: float = 1.0,
    patience_s: float = 30.0,
) -> None:
    """Let a person text through a carrier that serves already, until the person leaves.

    Where input is no terminal, its end comes before the answers do. Then it waits up to ``patience_s`` until all that
    was texted is acknowledged, and shows what arrives for ``linger_s`` more. /quit does not wait.
    """
    talking = _Talk(carrier, from_, line, terminal or Terminal())
    stop = carrier.watch(talking.note)
    try:
        with talking.terminal.taken():
            async with trio.open_nursery() as texting:
                quitted = await talking.listen(texting)
                patient = not quitted and not talking.terminal.interactive
                texting.cancel_scope.deadline = trio.current_time() + (patience_s if patient else 0)
            if patient:
                await trio.sleep(linger_s)
    finally:
        stop()


class _Talk:
    def __init__(self, carrier: SimulatedCarrier, from_: str, line: str, terminal: Terminal) -> None:
        self.terminal = terminal
        self._carrier = carrier
        self._line = line
        self._from = from_
        terminal.set_prompt(f"{from_}> ")

    def note(self, happening: Happening) -> None:
        """Show what happened."""
        if said := shown(happening):
            self.terminal.show(said)

    async def listen(self, texting: trio.Nursery) -> bool:
        """Do what is typed until the person leaves; say whether that was by /quit."""
        while (typed := await self.terminal.line()) is not None:
            match read_entry(typed):
                case Command("quit"):
                    return True
                case Text(text, from_):
                    self._go_on_from(from_ or self._from)
                    self._text(text, texting)
                case Command(name, value):
                    self._do(name, value)
                case Mistake(reason):
                    self.terminal.show(reason)
        return False

    def _go_on_from(self, number: str) -> None:
        self._from = number
        self.terminal.set_prompt(f"{number}> ")

    def _text(self, text: str, texting: trio.Nursery) -> None:
        try:
            posted = self._carrier.post(text, from_=self._from, line=self._line)
        except GatewayError as error:
            self.terminal.show(str(error))
            return
        if not any(link.session.can_send for link in self._carrier.binds):
            self.terminal.show("nobody is bound to receive it; it waits for a bind")
        texting.start_soon(self._hear, posted, self._line)

    async def _hear(self, posted: Sequence[Delivery], line: str) -> None:
        if status := await verdict(posted):
            self.terminal.show(f"{line} did not take it: {describe(status)}")

    def _write(self, octets: bytes) -> None:
        """Write octets as they are; what is answered to them is shown when it happens."""
        if not self._carrier.links:
            self.terminal.show("nobody is connected")
            return
        link = self._carrier.link()
        link.write(octets)
        self.terminal.show(f"{len(octets)} octets written to bind {link.name}")

    def _do(self, name: str, value: str) -> None:
        show = self.terminal.show
        match name:
            case "help":
                for one in HELP.splitlines():
                    show(one)
            case "from":
                self._go_on_from(value)
            case "line":
                self._line = value
                show(f"texts go to {value} now")
            case "binds":
                for link in self._carrier.binds:
                    waiting = link.session.outstanding
                    show(f"bind {link.name}: {link.system_id}, {link.mode}, {waiting} not acknowledged")
                if not self._carrier.binds:
                    show("nobody is bound")
            case "cut":
                show(f"connections cut: {self._carrier.cut()}")
            case "answer":
                self._carrier.manners.status_for[self._from] = int(value)
                show(f"messages to {self._from} are answered {describe(int(value))}")
            case "receipt":
                self._carrier.manners.receipt_stat = value
                show(f"receipts say {value}" if value else "no receipts")
            case "raw":
                self._write(bytes.fromhex(value))
            case _:
                self._carrier.manners.throttle_every = int(value)
                show(f"one message in {value} is throttled" if int(value) else "no message is throttled")
