"""How the interpreter is set for a process that does little else than make and drop small objects.

Owns two knobs of CPython. Both are about time alone: nothing else depends on them, and no other module touches them.

The cyclic collector looks at everything that lives each time so many objects were made. Here nearly all of them die by
reference counts, and what lives (rules, models, pages) stays: so what there is after the start is put out of its sight,
and it looks more rarely. At full load that is a fourth of all time.

The thread that commits asks for the interpreter's lock when the disk has answered; by default the loop may keep it for
5 ms more. A tenth of that costs nothing that can be measured, and answers leave so much earlier.
"""

from __future__ import annotations

import gc
import sys
from typing import Final

YOUNG: Final = 20_000
"""Objects made, less those gone, until the collector looks at the young ones: what a few batches of texts leave."""
SWITCH_S: Final = 0.0005


def settle_in() -> None:
    """Set the interpreter for a long run. To be called once everything is loaded."""
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 100)
