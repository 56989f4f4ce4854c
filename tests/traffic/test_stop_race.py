"""STOP against a full queue, by enumeration: whatever the kernel had taken when it came, wherever it came.

10,000 messages are queued for the line, the first ones have permits, and the carrier has stopped reading after ``k``
octets: every ``k`` inside a submit_sm for the subscriber, and every boundary, is tried.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import pairwise

import pytest
import structlog
import trio
from trio.testing import MockClock

from gateway.model.permit import Grounds
from tests.kit.stores import kind
from tests.traffic.bench import ANNE, BOB, LINE_ID, fresh
from tests.traffic.race import Piece, Race, race
from tests.traffic.world import settle

PATIENCE_S = 5.0
WINDOW = 10


def play(script: Callable[[Race], object]) -> None:
    """Run a script against a fresh gateway, in virtual time."""

    async def main() -> None:
        with fresh() as directory:
            async with race(directory) as it:
                await script(it)  # type: ignore[misc]  # each script is async

    with structlog.testing.capture_logs():
        trio.run(main, clock=MockClock(autojump_threshold=0))


@cache
def undisturbed() -> list[Piece]:
    """What is written when nobody says STOP: the first window of the queue."""
    found: list[Piece] = []

    async def script(it: Race) -> None:
        await it.fill(100_000)
        found.extend(it.pieces())

    play(script)
    return found


def half_way(octets: int) -> bool:
    """Say whether the kernel then has a part of a submit_sm for Anne, and not the whole."""
    return any(piece.is_for(ANNE) and piece.first < octets <= piece.last for piece in undisturbed())


def cuts(every: int = 1) -> list[int]:
    """Every boundary, one offset inside others' PDUs, ``every`` offset inside Anne's (of the long one, a 7th).

    On PostgreSQL a 7th of these: what is between the store and the wire is the same there.
    """
    found = {0}
    for piece in undisturbed()[:6]:
        length = piece.last - piece.first + 1
        step = every if length < 100 else 7 * every
        found |= {piece.first, piece.first + 1, piece.last, piece.last + 1}
        if piece.is_for(ANNE):
            found |= set(range(piece.first, piece.last + 1, step))
    return sorted(found) if kind() == "sqlite" else sorted(found)[::7]


async def has_a_slot(it: Race) -> bool:
    """Say whether the confirmation has its permit. The slot that is kept for lane 1 may be in use by another of it."""
    return bool(await it.here.one("select count(*) from permit where grounds = ?", Grounds.OPT_OUT_CONFIRMATION))


def check_order(submits: list[Piece], octets: int, *, overtakes: bool) -> None:
    """The confirmation is the next submit_sm; where the window was full, the next that gets a slot."""
    behind = [piece for piece in submits if piece.first >= octets] if overtakes else submits[WINDOW:]
    assert behind[0].confirms, octets
    assert overtakes or octets > undisturbed()[3].first, "only when nothing of Anne's could be taken back"


def check(it: Race, sequence: int) -> list[Piece]:
    """Hold what must hold of everything that was written; return the submits in order."""
    pieces = it.pieces()
    (ack,) = [piece for piece in pieces if piece.answers(sequence)]
    assert ack.frame.status == 0
    for piece in pieces:
        if piece.is_for(ANNE) and not piece.confirms:
            assert piece.last < ack.first, "not one octet after the ack"
    assert sum(piece.confirms for piece in pieces) == 1
    return [piece for piece in pieces if piece.submit is not None]


async def check_store(it: Race) -> None:
    """What was queued for Anne is refused, but what the gate will refuse; only one confirmation had permits since."""
    queued = "select count(*) from message where subscriber = ? and state = 0 and attempts = 0"
    assert await it.here.one(queued, ANNE) == 0
    stop = await it.here.one("select max(id) from message where direction = 0 and subscriber = ?", ANNE)
    since = "select distinct grounds, message_id from permit where subscriber = ? and message_id > ?"
    ((grounds, _),) = await it.here.rows(since, ANNE, stop)
    assert grounds == Grounds.OPT_OUT_CONFIRMATION


def test_the_first_window_is_what_these_tests_want() -> None:
    anne = [piece for piece in undisturbed() if piece.is_for(ANNE)]
    assert len(undisturbed()) == WINDOW
    assert [piece.submit.short_message[-1:] for piece in anne if piece.submit] == [b"4", b"a", b"a"]
    assert len(cuts()) > (150 if kind() == "sqlite" else 20)


@pytest.mark.checklist("I2")
@pytest.mark.parametrize("part", range(4))
def test_stop_on_another_bind(part: int) -> None:
    """The ack waits only where a PDU is half written, and nobody else's waits; then the confirmation is the next."""
    for octets in cuts()[part::4]:

        async def script(it: Race, octets: int = octets) -> None:
            await it.fill(octets)
            assert it.octets() == octets
            stop = await it.spare.smsc.text("STOP", source=ANNE)
            other = await it.spare.smsc.text("HELP", source=BOB)
            await settle()
            answered = [sequence for sequence, _ in it.spare.smsc.responses]
            assert answered == ([other] if half_way(octets) else [stop, other]), octets
            overtakes = await has_a_slot(it)
            await it.resume()
            check_order(check(it, stop), octets, overtakes=overtakes)
            await check_store(it)

        play(script)


