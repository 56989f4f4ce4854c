"""One SMPP session, ESME or SMSC, as a machine without IO: octets and the time in, events and octets out.

It owns the state, the window, the timers and the framing of one connection. It never reads a clock, never sleeps, and
holds no octet of a message to be sent: ``request`` and ``respond`` return what to write, and the owner writes it. Only
what the session itself has to say (link checks and their answers, refusals, unbind_resp) waits in ``outgoing``, which
the owner takes after each ``receive``, ``tick`` and ``eof``. No peer can make a method raise; a wrong call of the
owner's raises LocalProtocolError and changes nothing.

One machine for both sides, because they differ in one row of a table only (``states``) and in who asks to bind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from gateway.smpp import events as ev
from gateway.smpp.answers import answer, plain_answers, refusal_status, refuse
from gateway.smpp.asking import check_may_send, check_request
from gateway.smpp.codec import HEADER, encode, encode_header
from gateway.smpp.constants import HEADER_LENGTH, INTERFACE_VERSION, RESPONSE_BIT, CommandId, Status, Tag, command_name
from gateway.smpp.errors import BadBody, LocalProtocolError
from gateway.smpp.layouts import RESPONSES
from gateway.smpp.limits import SessionOptions as SessionOptions
from gateway.smpp.pdu import Bind, BindResp, EnquireLink, Frame, Pdu, Tlv, Unbind, tlv
from gateway.smpp.reader import Reader, read
from gateway.smpp.shortcuts import ACCEPTED, KIND_AND_SEQUENCE, NO_SHORTCUTS, PLAIN_TEXT, Shortcuts
from gateway.smpp.states import BOUND_BY, Role, Standing, State
from gateway.smpp.timers import SendEnquireLink, SessionTimers, Stop, StopReason
from gateway.smpp.window import Waiting, Window

T = TypeVar("T")

_DELIVER_SM: Final = int(CommandId.DELIVER_SM)
_ENQUIRE_LINK: Final = int(CommandId.ENQUIRE_LINK)
_GENERIC_NACK: Final = int(CommandId.GENERIC_NACK)
_SUBMIT_SM: Final = int(CommandId.SUBMIT_SM)
_UNBIND: Final = int(CommandId.UNBIND)
_UNANSWERED: Final = frozenset({int(CommandId.OUTBIND), int(CommandId.ALERT_NOTIFICATION)})
_OWNERS_TO_ANSWER: Final = frozenset({int(CommandId.DELIVER_SM), int(CommandId.DATA_SM), int(CommandId.SUBMIT_SM)})
_SELF_ANSWERED: Final = frozenset({_ENQUIRE_LINK, _UNBIND, *BOUND_BY})
_OWN: Final = object()
"""The token of the session's own requests, which its owner never sees."""


