"""Typography made plain: what changes, what never does, and when."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sms import Dear, Encoding, choose, count_segments, encode_gsm, measure, transliterate
from gateway.sms.transliterate import PLAIN


@pytest.mark.parametrize(
    "text, plain",
    [
        ("", ""),
        ("Don't", "Don't"),
        ("Don’t miss “it” – 5 left…", 'Don\'t miss "it" - 5 left...'),
        ("a\u00a0b\u2009c\u3000d\te", "a b c d e"),
        ("a\u200bb\u00adc\ufeffd", "abcd"),
        ("one\u2028two", "one\ntwo"),
        ("• ﬁrst\n• oﬃce", "* first\n* office"),
        ("œuvre Œuvre", "oeuvre OEuvre"),
        ("cafe\u0301’s", "café's"),
        ("« oui »", '" oui "'),
        # All or nothing: something else needs UCS-2 anyway.
        ("Don’t 😀", "Don’t 😀"),
        ("sí – no", "sí – no"),
        ("łaska…", "łaska…"),
        ("ça va…", "ça va…"),
        ("\u200b \ufeff", "\u200b \ufeff"),
        # Not at the price of a segment.
        ("…" * 53, "..." * 53),
        ("…" * 54, "…" * 54),
    ],
)
def test_what_becomes_of_a_text(text: str, plain: str) -> None:
    assert transliterate(text) == plain


def test_marks_in_heaps_are_not_put_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def normalize(form: str, text: str) -> str:
        raise AssertionError("that would cost the square of their number")

    assert transliterate("“e\u0301”") == '"é"'
    heap = "“a" + "\u0315\u0300\u0316" * 10_000
    with monkeypatch.context() as patched:
        patched.setattr(unicodedata, "normalize", normalize)
        plain = transliterate(heap)
    assert plain == heap


def test_the_table_leads_into_gsm_and_takes_nothing_from_it() -> None:
    for character, plain in PLAIN.items():
        assert len(character) == 1
        assert encode_gsm(character) is None
        assert encode_gsm(plain) is not None


def test_no_letter_becomes_another_one() -> None:
    """Ligatures fall apart into their letters; that is all."""
    letters = {c: plain for c, plain in PLAIN.items() if unicodedata.category(c) in ("Lu", "Ll", "Lt", "Lo")}
    assert set(letters) == set("ﬀﬁﬂﬃﬄœŒĳĲ")
    for character, plain in letters.items():
        assert unicodedata.normalize("NFKC", character) in (plain, character)


@given(st.text(st.one_of(st.sampled_from("".join(PLAIN)), st.sampled_from("abc €{é"), st.characters()), max_size=200))
def test_never_dearer_and_settled_at_once(text: str) -> None:
    plain = transliterate(text)
    assert plain == text or choose(plain) is Encoding.GSM
    assert count_segments(plain) <= count_segments(text)
    assert transliterate(plain) == plain


@given(st.text(st.sampled_from("".join(PLAIN)), max_size=20))
def test_a_short_text_of_nothing_else_is_always_made_plain(text: str) -> None:
    assert choose(transliterate(text + "x")) is Encoding.GSM


def test_the_account_of_a_gsm_text() -> None:
    found = measure("a" * 158 + "€" + "b")
    assert (found.encoding, found.characters, found.segments) == (Encoding.GSM, 160, 2)
    assert (found.used, found.left, found.dear) == ((153, 8), 145, ())
    assert measure("").left == 160


def test_the_account_of_a_ucs2_text() -> None:
    text = "Don’t e\u0301 \u200b😀 \ue000 \u0301"
    found = measure(text)
    assert (found.encoding, found.used, found.left) == (Encoding.UCS2, (len(text) + 1,), 70 - len(text) - 1)
    assert found.dear == (
        Dear(4, "’", "RIGHT SINGLE QUOTATION MARK", "'"),
        Dear(8, "\u0301", "COMBINING ACUTE ACCENT", "é"),
        Dear(10, "\u200b", "ZERO WIDTH SPACE", ""),
        Dear(11, "😀", "GRINNING FACE", None),
        Dear(13, "\ue000", "no name", None),
        Dear(15, "\u0301", "COMBINING ACUTE ACCENT", None),
    )
    assert found.plain == text
    assert measure("\u0301").dear[0].plain is None


def test_the_account_of_a_long_ucs2_text() -> None:
    found = measure("ж" * 66 + "😀" * 2)
    assert (found.used, found.left, found.segments) == ((70,), 0, 1)
    found = measure("ж" * 66 + "😀" * 3)
    assert (found.used, found.left, found.segments) == ((66, 6), 61, 2)
    assert measure("Don’t").plain == "Don't"
