"""What one round of the codec costs: read a deliver_sm, write its response, write a submit_sm, read its response.

    python -m benchmarks.codec [rounds]

Prints microseconds a round for ours and for smpplib, the median of several repetitions, and their ratio. One process,
one core, no IO; the goal is under 12 microseconds for ours. It judges nothing by itself: no test asserts a speed.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from smpplib.command import factory  # type: ignore[import-untyped]  # smpplib ships no type information
from smpplib.smpp import parse_pdu  # type: ignore[import-untyped]  # as above

from gateway.smpp.codec import decode, encode
from gateway.smpp.pdu import DeliverSm, DeliverSmResp, SubmitSm, SubmitSmResp

REPETITIONS = 9
MO = DeliverSm(
    source_addr_ton=1,
    source_addr_npi=1,
    source_addr="12125550101",
    dest_addr_ton=3,
    destination_addr="85700",
    short_message=b"please JOIN!",
)
REPLY = b"Welcome to Acme Alerts! 4 msgs/month. Msg&data rates may apply. Reply HELP for help, STOP to end."
DELIVER_SM = encode(MO, 7)
SUBMIT_SM_RESP = encode(SubmitSmResp(message_id="0a1b2c3d-4455"), 9)


def ours() -> None:
    frame = decode(DELIVER_SM)
    encode(DeliverSmResp(), frame.sequence)
    encode(
        SubmitSm(
            source_addr_ton=3,
            source_addr="85700",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr="12125550101",
            registered_delivery=1,
            short_message=REPLY,
        ),
        9,
    )
    decode(SUBMIT_SM_RESP)


def theirs() -> None:
    frame = parse_pdu(DELIVER_SM, need_sequence=False)
    response = factory("deliver_sm_resp", message_id="")
    response.sequence = frame.sequence
    response.generate()
    submit = factory(
        "submit_sm",
        need_sequence=False,
        service_type="",
        source_addr_ton=3,
        source_addr="85700",
        dest_addr_ton=1,
        dest_addr_npi=1,
        destination_addr="12125550101",
        registered_delivery=1,
        short_message=REPLY,
    )
    submit.sequence = 9
    submit.generate()
    parse_pdu(SUBMIT_SM_RESP)


def microseconds(step: Callable[[], None], rounds: int) -> float:
    """Return the median cost of one ``step``."""
    costs = []
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        for _ in range(rounds):
            step()
        costs.append((time.perf_counter() - begin) / rounds * 1e6)
    return statistics.median(costs)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    own, other = microseconds(ours, rounds), microseconds(theirs, max(1, rounds // 10))
    print(f"gateway.smpp {own:8.2f} us a round")
    print(f"smpplib      {other:8.2f} us a round")
    print(f"ratio        {other / own:8.1f}")


if __name__ == "__main__":
    main()
