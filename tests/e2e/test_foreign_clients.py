"""The simulated carrier, our session machine's other side, with clients that are not ours: one table of steps for all.

The carrier runs in the test, over real sockets; each client is a process of its own and keeps one connection at a time.
Every step begins and ends with the client bound as a transceiver. To add a client, add its file in tests/peers/clients.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import trio

from gateway.simulator import SimulatedCarrier
from gateway.simulator.link import Link
from gateway.smpp.constants import Status
from tests.kit.foreign import PATIENCE_S, ROOT, clients, joined, name_of, running
from tests.kit.foreign_client import LINE, PASSWORD, ForeignClient

LONG: Final = "Ünïcode, and a client that sends 😀 at every odd place: " + "a😀" * 45 + " 👩‍👩‍👧‍👦."
REFUSALS: Final = {
    "query_sm": Status.ESME_RQUERYFAIL,
    "cancel_sm": Status.ESME_RCANCELFAIL,
    "replace_sm": Status.ESME_RREPLACEFAIL,
    "submit_multi": Status.ESME_RSUBMITFAIL,
}


@dataclass(frozen=True)
class Scene:
    """What a step plays with."""

    carrier: SimulatedCarrier
    client: ForeignClient

    @property
    def link(self) -> Link:
        """The client's connection."""
        (link,) = self.carrier.binds
        return link

    async def brought(self, text: str, subscriber: str) -> int | None:
        """Have a subscriber text; return the status of the client's answer."""
        return await self.carrier.text(text, from_=f"+{subscriber}", line=LINE)

    async def arrived(self, subscriber: str, *texts: str) -> None:
        """Wait for the texts at a subscriber's handset; they must be these, in this order."""

        def heard() -> list[str]:
            return [arrived.text for arrived in self.carrier.arrived if arrived.subscriber == f"+{subscriber}"]

        await self.carrier.until(lambda _: len(heard()) >= len(texts))
        assert heard() == list(texts)

    async def gone(self, link: Link) -> None:
        """Wait until a connection has ended."""
        await self.carrier.until(lambda carrier: link.name not in carrier.links)


async def a_wrong_password_is_refused(scene: Scene) -> None:
    assert await scene.client.refused("wrong") == Status.ESME_RINVPASWD
    await scene.client.bind()


async def it_binds_in_every_mode(scene: Scene) -> None:
    await scene.client.unbind()
    for mode in ("transmitter", "receiver", "transceiver"):
        await scene.client.bind(mode)
        await scene.carrier.wait_bound()
        link, subscriber = scene.link, "12125550100"
        assert link.mode == mode
        if mode != "receiver":
            assert (await scene.client.submit(mode, subscriber))["status"] == 0
        if mode != "transmitter":
            assert await scene.brought(mode, subscriber) == 0
        await scene.client.unbind()
        await scene.gone(link)
    await scene.arrived("12125550100", "transmitter", "transceiver")
    assert [event["text"] for event in await scene.client.texts("12125550100", 2)] == ["receiver", "transceiver"]
    await scene.client.bind()


async def a_text_and_its_answer(scene: Scene) -> None:
    subscriber = "12125550101"
    assert await scene.brought("JOIN", subscriber) == 0
    (text,) = await scene.client.texts(subscriber)
    assert (text["text"], text["destination_addr"], text["esm_class"]) == ("JOIN", LINE, 0)
    answer = await scene.client.submit("Welcome", subscriber)
    assert answer["status"] == 0
    await scene.arrived(subscriber, "Welcome")
    assert answer["message_id"] == scene.carrier.submitted[-1].message_id


async def who_asks_for_a_receipt_gets_it(scene: Scene) -> None:
    client = scene.client
    for subscriber, stat in (("12125550102", "DELIVRD"), ("12125550103", "UNDELIV")):
        scene.carrier.manners.receipt_stat = stat
        answer = await client.submit("Your receipt, please", subscriber, receipt=True)
        (receipt,) = await client.texts(subscriber)
        assert receipt["esm_class"] == 4
        assert receipt["receipted_message_id"] == answer["message_id"]
        assert receipt["text"].startswith(f"id:{answer['message_id']} sub:001 dlvrd:")
        assert f"stat:{stat} " in receipt["text"]
        assert receipt["text"].endswith("text:Your receipt, please")
    scene.carrier.manners.receipt_stat = "DELIVRD"
    await client.submit("and none", "12125550104")
    assert await scene.brought("what comes next", "12125550104") == 0
    assert [event["text"] for event in await client.texts("12125550104")] == ["what comes next"]


