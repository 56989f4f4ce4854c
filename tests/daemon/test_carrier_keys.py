"""Every key of ``[[carrier]]``, and where it shows: a key that is read and goes nowhere, or to another's place, fails.

``KEYS`` has a row or more for each key of ``CarrierOptions``: a value that is not the default, what to look at, and
what is seen there. A new key needs a row; so does a second place that an old one goes to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest
import trio
from trio.testing import MockClock

from gateway.base import SystemClock
from gateway.carriers import carrier as carrier_module
from gateway.carriers.carrier import Carrier
from gateway.carriers.options import CarrierOptions
from gateway.carriers.statuses import Verdict
from gateway.carriers.wire import WireError
from gateway.config import load
from gateway.daemon.book import book_of
from gateway.daemon.fleet import Fleet
from gateway.model.permit import Permit, SegmentStyle
from gateway.smpp.constants import CommandId, Status
from gateway.smpp.events import BindRequested
from gateway.smpp.pdu import DeliverSm
from gateway.traffic.rulebook import Way
from tests.carriers.rig import Rig, settle
from tests.carriers.test_tls import ANOTHER_CA, CA, GATEWAY
from tests.kit.permits import permit
from tests.kit.smsc import Ledger, Smsc

Keys = Mapping[str, Any]
Probe = Callable[[Keys], Awaitable[Any]]
LONG: Final = 10_000.0
FOR_EVER: Final[Keys] = {"enquire_link_s": LONG, "response_timeout_s": LONG, "bind_timeout_s": LONG}
NEVER: Final = 1_000_000


def set_on(smsc: Smsc, **manners: Any) -> None:
    for name, value in manners.items():
        setattr(smsc, name, value)


async def login(field: str, keys: Keys) -> Any:
    async with Rig(**keys).bound() as rig:
        (asked,) = [event for event in rig.smsc.events if isinstance(event, BindRequested)]
        return getattr(asked.frame.pdu, field)


async def submit(field: str, keys: Keys) -> Any:
    async with Rig(**keys).bound() as rig:
        rig.bind.offer([permit(1, expires_at=rig.carrier._clock.wall() + 60)])
        await settle()
        (pdu,) = rig.smsc.submits or rig.smsc.data
        return getattr(pdu, field) if field else CommandId(pdu.command_id)


async def of_carrier(look: Callable[[Carrier], Any], keys: Keys) -> Any:
    return look(Rig(**keys).carrier)


async def fully_used(keys: Keys) -> Any:
    rig = Rig(**{**FOR_EVER, **keys})
    rig.prepare = partial(set_on, submit_status=None)
    async with rig.bound():
        free = rig.bind.free_slots()
        rig.bind.offer([permit(n) for n in range(free)])
        await settle()
        return free, len(rig.smsc.submits)


async def let_in(keys: Keys) -> Any:
    """How many texts reach traffic while it answers none."""
    async with Rig(**keys).bound() as rig:
        for _ in range(5):
            await rig.smsc.text("hello")
            await settle()
        return len(rig.ledger.arrivals)


async def text(keys: Keys) -> Any:
    rig = Rig(**keys)
    rig.ledger.answer = Ledger.ack_all
    async with rig.bound():
        await rig.smsc.ask(DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"\xa7"))
        await settle()
        return rig.ledger.texts


async def seconds(rig: Rig, condition: Callable[[], bool], *offered: Permit) -> int:
    """Return the whole second in which the condition comes to hold."""
    async with rig.running():
        await trio.sleep(0.125)  # and so never look in the moment itself
        rig.bind.offer(offered)
        for _ in range(400):
            if condition():
                return int(trio.current_time())
            await trio.sleep(0.25)
    raise AssertionError("it never did")


async def first_link_check(keys: Keys) -> Any:
    rig = Rig(**{"response_timeout_s": LONG, **keys})
    sent: list[bytes] = []
    rig.bind.tap = lambda direction, octets: sent.append(bytes(octets)) if direction == "out" else None
    return await seconds(rig, lambda: any(octets[7] == CommandId.ENQUIRE_LINK for octets in sent))


async def given_up(keys: Keys) -> Any:
    """When an unanswered submit_sm, sent in the first second, is."""
    rig = Rig(**{"enquire_link_s": LONG, **keys})
    rig.prepare = partial(set_on, submit_status=None)
    return await seconds(rig, lambda: bool(rig.ledger.fates), permit(1))


async def unanswered_bind(keys: Keys) -> Any:
    rig = Rig(**{"reconnect_gap_s": 60, **keys})
    rig.prepare = partial(set_on, bind_status=None)
    return await seconds(rig, lambda: rig.bind.row().detail.startswith("bind timed out"))


async def stalled(keys: Keys) -> Any:
    async def half(smsc: Smsc) -> None:
        await smsc.until(lambda: smsc.session.bound)
        await smsc.send(b"\0\0\0\x20\0\0")

    async def serve(smsc: Smsc) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(smsc.run)
            nursery.start_soon(half, smsc)

    rig = Rig(**{**FOR_EVER, **keys})
    rig.serve = serve
    return await seconds(rig, lambda: rig.bind.row().detail.startswith("a PDU stalled"))


async def drained(keys: Keys) -> Any:
    """How long a drain takes in which neither a submit_sm nor the unbind is answered."""
    rig = Rig(**{**FOR_EVER, **keys})
    rig.prepare = partial(set_on, submit_status=None, answers_links=False)
    async with rig.bound():
        rig.bind.offer([permit(1)])
        await settle()
        await rig.carrier.stop()
        return trio.current_time()


async def dials(prepare: dict[str, Any], unreachable: int, keys: Keys) -> Any:
    """The seconds between the first three dials, and between two of the latest."""
    rig = Rig(**keys)
    rig.unreachable = unreachable
    rig.prepare = partial(set_on, **prepare)
    async with rig.running():
        await trio.sleep(2 * LONG)
        return tuple(rig.dialled[n + 1] - rig.dialled[n] for n in (0, 1, 12))


async def lost_at_once(keys: Keys) -> Any:
    """The seconds from a dial to the next one, for a session that ends as soon as it is bound."""
    async with Rig(**keys).bound() as rig:
        rig.wire.close()
        await trio.sleep(LONG)
        return rig.dialled[1] - rig.dialled[0]


async def longest(keys: Keys) -> Any:
    """Which of two lengths a session lives through, and how the trace has them."""
    lived = {}
    for octets in (1_500, 80_000):
        async with Rig(**{**FOR_EVER, **keys}).bound() as rig:
            assert rig.bind.ring is not None
            before = rig.bind.ring.end
            await rig.smsc.send(octets.to_bytes(4) + bytes((0, 0, 0, 21, 0, 0, 0, 0, 0, 0, 0, 9)) + bytes(octets - 16))
            await settle()
            came = rig.bind.ring.after(before, 100).entries
            lived[octets] = (rig.bind.bound, came[0].cut.name)
    return lived


async def remembered(keys: Keys) -> Any:
    """How many PDUs of a bind are kept; None for no memory at all."""
    async with Rig(**keys).bound() as rig:
        ring = rig.bind.ring
        return None if ring is None else ring.octets <= keys["trace_octets"] < 2 * ring.octets


async def way(folder: Path, keys: Keys) -> Way:
    lines = "\n".join(f"{key} = {list(value) if isinstance(value, tuple) else value}" for key, value in keys.items())
    (folder / "gateway.toml").write_text(
        f'[gateway]\nstate_dir = "state"\n[[carrier]]\nname = "acme"\n{lines}\n[[carrier]]\nname = "b"\n'
        '[[line]]\naddress = "85700"\nname = "Acme"\ncarriers = ["acme", "b"]\n'.replace("'", '"')
    )
    first, second = book_of(load(folder / "gateway.toml", {}), {"85700": 1}).by_id[1].ways
    assert second == Way("b")
    return first


class Dialled:
    """Stands for the network: what a dial asks of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: dict[str, Any] = {}
        monkeypatch.setattr(carrier_module, "connect", self._connect)
        monkeypatch.setattr(carrier_module, "make_context", self._context)
        monkeypatch.setattr(carrier_module, "TlsWire", self._wire)

    async def seen(self, what: str, keys: Keys) -> Any:
        options = CarrierOptions.model_validate({"name": "acme", **keys})
        made = Carrier(options, inward=Ledger(), clock=SystemClock(), life="gw1-1", region_of=lambda line: "US")
        with pytest.raises(WireError):
            await made.binds[0]._setup.dial()
        return self.asked.get(what)

    async def _connect(self, host: str, port: int, limit: float) -> Any:
        self.asked |= {"host": host, "port": port, "limit": limit}
        if port == 1:
            raise WireError("enough")
        return self

    def close(self) -> None:
        """The wire's."""

    def _context(self, ca: str, cert: str, key: str, minimum: str) -> Any:
        self.asked |= {"tls": True, "files": (ca, cert, key), "minimum": minimum}
        return self

    def wrap_bio(self, *_bios: object, server_hostname: str) -> None:
        """The context's."""
        self.asked["name"] = server_hostname

    def _wire(self, _inner: object, wrap: Callable[..., None]) -> Any:
        wrap(None, None)
        return self

    async def handshake(self) -> None:
        """Take for ever."""
        self.asked["deadline"] = trio.current_effective_deadline() - trio.current_time()
        raise WireError("enough")


