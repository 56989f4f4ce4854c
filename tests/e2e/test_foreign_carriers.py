"""The gateway, a process of its own, against carriers that are not ours: one table of steps, played with each.

Four carriers of the configuration are one foreign carrier, bound to in every mode: ``acme`` as a transceiver, ``pair``
as transmitter and receiver, ``in`` and ``out`` as one of them alone (85702 is over both). The steps share one daemon,
in order; each ends in a state from which the next can begin. To add a carrier, add its file in tests/peers/carriers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import trio

from tests.kit.daemon import HELP, LINE, ON_THE_LIST, PATIENCE_S, WELCOME, Daemon, daemon, write_config
from tests.kit.foreign import ROOT, Event, carriers, name_of, running
from tests.kit.foreign_carrier import RECEIVER, TRANSCEIVER, TRANSMITTER, UCS2, UDHI, ForeignCarrier

LONG: Final = "Ünïcode — and a telephone that sends 😀 at every odd place: " + "a😀" * 45 + " 👩‍👩‍👧‍👦 so."
OTHERS: Final = "".join(
    f"""
[[carrier]]
name = "{name}"
port = PORT
mode = "{mode}"
system_id = "{name}"
password = "{name}-pw"
reconnect_gap_s = 0.1
"""
    for name, mode in (("pair", "transmitter+receiver"), ("in", "receiver"), ("out", "transmitter"))
) + "".join(
    f"""
