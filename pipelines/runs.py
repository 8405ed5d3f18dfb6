"""What ML Metadata knows of the runs into an output folder: the one place that opens it.

For notebooks, which need no TFX for it, and for the run itself.
"""

import dataclasses
import datetime
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ml_metadata.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from albert_tfx.contract import (
    COMPARISON_EVALUATOR,
    COMPARISON_REPORT,
    FINE_TUNED,
    FROZEN,
    trainer_id,
)
from albert_tfx.errors import InputError
from albert_tfx.evaluation.measurements import Comparison
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.release.selection import load_decision
from albert_tfx.report.summary import Summary
from albert_tfx.seeds.comparing import load_comparison

METADATA_FILE = "metadata.db"
PIPELINE_FOLDER = "pipeline"
COMPARISON = (COMPARISON_EVALUATOR, "evaluation")
REPORT = (COMPARISON_REPORT, "report")
BLESSING = ("ProductionGate", "blessing")
YARDSTICK = ("Yardstick", "result")

_PROTO: Any = metadata_store_pb2  # its classes are made when it is imported
_COMPLETE = _PROTO.Execution.COMPLETE
_FINISHED = (_COMPLETE, _PROTO.Execution.CACHED)


@dataclasses.dataclass(frozen=True)
class PipelineRun:
    """One finished run.

    Attributes:
      name: TFX's name for it.
      pipeline: The pipeline's name.
      started: When it started, in UTC.
      artifacts: The uri of each output artifact, by component and key.
      number: Which of its folder's finished runs it is, counted from 1.
    """

    name: str
    pipeline: str
    started: datetime.datetime
    artifacts: Mapping[tuple[str, str], str]
    number: int = 1

    def uri(self, component: str, output: str) -> str:
        """Returns the uri of an artifact.

        Raises:
          InputError: The run has no such artifact.
        """
        if (component, output) not in self.artifacts:
            known = ", ".join(sorted(f"{each}.{key}" for each, key in self.artifacts))
            raise InputError(f"The run {self.name} has no {component}.{output}", f"It has: {known}")
        return self.artifacts[component, output]

    def comparison(self) -> Comparison:
        """Reads how the models did on the eval split, by all their trainings, and the yardstick."""
        decision = load_decision(self.uri(*BLESSING))
        return load_comparison(
            self.uri(*COMPARISON), self._model_runs, decision.metric, self.uri(*YARDSTICK)
        )

    def summary(self) -> Summary:
        """Reads what the run found."""
        return Summary.load(self.uri(*REPORT))

    def histories(self) -> dict[str, TrainingHistory]:
        """Reads the training histories by `frozen` and `fine_tuned`."""
        return {name: TrainingHistory.load(uri) for name, uri in self._model_runs.items()}

    @property
    def _model_runs(self) -> dict[str, str]:
        return {name: self.uri(trainer_id(name), "model_run") for name in (FROZEN, FINE_TUNED)}


def list_runs(output: str) -> list[PipelineRun]:
    """Returns the runs that finished their report, in the order in which they began.

    The order is that of ML Metadata's numbers: a clock may be set back between two runs.

    Args:
      output: The folder that `local_runner.py --output` names. It may have been moved since.

    Raises:
      InputError: There is none.
    """
    path = pathlib.Path(output, METADATA_FILE)
    store, root = open_store(path), path.parent / PIPELINE_FOLDER
    contexts = sorted(store.get_contexts_by_type("pipeline_run"), key=lambda each: each.id)
    runs = [
        run for run in (_run(store, each, root) for each in contexts) if REPORT in run.artifacts
    ]
    if not runs:
        raise InputError(f"No run has finished in {output!r}", "Run local_runner.py to its end")
    return [dataclasses.replace(run, number=number) for number, run in enumerate(runs, 1)]


