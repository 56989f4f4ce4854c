"""Vibes, accounts whose default alphabet is GSM 03.38: data_coding 0 is that, and there is no 4.

Source: "Message & Encoding Settings", https://developer-aggregation.vibes.com/reference/encoding-message-settings,
which has a table of data codings for either kind of account. The rest is as in ``vibes``, with its sources.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from gateway.carriers.quirks.vibes import QUIRK as VIBES

QUIRK: Final = replace(
    VIBES,
    name="vibes-gsm",
    summary="As vibes, for accounts where data_coding 0 is GSM 03.38.",
    alphabet="gsm",
    gsm_coding=0,
)
