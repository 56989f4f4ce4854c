"""What a list of messages tells at a glance: over which carrier, and with which status one was refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.carriers.statuses import UNSENDABLE
from gateway.model.messages import MessageState
from gateway.model.refusal import Refusal
from gateway.model.views import EvidenceRow, SegmentRow
from tests.cli.conftest import CONFIG, Run
from tests.cli.test_desk_commands import beside
from tests.kit.desk import GOOD, NOW, FakeDesk, row

FAILED, QUEUED, SENT = MessageState.FAILED, MessageState.QUEUED, MessageState.SENT


@pytest.fixture(autouse=True)
def _config(config: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEWAY_CONFIG", config)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "state,reason,status,said",
    [
        (FAILED, "rejected", 0x45, "acme     failed (ESME_RSUBMITFAIL)"),
        (FAILED, "rejected", 0x431, "acme     failed (0x00000431)"),
        (FAILED, "rejected", UNSENDABLE, "acme     failed (no PDU can hold it)"),
        (FAILED, "opted-out", 0x45, "acme     failed (opted-out)"),
        (FAILED, "uncertain", None, "acme     failed (uncertain)"),
        (QUEUED, None, 0x58, "acme     queued (ESME_RTHROTTLED)"),
        (SENT, None, 0x58, "acme     sent  "),
    ],
)
async def test_a_list_tells_the_carrier_and_why(
    run: Run, state: MessageState, reason: str | None, status: int | None, said: str
) -> None:
    desk = FakeDesk(rows={1: row(1, state=state, reason=reason, status=status, carrier="acme")})
    assert said in (await beside(run, desk, "messages", "list")).out


async def test_those_of_one_carrier(run: Run) -> None:
    desk = FakeDesk()
    await beside(run, desk, "messages", "list", "--carrier", "acme")
    assert desk.calls[-1][1].carrier == "acme"  # type: ignore[attr-defined]  # what this desk keeps


@pytest.fixture
def _fails_at_once(config: str) -> None:
    own = CONFIG.replace('name = "acme"', 'name = "acme"\nstatuses = { "0x45" = "fail" }', 1)
    Path(config).write_text(own, encoding="utf-8")


@pytest.mark.usefixtures("_fails_at_once")
async def test_a_refusal_is_shown_with_what_it_means_here(run: Run) -> None:
    """The quirk or the configuration may say what a status means; a carrier that is gone has the common meanings."""
    rejected = ("consent", NOW, "rejected", 0x45, "", "", None, None, None, 1)
    permits = (SegmentRow(1, "acme", "acme/0", *rejected), SegmentRow(2, "gone", "gone/0", *rejected))
    desk = FakeDesk(rows={1: row(1, state=FAILED, reason="rejected", status=0x45, permits=permits)})
    out = (await beside(run, desk, "messages", "show", "1")).out
    assert "refused with  ESME_RSUBMITFAIL\n" in out
    table = [line.split() for line in out.splitlines() if "ESME_RSUBMITFAIL" in line][1:]
    assert [line[line.index("ESME_RSUBMITFAIL") + 1] for line in table] == ["fail", "retry"]
    assert [line[3:5] for line in table] == [["2026-11-22", "17:04:05.250"]] * 2


async def test_evidence_without_a_text_shows_its_note(run: Run) -> None:
    """An opt-out that a carrier told of has no text of the subscriber's."""

    class Told(FakeDesk):
        async def evidence(self, line: str, number: str) -> list[EvidenceRow] | Refusal:
            found = await super().evidence(line, number)
            assert isinstance(found, list)
            return [replace(found[0], method="carrier", text="", note="acme: ESME_RINVDSTADR")]

    assert "acme: ESME_RINVDSTADR\n" in (await beside(run, Told(), "consent", "show", "85700", GOOD)).out
