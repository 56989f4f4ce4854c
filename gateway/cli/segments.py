"""What a text would cost, as ``gateway explain --segments`` prints it: one JSON object, or a few lines for people.

The counting is ``gateway.sms.measure``'s; here it only gets its words.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from gateway.cli.output import show_record, show_table
from gateway.sms import Encoding, Measure, measure
from gateway.sms.gsm import encode_gsm

_NAMES: Final = {Encoding.GSM: "GSM", Encoding.UCS2: "UCS-2"}
_UNITS: Final = {"GSM": "septets", "UCS-2": "16 bit units"}


def account(text: str, *, plain: bool = False, most: int | None = None) -> dict[str, Any]:
    """Return what ``text`` takes, and what each character is that is not in the GSM alphabet.

    With ``plain`` it is counted as a line with ``transliterate`` sends it; the characters are those of the text given.
    ``most`` is the limit of segments above which a text is refused, None where no configuration is asked.
    """
    given = measure(text)
    sent = measure(given.plain) if plain else given
    return {
        "text": text,
        "encoding": _NAMES[sent.encoding],
        "segments": sent.segments,
        "characters": sent.characters,
        "used": sent.used,
        "left": sent.left,
        "most": most,
        "refused": most is not None and sent.segments > most,
        "two_septets": _extended(given.plain if plain else text) if sent.encoding is Encoding.GSM else [],
        "not_gsm": [
            {
                "position": dear.position,
                "character": dear.character,
                "code_point": f"U+{ord(dear.character):04X}",
                "name": dear.name,
                "plain": dear.plain,
            }
            for dear in given.dear
        ],
        "transliterated": None if given.plain == text else _short(measure(given.plain), given.plain),
    }


def show_account(found: dict[str, Any]) -> None:
    """Print an account for people."""
    used, left = found["used"], found["left"]
    units = f"{used[-1]} of {used[-1] + left} {_UNITS[found['encoding']]}"
    show_record(
        {
            "encoding": found["encoding"],
            "segments": found["segments"],
            "characters": found["characters"],
            "used": units if len(used) == 1 else f"{sum(used)} in all; in the last segment {units}",
            "left": f"{left}",
            "two septets each": ", ".join(f"{each['character']} ({each['times']})" for each in found["two_septets"]),
            "refused": f"yes: [gateway] max_segments is {found['most']}" if found["refused"] else "",
            "transliterated": _transliterated(found),
        }
    )
    if found["not_gsm"]:
        rows = [
            (each["position"], each["character"], each["code_point"], each["name"], _becomes(each["plain"]))
            for each in found["not_gsm"]
        ]
        show_table(("at", "not in GSM", "code", "name", "made plain"), rows, "")


def _extended(text: str) -> list[dict[str, Any]]:
    """Return the characters of the GSM extension table, which take an escape each, and how often each is there."""
    times = Counter(character for character in text if len(encode_gsm(character) or b"") == 2)
    return [{"character": character, "times": count} for character, count in times.items()]


def _transliterated(found: dict[str, Any]) -> str:
    """Say what the option ``transliterate`` of a line would do to the text."""
    if (plain := found["transliterated"]) is not None:
        return f"{plain['encoding']}, {_count(plain['segments'])}: {plain['text']}"
    if any(each["plain"] is None for each in found["not_gsm"]):
        return "unchanged: not every character below can be made plain"
    return "unchanged: it would take more segments" if found["not_gsm"] else ""


def _short(found: Measure, text: str) -> dict[str, Any]:
    return {"text": text, "encoding": _NAMES[found.encoding], "segments": found.segments}


def _count(segments: int) -> str:
    return "1 segment" if segments == 1 else f"{segments} segments"


def _becomes(plain: str | None) -> str:
    if plain is None:
        return "stays as it is"
    if plain == "":
        return "left out"
    return "a line break" if plain == "\n" else f'"{plain}"'
