"""The loading carrier: what it does with a peer that is laid by hand, at times that the test says."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.simulator import load
from gateway.simulator.load import Carrier
from gateway.simulator.load_link import Link
from gateway.simulator.load_manners import MEAN_S, Mood, Moods
from gateway.simulator.load_plan import BROADCAST, LoadPlan
from gateway.smpp.codec import decode
from gateway.smpp.pdu import DeliverSm
from tests.kit.clock import FakeClock
from tests.kit.raw_smsc import DELIVER, ENQUIRE, RESP, SUBMIT, pdu

BIND, UNBIND = 9, 6
PEERS: list[Peer] = []


class Peer:
    """An ESME without manners, at the other end of a link."""

    def __init__(self, carrier: Carrier) -> None:
        ours, theirs = socket.socketpair()
        self.socket = ours
        self.link = Link(theirs, carrier.plan, carrier)
        carrier.links.append(self.link)
        self._carrier = carrier
        ours.setblocking(False)
        PEERS.append(self)

    def close(self) -> None:
        self.socket.close()
        self.link.socket.close()

    def say(self, *pdus: bytes, now: float = 0.0) -> None:
        """Send, and let the carrier read."""
        self.socket.sendall(b"".join(pdus))
        self.link.read(now)

    def heard(self) -> list[tuple[int, int, int, bytes]]:
        """Return what came: command, status, sequence, body."""
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return []
        found = []
        while data:
            length, command, status, sequence = struct.unpack_from(">IIII", data)
            found.append((command, status, sequence, data[16:length]))
            data = data[length:]
        return found


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(load, "say", lines.append)
    return lines


@pytest.fixture(autouse=True)
def _closed(said: list[dict[str, Any]]) -> Iterator[None]:
    """Nothing goes to the test's own output, and nothing stays open."""
    yield
    while PEERS:
        PEERS.pop().close()


def begun(**plan: Any) -> tuple[Carrier, Peer]:
    carrier = Carrier(LoadPlan(**plan), FakeClock())
    peer = Peer(carrier)
    peer.say(pdu(BIND, 1, b"x\0y\0\0\x34\0\0\0"))
    carrier.turn(0.0)
    assert peer.heard() == [(BIND | RESP, 0, 1, b"load\0")]
    carrier.begin(0.0)
    return carrier, peer


def submit(number: bytes, sequence: int = 1, text: bytes = b"Hi") -> bytes:
    body = b"\0\3\x0085700\0\1\1" + number + b"\0\0\0\0\0\0\1\0\0\0" + bytes([len(text)]) + text
    return pdu(SUBMIT, sequence, body)


def number_in(body: bytes) -> bytes:
    return body[3 : body.index(b"\0", 3)]


def test_it_keeps_the_window_full() -> None:
    carrier, peer = begun(window=3, seconds=5)
    carrier.turn(0.1)
    first = peer.heard()
    assert [entry[:3] for entry in first] == [(DELIVER, 0, sequence) for sequence in (1, 2, 3)]
    read = decode(pdu(DELIVER, 1, first[0][3])).pdu
    assert read == DeliverSm(
        source_addr_ton=1,
        source_addr_npi=1,
        source_addr=number_in(first[0][3]).decode(),
        dest_addr_ton=3,
        destination_addr="85700",
        short_message=b"JOIN",
    )
    peer.say(pdu(DELIVER | RESP, 2, b"\0"), pdu(DELIVER | RESP, 99, b"\0"), now=0.2)
    carrier.turn(0.2)
    assert len(peer.heard()) == 1
    assert (carrier.book.acked, carrier.book.strays) == (1, 1)
    carrier.turn(5.0)
    assert carrier.wait_s(5.0) > 0
    peer.say(*(pdu(DELIVER | RESP, sequence, b"\0") for sequence in (1, 3, 4)), now=5.1)
    carrier.turn(5.1)
    assert peer.heard() == [], "its time is over"
    assert not carrier.is_finished(5.1)
    assert carrier.is_finished(15.2), "what is missing will not come"
    assert carrier.result()["lost"] == 4


def test_it_answers_what_an_esme_asks() -> None:
    carrier, peer = begun(seconds=1, window=1)
    carrier.turn(0.0)
    ((_, _, _, body),) = peer.heard()
    number = number_in(body)
    half = submit(number, 8)
    peer.say(pdu(ENQUIRE, 7), half[:20])
    carrier.turn(0.1)
    peer.say(half[20:], pdu(DELIVER | RESP, 1, b"\0"), pdu(0x80000000, 3), pdu(UNBIND, 9))
    carrier.turn(0.2)
    assert peer.heard() == [(ENQUIRE | RESP, 0, 7, b""), (SUBMIT | RESP, 0, 8, b"1\0"), (UNBIND | RESP, 0, 9, b"")]
    assert peer.socket.recv(1) == b""
    assert carrier.book.answered == 1
    assert carrier.is_finished(1.1)


def test_a_steady_rate_is_timed_from_when_a_text_was_due() -> None:
    carrier, peer = begun(rate=10, seconds=0.3)
    carrier.turn(0.15)
    assert len(peer.heard()) == 2
    assert carrier.wait_s(0.15) == pytest.approx(0.05)
    carrier.turn(1.0)
    ((_, _, sequence, body),) = peer.heard()
    peer.say(pdu(DELIVER | RESP, sequence, b"\0"), submit(number_in(body)), now=1.0)
    carrier.turn(1.0)
    told = carrier.result()
    assert (told["sent"], told["ack_ms"]["max"], told["reply_ms"]["max"]) == (3, 0.0, 800.0)


