"""Alerts, dashboard and autoscalers ask for what TF Serving exports, in PromQL that parses."""

from __future__ import annotations

import json
import re
from typing import Any

import promql_parser
import pytest
import yaml

from serving.fleet import metrics
from serving.fleet.render import render
from tests.serving.fleet.descriptions import ALL, described

# Labels that Prometheus gives each series of a scraped pod.
OF_TARGETS = {"namespace", "job", "pod"}
SERIES = metrics.series()
ASKED = "queuing_latency|tf_serving_queueing"


def queries(value: Any) -> list[str]:
    """All PromQL in a document."""
    if isinstance(value, dict):
        own = [
            text.replace("<<.LabelMatchers>>", 'pod="x"')
            .replace("<<.GroupBy>>", "pod")
            .replace("{{args.hash}}", "x")
            .replace("<<.Series>>", value.get("seriesQuery", "").split("{")[0])
            for key, text in value.items()
            if key in ("expr", "query", "metricsQuery", "seriesQuery") and text != "prometheus"
        ]
        return own + [query for inner in value.values() for query in queries(inner)]
    return [query for inner in value for query in queries(inner)] if isinstance(value, list) else []


def selectors(expression: Any) -> list[Any]:
    """The vector selectors of a parsed query."""
    found: list[Any] = []

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        else:
            for name in ("expr", "lhs", "rhs", "param"):
                inner = getattr(node, name, None)
                if isinstance(inner, promql_parser.Expr):
                    visit(inner)
            for inner in getattr(node, "args", None) or []:
                visit(inner)

    visit(expression)
    return found


@pytest.mark.parametrize("name", ALL)
def test_queries_parse_and_ask_for_what_is_exported(name):
    texts = render(described(base=ALL[name]))
    asked = {
        path: found
        for path, text in texts.items()
        if path.endswith((".yaml", ".json"))
        for found in [[query for one in yaml.safe_load_all(text) for query in queries(one)]]
        if found
    }
    assert {"components/monitoring/dashboard.json", "components/monitoring/alerts.yaml", "cluster/alerts.rules.yaml"} < set(
        asked
    )
    for path, found in asked.items():
        for query in found:
            parts = selectors(promql_parser.parse(query))
            assert parts, f"{path}: {query} asks for nothing"
            for part in parts:
                known = SERIES.get(part.name)
                assert known is not None, f"{path}: TF Serving exports no {part.name}"
                used = {matcher.name for matcher in part.matchers.matchers}
                assert used <= {*known, *OF_TARGETS}, f"{path}: {part.name} has no label {used - {*known, *OF_TARGETS}}"


@pytest.mark.parametrize("name", ALL)
def test_queries_group_by_labels_that_are_there(name):
    texts = render(described(base=ALL[name]))
    text = texts["components/monitoring/alerts.yaml"] + texts["components/monitoring/dashboard.json"]
    for labels, series in re.findall(r"sum by \(([^)]+)\) \((?:rate|increase)\(([:\w]+)\{", text):
        assert set(labels.split(", ")) <= {*SERIES[series], *OF_TARGETS}, f"{series} by {labels}"
    assert (
        "version" not in text.replace("schemaVersion", "").replace('"version": 1', "").split("expr")[1].split("annotations")[0]
    )


def test_alerts_are_rules():
    texts = render(described(base=ALL["full"]))
    plain = yaml.safe_load(texts["cluster/alerts.rules.yaml"])
    assert yaml.safe_load(texts["components/monitoring/alerts.yaml"])["spec"] == plain, "one list for both forms"
    rules = plain["groups"][0]["rules"]
    assert len({rule["alert"] for rule in rules}) == len(rules) == 9
    for rule in rules:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"\d+m", rule["for"]) and rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"] and rule["annotations"]["action"]


def test_a_healthy_fleet_has_an_error_ratio_of_zero():
    """A status that never occurred has no series: of nothing divided by something nothing is left."""
    ratio = promql_parser.parse(metrics.error_ratio(described()))
    assert "vector(0)" in ratio.lhs.prettify()


def test_queueing_is_asked_for_where_a_model_is_batched():
    batched, alone = render(described(base=ALL["full"])), render(described(base=ALL["small"]))
    for path in ("base/autoscaler.yaml", "cluster/prometheus-adapter.yaml", "components/monitoring/alerts.yaml"):
        assert re.search(ASKED, batched[path]) and not re.search(ASKED, alone[path]), path


def test_the_dashboards_panels_are_apart():
    panels = json.loads(render(described())["components/monitoring/dashboard.json"])["panels"]
    assert (
        len({panel["id"] for panel in panels}) == len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == 9
    )
