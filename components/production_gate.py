"""ProductionGate: lets the winner pass to Pusher unless the model in production does better."""

import dataclasses
import json

from tfx.types.standard_artifacts import Model, ModelBlessing, ModelEvaluation, PushedModel
from tfx.utils import path_utils
from tfx.v1.dsl.components import InputArtifact, OutputArtifact, Parameter, component

from albert_tfx.contract import DECISION_FILE, VERDICT_FILE
from albert_tfx.evaluation.results import load_production_comparison
from albert_tfx.options import ProductionPolicy, decode
from albert_tfx.release.production import FINGERPRINT, bless, record, recorded, served_folder
from albert_tfx.release.replacement import judge
from albert_tfx.release.selection import load_decision
from albert_tfx.seeds import answers, retraining


@component
def ProductionGate(  # noqa: N802  TFX takes the node's id from it
    model: InputArtifact[Model],
    model_blessing: InputArtifact[ModelBlessing],
    evaluation: InputArtifact[ModelEvaluation],
    blessing: OutputArtifact[ModelBlessing],
    policy: Parameter[str],
    production: InputArtifact[PushedModel] = None,
) -> None:
    """Judges whether a winner may replace what is in production, by `albert_tfx.release`.

    Args:
      model: ModelSelector's.
      model_blessing: ModelSelector's.
      evaluation: ProductionEvaluator's, on the test split.
      blessing: Whether Pusher may push the model; its folder holds ModelSelector's `decision.json`
        and this component's `verdict.json`.
      policy: JSON of `ProductionPolicy`.
      production: What the model was evaluated against, if there is something.
    """
    decision = load_decision(model_blessing.uri)
    current = recorded(production)
    fingerprint = model.get_string_custom_property(FINGERPRINT)
    bounds = decode(ProductionPolicy, json.loads(policy))
    comparison = load_production_comparison(evaluation.uri, bounds.metric)
    recipes = retraining.gain(
        comparison.metric,
        answers.kept(path_utils.serving_model_path(model.uri)),
        answers.kept(served_folder(current)),
    )
    verdict = judge(
        bounds,
        dataclasses.replace(comparison, recipes=recipes),
        already_served=current is not None and current.fingerprint == fingerprint,
    )
    record(blessing, current)
    bless(
        blessing,
        model,
        decision.winner is not None and verdict.passed,
        {
            DECISION_FILE: dataclasses.asdict(decision),
            VERDICT_FILE: dataclasses.asdict(verdict),
        },
    )
