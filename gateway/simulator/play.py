"""Playing a script against whoever binds, and saying of each step whether it went as written.

Stops at the first step that fails: what follows would fail for its sake. Says what was expected *and* what came.
"""

from __future__ import annotations

import ssl
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import trio

from gateway.simulator.carrier import DEFAULT_PORT, SimulatedCarrier, port_of, verdict
from gateway.simulator.deliveries import Delivery
from gateway.simulator.happenings import Answered, Arrived, Happening
from gateway.simulator.script import Script, Step, read_script
from gateway.simulator.shown import printable
from gateway.smpp.constants import describe

Say = Callable[[str], None]
PASSED: Final = 0
FAILED: Final = 1
_SHOWN: Final = 16  # of raw octets


class _StepFailedError(Exception):
    """A step did not go as written; the text says how. Never leaves this module."""


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def run_script(
    path: Path,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    system_id: str | None = None,
    password: str | None = None,
    tls: ssl.SSLContext | None = None,
    say: Say = _say,
) -> int:
    """Be a carrier on ``host``:``port`` that plays the script at ``path``; return the exit status: 0 passed, 1 failed.

    ``say`` gets each line of the report. Raises ScriptError before it listens, ListenError if it cannot listen.
    """
    script = read_script(path)
    carrier = SimulatedCarrier(system_id=system_id, password=password, tls=tls)
    listeners = await carrier.listen(port, host)
    say(f"listening on {host}:{port_of(listeners)}")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(carrier.attend, listeners)
        passed = await play_script(carrier, script, say)
        await carrier.unbind()
        nursery.cancel_scope.cancel()
    return PASSED if passed else FAILED


async def play_script(carrier: SimulatedCarrier, script: Script, say: Say = _say) -> bool:
    """Play ``script`` on a carrier that serves already; return whether every step went as written."""
    player = _Player(carrier, script, say)
    stop = carrier.watch(player.note)
    try:
        return await player.play()
    finally:
        stop()