class Row(NamedTuple):
    """``probe`` is a function of the keys, or the name of what is asked of the network, or of the book."""

    key: str
    value: Any
    probe: Probe | str
    seen: Any
    others: Keys = MappingProxyType({})


TLS: Final[Keys] = {"tls": True, "tls_ca": CA}
KEYS: Final = [
    Row("name", "other", partial(of_carrier, lambda made: (made.name, made.binds[0].name)), ("other", "other/0")),
    Row("host", "smsc.example", "host", "smsc.example", {"port": 1}),
    Row("port", 1, "port", 1),
    Row("tls", True, "tls", True),
    Row("tls_ca", ANOTHER_CA, "files", (ANOTHER_CA, "", ""), {"tls": True}),
    Row("tls_cert", GATEWAY, "files", (CA, GATEWAY, ""), TLS),
    Row("tls_key", GATEWAY, "files", (CA, GATEWAY, GATEWAY), {**TLS, "tls_cert": GATEWAY}),
    Row("tls_server_name", "carrier.test", "name", "carrier.test", TLS),
    Row("tls_minimum", "1.3", "minimum", "1.3", TLS),
    Row("mode", "receiver", partial(of_carrier, lambda made: made.rows()[0].mode), "receiver"),
    Row("binds", 3, partial(of_carrier, lambda made: len(made.binds)), 3),
    Row("system_id", "us", partial(login, "system_id"), "us"),
    Row("password", "secret", partial(login, "password"), "secret"),
    Row("system_type", "VMA", partial(login, "system_type"), "VMA"),
    Row("address_range", "85700", partial(login, "address_range"), "85700"),
    Row("address_ton", 3, partial(login, "addr_ton"), 3),
    Row("address_npi", 8, partial(login, "addr_npi"), 8),
    Row("source_ton", 6, partial(submit, "source_addr_ton"), 6),
    Row("source_npi", 9, partial(submit, "source_addr_npi"), 9),
    Row("service_type", "CMT", partial(submit, "service_type"), "CMT"),
    Row("window", 150, fully_used, (149, 149)),
    Row("window", 7, fully_used, (6, 6)),
    Row("max_per_second", 7.5, partial(of_carrier, lambda made: made.throttle.rate), 7.5),
    Row("weight", 7, "way", Way("acme", weight=7)),
    Row("prefixes", ("+1787", "+1939"), "way", Way("acme", prefixes=("+1787", "+1939"))),
    Row("failover_after_s", 2.5, "way", Way("acme", failover_after_s=2.5)),
    Row("max_unacked", 2, let_in, 2),
    Row("enquire_link_s", 7, first_link_check, 7),
    Row("response_timeout_s", 7, given_up, 7),
    Row("bind_timeout_s", 7, unanswered_bind, 7),
    Row("bind_timeout_s", 7, "limit", 7, {"port": 1}),
    Row("bind_timeout_s", 7, "deadline", 7, TLS),
    Row("read_timeout_s", 7, stalled, 7),
    Row("drain_s", 8, drained, 8),
    Row("reconnect_gap_s", 4, partial(dials, {}, NEVER), (4.5, 8, 60)),
    Row("reconnect_gap_s", 4, lost_at_once, 4.5),
    Row("reconnect_max_s", 200, partial(dials, {}, NEVER), (1.125, 2, 200)),
    Row("refused_gap_s", 40, partial(dials, {"bind_status": Status.ESME_RINVPASWD}, 0), (40, 80, 600)),
    Row("refused_max_s", 900, partial(dials, {"bind_status": Status.ESME_RINVPASWD}, 0), (30, 60, 900)),
    Row("max_pdu_octets", 1_024, longest, {1_500: (False, "LOST"), 80_000: (False, "LOST")}),
    Row("max_pdu_octets", 90_000, longest, {1_500: (True, "WHOLE"), 80_000: (True, "WHOLE")}),
    Row("trace_octets", 0, remembered, None),
    Row("trace_octets", 500, remembered, True),
    Row("quirk", "vibes", partial(of_carrier, lambda made: made._quirk.name), "vibes"),
    Row("alphabet", "latin-1", text, ["§"]),
    Row("segments", "sar", partial(of_carrier, lambda made: made._quirk.segments), SegmentStyle.SAR),
    Row("submit_with", "data_sm", partial(submit, ""), CommandId.DATA_SM),
    Row("validity", "none", partial(submit, "validity_period"), ""),
    Row("truncate_login", True, partial(login, "system_id"), "n" * 15, {"system_id": "n" * 20}),
    Row("statuses", {"0x45": "retry"}, partial(of_carrier, lambda made: made.verdict(0x45)), Verdict.RETRY),
]
LIVE: Final = {"max_per_second", "weight", "prefixes", "failover_after_s"}
"""What changes without a new bind."""


