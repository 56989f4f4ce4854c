"""The prompt, on a pipe and on a pseudo-terminal, with an ESME that answers over a real socket."""

from __future__ import annotations

import io
import os
import pty
import re
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from gateway.base.listening import ListenError
from gateway.simulator import SimulatedCarrier, run_prompt, talk
from gateway.simulator.prompt import Command, Entry, Mistake, Text, read_entry
from gateway.simulator.terminal import Terminal
from gateway.smpp.constants import Status
from gateway.smpp.pdu import SubmitSm
from tests.kit.esme import Esme, esme


@pytest.mark.parametrize(
    "typed, entry",
    [
        ("JOIN", Text("JOIN")),
        (" JOIN ", Text(" JOIN ")),
        ("", None),
        ("  \t", None),
        ("+12125550199> HELLO", Text("HELLO", "+12125550199")),
        ("12125550199>HELLO > you", Text("HELLO > you", "12125550199")),
        ("+12125550199>", Command("from", "+12125550199")),
        ("12> x", Text("12> x")),
        ("//help", Text("/help")),
        ("/help", Command("help")),
        ("/HELP ", Command("help")),
        ("/help me", Mistake("/help takes nothing behind it")),
        ("/binds", Command("binds")),
        ("/cut", Command("cut")),
        ("/quit", Command("quit")),
        ("/from +12125550199", Command("from", "+12125550199")),
        ("/from", Mistake("/from takes a number, such as +12125550199")),
        ("/line 85701", Command("line", "85701")),
        ("/line 8 5", Mistake("/line takes a number, such as +12125550199")),
        ("/throttle 3", Command("throttle", "3")),
        ("/throttle many", Mistake("/throttle takes a whole number, 0 for none")),
        ("/jump", Mistake("there is no /jump; /help shows what there is")),
    ],
)
def test_what_a_typed_line_means(typed: str, entry: Entry | None) -> None:
    assert read_entry(typed) == entry


class Pipe:
    """A pipe as standard input, and a file as standard output."""

    def __init__(self, typed: str = "") -> None:
        self.read_end, self._write_end = os.pipe()
        self.output = io.TextIOWrapper(io.BytesIO(), "utf-8")
        self.type(typed)

    def type(self, typed: str) -> None:
        os.write(self._write_end, typed.encode())

    def end(self) -> None:
        if self._write_end >= 0:
            os.close(self._write_end)
            self._write_end = -1

    def close(self) -> None:
        self.end()
        os.close(self.read_end)

    def terminal(self) -> Terminal:
        return Terminal(self.read_end, self.output)

    @property
    def shown(self) -> list[str]:
        self.output.seek(0)
        return self.output.read().splitlines()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    one = Pipe()
    yield one
    one.close()


async def answer(one: Esme, text: bytes) -> None:
    """Take one text, and send another to whoever it came from."""
    _, pdu = await one.delivered()
    await one.submit(
        SubmitSm(
            source_addr=pdu.destination_addr,
            dest_addr_ton=1,
            destination_addr=pdu.source_addr,
            short_message=text + pdu.short_message,
        )
    )


async def test_a_piped_dialogue(nursery: trio.Nursery, pipe: Pipe) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one:
        async with trio.open_nursery() as talking:
            talking.start_soon(lambda: talk(carrier, terminal=pipe.terminal(), linger_s=0))
            for typed in ("JOIN", "+12125550199> HELLO", "/line 85701\n+12125550101> Hi"):
                pipe.type(f"{typed}\n")
                await answer(one, b"You said:\n")
            pipe.end()
        assert pipe.shown == [
            "+12125550101> JOIN",
            "85700 to +12125550101: You said: / JOIN",
            "+12125550101> +12125550199> HELLO",
            "85700 to +12125550199: You said: / HELLO",
            "+12125550199> /line 85701",
            "texts go to 85701 now",
            "+12125550199> +12125550101> Hi",
            "85701 to +12125550101: You said: / Hi",
        ]


