"""Anomalies stop the run, and the next run validates again."""

from pathlib import Path
from typing import Any

import pytest
from ml_metadata.proto import metadata_store_pb2
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx import v1 as tfx
from tfx.orchestration import metadata

from albert_tfx.data import schema
from albert_tfx.errors import InputError
from albert_tfx.options import DatasetOptions
from components.strict_example_validator import StrictExampleValidator
from components.tfds_example_gen import TfdsExampleGen
from tests.support.data import IN_PROCESS, TWO_PROCESSES


def run(
    dataset: Path, wanted: schema_pb2.Schema, root: Path, beam_args: list[Any] = IN_PROCESS
) -> None:
    example_gen = TfdsExampleGen(DatasetOptions(name=str(dataset)))
    statistics_gen = tfx.components.StatisticsGen(examples=example_gen.outputs["examples"])
    schema_gen = tfx.components.ImportSchemaGen(schema_file=str(schema.write(wanted, root)))
    validator = StrictExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    pipeline = tfx.dsl.Pipeline(
        pipeline_name="validation",
        pipeline_root=str(root / "pipeline"),
        components=[example_gen, statistics_gen, schema_gen, validator],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(root / "db")),
        beam_pipeline_args=beam_args,
    )
    tfx.orchestration.LocalDagRunner().run(pipeline)


def validations(root: Path) -> list[str]:
    config = metadata.sqlite_metadata_connection_config(str(root / "db"))
    with metadata.Metadata(config) as handle:
        [kind] = [t for t in handle.store.get_execution_types() if "Validator" in t.name]
        executions = handle.store.get_executions_by_type(kind.name)
    state_name = metadata_store_pb2.Execution.State.Name
    return [state_name(e.last_known_state) for e in sorted(executions, key=lambda e: e.id)]


def published_anomalies(root: Path) -> list[str]:
    config = metadata.sqlite_metadata_connection_config(str(root / "db"))
    with metadata.Metadata(config) as handle:
        artifacts = handle.store.get_artifacts_by_type("ExampleAnomalies")
    return [a.uri for a in artifacts if a.state == metadata_store_pb2.Artifact.LIVE]


def test_reviews_that_keep_the_schema_pass(tiny, tmp_path):
    run(tiny, schema.load(schema.CURATED), tmp_path)

    assert validations(tmp_path) == ["COMPLETE"]
    assert len(published_anomalies(tmp_path)) == 1


def test_anomalies_stop_every_run_and_publish_nothing(tiny, tmp_path):
    wanted = schema.load(schema.CURATED)
    wanted.feature[1].int_domain.max = 0
    wanted.dataset_constraints.min_examples_count = 20

    for _ in range(2):
        with pytest.raises(InputError) as refusal:
            run(tiny, wanted, tmp_path)

    assert refusal.value.cause.splitlines()[1:] == [
        "  train split, feature 'label': Unexpectedly large value: 1",
        "  eval split, feature 'label': Unexpectedly large value: 1",
        "  eval split: The dataset has 4 examples, which is fewer than expected",
        "  test split, feature 'label': Unexpectedly large value: 1",
        "  test split: The dataset has 10 examples, which is fewer than expected",
    ]
    assert validations(tmp_path) == ["FAILED", "FAILED"]
    assert published_anomalies(tmp_path) == []
    assert not list(tmp_path.rglob("SchemaDiff.pb"))


@pytest.mark.slow
def test_statistics_in_worker_processes(tiny, tmp_path):
    run(tiny, schema.load(schema.CURATED), tmp_path, TWO_PROCESSES)

    assert validations(tmp_path) == ["COMPLETE"]
