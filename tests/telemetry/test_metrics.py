"""Counting: what is exposed, how fast a child is found, and that nothing grows without bound."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from gateway.telemetry import Metrics
from gateway.telemetry.families import Maker


def exposed(metrics: Metrics, name: str) -> set[str]:
    return {line for line in metrics.exposition().decode().splitlines() if line.startswith(name)}


def test_two_objects_do_not_mix() -> None:
    one, two = Metrics(), Metrics()
    one.duplicates.inc(3)
    assert exposed(one, "gateway_duplicates_total") == {"gateway_duplicates_total 3.0"}
    assert exposed(two, "gateway_duplicates_total") == {"gateway_duplicates_total 0.0"}


def test_a_family_remembers_its_children() -> None:
    metrics = Metrics()
    assert metrics.submit("acme", "reply", "accepted") is metrics.submit("acme", "reply", "accepted")
    metrics.submit("acme", "reply", "accepted").inc()
    assert exposed(metrics, "gateway_submit_total") == {
        'gateway_submit_total{carrier="acme",lane="reply",result="accepted"} 1.0'
    }


def test_the_wrong_number_of_labels_is_our_mistake() -> None:
    with pytest.raises(TypeError, match="has the labels"):
        Metrics().submit("acme", "reply")


@pytest.mark.parametrize(
    "status, label",
    [("ESME_ROK", "ESME_ROK"), ("ESME_RTHROTTLED", "ESME_RTHROTTLED"), ("0x00000499", "other"), ("ESME_ x", "other")],
)
def test_unknown_statuses_are_other(status: str, label: str) -> None:
    metrics = Metrics()
    metrics.submit_status("acme", status)
    assert exposed(metrics, "gateway_submit_status") == {
        f'gateway_submit_status_total{{carrier="acme",status="{label}"}} 1.0'
    }


@pytest.mark.parametrize("kind", ["counters", "tallies"])
def test_beyond_its_room_a_family_counts_under_other(kind: str) -> None:
    registry = CollectorRegistry()
    family = getattr(Maker(registry), kind)("gateway_x_total", "X.", "a", "b", limit=2)
    for value in ("1", "2", "3", "4"):
        family(value, "x").inc()
    family("1", "x").inc()
    samples = {
        (sample.labels["a"], sample.labels["b"]): sample.value
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
    assert samples == {("1", "x"): 2.0, ("2", "x"): 1.0, ("other", "other"): 2.0}


def test_forgetting() -> None:
    metrics = Metrics()
    metrics.bind_up("acme", "acme/0").set(1)
    metrics.bind_up.forget("acme", "acme/0")
    metrics.bind_up.forget("acme", "acme/0")
    assert exposed(metrics, "gateway_bind_up") == set()


def test_replacing_all_children_of_a_gauge() -> None:
    metrics = Metrics()
    metrics.queue_depth.replace({("bulk",): 5.0, ("reply",): 1.0})
    metrics.queue_depth.replace({("bulk",): 4.0})
    assert exposed(metrics, "gateway_queue_depth") == {'gateway_queue_depth{lane="bulk"} 4.0'}


def test_what_is_running_is_exposed() -> None:
    metrics = Metrics(version="1.2", node="gw1")
    assert exposed(metrics, "gateway_build_info") == {'gateway_build_info{node="gw1",version="1.2"} 1.0'}


def test_no_created_series() -> None:
    assert "_created" not in Metrics().exposition().decode()


def test_every_attribute_is_declared() -> None:
    metrics = Metrics()
    registered = {metric.name for metric in metrics.registry.collect() if metric.name.startswith("gateway_")}
    assert {name.removesuffix("_total") for name, *_ in metrics.declared} == registered


@pytest.mark.parametrize("values", [[], [1.0], [3.0, 0.0, 1.0], [9.0, 1.0, 0.5, 2.0, 2.0, 1.5, 7.0], [0.1] * 50])
def test_values_are_counted_alike_however_many_come_together(values: list[float]) -> None:
    maker, one_by_one = Maker(CollectorRegistry()), Maker(CollectorRegistry())
    together = maker.histogram("gateway_x_seconds", "x", (1, 2, 5))
    apart = one_by_one.histogram("gateway_x_seconds", "x", (1, 2, 5))
    together.observe(values)
    for value in values:
        apart.observe([value])
    (metric,), (other,) = together.collect(), apart.collect()
    counts = [sample.value for sample in metric.samples]
    assert counts == pytest.approx([sample.value for sample in other.samples])
    assert counts[:3] == [sum(value <= bound for value in values) for bound in (1, 2, 5)]
