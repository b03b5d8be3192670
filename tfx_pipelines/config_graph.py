"""What the graph of a run is made of."""

from __future__ import annotations

import pydantic

from zoo.graph.log_edges import EdgeConfig, node_types
from zoo.graph.writer import GraphConfig
from zoo.schema import Schema


class LogGraphConfig(GraphConfig):
    """A graph of the training split. Types of nodes are the id spaces of the columns.

    Args:
        edges: kinds of edges by name, each between two columns.
    """

    edges: dict[str, EdgeConfig] = pydantic.Field(min_length=1)

    @property
    def of_catalogue(self) -> bool:
        """Whether there are edges of the log's catalogue."""
        return any(edge.of == "catalogue" for edge in self.edges.values())

    def check(self, schema: Schema) -> None:
        """That the log has the columns.

        Raises:
            ConfigError: a column that is not there, is none of ids, or can't be paired with the other one.
        """
        for name, edge in self.edges.items():
            node_types(schema, edge, f"graph.edges.{name}")
