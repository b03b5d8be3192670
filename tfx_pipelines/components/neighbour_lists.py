"""Finds the neighbours of a graph's nodes along meta-paths, for models to look up."""

# No postponed annotations here: TFX reads the types of the component's arguments.
import json
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from tfx_pipelines.artifacts import NeighbourTables, TypedGraph
from tfx_pipelines.config_neighbours import NeighboursConfig
from tfx_pipelines.local_folders import read_here
from zoo import files
from zoo.config import parse
from zoo.graph import Graph, MetaPath
from zoo.graph.neighbours import NeighbourConfig, joined_neighbours, write_neighbours

SHARDS = 16


@component(use_beam=True)
def NeighbourLists(
    graph: InputArtifact[TypedGraph],
    neighbours: OutputArtifact[NeighbourTables],
    config: Parameter[str],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,  # pyright: ignore[reportArgumentType]
):
    """Walks from every node along each meta-path, and keeps the nodes that walks reach most often.

    A path's nodes are divided into shards, each an element of a Beam pipeline; the lists are the same however they are divided.

    Args:
        graph: to walk.
        neighbours: `neighbours_NAME.parquet` of each path.
        config: a `NeighboursConfig`, as JSON.
        beam_pipeline: made by TFX from the run's Beam arguments.
    """
    settings = parse(NeighboursConfig, json.loads(config), where="neighbours")
    with read_here(graph.uri) as folder:
        for path in settings.paths.values():  # before any worker begins
            MetaPath.of(path, Graph(folder))
    parts = files.join(neighbours.uri, ".parts")
    work = [(name, path, shard) for name, path in settings.paths.items() for shard in range(SHARDS)]
    alone = settings.model_dump(include=set(NeighbourConfig.model_fields))
    with beam_pipeline as pipeline:
        _ = pipeline | beam.Create(work) | beam.Reshuffle() | beam.ParDo(_Shard(graph.uri, parts, alone))
    for name in settings.paths:
        joined_neighbours(files.glob(parts, f"{name}-*.parquet"), files.join(neighbours.uri, f"neighbours_{name}.parquet"))
    files.remove(parts)


class _Shard(beam.DoFn):
    """Writes the neighbours of one shard of a path's nodes.

    Args:
        graph: folder of the graph.
        parts: folder of what is written.
        config: a `NeighbourConfig` as plain values.
    """

    def __init__(self, graph: str, parts: str, config: dict[str, Any]):
        self.graph, self.parts, self.config = graph, parts, config

    def process(self, element: tuple[str, str, int]) -> Iterator[None]:
        name, path, shard = element
        files.make_dirs(self.parts)
        with read_here(self.graph) as folder:
            graph = Graph(folder)
            write_neighbours(graph, MetaPath.of(path, graph), NeighbourConfig(**self.config),
                             files.join(self.parts, f"{name}-{shard:05d}.parquet"), shard, SHARDS)
        yield from ()


__all__ = ["NeighbourLists"]