def output_uri(metadata: str, pipeline: str, component: str) -> str:
    """Returns the uri of the artifact that `component` gave last, itself or from the cache.

    Args:
      metadata: ML Metadata's SQLite database.
      pipeline: The pipeline's name.
      component: Id of a component with one output artifact.

    Raises:
      InputError: There is no such database.
      LookupError: The component has never finished.
    """
    store = open_store(pathlib.Path(metadata))
    node = store.get_context_by_type_and_name("node", f"{pipeline}.{component}")
    finished = _finished(store, node) if node else []
    if not finished:
        raise LookupError(f"{component} has never finished in {pipeline}, says {metadata}")
    return next(uri for _, uri in _outputs(store, max(finished)))


def seconds_taken(metadata: str, pipeline: str, components: Iterable[str]) -> dict[str, float]:
    """Returns how long components took when each last ran to its end; for displays only.

    Args:
      metadata: ML Metadata's SQLite database.
      pipeline: The pipeline's name.
      components: Their ids; one that has never run to its end is left out.

    Raises:
      InputError: There is no such database.
    """
    store = open_store(pathlib.Path(metadata))
    found = {}
    for component in components:
        node = store.get_context_by_type_and_name("node", f"{pipeline}.{component}")
        executions = store.get_executions_by_context(node.id) if node else []
        complete = [each for each in executions if each.last_known_state == _COMPLETE]
        if complete:
            last = max(complete, key=lambda each: each.id)
            took = last.last_update_time_since_epoch - last.create_time_since_epoch
            found[component] = took / 1000
    return found


def open_store(
    path: pathlib.Path, mode: int = _PROTO.SqliteMetadataSourceConfig.READONLY
) -> MetadataStore:
    """Opens a database that TFX made; none is made where there is none.

    Raises:
      InputError: There is none.
    """
    if not path.exists():
        raise InputError(
            f"{str(path.parent)!r} holds no {path.name}",
            "Give the folder of a run: python local_runner.py --output FOLDER",
        )
    return connect(path, mode)


def connect(path: pathlib.Path, mode: int) -> MetadataStore:
    """Opens a database in one of SQLite's modes, of which one makes it where there is none."""
    config = _PROTO.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = mode
    return MetadataStore(config)


def _run(store: MetadataStore, context: Any, root: pathlib.Path) -> PipelineRun:
    """Returns a run, given its context: TFX has others for its pipeline and its nodes."""
    pipeline = ""
    artifacts: dict[tuple[str, str], str] = {}
    for execution in _finished(store, context):
        names = {each.type: each.name for each in store.get_contexts_by_execution(execution)}
        pipeline = names["pipeline"]
        component = names["node"].removeprefix(f"{pipeline}.")
        for key, uri in _outputs(store, execution):
            artifacts[component, key] = _located(uri, root)
    started = datetime.datetime.fromtimestamp(context.create_time_since_epoch / 1000, datetime.UTC)
    return PipelineRun(context.name, pipeline, started, artifacts)


def _finished(store: MetadataStore, context: Any) -> list[int]:
    executions = store.get_executions_by_context(context.id)
    return [each.id for each in executions if each.last_known_state in _FINISHED]


def _outputs(store: MetadataStore, execution: int) -> Iterator[tuple[str, str]]:
    """Yields the key and the uri of each output artifact of an execution."""
    events = store.get_events_by_execution_ids([execution])
    keys = {e.artifact_id: e.path.steps[0].key for e in events if e.type == _PROTO.Event.OUTPUT}
    for artifact in store.get_artifacts_by_id(list(keys)):
        yield keys[artifact.id], artifact.uri


def _located(uri: str, root: pathlib.Path) -> str:
    """Returns where the artifact lies now that the folder may have been moved."""
    output, below = split_uri(uri)
    moved = root / below
    return str(moved) if output and moved.exists() else uri


def split_uri(uri: str) -> tuple[str, str]:
    """Returns an artifact's output folder, and its path in that folder's `pipeline`.

    >>> split_uri("/home/me/output/pipeline/Trainer.frozen/model/7")
    ('/home/me/output', 'Trainer.frozen/model/7')
    """
    output, _, below = uri.rpartition(f"/{PIPELINE_FOLDER}/")
    return output, below
