"""ProductionGate: lets the winner pass to Pusher unless the model in production does better."""

import dataclasses
import json
import os
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts

from albert_tfx.contract import DECISION_FILE, VERDICT_FILE
from albert_tfx.evaluation.results import load_production_comparison
from albert_tfx.options import ProductionPolicy, decode, encode
from albert_tfx.release import production
from albert_tfx.release.blessings import bless
from albert_tfx.release.replacement import Verdict, judge
from components.model_selector import load_decision

MODEL_KEY = "model"
MODEL_BLESSING_KEY = "model_blessing"
EVALUATION_KEY = "evaluation"
PRODUCTION_KEY = "production"
BLESSING_KEY = "blessing"
POLICY_KEY = "policy"


def load_verdict(blessing_uri: str) -> Verdict:
    """Reads the verdict out of the folder of a blessing that ProductionGate gave."""
    with fileio.open(os.path.join(blessing_uri, VERDICT_FILE)) as file:
        return Verdict(**json.loads(file.read()))


class Executor(base_executor.BaseExecutor):
    """Judges the winner by its evaluation against the model in production."""

    def Do(  # noqa: N802
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Blesses the model if both ModelSelector and the verdict are for it."""
        model = artifact_utils.get_single_instance(input_dict[MODEL_KEY])
        decision = load_decision(artifact_utils.get_single_uri(input_dict[MODEL_BLESSING_KEY]))
        in_production = production.recorded(input_dict.get(PRODUCTION_KEY, []))
        verdict = judge(
            decode(ProductionPolicy, json.loads(exec_properties[POLICY_KEY])),
            load_production_comparison(artifact_utils.get_single_uri(input_dict[EVALUATION_KEY])),
            _is_same(model, in_production),
        )
        blessing = artifact_utils.get_single_instance(output_dict[BLESSING_KEY])
        production.record(blessing, in_production)
        bless(
            blessing,
            model,
            decision.winner is not None and verdict.passed,
            {
                DECISION_FILE: dataclasses.asdict(decision),
                VERDICT_FILE: dataclasses.asdict(verdict),
            },
        )


def _is_same(model: types.Artifact, in_production: production.Production | None) -> bool:
    fingerprint = model.get_string_custom_property(production.FINGERPRINT)
    return in_production is not None and in_production.fingerprint == fingerprint


class ProductionGateSpec(component_spec.ComponentSpec):
    """ProductionGate's channels and properties."""

    PARAMETERS = {  # noqa: RUF012
        POLICY_KEY: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        MODEL_KEY: component_spec.ChannelParameter(type=standard_artifacts.Model),
        MODEL_BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        EVALUATION_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        PRODUCTION_KEY: component_spec.ChannelParameter(
            type=standard_artifacts.PushedModel, optional=True
        ),
    }
    OUTPUTS = {  # noqa: RUF012
        BLESSING_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }


class ProductionGate(base_component.BaseComponent):
    """Judges whether a winner may replace what is in production, by `albert_tfx.release`.

    Outputs:
      blessing: Whether Pusher may push the model; its folder holds ModelSelector's `decision.json`
        and this component's `verdict.json`.
    """

    SPEC_CLASS = ProductionGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        evaluation: types.BaseChannel,
        policy: ProductionPolicy,
        production: types.BaseChannel | None = None,
    ) -> None:
        """Takes the winner, what ModelSelector says of it, and how it does against production.

        Args:
          model: ModelSelector's `Model`.
          model_blessing: ModelSelector's `ModelBlessing`.
          evaluation: ProductionEvaluator's `ModelEvaluation` on the test split.
          policy: When the winner may be pushed.
          production: The `PushedModel`, or none, that it was evaluated against.
        """
        super().__init__(
            ProductionGateSpec(
                model=model,
                model_blessing=model_blessing,
                evaluation=evaluation,
                production=production,
                policy=json.dumps(encode(policy), sort_keys=True),
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
            )
        )
