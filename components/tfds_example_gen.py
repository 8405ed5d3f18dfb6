"""Reads the reviews of a TFDS data set as an ExampleGen: TFX itself has none for TFDS."""

import json
import os
from typing import Any

import apache_beam as beam
import tensorflow as tf
import tensorflow_datasets as tfds
from google.protobuf import any_pb2, wrappers_pb2
from tfx import types
from tfx.components.example_gen import driver, utils, write_split
from tfx.components.example_gen.base_example_gen_executor import BaseExampleGenExecutor
from tfx.components.example_gen.component import QueryBasedExampleGen
from tfx.components.util import examples_utils
from tfx.dsl.components.base import executor_spec
from tfx.types import artifact_utils
from tfx.types import standard_component_specs as specs
from tfx.utils import proto_utils
from tfx.v1 import proto

from albert_tfx import contract, progress
from albert_tfx.data import tfds_source
from albert_tfx.data.records import WriteSplit, counts_by_label, to_example
from albert_tfx.options import DatasetOptions, decode, encode


def _pack(options: DatasetOptions) -> proto.CustomConfig:
    packed = any_pb2.Any()
    packed.Pack(wrappers_pb2.StringValue(value=json.dumps(encode(options), sort_keys=True)))
    return proto.CustomConfig(custom_config=packed)


def _unpack(exec_properties: dict[str, Any]) -> DatasetOptions:
    config = proto.CustomConfig()
    proto_utils.json_to_proto(exec_properties[specs.CUSTOM_CONFIG_KEY], config)
    value = wrappers_pb2.StringValue()
    config.custom_config.Unpack(value)
    return decode(DatasetOptions, json.loads(value.value))


def _input_config(splits: dict[str, str]) -> proto.Input:
    return proto.Input(
        splits=[proto.Input.Split(name=name, pattern=pattern) for name, pattern in splits.items()]
    )


def _with_resolved_splits(
    exec_properties: dict[str, Any], dataset: tfds_source.ResolvedDataset
) -> dict[str, Any]:
    input_config = proto_utils.proto_to_json(_input_config(dataset.splits))
    return {**exec_properties, specs.INPUT_CONFIG_KEY: input_config}


class Driver(driver.QueryBasedDriver):
    """Puts what the data set really is into the execution's properties, which key TFX's cache."""

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        """Adds the absolute splits and the data set's fingerprint."""
        dataset = tfds_source.resolve(_unpack(exec_properties))
        resolved = super().resolve_exec_properties(
            _with_resolved_splits(exec_properties, dataset), pipeline_info, component_info
        )
        return {**resolved, utils.FINGERPRINT_PROPERTY_NAME: dataset.fingerprint}


@beam.ptransform_fn
@beam.typehints.with_input_types(beam.Pipeline)
@beam.typehints.with_output_types(tf.train.Example)
def ReadExamples(  # noqa: N802  Beam names transforms like classes
    pipeline: beam.Pipeline, exec_properties: dict[str, Any], split_pattern: str
) -> beam.PCollection:
    """Reads the labelled examples of one TFDS split string.

    Args:
      pipeline: The pipeline to read in.
      exec_properties: The execution's properties; only `custom_config` is read.
      split_pattern: A TFDS split string in absolute numbers.

    Returns:
      One `tf.train.Example` with `text` and `label` for each labelled example.
    """
    dataset = tfds_source.resolve(_unpack(exec_properties))
    text, label = dataset.text_feature, dataset.label_feature
    reader = tfds.beam.ReadFromTFDS(
        dataset.builder,
        split_pattern,
        decoders=tfds.decode.PartialDecoding({text: True, label: True}),
        read_config=tfds.ReadConfig(try_autocache=False),  # every example is read once
    )
    return (
        pipeline
        | "Read" >> reader
        | "Labelled" >> beam.Filter(lambda row: int(row[label]) >= 0)
        | "ToExample" >> beam.Map(lambda row: to_example(row[text].numpy(), int(row[label])))
    )


class Executor(BaseExampleGenExecutor):
    """Writes the splits as gzipped TFRecord files."""

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:  # noqa: N802
        """Returns `ReadExamples`."""
        return ReadExamples  # type: ignore[return-value]  # as every ExampleGen of TFX does

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Fills the `examples` artifact.

        Raises:
          InputError: See `tfds_source.resolve`; or a split has no labelled example, or has them of
            one class only.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        dataset = tfds_source.resolve(_unpack(exec_properties))
        # Kubeflow runs no driver for this component: the splits may be as the user gave them.
        exec_properties = _with_resolved_splits(exec_properties, dataset)
        examples = artifact_utils.get_single_instance(output_dict[specs.EXAMPLES_KEY])
        examples.split_names = artifact_utils.encode_split_names(list(dataset.splits))
        examples_utils.set_payload_format(examples, exec_properties[specs.OUTPUT_DATA_FORMAT_KEY])
        file_format = write_split.to_file_format_str(exec_properties[specs.OUTPUT_FILE_FORMAT_KEY])
        examples_utils.set_file_format(examples, file_format)
        counts = self._write(dataset, examples, exec_properties)
        dataset.require_labels(counts)

    def _write(
        self,
        dataset: tfds_source.ResolvedDataset,
        examples: types.Artifact,
        exec_properties: dict[str, Any],
    ) -> dict[str, dict[int, int]]:
        """Returns the number of examples written of each split and label."""
        total = sum(dataset.num_examples.values())
        progress.report(progress.Progress(contract.TFDS_EXAMPLE_GEN, 0, total, "texts"))
        with self._make_beam_pipeline() as pipeline:
            splits = self.GenerateExamplesByBeam(pipeline, exec_properties)
            for split, collection in splits.items():
                folder = artifact_utils.get_split_uri([examples], split)
                tf.io.gfile.makedirs(folder)
                stem = os.path.join(folder, write_split.DEFAULT_TF_RECORD_FILE_NAME)
                collection | f"Write[{split}]" >> WriteSplit(
                    split, stem, dataset.num_examples[split]
                )
        progress.report(progress.Progress(contract.TFDS_EXAMPLE_GEN, total, total, "texts"))
        return {split: counts_by_label(pipeline.result, split) for split in splits}


class TfdsExampleGen(QueryBasedExampleGen):
    """An ExampleGen that reads a TFDS data set.

    Its output `examples` has the splits `train`, `eval` and `test`, and in every example exactly
    `text` (bytes, `[]`) and `label` (int64, `[]`, the class index). Unlabelled examples
    (TFDS marks them with label -1) are left out. The same data set and options give the same
    bytes, and hit TFX's cache; another version, content or size of the data set does not.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(self, options: DatasetOptions) -> None:
        """Constructs the component.

        Args:
          options: Which reviews to read.
        """
        super().__init__(
            input_config=_input_config(tfds_source.requested_splits(options)),
            custom_config=_pack(options),
        )
