"""Reading ML Metadata, on a database of the few records that TFX would write."""

import dataclasses
from pathlib import Path
from typing import cast

import pytest
from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as proto

from albert_tfx.errors import InputError
from pipelines import runs
from pipelines.config import PipelineConfig

NAME = "reviews"


@dataclasses.dataclass(frozen=True)
class Output:
    """The folder of a run: of a `PipelineConfig`, what `forget_lost_pushes` reads."""

    folder: Path
    name: str = NAME

    @property
    def metadata(self) -> str:
        return str(self.folder / "metadata.db")

    @property
    def serving(self) -> str:
        return str(self.folder / "serving")


class Records:
    """Writes what TFX writes of one run."""

    def __init__(self, output: Output) -> None:
        config = proto.ConnectionConfig()
        config.sqlite.filename_uri = output.metadata
        config.sqlite.connection_mode = proto.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self.store = MetadataStore(config)
        self._folder = output.folder
        self._contexts = [
            self._context("pipeline", NAME),
            self._context("pipeline_run", "2026-11-29"),
        ]

    def _context(self, type_name: str, name: str) -> int:
        type_id = self.store.put_context_type(proto.ContextType(name=type_name))
        return self.store.put_contexts([proto.Context(type_id=type_id, name=name)])[0]

    def execution(self, component: str, key: str, state: str, **properties: str) -> str:
        """Adds an execution with one output; returns that artifact's uri."""
        execution_type = self.store.put_execution_type(proto.ExecutionType(name=component))
        artifact_type = self.store.put_artifact_type(
            proto.ArtifactType(name={"Pusher": "PushedModel"}.get(component, key))
        )
        count = len(self.store.get_executions()) + 1
        uri = str(self._folder / "pipeline" / component / key / str(count))
        artifact = proto.Artifact(type_id=artifact_type, uri=uri, state=proto.Artifact.LIVE)
        for name, value in properties.items():
            artifact.custom_properties[name].string_value = value
        event = proto.Event(type=proto.Event.OUTPUT)
        event.path.steps.add().key = key
        event.path.steps.add().index = 0
        node_name = f"{NAME}.{component}"
        found = self.store.get_context_by_type_and_name("node", node_name)
        node = found.id if found else self._context("node", node_name)
        contexts = self.store.get_contexts_by_id([*self._contexts, node])
        self.store.put_execution(
            proto.Execution(
                type_id=execution_type, last_known_state=getattr(proto.Execution, state)
            ),
            [(artifact, event)],
            contexts,
        )
        return uri


@pytest.fixture
def output(tmp_path: Path) -> Output:
    return Output(tmp_path)


@pytest.fixture
def records(output: Output) -> Records:
    return Records(output)


def test_no_database_is_made_where_there_is_none(output: Output):
    runs.forget_lost_pushes(cast(PipelineConfig, output))
    for read in (
        lambda: runs.output_uri(output.metadata, NAME, "Pusher"),
        lambda: runs.list_runs(str(output.folder)),
    ):
        with pytest.raises(InputError, match=r"holds no metadata\.db.*--output FOLDER"):
            read()
    assert not list(output.folder.iterdir())


def test_the_last_finished_execution_gives_the_artifact(output: Output, records: Records):
    records.execution("BulkInferrer", "inference_result", "COMPLETE")
    last = records.execution("BulkInferrer", "inference_result", "CACHED")
    records.execution("BulkInferrer", "inference_result", "FAILED")
    assert runs.output_uri(output.metadata, NAME, "BulkInferrer") == last
    with pytest.raises(LookupError, match="Pusher has never finished in reviews"):
        runs.output_uri(output.metadata, NAME, "Pusher")


def test_a_run_has_its_artifacts_by_component_and_key(output: Output, records: Records):
    evaluation = records.execution("Evaluator.comparison", "evaluation", "COMPLETE")
    records.execution("Trainer.frozen", "model", "FAILED")
    with pytest.raises(InputError, match="No run has finished"):
        runs.list_runs(str(output.folder))
    report = records.execution("ComparisonReport", "report", "CACHED")
    [run] = runs.list_runs(str(output.folder))
    assert (run.name, run.pipeline) == ("2026-11-29", NAME)
    assert run.artifacts == {
        ("Evaluator.comparison", "evaluation"): evaluation,
        ("ComparisonReport", "report"): report,
    }


def test_pushes_after_the_newest_version_that_is_left_are_forgotten(
    output: Output, records: Records
):
    for version in ("3", "5", "9"):
        records.execution("Pusher", "pushed_model", "COMPLETE", pushed_version=version)
    records.execution("Pusher", "pushed_model", "COMPLETE")
    (output.folder / "serving" / "5").mkdir(parents=True)
    runs.forget_lost_pushes(cast(PipelineConfig, output))
    live, deleted = proto.Artifact.LIVE, proto.Artifact.DELETED
    states = [artifact.state for artifact in records.store.get_artifacts()]
    assert states == [live, live, deleted, live]
