"""The dashboard and the alerts ask for what the gateway exposes, read well, and are explained to the operator.

An alert on a metric that does not exist never fires, and nobody notices. So each query is taken apart here: every word
of it is a metric, a label of that metric, a value that the code has, or a word of PromQL.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from typing import Any, Final

import pytest
import yaml

from gateway.model.messages import Lane
from gateway.model.permit import Fate
from gateway.telemetry.metrics import Metrics
from tests.house.files import ROOT, python, tree

DASHBOARD: Final = json.loads((ROOT / "config" / "grafana-dashboard.json").read_text(encoding="utf-8"))
RULES: Final = yaml.safe_load((ROOT / "config" / "prometheus-rules.yml").read_text(encoding="utf-8"))
OPERATING: Final = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")

PANELS: Final = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
ALERTS: Final = [rule for group in RULES["groups"] for rule in group["rules"]]
TARGET: Final = {"instance", "job"}  # what Prometheus itself puts on every series
LANGUAGE: Final = {
    *("sum", "max", "rate", "increase", "histogram_quantile", "time", "absent"),
    *("min_over_time", "max_over_time", "offset", "and", "or", "unless"),
}


def _exposed() -> dict[str, set[str]]:
    """Return the labels of everything that can be asked for, by its name in a query."""
    metrics = Metrics()
    labels = {name: set(own) for name, _kind, own, _help in metrics.declared}
    names: dict[str, set[str]] = {"up": set()}
    for family in metrics.registry.collect():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        own = labels.get(name, set())
        if family.type == "histogram":
            names |= {f"{name}_bucket": own | {"le"}, f"{name}_sum": own, f"{name}_count": own}
        else:
            names[name] = own
    return names


EXPOSED: Final = _exposed()
WORDS_OF_THE_CODE: Final = {
    node.value
    for file in python("gateway")
    for node in ast.walk(tree(file))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
} | {member.name.lower() for words in (Fate, Lane) for member in words}


@dataclass(frozen=True)
class Query:
    """What a PromQL expression names. ``matchers`` are (metric, label, value); ``grouped`` is None without ``by``."""

    expression: str
    metrics: set[str]
    matchers: list[tuple[str, str, str]]
    grouped: set[str] | None

    @classmethod
    def read(cls, expression: str) -> Query:
        matchers = [
            (metric, label, value)
            for metric, inside in re.findall(r"(\w+)\{([^}]*)\}", expression)
            for label, value in re.findall(r'(\w+)\s*[=!]~?=?\s*"([^"]*)"', inside)
        ]
        groupings = re.findall(r"\bby \(([^)]*)\)", expression)
        bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)|\boffset \d+\w|\b\d+(\.\d+)?\b", " ", expression)
        words = set(re.findall(r"[A-Za-z_]\w*", bare)) - LANGUAGE
        grouped = {label.strip() for group in groupings for label in group.split(",")} if groupings else None
        return cls(expression, words, matchers, grouped)

    @property
    def result(self) -> set[str]:
        """The labels that the answer has."""
        if self.grouped is not None:
            return self.grouped - {"le"}
        return set.intersection(*(EXPOSED[metric] for metric in self.metrics)) | TARGET


TARGETS: Final = [
    pytest.param(panel, target, id=f"{panel['title']} {target['refId']}")
    for panel in PANELS
    for target in panel["targets"]
]
QUERIES: Final = [
    *(
        pytest.param(target["expr"], id=f"panel {panel['title']} {target['refId']}")
        for panel in PANELS
        for target in panel["targets"]
    ),
    *(pytest.param(alert["expr"], id=f"alert {alert['alert']}") for alert in ALERTS),
]


@pytest.mark.parametrize("expression", QUERIES)
def test_a_query_asks_for_what_exists(expression: str) -> None:
    query = Query.read(expression)
    assert query.metrics
    assert query.metrics <= EXPOSED.keys(), f"no metrics: {query.metrics - EXPOSED.keys()}"
    for metric, label, value in query.matchers:
        assert label in EXPOSED[metric] | TARGET, f"{metric} has no label {label}"
        if label not in TARGET:
            assert set(value.split("|")) <= WORDS_OF_THE_CODE, f"nothing counts {metric} under {label}={value}"
    for label in query.grouped or ():
        for metric in query.metrics:
            assert label in EXPOSED[metric] | TARGET, f"{metric} has no label {label}"


@pytest.mark.parametrize(
    "expression,mistake",
    [
        ("sum by (outcome) (rate(gateway_mos_total[5m]))", "no metrics"),
        ("gateway_ack_seconds > 1", "no metrics"),
        ("stddev(gateway_paused)", "no metrics"),
        ('gateway_mo_total{carrier="acme"}', "has no label carrier"),
        ('gateway_store_failures_total{kind=~"store|unkown"}', "nothing counts"),
        ("sum by (carrier) (gateway_queue_depth)", "has no label carrier"),
    ],
)
def test_a_mistake_in_a_query_is_seen(expression: str, mistake: str) -> None:
    with pytest.raises(AssertionError, match=mistake):
        test_a_query_asks_for_what_exists(expression)


def test_the_dashboard_is_one_that_grafana_can_import() -> None:
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == [
        *(
            "Texts in",
            "Submits out",
            "Binds and windows",
            "Store",
            "Refusals and consent",
            "Queue and brakes",
            "Nodes",
            "Retention",
        ),
    ]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in DASHBOARD["panels"]):
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, "panels lie on one another"
        taken |= cells
    assert max(x for x, _y in taken) < 24
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    asked = re.fullmatch(r"label_values\((\w+), instance\)", variables["instance"]["query"]["query"])
    assert asked is not None
    assert asked[1] in EXPOSED


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["description"].endswith(".")
    assert panel["targets"]
    assert panel["datasource"]["uid"] == "${datasource}"
    if any("histogram_quantile" in target["expr"] for target in panel["targets"]):
        assert [target["legendFormat"][-3:] for target in panel["targets"]] == ["p50", "p99"]


@pytest.mark.parametrize("panel,target", TARGETS)
def test_a_curve_has_a_name_and_follows_the_variables(panel: dict[str, Any], target: dict[str, Any]) -> None:
    query = Query.read(target["expr"])
    assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= query.result
    assert target["legendFormat"].strip()
    assert target["datasource"]["uid"] == "${datasource}"
    narrowed = {metric for metric, label, value in query.matchers if (label, value) == ("instance", "$instance")}
    assert narrowed == query.metrics
    assert set(re.findall(r"\[([^\]]*)\]", target["expr"])) <= {"$__rate_interval"}


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {metric for panel in PANELS for target in panel["targets"] for metric in Query.read(target["expr"]).metrics}
    for name, _kind, _labels, _help in Metrics().declared:
        assert shown & {name, f"{name}_bucket", f"{name}_count"}, f"give {name} a panel"


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_an_alert_says_what_is_wrong_and_what_to_do(alert: dict[str, Any]) -> None:
    assert set(alert) == {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[mh]", alert["for"])
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert set(alert["annotations"]) == {"summary", "description"}
    for text in alert["annotations"].values():
        assert text.endswith(".")
        assert set(re.findall(r"\$labels\.(\w+)", text)) <= Query.read(alert["expr"]).result


def test_every_alert_has_a_row_on_the_operators_page_and_every_row_an_alert() -> None:
    names = [alert["alert"] for alert in ALERTS]
    assert len(set(names)) == len(names)
    rows = re.findall(r"^\| `(Gateway\w+)` \| \S.* \| \S.* \|$", OPERATING, re.MULTILINE)
    assert sorted(rows) == sorted(names)