class _Player:
    def __init__(self, carrier: SimulatedCarrier, script: Script, say: Say) -> None:
        self._carrier = carrier
        self._script = script
        self._say = say
        self._number = 0
        self._latest: list[Delivery] = []
        self._unread: dict[str, deque[Arrived]] = {}

    def note(self, happening: Happening) -> None:
        """Put what arrives where ``expect`` looks for it."""
        if isinstance(happening, Arrived):
            self._unread.setdefault(_digits(happening.subscriber), deque()).append(happening)

    async def play(self) -> bool:
        total = len(self._script.step)
        try:
            await self._wait_for_receiver()
            for step in self._script.step:
                self._number += 1
                await self._step(step)
        except _StepFailedError as failure:
            self._say(f"FAIL {self._number:>4}  {failure}")
            self._say(
                f"FAILED at step {self._number} of {total}" if self._number else f"FAILED before step 1 of {total}"
            )
            return False
        self._say(f"PASSED {total} step{'s' if total > 1 else ''}")
        return True

    def _ok(self, what: str) -> None:
        self._say(f"ok   {self._number:>4}  {what}")

    async def _wait_for_receiver(self) -> None:
        with trio.move_on_after(self._script.bind_within_s) as scope:
            await self._carrier.until(lambda carrier: any(link.session.can_send for link in carrier.binds))
        if scope.cancelled_caught:
            raise _StepFailedError(f"no bind that can receive came within {self._script.bind_within_s:g} s")

    async def _step(self, step: Step) -> None:
        from_ = step.from_ or self._script.from_
        line = step.line or self._script.line
        within_s = self._script.within_s if step.within_s is None else step.within_s
        self._set(step, from_)
        if step.cut:
            self._ok(f"connections cut: {self._carrier.cut()}")
        if step.binds is not None:
            await self._wait_for_binds(step.binds, within_s)
        if step.wait_s is not None:
            await trio.sleep(step.wait_s)
            self._ok(f"waited {step.wait_s:g} s")
        await self._text(step, from_, line, within_s)
        for wanted in step.expect:
            await self._expect(wanted, from_, line, within_s, exact=step.exact)
        if step.silence_s is not None:
            await self._silence(from_, step.silence_s)

    def _set(self, step: Step, from_: str) -> None:
        manners = self._carrier.manners
        if step.receipt is not None:
            manners.receipt_stat = step.receipt
            self._ok(f"receipts say {step.receipt}" if step.receipt else "no receipts")
        if step.answer is not None:
            manners.status_for[from_] = step.answer
            self._ok(f"submits to {from_} are answered {describe(step.answer)}")
        if step.throttle_every is not None:
            manners.throttle_every = step.throttle_every
            self._ok(f"one submit in {step.throttle_every} is throttled" if step.throttle_every else "no throttling")

    async def _wait_for_binds(self, count: int, within_s: float) -> None:
        with trio.move_on_after(within_s) as scope:
            await self._carrier.wait_bound(count)
        if scope.cancelled_caught:
            up = len(self._carrier.binds)
            raise _StepFailedError(f"expected {count} binds within {within_s:g} s; up: {up}")
        self._ok(f"binds up: {count}")

    async def _raw(self, octets: bytes, status: int | None, within_s: float) -> None:
        what = f"the octets {octets[:_SHOWN].hex(' ')}{' …' if len(octets) > _SHOWN else ''} are written"
        if not self._carrier.links:
            raise _StepFailedError(f"{what}; nobody is connected")
        answers: list[int] = []
        stop = self._carrier.watch(lambda one: answers.append(one.status) if isinstance(one, Answered) else None)
        try:
            self._carrier.link().write(octets)
            if status is not None:
                with trio.move_on_after(within_s):
                    await self._carrier.until(lambda _: bool(answers))
        finally:
            stop()
        if status is not None and (not answers or answers[0] != status):
            answer = describe(answers[0]) if answers else f"not answered within {within_s:g} s"
            raise _StepFailedError(f"{what}; expected to be answered {describe(status)}, and was {answer}")
        self._ok(what)

    async def _text(self, step: Step, from_: str, line: str, within_s: float) -> None:
        if step.raw is not None:
            await self._raw(step.raw, step.status if "status" in step.model_fields_set else None, within_s)
            return
        if step.again:
            if not self._latest:
                raise _StepFailedError("nothing was texted before that could come again")
            what = "the latest text comes again"
            posted = [self._carrier.again(delivery) for delivery in self._latest]
        elif step.hex is not None:
            what = f"{from_} sends {line} the octets {step.hex.hex(' ')}"
            posted = self._carrier.post(from_=from_, line=line, octets=step.hex, data_coding=step.data_coding)
        elif step.text is not None:
            what = f"{from_} texts {line}: {printable(step.text)}"
            posted = self._carrier.post(step.text, from_=from_, line=line)
        else:
            return
        self._latest = posted
        with trio.move_on_after(within_s) as scope:
            status = await verdict(posted)
        if scope.cancelled_caught:
            raise _StepFailedError(f"{what}; not acknowledged within {within_s:g} s")
        if status != step.status:
            answer = "not at all" if status is None else describe(status)
            raise _StepFailedError(f"{what}; expected to be acknowledged {describe(step.status)}, and was {answer}")
        self._ok(what)

    async def _expect(self, wanted: str, from_: str, line: str, within_s: float, *, exact: bool) -> None:
        hope = f"{from_} expected {'the text' if exact else 'a text with'} “{printable(wanted)}” from {line}"
        unread = self._unread.setdefault(_digits(from_), deque())
        with trio.move_on_after(within_s) as scope:
            await self._carrier.until(lambda _: bool(unread))
        if scope.cancelled_caught:
            raise _StepFailedError(f"{hope}; nothing arrived within {within_s:g} s")
        got = unread.popleft()
        fits = wanted == got.text if exact else wanted in got.text
        if not fits or _digits(got.line) != _digits(line):
            raise _StepFailedError(f"{hope}; got from {got.line}: “{printable(got.text)}”")
        self._ok(f"{from_} gets from {line}: {printable(got.text)}")

    async def _silence(self, from_: str, silence_s: float) -> None:
        unread = self._unread.setdefault(_digits(from_), deque())
        with trio.move_on_after(silence_s):
            await self._carrier.until(lambda _: bool(unread))
        if unread:
            raise _StepFailedError(f"{from_} expected nothing for {silence_s:g} s; got: “{printable(unread[0].text)}”")
        self._ok(f"{from_} got nothing for {silence_s:g} s")


def _digits(address: str) -> str:
    return address.removeprefix("+")
