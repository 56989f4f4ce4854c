"""Metric families whose children are found fast and whose number is bounded.

A family is called with its label values and returns the child, which it remembers: hot paths keep the child itself,
and everybody else pays one dictionary look-up. Labels often come from outside (a carrier's status, a line's address),
so a family has room for ``LIMIT`` children; every combination beyond that is counted under ``other``. A gateway that
is scraped every few seconds must not grow with what its peers send.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Final, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Child = TypeVar("Child")

LIMIT: Final = 500
OTHER: Final = "other"
_MANY: Final = 500
"""How many values of a histogram may wait to be counted."""


class Family(Generic[Child]):
    """One metric with labels: ``family("acme", "up")`` is the child of those label values, in the order declared."""

    def __init__(
        self, labels: Sequence[str], make: Callable[..., Child], remove: Callable[..., None], limit: int = LIMIT
    ) -> None:
        self._labels = tuple(labels)
        self._make = make
        self._remove = remove
        self._limit = limit
        self._children: dict[tuple[str, ...], Child] = {}

    def __call__(self, *values: str) -> Child:
        """Return the child of ``values``; beyond the family's room, the child whose labels all say ``other``.

        Raises TypeError if the number of values is not that of the labels.
        """
        child = self._children.get(values)
        return child if child is not None else self._add(values)

    def _add(self, values: tuple[str, ...]) -> Child:
        if len(values) != len(self._labels):
            raise TypeError(f"this metric has the labels {self._labels}, but was given {values}")
        if len(self._children) >= self._limit:
            return self._make(*([OTHER] * len(self._labels)))
        child = self._make(*values)
        self._children[values] = child
        return child

    def forget(self, *values: str) -> None:
        """Stop exposing one child: what it described is gone. Unknown values are no error."""
        if self._children.pop(values, None) is not None:
            self._remove(*values)


class Gauges(Family[Gauge]):
    """A gauge with labels."""

    def replace(self, value_of: Mapping[tuple[str, ...], float]) -> None:
        """Make these the only children: what is not among them is no longer exposed."""
        for gone in self._children.keys() - value_of.keys():
            self.forget(*gone)
        for values, value in value_of.items():
            self(*values).set(value)


class Distribution(Collector):
    """A histogram without labels that takes many values at once; for the event loop's thread alone.

    The client library's own takes a lock and walks its buckets for each value, and a batch has hundreds.
    """

    def __init__(self, name: str, text: str, bounds: Sequence[float]) -> None:
        self._name = name
        self._text = text
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0
        self._uncounted: list[float] = []

    def observe(self, values: Sequence[float]) -> None:
        """Count ``values``, in the metric's unit: when there are many, or when somebody asks."""
        self._uncounted += values
        if len(self._uncounted) >= _MANY:
            self._count()

    def _count(self) -> None:
        """Sort the values into buckets, those of one at a time: few buckets have any."""
        bounds, ordered, at = self._bounds, sorted(self._uncounted), 0
        self._uncounted.clear()
        while at < len(ordered):
            bucket = bisect_left(bounds, ordered[at])
            end = bisect_right(ordered, bounds[bucket], at) if bucket < len(bounds) else len(ordered)
            self._counts[bucket] += end - at
            at = end
        self._sum += sum(ordered)

    def collect(self) -> Iterable[Metric]:
        """Return the metric as it is now."""
        self._count()
        names = [*(floatToGoString(bound) for bound in self._bounds), "+Inf"]
        buckets = list(zip(names, accumulate(self._counts), strict=True))
        return [HistogramMetricFamily(self._name, self._text, buckets=buckets, sum_value=self._sum)]


class Tally:
    """One counter of ``Tallies``."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, count: float = 1) -> None:
        """Count so many more."""
        self.value += count


class Tallies(Family[Tally], Collector):
    """A counter with labels that is counted often; for the event loop's thread alone.

    The client library's own takes a lock and half a dozen calls for each ``inc``, and every turn has some ten.
    """

    def __init__(self, name: str, text: str, labels: Sequence[str], limit: int = LIMIT) -> None:
        self._name = name
        self._text = text
        self._made: dict[tuple[str, ...], Tally] = {}
        super().__init__(labels, self._tally, self._drop, limit)

    def _tally(self, *values: str) -> Tally:
        return self._made.setdefault(values, Tally())

    def _drop(self, *values: str) -> None:
        del self._made[values]

    def collect(self) -> Iterable[Metric]:
        """Return the metric as it is now."""
        metric = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for values, tally in self._made.items():
            metric.add_metric(values, tally.value)
        return [metric]


class Maker:
    """Declares families on one registry, and remembers what it declared so that the documentation can be checked."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self.declared: list[tuple[str, str, tuple[str, ...], str]] = []  # name, kind, labels, help

    def counters(self, name: str, text: str, *labels: str, limit: int = LIMIT) -> Family[Counter]:
        """Declare a counter with labels; ``name`` ends in ``_total``."""
        self._note(name, "counter", labels, text)
        metric = Counter(name, text, labels, registry=self._registry)
        return Family(labels, metric.labels, metric.remove, limit)

    def tallies(self, name: str, text: str, *labels: str, limit: int = LIMIT) -> Tallies:
        """Declare a counter with labels that every turn counts; ``name`` ends in ``_total``."""
        self._note(name, "counter", labels, text)
        made = Tallies(name, text, labels, limit)
        self._registry.register(made)
        return made

    def counter(self, name: str, text: str) -> Counter:
        """Declare a counter without labels."""
        self._note(name, "counter", (), text)
        return Counter(name, text, registry=self._registry)

    def gauges(self, name: str, text: str, *labels: str) -> Gauges:
        """Declare a gauge with labels."""
        self._note(name, "gauge", labels, text)
        metric = Gauge(name, text, labels, registry=self._registry)
        return Gauges(labels, metric.labels, metric.remove)

    def gauge(self, name: str, text: str) -> Gauge:
        """Declare a gauge without labels."""
        self._note(name, "gauge", (), text)
        return Gauge(name, text, registry=self._registry)

    def histogram(self, name: str, text: str, buckets: Sequence[float]) -> Distribution:
        """Declare a histogram without labels; ``buckets`` are upper bounds in the metric's unit."""
        self._note(name, "histogram", (), text)
        made = Distribution(name, text, buckets)
        self._registry.register(made)
        return made

    def _note(self, name: str, kind: str, labels: tuple[str, ...], text: str) -> None:
        self.declared.append((name, kind, labels, text))
