"""kill -9 between the commit of a STOP and its ack, for certain: the ack waits behind what nobody reads."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import pytest
import trio

from tests.kit.daemon import PATIENCE_S, STOPPED, Daemon, daemon, write_config
from tests.kit.raw_smsc import DELIVER, ENQUIRE, RawBind, listening, message, pdu

ANNE: Final = "12125550101"
FLOOD: Final = 1_200
"""Texts of 140 octets: many times what the kernel's buffers hold of them."""


async def _deaf(bind: RawBind, gateway: Daemon) -> None:
    """Have the carrier read nothing any more, and the gateway stuck with what it has to say."""
    bind.reading, bind.mute = False, True
    await bind.send(pdu(ENQUIRE, 1))
    await bind.until(lambda bind: bool(bind.answers(1)), "the last that is read")
    texts = [{"line": "85700", "to": f"+1646556{n:04}", "text": "x" * 140} for n in range(FLOOD)]
    assert (await gateway.request("POST", "/api/v1/messages", json={"messages": texts})).status_code == 200
    with trio.fail_after(PATIENCE_S):
        while await _in_window(gateway) < FLOOD // 2:
            continue  # each look is a request


async def _in_window(gateway: Daemon) -> float:
    metrics = (await gateway.request("GET", "/metrics")).text
    return next(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("gateway_window_used{"))


async def _in_force(gateway: Daemon) -> None:
    with trio.fail_after(PATIENCE_S):
        while await gateway.consent() != "opted_out":
            continue


def _kept(folder: Path) -> tuple[int, int, int]:
    """Return how many texts of hers, opt-outs and confirmations are in the file."""
    with sqlite3.connect(folder / "state" / "gateway.db") as store:
        number = f"+{ANNE}"
        texts = store.execute("select count(*) from message where direction = 0 and subscriber = ?", (number,))
        outs = store.execute("select opt_outs from consent where subscriber = ?", (number,))
        answers = store.execute("select count(*) from message where direction = 1 and subscriber = ?", (number,))
        counts = tuple(rows.fetchone()[0] for rows in (texts, outs, answers))
    store.close()
    return counts


@pytest.mark.checklist("I1", "I3")
async def test_a_stop_that_is_on_disk_and_not_acked_comes_again_and_changes_nothing(tmp_path: Path) -> None:
    file = write_config(tmp_path, 1)
    async with listening(4_096) as smsc:
        file.write_text(
            file.read_text().replace("port = 1\n", f"port = {smsc.port}\n").replace("window = 10", "window = 1000")
        )
        async with daemon(file) as gateway:
            deaf = await smsc.bound()
            await _deaf(deaf, gateway)
            await deaf.send(pdu(DELIVER, 2, message(b"STOP")))
            await _in_force(gateway)
            await gateway.kill()
        assert _kept(tmp_path) == (1, 1, 1)
        deaf.reading = True
        await deaf.run()
        assert deaf.submits, "all that had left"
        assert not deaf.answers(2), "the ack had not"
        assert not deaf.to(ANNE)

        async with daemon(file) as gateway:
            bind = await smsc.bound()
            assert (await bind.text(b"STOP")).status == 0
            assert _kept(tmp_path) == (1, 1, 1), "it is known"
            assert (await bind.text(b"STOP")).status == 0
            await bind.until(lambda bind: bool(bind.to(ANNE)), "the confirmation")
            assert (await bind.text(b"JOIN", source=b"12125550199")).status == 0
            await bind.until(lambda bind: len(bind.to("12125550199")) == 2)
            assert bind.to(ANNE) == [STOPPED.encode()]
            assert await gateway.consent() == "opted_out"
            assert await gateway.terminate() == 0
        assert _kept(tmp_path)[1:] == (1, 1)
