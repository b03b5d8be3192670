"""Declares what a request log should look like."""

# No postponed annotations here: TFX reads the types of the component's arguments.
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Schema

from tfx_pipelines.schema import schema_from_json, schema_text
from zoo import files

FILE = "schema.pbtxt"


@component
def DeclaredSchema(
    schema: OutputArtifact[Schema],
    declared: Parameter[str],
):
    """Writes the TFMD schema that ExampleValidator and Transform go by.

    TFX's ImportSchemaGen copies a file that has to lie where every step reaches it; this one has all it needs in its settings.

    Args:
        schema: the TFMD schema.
        declared: the zoo's Schema of the request log, as JSON.
    """
    files.make_dirs(schema.uri)
    files.write_text(files.join(schema.uri, FILE), schema_text(schema_from_json(declared)))


__all__ = ["FILE", "DeclaredSchema"]
