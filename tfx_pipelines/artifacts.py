"""Kinds of artifacts that TFX does not know; Kubeflow wants names of two parts."""

from __future__ import annotations

from tfx.types import Artifact


class TypedGraph(Artifact):
    """A graph as `zoo.graph.write_graph` leaves it; custom properties say how many nodes and edges there are."""

    TYPE_NAME = "zoo.TypedGraph"


class NodeVectors(Artifact):
    """`vectors_TYPE.parquet` for each type of nodes: raw ids and vectors, as `embedding.pretrained` reads them."""

    TYPE_NAME = "zoo.NodeVectors"


class NeighbourTables(Artifact):
    """`neighbours_NAME.parquet` for each meta-path: raw ids, their neighbours' and the shares of walks."""

    TYPE_NAME = "zoo.NeighbourTables"


class DayVocabularies(Artifact):
    """Vocabularies after a day, how they grew, and what else the next day has to know of it (`tfx_pipelines.day_files`)."""

    TYPE_NAME = "zoo.DayVocabularies"
