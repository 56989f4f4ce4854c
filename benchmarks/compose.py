"""What making a submit_sm costs: from a permit to a PDU, and on to octets, for a reply of one GSM segment.

    python -m benchmarks.compose [rounds]

Prints microseconds for each, the median of several repetitions, once for an ordinary text and once for each style of a
long text's segment. One process, one core, no IO. It judges nothing by itself: no test asserts a speed.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import replace
from functools import partial
from timeit import repeat

from gateway.carriers.compose import Composer
from gateway.carriers.habits import habits
from gateway.carriers.options import CarrierOptions
from gateway.model.address import Msisdn
from gateway.model.permit import Grounds, Permit, SegmentStyle
from gateway.smpp.codec import encode

REPETITIONS = 9
REPLY = b"Welcome to Acme Alerts! 4 msgs/month. Msg&data rates may apply. Reply HELP for help, STOP to end."
ONE = Permit(
    id=1,
    message_id=1,
    segment=1,
    segments=1,
    line="85700",
    line_id=1,
    subscriber=Msisdn("+12125550101"),
    grounds=Grounds.ANSWER,
    carrier="acme",
    bind="acme/0",
    data_coding=0,
    body=REPLY,
    style=SegmentStyle.UDH8,
    reference=1,
    urgent=False,
    expires_at=None,
    dies_at=0.0,
)


def send(composer: Composer, permit: Permit) -> None:
    encode(composer.submit(permit, 0.0), 1)


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    options = CarrierOptions(name="acme")
    composer = Composer(options, habits(options))
    permits = {"one segment": ONE}
    permits |= {f"a segment, {style.value}": replace(ONE, segments=2, style=style) for style in SegmentStyle}
    print(f"microseconds, the median of {REPETITIONS} x {rounds}")
    for name, permit in permits.items():
        steps = (partial(composer.submit, permit, 0.0), partial(send, composer, permit))
        made, sent = (statistics.median(repeat(step, number=rounds, repeat=REPETITIONS)) / rounds for step in steps)
        print(f"{name:20} {made * 1e6:6.2f} composed {sent * 1e6:6.2f} encoded")


if __name__ == "__main__":
    main()
