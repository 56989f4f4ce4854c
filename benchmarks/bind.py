"""What a bind costs for an MO and its reply: a carrier in a process of its own, and one bind on TCP, in microseconds.

    python -m benchmarks.bind [batch] [MOs]

The carrier sends ``batch`` deliver_sm at a time (and with them the responses to the submits of the batch before), and
sends the next ones when all of these are acked and answered. Traffic is made of nothing: it acks what came at once and
offers a permit for each. Prints the CPU time that *our* process uses for an MO, the best of several runs, for batches
of 100, 10 and 1 where none is given; then the same work without sockets and tasks, stage by stage; with ``--profile``
a profile of the first. It judges nothing by itself: no test asserts a speed.
"""

from __future__ import annotations

import cProfile
import multiprocessing
import pstats
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from timeit import repeat

import structlog
import trio

from gateway.base import SystemClock
from gateway.carriers.carrier import Carrier
from gateway.carriers.compose import Composer
from gateway.carriers.habits import habits
from gateway.carriers.interface import BindPort, BindState
from gateway.carriers.link import Link, Terms
from gateway.carriers.options import CarrierOptions
from gateway.carriers.trace import Ring
from gateway.carriers.translate import Translator
from gateway.model.address import Msisdn
from gateway.model.messages import Arrival, Mo
from gateway.model.permit import Grounds, Outcome, Permit, SegmentStyle
from gateway.smpp.codec import decode, encode
from gateway.smpp.constants import CommandId
from gateway.smpp.framing import Framer
from gateway.smpp.pdu import BindTransceiver, BindTransceiverResp, DeliverSm, SubmitSmResp
from gateway.smpp.session import Session, SessionOptions
from gateway.smpp.states import Role

RUNS = 5
LOOK_S = min(repeat(time.process_time, number=1_000, repeat=RUNS)) / 1_000
"""What looking at the clock costs, seconds: it is in each stage once."""
REPLY = b"Welcome to Acme Alerts! 4 msgs/month. Msg&data rates may apply. Reply HELP for help, STOP to end."
TEXTS = (b"JOIN", b"please JOIN!", b"HELP", b"is anybody there? I have not heard from you for a week or two")


def deliver(number: int) -> bytes:
    """Return a subscriber's text; each comes from a number of its own."""
    pdu = DeliverSm(
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=f"1212{5_000_000 + number % 4_000_000}",
        dest_addr_ton=3,
        destination_addr="85700",
        short_message=TEXTS[number % len(TEXTS)],
    )
    return encode(pdu, number % 0x7FFFFFFF + 1)


def permit(number: int) -> Permit:
    """Return leave to send one reply."""
    return Permit(
        id=number,
        message_id=number,
        segment=1,
        segments=1,
        line="85700",
        line_id=1,
        subscriber=Msisdn(f"+1212{5_000_000 + number % 4_000_000}"),
        grounds=Grounds.ANSWER,
        carrier="acme",
        bind="acme/0",
        data_coding=0,
        body=REPLY,
        style=SegmentStyle.UDH8,
        reference=1,
        urgent=number % 4 == 2,  # HELP is answered before the others
        expires_at=time.time() + 300,
        dies_at=SystemClock().boot() + 3_600,
    )


class Echo:
    """Traffic that takes everything at once and answers each text."""

    def __init__(self, permits: Sequence[Permit]) -> None:
        self._permits = permits
        self.arrivals = 0
        self.settled_ = 0
        self.acked = 0
        self.done = trio.Event()

    def arrived(self, bind: BindPort, arrivals: Sequence[Arrival]) -> None:
        bind.acknowledge(arrivals[0].session, [(arrival.sequence, 0) for arrival in arrivals])
        bind.offer(self._permits[self.arrivals : self.arrivals + len(arrivals)])
        self.arrivals += len(arrivals)

    def put_off(self, bind: BindPort, texts: Sequence[Mo]) -> None:
        raise AssertionError

    def settled(self, bind: BindPort, outcomes: Sequence[Outcome]) -> None:
        self.settled_ += len(outcomes)
        if self.settled_ >= len(self._permits):
            self.done.set()

    def acks_written(self, bind: BindPort, session: str, sequences: Sequence[int]) -> None:
        self.acked += len(sequences)

    def changed(self, bind: BindPort, state: BindState) -> None:
        """Nobody waits for it."""


def carrier(listener: socket.socket, batch: int, texts: int) -> None:
    """Play the carrier for one session, then close it."""
    stream, _ = listener.accept()
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    framer = Framer()
    login = decode(framer.feed(stream.recv(65_536))[0])
    stream.sendall(encode(BindTransceiverResp(system_id="smsc"), login.sequence))
    submit = int(CommandId.SUBMIT_SM)
    mos = [b"".join(map(deliver, range(at, at + batch))) for at in range(0, texts, batch)]
    answers = b""
    for batch_of_mos in [*mos, b""]:
        if answers or batch_of_mos:
            stream.sendall(answers + batch_of_mos)
        if not batch_of_mos:
            break
        seen, sequences = 0, []
        while seen < 2 * batch:
            for pdu in framer.feed(stream.recv(65_536)):
                seen += 1
                if int.from_bytes(pdu[4:8], "big") == submit:
                    sequences.append(int.from_bytes(pdu[12:16], "big"))
        answers = b"".join(encode(SubmitSmResp(message_id=f"{sequence:x}"), sequence) for sequence in sequences)
    stream.recv(1)  # until the other side goes
    stream.close()