@pytest.mark.checklist("I2")
@pytest.mark.parametrize("part", range(4))
def test_stop_on_the_same_bind(part: int) -> None:
    """Its ack cannot leave before the carrier reads again, and then leaves after what was half written."""
    for octets in cuts(every=3)[part::4]:

        async def script(it: Race, octets: int = octets) -> None:
            await it.fill(octets)
            stop = await it.acme.smsc.text("STOP", source=ANNE)
            await settle()
            assert it.octets() == octets
            overtakes = await has_a_slot(it)
            await it.resume()
            check_order(check(it, stop), octets, overtakes=overtakes)
            await check_store(it)

        play(script)


@pytest.mark.parametrize("bind", ["same", "other"])
def test_a_carrier_that_never_reads_again(bind: str) -> None:
    """The session is worth less than the opt-out: it is closed, and the STOP acked once, on redelivery if need be."""
    halves = [octets for octets in cuts() if half_way(octets)]
    for octets in [halves[0], *(b for a, b in pairwise(halves) if b - a > 7), *halves[-3:]]:

        async def script(it: Race, octets: int = octets) -> None:
            await it.fill(octets)
            peer = it.acme if bind == "same" else it.spare
            stop = await peer.smsc.text("STOP", source=ANNE)
            await trio.sleep(PATIENCE_S - 0.1)
            assert not any(piece.answers(stop) for piece in it.pieces())
            await trio.sleep(0.2)
            assert it.acme.wires[0].closed
            if bind == "same":
                assert it.octets() == octets
                await trio.sleep(2)
                assert len(it.acme.smscs) == 2
                stop = await it.acme.smsc.text("STOP", source=ANNE)
                await settle()
            await trio.sleep(3)
            check(it, stop)
            outcomes = await it.here.rows("select outcome from message where direction = 0")
            assert outcomes == [("opt_out",)], "the redelivery changed nothing"
            await check_store(it)

        play(script)


def test_a_reader_that_resumes_in_time_keeps_its_session() -> None:
    octets = next(octets for octets in cuts() if half_way(octets))

    async def script(it: Race) -> None:
        await it.fill(octets)
        stop = await it.spare.smsc.text("STOP", source=ANNE)
        await trio.sleep(PATIENCE_S - 0.1)
        await it.resume()
        check(it, stop)
        assert len(it.acme.smscs) == 1

    play(script)


def test_the_redelivered_stop_waits_like_the_first() -> None:
    """While a PDU is half written, neither the STOP's ack leaves nor that of its redelivery on another session."""
    octets = next(octets for octets in cuts() if half_way(octets))

    async def script(it: Race) -> None:
        await it.fill(octets)
        for _ in range(3):
            await it.spare.smsc.text("STOP", source=ANNE)
            await settle()
            assert not it.spare.smsc.responses
        await it.resume()
        assert [status for _, status in it.spare.smsc.responses] == [0, 0, 0]
        assert sum(piece.confirms for piece in it.pieces()) == 1
        await check_store(it)

    play(script)


def test_half_written_to_someone_else_is_nobodys_fence() -> None:
    x = undisturbed()[1]
    assert not x.is_for(ANNE)

    async def script(it: Race) -> None:
        await it.fill(x.first + 5)
        assert it.here.hub.fence.raise_for([(LINE_ID, ANNE)]) == []

    play(script)
