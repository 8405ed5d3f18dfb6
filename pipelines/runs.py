"""The runs that an output folder has seen, read out of ML Metadata, for notebooks."""

import dataclasses
import datetime
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
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
from albert_tfx.evaluation.results import comparison_table, load_comparison
from albert_tfx.modeling.training_history import TrainingHistory

METADATA_FILE = "metadata.db"
PIPELINE_FOLDER = "pipeline"
COMPARISON = (COMPARISON_EVALUATOR, "evaluation")
REPORT = (COMPARISON_REPORT, "report")

_FINISHED = (
    metadata_store_pb2.Execution.COMPLETE,  # type: ignore[attr-defined]
    metadata_store_pb2.Execution.CACHED,  # type: ignore[attr-defined]
)
_OUTPUT = metadata_store_pb2.Event.OUTPUT  # type: ignore[attr-defined]


@dataclasses.dataclass(frozen=True)
class PipelineRun:
    """One finished run.

    Attributes:
      name: What TFX calls it.
      pipeline: The pipeline's name.
      started: When, in UTC.
      artifacts: Where each output artifact lies, by component and key.
    """

    name: str
    pipeline: str
    started: datetime.datetime
    artifacts: Mapping[tuple[str, str], str]

    def uri(self, component: str, output: str) -> str:
        """Returns where an artifact lies.

        Raises:
          InputError: The run has no such artifact.
        """
        if (component, output) not in self.artifacts:
            known = ", ".join(sorted(f"{each}.{key}" for each, key in self.artifacts))
            raise InputError(f"The run {self.name} has no {component}.{output}", f"It has: {known}")
        return self.artifacts[component, output]

    def comparison(self) -> Comparison:
        """Reads how both models did on the eval split."""
        return load_comparison(self.uri(*COMPARISON))

    def histories(self) -> dict[str, TrainingHistory]:
        """Reads the training histories by `frozen` and `fine_tuned`."""
        return {
            name: TrainingHistory.load(self.uri(trainer_id(name), "model_run"))
            for name in (FROZEN, FINE_TUNED)
        }


def list_runs(output: str) -> list[PipelineRun]:
    """Returns the runs that came to their report, the oldest first.

    Args:
      output: The folder that `local_runner.py --output` names. It may have been moved since.

    Raises:
      InputError: There is none.
    """
    path = pathlib.Path(output, METADATA_FILE)
    if not path.exists():
        raise InputError(
            f"{output!r} holds no {METADATA_FILE}",
            "Give the folder of a run: python local_runner.py --output FOLDER",
        )
    reader = _Reader(path)
    runs = [run for run in reader.runs() if REPORT in run.artifacts]
    if not runs:
        raise InputError(f"No run has finished in {output!r}", "Run local_runner.py to its end")
    return sorted(runs, key=lambda run: run.started)


def run_table(runs: Iterable[PipelineRun]) -> pd.DataFrame:
    """Returns one row a run: its pipeline, its start, and what became of it."""
    rows = {run.name: _run_record(run) for run in runs}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("run")


def history_table(histories: Mapping[str, TrainingHistory]) -> pd.DataFrame:
    """Returns one row an epoch, with a column for each model and metric."""
    tables = {name: pd.DataFrame(list(each.epochs)) for name, each in histories.items()}
    table = pd.concat(tables, axis=1)
    return table.set_axis(range(1, len(table) + 1), axis=0).rename_axis("epoch")


def compare_runs(earlier: PipelineRun, later: PipelineRun) -> pd.DataFrame:
    """Returns both runs' metrics on their eval splits, and how they changed.

    The runs need not have had the same reviews, so that the change has no interval of its own.
    """
    table = pd.DataFrame({each.name: _metrics(each) for each in (earlier, later)})
    table["change"] = table[later.name] - table[earlier.name]
    return table.rename_axis(["model", "metric"])


def metrics_over_time(runs: Sequence[PipelineRun]) -> pd.DataFrame:
    """Returns one row a run and model, the oldest run first."""
    tables = {run.name: comparison_table(run.comparison()) for run in runs}
    return pd.concat(tables, names=["run"])


def _run_record(run: PipelineRun) -> dict[str, Any]:
    difference = run.comparison().difference
    return {
        "pipeline": run.pipeline,
        "started": run.started,
        "difference": difference.value,
        "difference_lower": difference.lower,
        "difference_upper": difference.upper,
        "components": len({component for component, _ in run.artifacts}),
    }


def _metrics(run: PipelineRun) -> pd.Series:
    costs = {
        name: {"train_seconds": each.train_seconds, "parameters_trained": each.trainable_parameters}
        for name, each in run.histories().items()
    }
    table = comparison_table(run.comparison()).join(pd.DataFrame(costs).T)
    return pd.Series(
        {(model, metric): row[metric] for model, row in table.iterrows() for metric in row.index}
    )


class _Reader:
    """ML Metadata, as TFX fills it: contexts for pipelines, their runs and their nodes."""

    def __init__(self, path: pathlib.Path) -> None:
        config = metadata_store_pb2.ConnectionConfig()  # type: ignore[attr-defined]
        config.sqlite.filename_uri = str(path)
        config.sqlite.connection_mode = (
            metadata_store_pb2.SqliteMetadataSourceConfig.READONLY  # type: ignore[attr-defined]
        )
        self._store = MetadataStore(config)
        self._root = path.parent / PIPELINE_FOLDER
        self._uris = {each.id: each.uri for each in self._store.get_artifacts()}
        self._types = {each.id: each.name for each in self._store.get_context_types()}

    def runs(self) -> Iterable[PipelineRun]:
        return map(self._run, self._store.get_contexts_by_type("pipeline_run"))

    def _run(self, context: Any) -> PipelineRun:
        executions = self._store.get_executions_by_context(context.id)
        finished = [each.id for each in executions if each.last_known_state in _FINISHED]
        pipeline = ""
        artifacts: dict[tuple[str, str], str] = {}
        for execution in finished:
            names = self._context_names(execution)
            pipeline = names["pipeline"]
            component = names["node"].removeprefix(f"{pipeline}.")
            artifacts |= {(component, key): uri for key, uri in self._outputs(execution)}
        started = datetime.datetime.fromtimestamp(
            context.create_time_since_epoch / 1000, datetime.UTC
        )
        return PipelineRun(context.name, pipeline, started, artifacts)

    def _context_names(self, execution: int) -> dict[str, str]:
        contexts = self._store.get_contexts_by_execution(execution)
        return {self._types[each.type_id]: each.name for each in contexts}

    def _outputs(self, execution: int) -> Iterable[tuple[str, str]]:
        for event in self._store.get_events_by_execution_ids([execution]):
            if event.type == _OUTPUT:
                yield event.path.steps[0].key, self._located(self._uris[event.artifact_id])

    def _located(self, uri: str) -> str:
        """Returns where the artifact lies now that the folder may have been moved."""
        _, _, below = uri.rpartition(f"/{PIPELINE_FOLDER}/")
        moved = self._root / below
        return str(moved) if below and moved.exists() else uri
