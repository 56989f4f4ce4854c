"""What operators see from outside: metrics and logs. Takes words and numbers; knows nothing of messages or carriers."""

from gateway.telemetry.logs import configure_logs
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.options import LogOptions

__all__ = ["LogOptions", "Metrics", "configure_logs"]
