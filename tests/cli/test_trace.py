"""``gateway trace`` beside a daemon: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from gateway.carriers.trace import ENTRY_OCTETS, Ring
from gateway.carriers.trace_reading import Traced, read
from gateway.model.refusal import Refusal
from gateway.model.requests import Actor
from gateway.model.trace import TracePage, TraceQuery
from gateway.smpp.codec import encode, encode_header
from gateway.smpp.pdu import DeliverSm, DeliverSmResp, EnquireLink, SubmitSmResp, Tlv
from gateway.sms.udh import build_concat8
from gateway.web.access import Authority
from gateway.web.app import build_app
from gateway.web.server import serve_unix
from tests.cli.conftest import Ended, Run
from tests.kit.clock import FakeClock
from tests.kit.desk import NOW, FakeDesk
from tests.kit.restore import FakeRestore

SOCKET = Path("state") / "gateway.sock"
NUMBER = "12125550101"


@pytest.fixture(autouse=True)
def _config(config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", config)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)


class Binds:
    """Rings that are read as a daemon reads them. ``then`` is done after each answer; it may interrupt the reader."""

    def __init__(self, limit: int = 100_000) -> None:
        self.ring = Ring(limit, 70_000, FakeClock(wall_=NOW), b"secret")
        self.ring.begin("gw1-1-acme/0-1")
        self.off = Traced("silent/0", "silent", "gsm", None)
        self.asked: list[TraceQuery] = []
        self.then: Callable[[int], None] = lambda count: None

    async def read(self, query: TraceQuery, actor: Actor) -> TracePage | Refusal:
        self.asked.append(query)
        if len(self.asked) > 20:
            raise KeyError("nobody ended it")
        decode = read([Traced("acme/0", "acme", "gsm", self.ring), self.off], query)
        page = decode if isinstance(decode, Refusal) else decode()
        self.then(len(self.asked))
        return page


@asynccontextmanager
async def daemon(binds: Binds) -> AsyncIterator[None]:
    SOCKET.parent.mkdir(exist_ok=True)
    app = build_app(FakeDesk(), FakeRestore(), Authority(()), lambda: (b"", "text/plain"), version="", trace=binds)
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(serve_unix, app, SOCKET, over))
        yield
        over.set()


async def beside(run: Run, binds: Binds, *arguments: str) -> Ended:
    async with daemon(binds):
        return await trio.to_thread.run_sync(partial(run, "trace", *arguments))


def some(binds: Binds) -> None:
    mo = DeliverSm(source_addr=NUMBER, data_coding=3, short_message=b"a\x1b[31m\ntext", tlvs=(Tlv(0x0427, b"\x02"),))
    binds.ring.take("in", encode(mo, 7))
    binds.ring.take("out", encode(DeliverSmResp(), 7, 8))
    binds.ring.take("in", encode(EnquireLink(), 8))
    binds.ring.take("in", encode_header(0x4, 9, 0, b"\xff" * 300))


async def test_what_people_see(run: Run) -> None:
    binds = Binds()
    some(binds)
    ended = await beside(run, binds, "--last", "9")
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "acme/0 session gw1-1-acme/0-1",
        "2026-11-22 17:04:05.250  acme/0  <-  deliver_sm  seq 7",
        "    source_addr 12…0101, data_coding 3, sm_length 11",
        "    message_state 2",
        "    text: hidden",
        "2026-11-22 17:04:05.250  acme/0  ->  deliver_sm_resp  seq 7  ESME_RSYSERR",
        "2026-11-22 17:04:05.250  acme/0  <-  enquire_link  seq 8",
        "2026-11-22 17:04:05.250  acme/0  <-  submit_sm  seq 9",
        "    fault: service_type has no NUL at its end (ESME_RINVSERTYP)",
        f"    octets: {encode_header(0x4, 9, 0, b'*' * 300).hex()[:512]}…",
        "    (2a, stars, is hidden: --unmask shows it, and `gateway quarantine --raw` what was set aside)",
    ]
    assert ended.err == "silent/0: nothing is kept, because trace_octets of its carrier is 0\n"
    assert [query.last for query in binds.asked] == [9]


async def test_parts_are_told_though_the_text_is_hidden(run: Run) -> None:
    binds = Binds()
    text = build_concat8(31, 2, 1) + b"secret"
    binds.ring.take("in", encode(DeliverSm(esm_class=0x40, short_message=text), 1))
    out = (await beside(run, binds, "--last", "9", "acme")).out
    assert "    part 1 of 2, reference 31\n    text: hidden\n" in out


async def test_unmasked_and_harmless_to_the_terminal(run: Run) -> None:
    binds = Binds()
    some(binds)
    ended = await beside(run, binds, "--last", "9", "--unmask", "acme/0")
    assert (ended.status, ended.err) == (0, "")
    assert f"source_addr {NUMBER}" in ended.out
    assert "    text: a [31m text" in ended.out
    assert "\x1b" not in ended.out
    assert binds.asked == [TraceQuery("acme/0", None, 9, 100, unmask=True)]


async def test_json_is_one_pdu_a_line(run: Run) -> None:
    binds = Binds()
    some(binds)
    ended = await beside(run, binds, "--last", "2", "--json", "acme")
    pdus = [json.loads(line) for line in ended.out.splitlines()]
    assert [(pdu["command"], pdu["sequence"]) for pdu in pdus] == [("enquire_link", 8), ("submit_sm", 9)]


async def test_it_follows_and_tells_what_was_missed_until_it_is_interrupted(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.cli.commands.trace.POLL_S", 0.001)
    monkeypatch.setattr("gateway.cli.commands.trace.PAGE", 2)
    response = encode(SubmitSmResp("9f"), 1)
    binds = Binds(5 * (ENTRY_OCTETS + len(response)))
    sequence = 0

    def then(asked: int) -> None:
        nonlocal sequence
        for _ in range({1: 8, 4: 1}.get(asked, 0)):
            sequence += 1
            binds.ring.take("in", encode(SubmitSmResp("9f"), sequence))
        if asked == 7:
            monkeypatch.setattr("gateway.cli.commands.trace.trio.sleep", interrupted)

    async def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    binds.then = then
    ended = await beside(run, binds, "acme")
    assert ended.status == 0
    assert [line.split("seq ")[1] for line in ended.out.splitlines() if "seq" in line] == [
        f"{number}  ESME_ROK" for number in (4, 5, 6, 7, 8, 9)
    ]
    assert ended.err == "acme/0: 3 PDUs were missed, because newer ones took their memory\n"
    assert [query.last for query in binds.asked[:2]] == [20, None]


async def test_a_capture_is_for_its_owner_alone(run: Run) -> None:
    binds = Binds()
    some(binds)
    old, new = trio.Path("old.pcapng"), trio.Path("new.pcapng")
    await old.write_bytes(b"x" * 10_000)
    for name in ("new.pcapng", "old.pcapng"):
        ended = await beside(run, binds, "--last", "9", "--pcap", name, "acme")
        assert (ended.status, ended.out, ended.err) == (0, "", f"4 PDUs in {name}\n")
    assert stat.S_IMODE((await new.stat()).st_mode) == 0o600
    written = await new.read_bytes()
    assert written == await old.read_bytes()
    assert NUMBER.encode() not in written
    assert b"12*****0101" in written
    piped = await beside(run, binds, "--last", "9", "--pcap", "-", "acme")
    assert (piped.status, piped.err) == (0, "")
    ended = await beside(run, binds, "--last", "9", "--pcap", "no/such/folder", "acme")
    assert (ended.status, ended.err) == (73, "gateway: no/such/folder cannot be written: No such file or directory\n")


async def test_a_capture_begins_with_all_that_is_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.cli.commands.trace.trio.sleep", interrupted)
    binds = Binds()
    for number in range(30):
        binds.ring.take("in", encode(EnquireLink(), number + 1))
    ended = await beside(run, binds, "--pcap", "all.pcapng", "acme")
    assert (ended.status, ended.err) == (0, "30 PDUs in all.pcapng\n")
    assert binds.asked == [TraceQuery("acme", None, None, 500)]


async def test_nothing_kept_yet_is_said(run: Run) -> None:
    ended = await beside(run, Binds(), "--last", "5", "acme")
    assert (ended.status, ended.out, ended.err) == (0, "", "nothing is kept yet\n")


def test_what_cannot_be_traced(run: Run) -> None:
    ended = run("trace")
    assert (ended.status, ended.out) == (69, "")
    assert ended.err == "gateway: no gateway is running with this configuration; only a running one can be traced\n"
    assert not SOCKET.parent.exists()
    assert run("trace", "--json", "--pcap", "x").status == 64


async def test_an_unknown_carrier(run: Run) -> None:
    ended = await beside(run, Binds(), "bcme")
    assert (ended.status, ended.err) == (
        65,
        "gateway: There is no carrier or bind 'bcme'; carriers: acme, silent; binds: acme/0, silent/0\n",
    )
