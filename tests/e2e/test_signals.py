"""Signals and the single owner: drain on SIGTERM, reload on SIGHUP, a second daemon, five mistakes at once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import trio

from gateway.simulator.carrier import SimulatedCarrier
from tests.kit.daemon import LINE, ON_THE_LIST, PATIENCE_S, WELCOME, Daemon, daemon, write_config

MANY = 300


async def _queue(gateway: Daemon, count: int) -> list[str]:
    messages = [{"line": "85700", "to": f"+1212556{n:04}", "text": f"news {n}"} for n in range(count)]
    answer = await gateway.request("POST", "/api/v1/messages", json={"messages": messages})
    assert answer.status_code == 200
    return [result["id"] for result in answer.json()["results"]]


@pytest.mark.checklist("C2")
async def test_sigterm_finishes_the_window_and_keeps_the_rest(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        file = write_config(tmp_path, await nursery.start(carrier.serve))
        carrier.manners.response_delay_s = 0.2
        async with daemon(file, afresh=True) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                await _queue(gateway, MANY)
                await carrier.until(lambda carrier: len(carrier.submitted) > 0)
            assert await gateway.terminate() == 0
        first = len(carrier.submitted)
        assert 0 < first < MANY
        carrier.manners.response_delay_s = 0.0
        async with daemon(file) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.until(lambda carrier: len(carrier.submitted) >= MANY)
            assert await gateway.terminate() == 0
        assert sorted(arrived.text for arrived in carrier.arrived) == sorted(f"news {n}" for n in range(MANY))
        nursery.cancel_scope.cancel()


@pytest.mark.checklist("C2")
async def test_texts_are_taken_in_and_acked_during_the_drain(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        file = write_config(tmp_path, await nursery.start(carrier.serve))
        carrier.manners.response_delay_s = 1.0
        async with daemon(file) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                await _queue(gateway, 1)
                await carrier.until(lambda carrier: len(carrier.submitted) > 0)
                gateway.process.send_signal(signal.SIGTERM)
                await gateway.told("STOPPING=1")
                assert await carrier.text("STOP") == 0
            assert await gateway.ended() == 0
        async with daemon(file) as gateway:
            assert await gateway.consent() == "opted_out"
        nursery.cancel_scope.cancel()


async def test_sighup_takes_a_new_keyword_and_refuses_a_bad_file(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        port = await nursery.start(carrier.serve)
        file = write_config(tmp_path, port)
        more = LINE + '\n[[line.keyword]]\nword = "NEWS"\naction = "reply"\nuser_reply = "The news."\n'
        async with daemon(file) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                assert await carrier.text("NEWS", from_="+12125550102") == 0
                write_config(tmp_path, port, lines=more)
                await _reload(gateway)
                assert await carrier.text("NEWS", from_="+12125550103") == 0
                await carrier.until(lambda carrier: len(carrier.arrived) == 1)

                write_config(tmp_path, port, lines=more.replace('"reply"', '"sing"'))
                await _reload(gateway)
                await gateway.said("configuration not reloaded", "sing")
                assert await carrier.text("NEWS", from_="+12125550104") == 0
                await carrier.until(lambda carrier: len(carrier.arrived) == 2)
                assert [link.mode for link in carrier.binds] == ["transceiver"]
                assert len(carrier.links) == 1, "a reload that changes no carrier drops no bind"
            assert [(a.subscriber, a.text) for a in carrier.arrived] == [
                ("+12125550103", "The news."),
                ("+12125550104", "The news."),
            ]
            assert await gateway.terminate() == 0
        nursery.cancel_scope.cancel()


async def _reload(gateway: Daemon) -> None:
    gateway.process.send_signal(signal.SIGHUP)
    await gateway.told("READY=1")


async def test_a_second_daemon_on_one_file_says_who_owns_it(tmp_path: Path) -> None:
    file = write_config(tmp_path, 1)
    async with daemon(file) as first, daemon(file, ready=False) as second:
        assert await second.ended() == 75
        said = "\n".join(second.log)
        assert str(first.process.pid) in said
        assert "Traceback" not in said
        assert await first.terminate() == 0


async def test_five_mistakes_are_told_at_once(tmp_path: Path) -> None:
    file = write_config(tmp_path, 1)
    broken = (
        file.read_text()
        .replace("port = 1", 'port = "many"')
        .replace("window = 10", "windw = 10")
        .replace('carriers = ["acme"]', 'carriers = ["acmee"]')
        .replace('action = "join"', 'action = "dance"')
        .replace('word = "JOIN"', 'word = "STOP"')
    )
    file.write_text(broken)
    async with daemon(file, ready=False, afresh=True) as gateway:
        assert await gateway.ended() == 78
        said = "\n".join(gateway.log)
    for key in ("carrier[acme].port", "carrier[acme].windw", "line[85700].carriers", ".action", ".word"):
        assert key in said
    assert "window" in said
    assert "Traceback" not in said


async def test_the_queue_is_stopped_by_a_stop(tmp_path: Path) -> None:
    """10,000 queued, some to the subscriber, the window full: the confirmation overtakes, nothing else of hers goes."""
    async with trio.open_nursery() as nursery:
        carrier = SimulatedCarrier()
        file = write_config(tmp_path, await nursery.start(carrier.serve))
        async with daemon(file) as gateway:
            with trio.fail_after(PATIENCE_S):
                await carrier.wait_bound()
                assert await carrier.text("JOIN") == 0
                await carrier.until(lambda carrier: [a.text for a in carrier.arrived] == [WELCOME, ON_THE_LIST])
                carrier.manners.response_delay_s = 0.05
                messages = [
                    {"line": "85700", "to": "+12125550101" if n % 7 == 3 else f"+1212556{n:04}", "text": f"news {n}"}
                    for n in range(10_000)
                ]
                answer = await gateway.request("POST", "/api/v1/messages", json={"messages": messages})
                assert {result["state"] for result in answer.json()["results"]} == {"queued"}
                await carrier.until(lambda carrier: len(carrier.submitted) > 40)
                assert await carrier.text("STOP") == 0
                acked = len(carrier.submitted)
                await carrier.until(lambda carrier: len(carrier.submitted) > acked + 60)
            after = [(s.subscriber, s.pdu.short_message.decode()) for s in list(carrier.submitted)[acked:]]
            hers = [text for subscriber, text in after if subscriber == "+12125550101"]
            assert len([text for text in hers if text.startswith("Acme Alerts: you are unsubscribed")]) == 1
            assert len(hers) == 1
            # Its own slot and the next token: at most what the window held already goes before it.
            assert next(n for n, (subscriber, _) in enumerate(after) if subscriber == "+12125550101") <= 10
            assert await gateway.terminate() == 0
        nursery.cancel_scope.cancel()
