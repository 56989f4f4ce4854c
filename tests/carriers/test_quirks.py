"""Quirks: found by themselves, and each judged by its transcripts.

A transcript is a TOML file in ``transcripts/``: ``quirk`` names whose it is, ``[[deliver]]`` tables hold PDUs as they
come (``hex``) and the fields of what they must become, ``[[submit]]`` tables a permit's fields and the PDU that it must
become (``carrier`` has what the carrier's table says besides), ``[[verdict]]`` tables a status and what it means, and
``temporary`` is the status after which the carrier sends a text again. What a quirk departs in must be shown.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.carriers import quirks
from gateway.carriers.compose import Composer
from gateway.carriers.habits import habits
from gateway.carriers.options import CarrierOptions
from gateway.carriers.statuses import VERDICTS, Verdict, bind_is_busy, verdict
from gateway.carriers.translate import Origin, Translator
from gateway.model.address import Msisdn
from gateway.model.permit import SegmentStyle
from gateway.smpp.codec import decode, encode
from gateway.smpp.constants import Status
from gateway.smpp.errors import BadBody
from gateway.smpp.pdu import DataSm, DeliverSm
from tests.kit.permits import permit

FILES = sorted((Path(__file__).parent / "transcripts").glob("*.toml"))
STANDARD = quirks.load("standard")
TRANSCRIPTS = {path.stem: tomllib.loads(path.read_text("utf-8")) for path in FILES}


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(quirks.load(transcript["quirk"]), case, id=f"{name}: {case['name']}")
        for name, transcript in TRANSCRIPTS.items()
        for case in transcript.get(kind, [])
    ]


def test_every_quirk_has_a_transcript_and_every_transcript_a_quirk() -> None:
    assert {transcript["quirk"] for transcript in TRANSCRIPTS.values()} == quirks.names()


@pytest.mark.parametrize("name", sorted(quirks.names()))
def test_a_transcript_shows_each_way(name: str) -> None:
    mine = [transcript for transcript in TRANSCRIPTS.values() if transcript["quirk"] == name]
    shown = {case["becomes"] for transcript in mine for case in transcript.get("deliver", [])}
    assert shown >= {"Mo", "Receipt"}
    for kind in ("submit", "verdict"):
        assert any(transcript.get(kind) for transcript in mine), kind


def unshown(quirk: quirks.Quirk, transcripts: list[dict[str, Any]]) -> set[str]:
    """Return the departures in how a PDU is taken and answered that these transcripts do not show."""
    delivered = [bytes.fromhex(case["hex"]) for transcript in transcripts for case in transcript.get("deliver", [])]
    bodies = [read for raw in delivered if not isinstance(read := attempt(raw), BadBody)]
    types = {body.esm_class & 0x3C for body in bodies}
    shown = {
        "temporary_status": any("temporary" in transcript for transcript in transcripts),
        "receipt_types": types >= (quirk.receipt_types ^ STANDARD.receipt_types),
        "receipt_by_text": any(
            isinstance(body, DeliverSm) and not body.esm_class & 0x3C and b"stat:" in body.short_message
            for body in bodies
        ),
        "salvage": len(bodies) < len(delivered),
    }
    return {
        name for name, is_shown in shown.items() if getattr(quirk, name) != getattr(STANDARD, name) and not is_shown
    }


def attempt(raw: bytes) -> DeliverSm | DataSm | BadBody:
    try:
        pdu = decode(raw).pdu
    except BadBody as bad:
        return bad
    assert isinstance(pdu, DeliverSm | DataSm)
    return pdu


@pytest.mark.parametrize("name", sorted(quirks.names()))
def test_a_transcript_shows_what_is_answered_otherwise(name: str) -> None:
    mine = [transcript for transcript in TRANSCRIPTS.values() if transcript["quirk"] == name]
    assert not unshown(quirks.load(name), mine)


@pytest.mark.parametrize("name", [name for name, transcript in TRANSCRIPTS.items() if "temporary" in transcript])
def test_after_what_a_text_comes_again(name: str) -> None:
    assert quirks.load(TRANSCRIPTS[name]["quirk"]).temporary_status == TRANSCRIPTS[name]["temporary"]


@pytest.mark.parametrize(
    "changes, showing",
    [
        ({"temporary_status": Status.ESME_RSYSERR}, {"temporary": 8}),
        ({"receipt_types": frozenset({0x04})}, {"deliver": [{"hex": "08"}, {"hex": "20"}]}),
        ({"receipt_types": frozenset({0x04, 0x08, 0x20, 0x10})}, {"deliver": [{"hex": "10"}]}),
        ({"receipt_by_text": True}, {"deliver": [{"hex": "00"}]}),
        ({"salvage": False}, {"deliver": [{"hex": "bad"}]}),
    ],
)
def test_a_departure_without_a_transcript_is_noticed(changes: dict[str, Any], showing: dict[str, Any]) -> None:
    """In ``showing``, the hex stands for a receipt of that message type."""
    for case in showing.get("deliver", []):
        kind = case["hex"]
        raw = encode(
            DeliverSm(esm_class=int("0" if kind == "bad" else kind, 16), short_message=b"id:1 stat:DELIVRD"), 1
        )
        if kind == "bad":
            raw = raw[:3] + bytes([len(raw) + 2]) + raw[4:] + b"\x14\x01"
        case["hex"] = raw.hex()
    quirk = replace(STANDARD, **changes)
    assert unshown(quirk, [{}]) == changes.keys()
    assert unshown(quirk, [{}, showing]) == set()
    assert unshown(STANDARD, [{}]) == set()


def test_what_a_quirk_says_is_from_a_public_page() -> None:
    """But for the standard, each file names its sources."""
    for info in pkgutil.iter_modules(quirks.__path__):
        module = importlib.import_module(f"{quirks.__name__}.{info.name}")
        if info.name not in ("quirk", "standard"):
            assert re.search(r"Sources?: .*https://", module.__doc__ or "", re.DOTALL), info.name


def test_every_quirk_is_in_the_documents() -> None:
    page = (Path(__file__).parents[2] / "docs" / "carriers.md").read_text("utf-8")
    for name in quirks.names():
        assert f"| `{name}` |" in page


@pytest.mark.parametrize("quirk, case", cases("deliver"))
def test_what_comes_in(quirk: quirks.Quirk, case: dict[str, Any]) -> None:
    raw = bytes.fromhex(case["hex"])
    translator = Translator("acme", quirk, lambda line: "US")
    origin = Origin("acme/0", "s")
    try:
        frame = decode(raw)
    except BadBody as bad:
        arrival = translator.malformed(bad.salvage, bad.header.sequence, bad.status, bad.reason, raw, origin, 0)
    else:
        assert isinstance(frame.pdu, DeliverSm | DataSm)
        arrival = translator.read(frame.pdu, frame.sequence, raw, origin, 0)
    assert type(arrival).__name__ == case["becomes"]
    for name, expected in case["fields"].items():
        value = getattr(arrival, name)
        if isinstance(value, bytes):
            value = value.hex()
        elif name == "concat":
            value = [value.reference, value.total, value.number]
        elif name == "carrier_ids":
            value = list(value)[: len(expected)]
        elif name == "state":
            value = "" if value is None else value.word
        assert value == expected, name


@pytest.mark.parametrize("quirk, case", cases("submit"))
def test_what_goes_out(quirk: quirks.Quirk, case: dict[str, Any]) -> None:
    fields = dict(case["permit"])
    readers = {"body": bytes.fromhex, "subscriber": Msisdn, "style": SegmentStyle}
    fields |= {name: read(fields[name]) for name, read in readers.items() if name in fields}
    options = CarrierOptions(name="acme", quirk=quirk.name, **case.get("carrier", {}))
    pdu = Composer(options, habits(options)).submit(permit(1, **fields), wall=0)
    assert encode(pdu, 1).hex() == case["hex"].replace(" ", "").replace("\n", "")


@pytest.mark.checklist("D3", "D4")
@pytest.mark.parametrize("quirk, case", cases("verdict"))
def test_what_a_status_means(quirk: quirks.Quirk, case: dict[str, Any]) -> None:
    assert verdict(case["status"], quirk.verdicts) is Verdict(case["means"])


@pytest.mark.checklist("D3")
@pytest.mark.parametrize("status", [*range(0x120), 0x400, 0x4FF, 0xFFFFFFFF])
def test_every_status_means_something_and_only_one_means_sent(status: int) -> None:
    assert (verdict(status, {}) is Verdict.SENT) == (status == 0)
    if status not in VERDICTS:
        assert verdict(status, {}) is Verdict.FAIL


def test_an_override_counts_for_its_quirk_alone() -> None:
    assert verdict(0x444, {0x444: Verdict.THROTTLE}) is Verdict.THROTTLE
    assert verdict(0x444, {}) is Verdict.FAIL


def test_wrong_passwords_are_no_business_of_a_busy_carrier() -> None:
    assert bind_is_busy(Status.ESME_RSYSERR)
    for status in (Status.ESME_RINVPASWD, Status.ESME_RALYBND, Status.ESME_RBINDFAIL, 0x444):
        assert not bind_is_busy(status)


def test_an_unknown_quirk_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="nobody"):
        quirks.load("nobody")


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[str, str], None]]:
    """Put a file beside the quirks."""

    def put(name: str, source: str) -> None:
        (tmp_path / f"{name}.py").write_text(source, "utf-8")
        quirks._all.cache_clear()

    monkeypatch.setattr(quirks, "__path__", [*quirks.__path__, str(tmp_path)])
    yield put
    quirks._all.cache_clear()
    for module in [name for name in sys.modules if name.startswith(quirks.__name__) and "_own_" in name]:
        del sys.modules[module]


@pytest.mark.parametrize(
    "file, source, name, why",
    [
        ("a_own_broken", 'QUIRK = Quirk(name="a-broken")', "a-broken", "NameError: name 'Quirk' is not defined"),
        ("a_own_syntax", 'QUIRK = Quirk(name="a-b"', "a-b", "SyntaxError: '(' was never closed (line 1)"),
        ("a_own_exit", "raise ValueError('no')", "a-own-exit", "ValueError: no"),
        ("a_own_none", "X = 1", "a-own-none", "it has no QUIRK"),
        ("a_own_odd", "QUIRK = 1", "a-own-odd", "it has no QUIRK"),
        (
            "a_own_copy",
            "from gateway.carriers.quirks.standard import QUIRK",
            "standard",
            "it defines the quirk 'standard'",
        ),
        (
            "z_own_copy",
            "from gateway.carriers.quirks.standard import QUIRK",
            "standard",
            "it defines the quirk 'standard'",
        ),
    ],
)
def test_a_file_that_is_no_quirk_stops_who_names_it_and_nobody_else(
    beside: Callable[[str, str], None], tmp_path: Path, file: str, source: str, name: str, why: str
) -> None:
    good = quirks.load("standard")
    beside(file, source)
    (fault,) = quirks.faults()
    assert fault.name == name
    assert str(fault).startswith(f"gateway/carriers/quirks/{file}.py: {why}")
    assert quirks.fault(name) is fault
    assert quirks.load("standard") is good
    with pytest.raises(ValidationError, match=re.escape(f"the quirk '{name}' cannot be used: {fault}")):
        CarrierOptions(name="acme", quirk=name)
    assert CarrierOptions(name="acme", quirk="vonage").quirk == "vonage"


def test_the_quirks_that_come_with_us_are_good() -> None:
    assert quirks.faults() == ()
    assert quirks.fault("standard") is None
