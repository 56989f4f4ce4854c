"""The outbox: order, chunks, and the one question of every permit, asked at every octet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.carriers.entries import Entry
from gateway.carriers.outbox import CHUNK_OCTETS, Outbox
from gateway.model.permit import Permit
from tests.kit.permits import ANNE, BOB, permit


class Encoding:
    """Encodes a permit as its id and as many octets as its body says; keeps account of slots."""

    def __init__(self, slots: int = 1_000) -> None:
        self.slots = slots
        self.last = 0

    def encode(self, entries: Iterable[Entry], room: int, urgent: int) -> tuple[int, list[tuple[Entry, str]]]:
        encoded, unencodable = 0, []
        for entry in entries:
            if not self.slots or room <= 0:
                break
            if entry.permit.body == b"bad":
                unencodable.append((entry, "no PDU can hold it"))
                continue
            self.slots -= 1
            self.last += 1
            encoded += 1
            entry.sequence = self.last
            entry.data = f"<{entry.permit.id}:{entry.permit.body.decode()}>".encode()
            room -= len(entry.data)
        return encoded, unencodable

    def take_back(self, entry: Entry) -> None:
        self.slots += 1


class Kernel:
    """Takes so many octets."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        self.taken = b""
        self.calls = 0

    def __call__(self, data: bytes) -> int:
        self.calls += 1
        count = min(len(data), self.room)
        self.room -= count
        self.taken += data[:count]
        return count


def drained(outbox: Outbox, kernel: Kernel) -> bytes:
    kernel.room = 1 << 30
    while outbox.pump(kernel, 0).octets:
        pass
    return kernel.taken


def never() -> None:
    raise AssertionError("nothing was pending")


def test_answers_go_first_and_everything_shares_one_send() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel()
    outbox.offer([permit(1), permit(2, urgent=True)])
    outbox.put(b"[enquire]")
    outbox.put(b"[ack7]", 7)
    result = outbox.pump(kernel, 0)
    assert kernel.taken == b"[enquire][ack7]<2:hello><1:hello>"
    assert (kernel.calls, result.answers, result.blocked) == (1, [7], False)
    assert not outbox.wants_to_send()
    assert outbox.live == 2


def test_an_urgent_permit_overtakes_what_is_encoded_but_not_begun() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel(room=4)
    outbox.offer([permit(1), permit(2), permit(3)])
    assert outbox.pump(kernel, 0).blocked
    outbox.offer([permit(4, urgent=True)])
    outbox.put(b"[ack]", 1)
    assert drained(outbox, kernel) == b"<1:hello>[ack]<4:hello><2:hello><3:hello>"


def test_a_chunk_has_at_most_16_kb() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel()
    outbox.offer([permit(number, body=b"x" * 150) for number in range(500)])
    sizes = []
    while octets := outbox.pump(kernel, 0).octets:
        sizes.append(octets)
    assert max(sizes) <= CHUNK_OCTETS
    assert len(sizes) == kernel.calls == 5


def test_answers_fill_several_chunks() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel()
    for number in range(2_000):
        outbox.put(b"a" * 17, number)
    assert outbox.plain_octets == 34_000
    answers = []
    while (result := outbox.pump(kernel, 0)).octets:
        answers += result.answers
    assert answers == list(range(2_000))
    assert outbox.plain_octets == 0


def test_nothing_to_say_sends_nothing() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel()
    outbox.put(b"")
    assert outbox.pump(kernel, 0).octets == kernel.calls == 0


def test_a_full_window_holds_permits_back_and_never_the_answers() -> None:
    encoding = Encoding(slots=1)
    outbox, kernel = Outbox(encoding), Kernel()
    outbox.offer([permit(1), permit(2), permit(3)])
    outbox.pump(kernel, 0)
    outbox.put(b"[ack]", 1)
    outbox.pump(kernel, 0)
    assert kernel.taken == b"<1:hello>[ack]"
    assert outbox.pump(kernel, 0).octets == 0
    encoding.slots = 2
    assert drained(outbox, kernel) == b"<1:hello>[ack]<2:hello><3:hello>"


def test_an_urgent_one_without_a_slot_does_not_hold_up_what_has_one() -> None:
    encoding = Encoding(slots=2)
    outbox, kernel = Outbox(encoding), Kernel(room=0)
    outbox.offer([permit(1), permit(2)])
    outbox.pump(kernel, 0)
    outbox.offer([permit(3, urgent=True), permit(4), permit(5, urgent=True)])
    assert drained(outbox, kernel) == b"<1:hello><2:hello>"
    encoding.slots = 2
    assert drained(outbox, kernel) == b"<1:hello><2:hello><3:hello><5:hello>"


