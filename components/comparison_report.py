"""ComparisonReport: what the run found, as a page, `summary.json` and plots in one folder."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts

from albert_tfx.contract import (
    EVAL,
    FINE_TUNED,
    FROZEN,
    PAGE_FILE,
    PUSHED,
    PUSHED_DESTINATION,
)
from albert_tfx.data.lengths import measure_lengths
from albert_tfx.data.records import records_of
from albert_tfx.evaluation.model_cost import ModelCost, measure_cost, sample_of
from albert_tfx.evaluation.results import Evaluation, load_production_comparison
from albert_tfx.evaluation.tfma_metrics import PredictionTable
from albert_tfx.modeling.training_history import TrainingHistory
from albert_tfx.release.production import recorded
from albert_tfx.report import figures, findings
from albert_tfx.report import page as report_page
from albert_tfx.storage import copy_whole
from components.duplicate_finder import load_duplicates
from components.model_selector import load_decision
from components.production_gate import load_verdict
from components.yardstick import load_gains, load_yardstick

FROZEN_MODEL_KEY = "frozen_model"
FINE_TUNED_MODEL_KEY = "fine_tuned_model"
FROZEN_MODEL_RUN_KEY = "frozen_model_run"
FINE_TUNED_MODEL_RUN_KEY = "fine_tuned_model_run"
EVALUATION_KEY = "evaluation"
BLESSING_KEY = "blessing"
TEST_EVALUATION_KEY = "test_evaluation"
PUSHED_MODEL_KEY = "pushed_model"
EXAMPLES_KEY = "examples"
DUPLICATES_KEY = "duplicates"
YARDSTICK_KEY = "yardstick"
COMMAND_KEY = "command"
REPORT_KEY = "report"

_BATCH_SIZE = 1024


def publish(report_uri: str, folder: str) -> None:
    """Copies a report to where people look for it, in place of an earlier one.

    Args:
      report_uri: Folder of ComparisonReport's `report`.
      folder: Folder that holds the report's files afterwards, and nothing else.
    """
    copy_whole(report_uri, folder)


class Executor(base_executor.BaseExecutor):
    """Gathers what the run's artifacts say."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the report's files."""
        inputs = {key: artifact_utils.get_single_instance(input_dict[key]) for key in input_dict}
        folder = artifact_utils.get_single_uri(output_dict[REPORT_KEY])
        evaluation = Evaluation.load(inputs[EVALUATION_KEY].uri)
        comparison = evaluation.comparison()
        histories = {
            FROZEN: TrainingHistory.load(inputs[FROZEN_MODEL_RUN_KEY].uri),
            FINE_TUNED: TrainingHistory.load(inputs[FINE_TUNED_MODEL_RUN_KEY].uri),
        }
        summary = findings.summarize(
            decision=load_decision(inputs[BLESSING_KEY].uri),
            pushed_model=_pushed_destination(inputs[PUSHED_MODEL_KEY]),
            comparison=comparison,
            histories=histories,
            test=load_production_comparison(inputs[TEST_EVALUATION_KEY].uri),
            verdict=load_verdict(inputs[BLESSING_KEY].uri),
            production=recorded([inputs[BLESSING_KEY]]),
            examples=count_examples(inputs[EXAMPLES_KEY]),
            duplicates=load_duplicates(inputs[DUPLICATES_KEY].uri),
            yardstick=_yardstick(inputs[YARDSTICK_KEY].uri, evaluation.predictions),
            costs=_measure_costs(inputs),
            words=measure_lengths(inputs[EXAMPLES_KEY]),
            command=exec_properties.get(COMMAND_KEY) or "",
        )
        evaluated = evaluation.curves()
        curves = {name: evaluated[name] for name in histories}
        pictures = figures.draw(comparison, histories, curves)
        page = report_page.render(
            summary,
            pictures,
            curves,
            evaluation.disagreements(),
            report_page.trace(map(_source, inputs, inputs.values()), folder),
        )
        for name, picture in pictures.items():
            _write(os.path.join(folder, f"{name}.png"), picture.wide)
        _write(os.path.join(folder, PAGE_FILE), page.encode())
        summary.save(folder)


def _source(role: str, artifact: types.Artifact) -> report_page.SourceArtifact:
    return report_page.SourceArtifact(
        role, artifact.producer_component, artifact.type_name, artifact.id, artifact.uri
    )


def _measure_costs(inputs: Mapping[str, types.Artifact]) -> dict[str, ModelCost]:
    reviews = sample_of(inputs[EXAMPLES_KEY], EVAL)
    models = {FROZEN: inputs[FROZEN_MODEL_KEY], FINE_TUNED: inputs[FINE_TUNED_MODEL_KEY]}
    return {name: measure_cost(model, reviews) for name, model in models.items()}


def _write(path: str, content: bytes) -> None:
    with fileio.open(path, "wb") as file:
        file.write(content)


def count_examples(examples: types.Artifact) -> dict[str, int]:
    """Returns the number of reviews by split of an `Examples` artifact."""
    splits = artifact_utils.decode_split_names(examples.split_names)
    return {
        split: sum(int(tf.size(batch)) for batch in records_of(examples, split).batch(_BATCH_SIZE))
        for split in splits
    }


def _yardstick(uri: str, predictions: PredictionTable) -> dict[str, Any]:
    """Returns what Yardstick measured, and by how much each model exceeds it on `eval`."""
    gains = load_gains(uri, predictions)
    return {
        **load_yardstick(uri),
        "gain": {model: {"accuracy": dataclasses.asdict(gain)} for model, gain in gains.items()},
    }


def _pushed_destination(pushed_model: types.Artifact) -> str | None:
    if pushed_model.get_int_custom_property(PUSHED) != 1:
        return None
    return pushed_model.get_string_custom_property(PUSHED_DESTINATION)


def _input(artifact_type: type[types.Artifact]) -> component_spec.ChannelParameter:
    return component_spec.ChannelParameter(type=artifact_type)


class ComparisonReportSpec(component_spec.ComponentSpec):
    """Interface of ComparisonReport."""

    PARAMETERS = {  # noqa: RUF012
        COMMAND_KEY: component_spec.ExecutionParameter(type=str, optional=True),
    }
    INPUTS = {  # noqa: RUF012
        FROZEN_MODEL_KEY: _input(standard_artifacts.Model),
        FINE_TUNED_MODEL_KEY: _input(standard_artifacts.Model),
        FROZEN_MODEL_RUN_KEY: _input(standard_artifacts.ModelRun),
        FINE_TUNED_MODEL_RUN_KEY: _input(standard_artifacts.ModelRun),
        EVALUATION_KEY: _input(standard_artifacts.ModelEvaluation),
        BLESSING_KEY: _input(standard_artifacts.ModelBlessing),
        TEST_EVALUATION_KEY: _input(standard_artifacts.ModelEvaluation),
        PUSHED_MODEL_KEY: _input(standard_artifacts.PushedModel),
        EXAMPLES_KEY: _input(standard_artifacts.Examples),
        DUPLICATES_KEY: _input(standard_artifacts.ModelEvaluation),
        YARDSTICK_KEY: _input(standard_artifacts.ModelEvaluation),
    }
    OUTPUTS = {  # noqa: RUF012
        # Kubeflow compiles TFX's own types only; this one is nearest to a report.
        REPORT_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
    }


class ComparisonReport(base_component.BaseComponent):
    """Writes `index.html`, `summary.json` and each figure of the page as PNG.

    Outputs:
      report: Folder with these files; `publish` copies them to where people look.
    """

    SPEC_CLASS = ComparisonReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        frozen_model: types.BaseChannel,
        fine_tuned_model: types.BaseChannel,
        frozen_model_run: types.BaseChannel,
        fine_tuned_model_run: types.BaseChannel,
        evaluation: types.BaseChannel,
        blessing: types.BaseChannel,
        test_evaluation: types.BaseChannel,
        pushed_model: types.BaseChannel,
        examples: types.BaseChannel,
        duplicates: types.BaseChannel,
        yardstick: types.BaseChannel,
        command: str = "",
    ) -> None:
        """Takes what the run left.

        Args:
          frozen_model: `Model` of the frozen model's Trainer.
          fine_tuned_model: `Model` of the fine-tuned model's Trainer.
          frozen_model_run: `ModelRun` of the frozen model's Trainer.
          fine_tuned_model_run: `ModelRun` of the fine-tuned model's Trainer.
          evaluation: `ModelEvaluation` of both models on the eval split.
          blessing: `ModelBlessing` of ProductionGate.
          test_evaluation: `ModelEvaluation` of the selected model on the test split, against the
            one in production.
          pushed_model: `PushedModel` of Pusher.
          examples: `Examples` that the models were trained and judged on.
          duplicates: `report` of DuplicateFinder.
          yardstick: `result` of Yardstick.
          command: What started the run, for who wants to repeat it.
        """
        super().__init__(
            ComparisonReportSpec(
                frozen_model=frozen_model,
                fine_tuned_model=fine_tuned_model,
                frozen_model_run=frozen_model_run,
                fine_tuned_model_run=fine_tuned_model_run,
                evaluation=evaluation,
                blessing=blessing,
                test_evaluation=test_evaluation,
                pushed_model=pushed_model,
                examples=examples,
                duplicates=duplicates,
                yardstick=yardstick,
                command=command,
                report=types.Channel(type=standard_artifacts.ModelEvaluation),
            )
        )
