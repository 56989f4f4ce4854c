"""One conversation, the same each time: all that a line's day consists of, in a few seconds and in a fixed order.

Joins with first-time welcomes, long texts both ways, HELP, chatter, sends and broadcasts of an application, STOPs in
four spellings (one of them long, one overtaking a broadcast), STARTs, receipts for all of it, and a restart in the
middle. Each step waits until what it led to has come, or until nothing is left that could come, so that a step begins
in the same state whether or not something failed in the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio

from tests.kit.daemon import BACK, HELP, LINE, ON_THE_LIST, STOPPED, WELCOME
from tests.torture.carrier import Carrier, Text, long_text, text
from tests.torture.lives import POLL_S, Api, Supervisor, until

ANNE, BEN, CARA, DAN, EVE = (f"1212555010{n}" for n in range(1, 6))
CROWD: Final = tuple(f"1646555011{n}" for n in range(6))
STORY: Final = "Once upon a time there was a short code that kept its word. " * 6
NEWS: Final = "This week we have news for you, and it takes two messages to tell them all. " * 3
ASKED: Final = "STORY please, " + "I have waited for it so long, " * 12
ENOUGH: Final = "STOP, " + "I have read quite enough of your stories by now, " * 6
LINES: Final = f'{LINE}\n[[line.keyword]]\nword = "STORY"\naction = "reply"\nuser_reply = "{STORY.strip()}"\n'

CONFIG: Final = """
[gateway]
node = "gw1"
state_dir = "state"

[log]
level = "info"

[http]
listen = []

[store]
busy_timeout_s = 0.2

[[carrier]]
name = "acme"
port = {port}
system_id = "demo"
password = "secret"
reconnect_gap_s = 0.1
reconnect_max_s = 0.1
window = 10
drain_s = 5
{lines}
"""


@dataclass(frozen=True)
class Send:
    """A request of the application's: who, what, under which reference."""

    to: str
    text: str
    ref: str
    lane: str = "normal"

    def body(self) -> dict[str, str]:
        return {"line": "85700", "to": f"+{self.to}", "text": self.text, "ref": self.ref, "lane": self.lane}


@dataclass
class World:
    """What takes part. ``answers`` are those that the application got, by reference: an id, or a problem's type."""

    folder: Path
    carrier: Carrier
    supervisor: Supervisor
    api: Api
    answers: dict[str, str] = field(default_factory=dict)

    async def text(self, *texts: Text) -> None:
        """Bring texts together; wait until each is acked."""
        self.carrier.post(*texts)
        await self.carrier.until(lambda: all(item.acked for item in texts), f"the acks of {texts[0].text[:40]!r}")

    async def got(self, subscriber: str, *expected: str) -> None:
        """Wait until all of these texts came to a number, or none that could come is left."""

        def came() -> bool:
            return set(expected) <= set(self.carrier.whole(subscriber))

        with trio.move_on_after(0.5):  # by then it came, unless something failed
            await self.carrier.until(came, "texts")
        await until(lambda: self._came_or_over(came, f"&line=85700&number=%2B{subscriber}"))

    async def begun(self, numbers: Sequence[str]) -> None:
        """Wait until something came to any of these numbers, or nothing that could come is left."""
        await until(lambda: self._came_or_over(lambda: any(map(self.carrier.whole, numbers)), ""))

    async def _came_or_over(self, came: Callable[[], bool], among: str) -> bool:
        return came() or not await self.under_way(among)

    async def under_way(self, among: str = "") -> bool:
        """Say whether any message (of those that the query names) may still go."""
        for state in ("queued", "sending"):
            answer = await self.api.insist("GET", f"/api/v1/messages?state={state}&direction=mt&limit=1{among}")
            assert answer.status_code == 200, answer.text
            if answer.json()["messages"]:
                return True
        return False

    async def quiet(self) -> None:
        """Wait until no message may still go, and every text and receipt is acked."""
        await until(lambda: self._came_or_over(lambda: False, ""))
        await self.carrier.until(lambda: all(item.acked for item in self.carrier.texts), "the acks of all")

    async def send(self, *sends: Send) -> None:
        """Send messages, in one request, until answered."""
        body: dict[str, Any] = sends[0].body() if len(sends) == 1 else {"messages": [send.body() for send in sends]}
        key = {"Idempotency-Key": f"key-{sends[0].ref}"}
        while open_ := [send for send in sends if send.ref not in self.answers]:
            answer = await self.api.insist("POST", "/api/v1/messages", json=body, headers=key)
            found = answer.json()
            results = found.get("results", [found])
            for send, result in zip(sends, results, strict=True):
                said = result.get("id") or result["type"]
                if said != "/problems/unavailable":
                    self.answers[send.ref] = said
            if open_ == [send for send in sends if send.ref not in self.answers]:
                await trio.sleep(POLL_S)

    async def restart(self) -> None:
        await self.supervisor.restart()


def write_config(folder: Path, port: int) -> Path:
    """Write the configuration of the conversation."""
    file = folder / "gateway.toml"
    file.write_text(CONFIG.format(port=port, lines=LINES))
    return file


async def converse(world: World) -> None:
    """Hold the conversation. Returns when all of it has come to its end."""
    carrier = world.carrier
    await world.text(text(ANNE, "JOIN"))
    await world.got(ANNE, WELCOME, ON_THE_LIST)
    await world.text(*long_text(BEN, ASKED, 7, (1, 3, 2)))
    await world.got(BEN, STORY.strip())
    await world.text(text(CARA, "JOIN"), text(DAN, "Join!"), text(EVE, "HELP"), text(ANNE, "thank you so much"))
    await world.got(CARA, WELCOME, ON_THE_LIST)
    await world.got(DAN, WELCOME, ON_THE_LIST)
    await world.got(EVE, HELP)

    await world.send(Send(ANNE, NEWS, "news"))
    await world.got(ANNE, NEWS)
    await world.send(Send(EVE, "Grüße 😀 here", "greetings"))
    await world.got(EVE, "Grüße 😀 here")

    carrier.mute = True
    await world.send(*broadcast("first", (*CROWD, CARA, ANNE)))
    await world.begun(CROWD)
    await world.text(text(CARA, "STOP"))
    await world.got(CARA, STOPPED)
    carrier.release()
    await world.send(Send(CARA, "one more thing", "too-late"))
    await world.text(text(CARA, "START"))
    await world.got(CARA, BACK)

    await world.restart()

    await world.text(text(DAN, "please stop texting me"), *long_text(BEN, ENOUGH, 8, (1, 2)), text(EVE, "Stop all"))
    for number in (DAN, BEN, EVE):
        await world.got(number, STOPPED)
    await world.send(*broadcast("second", (ANNE, BEN, CARA, DAN, EVE)))
    await world.got(ANNE, "second for all")
    await world.text(text(DAN, "START"))
    await world.got(DAN, BACK)
    await world.text(text(DAN, "help me"))
    await world.got(DAN, HELP)
    await world.text(text(ANNE, "UNSUBSCRIBE"))
    await world.got(ANNE, STOPPED)
    await world.quiet()


def broadcast(name: str, numbers: Sequence[str]) -> list[Send]:
    """Return a broadcast's requests."""
    return [Send(number, f"{name} for all", f"{name}-{number}", "bulk") for number in numbers]