def test_a_life_that_is_over_is_returned_encoded_or_not() -> None:
    encoding = Encoding()
    outbox, kernel = Outbox(encoding), Kernel(room=0)
    outbox.offer([permit(1, dies_at=10), permit(2, dies_at=20), permit(3, dies_at=10, urgent=True)])
    outbox.pump(kernel, 9)
    assert outbox.next_death() == 10
    assert encoding.slots == 997
    result = outbox.pump(Kernel(), 10)
    assert [lost.id for lost in result.returned] == [3, 1]
    assert encoding.slots == 999
    assert outbox.live == 1
    assert outbox.next_death() is None  # the other one is written: its life does not matter any more


def test_what_was_begun_before_it_died_is_finished() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel(room=1)
    outbox.offer([permit(1, dies_at=10)])
    outbox.pump(kernel, 9)
    assert outbox.reap(1_000) == []
    assert drained(outbox, kernel) == b"<1:hello>"


def test_what_no_pdu_can_hold_is_settled_and_the_others_go() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel()
    outbox.offer([permit(1), permit(2, body=b"bad"), permit(3)])
    result = outbox.pump(kernel, 0)
    assert kernel.taken == b"<1:hello><3:hello>"
    assert [(refused.id, why) for refused, why in result.unencodable] == [(2, "no PDU can hold it")]
    assert outbox.live == 2


def test_a_send_that_fails_changes_nothing() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel()
    outbox.put(b"[ack]", 1)
    outbox.offer([permit(1)])

    def broken(data: bytes) -> int:
        raise OSError("reset")

    with pytest.raises(OSError, match="reset"):
        outbox.pump(broken, 0)
    assert drained(outbox, kernel) == b"[ack]<1:hello>"


STEPS: list[Callable[[Outbox], object]] = [
    lambda outbox: outbox.put(b"[ack1]", 1),
    lambda outbox: outbox.offer([permit(1, subscriber=ANNE), permit(2, subscriber=BOB)]),
    lambda outbox: outbox.offer([permit(3, subscriber=ANNE, urgent=True), permit(4, subscriber=ANNE, line_id=2)]),
    lambda outbox: outbox.put(b"[link]"),
]
WHOLE = b"[ack1][link]<3:hello><1:hello><2:hello><4:hello>"
ANNES = {1: b"<1:hello>", 3: b"<3:hello>"}


@pytest.mark.parametrize("cut", range(len(WHOLE) + 1))
@pytest.mark.parametrize("encoded", [True, False])
def test_revoke_at_every_octet(cut: int, *, encoded: bool) -> None:
    """Queued, encoded but not begun, first octet taken, partly taken at every octet, wholly written."""
    encoding = Encoding()
    outbox, kernel = Outbox(encoding), Kernel(room=cut)
    for step in STEPS:
        step(outbox)
    if encoded or cut:
        outbox.pump(kernel, 0)
    assert kernel.taken == WHOLE[:cut]
    told: list[bool] = []
    revoked, pending = outbox.revoke(1, ANNE, (), lambda: told.append(True))
    at_revocation = kernel.taken

    gone = {number for number, octets in ANNES.items() if WHOLE.index(octets) >= cut}
    assert {taken_back.id for taken_back in revoked} == gone
    half = [octets for octets in ANNES.values() if WHOLE.index(octets) < cut < WHOLE.index(octets) + len(octets)]
    assert pending == bool(half)
    assert told == []

    everything = drained(outbox, kernel)
    assert told == [True] * pending
    after = everything[len(at_revocation) :]
    for number, octets in ANNES.items():
        assert (octets in everything) == (number not in gone)
        if not half:
            assert f"<{number}:".encode() not in after
    assert b"<2:hello>" in everything
    assert b"<4:hello>" in everything  # another line
    assert encoding.slots == 1_000 - outbox.live
    assert outbox.revoke(1, ANNE, (), never) == ([], False)


