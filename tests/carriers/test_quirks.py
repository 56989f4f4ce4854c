"""Quirks: found by themselves, and each judged by its transcripts.

A transcript is a TOML file in ``transcripts/``: ``quirk`` names whose it is, ``[[deliver]]`` tables hold PDUs as they
come (``hex``) and the fields of what they must become, ``[[submit]]`` tables a permit's fields and the PDU that it must
become (``carrier`` has what the carrier's table says besides), ``[[verdict]]`` tables a status and what it means.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

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


def test_two_files_may_not_claim_one_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "double.py").write_text("from gateway.carriers.quirks.standard import QUIRK\n", "utf-8")
    monkeypatch.setattr(quirks, "__path__", [*quirks.__path__, str(tmp_path)])
    quirks.all_quirks.cache_clear()
    with pytest.raises(ValueError, match=r"two files .* define the quirk 'standard'"):
        quirks.all_quirks()
    quirks.all_quirks.cache_clear()