async def test_every_command(nursery: trio.Nursery, pipe: Pipe) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    pipe.type("/help\n/binds\n/cut\n/binds\n/throttle 2\n/throttle 0\n/from +1999\n/nonsense\n\n/quit\nnever")
    async with esme(port):
        await talk(carrier, terminal=pipe.terminal())
    shown = [line for line in pipe.shown if "> " not in line and not line.startswith(("/", "TEXT"))]
    assert shown == [
        "bind 1: demo, transceiver, 0 not acknowledged",
        "bind 1 is down: the carrier cut the connection",
        "connections cut: 1",
        "nobody is bound",
        "one message in 2 is throttled",
        "no message is throttled",
        "there is no /nonsense; /help shows what there is",
    ]
    assert pipe.shown[-1] == "+1999> /quit"
    assert carrier.manners.throttle_every == 0


async def test_what_goes_wrong_is_shown(nursery: trio.Nursery, pipe: Pipe) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    carrier.manners.refuse_binds = Status.ESME_RBINDFAIL
    async with esme(port, None) as one, trio.open_nursery() as talking:
        talking.start_soon(lambda: talk(carrier, terminal=pipe.terminal(), linger_s=0))
        pipe.type("JOIN\n" + "x" * 40_000 + "\n")
        await carrier.until(lambda carrier: carrier.waiting == 1)
        await one.bind()
        carrier.manners.refuse_binds = 0
        carrier.manners.throttle_every = 1
        await one.bind()
        await one.delivered(status=Status.ESME_RX_P_APPN)
        await one.submit(SubmitSm(source_addr="85700", dest_addr_ton=1, destination_addr="12125550101"))
        await one.submit(SubmitSm(source_addr="85700", dest_addr_ton=1, destination_addr="12125550101"))
        pipe.end()
    shown = [line for line in pipe.shown if "> " not in line]
    assert shown[0] == "nobody is bound to receive it; it waits for a bind"
    assert "a text of 40000 characters takes 262 segments; a long text has 255 at most" in shown
    assert any(line.startswith("bind 1 of demo was refused: ESME_RBINDFAIL") for line in shown)
    assert "bind 1 is up: demo, transceiver" in shown
    assert any(line.startswith("85700 did not take it: ESME_RX_P_APPN") for line in shown)
    assert any(line.startswith("85700 to +12125550101: answered ESME_RTHROTTLED") for line in shown)


async def test_the_end_of_a_pipe_waits_for_answers_but_not_for_ever(pipe: Pipe, autojump_clock: MockClock) -> None:
    pipe.type("JOIN")
    pipe.end()
    carrier = SimulatedCarrier()
    await talk(carrier, terminal=pipe.terminal(), patience_s=30, linger_s=2)
    assert trio.current_time() == pytest.approx(32)
    assert pipe.shown == ["+12125550101> JOIN", "nobody is bound to receive it; it waits for a bind"]


async def test_a_file_and_dev_null_are_fine_as_input(tmp_path: Path) -> None:
    typed = tmp_path / "typed"
    typed.write_text("/throttle 3\r\n/quit\r\n")
    for path in (typed, Path(os.devnull)):
        output = io.TextIOWrapper(io.BytesIO(), "ascii")
        with path.open("rb") as file:
            await talk(SimulatedCarrier(), terminal=Terminal(file.fileno(), output), linger_s=0)
        output.seek(0)
        lines = ["+12125550101> /throttle 3", "one message in 3 is throttled", "+12125550101> /quit"]
        assert output.read().splitlines() == (lines if path == typed else [])


async def test_a_descriptor_that_does_not_block_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.read_end, False)
    terminal = pipe.terminal()
    terminal._waits = False  # as if it had been taken for a file
    lines: list[str | None] = []

    async def read() -> None:
        lines.append(await terminal.line())

    async with trio.open_nursery() as reading:
        reading.start_soon(read)
        for _ in range(3):
            await trio.lowlevel.checkpoint()
        pipe.type("late\n")
    assert lines == ["late"]


async def test_run_prompt_is_a_whole_carrier(pipe: Pipe) -> None:
    pipe.type("/quit\n")
    await run_prompt(port=0, system_id="demo", password="secret", stdin=pipe.read_end, stdout=pipe.output)
    first, second = pipe.shown
    assert re.fullmatch(r"listening on 127.0.0.1:\d+ for system_id demo; /help shows what can be typed", first)
    assert second == "+12125550101> /quit"


