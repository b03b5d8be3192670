"""Learns vectors of a graph's nodes before a model is trained."""

# No postponed annotations here: TFX reads the types of the component's arguments.
import json

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component

from tfx_pipelines.artifacts import NodeVectors, TypedGraph
from tfx_pipelines.local_folders import read_here
from zoo.config import parse
from zoo.graph import Graph
from zoo.graph.metapath2vec import metapath2vec, write_vectors
from zoo.graph.metapath2vec_config import MetaPath2VecConfig


@component
def MetaPathVectors(
    graph: InputArtifact[TypedGraph],
    vectors: OutputArtifact[NodeVectors],
    config: Parameter[str],
):
    """Walks along meta-paths and learns by skip-gram (metapath2vec++).

    Args:
        graph: to walk.
        vectors: `vectors_TYPE.parquet` of each type that the paths go through, which `embedding.pretrained` reads.
        config: a `MetaPath2VecConfig`, as JSON.
    """
    settings = parse(MetaPath2VecConfig, json.loads(config), where="pretraining")
    with read_here(graph.uri) as folder:
        walked = Graph(folder)
        write_vectors(walked, metapath2vec(walked, settings, lambda line: print(line, flush=True)), vectors.uri)


__all__ = ["MetaPathVectors"]
