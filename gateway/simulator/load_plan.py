"""What a loading carrier shall do: the one value that goes from a benchmark to the process of its carrier.

Owns the texts that its subscribers write, too. It knows nothing of the gateway under load but the address of the line,
how many answers each text gets there, and with which words its broadcast begins.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

TEXTS: Final[tuple[bytes, ...]] = (
    b"JOIN",
    b"please join",
    b"STOP",
    b"Stop.",
    b"START",
    b"HELP",
    b"What is this?",
    b"join!",
    b"Thanks, see you there",
)
"""What subscribers text, in turn: each gets one answer from a line that has a default reply."""
JOINS: Final = frozenset({0, 1, 7})
"""Those of them that get a second one from a line with a welcome."""
STOPS: Final = frozenset({2, 3})
STOP: Final = 2
BROADCAST: Final = b"Tonight only"
"""How a broadcast begins, so that it can be told from an answer."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """How to load a gateway.

    ``window`` is how many deliver_sm may be un-acked. With ``rate`` 0 a new one goes for each that is acked, for
    ``seconds``; else ``rate`` a second go, whatever comes back. Everything that the gateway sends is read ``rtt_s``
    after it came, which is what a round trip of that length looks like from either side. ``welcome``: a JOIN gets two
    answers. ``broadcast`` messages wait in the gateway for as many of the ``stored`` subscribers that it knows, and
    alone they are what the run is about if ``rate`` is 0: then ``stops_per_s`` of their receivers text STOP meanwhile.
    ``rough``: now and then the carrier cuts the connection, throttles, or is slow; ``seed`` decides when.
    ``patience_s`` is how long nothing may come before what is missing is given up.
    """

    line: str = "85700"
    window: int = 100
    rate: float = 0.0
    seconds: float = 10.0
    rtt_s: float = 0.0
    welcome: bool = False
    broadcast: int = 0
    stored: int = 0
    stops_per_s: float = 50.0
    rough: bool = False
    seed: int = 1
    patience_s: float = 10.0

    @property
    def drains(self) -> bool:
        """Whether the run is over when the broadcast is out."""
        return self.broadcast > 0 and not self.rate

    @property
    def pace(self) -> float:
        """Texts a second; 0: as many as the window lets through."""
        return self.stops_per_s if self.drains else self.rate

    def dump(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))


def read_plan(text: str) -> LoadPlan:
    """Return the plan that ``dump`` wrote."""
    return LoadPlan(**json.loads(text))
