"""The demonstration: a carrier, a gateway and a conversation on real sockets, with nothing to configure.

Everything that is shown happens: the texts are PDUs over TCP, the refused send is an HTTP request with a token, and the
record is read back from the store. Nothing is a shortcut into the gateway's insides; what the demonstration can do,
anybody can. It keeps its state in a temporary folder, which goes with it.
"""

from __future__ import annotations

import hashlib
import secrets
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Final

import httpx
import trio

from gateway.config import Config, load
from gateway.daemon.daemon import running
from gateway.simulator.carrier import SimulatedCarrier
from gateway.web.options import TokenOptions

LINE: Final = "85700"
SUBSCRIBER: Final = "+12125550101"
PREFERRED: Final = "127.0.0.1:8080"
PATIENCE_S: Final = 10.0

SCRIPT: Final[tuple[tuple[str, str, int], ...]] = (
    ("JOIN", "The first time brings the welcome and the keyword's reply.", 2),
    ("please JOIN!", "Later only the reply; a keyword counts in the first two words.", 1),
    ("I would like to join", "It is not in the first two words: no keyword, and this line has no default reply.", 0),
    ("Stop.", "Any spelling of STOP is law, and is confirmed once.", 1),
    ("STOP", "Said again, it is recorded, and nothing is sent.", 0),
    ("HELP", "HELP is answered even to those who have opted out.", 1),
)


@dataclass(slots=True)
class Stage:
    """What the demonstration needs: where to print, how long to pause between lines (seconds), and the carrier."""

    say: Callable[[str], None]
    pause_s: float
    carrier: SimulatedCarrier
    client: httpx.AsyncClient
    token: str

    async def beat(self) -> None:
        """Let the reader follow."""
        await trio.sleep(self.pause_s)


Audience = Callable[[SimulatedCarrier], Awaitable[None]]
"""Whoever texts once the conversation was played; returns when they have had enough."""


async def demo(
    say: Callable[[str], None],
    version: str,
    *,
    pause_s: float = 0.0,
    audience: Audience | None = None,
) -> None:
    """Play the demonstration, then let ``audience`` text, until it has had enough or SIGINT or SIGTERM comes.

    ``say`` prints one line. Raises GatewayError where something cannot start.
    """
    token = f"gw_{secrets.token_urlsafe(24)}"
    with tempfile.TemporaryDirectory(prefix="gateway-demo-") as folder:
        async with AsyncExitStack() as stack:
            signals = stack.enter_context(trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM))
            nursery = await stack.enter_async_context(trio.open_nursery())
            show = trio.CancelScope()
            nursery.start_soon(_leave_on, signals, show, nursery.cancel_scope)
            carrier = SimulatedCarrier(system_id="demo")
            port: int = await nursery.start(carrier.serve)
            config = _config(Path(folder), port, token)
            try:
                async with running(config, version) as gateway:
                    base = f"http://{gateway.addresses[0]}"
                    headers = {"Authorization": f"Bearer {token}"}
                    async with httpx.AsyncClient(base_url=base, headers=headers) as client:
                        stage = Stage(say, pause_s, carrier, client, token)
                        with show:
                            await _play(stage, port)
                            _invite(stage, base)
                            if audience is not None:
                                await audience(carrier)
            finally:
                say("")
                say("The gateway has stopped; its temporary store is gone.")
            nursery.cancel_scope.cancel()


async def _leave_on(signals: AsyncIterator[int], show: trio.CancelScope, everything: trio.CancelScope) -> None:
    """End the show at the first signal, so that the gateway stops in order; at the second, everything."""
    async for _ in signals:
        if show.cancel_called:
            everything.cancel()
            return
        show.cancel()


def _config(folder: Path, port: int, token: str) -> Config:
    """Return the example configuration, on this carrier, with this token, in this folder."""
    with resources.as_file(resources.files("gateway.daemon") / "demo.toml") as file:
        config = load(file)
    digest = hashlib.sha256(token.encode()).hexdigest()
    http = config.http.model_copy(
        update={
            "listen": (PREFERRED if _is_free(PREFERRED) else "127.0.0.1:0",),
            "token": (TokenOptions(name="demo", sha256=digest, role="operator"),),
        }
    )
    return replace(
        config,
        state_dir=folder,
        http=http,
        carriers=tuple(carrier.model_copy(update={"port": port}) for carrier in config.carriers),
        log=config.log.model_copy(update={"level": "warning"}),
    )


