"""What the trace costs while nobody looks: keeping each PDU in the ring of its bind.

    python -m benchmarks.trace [PDUs]

Prints microseconds a PDU, for reads (or writes) of one PDU and of a hundred, the median of several repetitions, and the
memory that a full ring really takes beside what it counts. One process, one core, no IO. Compare with ``codec``: a text
and its reply are four PDUs.
"""

from __future__ import annotations

import statistics
import sys
import time
import tracemalloc

from gateway.base import SystemClock
from gateway.carriers.options import CarrierOptions
from gateway.carriers.trace import Ring
from gateway.smpp.codec import encode
from gateway.smpp.pdu import DeliverSm, EnquireLink

REPETITIONS = 9
MO = encode(DeliverSm(source_addr="12125550101", destination_addr="85700", short_message=b"please JOIN!"), 7)
DEFAULT = CarrierOptions(name="acme")


def ring() -> Ring:
    made = Ring(DEFAULT.trace_octets, DEFAULT.max_pdu_octets, SystemClock())
    made.begin("gw1-1-acme/0-1")
    return made


def microseconds(per_read: int, pdus: int) -> float:
    """Return the median cost of keeping one PDU."""
    kept, chunk, costs = ring(), MO * per_read, []
    for _ in range(REPETITIONS):
        begin = time.perf_counter()
        for _ in range(pdus // per_read):
            kept.take("in", chunk)
        costs.append((time.perf_counter() - begin) / pdus * 1e6)
    return statistics.median(costs)


def memory(pdu: bytes) -> tuple[int, int]:
    """Return the octets that a full ring counts, and those that it takes."""
    chunks = [bytes(bytearray(pdu)) for _ in range(100)]
    tracemalloc.start()
    kept = ring()
    for _ in range(100):
        for chunk in chunks:
            kept.take("in", chunk + pdu)  # two at a time: each becomes an object of its own
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return kept.octets, taken


def main() -> None:
    pdus = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for per_read in (1, 100):
        print(f"{per_read:4} PDUs a read {microseconds(per_read, pdus):8.2f} us a PDU")
    for name, pdu in (("deliver_sm", MO), ("enquire_link", encode(EnquireLink(), 1))):
        counted, taken = memory(pdu)
        print(f"a ring full of {name:13} {counted:8} octets counted, {taken:8} taken")


if __name__ == "__main__":
    main()
