"""ModelSelector: hands the winning model on, with its blessing.

TFX's Evaluator blesses only the candidate, so that on its own nothing would ever be served where
the baseline is the better model.
"""

import dataclasses
import json

from tfx.types.standard_artifacts import Model, ModelBlessing, ModelEvaluation, ModelRun
from tfx.utils import path_utils
from tfx.v1.dsl.components import InputArtifact, OutputArtifact, Parameter, component

from albert_tfx.contract import DECISION_FILE, FINE_TUNED, FROZEN, YARDSTICK
from albert_tfx.errors import InputError
from albert_tfx.options import ALL_CANDIDATES, SelectionPolicy, decode
from albert_tfx.release.production import FINGERPRINT, bless
from albert_tfx.release.selection import select
from albert_tfx.seeds.comparing import load_comparison
from albert_tfx.storage import copy_entries, fingerprint


@component
def ModelSelector(  # noqa: N802  TFX takes the node's id from it
    frozen_model: InputArtifact[Model],
    fine_tuned_model: InputArtifact[Model],
    evaluation: InputArtifact[ModelEvaluation],
    model: OutputArtifact[Model],
    blessing: OutputArtifact[ModelBlessing],
    policy: Parameter[str],
    frozen_model_run: InputArtifact[ModelRun] = None,
    fine_tuned_model_run: InputArtifact[ModelRun] = None,
    yardstick: InputArtifact[ModelEvaluation] = None,
    yardstick_model: InputArtifact[Model] = None,
) -> None:
    """Selects one of the models by the policy in `albert_tfx/release/selection.py`.

    Args:
      frozen_model: The baseline of the evaluation.
      fine_tuned_model: The candidate of the evaluation.
      evaluation: Of both on the eval split.
      model: Receives the leading model, whether blessed or not.
      blessing: Whether it may be served; its folder holds `decision.json`.
      policy: JSON of `SelectionPolicy`.
      frozen_model_run: Of the frozen model's Trainer, with what each of its trainings answered.
      fine_tuned_model_run: The same of the fine-tuned model's.
      yardstick: Yardstick's `result`, the answers of its model to the very texts of `evaluation`;
        None to leave it out.
      yardstick_model: Yardstick's `model`, which wins only where `policy` lets it.
    """
    bounds = decode(SelectionPolicy, json.loads(policy))
    runs = {FROZEN: frozen_model_run, FINE_TUNED: fine_tuned_model_run}
    comparison = load_comparison(
        evaluation.uri,
        {model: run.uri for model, run in runs.items() if run is not None},
        bounds.metric,
        None if yardstick is None else yardstick.uri,
    )
    if bounds.candidates == ALL_CANDIDATES and (
        comparison.yardstick is None or yardstick_model is None
    ):
        raise InputError(
            "--candidates all needs the answers of TF-IDF and its model, and there are none",
            "Run the pipeline again, which makes them",
        )
    decision = select(bounds, comparison)
    models = {FROZEN: frozen_model, FINE_TUNED: fine_tuned_model, YARDSTICK: yardstick_model}
    selected = models[decision.selected]
    copy_entries(selected.uri, model.uri)
    saved_model = path_utils.serving_model_path(model.uri)
    model.set_string_custom_property(FINGERPRINT, fingerprint(saved_model))
    # TFX gives `model` its id only after this; the Trainer's has one, to be found by.
    is_blessed = decision.winner is not None
    bless(blessing, selected, is_blessed, {DECISION_FILE: dataclasses.asdict(decision)})