async def converse(port: int, batch: int, permits: Sequence[Permit]) -> Echo:
    """Be bound until the carrier has had enough."""
    options = CarrierOptions(name="acme", system_id="demo", host="127.0.0.1", port=port, window=batch + 2)
    echo = Echo(permits)
    acme = Carrier(options, inward=echo, clock=SystemClock(), life="gw1-1", region_of=lambda line: "US")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(acme.run)
        await echo.done.wait()
        nursery.cancel_scope.cancel()
    return echo


def on_tcp(batch: int, texts: int, profile: cProfile.Profile | None = None) -> float:
    """Return the CPU microseconds for an MO and its reply."""
    permits = [permit(number) for number in range(texts)]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        peer = multiprocessing.get_context("fork").Process(target=carrier, args=(listener, batch, texts))
        peer.start()
        begin = time.process_time()
        with profile or nullcontext():
            echo = trio.run(converse, listener.getsockname()[1], batch, permits)
        spent = time.process_time() - begin
        peer.join()
    assert echo.arrivals == echo.settled_ == echo.acked == texts
    return spent / texts * 1e6


class Stages:
    """The same work without sockets and tasks. ``costs``: seconds by stage."""

    def __init__(self, batch: int, texts: int) -> None:
        options = CarrierOptions(name="acme", window=batch + 2)
        quirk, clock = habits(options), SystemClock()
        terms = Terms(Composer(options, quirk), Translator("acme", quirk, lambda line: "US"), clock, batch + 2, 1_000)
        session = Session(Role.ESME, SessionOptions(window=batch + 2), clock.monotonic())
        self.link = Link("gw1-1-acme/0-1", "acme/0", session, terms)
        self.ring = Ring(options.trace_octets, options.max_pdu_octets, clock)
        self.ring.begin(self.link.id)
        self.link.bind(BindTransceiver(system_id="demo"))
        self.link.pump(len)
        self.link.received(encode(BindTransceiverResp(), 1))
        self.mos = [b"".join(map(deliver, range(at, at + batch))) for at in range(0, texts, batch)]
        self.permits = [permit(number) for number in range(texts)]
        self.costs: dict[str, float] = {}
        self.calls: Counter[str] = Counter()

    def run(self) -> None:
        """Go through all batches."""
        at, sent = 0, b""

        def send(data: bytes) -> int:
            nonlocal sent
            sent += data
            self.timed("5 trace", self.ring.take, "out", data)
            return len(data)

        for mos in self.mos:
            self.timed("5 trace", self.ring.take, "in", mos)
            arrivals = self.timed("1 deliver_sm read", self.link.received, mos).arrivals
            answers = [(arrival.sequence, 0) for arrival in arrivals]
            self.timed("2 deliver_sm_resp queued", self.link.acknowledge, answers)
            permits, at = self.permits[at : at + len(answers)], at + len(answers)
            self.timed("3 submit_sm offered", self.link.offer, permits)
            sent = b""
            before = self.costs.get("5 trace", 0.0)
            while self.timed("4 all encoded and sent", self.link.pump, send).octets:
                pass
            self.costs["4 all encoded and sent"] -= self.costs["5 trace"] - before
            submits = [frame for frame in map(decode, Framer().feed(sent)) if frame.command_id == CommandId.SUBMIT_SM]
            back = b"".join(encode(SubmitSmResp(message_id=f"{f.sequence:x}"), f.sequence) for f in submits)
            self.timed("5 trace", self.ring.take, "in", back)
            outcomes = self.timed("6 submit_sm_resp read", self.link.received, back).outcomes
            assert len(outcomes) == len(permits)

    def timed(self, stage: str, step: Callable, *args: object):  # type: ignore[no-untyped-def,type-arg]
        begin = time.process_time()
        result = step(*args)
        self.costs[stage] = self.costs.get(stage, 0.0) + time.process_time() - begin
        self.calls[stage] += 1
        return result


def stages(batch: int, texts: int) -> dict[str, float]:
    """Return microseconds an MO by stage, each the best of several runs."""
    best: dict[str, float] = {}
    for _ in range(RUNS):
        run = Stages(batch, texts)
        run.run()
        for stage, seconds in run.costs.items():
            best[stage] = min(best.get(stage, 1e9), (seconds - run.calls[stage] * LOOK_S) / texts * 1e6)
    return dict(sorted(best.items()))


def main() -> None:
    numbers = [int(arg) for arg in sys.argv[1:] if arg.isdigit()]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    if "--profile" in sys.argv:
        profile = cProfile.Profile()
        on_tcp(numbers[0] if numbers else 100, numbers[1] if len(numbers) > 1 else 20_000, profile)
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        return
    texts = numbers[1] if len(numbers) > 1 else 20_000
    print("CPU microseconds an MO with its reply")
    for batch in numbers[:1] or [100, 10, 1]:
        some = max(batch, texts // (1 if batch > 1 else 5))
        print(f"on TCP, batches of {batch:4}: {min(on_tcp(batch, some) for _ in range(RUNS)):8.2f}")
    for batch in numbers[:1] or [100, 10]:
        print(f"without tasks and sockets, batches of {batch}:")
        found = stages(batch, texts)
        for stage, cost in found.items():
            print(f"  {stage:26} {cost:8.2f}")
        print(f"  {'together':26} {sum(found.values()):8.2f}")


if __name__ == "__main__":
    main()