def test_what_is_put_off_comes_again() -> None:
    carrier, peer = begun(window=1, seconds=0.1)
    carrier.turn(0.0)
    ((_, _, sequence, first),) = peer.heard()
    peer.say(pdu(DELIVER | RESP, sequence, b"", status=0x64))
    carrier.turn(0.2)
    assert peer.heard() == []
    assert carrier.wait_s(0.2) == pytest.approx(0.1)
    carrier.turn(1.2)
    ((_, _, _, again),) = peer.heard()
    assert again == first
    assert (carrier.book.refused, carrier.book.brought_again) == (1, 1)


def test_what_was_not_acked_comes_again_over_the_next_link() -> None:
    carrier, peer = begun(window=2, seconds=0.1)
    carrier.turn(0.0)
    first = [entry[3] for entry in peer.heard()]
    peer.socket.close()
    peer.link.read(0.1)
    carrier.turn(0.1)
    assert carrier.links == []
    after = Peer(carrier)
    after.say(pdu(BIND, 1, b"x\0y\0\0\x34\0\0\0"), now=0.2)
    carrier.turn(0.2)
    assert [entry[3] for entry in after.heard()][1:] == first


def test_a_broadcast_is_drained_while_its_receivers_say_stop(said: list[dict[str, Any]]) -> None:
    carrier, peer = begun(broadcast=3, stored=6, stops_per_s=1.0)
    carrier.turn(0.0)
    ((_, _, sequence, body),) = peer.heard()
    assert body.endswith(b"STOP")
    text = BROADCAST + b"!"
    receivers = [carrier.book.broadcast.receiver(nth) for nth in range(3)]
    assert number_in(body) == receivers[0]
    peer.say(submit(receivers[1], 1, text), pdu(DELIVER | RESP, sequence, b"\0"), submit(receivers[0], 2), now=0.0)
    carrier.turn(0.0)
    assert not carrier.is_finished(0.1)
    peer.say(submit(receivers[2], 3, text), now=0.2)
    carrier.turn(0.2)
    assert carrier.is_finished(0.2)
    told = carrier.result()
    assert told["broadcast"]["received"] == 2
    assert (told["broadcast"]["missing"], told["lost"], told["twice"]) == (0, 0, 0)
    carrier.turn(1.5)
    assert said[-1]["received"] == 2


def test_a_round_trip_delays_all_that_comes() -> None:
    carrier = Carrier(LoadPlan(rtt_s=0.05), FakeClock())
    peer = Peer(carrier)
    peer.say(pdu(BIND, 1, b"x\0y\0\0\x34\0\0\0"), now=1.0)
    carrier.turn(1.04)
    assert peer.heard() == []
    assert carrier.wait_s(1.04) == pytest.approx(0.01)
    carrier.turn(1.05)
    assert len(peer.heard()) == 1


# Moods. Which one comes is said by the test.


def in_mood(mood: Mood, monkeypatch: pytest.MonkeyPatch) -> tuple[Carrier, Peer]:
    carrier, peer = begun(rough=True, window=1)
    moods = [mood]
    monkeypatch.setattr(Moods, "due", lambda _self, _now: moods.pop() if moods else None)
    monkeypatch.setattr(Moods, "some", lambda _self, _least, most: most)
    carrier.turn(0.0)
    return carrier, peer


def test_it_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    carrier, peer = begun(rough=True, window=1)
    carrier.turn(0.0)
    ((_, _, _, body),) = peer.heard()
    peer.say(submit(number_in(body)))
    carrier.turn(0.1)
    moods = [Mood.CUT]
    monkeypatch.setattr(Moods, "due", lambda _self, _now: moods.pop() if moods else None)
    carrier.turn(0.2)
    assert carrier.links == []
    assert carrier.book.unsure == {number_in(body)}
    carrier.turn(9.0)
    assert carrier.result()["unacked"] == 1


def test_it_ends_in_good_order(monkeypatch: pytest.MonkeyPatch) -> None:
    carrier, peer = in_mood(Mood.END, monkeypatch)
    assert peer.socket.recv(100) == b""
    assert carrier.book.unsure == set()
    peer.say(pdu(ENQUIRE, 1))
    carrier.turn(0.1)
    assert peer.heard() == [], "it hears nothing more"


def test_it_throttles(monkeypatch: pytest.MonkeyPatch) -> None:
    carrier, peer = in_mood(Mood.THROTTLE, monkeypatch)
    ((_, _, _, body),) = peer.heard()
    peer.say(submit(number_in(body), 5))
    carrier.turn(0.1)
    assert peer.heard() == [(SUBMIT | RESP, 0x58, 5, b"")]
    assert (carrier.book.throttled, carrier.book.answered) == (1, 0)


def test_it_is_slow_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    carrier, peer = in_mood(Mood.SLOW, monkeypatch)
    assert peer.link.delay_s == 0.5
    carrier.turn(3.1)
    assert peer.link.delay_s == 0.0


def test_it_is_deaf_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    carrier, _ = in_mood(Mood.DEAF, monkeypatch)
    assert not carrier.hears(1.9)
    assert carrier.hears(2.0)


def test_moods_come_now_and_then_and_to_the_rough_alone() -> None:
    rough, mild = Moods(1, rough=True), Moods(1, rough=False)
    rough.begin(0.0)
    mild.begin(0.0)
    times = [now for now in range(3000) if rough.due(float(now)) is not None]
    assert 3000 / MEAN_S / 2 < len(times) < 3000 / MEAN_S * 2
    assert sum(rough.counts.values()) == len(times)
    assert all(rough.counts.values())
    assert mild.due(1e9) is None
    assert 1 <= mild.some(1, 2) <= 2
