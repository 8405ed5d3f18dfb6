"""ComparisonReport: what the run found, as a page, `summary.json` and plots in one folder."""

import dataclasses

from etils import epath
from tfx.types import Artifact
from tfx.types.standard_artifacts import (
    Examples,
    Model,
    ModelBlessing,
    ModelEvaluation,
    ModelRun,
    PushedModel,
)
from tfx.v1.dsl.components import InputArtifact, OutputArtifact, Parameter, component

from albert_tfx.contract import (
    FINE_TUNED,
    FROZEN,
    MODEL_CARD_FILE,
    PAGE_FILE,
    PUSHED,
    PUSHED_DESTINATION,
    YARDSTICK,
)
from albert_tfx.evaluation.baseline import Answers
from albert_tfx.evaluation.results import Evaluation
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.options import AnswerOptions
from albert_tfx.release.selection import load_decision
from albert_tfx.report import figures, findings, page
from albert_tfx.report.summary import Summary
from albert_tfx.seeds import comparing
from albert_tfx.storage import write_bytes


@component
def ComparisonReport(  # noqa: N802  TFX takes the node's id from it
    frozen_model: InputArtifact[Model],
    fine_tuned_model: InputArtifact[Model],
    frozen_model_run: InputArtifact[ModelRun],
    fine_tuned_model_run: InputArtifact[ModelRun],
    evaluation: InputArtifact[ModelEvaluation],
    blessing: InputArtifact[ModelBlessing],
    test_evaluation: InputArtifact[ModelEvaluation],
    pushed_model: InputArtifact[PushedModel],
    examples: InputArtifact[Examples],
    duplicates: InputArtifact[ModelEvaluation],
    yardstick: InputArtifact[ModelEvaluation],
    card: InputArtifact[ModelEvaluation],
    # Kubeflow compiles TFX's own types only; this one is nearest to a report.
    report: OutputArtifact[ModelEvaluation],
    command: Parameter[str] = "",
) -> None:
    """Writes `index.html`, `summary.json`, `MODEL_CARD.md` and each figure of the page as PNG.

    Args:
      frozen_model: Of the frozen model's Trainer.
      fine_tuned_model: Of the fine-tuned model's Trainer.
      frozen_model_run: Of the frozen model's Trainer.
      fine_tuned_model_run: Of the fine-tuned model's Trainer.
      evaluation: Of both models on the eval split.
      blessing: ProductionGate's.
      test_evaluation: Of the selected model on the test split, against the one in production.
      pushed_model: Pusher's.
      examples: What the models were trained and judged on.
      duplicates: DuplicateFinder's `report`.
      yardstick: Yardstick's `result`.
      card: ModelCard's, whose findings the page shows, and a copy of whose card lies beside it.
      report: Folder of the files.
      command: What started the run, for who wants to repeat it.
    """
    inputs = {
        "frozen_model": frozen_model,
        "fine_tuned_model": fine_tuned_model,
        "frozen_model_run": frozen_model_run,
        "fine_tuned_model_run": fine_tuned_model_run,
        "evaluation": evaluation,
        "blessing": blessing,
        "test_evaluation": test_evaluation,
        "pushed_model": pushed_model,
        "examples": examples,
        "duplicates": duplicates,
        "yardstick": yardstick,
        "card": card,
    }
    measured, tested = (Evaluation.load(each.uri) for each in (evaluation, test_evaluation))
    summary = findings.concluded(Summary.load(card.uri), _pushed_destination(pushed_model), command)
    answers = Answers.load(yardstick.uri)
    runs = {FROZEN: frozen_model_run.uri, FINE_TUNED: fine_tuned_model_run.uri}
    decision = load_decision(blessing.uri)
    comparison = comparing.with_runs(measured, runs, decision.metric, answers)
    histories = {model: TrainingHistory.load(uri) for model, uri in runs.items()}
    options = summary.answers.options if summary.answers else AnswerOptions()
    curves = measured.curves(answers, options)
    order = [each.name for each in next(iter(summary.classes.values()))]
    curves = {
        name: curves[name].in_order(order) for name in (*histories, YARDSTICK) if name in curves
    }
    comparison = dataclasses.replace(comparison, slices=summary.slices)
    pictures = figures.draw(comparison, histories, curves)
    sources = page.trace(map(_source, inputs, inputs.values()), report.uri)
    html = page.render(
        summary, pictures, curves, measured.disagreements(), sources, tested.mistakes()
    )
    folder = epath.Path(report.uri)
    for name, picture in pictures.items():
        write_bytes(folder / f"{name}.png", picture.wide)
    write_bytes(folder / PAGE_FILE, html.encode())
    write_bytes(folder / MODEL_CARD_FILE, (epath.Path(card.uri) / MODEL_CARD_FILE).read_bytes())
    summary.save(folder)


def _pushed_destination(pushed_model: PushedModel) -> str | None:
    if pushed_model.get_int_custom_property(PUSHED) != 1:
        return None
    return str(pushed_model.get_string_custom_property(PUSHED_DESTINATION))


def _source(role: str, artifact: Artifact) -> page.SourceArtifact:
    return page.SourceArtifact(
        role, artifact.producer_component, artifact.type_name, artifact.id, artifact.uri
    )