async def test_run_prompt_says_so_if_the_port_is_taken(nursery: trio.Nursery, pipe: Pipe) -> None:
    port = await nursery.start(SimulatedCarrier().serve)
    with pytest.raises(ListenError, match="cannot listen"):
        await run_prompt(port=port, stdin=pipe.read_end, stdout=pipe.output)


class Screen:
    """A pseudo-terminal, and the little of a terminal's behaviour that the prompt relies on."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (24, 40))
        self.file = os.fdopen(os.dup(self.slave), "w", encoding="utf-8")
        self.raw = ""

    def close(self) -> None:
        self.file.close()
        os.close(self.master)
        os.close(self.slave)

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    async def until(self, wanted: str) -> None:
        """Read what is drawn until the rows hold ``wanted``."""
        while wanted not in "\n".join(self.rows):
            await trio.lowlevel.wait_readable(self.master)
            self.raw += os.read(self.master, 4096).decode()

    @property
    def rows(self) -> list[str]:
        """What a terminal of 40 columns would show."""
        rows, row, column = [""], 0, 0
        for token in re.findall("\x1b\\[\\d*[AJ]|.", self.raw, re.DOTALL):
            if token == "\r":
                column = 0
            elif token == "\n":
                row += 1
                rows += [""] * (row - len(rows) + 1)
            elif token.endswith("A") and len(token) > 1:
                row -= int(token[2:-1])
            elif token == "\x1b[J":
                rows[row:] = [rows[row][:column]]
            else:
                if column == 40:
                    row, column = row + 1, 0
                    rows += [""] * (row - len(rows) + 1)
                rows[row] = rows[row][:column].ljust(column) + token + rows[row][column + 1 :]
                column += 1
        return rows


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[Screen]:
    monkeypatch.setenv("COLUMNS", "40")
    one = Screen()
    yield one
    one.close()


async def test_what_arrives_does_not_break_the_half_typed_line(nursery: trio.Nursery, screen: Screen) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    before = termios.tcgetattr(screen.slave)
    async with esme(port) as one, trio.open_nursery() as talking:
        talking.start_soon(lambda: talk(carrier, terminal=Terminal(screen.slave, screen.file)))
        await screen.until("+12125550101> ")
        typed = "a text that is longer than the terminal is wide, by far"
        screen.type(typed[:30])
        await screen.until(typed[26:30])
        await one.submit(
            SubmitSm(source_addr="85700", dest_addr_ton=1, destination_addr="12125550101", short_message=b"Hello there")
        )
        await screen.until("Hello there")
        screen.type(typed[30:])
        await screen.until("by far")
        assert "".join(screen.rows) == f"85700 to +12125550101: Hello there+12125550101> {typed}"
        screen.type("\r")
        _, pdu = await one.delivered()
        assert pdu.short_message.decode() == typed
        screen.type("bye\r\x03")
        _, pdu = await one.delivered(status=None)
        assert pdu.short_message == b"bye"
    assert termios.tcgetattr(screen.slave) == before


async def test_ctrl_d_is_the_end(screen: Screen) -> None:
    async with trio.open_nursery() as talking:
        talking.start_soon(lambda: talk(SimulatedCarrier(), terminal=Terminal(screen.slave, screen.file)))
        await screen.until("+12125550101> ")
        screen.type("\x04")


async def test_a_terminal_that_goes_away_is_the_end() -> None:
    master, slave = pty.openpty()
    terminal = Terminal(slave, io.TextIOWrapper(io.BytesIO(), "utf-8"))
    lines: list[str | None] = []

    async def read() -> None:
        lines.append(await terminal.line())

    async with trio.open_nursery() as reading:
        reading.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        os.close(master)
    os.close(slave)
    assert lines == [None]


@pytest.mark.parametrize("typed", ["x" * 26, "x" * 25, "x" * 27, "ж" * 70])
async def test_any_length_is_erased_exactly(screen: Screen, typed: str) -> None:
    terminal = Terminal(screen.slave, screen.file)
    terminal.show("above")
    with terminal.taken():
        terminal.set_prompt("+12125550101> ")
        terminal._editor.feed(typed.encode())
        terminal.show("one")
        terminal.show("two")
        await screen.until("two")
        await screen.until(typed[-1])
    assert screen.rows[:3] == ["above", "one", "two"]
    assert "".join(screen.rows[3:]) == f"+12125550101> {typed}"
