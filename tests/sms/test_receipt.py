"""Delivery-receipt texts as SMSCs write them (checklist H1, H3, H5)."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.sms import ReceiptText, message_state, parse_bare, parse_receipt
from gateway.sms.receipt import parse_any_receipt

FULL = "id:0123456789 sub:001 dlvrd:001 submit date:2611221205 done date:2611221206 stat:DELIVRD err:000 text:Hello"
WORD = st.text(st.characters(codec="latin-1", exclude_categories=("Z", "C"), exclude_characters=":"), max_size=20)


@pytest.mark.checklist("H3")
@pytest.mark.parametrize(
    "text, expected",
    [
        (FULL, ReceiptText("0123456789", "DELIVRD", "000", "001", "001", "2611221205", "2611221206", "Hello")),
        ("id:7 stat:UNDELIV err:0x1f", ReceiptText("7", "UNDELIV", "0x1f")),
        ("stat:EXPIRED id:a-b-c", ReceiptText("a-b-c", "EXPIRED")),
        ("ID: 42 STAT: delivrd ERR: 12 Text: hi", ReceiptText("42", "delivrd", "12", text="hi")),
        ("id:1 stat:DELIVRD text:id:2 stat:UNDELIV", ReceiptText("1", "DELIVRD", text="id:2 stat:UNDELIV")),
        ("id:1 stat:DELIVRD text: id:2 stat:UNDELIV", ReceiptText("1", "DELIVRD", text="id:2 stat:UNDELIV")),
        ("id:1 text: stat:DELIVRD", ReceiptText("1", text="stat:DELIVRD")),
        ("id:1 err:000 text:your stat: 5", ReceiptText("1", err="000", text="your stat: 5")),
        ("stat:DELIVRD text:our id:2", ReceiptText(stat="DELIVRD", text="our id:2")),
        ("text:hello id:1 stat:DELIVRD", ReceiptText("1", "DELIVRD", text="hello")),
        ("id:1 id:2 stat:DELIVRD", ReceiptText("1 id:2", "DELIVRD")),
        ("id:1 stat:ACCEPTD id:2", ReceiptText("1", "ACCEPTD id:2")),
        (
            "id:1 submit date: done date: stat:DELIVRD err:",
            ReceiptText("1", "DELIVRD"),
        ),
        (
            "id:1 submit_date:20261122120501 done_date:261122120502 stat:DELIVRD",
            ReceiptText("1", "DELIVRD", submit_date="20261122120501", done_date="261122120502"),
        ),
        ("id:1 stat:DELIVRD text:two\nlines\0", ReceiptText("1", "DELIVRD", text="two\nlines")),
        ("id:1\nstat:DELIVRD\r\n", ReceiptText("1", "DELIVRD")),
        ("id:ab cd stat:DELIVRD", ReceiptText("ab cd", "DELIVRD")),
        ("stat:DELIVRD", ReceiptText(stat="DELIVRD")),
        ("id:9", ReceiptText("9")),
        ("", None),
        ("err:1 text:x", None),
        ("Hello, my valid:7 thing", None),
        ("362d9701 2", None),
    ],
)
def test_texts(text: str, expected: ReceiptText | None) -> None:
    assert parse_receipt(text) == expected


@pytest.mark.checklist("H4")
@pytest.mark.parametrize(
    "text, expected",
    [
        ("362d9701 2", ReceiptText("362d9701", "2")),
        (" 0416342074  5\r\n", ReceiptText("0416342074", "5")),
        ("6ba7b810-9dad-11d1-80b4-00c04fd430c8 8", ReceiptText("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "8")),
        *[(text, None) for text in ("STOP", "STOP 2", "JOIN 1", "stop all 2", "7", "12 34", "362d9701 DELIVRD", "")],
        ("9" * 65 + " 2", None),
    ],
)
def test_an_id_and_the_number_of_a_state(text: str, expected: ReceiptText | None) -> None:
    assert parse_bare(text) == expected


@pytest.mark.checklist("H3")
@pytest.mark.parametrize("piece", ["\n", "\r", " ", " \n", "1 ", "a", "1\n", "1", "id: ", "text: id: "])
def test_64_kb_of_anything_are_no_receipt_and_cost_little(piece: str) -> None:
    """Blanks before an id cost the square of their number once: minutes."""
    text = (piece * 65_535)[:65_535]
    assert parse_bare(text) is None
    assert parse_bare(text + "1 2") is None or not text.strip(), "blanks around it are nothing"
    assert parse_receipt(" " * 9_000 + FULL) is None, "a receipt begins with its fields"
    assert parse_receipt(FULL + text) is not None


@pytest.mark.checklist("H3")
@given(st.builds(ReceiptText, WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD))
def test_what_is_written_reads_back(receipt: ReceiptText) -> None:
    assert parse_receipt(str(receipt)) == receipt


@pytest.mark.checklist("H3")
@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    parse_receipt(text)
    parse_bare(text)
    message_state(text)
    parse_receipt("id:1 stat:" + text)


@pytest.mark.checklist("H5")
@pytest.mark.parametrize(
    "stat, state",
    [
        *[("SCHEDULED", 0), ("ENROUTE", 1), ("BUFFRED", 1), ("BUFFERD", 1), ("DELIVRD", 2), ("delivrd", 2)],
        *[("EXPIRED", 3), ("DELETED", 4), ("UNDELIV", 5), ("FAILED", 5), ("ACCEPTD", 6), ("ACKED", 6)],
        *[("UNKNOWN", 7), ("REJECTD", 8), ("SKIPPED", 9), ("", None), ("WHATEVER", None)],
        *[("BUFFERED", 1), ("DELIVERED", 2), ("Delivrd,", 2), ("EXPIRED;x", 3), ("?", None)],
        *[(str(number), number) for number in range(10)],
        *[("10", None), ("255", None), ("0x2", None)],
    ],
)
def test_stat_words(stat: str, state: int | None) -> None:
    assert message_state(stat) == state


BOOK = ("id:", " sub:", " dlvrd:", " submit date:", " done date:", " stat:", " err:", " text:")
VALUES = st.sampled_from(
    ["", "7a", "001", "DELIVRD", "stat:9", "a\0", "\0", "x\xa0y", " 5", "5 ", "err:", "\x1cid:4", "ID:2"]
)


@settings(max_examples=300)
@given(
    values=st.lists(VALUES, min_size=8, max_size=8),
    keys=st.sampled_from([BOOK, BOOK, BOOK[::-1], tuple(key.replace("text", "Text") for key in BOOK), BOOK[1:]]),
    quoted=st.text(st.characters(max_codepoint=0x180), max_size=30)
    | st.sampled_from(["\xa0 hi", "\x0b", "a stat:X text:"]),
)
@example(values=["7a"] * 8, keys=BOOK, quoted="x" * 2_000)
def test_what_is_by_the_book_is_read_as_anything_else(values: list[str], keys: tuple[str, ...], quoted: str) -> None:
    text = "".join(key + found for key, found in zip(keys, values, strict=False)) + quoted
    assert parse_receipt(text) == parse_any_receipt(text)
