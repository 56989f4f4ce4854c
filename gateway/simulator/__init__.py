"""A carrier to try everything against: an SMSC on our own session machine, over real TCP sockets.

``carrier`` is the SMSC itself, for tests and for programs; ``prompt`` and ``script`` put a person or a file in front
of it. It plays the other side honestly: it keeps what was not acknowledged and brings it again, it cuts long texts, it
sends receipts. It misbehaves only when told to (``manners``).

It must not know the gateway that is tried against it: no store, no consent, no configuration. It shows subscribers'
numbers whole, unlike everything else here, because they are made up by the tester who sits in front of it.
"""

from gateway.simulator.carrier import SimulatedCarrier, SimulatorError
from gateway.simulator.deliveries import Delivery
from gateway.simulator.happenings import Arrived, BindDown, BindRefused, BindUp, Happening, Submitted
from gateway.simulator.manners import Manners
from gateway.simulator.play import play_script, run_script
from gateway.simulator.prompt import run_prompt, talk
from gateway.simulator.script import Script, ScriptError, read_script

__all__ = [
    "Arrived",
    "BindDown",
    "BindRefused",
    "BindUp",
    "Delivery",
    "Happening",
    "Manners",
    "Script",
    "ScriptError",
    "SimulatedCarrier",
    "SimulatorError",
    "Submitted",
    "play_script",
    "read_script",
    "run_prompt",
    "run_script",
    "talk",
]
