"""STOP against everything a carrier and a subscriber can put in its way, over real sockets.

What is asked each time: is the STOP in force once it is acked, and is its confirmation all that she is sent from then
on?
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.test_hostile_pdus import Joiners
from tests.kit.daemon import ON_THE_LIST, STOPPED, WELCOME, Daemon, daemon, write_config
from tests.kit.raw_smsc import DELIVER, ENQUIRE, GENERIC_NACK, RESP, SUBMIT, RawBind, listening, message, pdu

ANNE: Final = "12125550101"
STOPPED_TEXT: Final = STOPPED.encode()
OPTED_OUT: Final = 2


async def _confirmed(bind: RawBind, number: str = ANNE) -> None:
    await bind.until(lambda bind: STOPPED_TEXT in bind.to(number), "the confirmation")


async def _send(gateway: Daemon, count: int, to: str = ANNE, text: str = "news {}") -> list[str]:
    messages = [{"line": "85700", "to": f"+{to}", "text": text.format(n)} for n in range(count)]
    answer = await gateway.request("POST", "/api/v1/messages", json={"messages": messages})
    return [result["id"] for result in answer.json()["results"]]


@pytest.mark.checklist("E2", "I1", "I3", "I5")
async def test_a_stop_in_a_hundred_ways_is_confirmed_once(tmp_path: Path) -> None:
    joiners = Joiners()
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port)) as gateway:
        bind = await smsc.bound()
        assert (await bind.text(b"JOIN")).status == 0
        await bind.until(lambda bind: bind.to(ANNE) == [WELCOME.encode(), ON_THE_LIST.encode()])
        sequences = [bind.next() for _ in range(100)]
        await bind.send(*(pdu(DELIVER, sequence, message(b"STOP")) for sequence in sequences))
        for sequence in sequences:
            assert (await bind.answer(sequence)).status == 0
        await bind.send(pdu(DELIVER, 7, message(b"STOP")) * 100)
        await bind.until(lambda bind: len(bind.answers(7)) == 100)
        spellings = [(b"2125550101", 2), (b"0012125550101", 0), (b"01112125550101", 0), (b"+12125550101", 1)]
        for source, ton in spellings:  # E2
            assert (await bind.text(b"Stop it!", source=source, ton=ton)).status == 0
        await joiners.join(bind, "a hundred STOPs, and a hundred under one number")
        assert bind.to(ANNE)[2:] == [STOPPED_TEXT]

        # She cannot make up her mind, in one segment: what she said last holds, and nobody is flooded.
        moods = (b"JOIN", b"STOP", b"START")
        undecided = b"12125550102"
        numbers = [bind.next() for _ in range(902)]
        await bind.send(
            *(pdu(DELIVER, number, message(moods[n % 3], source=undecided)) for n, number in enumerate(numbers))
        )
        for number in numbers:
            assert (await bind.answer(number)).status == 0
        assert await gateway.consent(f"+{undecided.decode()}") == "opted_out"
        await _confirmed(bind, undecided.decode())
        await joiners.join(bind, "902 changes of mind")
        assert len(bind.to(undecided.decode())) <= 11, "ten replies a minute, and the confirmation"

        # STOP, and the connection is gone before its ack: it is in force, and brought again changes nothing.
        await bind.send(pdu(DELIVER, 9, message(b"STOP", source=b"12125550103")))
        await bind.close()
        bind = await smsc.bound()
        assert (await bind.text(b"STOP", source=b"12125550103")).status == 0
        await _confirmed(bind, "12125550103")
        await joiners.join(bind, "a STOP brought again")
        assert bind.to("12125550103") == [STOPPED_TEXT]
        assert await gateway.terminate() == 0


@pytest.mark.checklist("D4", "I2")
async def test_a_stop_ends_what_is_half_way_at_the_carrier(tmp_path: Path) -> None:
    joiners = Joiners()
    file = write_config(tmp_path, 1)
    async with listening() as smsc:
        file.write_text(
            file.read_text().replace("port = 1\n", f"port = {smsc.port}\n").replace("window = 10", "window = 4")
        )
        async with daemon(file) as gateway:
            bind = await smsc.bound()
            await _in_the_window(bind, gateway, joiners)
            await _refused_for_now(bind, gateway, joiners)
            assert await gateway.terminate() == 0


async def _in_the_window(bind: RawBind, gateway: Daemon, joiners: Joiners) -> None:
    """I2: a long text of which four parts are written, and more texts behind it."""
    bind.mute = True
    [long] = await _send(gateway, 1, text="y" * 1_300)
    await _send(gateway, 5)
    await bind.until(lambda bind: len(bind.to(ANNE)) == 4)
    ack = await bind.text(b"STOP")
    assert ack.status == 0
    await bind.release()
    await _confirmed(bind)
    await joiners.join(bind, "a long text in the window")
    assert bind.to(ANNE, ack) == [STOPPED_TEXT]
    assert await gateway.state(long) == "partial"


async def _refused_for_now(bind: RawBind, gateway: Daemon, joiners: Joiners) -> None:
    """D4, C4: throttled, and nacked, with more texts behind it."""
    bob = "12125550102"
    for number, (command, status) in {bob: (SUBMIT | RESP, 0x58), "12125550103": (GENERIC_NACK, 3)}.items():
        bind.mute = True
        ids = await _send(gateway, 4, to=number)
        await bind.until(lambda bind, number=number: len(bind.to(number)) == 1)  # type: ignore[misc]
        bind.open.clear()
        await bind.send(pdu(command, bind.submits[-1].sequence, status=status))
        ack = await bind.text(b"STOP", source=number.encode())
        assert ack.status == 0
        await bind.release()
        await _confirmed(bind, number)
        await joiners.join(bind, "throttled")
        assert bind.to(number, ack) == [STOPPED_TEXT]
        assert {await gateway.state(id_) for id_ in ids} <= {"refused", "failed"}


@pytest.mark.checklist("B9", "C5", "I2")
@pytest.mark.parametrize("mode", ["binds = 2", 'mode = "transmitter+receiver"'])
async def test_a_stop_on_one_bind_while_the_other_does_not_read(mode: str, tmp_path: Path) -> None:
    """C5: the submitting bind lives (it sends), takes nothing, and has her text in its window."""
    file = write_config(tmp_path, 1, carrier=mode)
    async with listening(4_096) as smsc:
        file.write_text(
            file.read_text().replace("port = 1\n", f"port = {smsc.port}\n").replace("window = 10", "window = 1000")
        )
        async with daemon(file) as gateway:
            first, second = await smsc.bound(), await smsc.bound()
            stuck, other = (second, first) if second.mode == "transmitter" else (first, second)
            stuck.reading, other.mute = False, True
            await stuck.send(pdu(ENQUIRE, 1))
            messages = [
                {"line": "85700", "to": f"+{ANNE}" if n % 3 else f"+1212556{n:04}", "text": f"news {n} " + "x" * 140}
                for n in range(1_200)
            ]
            await gateway.request("POST", "/api/v1/messages", json={"messages": messages})
            ack = await other.text(b"STOP")
            assert ack.status == 0
            assert await gateway.consent() == "opted_out"
            await stuck.abort()
            await other.release()
            submitting = await smsc.bound() if stuck.mode == "transmitter" else other
            await _confirmed(submitting)
            assert submitting.to(ANNE, ack if submitting is other else None) == [STOPPED_TEXT]
            assert (await other.text(b"HELP", source=b"12125550199")).status == 0
            assert await gateway.terminate() == 0


@pytest.mark.checklist("I1")
async def test_no_ack_before_the_file_has_it(tmp_path: Path) -> None:
    """kill -9 in a rain of STOPs, as soon as some are acked: each acked one is in the file, and none is unsettled."""
    file = write_config(tmp_path, 1)
    async with listening() as smsc:
        file.write_text(file.read_text().replace("port = 1\n", f"port = {smsc.port}\n"))
        async with daemon(file) as gateway:
            bind = await smsc.bound()
            people = {bind.next(): f"1646{2_000_000 + n}" for n in range(800)}
            for sequence, number in people.items():
                await bind.send(pdu(DELIVER, sequence, message(b"STOP", source=number.encode())))
                if any(bind.answers(known) for known in people):
                    break
            await bind.until(lambda bind: any(bind.answers(known) for known in people))
            await gateway.kill()
            await bind.closed.wait()
        acked = {f"+{number}" for sequence, number in people.items() if bind.answers(sequence)}
        with sqlite3.connect(tmp_path / "state" / "gateway.db") as store:
            out = {row[0] for row in store.execute("select subscriber from consent where status = ?", (OPTED_OUT,))}
            assert store.execute("pragma integrity_check").fetchone() == ("ok",)
        store.close()
        assert acked
        assert acked <= out
