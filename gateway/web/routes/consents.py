"""Looking at consent: the status of a number on a line, and the evidence for it. Nothing here changes any."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Response

from gateway.model.refusal import Refusal
from gateway.web.consent_answers import ConsentView, EvidenceItem, EvidenceView
from gateway.web.route import DeskHere, answer, group, refuse
from gateway.web.schemas import Text

router = group("Consent")
Line = Annotated[Text, Path(description="The line's address.", examples=["85700"])]
Number = Annotated[Text, Path(description="The number, in any usual spelling.", examples=["+12125550101"])]


@router.get("/api/v1/consents/{line}/{number}", response_model=ConsentView, summary="May this line text this number?")
async def consent(line: Line, number: Number, desk: DeskHere) -> Response:
    """Show the consent of a number on a line. A number never heard of is `not_defined`."""
    row = await desk.consent(line, number)
    return refuse(row) if isinstance(row, Refusal) else answer(ConsentView.of(row))


@router.get("/api/v1/consents/{line}/{number}/evidence", response_model=EvidenceView, summary="How do we know?")
async def evidence(line: Line, number: Number, desk: DeskHere) -> Response:
    """Show every consent event of a number on a line, with the exact octets that the subscriber sent."""
    rows = await desk.evidence(line, number)
    if isinstance(rows, Refusal):
        return refuse(rows)
    return answer(EvidenceView(evidence=[EvidenceItem.of(row) for row in rows]))
