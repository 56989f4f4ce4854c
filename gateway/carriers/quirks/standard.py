"""The carrier that keeps to SMPP 3.4: the default, and what every other quirk departs from."""

from __future__ import annotations

from typing import Final

from gateway.carriers.quirks.quirk import Quirk

QUIRK: Final = Quirk(name="standard", summary="SMPP 3.4 by the book; data_coding 0 is GSM 03.38.")
