"""SchemaImporter: puts a curated schema into the pipeline, by its text.

TFX's ImportSchemaGen takes the path of a file. A path of the machine that compiles a pipeline means
nothing on the one that runs it, and TFX's cache would take a changed file for the old one.
"""

import os
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import types
from tfx.components.schema_gen import executor as schema_gen
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

SCHEMA_TEXT_KEY = "schema_text"
SCHEMA_KEY = "schema"


class Executor(base_executor.BaseExecutor):
    """Writes the schema where every TFX component looks for it."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes `schema_text` into the folder of `schema`."""
        del input_dict
        folder = artifact_utils.get_single_uri(output_dict[SCHEMA_KEY])
        path = os.path.join(folder, schema_gen.DEFAULT_FILE_NAME)
        io_utils.write_string_file(path, exec_properties[SCHEMA_TEXT_KEY])


class SchemaImporterSpec(component_spec.ComponentSpec):
    """Interface of SchemaImporter."""

    PARAMETERS = {  # noqa: RUF012
        SCHEMA_TEXT_KEY: component_spec.ExecutionParameter(type=str)
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}  # noqa: RUF012
    OUTPUTS = {  # noqa: RUF012
        SCHEMA_KEY: component_spec.ChannelParameter(type=standard_artifacts.Schema)
    }


class SchemaImporter(base_component.BaseComponent):
    """Gives what TFX's `ImportSchemaGen` does, wherever the pipeline runs.

    Outputs:
      schema: The schema as a text proto.
    """

    SPEC_CLASS = SchemaImporterSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, schema: schema_pb2.Schema) -> None:
        """Takes the schema itself."""
        super().__init__(
            SchemaImporterSpec(
                schema_text=text_format.MessageToString(schema),
                schema=types.Channel(type=standard_artifacts.Schema),
            )
        )
