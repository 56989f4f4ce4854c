"""Octets of any kind from the prompt and from a script, what is answered to them, and the prompt's other levers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from gateway.simulator import SimulatedCarrier, play_script, read_script, talk
from gateway.simulator.prompt import Command, Entry, Mistake, read_entry
from gateway.smpp.constants import CommandId, Status, describe
from gateway.smpp.pdu import EnquireLinkResp, SubmitSm
from tests.kit.esme import esme
from tests.simulator.test_prompt import Pipe

PATIENCE_S = 30
LINK_CHECK = "00000010 00000015 00000000 0000004d"
OK, ERROR, NO_SUCH = (describe(status) for status in (0, 8, 11))
LINK_CHECKED = f"bind 1 answers enquire_link_resp 77: {OK}"


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    one = Pipe()
    yield one
    one.close()


@pytest.mark.parametrize(
    "typed, entry",
    [
        ("/raw 00 0aFF", Command("raw", "000aff")),
        ("/raw", Mistake("/raw: hexadecimal digits such as 00 00 00 10 would be right")),
        ("/raw 0g", Mistake("/raw: '0g' is no octets; hexadecimal digits such as 53 54 4F would be right")),
        ("/answer esme_rinvdstadr", Command("answer", "11")),
        ("/answer 0x45", Command("answer", "69")),
        ("/answer 69", Command("answer", "69")),
        ("/answer 0", Command("answer", "0")),
        (
            "/answer 4294967296",
            Mistake("/answer: '4294967296' is no status; a name such as ESME_ROK, or its number, would be right"),
        ),
        (
            "/answer ESME_RTHROTLED",
            Mistake(
                "/answer: 'ESME_RTHROTLED' is no status; a name such as ESME_RTHROTTLED, or its number, would be right"
            ),
        ),
        ("/receipt UNDELIV", Command("receipt", "UNDELIV")),
        ("/receipt none", Command("receipt", "")),
        ("/receipt", Mistake("/receipt: '' is no state; one word such as UNDELIV, or none, would be right")),
    ],
)
def test_what_is_typed(typed: str, entry: Entry) -> None:
    assert read_entry(typed) == entry


async def test_what_is_written_raw_arrives_and_its_answer_is_shown(nursery: trio.Nursery, pipe: Pipe) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    pipe.type(f"/raw {LINK_CHECK}\n")
    async with trio.open_nursery() as talking:
        async with esme(port) as one:
            talking.start_soon(lambda: talk(carrier, terminal=pipe.terminal(), linger_s=0))
            frame = await one.response(CommandId.ENQUIRE_LINK)
            await one.send(EnquireLinkResp(), sequence=frame.sequence)
            await carrier.until(lambda _: LINK_CHECKED in pipe.shown)
        await carrier.until(lambda carrier: not carrier.links)
        pipe.type(f"/raw {LINK_CHECK}\n")
        pipe.end()
    assert [line for line in pipe.shown if "octets" in line] == ["16 octets written to bind 1"]
    assert pipe.shown[-1] == "nobody is connected"


async def test_answers_and_receipts_are_as_was_said(nursery: trio.Nursery, pipe: Pipe) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    pipe.type("/answer ESME_RINVDSTADR\n/from +12125550199\n/receipt UNDELIV\n")
    async with esme(port) as one, trio.open_nursery() as talking:
        talking.start_soon(lambda: talk(carrier, terminal=pipe.terminal(), linger_s=0))
        with trio.fail_after(PATIENCE_S):
            while "receipts say UNDELIV" not in pipe.shown:
                await trio.lowlevel.checkpoint()  # what was typed happens to nobody: the carrier tells nothing of it
        refused = await one.submit(SubmitSm(destination_addr="12125550101"))
        assert refused[0] == Status.ESME_RINVDSTADR
        taken = await one.submit(SubmitSm(destination_addr="12125550199", registered_delivery=1))
        assert taken[0] == 0
        _, receipt = await one.delivered()
        assert b"stat:UNDELIV" in receipt.short_message
        pipe.type("/receipt none\n/quit\n")
    shown = pipe.shown
    assert f"messages to +12125550101 are answered {NO_SUCH}" in shown
    assert "receipts say UNDELIV" in shown
    assert "no receipts" in shown


@pytest.mark.parametrize(
    "status, answered, end",
    [
        ("", None, "PASSED 1 step"),
        ("status = 0", 0, "PASSED 1 step"),
        ("status = 8", 8, "PASSED 1 step"),
        ("status = 8", 0, f"expected to be answered {ERROR}, and was {OK}"),
        ("status = 8\nwithin_s = 0", None, f"expected to be answered {ERROR}, and was not answered within 0 s"),
    ],
)
async def test_a_step_of_octets(
    nursery: trio.Nursery, tmp_path: Path, status: str, answered: int | None, end: str
) -> None:
    path = tmp_path / "script.toml"
    path.write_text(f'[[step]]\nraw = "{bytes.fromhex(LINK_CHECK).hex(" ")}"\n{status}', "utf-8")
    said = await played(nursery, path, answered)
    assert end in "\n".join(said)
    assert "the octets 00 00 00 10 00 00 00 15 00 00 00 00 00 00 00 4d are written" in said[0]


async def played(nursery: trio.Nursery, path: Path, answered: int | None) -> list[str]:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    said: list[str] = []
    say: Callable[[str], None] = said.append
    async with esme(port) as one, trio.open_nursery() as playing:
        playing.start_soon(play_script, carrier, read_script(path), say)
        frame = await one.response(CommandId.ENQUIRE_LINK)
        if answered is not None:
            await one.send(EnquireLinkResp(), sequence=frame.sequence, status=answered)
    return said


async def test_octets_for_nobody_fail_the_step(nursery: trio.Nursery, tmp_path: Path) -> None:
    carrier = SimulatedCarrier()
    port = await nursery.start(carrier.serve)
    path = tmp_path / "script.toml"
    path.write_text(f'[[step]]\ncut = true\n[[step]]\nraw = "{"00" * 20}"\n', "utf-8")
    said: list[str] = []
    async with esme(port):
        assert not await play_script(carrier, read_script(path), said.append)
    assert said[-2] == f"FAIL    2  the octets {'00 ' * 16}… are written; nobody is connected"
