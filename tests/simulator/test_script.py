"""Script files: read with all mistakes at once, played over real sockets, passed and failed."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from gateway.simulator import Script, ScriptError, SimulatedCarrier, play_script, read_script, run_script
from gateway.smpp.pdu import SubmitSm
from tests.kit.esme import Esme, esme


def script(text: str, tmp_path: Path) -> Script:
    path = tmp_path / "script.toml"
    path.write_text(text)
    return read_script(path)


MISTAKES = """
from = "+1212 555"
colour = 3
[[step]]
txt = "JOIN"
[[step]]
text = "a"
hex = "zz"
status = "ESME_RTHROTLED"
[[step]]
from = "+12125550101"
[[step]]
text = 5
expect = [3]
wait_s = -1
[[step]]
text = "a"
hex = "41"
[[step]]
cut = "yes"
status = true
"""


def test_every_mistake_is_told_at_once_with_its_step(tmp_path: Path) -> None:
    with pytest.raises(ScriptError) as caught:
        script(MISTAKES, tmp_path)
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == [
        "script.toml: from is '+1212 555'; a number such as +12125550101, or a short code would be right",
        "script.toml: step 1: txt is no key; text would be right",
        "script.toml: step 2: hex: 'zz' is no octets; hexadecimal digits such as 53 54 4F would be right",
        "script.toml: step 2: status: 'ESME_RTHROTLED' is no status; "
        "a name such as ESME_RTHROTTLED, or its number, would be right",
        "script.toml: step 3: nothing to do; text, expect, wait_s or another action would be right",
        "script.toml: step 4: wait_s is -1; greater than or equal to 0 would be right",
        "script.toml: step 4: text is 5; a text in quotes would be right",
        "script.toml: step 4: expect.0 is 3; a text in quotes would be right",
        "script.toml: step 5: text and hex together; one of them would be right",
        "script.toml: step 6: cut is 'yes'; true or false would be right",
        "script.toml: step 6: status is True; a whole number would be right",
        "script.toml: colour is no key; one of from, line, within_s, bind_within_s, step would be right",
    ]


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "no steps; at least one \\[\\[step\\]\\] would be right"),
        ("step = []", "no steps; at least one"),
        ("step = [3]", "step 1: 3; a table would be right"),
        ("[step]\ntext = 'a'", "step is no list; tables that are each headed \\[\\[step\\]\\] would be right"),
        ("[[step]]\nexpect = 3", "step 1: expect is 3; a list would be right"),
        ("[[step]]\nhex = 3", "step 1: hex is 3; "),
        ("[[step]]\nstatus = 'X'\ncut = true", "a name such as ESME_"),
        ("[[step]]\nstatus = '???'\ncut = true", "a name such as ESME_ROK"),
        ("x =", "not TOML: .*line 1|not TOML: "),
    ],
)
def test_other_mistakes(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ScriptError, match=message):
        script(text, tmp_path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"nothing\.toml: cannot be read: No such file"):
        read_script(tmp_path / "nothing.toml")
    (tmp_path / "latin.toml").write_bytes(b"\xff")
    with pytest.raises(ScriptError, match=r"latin\.toml: cannot be read: it is not UTF-8"):
        read_script(tmp_path / "latin.toml")


async def echo(one: Esme) -> None:
    """Answer every text with itself, and STOP with two texts."""
    while True:
        _, pdu = await one.delivered()
        texts = [b"You are out", b"Really"] if pdu.short_message == b"STOP" else [b"You said " + pdu.short_message]
        if pdu.short_message == b"quiet" or pdu.esm_class == 4:
            continue
        for text in texts:
            await one.send(
                SubmitSm(
                    source_addr=pdu.destination_addr,
                    destination_addr=pdu.source_addr,
                    short_message=text,
                    registered_delivery=1,
                )
            )


GOOD = """
from = "+12125550101"
within_s = 20
[[step]]
binds = 1
[[step]]
text = "JOIN"
expect = "You said JOIN"
exact = true
[[step]]
from = "+12125550199"
line = "85701"
text = "STOP"
expect = ["out", "Really"]
[[step]]
again = true
from = "+12125550199"
line = "85701"
expect = ["out", "Really"]
[[step]]
hex = "53 54 4F 50 21"
data_coding = 4
expect = "STOP!"
[[step]]
receipt = "UNDELIV"
answer = "ESME_RINVDSTADR"
throttle_every = 3
wait_s = 0
text = "x"
silence_s = 0.01
[[step]]
receipt = ""
throttle_every = 0
[[step]]
cut = true
"""


async def test_a_script_that_passes(nursery: trio.Nursery, tmp_path: Path) -> None:
    carrier, said = SimulatedCarrier(), list[str]()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one, trio.open_nursery() as playing:
        playing.start_soon(echo, one)
        assert await play_script(carrier, script(GOOD, tmp_path), said.append)
        playing.cancel_scope.cancel()
    assert said == [
        "ok      1  binds up: 1",
        "ok      2  +12125550101 texts 85700: JOIN",
        "ok      2  +12125550101 gets from 85700: You said JOIN",
        "ok      3  +12125550199 texts 85701: STOP",
        "ok      3  +12125550199 gets from 85701: You are out",
        "ok      3  +12125550199 gets from 85701: Really",
        "ok      4  the latest text comes again",
        "ok      4  +12125550199 gets from 85701: You are out",
        "ok      4  +12125550199 gets from 85701: Really",
        "ok      5  +12125550101 sends 85700 the octets 53 54 4f 50 21",
        "ok      5  +12125550101 gets from 85700: You said STOP!",
        "ok      6  receipts say UNDELIV",
        "ok      6  submits to +12125550101 are answered ESME_RINVDSTADR (0x0000000B): Invalid Destination Address",
        "ok      6  one submit in 3 is throttled",
        "ok      6  waited 0 s",
        "ok      6  +12125550101 texts 85700: x",
        "ok      6  +12125550101 got nothing for 0.01 s",
        "ok      7  no receipts",
        "ok      7  no throttling",
        "ok      8  connections cut: 1",
        "PASSED 8 steps",
    ]


@pytest.mark.parametrize(
    "steps, failure",
    [
        (
            'text = "JOIN"\nexpect = "Bye"',
            "+12125550101 expected a text with “Bye” from 85700; got from 85700: “You said JOIN”",
        ),
        ('text = "JOIN"\nexpect = "JOIN"\nexact = true', "+12125550101 expected the text “JOIN” from 85700; got from"),
        ('text = "JOIN"\nstatus = 100', "expected to be acknowledged ESME_RX_T_APPN (0x00000064)"),
        ('text = "STOP"\nexpect = "out"\nsilence_s = 60', "+12125550101 expected nothing for 60 s; got: “Really”"),
        ("again = true", "nothing was texted before that could come again"),
    ],
)
async def test_a_script_that_fails(nursery: trio.Nursery, tmp_path: Path, steps: str, failure: str) -> None:
    carrier, said = SimulatedCarrier(), list[str]()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one, trio.open_nursery() as playing:
        playing.start_soon(echo, one)
        text = f"[[step]]\n{steps}\n[[step]]\ncut = true"
        assert not await play_script(carrier, script(text, tmp_path), said.append)
        playing.cancel_scope.cancel()
    assert said[-2].startswith("FAIL    1  ")
    assert failure in said[-2]
    assert said[-1] == "FAILED at step 1 of 2"


@pytest.mark.parametrize(
    "steps, failure",
    [
        ('text = "quiet"\nexpect = "x"', "nothing arrived within 5 s"),
        ("binds = 2\nwithin_s = 1.5", "expected 2 binds within 1.5 s; up: 1"),
    ],
)
async def test_a_script_that_waits_in_vain(
    nursery: trio.Nursery, tmp_path: Path, mock_clock: MockClock, steps: str, failure: str
) -> None:
    carrier, said = SimulatedCarrier(), list[str]()
    port = await nursery.start(carrier.serve)
    results: list[bool] = []

    async def play() -> None:
        results.append(await play_script(carrier, script(f"[[step]]\n{steps}", tmp_path), said.append))

    async with esme(port) as one, trio.open_nursery() as playing:
        playing.start_soon(echo, one)
        playing.start_soon(play)
        while not results:
            await trio.testing.wait_all_tasks_blocked(0.001)
            mock_clock.jump(1)
        playing.cancel_scope.cancel()
    assert failure in said[-2]


async def test_a_text_that_is_not_acknowledged_fails(
    nursery: trio.Nursery, tmp_path: Path, mock_clock: MockClock
) -> None:
    carrier, said = SimulatedCarrier(), list[str]()
    port = await nursery.start(carrier.serve)
    async with esme(port) as one, trio.open_nursery() as playing:
        playing.start_soon(play_script, carrier, script('[[step]]\ntext = "x"', tmp_path), said.append)
        await one.delivered(status=None)
        mock_clock.jump(5)
    assert said[0] == "FAIL    1  +12125550101 texts 85700: x; not acknowledged within 5 s"


async def test_a_carrier_that_forgets_fails_the_text(nursery: trio.Nursery, tmp_path: Path) -> None:
    carrier, said = SimulatedCarrier(), list[str]()
    carrier.manners.redeliver = False
    port = await nursery.start(carrier.serve)
    async with trio.open_nursery() as playing, esme(port) as one:
        playing.start_soon(play_script, carrier, script('[[step]]\ntext = "x"', tmp_path), said.append)
        await one.delivered(status=None)
    assert "and was not at all" in said[0]


async def test_run_script_listens_before_it_plays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "script.toml"
    path.write_text("bind_within_s = 0\n[[step]]\ncut = true")
    assert await run_script(path, port=0) == 1
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("listening on 127.0.0.1:")
    assert out[1:] == ["FAIL    0  no bind that can receive came within 0 s", "FAILED before step 1 of 1"]


async def test_run_script_passes(tmp_path: Path) -> None:
    path = tmp_path / "script.toml"
    path.write_text("[[step]]\nbinds = 1")
    said, results = list[str](), list[int]()

    async def run() -> None:
        results.append(await run_script(path, port=0, say=said.append))

    async with trio.open_nursery() as running:
        running.start_soon(run)
        await trio.testing.wait_all_tasks_blocked()
        async with esme(int(said[0].rpartition(":")[2])):
            pass
    assert results == [0]
    assert said[-1] == "PASSED 1 step"
