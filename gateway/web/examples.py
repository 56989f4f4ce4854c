"""One example of each request and each answer, made with the very models that check and make the real ones.

They appear in the OpenAPI document and on the documentation page. Numbers are of the range kept for fiction (555-01xx).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from gateway.model.consent import ConsentStatus
from gateway.model.messages import Lane, MessageState
from gateway.model.refusal import Reason, Refusal
from gateway.model.trace import TlvRow, TracePage, TraceRow
from gateway.model.views import (
    BindRow,
    BrakeRow,
    ChainRow,
    ConsentRow,
    EvidenceRow,
    ListRow,
    MessageRow,
    QuarantineRow,
    QueueRow,
    RestoredRow,
    SegmentRow,
)
from gateway.web import answers as a
from gateway.web import consent_answers as c
from gateway.web import restoring as r
from gateway.web import tracing as t
from gateway.web.problems import body_of, of_refusal

_T: Final = 1_795_367_045.25  # 2026-11-22T17:04:05.250Z
_STOP: Final = Refusal(Reason.OPTED_OUT, "+12…0101 opted out of line 85700.", since=_T, source="text")
_PERMIT: Final = SegmentRow(
    1, "acme", "acme/0", "consent", _T + 1, "accepted", 0, "9f01ab", "", "delivered", "000", _T + 2, 1
)
_MESSAGE: Final = MessageRow(
    id=4711,
    direction="mt",
    line="85700",
    number="+12125550101",
    text="Your table is ready.",
    state=MessageState.DELIVERED,
    created_at=_T,
    updated_at=_T + 2,
    lane=Lane.NORMAL,
    claim="consent",
    reason=None,
    expires_at=_T + 3600,
    in_reply_to=None,
    list_name=None,
    ref="table-12",
    carrier="acme",
    status=None,
    segments=1,
    partial=False,
    outcome=None,
    keyword=None,
    matched_by=None,
    because=None,
    permits=(_PERMIT,),
)
_CONSENT: Final = ConsentRow(
    "85700",
    "+12125550101",
    ConsentStatus.OPTED_OUT,
    held=False,
    since=_T,
    source="text",
    opt_outs=1,
    lists=(ListRow("alerts", ConsentStatus.OPTED_OUT, _T, suspended=False),),
)
_EVIDENCE: Final = EvidenceRow(
    id=12,
    node="gw1",
    incarnation=1,
    seq=12,
    kind="opt_out",
    line="85700",
    number="+12125550101",
    list_name=None,
    before=ConsentStatus.OPTED_IN,
    after=ConsentStatus.OPTED_OUT,
    method="text",
    actor="",
    rule="reserved:stop",
    rule_version="1",
    text="Stop.",
    raw=b"Stop.",
    disclosure="",
    mo_id=4710,
    note="",
    occurred_at=_T,
    recorded_at=_T + 0.01,
    hash="3d5f" * 16,
)
_BRAKE: Final = BrakeRow("line", "85700", _T, "crm", "wrong text in the campaign")
_BIND: Final = BindRow("acme/0", "acme", "transceiver", "up", _T, "bound", 100, 3)
_STANDS_STILL: Final = BrakeRow("store", "restored", _T, "gateway", "this store was marked as restored")
_RESTORED: Final = RestoredRow(
    "backup", _T - 3600, _T, (ChainRow("gw1", 1_795_367_000, 4711, covered=False),), last_message=4711
)
_LINE: Final = (
    '{"v":1,"kind":"opt_out","at":1795367045.25,"line":"85700","subscriber":"+12125550101","list":null,"method":"text",'
    '"node":"gw1","incarnation":1795367000,"seq":4712,"hash":"","head":4711,"prev":"","sum":"…"}'
)
_PDU: Final = QuarantineRow(
    7,
    "acme",
    "acme/0",
    _T,
    8,
    "sm_length is larger than the body",
    bytes.fromhex("0000000a"),
    times=3,
    last_at=_T + 60,
)
_TRACE: Final = TracePage(
    rows=(
        TraceRow(
            at=_T,
            bind="acme/0",
            session="gw1-1795367000-acme/0-1",
            incoming=True,
            command="submit_sm_resp",
            status=0,
            status_name="ESME_ROK",
            sequence=7,
            fields={"message_id": "9f01ab"},
            tlvs=(TlvRow(0x0425, "delivery_failure_reason", 0),),
            text=None,
            hidden=False,
            fault=None,
            octets=bytes.fromhex("0000001c800000040000000000000007396630316162000425000100"),
        ),
    ),
    next="acme/0=1795367000000012",
    more=False,
    missed={"acme/0": 12},
    off=(),
)

_ONE: Final = a.StateView.of(4711, MessageState.QUEUED)
_RESULTS: Final = a.ResultsView(results=[_ONE, body_of(of_refusal(_STOP))])


def _plain(model: BaseModel) -> Any:
    return model.model_dump(mode="json")


def _results(model: a.ResultsView) -> Any:
    return model.model_dump(mode="json", exclude_none=True)


ANSWERS: Final[Mapping[tuple[str, str], Mapping[int, Any]]] = {
    ("POST", "/api/v1/messages"): {202: _plain(_ONE), 200: _results(_RESULTS)},
    ("GET", "/api/v1/messages"): {
        200: _plain(a.MessagesView(messages=[a.MessageView.of(_MESSAGE)], next="4711")),
    },
    ("GET", "/api/v1/messages/{id}"): {200: _plain(a.MessageView.of(_MESSAGE))},
    ("POST", "/api/v1/messages/cancel"): {200: _plain(a.CancelledView(cancelled=12))},
    ("POST", "/api/v1/messages/resend"): {200: _results(a.ResultsView(results=[_ONE]))},
    ("POST", "/api/v1/messages/fail"): {
        200: _results(a.ResultsView(results=[a.StateView.of(4711, MessageState.FAILED)])),
    },
    ("POST", "/api/v1/messages/{id}/resend"): {200: _plain(_ONE)},
    ("POST", "/api/v1/messages/{id}/fail"): {200: _plain(a.StateView.of(4711, MessageState.FAILED))},
    ("GET", "/api/v1/consents/{line}/{number}"): {200: _plain(c.ConsentView.of(_CONSENT))},
    ("GET", "/api/v1/consents/{line}/{number}/evidence"): {
        200: _plain(c.EvidenceView(evidence=[c.EvidenceItem.of(_EVIDENCE)])),
    },
    ("GET", "/api/v1/brakes"): {200: _plain(a.BrakesView(brakes=[a.BrakeView.of(_BRAKE)]))},
    ("PUT", "/api/v1/brakes/{kind}/{name}"): {200: _plain(a.BrakeView.of(_BRAKE))},
    ("DELETE", "/api/v1/brakes/{kind}/{name}"): {
        200: _plain(a.ResumedView(kind="line", name="85700", resumed=True)),
    },
    ("GET", "/api/v1/quarantine"): {
        200: _plain(a.QuarantineView(pdus=[a.QuarantinedView.of(_PDU)], next=None)),
    },
    ("GET", "/api/v1/status"): {
        200: _plain(
            a.StatusView(
                version="1.0.0",
                node="gw1",
                store=a.StoreView(ok=True, detail="takes writes"),
                binds=[a.BindView.of(_BIND)],
                brakes=[a.BrakeView.of(_BRAKE)],
                queue=[a.QueueView.of(QueueRow(Lane.NORMAL, 3, _T))],
                uncertain=0,
                quarantined=1,
                nodes=[],
            )
        ),
    },
    ("GET", "/api/v1/restore"): {200: _plain(r.RestoreView.of(_RESTORED))},
    ("POST", "/api/v1/restore/records"): {
        200: _plain(r.MergedView(applied=12, lifted=1, known=4700, outdone=0, refused=3)),
    },
    ("POST", "/api/v1/restore/finish"): {200: _plain(r.RestoreView.of(None))},
    ("POST", "/api/v1/restore/accept-loss"): {200: _plain(r.RestoreView.of(None))},
    ("POST", "/api/v1/restore/mark"): {200: _plain(a.BrakeView.of(_STANDS_STILL))},
    ("GET", "/api/v1/trace"): {200: _plain(t.TraceView.of(_TRACE))},
    ("GET", "/api/v1/trace/unmasked"): {200: _plain(t.TraceView.of(_TRACE))},
    ("GET", "/healthz"): {200: _plain(a.HealthView())},
    ("GET", "/readyz"): {
        200: _plain(
            a.ReadyView(
                ready=True,
                store=True,
                restored=False,
                binds=[a.BindStateView(name="acme/0", carrier="acme", state="up", since=a.rfc3339(_T))],
            )
        ),
    },
}

REQUESTS: Final[Mapping[tuple[str, str], Mapping[str, Any]]] = {
    ("POST", "/api/v1/messages"): {
        "one": {"line": "85700", "to": "+1 212 555 0101", "text": "Your table is ready.", "ref": "table-12"},
        "many": {
            "messages": [
                {"line": "85700", "to": "+12125550101", "text": "The sale starts today.", "lane": "bulk"},
                {"line": "85700", "to": "(212) 555-0102", "text": "The sale starts today.", "lane": "bulk"},
            ]
        },
    },
    ("POST", "/api/v1/messages/cancel"): {"campaign": {"line": "85700", "ref": "autumn-sale"}},
    ("POST", "/api/v1/messages/resend"): {"two": {"ids": ["4711", "4712"]}},
    ("POST", "/api/v1/messages/fail"): {"two": {"ids": ["4711", "4712"]}},
    ("POST", "/api/v1/restore/records"): {"one": {"lines": [_LINE]}},
    ("POST", "/api/v1/restore/finish"): {
        "one log": {
            "covered": [{"node": "gw1", "incarnation": 1795367000, "head": 4000}],
            "logs": ["/mnt/other/suppression.log"],
        }
    },
    ("POST", "/api/v1/restore/accept-loss"): {"reason": {"reason": "the log's disk is lost, too"}},
    ("POST", "/api/v1/restore/mark"): {"last night": {"taken_at": "2026-11-22T02:00:00Z"}},
    ("PUT", "/api/v1/brakes/{kind}/{name}"): {"note": {"note": "wrong text in the campaign"}},
}
