"""ModelCard: what a run found, and what the selected model is, before the model is pushed.

Pusher puts the card into the version that it publishes, and ComparisonReport takes the findings for
its page and `summary.json`: whatever a run measured is measured and put into words once.
"""

import datetime
import json
from collections.abc import Mapping

from etils import epath
from tfx.types.standard_artifacts import (
    Examples,
    Model,
    ModelBlessing,
    ModelEvaluation,
    ModelRun,
)
from tfx.utils import path_utils
from tfx.v1.dsl.components import InputArtifact, OutputArtifact, Parameter, component

from albert_tfx.contract import EVAL, FINE_TUNED, FROZEN, MODEL_CARD_FILE
from albert_tfx.data.duplicates.report import SplitSizes, load_duplicates
from albert_tfx.encoders.resolution import Description
from albert_tfx.evaluation.baseline import Answers, load_yardstick
from albert_tfx.evaluation.model_cost import ModelCost, measure_cost, sample_of
from albert_tfx.evaluation.results import Evaluation
from albert_tfx.model_card import writing
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.options import AnswerOptions, decode
from albert_tfx.release.production import recorded
from albert_tfx.release.replacement import load_verdict
from albert_tfx.release.selection import load_decision
from albert_tfx.report import findings
from albert_tfx.report.summary import AnswersSummary
from albert_tfx.seeds import comparing
from albert_tfx.seeds.precision import PrecisionChange
from albert_tfx.storage import write_bytes


@component
def ModelCard(  # noqa: N802  TFX takes the node's id from it
    frozen_model: InputArtifact[Model],
    fine_tuned_model: InputArtifact[Model],
    frozen_model_run: InputArtifact[ModelRun],
    fine_tuned_model_run: InputArtifact[ModelRun],
    evaluation: InputArtifact[ModelEvaluation],
    blessing: InputArtifact[ModelBlessing],
    test_evaluation: InputArtifact[ModelEvaluation],
    examples: InputArtifact[Examples],
    duplicates: InputArtifact[ModelEvaluation],
    yardstick: InputArtifact[ModelEvaluation],
    # Kubeflow compiles TFX's own types only; this one is nearest to a report.
    card: OutputArtifact[ModelEvaluation],
    settings: Parameter[str] = "",
) -> None:
    """Writes `MODEL_CARD.md`, and `summary.json` as far as it is known before Pusher has run.

    Args:
      frozen_model: Of the frozen model's Trainer.
      fine_tuned_model: Of the fine-tuned model's Trainer.
      frozen_model_run: Of the frozen model's Trainer.
      fine_tuned_model_run: Of the fine-tuned model's Trainer.
      evaluation: Of both models on the eval split.
      blessing: ProductionGate's.
      test_evaluation: Of the selected model on the test split, against the one in production.
      examples: What the models were trained and judged on.
      duplicates: DuplicateFinder's `report`.
      yardstick: Yardstick's `result`.
      card: Folder of the two files.
      settings: JSON of what `findings.settings` takes, and of `AnswerOptions` by `answers`; empty
        where that is not known.
    """
    decision = load_decision(blessing.uri)
    runs = {FROZEN: frozen_model_run.uri, FINE_TUNED: fine_tuned_model_run.uri}
    sizes = SplitSizes.load(duplicates.uri)
    tested = Evaluation.load(test_evaluation.uri)
    given = json.loads(settings) if settings else {}
    options = decode(AnswerOptions, given.get("answers", {}))
    summary = findings.summarize(
        decision=decision,
        comparison=comparing.with_runs(
            Evaluation.load(evaluation.uri), runs, decision.metric, Answers.load(yardstick.uri)
        ),
        histories={model: TrainingHistory.load(uri) for model, uri in runs.items()},
        test=tested.production_comparison(decision.metric),
        verdict=load_verdict(blessing.uri),
        production=recorded(blessing),
        examples=sizes.examples,
        duplicates=load_duplicates(duplicates.uri),
        yardstick=load_yardstick(yardstick.uri),
        costs=_measure_costs({FROZEN: frozen_model, FINE_TUNED: fine_tuned_model}, examples),
        words=sizes.words,
        encoder=Description.load(fine_tuned_model_run.uri),
        settings=findings.settings(given) if given else None,
        answers=AnswersSummary(options=options, test=tested.answers(options)),
        precision_changes={model: PrecisionChange.load(uri) for model, uri in runs.items()},
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    summary.save(card.uri)
    write_bytes(epath.Path(card.uri) / MODEL_CARD_FILE, writing.render(summary).encode())


def _measure_costs(models: Mapping[str, Model], examples: Examples) -> dict[str, ModelCost]:
    reviews = sample_of(examples.uri, EVAL)
    return {
        name: measure_cost(path_utils.serving_model_path(model.uri), reviews)
        for name, model in models.items()
    }
