"""``gateway trace`` beside a real daemon: live, masked, and as a capture that tshark reads as SMPP by itself."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import trio

from gateway.simulator.carrier import SimulatedCarrier
from tests.kit import tshark
from tests.kit.daemon import ON_THE_LIST, PATIENCE_S, WELCOME, daemon, write_config

SUBSCRIBER = "+12125550101"
CONVERSATION = [
    ("bind_transceiver", "out"),
    ("bind_transceiver_resp", "in"),
    ("deliver_sm", "in"),
    ("deliver_sm_resp", "out"),
    ("submit_sm", "out"),
    ("submit_sm_resp", "in"),
]


class Tracing:
    """A ``gateway trace`` as a process of its own."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._rest = b""

    async def line(self) -> str:
        """Wait for one line of its output."""
        assert self._process.stdout is not None
        with trio.fail_after(PATIENCE_S):
            while b"\n" not in self._rest:
                data = await self._process.stdout.receive_some()
                assert data, "it ended"
                self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    async def until(self, command: str) -> list[dict[str, Any]]:
        """Read PDUs until one of this command came."""
        found: list[dict[str, Any]] = []
        while not found or found[-1]["command"] != command:
            found.append(json.loads(await self.line()))
        return found

    async def interrupt(self) -> int:
        """Ctrl-C, and wait for its end."""
        self._process.send_signal(signal.SIGINT)
        with trio.fail_after(PATIENCE_S):
            return await self._process.wait()


async def traced(file: Path, *options: str) -> Tracing:
    command = [sys.executable, "-m", "gateway", "trace", "-c", str(file), *options]
    return Tracing(await trio.lowlevel.open_process(command, stdout=-1, env={**os.environ, "TZ": "UTC"}))


async def capture_of(file: Path, *options: str) -> None:
    """Run ``gateway trace`` to its end."""
    await trio.run_process([sys.executable, "-m", "gateway", "trace", "-c", str(file), *options])


async def test_it_shows_what_was_and_what_comes_until_ctrl_c(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        file = write_config(tmp_path, await nursery.start(carrier.serve))
        async with daemon(file) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                await carrier.text("JOIN", from_=SUBSCRIBER, line="85700")
                await carrier.until(lambda carrier: len(carrier.arrived) >= 2)
            trace = await traced(file, "--json", "acme")
            before = await trace.until("submit_sm_resp")
            assert [(pdu["command"], pdu["direction"]) for pdu in before[: len(CONVERSATION) - 2]] == CONVERSATION[:4]
            assert before[0]["fields"]["password"] == "[hidden]"
            assert before[2]["fields"]["source_addr"] == "12…0101"
            assert before[2]["hidden"]
            with trio.fail_after(PATIENCE_S):
                await carrier.text("Stop.", from_=SUBSCRIBER, line="85700")
            live = await trace.until("deliver_sm")
            assert live[-1]["text"] is None or "stat:" in live[-1]["text"]
            assert await trace.interrupt() == 0
            assert await gateway.terminate() == 0
        nursery.cancel_scope.cancel()


async def test_its_capture_is_smpp_to_tshark_masked_and_unmasked(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        file = write_config(tmp_path, await nursery.start(carrier.serve))
        async with daemon(file) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                await carrier.text("JOIN", from_=SUBSCRIBER, line="85700")
                await carrier.until(lambda carrier: len(carrier.arrived) >= 2)
                await carrier.text("“quoted” 😀 " * 40, from_=SUBSCRIBER, line="85700")  # in parts
            masked, whole = tmp_path / "masked.pcapng", tmp_path / "whole.pcapng"
            await capture_of(file, "--last", "1000", "--pcap", str(masked))
            await capture_of(file, "--last", "1000", "--unmask", "--pcap", str(whole))
            await gateway.said("shown unmasked", "local:")
            assert await gateway.terminate() == 0
        nursery.cancel_scope.cancel()
    for capture in (masked, whole):
        assert tshark.complaints(capture) == {}
        summaries = tshark.run(capture)
        for command in ("Bind_transceiver", "Deliver_sm", "Submit_sm", "Submit_sm - resp"):
            assert command in summaries
        octets = capture.read_bytes()
        assert b"acme/0, session gw1-" in octets
        assert b"secret" not in octets
        said = [field for _, pdu in tshark.dissect(capture) for field in pdu if field.name == "message"]
        shown = b"".join(bytes.fromhex(field.hex) for field in said)
        assert (WELCOME.encode() in shown) == (ON_THE_LIST.encode() in shown) == (capture is whole)
        assert ("“quoted”".encode("utf-16-be") in shown) == (capture is whole)
        assert (SUBSCRIBER[1:].encode() in octets) == (capture is whole)
    assert len(tshark.run(masked).splitlines()) == len(tshark.run(whole).splitlines())