def _is_free(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, int(port)))
        except OSError:
            return False
    return True


async def _play(stage: Stage, port: int) -> None:
    say = stage.say
    say(f"A simulated carrier listens on 127.0.0.1:{port}. The gateway binds to it as the short code {LINE}.")
    with trio.fail_after(PATIENCE_S):
        await stage.carrier.wait_bound()
    say(f"Bound. {SUBSCRIBER} picks up the phone.")
    for text, why, answers in SCRIPT:
        await _exchange(stage, text, why, answers)
    await _refused_send(stage)
    await _exchange(stage, "START", "Only their own text brings them back.", 1)
    await _accepted_send(stage)
    await _record(stage)


async def _exchange(stage: Stage, text: str, why: str, answers: int) -> None:
    """One text, and its answers, as a dialogue."""
    await stage.beat()
    stage.say("")
    stage.say(f"# {why}")
    seen = len(stage.carrier.arrived)
    with trio.fail_after(PATIENCE_S):
        status = await stage.carrier.text(text, from_=SUBSCRIBER, line=LINE)
        stage.say(f"  {SUBSCRIBER}  > {text}")
        if status:
            stage.say(f"  (the gateway answered with status {status:#x})")
        await stage.carrier.until(lambda carrier: len(carrier.arrived) >= seen + answers)
    for arrived in list(stage.carrier.arrived)[seen:]:
        await stage.beat()
        stage.say(f"  {LINE:>12}  < {arrived.text}")
    if not answers:
        stage.say(f"  {'':>12}    (no answer)")


async def _refused_send(stage: Stage) -> None:
    await stage.beat()
    stage.say("")
    stage.say("# An application tries to text somebody who has opted out.")
    before = len(stage.carrier.submitted)
    answer = await _post(stage, "Spring sale! Everything must go.")
    problem = answer.json()
    stage.say("  POST /api/v1/messages")
    stage.say(f"  {answer.status_code} {problem['type']}: {problem['detail']}")
    stage.say(f"  since {problem['since']}, by {problem['source']}")
    stage.say(f"  submit_sm that left for it: {len(stage.carrier.submitted) - before}")


async def _accepted_send(stage: Stage) -> None:
    await stage.beat()
    stage.say("")
    stage.say("# The same application, now that they are back.")
    seen = len(stage.carrier.arrived)
    answer = await _post(stage, "Good to have you back.")
    stage.say(f"  POST /api/v1/messages -> {answer.status_code} {answer.json()}")
    with trio.fail_after(PATIENCE_S):
        await stage.carrier.until(lambda carrier: len(carrier.arrived) > seen)
    stage.say(f"  {LINE:>12}  < {stage.carrier.arrived[-1].text}")


async def _post(stage: Stage, text: str) -> httpx.Response:
    return await stage.client.post("/api/v1/messages", json={"line": LINE, "to": SUBSCRIBER, "text": text})


async def _record(stage: Stage) -> None:
    await stage.beat()
    consent = (await stage.client.get(f"/api/v1/consents/{LINE}/{SUBSCRIBER}")).json()
    events = (await stage.client.get(f"/api/v1/consents/{LINE}/{SUBSCRIBER}/evidence")).json()
    stage.say("")
    stage.say("# The consent record, with its evidence.")
    stage.say(f"  {SUBSCRIBER} on {LINE}: {consent['status']} since {consent['since']}, by {consent['source']}")
    for event in events["evidence"]:
        change = f"{event['before']} -> {event['after']}" if event["before"] != event["after"] else event["after"]
        stage.say(f"  {event['occurred_at']}  {event['kind']:<9}  {change:<24}  {event['text']!r}  ({event['rule']})")


def _invite(stage: Stage, base: str) -> None:
    stage.say("")
    stage.say("Now you. The gateway keeps running:")
    stage.say(f"  {base}/api/docs    the API, to read")
    stage.say(f"  {base}/metrics     for Prometheus")
    stage.say(f"  {base}/readyz      store and binds")
    stage.say(f"  curl -H 'Authorization: Bearer {stage.token}' \\")
    stage.say(f"       {base}/api/v1/consents/{LINE}/{SUBSCRIBER}")
