"""The demonstration, as a stranger runs it: a process, its output, Ctrl-C."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import httpx
import trio

from tests.kit.daemon import PATIENCE_S

COMMAND = [sys.executable, "-m", "gateway", "demo"]


async def test_it_plays_the_whole_conversation_once() -> None:
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process([*COMMAND, "--once"], stdin=b"", capture_stdout=True, capture_stderr=True)
    told = done.stdout.decode()
    dialogue = [
        "> JOIN",
        "< Welcome to Acme Alerts!",
        "< You're on the Acme list.",
        "> Stop.",
        "< Acme Alerts: you are unsubscribed and will receive no more messages.",
        "> HELP",
        "409 /problems/opted-out",
        "submit_sm that left for it: 0",
        "> START",
        "< Good to have you back.",
        "opted_in -> opted_out     'Stop.'",
        "opted_out -> opted_in     'START'",
    ]
    places = [told.index(words) for words in dialogue]
    assert places == sorted(places)
    assert done.stderr == b""


async def test_it_ends_where_nobody_can_text() -> None:
    """As ``make demo < /dev/null``."""
    with trio.fail_after(PATIENCE_S):
        done = await trio.run_process(COMMAND, stdin=b"", capture_stdout=True, capture_stderr=True)
    told = done.stdout.decode()
    assert told.index("Good to have you back") < told.index("Text the line at the prompt") < told.index("store is gone")
    assert done.stderr == b""


async def test_it_keeps_running_until_ctrl_c_and_takes_texts_meanwhile() -> None:
    with trio.fail_after(PATIENCE_S):
        process = await trio.lowlevel.open_process(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdin is not None
        assert process.stdout is not None
        told = await _until(process.stdout, rb"/help shows more[^\n]*\n")
        found = re.search(r"(http://[0-9.:]+)/api/docs", told)
        assert found is not None
        async with httpx.AsyncClient(base_url=found[1]) as client:
            for path in ("/api/docs", "/metrics", "/readyz", "/healthz"):
                assert (await client.get(path)).status_code == 200
        await process.stdin.send_all(b"+12125550177> JOIN\n")
        assert "Welcome" in await _until(process.stdout, b"You're on the Acme list")
        process.send_signal(signal.SIGINT)
        assert "stopped" in await _until(process.stdout, b"store is gone")
        assert await process.wait() == 0
        await process.stdin.aclose()


async def _until(stream: trio.abc.ReceiveStream, pattern: bytes) -> str:
    """Read until the pattern has come; return all that was read."""
    told = b""
    while not re.search(pattern, told):
        chunk = await stream.receive_some()
        assert chunk, told.decode()
        told += bytes(chunk)
    return told.decode()
