"""SchemaImporter: puts a curated schema into the pipeline, by its text.

TFX's ImportSchemaGen takes the path of a file. A path of the machine that compiles a pipeline means
nothing on the one that runs it, and TFX's cache would take a changed file for the old one.
"""

from etils import epath
from tfx.components.schema_gen.executor import DEFAULT_FILE_NAME
from tfx.types.standard_artifacts import Schema
from tfx.v1.dsl.components import OutputArtifact, Parameter, component

from albert_tfx.storage import write_bytes


@component
def SchemaImporter(  # noqa: N802  TFX takes the node's id from it
    schema_text: Parameter[str], schema: OutputArtifact[Schema]
) -> None:
    """Writes a schema where every TFX component looks for it.

    Args:
      schema_text: The schema as a text proto.
      schema: Receives it, as that of TFX's `ImportSchemaGen` does.
    """
    write_bytes(epath.Path(schema.uri) / DEFAULT_FILE_NAME, schema_text.encode())