def test_every_key_is_here() -> None:
    assert {row.key for row in KEYS} == set(CarrierOptions.model_fields), "say where each key shows"


@pytest.mark.checklist("B6", "B7")
@pytest.mark.parametrize("row", KEYS, ids=lambda row: f"{row.key}={row.value}")
async def test_each_key_shows_where_it_should(
    row: Row, autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look: Probe
    if not isinstance(row.probe, str):
        look = row.probe
    elif row.probe == "way":
        look = partial(way, tmp_path)
    else:
        look = partial(Dialled(monkeypatch).seen, row.probe)
    assert await look({**row.others, row.key: row.value}) == row.seen


@pytest.mark.parametrize("row", {row.key: row for row in KEYS}.values(), ids=lambda row: row.key)
def test_each_key_but_a_few_makes_the_carrier_anew(row: Row) -> None:
    ended: list[str] = []

    def make(options: CarrierOptions, made: int) -> Carrier:
        return Carrier(options, inward=Ledger(), clock=SystemClock(), life="gw1-1", region_of=lambda line: "US")

    base = {"name": "acme", **row.others}
    fleet = Fleet([CarrierOptions.model_validate(base)], make, lambda gone: ended.append(gone.name))
    changed = CarrierOptions.model_validate(base | {row.key: row.value})
    turned = fleet.want([changed])
    assert bool(turned) == (row.key not in LIVE)
    if row.key in LIVE:
        assert fleet.carriers[0].options == changed
