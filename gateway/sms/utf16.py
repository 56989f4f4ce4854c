"""UTF-16, which SMPP calls UCS-2 (SMPP 3.4 section 5.2.19), in the forms in which it really comes.

Owns its two directions and the question in which order the octets of a text are. Big-endian is the rule; a byte order
mark may say otherwise, and some systems send little-endian without one, or any order under another data_coding. What is
taken for that is narrow on purpose (``byte_order``): a text in Chinese, Japanese or Korean must never be misread.
"""

from __future__ import annotations

from typing import Final, Literal

_MARKS: Final = (b"\xfe\xff", b"\xff\xfe")
_FEWEST_LETTERS: Final = 3
_LETTERS: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def decode_ucs2(raw: bytes) -> str:
    """Return the text of UTF-16 octets, big-endian unless they prove otherwise. Never raises.

    Lone surrogates become U+FFFD, and so does a last odd octet, unless it is NUL: that is some system's end of string.
    """
    if len(raw) % 2 and raw[-1] == 0:
        raw = raw[:-1]
    if raw[:2] == b"\xff\xfe":
        return raw[2:].decode("utf-16-le", "replace")
    if _latin(*_halves(raw)):
        return _decode_little(raw)
    return raw.removeprefix(b"\xfe\xff").decode("utf-16-be", "replace")


def encode_ucs2(text: str) -> bytes:
    """Return ``text`` in big-endian UTF-16. Lone surrogates (which JSON can spell) become U+FFFD."""
    try:
        return text.encode("utf-16-be")
    except UnicodeEncodeError:
        return text.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "replace").encode("utf-16-be")


def utf16_in_disguise(raw: bytes) -> str | None:
    """Return the text of octets that were declared as one octet a character and are UTF-16; None if they are not."""
    if 0 in raw and byte_order(raw) is not None:
        return decode_ucs2(raw)
    return decode_ucs2(raw) if len(raw) > 2 and raw[:2] in _MARKS else None


def byte_order(raw: bytes) -> Literal["big", "little"] | None:
    """Return the order in which ``raw`` must be read for what it says in Latin letters; None if it says nothing so.

    Where the octets are those of Latin text, every other one is zero. So it is taken: more than half of the units have
    the zero on the same side, none has it beside an ASCII character on the other side, and there are three different
    Latin letters beside these zeros.
    Read in the other order they would be three different characters out of the few whose code ends in 00: no
    text in any language consists of those for more than half.
    """
    first, second = _halves(raw)
    if _latin(second, first):
        return "big"
    return "little" if _latin(first, second) else None


def _halves(raw: bytes) -> tuple[bytes, bytes]:
    """Return the first and the second octets of the whole units."""
    return raw[: len(raw) & ~1 : 2], raw[1::2]


def _decode_little(raw: bytes) -> str:
    """Decode; a last letter that lost its zero (an end of string, to some system) gets it back."""
    return (raw + b"\0" * (len(raw) % 2)).decode("utf-16-le", "replace")


def _latin(letters: bytes, zeros: bytes) -> bool:
    if zeros.count(0) * 2 <= len(zeros):
        return False
    pairs = set(zip(letters, zeros, strict=False))
    if any(letter == 0 and 0 < other < 0x80 for letter, other in pairs):  # above: half of an emoji
        return False
    return len({letter | 0x20 for letter, other in pairs if not other and letter in _LETTERS}) >= _FEWEST_LETTERS
