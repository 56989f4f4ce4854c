"""The national language tables of the GSM 7 bit alphabet (3GPP TS 23.038 section 6.2.1.2 and annex A).

Owns the tables, as data in ``national.toml``, and reading septets by them. A header announces them: information element
0x25 names the language of the whole text (locking shift), 0x24 that of the characters behind an escape (single shift).
Reading only: what we send stays in the default alphabet, since not every handset knows the others. A language that has
no such table is read with the default one, which keeps its Latin letters.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from gateway.sms.gsm import BASIC, ESCAPE, EXTENSION

SINGLE_SHIFT: Final = 0x24
"""Information element: one octet, the language of the single shift table (23.040 section 9.2.3.24.15)."""

LOCKING_SHIFT: Final = 0x25
"""Information element: one octet, the language of the locking shift table (23.040 section 9.2.3.24.16)."""

_ROW: Final = 16
_UNKNOWN: Final = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True, slots=True)
class Language:
    """One language: ``locking`` has 128 characters, U+FFFD where a code has none; None if there is no such table.

    ``single`` has the characters behind an escape, by code.
    """

    identifier: int
    name: str
    locking: str | None
    single: Mapping[int, str]


def decode_national(raw: bytes, locking: int, single: int) -> str:
    """Return the text of ``raw``, one septet per octet, by the tables of these languages (0: the default).

    Never raises. As in ``decode_gsm``: an escape before a code without a character of its own shows that of the locking
    table, two escapes show one space, a lone escape at the end a space; an octet above 0x7F becomes U+FFFD.
    """
    first = LANGUAGES.get(locking)
    second = LANGUAGES.get(single)
    basic = (first and first.locking) or BASIC
    extension = second.single if second else EXTENSION
    out: list[str] = []
    escaped = False
    for code in raw:
        if escaped:
            out.append(" " if code == ESCAPE else extension.get(code) or _character(basic, code))
            escaped = False
        elif code == ESCAPE:
            escaped = True
        else:
            out.append(_character(basic, code))
    return "".join(out) + " " * escaped


def _character(basic: str, code: int) -> str:
    return basic[code] if code < len(basic) else _UNKNOWN


def _language(entry: dict[str, Any]) -> Language:
    """Read one language of the data file."""
    single = {
        int(code, 16): chr(int(point, 16)) for code, _, point in (i.partition(":") for i in entry["single"].split())
    }
    rows: dict[str, str] = entry.get("locking", {})
    locking = "".join(
        _row(rows[f"{start:02X}"]) if f"{start:02X}" in rows else BASIC[start : start + _ROW]
        for start in range(0, len(BASIC), _ROW)
    )
    return Language(entry["identifier"], entry["name"], locking if rows else None, MappingProxyType(single))


def _row(points: str) -> str:
    return "".join(_UNKNOWN if point == "----" else chr(int(point, 16)) for point in points.split())


def _read() -> dict[int, Language]:
    text = (resources.files("gateway.sms") / "national.toml").read_text("utf-8")
    return {entry["identifier"]: _language(entry) for entry in tomllib.loads(text)["language"]}


LANGUAGES: Final[Mapping[int, Language]] = MappingProxyType(_read())
"""By National Language Identifier (23.038 section 6.2.1.2.4)."""
