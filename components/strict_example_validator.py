"""TFX's ExampleValidator, with the one difference that anomalies stop the run.

TFX's own writes the anomalies down and lets the pipeline train on the data all the same.
"""

from collections.abc import Iterator
from typing import Any

from etils import epath
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components.example_validator import executor
from tfx.components.example_validator.component import ExampleValidator
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs

from albert_tfx.errors import InputError


class Executor(executor.Executor):
    """Validates as TFX does, then refuses."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> Any:
        """Validates each split's statistics against the schema.

        Raises:
          InputError: There are anomalies; names each by split and feature. The execution then
            counts as failed and publishes nothing, so that the next run validates again.
        """
        output = super().Do(input_dict, output_dict, exec_properties)
        found = list(
            _anomalies(artifact_utils.get_single_instance(output_dict[specs.ANOMALIES_KEY]))
        )
        if found:
            raise InputError(
                "\n  ".join(["The texts do not keep the schema:", *found]),
                "Mend the data set, or the schema if it is the schema that is wrong",
            )
        return output


def _anomalies(artifact: types.Artifact) -> Iterator[str]:
    """Yields one line for each anomaly of each split."""
    for split in artifact_utils.decode_split_names(artifact.split_names):
        folder = artifact_utils.get_split_uri([artifact], split)
        content = (epath.Path(folder) / executor.DEFAULT_FILE_NAME).read_bytes()
        anomalies = anomalies_pb2.Anomalies.FromString(content)
        for feature, info in sorted(anomalies.anomaly_info.items()):
            yield f"{split} split, feature {feature!r}: {info.description.rstrip('.')}"
        if anomalies.HasField("dataset_anomaly_info"):
            yield f"{split} split: {anomalies.dataset_anomaly_info.description.rstrip('.')}"


class StrictExampleValidator(ExampleValidator):
    """Compares statistics with the schema, and stops the run where they disagree.

    Takes and gives what TFX's `ExampleValidator` does.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)
