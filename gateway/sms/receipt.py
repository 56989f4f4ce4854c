"""The text of a delivery receipt (SMPP 3.4 appendix B), which every SMSC writes a little differently.

Owns reading and writing that text, and what its ``stat`` words mean as message_state (SMPP 3.4 section 5.2.28).
Whether a PDU *is* a receipt is not decided here: a subscriber can type one. Nothing is guessed either: a field that is
missing or empty is an empty string, ids and dates stay as they are spelt.

Most dialects have the fields of appendix B, some of them left out, reordered or padded; ``parse_receipt`` reads these.
One has an id and the number of a state and nothing else; ``parse_bare`` reads that, and since a subscriber's "VOTE2 1"
looks the same, it is for PDUs alone that are flagged as receipts. Neither may cost much whatever 64 KB hold: fields are
looked for in the beginning alone, and what is longer than an id and a state is no bare receipt.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.base.value import value

_KEY: Final = re.compile(r"(?<!\S)(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text):\s*", re.IGNORECASE)

_BY_THE_BOOK: Final = re.compile(
    r"id:([^\s\0]*) sub:([^\s\0]*) dlvrd:([^\s\0]*) submit[ _]?date:([^\s\0]*) done[ _]?date:([^\s\0]*) "
    r"stat:([^\s\0]*) err:([^\s\0]*) [Tt]ext:\s*(.*)",
    re.DOTALL,
)
"""All the fields of appendix B in its order, which most receipts are: read at one go, to what the loop would read."""

_MOST_BY_THE_BOOK: Final = 1_024
_BLANKS: Final = " \t\r\n\0"

_MOST_READ: Final = 8_192
"""Characters at the beginning of a text in which fields are looked for: far more than a receipt has."""

_BARE: Final = re.compile(r"(?=[^ ]*\d)([0-9A-Za-z][-0-9A-Za-z_.:]{0,63}) +(\d)")
_MOST_BARE: Final = 128
_WORD: Final = re.compile(r"[A-Za-z]+|[0-9](?!\w)")

_STATES: Final = {
    "SCHEDULED": 0,
    "ENROUTE": 1,
    "BUFFRED": 1,
    "BUFFERD": 1,
    "BUFFERED": 1,
    "DELIVRD": 2,
    "DELIVERED": 2,
    "EXPIRED": 3,
    "DELETED": 4,
    "UNDELIV": 5,
    "UNDELIVERABLE": 5,
    "FAILED": 5,
    "ACCEPTD": 6,
    "ACCEPTED": 6,
    "ACKED": 6,
    "UNKNOWN": 7,
    "REJECTD": 8,
    "REJECTED": 8,
    "SKIPPED": 9,
}


@value
class ReceiptText:
    """The fields of a receipt's text, trimmed, otherwise as spelt; empty where absent."""

    id: str = ""
    stat: str = ""
    err: str = ""
    sub: str = ""
    dlvrd: str = ""
    submit_date: str = ""
    done_date: str = ""
    text: str = ""

    def __str__(self) -> str:
        """Return the text in the form of appendix B, from which ``parse_receipt`` gets the same fields."""
        return (
            f"id:{self.id} sub:{self.sub} dlvrd:{self.dlvrd} submit date:{self.submit_date} "
            f"done date:{self.done_date} stat:{self.stat} err:{self.err} text:{self.text}"
        )


def parse_receipt(text: str) -> ReceiptText | None:
    """Return the fields of a receipt's text; None if it has neither an id nor a stat.

    Fields may be missing, in any order and in any case; the first of each counts. Behind an id or a stat, ``text`` ends
    the list: a quoted text which itself says "id:" or "stat:" changes nothing, and is no substitute for a field that is
    missing.
    """
    if len(text) <= _MOST_BY_THE_BOOK and (found := _BY_THE_BOOK.fullmatch(text)):
        id_, sub, dlvrd, submit_date, done_date, stat, err, quoted = found.groups()
        return ReceiptText(id_, stat, err, sub, dlvrd, submit_date, done_date, quoted.strip(_BLANKS))
    return parse_any_receipt(text)


def parse_any_receipt(text: str) -> ReceiptText | None:
    """Do what ``parse_receipt`` does, field by field."""
    fields: dict[str, str] = {}
    name, start = "", 0
    for match in _KEY.finditer(text, 0, _MOST_READ):
        key = re.sub("[ _]", "", match[1].lower())
        if name == "text" and fields.keys() & {"id", "stat"}:
            break
        if key in fields or key == name:
            continue
        if name:
            fields[name] = text[start : match.start()]
        name, start = key, match.end()
    if name:
        fields[name] = text[start:]
    if not fields.keys() & {"id", "stat"}:
        return None
    fields = {key: found.strip(_BLANKS) for key, found in fields.items()}
    return ReceiptText(
        id=fields.get("id", ""),
        stat=fields.get("stat", ""),
        err=fields.get("err", ""),
        sub=fields.get("sub", ""),
        dlvrd=fields.get("dlvrd", ""),
        submit_date=fields.get("submitdate", ""),
        done_date=fields.get("donedate", ""),
        text=fields.get("text", ""),
    )


def parse_bare(text: str) -> ReceiptText | None:
    """Return id and state of a text that is an id with a digit in it, and one digit more, as in "362d9701 2".

    ``stat`` is then the digit. None for every other text.
    """
    body = text.strip(" \r\n")
    found = _BARE.fullmatch(body) if len(body) <= _MOST_BARE else None
    return ReceiptText(id=found[1], stat=found[2]) if found else None


def message_state(stat: str) -> int | None:
    """Return the message_state value of a ``stat``: the word that it begins with, case aside, or the value's number.

    None for a word that we do not know, and for a number above 9 (SMPP 5.0 section 4.7.15).
    """
    found = _WORD.match(stat)
    if found is None:
        return None
    word = found[0]
    return int(word) if word.isdigit() else _STATES.get(word.upper())
