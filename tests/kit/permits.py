"""Permits for tests of whatever transmits them. Outside tests only the gate makes any."""

from __future__ import annotations

from gateway.model.address import Msisdn
from gateway.model.permit import Grounds, Permit, SegmentStyle

ANNE = Msisdn("+12125550101")
BOB = Msisdn("+12125550102")


def permit(
    number: int = 1,
    *,
    subscriber: Msisdn = ANNE,
    line: str = "85700",
    line_id: int = 1,
    body: bytes = b"hello",
    segment: int = 1,
    segments: int = 1,
    style: SegmentStyle = SegmentStyle.UDH8,
    reference: int = 0,
    urgent: bool = False,
    dies_at: float = 1e9,
    expires_at: float | None = None,
    data_coding: int = 0,
) -> Permit:
    """Return a permit whose ids are ``number``."""
    return Permit(
        id=number,
        message_id=1_000 + number,
        segment=segment,
        segments=segments,
        line=line,
        line_id=line_id,
        subscriber=subscriber,
        grounds=Grounds.CONSENT,
        carrier="acme",
        bind="acme/0",
        data_coding=data_coding,
        body=body,
        style=style,
        reference=reference,
        urgent=urgent,
        expires_at=expires_at,
        dies_at=dies_at,
    )
