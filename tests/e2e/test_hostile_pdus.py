"""A carrier that sends nonsense: every piece of it is answered or ignored, and the next good text is served.

One daemon, one session: each attack is followed by a subscriber who joins, whose text is acked and whose two answers
arrive over the same connection. What may not survive (lost framing, a stalled PDU) is in ``test_hostile_links``.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.odd_pdus import ANYTHING, FROM_TO, NOTHING, ODD, RESPONSES
from tests.kit.daemon import Daemon, daemon, write_config
from tests.kit.raw_smsc import DATA, DELIVER, RESP, RawBind, RawSmsc, listening, message, pdu, tlv


class Joiners:
    """Subscribers who each join once; who is answered proves that the session serves."""

    def __init__(self) -> None:
        self._numbers = (f"1646555{n:04}" for n in itertools.count())

    async def join(self, bind: RawBind, after: str) -> None:
        number = next(self._numbers)
        answer = await bind.text(b"JOIN", source=number.encode())
        assert answer.status == 0, after
        await bind.until(lambda bind: len(bind.to(number)) == 2, after)


@pytest.mark.checklist("A1", "A3", "A6", "A7", "A9", "B1", "B3", "B8", "C1", "C2", "C3", "C4", "C8")
@pytest.mark.checklist("E1", "E2", "E3", "E4", "E5", "E6", "E7", "E8", "E9")
async def test_one_session_survives_every_piece_of_nonsense(tmp_path: Path) -> None:
    assert len(ODD) + len(RESPONSES) > 150
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port)) as gateway:
        bind = await smsc.accept()
        await bind.login()
        response = bind.bind_resp(b"UNTERMINATED" + tlv(0x210, b"\x34") + tlv(0x1500, b"x"))
        for octet in response:  # A1
            await bind.send(bytes((octet,)))
        joiners = Joiners()
        await joiners.join(bind, "a bind_resp in pieces")
        aside = await _every_one(bind, joiners)
        await _sequence_numbers(bind, joiners)
        for name, octets in RESPONSES.items():
            seen = len(bind.seen)
            await bind.send(octets)
            await joiners.join(bind, name)
            assert not [came for came in bind.seen[seen:] if came.command & ~RESP == 0], f"{name}: nothing to nack"
        await _many(bind, joiners)
        await _nothing_else_changed(smsc, gateway)
        await _all_are_kept(gateway, aside)
        assert await gateway.terminate() == 0


async def _every_one(bind: RawBind, joiners: Joiners) -> dict[str, int]:
    """Send each odd request; return those texts that were refused, in hexadecimal, with the status."""
    aside: dict[str, int] = {}
    for name, odd in ODD.items():
        sequence = bind.next()
        octets = pdu(odd.command, sequence, odd.body, odd.status)
        await bind.send(octets)
        if odd.answer is not NOTHING:
            answer = await bind.answer(sequence, name)
            assert odd.answer in (ANYTHING, answer.status), f"{name}: {answer}"
            assert answer.command & ~RESP in (odd.command, 0), name
            if answer.status and odd.command in (DELIVER, DATA):
                aside[octets.hex()] = answer.status
        await joiners.join(bind, name)
        assert len(bind.answers(sequence)) == (odd.answer is not NOTHING), name
    return aside


async def _sequence_numbers(bind: RawBind, joiners: Joiners) -> None:
    """A7: any 32 bits come back, and one number may be used twice."""
    for sequence in (0, 0x80000000, 0xFFFFFFFF):
        await bind.send(pdu(DELIVER, sequence, message(b"hello")))
        assert (await bind.answer(sequence)).status == 0
        await joiners.join(bind, f"sequence number {sequence:#x}")
    await bind.send(pdu(DELIVER, 7, message(b"one")) + pdu(DATA, 7, FROM_TO + b"\0\0\0" + tlv(0x424, b"two")))
    await bind.until(lambda bind: len(bind.answers(7)) == 2)
    assert [answer.command for answer in bind.answers(7)] == [DELIVER | RESP, DATA | RESP]


async def _many(bind: RawBind, joiners: Joiners) -> None:
    """A1: fifty texts in one segment, each answered once."""
    await bind.send(*(pdu(DELIVER, 0x5000 + n, message(b"text %d" % n)) for n in range(50)))
    await bind.answer(0x5031)
    assert [[answer.status for answer in bind.answers(0x5000 + n)] for n in range(50)] == [[0]] * 50
    await joiners.join(bind, "fifty in one segment")


async def _nothing_else_changed(smsc: RawSmsc, gateway: Daemon) -> None:
    assert len(smsc.binds) == 1, "the session was never restarted"
    assert await gateway.consent() == "not_defined", "no STOP of hers could be read"
    assert not bind_texts(smsc), "a text without a source has nobody to be answered"
    assert not [line for line in gateway.log if "Traceback" in line]


def bind_texts(smsc: RawSmsc) -> list[bytes]:
    """Return what was submitted to nobody."""
    return [text for bind in smsc.binds for text in bind.to("")]


async def _kept(gateway: Daemon) -> list[dict[str, Any]]:
    """Return the whole quarantine."""
    rows: list[dict[str, Any]] = []
    params: dict[str, Any] = {"limit": 100}
    while True:
        page = (await gateway.request("GET", "/api/v1/quarantine", params=params)).json()
        rows += page["pdus"]
        if not page["next"]:
            return rows
        params["cursor"] = page["next"]


async def _all_are_kept(gateway: Daemon, aside: dict[str, int]) -> None:
    kept = {row["raw"]: row["status"] for row in await _kept(gateway) if row["status"]}
    assert kept == aside
    assert len(aside) >= 20


@pytest.mark.checklist("E9")
async def test_a_poison_that_comes_back_for_ever_changes_nothing_for_the_others(tmp_path: Path) -> None:
    """The carrier does not take the final answer for one: it brings the same PDU again, fifty times."""
    joiners = Joiners()
    poison = message(b"STOP")[:-5]
    async with listening() as smsc, daemon(write_config(tmp_path, smsc.port)) as gateway:
        bind = await smsc.bound()
        await joiners.join(bind, "the start")
        for n in range(50):
            sequence = 7 if n % 2 else bind.next()
            before = len(bind.answers(sequence))
            await bind.send(pdu(DELIVER, sequence, poison))
            await joiners.join(bind, f"poison {n}")
            assert [answer.status for answer in bind.answers(sequence)[before:]] == [2]
        assert len(smsc.binds) == 1
        (kept,) = await _kept(gateway)
        assert kept["raw"].endswith(poison.hex())
        assert (kept["times"], kept["reason"]) == (50, "the body ends before sm_length")
        metrics = (await gateway.request("GET", "/metrics")).text
        assert "gateway_quarantine_total 50.0" in metrics
        assert await gateway.consent() == "not_defined"
        assert await gateway.terminate() == 0
