"""The inbound way under atheris, which looks for octets that reach new lines of code. Not a part of the test run.

    python -m venv fuzz && fuzz/bin/pip install -e . hypothesis atheris
    fuzz/bin/python -m tests.fuzz.coverage_guided -max_total_time=600 -max_len=4096 -rss_limit_mb=1024 CORPUS

Needs CPython 3.11 to 3.13 on Linux, for which atheris has wheels. CORPUS is a folder; the seeds are written into it
first. The first octet of an input says what becomes of the rest:

* one PDU, its command_length put right, read by both codecs, which must agree; only BadBody may be raised;
* a stream, in pieces, into a bound session of either side, which must not raise, and takes a good message afterwards
  unless it ended;
* one PDU, its command_length put right, through a bind's whole inbound side (session, texts, receipts, headers), and a
  good text behind it, which must come out.

Whatever escapes is a crash: libFuzzer writes the input to a file, and that file as an argument plays it again.
"""

from __future__ import annotations

import importlib
import struct
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

atheris: Any = importlib.import_module("atheris")  # no test dependency: whoever runs this installs it

with atheris.instrument_imports(include=["gateway.smpp", "gateway.sms", "gateway.carriers"]):
    from gateway.carriers.compose import Composer
    from gateway.carriers.link import Link, Terms
    from gateway.carriers.options import CarrierOptions
    from gateway.carriers.quirks import load, names
    from gateway.carriers.translate import Translator
    from gateway.model.messages import Mo
    from gateway.smpp import events as ev
    from gateway.smpp.codec import decode, decode_body, encode
    from gateway.smpp.constants import CommandId
    from gateway.smpp.errors import BadBody
    from gateway.smpp.pdu import BindTransceiver, BindTransceiverResp, DeliverSm, Frame, Header, SubmitSm
    from gateway.smpp.session import Session, SessionOptions
    from gateway.smpp.states import Role
    from tests.fuzz.seeds import HEADER, SEEDS, framed
    from tests.kit.clock import FakeClock

GOOD: Final = DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"STOP")
OPTIONS: Final = SessionOptions(window=4)
QUIRKS: Final = sorted(names())
TERMS: Final = [
    Terms(
        Composer(CarrierOptions(name="acme"), load(name)),
        Translator("acme", load(name), lambda line: "US"),
        FakeClock(),
        window=4,
        max_unacked=4,
    )
    for name in QUIRKS
]
ENDS: Final = {int(CommandId.UNBIND), int(CommandId.UNBIND_RESP)}


def one_pdu(data: bytes) -> None:
    """Both codecs see the same in it."""
    pdu = framed(data)
    header = Header(*struct.unpack_from(">III", pdu, 4))
    readings: list[object] = []
    for path in ("fast", "table"):
        try:
            readings.append(decode(pdu) if path == "fast" else Frame(*header, decode_body(pdu, header)))
        except BadBody as bad:
            readings.append((bad.header, bad.status, bad.reason, bad.salvage))
    assert readings[0] == readings[1]


def bound(role: Role) -> Session:
    """Return a session that is bound, and has asked for an answer."""
    session = Session(role, OPTIONS, 0)
    if role is Role.ESME:
        session.request(BindTransceiver("demo"), 0)
        session.receive(encode(BindTransceiverResp("SMSC"), 1), 0)
        session.request(SubmitSm(short_message=b"x"), 0, "token")
    else:
        session.receive(encode(BindTransceiver("demo"), 1), 0)
        session.accept_bind(1, 0, "SMSC")
        session.request(GOOD, 0, "token")
    return session


def a_stream(data: bytes, role: Role, size: int) -> None:
    """A session takes it in pieces."""
    session = bound(role)
    for at in range(0, len(data), size):
        session.receive(data[at : at + size], 1)
        session.outgoing()
    session.tick(2)
    session.eof(3)
    assert session.closed


def one_pdu_inbound(data: bytes, terms: Terms) -> None:
    """A link takes it, and the good text behind it."""
    session = bound(Role.ESME)
    link = Link("gw1-1-acme/0-1", "acme/0", session, terms)
    link.received(framed(data))
    link.pump(len)
    if session.closed or not session.bound:
        assert int.from_bytes(data[4:8], "big") in ENDS
        return
    harvest = link.received(encode(GOOD, 9))
    assert [arrival.text for arrival in harvest.arrivals if isinstance(arrival, Mo)] == ["STOP"]
    assert not any(isinstance(turn, ev.Closed) for turn in harvest.turns)


def try_one(data: bytes) -> None:
    """What atheris calls."""
    if not data:
        return
    way, rest = data[0], data[1:]
    if way < 0x40:
        if len(rest) >= HEADER:
            one_pdu(rest)
    elif way < 0xA0:
        a_stream(rest, Role.ESME if way & 1 else Role.SMSC, (1, 3, 16, 61, 4_096)[way % 5])
    elif len(rest) >= HEADER:
        one_pdu_inbound(rest, TERMS[way % len(TERMS)])


def main() -> None:
    """Write the seeds, and begin."""
    folders = [Path(word) for word in sys.argv[1:] if not word.startswith("-")]
    if folders and folders[0].is_dir():
        for seed in SEEDS:
            for way in (0x00, 0x41, 0x46, *range(0xA0, 0xA0 + len(TERMS))):
                octets = bytes((way,)) + seed
                (folders[0] / blake2b(octets, digest_size=8).hexdigest()).write_bytes(octets)
    atheris.Setup(sys.argv, try_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