@pytest.mark.parametrize("cut", range(len(WHOLE) + 1))
def test_the_end_at_every_octet_tells_what_was_begun(cut: int) -> None:
    outbox, kernel = Outbox(Encoding()), Kernel(room=cut)
    for step in STEPS:
        step(outbox)
    outbox.pump(kernel, 0)
    told: list[bool] = []
    _, pending = outbox.revoke(1, ANNE, {1, 3}, lambda: told.append(True))
    assert not pending
    _, pending = outbox.revoke(2, ANNE, {4}, lambda: told.append(True))
    assert not pending
    never_begun, begun = outbox.end()
    expected = {number for number in (1, 2, 3, 4) if WHOLE.index(f"<{number}:".encode()) < cut}
    assert {permit_.id for permit_ in begun} == expected
    assert {permit_.id for permit_ in never_begun} == {1, 2, 3, 4} - expected
    assert outbox.end() == ([], [])
    assert outbox.pump(kernel, 0).octets == 0


def test_the_end_tells_whoever_waits_for_a_half_written_one() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel(room=3)
    outbox.offer([permit(1)])
    outbox.pump(kernel, 0)
    told: list[str] = []
    assert outbox.revoke(1, ANNE, (), lambda: told.append("first")) == ([], True)
    assert outbox.revoke(1, ANNE, (), lambda: told.append("second")) == ([], True)
    assert outbox.farewell() == b""
    outbox.end()
    assert told == ["first", "second"]


def test_an_uncertain_one_is_still_finished_and_still_pending() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel(room=3)
    outbox.offer([permit(1)])
    outbox.pump(kernel, 0)
    (entry,) = outbox._live
    assert outbox.settle(entry)
    assert not outbox.settle(entry)
    told: list[bool] = []
    assert outbox.revoke(1, ANNE, (), lambda: told.append(True)) == ([], True)
    assert drained(outbox, kernel) == b"<1:hello>"
    assert told == [True]
    assert "permit 1 written" in repr(entry)


def test_last_words_are_answers_and_never_a_permit() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel(room=2)
    outbox.put(b"[ack]", 1)
    outbox.put(b"[nack]")
    outbox.offer([permit(1)])
    outbox.pump(kernel, 0)
    assert outbox.farewell() == b"ck][nack]"
    assert outbox.plain_octets == 9


@given(
    rooms=st.lists(st.integers(0, 40), max_size=30),
    commands=st.lists(st.sampled_from(["offer", "urgent", "put", "revoke", "die", "withdraw"]), max_size=30),
)
def test_every_permit_is_settled_once_and_the_stream_stays_whole(rooms: list[int], commands: list[str]) -> None:
    outbox, kernel = Outbox(Encoding(slots=4)), Kernel(room=0)
    boot, gone = 0.0, []
    for number, (room, command) in enumerate(zip(rooms, commands, strict=False)):
        match command:
            case "offer" | "urgent":
                outbox.offer([permit(number, urgent=command == "urgent", dies_at=boot + 5)])
            case "put":
                outbox.put(b"[a]", number)
            case "revoke":
                gone += outbox.revoke(1, ANNE, (), lambda: None)[0]
            case "withdraw":
                gone += outbox.withdraw_waiting()
            case _:
                boot += 6
        kernel.room = room
        gone += outbox.pump(kernel, boot).returned
    never_begun, begun = outbox.end()
    assert len({lost.id for lost in gone + never_begun + begun}) == len(gone + never_begun + begun)
    whole = re.compile(r"<(\d+):hello>|\[a\]")
    written = [int(found[1]) for found in whole.finditer(kernel.taken.decode()) if found[1]]
    rest = whole.sub("", kernel.taken.decode())
    assert any(piece.startswith(rest) for piece in ["[a]", *(f"<{lost.id}:hello>" for lost in begun)])
    assert {lost.id for lost in begun} == {*written, *(int(found) for found in re.findall(r"<(\d+)", rest))} or (
        rest == "<" and len(begun) == len(written) + 1
    )


def test_dropping_takes_a_waiting_one_out_and_lets_others_be() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel(room=0)
    outbox.offer([permit(1), permit(2, urgent=True)])
    outbox.pump(kernel, 0)
    for entry in list(outbox._live):
        if entry.permit.id == 1:
            outbox.drop(entry)
            outbox.drop(entry)
    assert drained(outbox, kernel) == b"<2:hello>"


def as_permits(*numbers: int) -> list[Permit]:
    return [permit(number) for number in numbers]


def test_spared_ids_stay() -> None:
    outbox, kernel = Outbox(Encoding()), Kernel()
    outbox.offer(as_permits(1, 2, 3))
    revoked, _ = outbox.revoke(1, ANNE, {2}, never)
    assert [taken_back.id for taken_back in revoked] == [1, 3]
    assert drained(outbox, kernel) == b"<2:hello>"