[[line]]
address = "{line}"
name = "{line}"
carriers = {names}
unknown = "allow"
stop_reply = "{line}: you are unsubscribed."
start_reply = "{line}: you are subscribed again."
help_reply = "{HELP}"
"""
    for line, names in (("85701", '["pair"]'), ("85702", '["in", "out"]'))
)  # fmt: skip
BINDS: Final = (
    ("demo", TRANSCEIVER, "secret"),
    ("pair", RECEIVER, "pair-pw"),
    ("pair", TRANSMITTER, "pair-pw"),
    ("in", RECEIVER, "in-pw"),
    ("out", TRANSMITTER, "out-pw"),
)


@dataclass(frozen=True)
class Scene:
    """What a step plays with."""

    carrier: ForeignCarrier
    gateway: Daemon

    async def send(self, text: str, to: str, line: str = "85700") -> str:
        """Ask for a text to be sent; return its id."""
        answer = await self.gateway.send(text, f"+{to}", line=line)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def until_state(self, message_id: str, state: str) -> None:
        """Wait until a message is in ``state``."""
        with trio.fail_after(PATIENCE_S):
            while await self.gateway.state(message_id) != state:
                await trio.lowlevel.checkpoint()

    async def texts_of(self, subscriber: str) -> list[str]:
        """Return what the gateway stored as said by a subscriber."""
        answer = await self.gateway.request(
            "GET", "/api/v1/messages", params={"number": f"+{subscriber}", "direction": "mo"}
        )
        return [message["text"] for message in answer.json()["messages"]]


async def binds_in_every_mode(scene: Scene) -> None:
    for system_id, mode, password in BINDS:
        await scene.carrier.bound(system_id, mode)
        assert scene.carrier.named("bind", system_id=system_id, command=mode)[0]["password"] == password


async def a_text_is_answered_on_each_bind(scene: Scene) -> None:
    carrier, subscriber = scene.carrier, "12125550101"
    demo = await carrier.bound()
    assert await carrier.text(demo, "JOIN", line="85700", subscriber=subscriber) == 0
    await carrier.until_heard("85700", subscriber, WELCOME, ON_THE_LIST)
    for line, receiver, transmitter in (("85701", "pair", "pair"), ("85702", "in", "out")):
        session = await carrier.bound(receiver, RECEIVER)
        assert await carrier.text(session, "HELP", line=line, subscriber=subscriber) == 0
        await carrier.until_heard(line, subscriber, HELP)
        (answer,) = carrier.submits(line, subscriber)
        assert answer["session"] == await carrier.bound(transmitter, TRANSMITTER)


async def receipts_are_understood(scene: Scene) -> None:
    carrier, subscriber = scene.carrier, "12125550102"
    for line, system_id, mode in (("85700", "demo", TRANSCEIVER), ("85701", "pair", RECEIVER)):
        for stat, state in (("DELIVRD", "delivered"), ("UNDELIV", "undelivered")):
            message_id = await scene.send(stat, subscriber, line)
            await carrier.until(lambda line=line, stat=stat: stat in carrier.heard(line, subscriber))  # type: ignore[misc]  # mypy knows no lambda with defaults
            submit = carrier.submits(line, subscriber)[-1]
            assert submit["registered_delivery"] & 1
            assert await carrier.receipt(await carrier.bound(system_id, mode), submit, stat) == 0
            await scene.until_state(message_id, state)
    assert await scene.texts_of(subscriber) == []


async def long_texts_with_emoji_go_both_ways(scene: Scene) -> None:
    carrier, subscriber = scene.carrier, "12125550103"
    assert await carrier.text(await carrier.bound(), LONG, line="85700", subscriber=subscriber) == 0
    assert await scene.texts_of(subscriber) == [LONG]
    await scene.send(LONG, subscriber)
    await carrier.until_heard("85700", subscriber, LONG)
    parts = carrier.submits("85700", subscriber)
    assert {(event["data_coding"], event["esm_class"] & UDHI, event["session"]) for event in parts} == {
        (UCS2, UDHI, await carrier.bound())
    }


async def links_are_checked_both_ways(scene: Scene) -> None:
    carrier = scene.carrier
    for system_id, mode, _ in BINDS:
        await carrier.enquire_link(await carrier.bound(system_id, mode))
    demo, seen = await carrier.bound(), len(carrier.events)
    # The second one is only asked if the first was answered.
    await carrier.until(lambda: len(carrier.named("enquire_link", seen, session=demo)) >= 2, "two link checks")
    assert not carrier.named("closed", session=demo)


async def a_connection_cut_within_a_pdu_is_made_again(scene: Scene) -> None:
    carrier, subscriber = scene.carrier, "12125550104"
    await carrier.cut_within_a_pdu(await carrier.bound())
    again = await carrier.bound(times=2)
    assert await carrier.text(again, "HELP", line="85700", subscriber=subscriber) == 0
    await carrier.until_heard("85700", subscriber, HELP)
    assert await scene.texts_of(subscriber) == ["HELP"]


async def an_unbind_is_answered_and_bound_again(scene: Scene) -> None:
    carrier, subscriber = scene.carrier, "12125550105"
    demo = await carrier.bound()
    await carrier.unbind(demo)
    await carrier.closed(demo)
    again = await carrier.bound(times=3)
    assert await carrier.text(again, "HELP", line="85700", subscriber=subscriber) == 0
    await carrier.until_heard("85700", subscriber, HELP)


async def a_throttled_segment_comes_again_in_its_place(scene: Scene) -> None:
    carrier, subscriber = scene.carrier, "12125550106"
    await carrier.throttle(1)
    await scene.send(LONG, subscriber, "85701")
    await scene.send("and then this", subscriber, "85701")
    await carrier.until_heard("85701", subscriber, LONG, "and then this")
    submits = carrier.submits("85701", subscriber)
    (throttled,) = (_said(event) for event in submits if event["status"] != "ESME_ROK")
    taken = [_said(event) for event in submits if event["status"] == "ESME_ROK"]
    assert taken.count(throttled) == 1
    assert len(set(taken)) == len(taken), "no other segment is sent twice"
    assert taken[-1][0] == "and then this"


def _said(event: Event) -> tuple[Any, ...]:
    return event["text"], tuple(event["udh"]), event["esm_class"], event["data_coding"]


async def the_gateway_unbinds_when_it_stops(scene: Scene) -> None:
    carrier = scene.carrier
    sessions = {await carrier.bound(system_id, mode) for system_id, mode, _ in BINDS}
    assert await scene.gateway.terminate() == 0
    for session in sessions:
        await carrier.closed(session)
    assert {event["session"] for event in carrier.named("unbind")} == sessions
    assert not [line for line in scene.gateway.log if "Traceback" in line]


STEPS: Final[tuple[Callable[[Scene], Awaitable[None]], ...]] = (
    binds_in_every_mode,
    a_text_is_answered_on_each_bind,
    receipts_are_understood,
    long_texts_with_emoji_go_both_ways,
    links_are_checked_both_ways,
    a_connection_cut_within_a_pdu_is_made_again,
    an_unbind_is_answered_and_bound_again,
    a_throttled_segment_comes_again_in_its_place,
    the_gateway_unbinds_when_it_stops,
)


@pytest.mark.checklist("B9", "C1", "C2", "D4", "F3", "G5")
@pytest.mark.parametrize("peer", carriers(), ids=name_of)
async def test_every_step_with_a_foreign_carrier(peer: Path, tmp_path: Path) -> None:
    async with running(ForeignCarrier, peer) as carrier:
        file = write_config(tmp_path, carrier.port, carrier="enquire_link_s = 1", lines=LINE + OTHERS)
        file.write_text(file.read_text().replace("port = PORT", f"port = {carrier.port}"))
        async with daemon(file) as gateway:
            for step in STEPS:
                try:
                    await step(Scene(carrier, gateway))
                except BaseException as error:
                    error.add_note(f"in the step {step.__name__} with {carrier.library}")
                    raise
    assert f"`{carrier.library}`" in (ROOT / "docs" / "smpp.md").read_text(encoding="utf-8")
