"""The last test of every run: tshark judges each PDU that our code encoded in it, in whatever process.

No malformed mark, no expert's note, and each field read back as it was meant. The few PDUs that tests make on purpose
as nobody should are named one by one, with the reason and with what tshark says of them; whatever is not named is a
fault, and a name that nothing needs any more is one, too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.smpp.codec import encode
from gateway.smpp.layouts import LAYOUTS
from tests.kit import judge, tshark
from tests.kit.recording.sitecustomize import FOLDER_KEY
from tests.smpp.samples import SAMPLES

LONGEST: Final = 65_536
"""tshark takes no PDU for one that is longer."""


@dataclass(frozen=True)
class Odd:
    """PDUs that a test makes as nobody should: whose, what tshark says of each (a part of it), and why that is so.

    ``always``: each run has some; where values are drawn at random, a run may have none.
    """

    test: str
    says: str
    because: str
    always: bool = True


_UDH: Final = "Malformed Packet: GSM SMS UD"
_NO_HEADER: Final = "esm_class is any number, and with 0x40 in it the text would have to begin with a header"
_RANDOM: Final = "tests/smpp/test_codec_properties.py::test_what_is_written_is_read_back"
_WRITER: Final = "tests/smpp/test_codec_properties.py::test_the_fast_writer_writes_what_the_table_writes"
_HIDING: Final = "tests/carriers/test_trace_hiding.py::"
_MASKED: Final = f"{_HIDING}test_whatever_the_pdu_masking_keeps_its_form"
_PLAIN: Final = "no two fields that stand beside each other have one value, so that none can be taken for the other"
_ANY_LENGTH: Final = "TLVs are drawn at random, and tshark reads those it knows at the length that they should have"
_TWO_TEXTS: Final = "can only appear once in total"

ODD: Final[tuple[Odd, ...]] = (
    Odd(
        "",
        "no PDU of 65572 octets",
        "tests/smpp/test_framing.py makes the longest there is, as it is read",
        always=False,
    ),
    *(Odd(test, _UDH, _NO_HEADER, always=False) for test in (_RANDOM, _WRITER, _MASKED)),
    *(
        Odd(test, says, _ANY_LENGTH, always=False)
        for test in (_RANDOM, _WRITER, _MASKED)
        for says in ("Malformed Packet: SMPP", "opt_param: ", _TWO_TEXTS)
    ),
    Odd(
        "tests/smpp/test_codec_layouts.py::test_the_plain_shapes_of_the_busy_pdus_are_laid_out_alike_on_every_path",
        _UDH,
        _PLAIN,
    ),
    Odd(f"{_HIDING}test_masked_octets_are_the_same_pdu_without_anybody_in_it", _UDH, _PLAIN),
    Odd("", _UDH, _PLAIN + "; some are encoded as their tests are collected", always=False),
    Odd(
        f"{_HIDING}test_a_header_shows_which_part_it_is_and_nothing_else", _UDH, "a text that only looks like a header"
    ),
    *(
        Odd(
            f"{_HIDING}test_tlvs_have_names_and_only_harmless_ones_show_their_value", says, "a source_port of 11 octets"
        )
        for says in ("Malformed Packet: SMPP", "opt_param: ")
    ),
    *(
        Odd("tests/carriers/test_trace_parts.py::test_which_part_it_is", says, "a reference of five octets")
        for says in ("Malformed Packet: SMPP", "opt_param: ")
    ),
    Odd("tests/smpp/test_codec_writing.py::test_the_longest_lawful_fields_fit", _UDH, "every number is the highest"),
    Odd("tests/smpp/test_against_smpplib.py::test_tlvs_agree", _UDH, "a text without a header among many TLVs"),
    Odd(
        "tests/smpp/test_session_bind.py::test_b1_the_peers_version_is_known_if_it_said_so",
        "Malformed Packet: SMPP",
        "a carrier whose sc_interface_version is empty",
    ),
)


def test_tshark_understands_every_pdu_of_this_run(tmp_path: Path) -> None:
    for sample in SAMPLES:
        encode(sample, 1)
    recorded, _processes = judge.load(Path(os.environ[FOLDER_KEY]))
    assert {int.from_bytes(item.octets[4:8], "big") for item in recorded} >= LAYOUTS.keys()
    capture = tmp_path / "run.pcapng"
    judge.write(recorded, capture)
    complaints = tshark.complaints(capture)
    seen = dict(tshark.dissect(capture))
    assert 0 not in complaints
    needed: set[Odd] = set()
    faults = []
    for number, item in enumerate(recorded, 1):
        said = [complaints[number]] if number in complaints else []
        said += judge.differences(item, seen[number]) if number in seen else [_unseen(item.octets)]
        if said:
            excuses = _excuses(item.tests, said)
            needed |= set(excuses or ())
            if excuses is None:
                faults.append(f"{item.octets.hex()}: {'; '.join(said)} ({', '.join(item.tests)})")
    assert not faults, "\n".join(faults[:200])
    ran = {test for item in recorded for test in item.tests}
    assert not [odd for odd in ODD if odd.always and odd.test in ran and odd not in needed], (
        "nothing needs these any more"
    )


def _unseen(octets: bytes) -> str:
    if len(octets) > LONGEST:
        return f"tshark takes no PDU of {len(octets)} octets"
    return "tshark sees no SMPP in it"


def _excuses(tests: Sequence[str], said: Sequence[str]) -> list[Odd] | None:
    """Return what excuses all that was said of a PDU in all tests that made it; None if something is not excused."""
    found = []
    for test in tests:
        for complaint in said:
            odd = next((odd for odd in ODD if odd.test == test and odd.says in complaint), None)
            if odd is None:
                return None
            found.append(odd)
    return found
