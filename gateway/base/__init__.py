"""What everything stands on: the root of our errors, the clocks, and how a number is shown to outsiders."""

from gateway.base.clock import Clock, SystemClock
from gateway.base.errors import GatewayError
from gateway.base.masking import mask

__all__ = ["Clock", "GatewayError", "SystemClock", "mask"]