class Session:
    """One connection's session. ``now`` is when the connection was made, in seconds of one steady clock."""

    def __init__(self, role: Role, options: SessionOptions, now: float) -> None:
        self._response_timeout_s = options.response_timeout_s
        self._standing = Standing(role)
        # What carries messages: ours, and the peer's.
        self._messages = (_SUBMIT_SM, _DELIVER_SM) if role is Role.ESME else (_DELIVER_SM, _SUBMIT_SM)
        self._window = Window(options.window)
        self._reader = Reader(options.max_pdu)
        self._timers = SessionTimers(
            now,
            enquire_link_s=options.enquire_link_s,
            response_timeout_s=options.response_timeout_s,
            bind_timeout_s=options.bind_timeout_s,
            read_timeout_s=options.read_timeout_s,
        )
        self._outgoing = bytearray()
        self._last_sequence = 0
        self._enquiry = 0  # the sequence number of our latest link check
        self._bind_asked = 0  # ESME: the sequence number of our latest bind
        self._binding: tuple[int, int, int] | None = None  # SMSC: command, sequence and version of the bind to answer
        self._peer_version: int | None = None

    def __repr__(self) -> str:
        return f"<Session {self.role.name} {self.state.name} outstanding={self._window.outstanding}>"

    @property
    def role(self) -> Role:
        """Which side we are."""
        return self._standing.role

    @property
    def state(self) -> State:
        """Where the session is."""
        return self._standing.state

    @property
    def closed(self) -> bool:
        """Whether the session is over."""
        return self._standing.closed

    @property
    def bound(self) -> bool:
        """Whether messages flow."""
        return self._standing.bound

    @property
    def can_send(self) -> bool:
        """Whether submit_sm (ESME) or deliver_sm (SMSC) may be requested, apart from the window."""
        return self._standing.may_send(self._messages[0])

    @property
    def can_receive(self) -> bool:
        """Whether the peer may send deliver_sm (to an ESME) or submit_sm (to an SMSC)."""
        return self._standing.may_receive(self._messages[1])

    @property
    def free(self) -> int:
        """How many more requests fit into the window."""
        return self._window.free

    @property
    def outstanding(self) -> int:
        """How many requests wait for a response; bind, unbind and link checks are not counted."""
        return self._window.outstanding

    @property
    def peer_version(self) -> int | None:
        """The peer's interface version (0x34 is 3.4), once bound; None where it did not say."""
        return self._peer_version

    # What the owner wants to say.

    def request(self, pdu: Pdu, now: float, token: object = None) -> bytes:
        """Return the octets of a request to write, and expect its response under ``token``.

        Its sequence number is ``last_sequence``. Raises LocalProtocolError where ``pdu`` is no request or not legal
        now, does not fit its fields, or finds the window full. Bind, outbind and alert_notification take no slot.
        """
        command = int(pdu.command_id)
        check_request(command, self._standing, bind_waits=self._window.find(self._bind_asked) is not None)
        sequence = self._window.peek()
        data = encode(pdu, sequence)
        self._window.open(token, now, command, counted=command not in BOUND_BY and command not in _UNANSWERED)
        self._last_sequence = sequence
        if command in _UNANSWERED:
            self._window.settle(sequence)
        elif command in BOUND_BY:
            self._bind_asked = sequence
        return data

    def submit_plainly(self, bodies: Sequence[bytes], now: float, tokens: Sequence[object]) -> list[tuple[int, bytes]]:
        """Do what ``request`` does for several submit_sm at once, each with its token; all are asked or none.

        ``bodies``, one at least, are what follows their headers, laid already. Returns the sequence number and the
        octets of each.
        """
        check_may_send(_SUBMIT_SM, self._standing)
        numbers = self._window.open_all(tokens, now, _SUBMIT_SM)
        self._last_sequence = numbers[-1]
        pack = HEADER.pack
        return [
            (number, pack(HEADER_LENGTH + len(body), _SUBMIT_SM, 0, number) + body)
            for number, body in zip(numbers, bodies, strict=True)
        ]

    @property
    def last_sequence(self) -> int:
        """The sequence number of the latest ``request``; 0 before the first."""
        return self._last_sequence

    def withdraw(self, sequence: int) -> object:
        """Forget a request of which not one octet was written, and return its token; its slot is free again.

        Raises LocalProtocolError where no request waits under ``sequence``.
        """
        waiting = self._window.find(sequence)
        if waiting is None or not waiting.counted:
            raise LocalProtocolError(f"no request waits under sequence number {sequence}")
        self._window.settle(sequence)
        return waiting.token

    def respond(self, command_id: int, sequence: int, now: float, status: int = 0, pdu: Pdu | None = None) -> bytes:
        """Return the octets that answer the peer's request ``command_id`` under ``sequence``.

        Without ``pdu`` it is the plain response, or, with a ``status``, the refusal. Raises LocalProtocolError where
        that request has no response or is answered otherwise, where answering it is not legal now, or where ``pdu``
        is not the response to it.
        """
        make = RESPONSES.get(command_id)
        if make is None or command_id in _SELF_ANSWERED:
            raise LocalProtocolError(f"{command_name(command_id)} is not answered with respond()")
        if pdu is not None and type(pdu) is not make:
            raise LocalProtocolError(f"{command_name(pdu.command_id)} does not answer {command_name(command_id)}")
        check_may_send(command_id | RESPONSE_BIT, self._standing)
        return answer(command_id, sequence, status, pdu)

    def respond_plainly(self, command_id: int, answers: Sequence[tuple[int, int]]) -> bytes:
        """Do what ``respond`` does for several requests at once, each (sequence, status).

        ``command_id`` is deliver_sm or data_sm, whose answers have ``answers.PLAIN_OCTETS`` each.
        """
        check_may_send(command_id | RESPONSE_BIT, self._standing)
        return plain_answers(command_id, answers)

    def unbind(self, now: float) -> bytes:
        """Return the octets of unbind; from now on nothing is asked any more, only answered.

        Unbound and Closed follow when it is answered; Closed alone if it is not, after ``response_timeout_s``.
        """
        check_may_send(_UNBIND, self._standing)
        data = encode(Unbind(), self._window.open(_OWN, now, _UNBIND, counted=False))
        self._standing.unbind()
        self._timers.ending(now, StopReason.UNBIND)
        return data

    def accept_bind(self, sequence: int, now: float, system_id: str) -> bytes:
        """SMSC: return the octets that accept the bind asked for under ``sequence``; the session is bound.

        An ESME before version 3.4 is sent no TLV (SMPP 3.4 section 1.7.2).
        """
        command, version = self._asked_to_bind(sequence)
        ours = (Tlv(Tag.SC_INTERFACE_VERSION, bytes((INTERFACE_VERSION,))),)
        values: dict[str, Any] = {"system_id": system_id, "tlvs": ours if version >= INTERFACE_VERSION else ()}
        data = encode(RESPONSES[command](**values), sequence)
        self._become_bound(command, now, version)
        return data

    def refuse_bind(self, sequence: int, now: float, status: int) -> bytes:
        """SMSC: return the octets that refuse the bind asked for under ``sequence``; the session stays OPEN."""
        command, _ = self._asked_to_bind(sequence)
        data = answer(command, sequence, status or Status.ESME_RBINDFAIL)
        self._binding = None
        return data

    def _asked_to_bind(self, sequence: int) -> tuple[int, int]:
        if self.state is not State.OPEN or self._binding is None or self._binding[1] != sequence:
            raise LocalProtocolError(f"no bind waits for its answer under sequence number {sequence}")
        return self._binding[0], self._binding[2]

    def _become_bound(self, command: int, now: float, version: int | None) -> None:
        self._binding = None
        self._standing.bind(command)
        self._peer_version = version
        self._timers.bound(now)

    # What happens.

    def outgoing(self) -> bytes:
        """Take the octets that the session itself wants to send, and forget them."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_deadline(self) -> float | None:
        """Return when ``tick`` is due at the latest if nothing arrives before; None once closed."""
        if self.closed:
            return None
        oldest = self._window.oldest()
        due = self._timers.next_at()
        return due if oldest is None else min(due, oldest + self._response_timeout_s)

    def tick(self, now: float) -> list[ev.Event]:
        """Let the time pass: expire requests, check the link, give up. Calling it early or often does no harm."""
        events: list[ev.Event] = []
        if self.closed:
            return events
        for waiting in self._window.expire(now, self._response_timeout_s):
            events.append(ev.Expired(waiting.token, waiting.sequence))
        verdict = self._timers.what_now(now)
        if isinstance(verdict, Stop):
            self._close(verdict.reason, events)
        elif isinstance(verdict, SendEnquireLink):
            self._window.settle(self._enquiry)  # an earlier one that was never answered, though the peer lives
            self._enquiry = self._window.open(_OWN, now, _ENQUIRE_LINK, counted=False)
            self._outgoing += encode(EnquireLink(), self._enquiry)
            self._timers.enquired(now)
        return events

    def eof(self, now: float) -> list[ev.Event]:
        """Note that the peer closed the connection."""
        return self.close(
            "the peer closed the connection" + (" inside a PDU" if self._reader.partial_since is not None else "")
        )

    def close(self, reason: str) -> list[ev.Event]:
        """End the session at once, without a word to the peer; the Closed event tells what was lost."""
        events: list[ev.Event] = []
        if not self.closed:
            self._close(reason, events)
        return events

    def _close(self, reason: str, events: list[ev.Event]) -> None:
        self._standing.close()
        lost = tuple(waiting.token for waiting in self._window.close() if waiting.counted)
        events.append(ev.Closed(str(reason), lost))

    def receive(self, data: bytes, now: float) -> list[ev.Event]:
        """Take octets that arrived and return what they mean, in order. Take ``outgoing`` afterwards."""
        return self.receive_by(data, now, NO_SHORTCUTS)

    def receive_by(self, data: bytes, now: float, shortcuts: Shortcuts[T]) -> list[ev.Event | T]:
        """Do what ``receive`` does, but let ``shortcuts`` tell in their own way what they do not decline."""
        told: list[ev.Event | T] = []
        if self._standing.closed:
            return told
        pdus = self._reader.feed(data, now)
        self._timers.partial(self._reader.partial_since)
        if pdus:
            self._timers.heard(now)
        texts_welcome = self._standing.may_receive(_DELIVER_SM)
        kind_of, text = KIND_AND_SEQUENCE.unpack_from, shortcuts.text
        for raw in pdus:
            kind, sequence = kind_of(raw, 4)
            if kind == PLAIN_TEXT and texts_welcome:
                short = text(raw, sequence)
            else:
                short = self._accepted(raw, sequence, shortcuts) if kind == ACCEPTED else None
            if short is not None:
                told.append(short)
                continue
            told += self._take(raw, now)
            if self._standing.closed:
                return told
            texts_welcome = self._standing.may_receive(_DELIVER_SM)
        if self._reader.lost is not None:
            self._outgoing += encode_header(_GENERIC_NACK, 0, self._reader.lost.status)
            told += self.close(f"framing lost: {self._reader.lost.reason}")
        return told

    def _accepted(self, raw: bytes, sequence: int, shortcuts: Shortcuts[T]) -> T | None:
        """Let a shortcut tell of a submit_sm_resp, if it answers a request and is a message_id and nothing else."""
        waiting = self._window.find(sequence)
        if waiting is None or waiting.command_id != _SUBMIT_SM or raw.find(0, HEADER_LENGTH) != len(raw) - 1:
            return None
        short = shortcuts.accepted(waiting.token, raw[HEADER_LENGTH:-1].decode("latin-1"))
        if short is not None:
            self._window.settle(sequence)
        return short

    def _take(self, raw: bytes, now: float) -> list[ev.Event]:
        events: list[ev.Event] = []
        content = read(raw)
        if isinstance(content, BadBody):
            self._take_malformed(content, raw, events)
        elif content.command_id & RESPONSE_BIT:
            self._take_response(content, now, events)
        else:
            self._take_request(content, raw, now, events)
        return events

    def _take_malformed(self, bad: BadBody, raw: bytes, events: list[ev.Event]) -> None:
        command, status, sequence = bad.header
        if not self._standing.may_receive(command):
            self._reject(Frame(command, status, sequence, None), raw, events)
            return
        if command not in _OWNERS_TO_ANSWER:
            self._outgoing += refuse(command, sequence, bad.status)
        events.append(ev.Malformed(command, sequence, bad.status, bad.reason, raw, bad.salvage))

    def _reject(self, frame: Frame, raw: bytes, events: list[ev.Event]) -> None:
        status = refusal_status(frame.command_id, self.role)
        self._outgoing += refuse(frame.command_id, frame.sequence, status)
        events.append(ev.Rejected(frame, status, raw))

    def _take_request(self, frame: Frame, raw: bytes, now: float, events: list[ev.Event]) -> None:
        command, pdu = frame.command_id, frame.pdu
        if command == _ENQUIRE_LINK:
            self._outgoing += answer(command, frame.sequence, 0)
        elif command == _UNBIND:
            self._outgoing += answer(command, frame.sequence, 0)
            self._standing.be_unbound()
            self._timers.ending(now, StopReason.LINGERING)
            events.append(ev.PeerUnbind())
        elif not self._standing.may_receive(command) or (command in BOUND_BY and self._binding is not None):
            self._reject(frame, raw, events)
        elif isinstance(pdu, Bind):
            self._binding = (command, frame.sequence, pdu.interface_version)
            events.append(ev.BindRequested(frame))
        else:
            events.append(ev.Request(frame, raw))

    def _take_response(self, frame: Frame, now: float, events: list[ev.Event]) -> None:
        sequence = frame.sequence
        waiting = self._window.find(sequence)
        if waiting is not None and waiting.answered_by(frame.command_id):
            self._window.settle(sequence)
            self._settle(waiting, frame, now, events)
            return
        late = self._window.find_late(sequence)
        if late is not None and late.answered_by(frame.command_id):
            self._window.settle_late(sequence)
            events.append(ev.LateResponse(frame, late.token))
        else:
            events.append(ev.UnexpectedResponse(frame))

    def _settle(self, waiting: Waiting, frame: Frame, now: float, events: list[ev.Event]) -> None:
        command = waiting.command_id
        if command in BOUND_BY:
            if frame.status == 0 and isinstance(frame.pdu, BindResp) and self.state is State.OPEN:
                version = tlv(frame.pdu, Tag.SC_INTERFACE_VERSION)
                self._become_bound(command, now, version[0] if version else None)
                events.append(ev.Bound(frame.pdu, frame))
            else:
                events.append(ev.BindRefused(frame.status or Status.ESME_RBINDFAIL))
        elif command == _UNBIND:
            events.append(ev.Unbound())
            self._close("unbound", events)
        elif waiting.token is not _OWN:
            if frame.command_id == _GENERIC_NACK:
                events.append(ev.Nacked(frame, waiting.token))
            else:
                events.append(ev.Response(frame, waiting.token, waiting.sent_at))