async def long_texts_with_emoji_go_both_ways(scene: Scene) -> None:
    subscriber = "12125550105"
    assert await scene.brought(LONG, subscriber) == 0
    assert joined(await scene.client.texts(subscriber)) == LONG
    await scene.client.submit(LONG, subscriber)
    await scene.arrived(subscriber, LONG)


async def links_are_checked_both_ways(scene: Scene) -> None:
    with trio.fail_after(PATIENCE_S):
        assert await scene.carrier.enquire_link()
    await scene.client.wait("enquire_link")
    assert (await scene.client.ask("enquire_link"))["status"] == 0


async def data_sm_is_a_message_too(scene: Scene) -> None:
    answer = await scene.client.ask("data_sm")
    assert answer["status"] == 0
    arrived = scene.carrier.arrived[-1]
    assert (arrived.text, arrived.subscriber, arrived.message_ids) == (
        "hello as data",
        "+12125550101",
        (answer["message_id"],),
    )


async def what_it_does_not_do_it_refuses_and_goes_on(scene: Scene) -> None:
    link = scene.link
    for question, refusal in REFUSALS.items():
        assert (await scene.client.ask(question))["status"] == refusal, question
    assert (await scene.client.submit("still here", "12125550106"))["status"] == 0
    assert scene.link is link


async def a_throttled_client_tries_again(scene: Scene) -> None:
    subscriber, client = "12125550107", scene.client
    scene.carrier.manners.status_for[subscriber] = Status.ESME_RTHROTTLED
    assert (await client.submit("one", subscriber))["status"] == Status.ESME_RTHROTTLED
    scene.carrier.manners.status_for.clear()
    for text in ("one", "two"):
        assert (await client.submit(text, subscriber))["status"] == 0
    await scene.arrived(subscriber, "one", "two")


async def a_connection_that_the_carrier_cuts_within_a_pdu(scene: Scene) -> None:
    subscriber, client, link, seen = "12125550108", scene.client, scene.link, len(scene.client.events)
    link.cut_after(sent=20)
    posted = scene.carrier.post("brought twice", from_=f"+{subscriber}", line=LINE)
    await scene.gone(link)
    await client.bound_again(seen)
    assert await posted[0].wait() == 0
    assert posted[0].attempts == 2
    assert [event["text"] for event in await client.texts(subscriber)] == ["brought twice"]


async def a_connection_that_the_client_cuts_within_a_pdu(scene: Scene) -> None:
    client, link, seen, submits = scene.client, scene.link, len(scene.client.events), len(scene.carrier.submitted)
    await client.cut_within_a_pdu()
    await scene.gone(link)
    await client.bound_again(seen)
    assert (await client.submit("whole again", "12125550109"))["status"] == 0
    assert len(scene.carrier.submitted) == submits + 1


async def the_carrier_unbinds(scene: Scene) -> None:
    client, link, seen = scene.client, scene.link, len(scene.client.events)
    link.unbind()
    await client.wait("unbind", since=seen)
    await scene.gone(link)
    await client.bound_again(seen)
    assert (await client.submit("bound again", "12125550110"))["status"] == 0


STEPS: Final[tuple[Callable[[Scene], Awaitable[None]], ...]] = (
    a_wrong_password_is_refused,
    it_binds_in_every_mode,
    a_text_and_its_answer,
    who_asks_for_a_receipt_gets_it,
    long_texts_with_emoji_go_both_ways,
    links_are_checked_both_ways,
    data_sm_is_a_message_too,
    what_it_does_not_do_it_refuses_and_goes_on,
    a_throttled_client_tries_again,
    a_connection_that_the_carrier_cuts_within_a_pdu,
    a_connection_that_the_client_cuts_within_a_pdu,
    the_carrier_unbinds,
)


@pytest.mark.checklist("C1", "C2", "C8")
@pytest.mark.parametrize("peer", clients(), ids=name_of)
async def test_every_step_with_a_foreign_client(peer: Path, nursery: trio.Nursery) -> None:
    carrier = SimulatedCarrier(system_id="demo", password=PASSWORD)
    port = await nursery.start(carrier.serve)
    async with running(ForeignClient, peer, str(port)) as client:
        for step in STEPS:
            try:
                with trio.fail_after(PATIENCE_S):
                    await step(Scene(carrier, client))
            except BaseException as error:
                error.add_note(f"in the step {step.__name__} with {client.library}; last: {client.events[-6:]}")
                raise
        await client.unbind()
    assert f"`{client.library}`" in (ROOT / "docs" / "smpp.md").read_text(encoding="utf-8")
