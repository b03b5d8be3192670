"""Makes a typed graph of a request log's training split."""

# No postponed annotations here: TFX reads the types of the component's arguments.
import json
from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import dataset
from tfx.dsl.component.experimental.annotations import BeamComponentParameter, InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples
from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from tfx_pipelines.artifacts import TypedGraph
from tfx_pipelines.config_graph import LogGraphConfig
from tfx_pipelines.imported_log import imported_log
from tfx_pipelines.local_folders import read_here, write_here
from tfx_pipelines.record_batches import serialized_batches, split_files
from tfx_pipelines.schema import schema_from_json, tfmd_schema
from zoo import files
from zoo.config import parse
from zoo.data.catalogue import CATALOGUE_FILE, Catalogue
from zoo.graph import Edges, Graph, GraphConfig, write_graph
from zoo.graph.log_edges import EdgeConfig, catalogue_pairs, counted, log_pairs, node_types
from zoo.schema import REQUEST_TIME, Schema

TRAIN = "train"
_LAST = ".last"
# Pairs of a file that are kept before they are counted together.
_PAIRS = 1 << 22


@component(use_beam=True)
def LogGraph(
    examples: InputArtifact[Examples],
    graph: OutputArtifact[TypedGraph],
    schema: Parameter[str],
    config: Parameter[str],
    log: Parameter[str],
    beam_pipeline: BeamComponentParameter[beam.Pipeline] = None,  # pyright: ignore[reportArgumentType]
):
    """Writes the graph of a log: nothing of it comes from after the training split's last request.

    Each file's pairs are an element of a Beam pipeline; what is left of them, each pair once, is sorted on disk.

    Args:
        examples: the request log.
        graph: folder of the graph; custom properties `nodes` and `edges` say how many.
        schema: the zoo's Schema of the log, as JSON.
        config: a `LogGraphConfig`, as JSON.
        log: folder of the request log, for its catalogue; "" for the one beside the examples.
        beam_pipeline: made by TFX from the run's Beam arguments.
    """
    settings = parse(LogGraphConfig, json.loads(config), where="graph")
    declared = schema_from_json(schema)
    work = files.join(graph.uri, ".pairs")
    of_log = {name: edge for name, edge in settings.edges.items() if edge.of == "log"}
    with beam_pipeline as pipeline:
        _ = (pipeline | beam.Create(list(enumerate(split_files([examples], TRAIN)))) | beam.Reshuffle()
             | beam.ParDo(_PairsOfFile(schema, {name: edge.model_dump() for name, edge in of_log.items()}, work)))
    with read_here(work) as pairs, write_here(graph.uri) as made:
        last = max(pq.read_table(path)[_LAST][0].as_py() for path in files.glob(pairs, f"{_LAST}-*.parquet"))
        tables: dict[str, Any] = {name: dataset.dataset(files.glob(pairs, f"{name}-*.parquet")) for name in of_log}
        if settings.of_catalogue:
            rows = Catalogue.read(files.join(log or imported_log(examples.uri), CATALOGUE_FILE), declared).table
            tables |= {name: catalogue_pairs(rows, declared, edge, last)
                       for name, edge in settings.edges.items() if edge.of == "catalogue"}
        write_graph(made, [_edges(declared, name, edge, tables[name]) for name, edge in settings.edges.items()],
                    GraphConfig(**settings.model_dump(include=set(GraphConfig.model_fields))))
        description = Graph(made).description
    files.remove(work)
    graph.set_int_custom_property("nodes", sum(description.nodes.values()))
    graph.set_int_custom_property("edges", sum(relation.edges for relation in description.relations) // 2)


def _edges(schema: Schema, name: str, edge: EdgeConfig, table: Any) -> Edges:
    source, target = node_types(schema, edge, f"graph.edges.{name}")
    return Edges(name, source, target, table, edge.weighted)


class _PairsOfFile(beam.DoFn):
    """Writes the pairs of a file of examples, one file a kind of edge, and when its last request was.

    Args:
        schema: of the log, as JSON.
        edges: of the log by name, as plain values.
        folder: where to.
    """

    def __init__(self, schema: str, edges: dict[str, dict[str, Any]], folder: str):
        self.schema, self.edges, self.folder = schema, edges, folder

    def process(self, element: tuple[int, str]) -> Iterator[None]:
        number, path = element
        schema = schema_from_json(self.schema)
        edges = {name: EdgeConfig(**edge) for name, edge in self.edges.items()}
        decoder = ExamplesToRecordBatchDecoder(tfmd_schema(schema).SerializeToString())
        found: dict[str, list[pa.Table]] = {name: [] for name in edges}
        last = 0
        for examples in serialized_batches(path):
            batch = decoder.DecodeBatch(examples)
            last = max(last, pc.max(batch.column(REQUEST_TIME).flatten()).as_py())
            for name, edge in edges.items():
                found[name].append(log_pairs(batch, schema, edge))
                if sum(map(len, found[name])) > _PAIRS:
                    found[name] = [counted(pa.concat_tables(found[name]))]
        for name, tables in found.items():
            self._write(f"{name}-{number:05d}", counted(pa.concat_tables(tables)))
        self._write(f"{_LAST}-{number:05d}", pa.table({_LAST: [last]}))
        yield from ()

    def _write(self, name: str, table: pa.Table) -> None:
        files.make_dirs(self.folder)
        with files.local_draft(files.join(self.folder, f"{name}.parquet")) as local:
            pq.write_table(table, local)


__all__ = ["LogGraph"]
